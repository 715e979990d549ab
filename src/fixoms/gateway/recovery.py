"""Start is recovery: the engine as it was, from the newest snapshot and the journal's tail.

Owns: the law that what is decided again must equal what was recorded.
Must not know: how entries are stored, sessions' numbers (the journal gives those ready made).
"""

from fixoms.engine.engine import Engine
from fixoms.engine.settings import EngineSettings
from fixoms.journal.entry import Entry
from fixoms.journal.recovery import Recovery


class DecisionDiffersError(Exception):
    """The engine decides an entry of the journal otherwise than it was decided.

    Either the program or its settings changed since, or the journal was tampered with. Nothing was
    changed; `fixoms verify` says more.
    """

    def __init__(self, entry: Entry, events: tuple[object, ...]) -> None:
        at = next(
            (
                n
                for n, (old, new) in enumerate(zip(entry.events, events, strict=False))
                if old != new
            ),
            min(len(entry.events), len(events)),
        )
        recorded = entry.events[at] if at < len(entry.events) else "no event"
        decided = events[at] if at < len(events) else "no event"
        super().__init__(
            f"journal entry {entry.seq} ({type(entry.command).__name__}) is decided otherwise than "
            f"it was recorded, at event {at}: recorded {recorded!r}, decided now {decided!r}"
        )
        self.seq = entry.seq


def recover_engine(recovery: Recovery, settings: EngineSettings) -> Engine:
    """Bring an engine to the end of the journal. Raises DecisionDiffersError."""
    snapshot = recovery.snapshot
    engine = Engine.restore(snapshot.engine, settings) if snapshot else Engine(settings)
    for entry in recovery.entries:
        events = tuple(engine.handle(entry.command, entry.seq, entry.time))
        if events != entry.events:
            raise DecisionDiffersError(entry, events)
    return engine
