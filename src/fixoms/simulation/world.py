"""The world of one story: a venue that is born, struck, buried and born again, and its clients.

Owns: how each step is carried out, the lives of the venue, and how everything comes to rest.
Must not know: what is right; it hands over evidence (evidence.py) and the auditor judges.

Everything runs on virtual time. What looks like chance comes from generators made of the seed and
a name, so that leaving a step out changes as little as possible of the rest.
"""

import asyncio
import contextlib
import logging
import tempfile
from collections.abc import Iterator
from functools import partial
from importlib import resources
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from fixoms import config as configuration
from fixoms.config import Config
from fixoms.domain.units import MILLISECOND, SECOND, Nanos
from fixoms.engine.settings import EngineSettings
from fixoms.gateway.recovery import DecisionDiffersError
from fixoms.journal.errors import JournalCorruptError, JournalError
from fixoms.journal.journal import Journal
from fixoms.journal.settings import Durability, JournalSettings, Retention
from fixoms.replay.in_process import PASSWORD, ScriptUsers
from fixoms.simulation import story as told
from fixoms.simulation.client import Client
from fixoms.simulation.disk import Disk, DiskWriting
from fixoms.simulation.evidence import Evidence, Figures, gather, read_told
from fixoms.simulation.network import SimulatedLoop, Wire
from fixoms.simulation.outlets import Outlets
from fixoms.simulation.story import Step, Story
from fixoms.simulation.workload import CLIENTS
from fixoms.users import LockOut
from fixoms.venue import Venue

TICK_S: Final = 0.25
"""How often clients look at the time."""

START_PATIENCE_MS: Final = 60_000
REST_PATIENCE_MS: Final = 600_000
"""Virtual time the venue has to start, and everything has to come to rest."""

DRAINS_MAX: Final = 20
OUTBOUND_BYTES_MAX: Final = 5000
"""Below what a configuration may ask for, so that a client that stalls is soon a slow consumer."""

OPERATOR: Final = "simulated"
_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108  faster to sync; only where it is there


class _Life:
    """One life of the venue."""

    def __init__(self, loop: SimulatedLoop, journal: Journal) -> None:
        self.loop = loop
        self.journal = journal
        self.writing: DiskWriting | None = None
        self.venue: Venue | None = None
        self.port = 0
        self.failure: Exception | None = None
        self.breaks: list[Exception] = []
        self.wires: dict[str, Wire] = {}


