"""One venue in one process: sessions, sequencer, engine and journal, wired together.

Owns: how the parts of the gateway meet, and the order in which a venue starts and stops.
Must not know: where the journal lies, what time it is, other processes: whoever builds a venue
passes those in, so that the same venue runs for real (app.py), on a virtual clock (replay) and in
the simulator.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from ipaddress import ip_network
from typing import Final

import msgspec

from fixoms.audit.record import Fact, Kind
from fixoms.clock import Clock
from fixoms.config import Config
from fixoms.domain.commands import (
    VENUE,
    Command,
    DefineInstrument,
    EndDay,
    Origin,
    SessionClosed,
    StartDay,
)
from fixoms.domain.units import MILLISECOND, Nanos
from fixoms.engine.engine import Engine, hash_of
from fixoms.engine.settings import EngineSettings
from fixoms.fix.acceptor import Acceptor, AuditFact, Listener
from fixoms.fix.config import Role, SessionConfig
from fixoms.fix.identity import SessionId
from fixoms.fix.message import Message
from fixoms.fix.peer import Peer
from fixoms.fix.tls import ReloadableContext, TlsFiles
from fixoms.fix.validation import STRICT_WITH_DECLARED
from fixoms.fix.wire_log import WireLog
from fixoms.gateway.authentication import Authentication, Claim, Finding, LogonPolicy, Users
from fixoms.gateway.headroom import HeadroomDesk
from fixoms.gateway.house import Deed, House
from fixoms.gateway.inbound import Inbound
from fixoms.gateway.operator import Desk
from fixoms.gateway.operator_words import Answer, Caller, Misspoken, anything_by
from fixoms.gateway.order_entry import OrderEntry, SessionProfile
from fixoms.gateway.recovery import recover_engine
from fixoms.gateway.reference import ReferenceDesk
from fixoms.gateway.schedule import Timetable, day_after
from fixoms.gateway.sequencer import Sequencer
from fixoms.gateway.session_store import JournalStore
from fixoms.gateway.venue_dictionary import venue_dictionary
from fixoms.journal.errors import JournalError
from fixoms.journal.memory import AnyJournal
from fixoms.outlets.execution_reports import ExecutionReports
from fixoms.settings import ResetMoment, TlsSettings

TIMER_S: Final = 0.25
"""How often the venue looks for timers of the engine and steps of the timetable."""

SNAPSHOT_PAUSE_MAX: Final = Nanos(500 * MILLISECOND)
"""A snapshot that would stop trading longer than this waits for the end of the day or the stop.

