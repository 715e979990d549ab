"""A disk under the real journal that is slow, fails, tears what it writes, and forgets.

Owns: when a batch reaches the files, what a kill or a loss of power leaves of them.
Must not know: what is in a batch, FIX, orders.

The files are SQLite's own. A kill leaves every byte that was written, and of the transaction under
way a part of its log; a loss of power takes the log back to what the last sync covered, or further
when the disk had lied about syncing.
"""

import shutil
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Final

from fixoms.domain.units import MILLISECOND, SECOND
from fixoms.journal.group import Batch
from fixoms.journal.handover import Handover
from fixoms.journal.settings import JournalSettings
from fixoms.journal.writer import CONFIRMED_FILE, SegmentWriter, read_confirmed_group
from fixoms.simulation.network import SimulatedLoop

WRITE_MAX: Final = 4 * MILLISECOND
"""Most time a batch takes."""

_LOG: Final = "-wal"
_LOCK: Final = "lock.sqlite"
"""The lock goes with the process; what its file holds is nothing."""


class Blow(StrEnum):
    """What happens to the venue at a write.

    BEFORE: it dies before the batch is written. TORN: amid the write. AFTER: when the batch is on
    disk and nobody was told. TOLD: just after those who waited were told. REFUSED: the write
    fails and nothing was written. UNCLEAR: the write fails, yet the batch is on disk.
    """

    BEFORE = "before"
    TORN = "torn"
    AFTER = "after"
    TOLD = "told"
    REFUSED = "refused"
    UNCLEAR = "unclear"

    @property
    def is_death(self) -> bool:
        """Whether the process ends at once."""
        return self not in (Blow.REFUSED, Blow.UNCLEAR)


class Disk:
    """The journal's directory over all lives of a venue."""

    def __init__(self, directory: Path, random: Random) -> None:
        self.directory = directory
        self.writes = 0
        self._random = random
        self._blow: tuple[Blow, int] | None = None
        self._remains: dict[str, bytes] | None = None
        self._synced: dict[str, bytes] = {}
        self._synced_group = -1
        self.may_lose_power = False
        """Whether to remember what was synced, which costs a copy for each sync."""
        self.on_death: Callable[[], None] = _nobody

    def strike(self, blow: Blow, writes: int) -> None:
        """Let `blow` fall on the write after so many others."""
        self._blow = (blow, writes)

    def spare(self) -> None:
        """Take back what was to happen."""
        self._blow = None

    def due(self) -> Blow | None:
        """What happens to the write that begins now."""
        self.writes += 1
        if self._blow is None:
            return None
        blow, left = self._blow
        if left > 0:
            self._blow = (blow, left - 1)
            return None
        self._blow = None
        return blow

    # What is left.

    @property
    def is_dead(self) -> bool:
        """Whether the process that wrote here has died and not been buried."""
        return self._remains is not None

    def die(self) -> None:
        """The process is killed now: keep what the files hold."""
        if self._remains is None:
            self._remains = self._read()
            self.on_death()

    def die_amid(self, write: Callable[[], None]) -> None:
        """The process is killed while it writes: the log ends somewhere in the new part.

        A write that begins a new segment has closed the one before; then it is torn in the new one.
        """
        before = self._read()
        write()
        after = self._read()
        has_new = any(name not in before for name in after if not name.endswith(_LOG))
        if has_new and self._random.random() < 0.5:
            after = before
        self._remains = after
        for name in sorted(after):
            old, new = before.get(name, b""), after[name]
            if name.endswith(_LOG) and old != new:
                kept = self._random.randint(_common(old, new), len(new))
                self._remains[name] = new[:kept] + old[kept:]
            elif name in before and (not has_new or name == CONFIRMED_FILE):
                # The mark comes last, after what it vouches for.
                self._remains[name] = old
        self.on_death()

    def bury(self) -> None:
        """Put back what the dead process left, whatever its open files did since."""
        remains, self._remains = self._remains, None
        if remains is None:
            return
        for path in self._files():
            path.unlink()
        for name, octets in remains.items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(octets)

    def note_synced(self) -> None:
        """Remember the files whenever the journal's mark says that they are synced."""
        group = read_confirmed_group(self.directory) if self.may_lose_power else -1
        if group != self._synced_group:
            self._synced_group = group
            self._synced = self._read()

    def lose_power(self, *, lied: bool) -> int:
        """Of a venue that is down, leave what was synced; less when the disk had lied.

        Gives the last group that was synced, as the disk claims.
        """
        self.note_synced()
        kept = dict(self._synced)
        if lied:
            logs = [name for name, octets in kept.items() if name.endswith(_LOG) and octets]
            for name in logs[-1:]:
                kept[name] = kept[name][: self._random.randint(0, len(kept[name]) - 1)]
        self._remains = kept
        self.bury()
        return self._synced_group

    def _files(self) -> list[Path]:
        return sorted(
            path
            for path in self.directory.rglob("*")
            if path.is_file() and not path.name.endswith("-shm") and _LOCK not in path.name
        )

    def _read(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.directory).as_posix(): path.read_bytes() for path in self._files()
        }

    def remove(self) -> None:
        """Delete everything."""
        shutil.rmtree(self.directory, ignore_errors=True)