class World:
    """Plays one story in a folder of its own."""

    def __init__(self, story: Story, folder: Path) -> None:
        self._story = story
        self._settings = _journal_settings(story)
        self._config = _config()
        self._offset = 0
        self._now = Nanos(story.start_s * SECOND)
        self._life: _Life | None = None
        self._up_at = self._now
        self._wires = 0
        self.figures = Figures()
        self.faults: list[str] = []
        self.disk = Disk(folder / "journal", self._random("disk"))
        self.disk.may_lose_power = bool(story.ends_dark)
        self.disk.on_death = self._stop_loop
        self.disk.directory.mkdir(parents=True)
        self.outlets = Outlets(folder, self.disk.directory)
        self._users = ScriptUsers(LockOut(self._config.lock_out))
        self.clients = {
            name: Client(name, user, PASSWORD, lambda: self.now, self._random(f"client {name}"))
            for name, user in CLIENTS.items()
        }

    def _random(self, name: str) -> Random:
        return Random(f"{self._story.seed} {name}")  # noqa: S311  a story, not a secret

    @property
    def now(self) -> Nanos:
        """The true time, which the clients' clocks show."""
        return self._life.loop.now() if self._life is not None else self._now

    def play(self) -> Evidence:
        """Carry out every step, come to rest, end, and gather the evidence."""
        with _quiet_logs():
            try:
                for step in self._story.steps:
                    self._carry_out(step)
                self._rest()
                return self._end()
            finally:
                self._give_up()
                self.outlets.close()

    # Steps.

    def _carry_out(self, step: Step) -> None:
        match step:
            case told.Send():
                self.clients[step.client].send(step.msg_type, step.fields)
            case told.Wait():
                self._pass(step.ms)
            case told.Cut() | told.Stall():
                self._touch_wire(step)
            case told.Leave():
                client = self.clients[step.client]
                if step.away:
                    client.log_out()
                client.is_away = step.away
            case told.Strike():
                self.disk.strike(step.blow, step.writes)
            case told.Kill():
                self._kill(step.down_ms)
            case told.Restart():
                self._restart(step.down_ms)
            case told.ClockJump():
                self._offset = step.offset_ms * MILLISECOND
            case told.Operate():
                if self._life is not None and self._life.venue is not None:
                    self._life.loop.call_soon(self._life.venue.operate, step.words, OPERATOR)
            case told.Snapshot():
                if self._life is not None and self._life.venue is not None:
                    self._life.loop.create_task(_snapshot(self._life.venue))
            case told.Outlet():
                self.outlets.suffer(step.name, step.what)

    def _touch_wire(self, step: told.Cut | told.Stall) -> None:
        wire = self._life.wires.get(step.client) if self._life is not None else None
        if wire is None:
            return
        if isinstance(step, told.Cut):
            wire.cut_after(step.octets, to_venue=step.to_venue)
        else:
            wire.to_client.stall(stalled=step.stalled)

    def _pass(self, ms: int) -> None:
        """Let time pass, through deaths and births."""
        goal = Nanos(self.now + ms * MILLISECOND)
        while True:
            if self._life is None:
                if self._up_at > goal:
                    self._now = goal
                    return
                self._now = max(self._now, self._up_at)
                self._be_born()
            self._run(goal)
            if self._life is not None:
                return

    def _run(self, goal: Nanos) -> None:
        life = self._life
        if life is None:
            return
        try:
            life.loop.run_to(goal)
        except Exception as error:  # a root: whatever the venue raised is evidence
            if not self.disk.is_dead and life.failure is None:
                self.faults.append(f"the venue raised {error!r} from {error.__cause__!r}")
        self._look_after(life)

    def _look_after(self, life: _Life) -> None:
        """Bury what died, end in order what failed."""
        if self.disk.is_dead:
            self.figures.deaths += 1
            self._bury(life)
        elif life.failure is not None:
            self.figures.failures += 1
            self._end_failed(life, life.failure)
        elif life.breaks:
            self.faults += [f"the venue broke: {each!r}" for each in life.breaks]
            self.disk.die()
            self._bury(life)

    # Lives.

    def _be_born(self) -> None:
        """Start the venue on what the disk holds."""
        self.figures.lives += 1
        number = self.figures.lives
        loop = SimulatedLoop(self._now, self._random(f"loop {number}"))
        asyncio.set_event_loop(loop)
        writings: list[DiskWriting] = []

        def write_in(*parts: object) -> DiskWriting:
            names = ("writer", "settings", "handover", "written", "failed")
            made = partial(DiskWriting, self.disk, loop, self._random(f"writes {number}"))
            writings.append(made(**dict(zip(names, parts, strict=True))))  # type: ignore[arg-type]  # same order
            return writings[-1]

        try:
            journal = Journal.open(self.disk.directory, self._settings, write_in)
        except JournalError as error:
            loop.dispose()
            raise CannotRecover(f"the journal does not open: {error}") from error
        life = self._life = _Life(loop, journal)
        life.writing = writings[0]
        journal.on_failure = partial(self._failed, life)
        try:
            life.venue = Venue(
                self._config,
                journal,
                lambda: Nanos(loop.now() + self._offset),
                self._users,
                on_broken=partial(self._broken, life),
                slowest_reader=lambda: 0,
                hash_off_loop=self._story.passwords_off_loop,
            )
        except DecisionDiffersError as error:
            raise CannotRecover(str(error)) from error
        starting = loop.create_task(life.venue.start())
        self._until_done(life, starting, START_PATIENCE_MS, "start")
        if self._life is life:
            life.port = starting.result()
            self._tick(life)

    def _until_done(
        self, life: _Life, task: "asyncio.Task[int] | asyncio.Task[None]", patience: int, what: str
    ) -> None:
        task.add_done_callback(lambda _: life.loop.stop())
        deadline = Nanos(life.loop.now() + patience * MILLISECOND)
        while not task.done() and self._life is life:
            if life.loop.now() >= deadline:
                raise CannotRecover(f"the venue did not {what} within {patience} ms")
            self._run(deadline)
        if task.done() and not task.cancelled() and self._life is not life:
            # It ended with its venue; its error is the disk's, which the world knows of.
            task.exception()

    def _tick(self, life: _Life) -> None:
        for client in self.clients.values():
            client.tick(self._dial)
        life.loop.call_later(TICK_S, self._tick, life)

    def _dial(self, client: Client) -> Wire | None:
        life = self._life
        if life is None or not life.port:
            return None
        self._wires += 1
        wire = Wire(life.loop, self._random(f"wire {client.name} {client.truth.next_out}"), client)
        try:
            life.loop.connect_line(life.port, wire)
        except ConnectionRefusedError:
            return None
        life.wires[client.name] = wire
        return wire

    def _stop_loop(self) -> None:
        if self._life is not None:
            self._life.loop.stop()

    def _failed(self, life: _Life, error: Exception) -> None:
        if life.failure is None:
            life.failure = error
            life.loop.stop()

    def _broken(self, life: _Life, error: Exception) -> None:
        if life.failure is None and not self.disk.is_dead and not _is_of_journal(error):
            life.breaks.append(error)
            life.loop.stop()

    def _kill(self, down_ms: int) -> None:
        if self._life is not None:
            self._up_at = Nanos(self.now + down_ms * MILLISECOND)
            self.disk.die()
            self._look_after(self._life)

    def _bury(self, life: _Life) -> None:
        """End the dead life without a word of it getting out, and put its remains in place."""
        self._now = life.loop.now()
        for wire in life.wires.values():
            wire.die()
        if life.writing is not None:
            life.writing.give_up()
        self._dispose(life)
        self.disk.bury()

    def _end_failed(self, life: _Life, failure: Exception) -> None:
        """As `fixoms serve` does when its journal fails: nothing more is said, and it ends."""
        if life.venue is not None:
            with contextlib.suppress(Exception):
                life.loop.run_to_end(life.venue.abandon(failure))
        self._now = life.loop.now()
        for wire in life.wires.values():
            wire.die()
        self._dispose(life)

    def _dispose(self, life: _Life) -> None:
        self._life = None
        with contextlib.suppress(Exception):
            life.loop.run_to_end(life.journal.close())
        with contextlib.suppress(Exception):
            life.loop.dispose()
        self.outlets.let_go()
        self._up_at = max(self._up_at, self._now)

    def _restart(self, down_ms: int) -> None:
        life = self._life
        if life is None:
            return
        self._up_at = Nanos(self.now + down_ms * MILLISECOND)
        self._stop(life)

    def _stop(self, life: _Life) -> None:
        """As SIGTERM: log everybody out, snapshot, close."""
        if life.venue is None:
            return
        self._until_done(life, life.loop.create_task(life.venue.stop()), START_PATIENCE_MS, "stop")
        if self._life is not life:
            return
        closing = life.loop.create_task(life.journal.close())
        self._until_done(life, closing, START_PATIENCE_MS, "close its journal")
        if self._life is life:
            self._now = life.loop.now()
            for wire in life.wires.values():
                wire.die()
            self._dispose(life)

    # The end.

    def _rest(self) -> None:
        """Take every fault away and wait until nobody misses anything."""
        self.disk.spare()
        self._offset = 0
        for client in self.clients.values():
            client.is_away = False
        deadline = Nanos(self.now + REST_PATIENCE_MS * MILLISECOND)
        calm = 0
        while calm < 2:
            if self.now >= deadline:
                self.faults.append(f"no rest: {self._unrest()}")
                return
            if self._life is not None:
                for wire in self._life.wires.values():
                    if wire.to_client.is_stalled:
                        wire.to_client.stall(stalled=False)
            self._pass(1000)
            calm = calm + 1 if not self._unrest() else 0

    def _unrest(self) -> str:
        """Who still misses what, empty when nobody misses anything."""
        life = self._life
        if life is None or life.venue is None:
            return "the venue is down"
        for status in life.venue.acceptor.status():
            client = self.clients[status.session.target_comp_id]
            truth = client.truth
            if not client.is_whole:
                return f"{client.name} is not whole: it expects {truth.next_in}"
            if status.is_recovering or status.next_in != truth.next_out:
                return f"the venue expects {status.next_in} of {client.name}, not {truth.next_out}"
            if status.next_out != truth.next_in:
                return f"{client.name} expects {truth.next_in}, not {status.next_out}"
        return ""

    def _end(self) -> Evidence:
        """Stop or kill the venue once more, let it recover and come to rest, and kill it for good.

        Who was logged out by the stop may have something to be told after it.
        """
        if self._life is not None:
            if self._random("end").random() < 0.5:
                self._stop(self._life)
            else:
                self._kill(0)
            self._rest()
        life = self._life
        live_hash = ""
        if life is not None and life.venue is not None:
            for _ in range(DRAINS_MAX):
                life.loop.run_to_end(life.journal.drain())
                is_durable = life.journal.durable_seq == life.venue.sequencer.last_seq
                if is_durable and not self._unrest():
                    live_hash = life.venue.engine.state_hash()
                    break
                # Meanwhile the time of an order came, and its owner is yet to be told.
                self._rest()
            self._kill(0)
        self.outlets.recover()
        for name in ("sql", "mqtt"):
            self.outlets.read(name)
        self.faults += self.outlets.faults
        evidence = self._gather(live_hash)
        if self._story.ends_dark:
            self._lose_power(evidence)
        return evidence

    def _gather(self, live_hash: str) -> Evidence:
        directory = self.disk.directory
        figures = self.figures
        figures.writes = self.disk.writes
        figures.connections = self._wires
        evidence = gather(
            directory,
            self.outlets.database,
            [client.truth for client in self.clients.values()],
            read_told(self.outlets.record),
            _engine_settings(self._config),
            figures,
        )
        evidence.live_hash = live_hash
        evidence.faults += self.faults
        return evidence

    def _lose_power(self, evidence: Evidence) -> None:
        """Lose power, and see that what is lost is what the policy permits, and is never hidden."""
        lied = self._story.ends_dark == "lied"
        synced = self.disk.lose_power(lied=lied)
        try:
            journal = Journal.open(self.disk.directory, self._settings)
        except JournalCorruptError as error:
            if not lied:
                evidence.faults.append(f"an honest disk lost power, and: {error}")
            return
        recovery = journal.recover()
        found = list(recovery.entries)
        loop = SimulatedLoop(self._now, self._random("dark"))
        loop.run_to_end(journal.close())
        loop.dispose()
        first = recovery.snapshot.seq if recovery.snapshot else 0
        if found != evidence.entries[first : first + len(found)]:
            evidence.faults.append("after the loss of power the journal is no part of what it was")
        is_whole = recovery.last_seq == len(evidence.entries)
        if self._settings.durability is Durability.ALWAYS and not is_whole:
            lost = len(evidence.entries) - recovery.last_seq
            evidence.faults.append(f"{lost} synced entries vanished without a word, to {synced}")

    def _give_up(self) -> None:
        if self._life is not None:
            self.disk.die()
            self._bury(self._life)