A start then reads a longer tail: that is the price of not stopping.
"""

STOP_TEXT: Final = "The venue stops"

_log = logging.getLogger("fixoms")


def engine_settings(config: Config) -> EngineSettings:
    """Choices of the engine; a journal is decided again with the same ones."""
    return EngineSettings(
        default_market=config.venue.market,
        triggered_reports=config.fix.triggered_reports,
    )


def no_reader() -> int | None:
    """Nobody reads the journal of a venue that lives in one process."""
    return None


class Venue:
    """Everything of a venue that decides orders. Call `start`, then `stop`.

    The journal must be open and not yet started; its recovered entries are decided again here, in
    the constructor, which raises DecisionDiffersError when they come out otherwise. With
    `hash_off_loop` passwords are checked in a thread, which a virtual clock has no use for.
    `slowest_reader` tells the last entry every outlet has read: what is older may be retired.
    """

    def __init__(
        self,
        config: Config,
        journal: AnyJournal,
        clock: Clock,
        users: Users,
        *,
        wire_log: WireLog | None = None,
        audit: Callable[[AuditFact], None] | None = None,
        note: Callable[[Fact], None] | None = None,
        on_broken: Callable[[Exception], None] | None = None,
        slowest_reader: Callable[[], int | None] = no_reader,
        hash_off_loop: bool = False,
    ) -> None:
        self._config = config
        self._journal = journal
        self._clock = clock
        self._timetable = Timetable(config.schedule_steps(), config.zone)
        recovery = journal.recover()
        self.engine: Engine = recover_engine(recovery, engine_settings(config))
        self.sequencer = Sequencer(
            self.engine,
            journal,
            clock,
            last_seq=recovery.last_seq,
            last_time=recovery.last_time,
        )
        self._looked_at = recovery.last_time
        self._session_ids = {
            name: SessionId(sender_comp_id=config.fix.comp_id, target_comp_id=name)
            for name in config.sessions
        }
        self._authentication = Authentication(
            _logon_policies(config), users, clock, off_loop=hash_off_loop
        )
        self._order_entry = OrderEntry(
            sequencer=self.sequencer,
            inbound=Inbound(self.engine.find_instrument, venue_dictionary()),
            reference=ReferenceDesk(self.engine, clock),
            headroom=HeadroomDesk(self.engine),
            reports=ExecutionReports(self.engine.instrument, config.fix.timestamp_digits.value),
            profiles={
                session: SessionProfile(name=name, participant=config.sessions[name].participant)
                for name, session in self._session_ids.items()
            },
            authenticate=self._authentication,
            change_password=self._authentication.change_password,
            tell=self._tell,
            obstacle=self._obstacle,
        )
        self._tls = None if config.fix.tls is None else tls_context(config, config.fix.tls)
        self._store = JournalStore(journal, recovery.sessions)
        self.acceptor = Acceptor(
            application=self._order_entry,
            store=self._store,
            listener=_listener(config, self._tls),
            clock=clock,
            sessions=[self._session_config(name) for name in config.sessions],
            sessions_max=max(len(config.sessions), 1),
            wire_log=wire_log,
            audit=audit,
            prepare=self._prepare_logon if hash_off_loop else None,
            admits=lambda session, peer: self._authentication.admits(session.target_comp_id, peer),
            fault=lambda _session, fault: self._broken(fault),
        )
        self._order_entry.deliver_through(self._send, self._log_out_soon)
        journal.before_flush = self._flush_links
        self._dirty: dict[SessionId, None] = {}
        house = House(
            acceptor=self.acceptor,
            order_entry=self._order_entry,
            authentication=self._authentication,
            steps=config.schedule_steps(),
            snapshot=self._snapshot_now,
        )
        self._desk = Desk(self.engine, config.parse_instrument, house, clock)
        self._note = note
        self._on_broken = on_broken
        self._slowest_reader = slowest_reader
        self._snapshot_seq = recovery.snapshot.seq if recovery.snapshot else 0
        self._snapshotting: asyncio.Task[None] | None = None
        self._pause_per_order = 0
        self._is_postponing = False
        self._timers: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Bring reference data and the trading day up to date, then listen; gives the port."""
        await self._journal.start()
        for session in self.engine.sessions:
            if session.connected:
                # Connections of the venue's last life are gone; nobody could say so then.
                origin = Origin(session=session.session, participant=session.participant, user="")
                lost = SessionClosed(origin, logged_out=False, reason="the venue restarted")
                self.sequencer.submit(lost)
        for command in self._config.definitions():
            if not self._is_known(command):
                self.sequencer.submit(command)
        self._keep_time()
        await self._journal.drain()
        port = await self.acceptor.start()
        self._timers = asyncio.create_task(self._run_timers(), name="venue timers")
        return port

    async def stop(self, text: str = STOP_TEXT) -> None:
        """Stop accepting, log sessions out, make everything durable, snapshot the engine."""
        if self._timers is not None:
            self._timers.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._timers
        await self.acceptor.stop(text, self._config.fix.logout_timeout_s)
        self._authentication.close()
        if self._snapshotting is not None:
            await self._snapshotting
        await self._snapshot_safely()

    async def abandon(self, failure: Exception) -> None:
        """Stop at once because the journal failed or an invariant is broken.

        What is in memory may be more than what is durable, so nothing of it is said or saved any
        more: connections are cut, and the next start goes by the journal.
        """
        if self._timers is not None:
            self._timers.cancel()
        self.sequencer.halt()
        self._store.fail(failure)
        await self.acceptor.stop(STOP_TEXT, timeout_s=1.0)
        self._authentication.close()

    def reload_certificates(self) -> None:
        """Show new certificates to new connections; live ones keep theirs.

        Raises OSError for files that cannot be used; the present certificates then stay.
        """
        if self._tls is not None:
            self._tls.reload()

    async def snapshot(self) -> None:
        """Save the engine's state, so that the next start reads only what comes after.

        Orders wait while the state is packed; writing it is off the loop.
        """
        # The group that ends here must hold every message its entries caused.
        self._flush_links()
        seq = self._snapshot_seq = self.sequencer.last_seq
        began = self._clock()
        packed = self.engine.snapshot()
        self._pause_per_order = max(self._clock() - began, 0) // (self.engine.order_count + 1)
        await self._journal.write_snapshot(
            seq,
            packed,
            time=self.sequencer.last_time,
            state_hash=hash_of(packed),
            readers_at=self._slowest_reader(),
        )

    def finding_of(self, session: SessionId) -> Finding | None:
        """What became of the last Logon(A) of a session; for the audit."""
        return self._authentication.finding_of(session.target_comp_id)

    async def identify(self, claim: Claim) -> Finding:
        """Check who wants to speak at the desk."""
        return await self._authentication.judge(claim)

    def _tell(self, kind: Kind, session: str, user: str, text: str) -> None:
        """Tell the audit what a user did."""
        if self._note is not None:
            fact = Fact(time=self._clock(), kind=kind, user=user, session=session, text=text)
            self._note(fact)

    def operate(self, words: Sequence[str], operator: str) -> Answer:
        """Carry out an operator's words at once; what is answered is not yet durable.

        The operator may say every word but those that take time, such as `snapshot`.
        """
        heard = self._hear(words, anything_by(operator))
        if isinstance(heard, Answer):
            return heard
        if not isinstance(heard, Command):
            return Answer(ok=False, text=f"{words[0]} takes time: only a running venue's desk can")
        return self._desk.answer(self.sequencer.submit(heard), self.sequencer.last_seq)

    async def operate_durably(self, words: Sequence[str], caller: Caller) -> Answer:
        """Carry out an operator's words and answer once the outcome is durable."""
        heard = self._hear(words, caller)
        if isinstance(heard, Answer):
            return heard
        if not isinstance(heard, Command):
            return await _done(heard)
        durable = asyncio.Event()
        events = self.sequencer.submit(heard, durable.set)
        answer = self._desk.answer(events, self.sequencer.last_seq)
        await durable.wait()
        return answer

    def _hear(self, words: Sequence[str], caller: Caller) -> Command | Answer | Deed:
        try:
            return self._desk.hear(words, caller)
        except Misspoken as misspoken:
            return Answer(ok=False, text=str(misspoken))

    async def _prepare_logon(self, session: SessionId, logon: Message, peer: Peer) -> None:
        await self._authentication.prepare(session.target_comp_id, logon, peer)

    def _send(self, session: SessionId, message: Message) -> None:
        self.acceptor.send(session, message)
        self._dirty[session] = None

    def _log_out_soon(self, session: SessionId, text: str) -> None:
        # Not in the middle of a read of that very session.
        asyncio.get_running_loop().call_soon(self.acceptor.link(session).logout, text)

    def _flush_links(self) -> None:
        """Stage every message of this turn before its group is closed.

        A report that is numbered one group later than the entry behind it would be lost by a crash
        between the two.
        """
        dirty, self._dirty = self._dirty, {}
        for session in dirty:
            self.acceptor.link(session).flush()

    def _keep_time(self) -> None:
        """Submit what the clock brings: the trading day, steps of the timetable, timers."""
        now = self._clock()
        if not self.engine.trading_day:
            self._looked_at = now
            self.sequencer.submit(StartDay(VENUE, self._timetable.trading_day(now)))
        for step in self._timetable.due(self._looked_at, now):
            command = _as_things_are(step, self.engine)
            if command is not None:
                self.sequencer.submit(command)
        self._looked_at = max(now, self._looked_at)
        self.sequencer.run_timers()

    async def _run_timers(self) -> None:
        try:
            while True:
                await asyncio.sleep(TIMER_S)
                self._keep_time()
                self._snapshot_in_time()
        except Exception as fault:
            # The root of a task: whatever broke here broke the venue, which must not go on half.
            self._broken(fault)
            raise

    def _snapshot_in_time(self) -> None:
        if self.sequencer.last_seq - self._snapshot_seq < self._config.journal.snapshot_every:
            return
        pause = self.engine.order_count * self._pause_per_order
        if pause > SNAPSHOT_PAUSE_MAX and self.engine.day_is_open:
            if not self._is_postponing:
                self._is_postponing = True
                _log.warning(
                    "snapshots wait for the end of the day: one stops trading %d ms",
                    pause // MILLISECOND,
                )
            return
        self._is_postponing = False
        if self._snapshotting is None or self._snapshotting.done():
            self._snapshotting = asyncio.create_task(self._snapshot_safely(), name="snapshot")

    async def _snapshot_safely(self) -> None:
        try:
            await self.snapshot()
        except (JournalError, OSError) as failure:
            # A disk that refuses the snapshot costs nothing but a longer start; a failure of the
            # journal itself is told by the journal.
            _log.warning("no snapshot: %s", failure)

    def _broken(self, fault: Exception) -> None:
        if self._on_broken is not None:
            self._on_broken(fault)

    def _obstacle(self) -> str:
        """Why new orders cannot be journaled safely; cancels still can, and are few."""
        if self._journal.low_space:
            return "the disk of the journal is nearly full"
        if self._journal.congested:
            return "the disk of the journal is behind"
        return ""

    def _is_known(self, command: Command) -> bool:
        """Whether an instrument is listed exactly so; the few other records are always told."""
        if not isinstance(command, DefineInstrument):
            return False
        known = self.engine.instrument(command.instrument.instrument_id)
        if known is None:
            return False
        # Status and reference price move while trading; a restart does not turn them back.
        return known == msgspec.structs.replace(
            command.instrument, status=known.status, reference_price=known.reference_price
        )

    def _session_config(self, name: str) -> SessionConfig:
        fix = self._config.fix
        reset_on = self._config.sessions[name].reset_on
        return SessionConfig(
            id=self._session_ids[name],
            role=Role.ACCEPTOR,
            dictionary=venue_dictionary(),
            validation=STRICT_WITH_DECLARED,
            logon_timeout_s=fix.logon_timeout_s,
            logout_timeout_s=fix.logout_timeout_s,
            sending_time_tolerance_s=fix.sending_time_tolerance_s,
            timestamp_digits=fix.timestamp_digits.value,
            reset_on_logon=ResetMoment.LOGON in reset_on,
            reset_on_logout=ResetMoment.LOGOUT in reset_on,
            reset_on_disconnect=ResetMoment.DISCONNECT in reset_on,
            max_frame_bytes=fix.max_message_bytes,
            held_messages_max=fix.max_held_messages,
            next_expected_msg_seq_num=True,
        )

    async def _snapshot_now(self) -> int:
        await self.snapshot()
        return self._snapshot_seq


