"""What can go wrong with a journal, one named error each, with the way out in its text.

Owns: the family of journal errors.
Must not know: who catches them (app.py, the command line and the sequencer do).
"""

from pathlib import Path


class JournalError(Exception):
    """Any trouble with a journal."""


class JournalLockedError(JournalError):
    """Another process writes this journal."""


class JournalUnwritableError(JournalError):
    """The directory cannot be written: missing, read-only, no permission, no space."""


class JournalUnreadableError(JournalError):
    """A file of the journal cannot be opened at all: permissions, most often."""


class JournalCorruptError(JournalError):
    """The journal does not say what was written to it; nothing was changed by finding out.

    `segment` is the file, `group` the number of the flushed group (0 when unknown) and `entry`
    the sequence of the first entry in doubt (0 when unknown).
    """

    def __init__(self, segment: Path, group: int, entry: int, what: str, way_out: str) -> None:
        self.segment = segment
        self.group = group
        self.entry = entry
        self.what = what
        self.way_out = way_out
        place = f"{segment}"
        if group:
            place += f", group {group}"
        if entry:
            place += f", entry {entry}"
        super().__init__(f"{place}: {what}. {way_out}")


class JournalFailedError(JournalError):
    """A write failed earlier: what was staged since is not durable and takes nothing more."""


class JournalOrderError(JournalError):
    """A record was staged out of order: a fault of ours, so the journal refuses it."""


RESTORE = (
    "Restore this journal from a copy, or move the newest snapshot-*.snap and the files from this"
    " segment on aside and start from what is left; `fixoms verify` lists everything in doubt"
)
"""The way out of a damaged segment."""