class CannotRecover(Exception):
    """The venue does not come up again, whatever the disk was left like."""


def play(story: Story) -> Evidence:
    """Play a story in a folder that is gone afterwards."""
    where = _SHARED_MEMORY if _SHARED_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="fixoms-simulation-", dir=where) as folder:
        return World(story, Path(folder)).play()


async def _snapshot(venue: Venue) -> None:
    with contextlib.suppress(JournalError, OSError):
        await venue.snapshot()


def _is_of_journal(error: Exception) -> bool:
    return isinstance(error, JournalError)


def _journal_settings(story: Story) -> JournalSettings:
    """Small bounds, so that segments, checkpoints and archives come up in a short story."""
    return JournalSettings(
        durability=Durability(story.durability),
        group_records_max=40,
        segment_bytes_max=24 << 10,
        wal_bytes_max=32 << 10,
        idle_checkpoint_ms=200,
        reserve_bytes=0,
        # Of an archived segment nothing is sent again, so only those archive who never ask.
        retention=Retention.ARCHIVE if story.is_calm else Retention.KEEP,
        resend_segments_min=1,
        snapshots_kept=2,
    )


def _config() -> Config:
    text = resources.files("fixoms.simulation").joinpath("venue.yaml").read_text("utf-8")
    config = configuration.parse(text, Path("simulation/venue.yaml"))
    journal = msgspec.structs.replace(config.journal, snapshot_every=60)
    fix = msgspec.structs.replace(config.fix, port=0, max_outbound_bytes=OUTBOUND_BYTES_MAX)
    return msgspec.structs.replace(config, journal=journal, fix=fix)


def _engine_settings(config: Config) -> EngineSettings:
    return EngineSettings(default_market=config.venue.market)


@contextlib.contextmanager
def _quiet_logs() -> Iterator[None]:
    """Venues die by the thousand here; nobody reads what they log of it."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(disabled)