class DiskWriting:
    """Writes batches of one life of a journal on the loop, each after a while."""

    def __init__(
        self,
        disk: Disk,
        loop: SimulatedLoop,
        random: Random,
        *,
        writer: SegmentWriter,
        settings: JournalSettings,
        handover: Handover,
        written: Callable[[Batch], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._disk = disk
        self._loop = loop
        self._random = random
        self._writer = writer
        self._idle_s = settings.idle_checkpoint_ms / 1000
        self._handover = handover
        self._written = written
        self._failed = failed
        self._queue: list[Batch] = []
        self._is_working = False
        self._has_failed = False
        self._idle = 0

    def start(self) -> None:
        """See Writing.start."""

    def put(self, batch: Batch) -> None:
        """See Writing.put."""
        if batch.groups:
            # Nobody waits for a thread here: the handover is over as soon as it begins.
            self._handover.entered()
            self._handover.finished()
        self._queue.append(batch)
        self._go_on()

    def stop(self) -> None:
        """See Writing.stop."""
        while self._queue and self._is_usable:
            self._write(self._queue.pop(0))

    def give_up(self) -> None:
        """The process is dead: let its journal know that nothing comes any more."""
        self._fail(ProcessLookupError("the process is dead"))

    @property
    def _is_usable(self) -> bool:
        return not (self._has_failed or self._disk.is_dead)

    def _go_on(self) -> None:
        if not self._is_working and self._queue:
            self._is_working = True
            self._loop.call_later(self._random.randrange(WRITE_MAX) / SECOND, self._work)

    def _work(self) -> None:
        self._is_working = False
        if not (self._is_usable and self._queue):
            return
        self._write(self._queue.pop(0))
        self._go_on()
        self._idle += 1
        self._loop.call_later(self._idle_s, self._checkpoint, self._idle)

    def _write(self, batch: Batch) -> None:
        blow = self._disk.due() if batch.groups else None
        try:
            match blow:
                case Blow.BEFORE:
                    self._disk.die()
                    return
                case Blow.TORN:
                    self._disk.die_amid(lambda: self._writer.write(batch))
                    return
                case Blow.REFUSED:
                    self._fail(OSError(28, "No space left on device"))
                    return
                case _:
                    self._writer.write(batch)
        except Exception as error:  # a root, as in the writer's thread: the error ends it
            self._fail(error)
            return
        self._disk.note_synced()
        if blow is Blow.AFTER:
            self._disk.die()
        elif blow is Blow.UNCLEAR:
            self._fail(OSError(5, "Input/output error"))
        elif batch.groups:
            self._written(batch)
            if blow is Blow.TOLD:
                # Those who waited are told on the next turn of the loop; then it is over.
                self._loop.call_later(self._random.choice((0, 0.001)), self._disk.die)

    def _fail(self, error: Exception) -> None:
        self._has_failed = True
        self._failed(error)

    def _checkpoint(self, idle: int) -> None:
        if idle == self._idle and self._is_usable and self._writer.has_log:
            self._writer.checkpoint()
            self._disk.note_synced()


def _common(old: bytes, new: bytes) -> int:
    """Length of the part both begin with."""
    same, different = 0, min(len(old), len(new)) + 1
    while different - same > 1:
        middle = (same + different) // 2
        if old[:middle] == new[:middle]:
            same = middle
        else:
            different = middle
    return same


def _nobody() -> None:
    """Nobody wants to know."""
