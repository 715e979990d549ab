"""One FIX 4.4 session: bytes and time in, effects out.

Owns: the connection's beginning and end, bytes to messages, and what time alone brings about.
Must not know: sockets, files, the clock, the business behind an application message.

Its parts own the rest: `logon.py` and `intake.py` what messages do, `lifecycle.py` and `states.py`
where the session is, `outbound.py` what is written, `recovery.py` and `resend.py` gaps in both
directions, `keepalive.py` heartbeats, `answers.py` the content of administrative messages.

A message goes through these steps, and the first that objects answers it:

    framing      garbled: dropped (2d, 2m, 2t, 3)          parse        not tag=value: Reject
    BeginString  Logout(5) (2i)                            MsgSeqNum    missing: Logout(5)
    header       CompIDs, times: Reject(3) (2f, 2g, 2k, 2o)
    sequence     too low (2c, 2e), too high (2b), expected (2a)
    dictionary   Reject(3) or BusinessMessageReject(j) (2q, 2r, 14a to 14p)
    application  from_admin, from_app

A number counts as received when the message was worked or refused, never before, so a message that
arrives while we die is asked for again.
"""

from collections.abc import Callable, Sequence

from fixoms.domain.units import Nanos
from fixoms.fix import answers
from fixoms.fix.answers import ADMIN_TYPES
from fixoms.fix.application import Application
from fixoms.fix.codec import MalformedField, parse
from fixoms.fix.config import Role, SessionConfig, SessionState
from fixoms.fix.data_fields import FIX44_DATA_FIELDS
from fixoms.fix.dictionary import Dictionary
from fixoms.fix.effects import DisconnectReason, Effect, Fact, Fetch
from fixoms.fix.framing import Frame, Framer, Garbled
from fixoms.fix.identity import SessionId
from fixoms.fix.intake import Intake
from fixoms.fix.keepalive import Due
from fixoms.fix.lifecycle import Lifecycle, nanos
from fixoms.fix.logon import LogonExchange
from fixoms.fix.message import Message
from fixoms.fix.rejects import Reject
from fixoms.fix.states import LOGGED_ON, Phase, Step

__all__ = ["Role", "Session", "SessionConfig", "SessionId", "SessionState"]


