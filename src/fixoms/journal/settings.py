"""How durable, how large, how long: the choices an operator has about the journal.

Owns: JournalSettings, and what each choice may lose.
Must not know: how the writer carries them out.
"""

from enum import StrEnum
from pathlib import Path

import msgspec

MEBIBYTE = 1 << 20


class Durability(StrEnum):
    """When a flushed group counts as durable.

    ALWAYS: when the disk says it is synced. Loses nothing confirmed, neither when the process is
    killed nor when the power fails, as far as the disk keeps its word.
    INTERVAL: when it is handed to the operating system, which is asked to sync at least every
    `interval_ms`. A killed process loses nothing; a power failure loses up to that interval.
    OS: when it is handed to the operating system, which syncs as it likes. A killed process loses
    nothing; a power failure loses what came since the last checkpoint, commonly seconds to
    minutes.
    """

    ALWAYS = "always"
    INTERVAL = "interval"
    OS = "os"


class Retention(StrEnum):
    """What happens to segments that neither recovery, nor a resend, nor a reader needs.

    KEEP: nothing. ARCHIVE: they move into the folder `archive` beside them, where readers still
    find them. PRUNE: they are deleted; history then begins with the oldest kept segment.
    """

    KEEP = "keep"
    ARCHIVE = "archive"
    PRUNE = "prune"


class JournalSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one journal; sizes in bytes, times as their names say.

    `group_records_max` and `group_bytes_max` bound one group (a row); `staged_bytes_max` is where
    `congested` asks the caller to stop reading. `segment_bytes_max` starts a new segment besides
    the one each trading day starts. `wal_bytes_max` forces a checkpoint under load,
    `idle_checkpoint_ms` is the quiet time after which one is made anyway. `reserve_bytes` is the
    free space below which `low_space` is said. `resend_segments_min` closed segments are never
    retired, for their messages may be asked for again; `snapshots_kept` snapshots are kept.
    `accept_lost_tail` starts although groups that were confirmed are missing.
    """

    durability: Durability = Durability.ALWAYS
    interval_ms: int = 50
    group_records_max: int = 4096
    group_bytes_max: int = 4 * MEBIBYTE
    staged_bytes_max: int = 16 * MEBIBYTE
    segment_bytes_max: int = 512 * MEBIBYTE
    wal_bytes_max: int = 64 * MEBIBYTE
    idle_checkpoint_ms: int = 500
    reserve_bytes: int = 64 * MEBIBYTE
    retention: Retention = Retention.KEEP
    resend_segments_min: int = 2
    snapshots_kept: int = 3
    accept_lost_tail: bool = False


def segment_path(directory: Path, number: int) -> Path:
    """Where segment `number` (from 1) is."""
    return directory / f"segment-{number:08d}.sqlite"


def archive_directory(directory: Path) -> Path:
    """Where retired segments go."""
    return directory / "archive"