async def _done(deed: Deed) -> Answer:
    """Do what takes time, and say what came of it."""
    try:
        told = await deed()
    except (ValueError, OSError, JournalError) as failure:
        return Answer(ok=False, text=str(failure))
    if isinstance(told, str):
        return Answer(ok=True, text=told)
    return Answer(ok=True, text=f"{len(told)} rows", rows=tuple(told))


def _logon_policies(config: Config) -> dict[str, LogonPolicy]:
    return {
        name: LogonPolicy(
            participant=session.participant,
            users=session.users,
            heartbeat_s_min=session.heartbeat_s_min,
            heartbeat_s_max=session.heartbeat_s_max,
            networks=tuple(ip_network(each) for each in session.allowed_addresses),
        )
        for name, session in config.sessions.items()
    }


def _listener(config: Config, tls: ReloadableContext | None) -> Listener:
    fix = config.fix
    return Listener(
        host=fix.host,
        port=fix.port,
        ssl_context=tls.context if tls is not None else None,
        allowed_addresses=[ip_network(each) for each in fix.allowed_addresses] or None,
        connections_max=fix.max_connections,
        strangers_max=fix.max_pre_logon_connections,
        logon_timeout_s=fix.logon_timeout_s,
        outbound_bytes_max=fix.max_outbound_bytes,
    )


def tls_context(config: Config, tls: TlsSettings) -> ReloadableContext:
    """Give the certificates of every new connection; raises OSError or ssl.SSLError."""
    return TlsFiles(
        certificate=config.file(tls.certificate),
        key=config.file(tls.key_file),
        peer_ca=config.file(tls.client_ca) if tls.client_ca else None,
    ).server()


def _as_things_are(step: Command, engine: Engine) -> Command | None:
    """What a step of the timetable comes to: nothing for a day that is on, or none to end.

    An operator may have run ahead of the calendar; the day that follows the last one is then next.
    """
    if isinstance(step, EndDay):
        return step if engine.day_is_open else None
    if not isinstance(step, StartDay):
        return step
    if engine.day_is_open:
        return None
    if step.trading_day <= engine.trading_day:
        return StartDay(step.origin, day_after(engine.trading_day))
    return step