class Session:
    """The protocol machine of one session, over all its connections.

    Drive it with `connected`, `receive`, `send`, `tick`, `resend` and `disconnected`, and after
    each take the effects and carry them out in order. Calls must not overlap, but `send` may be
    called from inside an application callback.
    """

    def __init__(
        self, config: SessionConfig, application: Application, state: SessionState
    ) -> None:
        self.tap: Callable[[Frame | Garbled], None] | None = None
        """Sees everything that arrives, before it is worked: the wire log's ear."""
        self._life = Lifecycle(config, application, state)
        self._logon = LogonExchange(self._life)
        self._intake = Intake(self._life, self._logon)
        self._framer = Framer(config.max_frame_bytes)
        self._extra_data_fields = _extra_data_fields(config.dictionary)
        self._test_requests = 0
        self._hours_until = Nanos(0)
        application.created(config.id)

    @property
    def config(self) -> SessionConfig:
        """The policies of the session."""
        return self._life.config

    @property
    def state(self) -> SessionState:
        """The numbers, as they are now."""
        return self._life.state

    @property
    def id(self) -> SessionId:
        """Who the two ends are."""
        return self._life.config.id

    @property
    def phase(self) -> Phase:
        """Where the session is with its connection."""
        return self._life.phase

    @property
    def is_logged_on(self) -> bool:
        """Whether messages sent now are written now."""
        return self._life.phase is Phase.ACTIVE

    @property
    def is_recovering(self) -> bool:
        """Whether messages of the peer are missing and were asked for."""
        return self._life.gap.is_open

    @property
    def is_waiting(self) -> bool:
        """Whether bytes are kept unread until a Fetch is answered: stop reading meanwhile."""
        return self._life.resender.is_waiting

    def take_effects(self) -> list[Effect]:
        """Everything to carry out since the last call, in order."""
        queued = self._life.outbox.effects
        effects = queued[:]
        queued.clear()
        return effects

    def connected(self, now: Nanos) -> None:
        """A connection is there. An initiator says Logon(A); an acceptor waits for one."""
        self._look_at_hours(now)
        self._framer = Framer(self._life.config.max_frame_bytes)
        self._life.forget_connection()
        self._life.deadline = Nanos(now + nanos(self._life.config.logon_timeout_s))
        if self._life.config.role is Role.ACCEPTOR:
            self._life.step(Step.ACCEPTED)
            return
        self._life.step(Step.DIALED)
        if not self._life.is_open:
            self._life.end(DisconnectReason.OUT_OF_HOURS, "", now)
            return
        if self._life.config.reset_on_logon:
            self._life.reset_numbers(now, "reset_on_logon")
            self._life.reset_sent = True
        self._logon.send(self._life.config.heartbeat_interval_s, now, reset=self._life.reset_sent)

    def disconnected(
        self, now: Nanos, reason: DisconnectReason = DisconnectReason.CONNECTION_LOST
    ) -> None:
        """The connection is gone, for this reason unless the session ended it itself."""
        if self._life.phase in LOGGED_ON:
            self._life.left(reason, now)
        self._life.step(Step.LOST)
        self._life.forget_connection()

    def receive(self, data: bytes | memoryview, now: Nanos) -> None:
        """Bytes arrived, in any cut."""
        if self._life.phase in {Phase.DISCONNECTED, Phase.ENDED}:
            return
        self._framer.feed(data)
        self._read_on(now)

    def _read_on(self, now: Nanos) -> None:
        """Work whole frames until there are none, or the store is asked for messages."""
        framer = self._framer
        tap = self.tap
        while not self._life.resender.is_waiting and (found := framer.next()) is not None:
            if tap is not None:
                tap(found)
            if isinstance(found, Frame):
                self._receive_frame(found, now)
            else:
                self._garbled(found, now)
            if self._has_ended():
                return

    def _has_ended(self) -> bool:
        return self._life.phase is Phase.ENDED

    def send(self, message: Message, now: Nanos) -> int:
        """Number, store and write an application message; gives its MsgSeqNum(34).

        Without a peer that is logged on the message is numbered and stored, and goes out by the
        peer's ResendRequest(2). Raises ValueError for an administrative type, UnsendableField for
        a value that holds SOH outside of a data field; nothing is numbered then.
        """
        if message.msg_type in ADMIN_TYPES:
            msg = f"MsgType(35)={message.msg_type} belongs to the session, not the application"
            raise ValueError(msg)
        return self._life.outbox.app(message, now)

    def resend(self, fetch: Fetch, frames: Sequence[tuple[int, bytes]], now: Nanos) -> None:
        """The answer to a Fetch effect: stored MsgSeqNum(34) and frames in ascending order."""
        if self._life.phase in {Phase.ACTIVE, Phase.LOGOUT_SENT}:
            self._life.resender.stored(fetch, frames, now)
            if self._life.gap.is_open and not self._life.resender.is_waiting:
                self._life.request_missing(now)
            self._read_on(now)

    def logout(self, text: str, now: Nanos) -> None:
        """Say Logout(5) and end when it is answered or `logout_timeout_s` is over."""
        if self._life.phase is Phase.ACTIVE:
            self._life.outbox.admin(answers.logout(text), now)
            self._life.step(Step.LOGOUT_BEGUN)
            self._life.deadline = Nanos(now + nanos(self._life.config.logout_timeout_s))
        elif self._life.phase in {Phase.AWAITING_LOGON, Phase.LOGON_SENT}:
            self._life.end(DisconnectReason.SHUTDOWN, text, now)

    def reset(self, now: Nanos) -> None:
        """Start both numbers at 1: at once without a peer, by Logon(A) with 141=Y with one.

        In a live session the peer's messages keep their old numbers until its Logon(A) answers.
        """
        expected = self._life.state.next_in
        self._life.reset_numbers(now, "reset by the operator")
        if self._life.phase is Phase.ACTIVE:
            self._life.state.next_in = expected
            self._life.reset_sent = True
            self._logon.send(self._life.keep_alive.interval_s, now, reset=True)

    def tick(self, now: Nanos) -> None:
        """Time has passed; call at least once a second, connected or not."""
        self._look_at_hours(now)
        match self._life.phase:
            case Phase.AWAITING_LOGON | Phase.LOGON_SENT:
                if now >= self._life.deadline:
                    self._life.end(DisconnectReason.LOGON_TIMEOUT, "", now)
            case Phase.LOGOUT_SENT | Phase.EXPELLED:
                if now >= self._life.deadline:
                    self._life.end(DisconnectReason.LOGOUT_UNANSWERED, "", now)
            case Phase.ACTIVE:
                self._show_life(now)
                self._insist_on_gap(now)
            case Phase.DISCONNECTED | Phase.ENDED:
                pass

    def _show_life(self, now: Nanos) -> None:
        """FIX: Vol. 2 tests 4, 5, 6."""
        match self._life.keep_alive.due(self._life.outbox.last_sent, now):
            case Due.GIVE_UP:
                text = f"nothing received for {self._life.keep_alive.silence_s(now)} s"
                self._life.end(DisconnectReason.HEARTBEAT_TIMEOUT, text, now)
            case Due.TEST_REQUEST:
                self._test_requests += 1
                self._life.outbox.admin(answers.test_request(f"TEST{self._test_requests}"), now)
            case Due.HEARTBEAT:
                self._life.outbox.admin(answers.heartbeat(None), now)
            case Due.NOTHING:
                pass

    def _insist_on_gap(self, now: Nanos) -> None:
        wanted = self._life.gap.repeat(self._life.state.next_in, now)
        if self._life.phase is not Phase.ACTIVE or wanted is None:
            return
        if self._life.gap.attempts >= self._life.config.resend_attempts_max:
            text = f"MsgSeqNum(34) {self._life.state.next_in} was not sent again when asked for"
            self._life.logout_and_end(DisconnectReason.GAP_NOT_FILLED, text, now)
        else:
            self._life.ask_for(wanted, now)

    def _look_at_hours(self, now: Nanos) -> None:
        """Apply the schedule: log out when a period ends, and start new numbers after it."""
        schedule = self._life.config.schedule
        if schedule is None or now < self._hours_until:
            return
        hours = schedule.at(now)
        self._life.is_open = hours.is_open
        period_over = self._life.state.created_at < hours.last_end and schedule.reset_at_end
        if self._life.phase is Phase.DISCONNECTED:
            if period_over:
                self._life.reset_numbers(now, "the session period is over")
            self._hours_until = hours.until
        elif period_over or not hours.is_open:
            # The boundary stays due until the connection is gone.
            self.logout("The session period is over", now)
        else:
            self._hours_until = hours.until

    def _garbled(self, garbled: Garbled, now: Nanos) -> None:
        text = f"{garbled.dropped_bytes} bytes: {garbled.reason.value}"
        self._life.outbox.note(Fact.GARBLED, text)
        if self._life.phase in {Phase.AWAITING_LOGON, Phase.LOGON_SENT}:
            self._logon.refuse(DisconnectReason.GARBLED_LOGON, text, now)

    def _receive_frame(self, frame: Frame, now: Nanos) -> None:
        self._life.keep_alive.received(now)
        malformed: Reject | None = None
        try:
            message = parse(frame.raw, self._extra_data_fields)
        except MalformedField as fault:
            message, malformed = fault.message, fault.reject
        if self._life.phase in {Phase.AWAITING_LOGON, Phase.LOGON_SENT}:
            self._logon.first_message(frame.begin_string, message, malformed, now)
        elif self._life.phase is Phase.EXPELLED:
            if message.msg_type == answers.LOGOUT:
                self._life.end(DisconnectReason.LOGOUT_ANSWERED, "", now)
        elif frame.begin_string != self._life.begin_string:
            # FIX: Vol. 2 test 2i.
            self._life.consume_if_expected(message, now)
            self._life.expel("Incorrect BeginString", now)
        else:
            self._intake.take(message, malformed, len(frame.raw), now)


def _extra_data_fields(dictionary: Dictionary | None) -> dict[int, int] | None:
    """Data fields of a private dictionary that FIX 4.4 does not have."""
    if dictionary is None:
        return None
    known = FIX44_DATA_FIELDS.items()
    return dict(dictionary.data_fields.items() - known) or None
