"""One FIX 4.4 session: bytes and time in, effects out.

Owns: the conversation from Logon(A) to Logout(5): who may speak when (`states.py`), the expected
number, and the order of work on each message. Its parts own the rest: `outbound.py` what is
written, `recovery.py` and `resend.py` gaps in both directions, `keepalive.py` heartbeats,
`answers.py` the content of administrative messages. Must not know: sockets, files, the clock, the
business behind an application message.

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

from fixoms.domain.units import SECOND, Nanos
from fixoms.fix import answers, tags
from fixoms.fix.answers import ADMIN_TYPES, flag, number
from fixoms.fix.application import (
    Application,
    BusinessReject,
    IncorrectTagValue,
    RejectLogon,
    UnsupportedMessageType,
)
from fixoms.fix.codec import MalformedField, parse
from fixoms.fix.config import Role, SessionConfig, SessionState
from fixoms.fix.data_fields import FIX44_DATA_FIELDS
from fixoms.fix.dictionary import Dictionary
from fixoms.fix.effects import (
    Disconnect,
    DisconnectReason,
    Effect,
    Fact,
    Fetch,
    Refused,
    ResetNumbers,
)
from fixoms.fix.framing import Frame, Framer, Garbled
from fixoms.fix.identity import SessionId
from fixoms.fix.keepalive import Due, KeepAlive
from fixoms.fix.message import FieldMissing, Message
from fixoms.fix.outbound import Outbox
from fixoms.fix.recovery import InboundGap
from fixoms.fix.rejects import BusinessRejectReason, Reject, SessionRejectReason
from fixoms.fix.resend import Resender
from fixoms.fix.states import LOGGED_ON, Phase, Step, next_phase
from fixoms.fix.validation import Validator

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
        self.config = config
        self.state = state
        self.tap: Callable[[Frame | Garbled], None] | None = None
        """Sees everything that arrives, before it is worked: the wire log's ear."""
        self._application = application
        self._outbox = Outbox(config, application, state)
        self._resender = Resender(
            self._outbox, config.resend_chunk, config.repeated_resend_requests_max
        )
        self._gap = InboundGap(
            count_max=config.held_messages_max,
            bytes_max=config.held_bytes_max,
            chunk=config.resend_request_chunk,
            timeout=Nanos(_nanos(config.resend_timeout_s)),
        )
        self._keep_alive = KeepAlive(
            config.test_request_delay_multiplier, config.heartbeat_timeout_multiplier
        )
        self._validator = (
            Validator(config.dictionary, config.validation) if config.dictionary else None
        )
        self._extra_data_fields = _extra_data_fields(config.dictionary)
        self._framer = Framer(config.max_frame_bytes)
        self._begin_string = config.id.begin_string.encode("latin-1")
        self._phase = Phase.DISCONNECTED
        self._deadline = Nanos(0)
        self._test_requests = 0
        self._logon_sent = 0
        self._reset_sent = False
        self._hours_until = Nanos(0)
        self._is_open = True
        application.created(config.id)

    @property
    def id(self) -> SessionId:
        """Who the two ends are."""
        return self.config.id

    @property
    def phase(self) -> Phase:
        """Where the session is with its connection."""
        return self._phase

    @property
    def is_logged_on(self) -> bool:
        """Whether messages sent now are written now."""
        return self._phase is Phase.ACTIVE

    @property
    def is_recovering(self) -> bool:
        """Whether messages of the peer are missing and were asked for."""
        return self._gap.is_open

    @property
    def is_waiting(self) -> bool:
        """Whether bytes are kept unread until a Fetch is answered: stop reading meanwhile."""
        return self._resender.is_waiting

    def take_effects(self) -> list[Effect]:
        """Everything to carry out since the last call, in order."""
        effects = self._outbox.effects[:]
        self._outbox.effects.clear()
        return effects

    def _step(self, step: Step) -> None:
        self._phase = next_phase(self._phase, step)
        self._outbox.is_live = self._phase is Phase.ACTIVE

    def connected(self, now: Nanos) -> None:
        """A connection is there. An initiator says Logon(A); an acceptor waits for one."""
        self._look_at_hours(now)
        self._framer = Framer(self.config.max_frame_bytes)
        self._forget_connection()
        self._deadline = Nanos(now + _nanos(self.config.logon_timeout_s))
        if self.config.role is Role.ACCEPTOR:
            self._step(Step.ACCEPTED)
            return
        self._step(Step.DIALED)
        if not self._is_open:
            self._end(DisconnectReason.OUT_OF_HOURS, "", now)
            return
        if self.config.reset_on_logon:
            self._reset_numbers(now, "reset_on_logon")
            self._reset_sent = True
        self._send_logon(self.config.heartbeat_interval_s, now, reset=self._reset_sent)

    def disconnected(
        self, now: Nanos, reason: DisconnectReason = DisconnectReason.CONNECTION_LOST
    ) -> None:
        """The connection is gone, for this reason unless the session ended it itself."""
        if self._phase in LOGGED_ON:
            self._left(reason, now)
        self._step(Step.LOST)
        self._forget_connection()

    def _forget_connection(self) -> None:
        self._gap.clear()
        self._resender.clear()
        self._reset_sent = False

    def receive(self, data: bytes | memoryview, now: Nanos) -> None:
        """Bytes arrived, in any cut."""
        if self._phase in {Phase.DISCONNECTED, Phase.ENDED}:
            return
        self._framer.feed(data)
        self._read_on(now)

    def _read_on(self, now: Nanos) -> None:
        """Work whole frames until there are none, or the store is asked for messages."""
        framer = self._framer
        tap = self.tap
        while not self._resender.is_waiting and (found := framer.next()) is not None:
            if tap is not None:
                tap(found)
            if isinstance(found, Frame):
                self._receive_frame(found, now)
            else:
                self._garbled(found, now)
            if self._has_ended():
                return

    def _has_ended(self) -> bool:
        return self._phase is Phase.ENDED

    def send(self, message: Message, now: Nanos) -> int:
        """Number, store and write an application message; gives its MsgSeqNum(34).

        Without a peer that is logged on the message is numbered and stored, and goes out by the
        peer's ResendRequest(2). Raises ValueError for an administrative type, UnsendableField for
        a value that holds SOH outside of a data field; nothing is numbered then.
        """
        if message.msg_type in ADMIN_TYPES:
            msg = f"MsgType(35)={message.msg_type} belongs to the session, not the application"
            raise ValueError(msg)
        return self._outbox.app(message, now)

    def resend(self, fetch: Fetch, frames: Sequence[tuple[int, bytes]], now: Nanos) -> None:
        """The answer to a Fetch effect: stored MsgSeqNum(34) and frames in ascending order."""
        if self._phase in {Phase.ACTIVE, Phase.LOGOUT_SENT}:
            self._resender.stored(fetch, frames, now)
            self._read_on(now)

    def logout(self, text: str, now: Nanos) -> None:
        """Say Logout(5) and end when it is answered or `logout_timeout_s` is over."""
        if self._phase is Phase.ACTIVE:
            self._outbox.admin(answers.logout(text), now)
            self._step(Step.LOGOUT_BEGUN)
            self._deadline = Nanos(now + _nanos(self.config.logout_timeout_s))
        elif self._phase in {Phase.AWAITING_LOGON, Phase.LOGON_SENT}:
            self._end(DisconnectReason.SHUTDOWN, text, now)

    def reset(self, now: Nanos) -> None:
        """Start both numbers at 1: at once without a peer, by Logon(A) with 141=Y with one.

        In a live session the peer's messages keep their old numbers until its Logon(A) answers.
        """
        expected = self.state.next_in
        self._reset_numbers(now, "reset by the operator")
        if self._phase is Phase.ACTIVE:
            self.state.next_in = expected
            self._reset_sent = True
            self._send_logon(self._keep_alive.interval_s, now, reset=True)

    def tick(self, now: Nanos) -> None:
        """Time has passed; call at least once a second, connected or not."""
        self._look_at_hours(now)
        match self._phase:
            case Phase.AWAITING_LOGON | Phase.LOGON_SENT:
                if now >= self._deadline:
                    self._end(DisconnectReason.LOGON_TIMEOUT, "", now)
            case Phase.LOGOUT_SENT | Phase.EXPELLED:
                if now >= self._deadline:
                    self._end(DisconnectReason.LOGOUT_UNANSWERED, "", now)
            case Phase.ACTIVE:
                self._show_life(now)
                self._insist_on_gap(now)
            case Phase.DISCONNECTED | Phase.ENDED:
                pass

    def _show_life(self, now: Nanos) -> None:
        """FIX: Vol. 2 tests 4, 5, 6."""
        match self._keep_alive.due(self._outbox.last_sent, now):
            case Due.GIVE_UP:
                text = f"nothing received for {self._keep_alive.silence_s(now)} s"
                self._end(DisconnectReason.HEARTBEAT_TIMEOUT, text, now)
            case Due.TEST_REQUEST:
                self._test_requests += 1
                self._outbox.admin(answers.test_request(f"TEST{self._test_requests}"), now)
            case Due.HEARTBEAT:
                self._outbox.admin(answers.heartbeat(None), now)
            case Due.NOTHING:
                pass

    def _insist_on_gap(self, now: Nanos) -> None:
        wanted = self._gap.repeat(self.state.next_in, now)
        if self._phase is not Phase.ACTIVE or wanted is None:
            return
        if self._gap.attempts >= self.config.resend_attempts_max:
            text = f"MsgSeqNum(34) {self.state.next_in} was not sent again when asked for"
            self._logout_and_end(DisconnectReason.GAP_NOT_FILLED, text, now)
        else:
            self._ask_for(wanted, now)

    def _look_at_hours(self, now: Nanos) -> None:
        """Apply the schedule: log out when a period ends, and start new numbers after it."""
        schedule = self.config.schedule
        if schedule is None or now < self._hours_until:
            return
        hours = schedule.at(now)
        self._is_open = hours.is_open
        period_over = self.state.created_at < hours.last_end and schedule.reset_at_end
        if self._phase is Phase.DISCONNECTED:
            if period_over:
                self._reset_numbers(now, "the session period is over")
            self._hours_until = hours.until
        elif period_over or not hours.is_open:
            # The boundary stays due until the connection is gone.
            self.logout("The session period is over", now)
        else:
            self._hours_until = hours.until

    def _reset_numbers(self, now: Nanos, why: str, next_out: int = 1) -> None:
        self.state.next_out = next_out
        self.state.next_in = 1
        self.state.created_at = now
        self._gap.clear()
        self._resender.clear()
        self._outbox.effects.append(ResetNumbers(now, next_out))
        self._outbox.note(Fact.RESET, why)

    def _end(self, reason: DisconnectReason, text: str, now: Nanos) -> None:
        was_logged_on = self._phase in LOGGED_ON
        self._step(Step.END)
        self._outbox.effects.append(Disconnect(reason, text))
        if was_logged_on:
            self._left(reason, now)

    def _left(self, reason: DisconnectReason, now: Nanos) -> None:
        """The session was logged on and is not any more."""
        self._outbox.is_live = False
        self._outbox.note(Fact.LOGGED_OUT, reason.value)
        self._application.logout(self.id, reason)
        by_logout = reason in {DisconnectReason.PEER_LOGOUT, DisconnectReason.LOGOUT_ANSWERED}
        if self.config.reset_on_disconnect or (self.config.reset_on_logout and by_logout):
            self._reset_numbers(now, reason.value)

    def _logout_and_end(self, reason: DisconnectReason, text: str, now: Nanos) -> None:
        self._outbox.admin(answers.logout(text), now)
        self._end(reason, text, now)

    def _expel(self, text: str, now: Nanos) -> None:
        """Logout(5) after a fault that ends the session; then only its answer counts."""
        self._outbox.admin(answers.logout(text), now)
        self._step(Step.EXPELLED)
        self._deadline = Nanos(now + _nanos(self.config.logout_timeout_s))

    def _garbled(self, garbled: Garbled, now: Nanos) -> None:
        text = f"{garbled.dropped_bytes} bytes: {garbled.reason.value}"
        self._outbox.note(Fact.GARBLED, text)
        if self._phase in {Phase.AWAITING_LOGON, Phase.LOGON_SENT}:
            self._refuse(DisconnectReason.GARBLED_LOGON, text, now)

    def _receive_frame(self, frame: Frame, now: Nanos) -> None:
        self._keep_alive.received(now)
        malformed: Reject | None = None
        try:
            message = parse(frame.raw, self._extra_data_fields)
        except MalformedField as fault:
            message, malformed = fault.message, fault.reject
        if self._phase in {Phase.AWAITING_LOGON, Phase.LOGON_SENT}:
            self._first_message(frame.begin_string, message, malformed, now)
        elif self._phase is Phase.EXPELLED:
            if message.msg_type == answers.LOGOUT:
                self._end(DisconnectReason.LOGOUT_ANSWERED, "", now)
        elif frame.begin_string != self._begin_string:
            # FIX: Vol. 2 test 2i.
            self._consume_if_expected(message, now)
            self._expel("Incorrect BeginString", now)
        else:
            self._next_message(message, malformed, len(frame.raw), now)

    def _first_message(
        self, begin_string: bytes, message: Message, malformed: Reject | None, now: Nanos
    ) -> None:
        """The first message of a connection. FIX: Vol. 2 tests 1B, 1S.

        Nothing changes and nothing is said until the application has let the peer in, except for
        a Logout(5) that names what is wrong with the Logon(A) itself.
        """
        if begin_string != self._begin_string:
            self._refuse(DisconnectReason.BEGIN_STRING, answers.shown(begin_string), now)
        elif message.msg_type != answers.LOGON:
            self._not_a_logon(message, now)
        elif number(message, tags.MSG_SEQ_NUM) is None:
            self._refuse(DisconnectReason.SEQ_NUM_MISSING, "", now)
        elif (fault := answers.header_fault(message, self.config, now)) is not None:
            self._refuse(DisconnectReason.LOGON_REFUSED, fault.reject.text, now)
        elif (objection := malformed or self._objection(message)) is not None:
            self._refuse(DisconnectReason.LOGON_REFUSED, objection.text, now, say=True)
        elif (text := answers.logon_refusal(message, self.config)) is not None:
            self._refuse(DisconnectReason.LOGON_REFUSED, text, now, say=True)
        else:
            try:
                self._application.from_admin(self.id, message)
            except RejectLogon as refusal:
                self._refuse_by_application(refusal, now)
                return
            if self._is_open:
                self._take_logon(message, now)
            else:
                text = "The session is closed at this time"
                self._refuse(DisconnectReason.OUT_OF_HOURS, text, now, say=True)

    def _not_a_logon(self, message: Message, now: Nanos) -> None:
        text = answers.printable(message.text(tags.TEXT) or "")
        if self._phase is Phase.LOGON_SENT and message.msg_type == answers.LOGOUT:
            # The number of this Logout(5) is not counted: whether the peer counted it is unknown,
            # and asking for one message too many heals what the other mistake would not.
            self._application.from_admin(self.id, message)
            self._refuse(DisconnectReason.LOGON_REFUSED, text, now)
        else:
            text = f"MsgType(35)={answers.printable(message.msg_type)} {text}".strip()
            self._refuse(DisconnectReason.FIRST_MESSAGE_NOT_LOGON, text, now)

    def _refuse(
        self, reason: DisconnectReason, text: str, now: Nanos, *, say: bool = False
    ) -> None:
        """End before the session began; no number changes. `say` tells the peer why."""
        self._outbox.effects.append(Refused(reason, text))
        if say:
            self._outbox.unnumbered(answers.logout(text), now)
        self._end(reason, text, now)

    def _refuse_by_application(self, refusal: RejectLogon, now: Nanos) -> None:
        self._outbox.effects.append(Refused(DisconnectReason.LOGON_REFUSED, refusal.audit))
        if refusal.text:
            self._outbox.unnumbered(answers.logout(refusal.text), now)
        self._end(DisconnectReason.LOGON_REFUSED, refusal.audit, now)

    def _take_logon(self, message: Message, now: Nanos) -> None:
        """The peer may come in: settle the numbers, answer, recover what either side missed."""
        state = self.state
        is_acceptor = self.config.role is Role.ACCEPTOR
        reset = flag(message, tags.RESET_SEQ_NUM_FLAG)
        if is_acceptor and (reset or self.config.reset_on_logon):
            self._reset_numbers(now, "ResetSeqNumFlag(141)=Y" if reset else "reset_on_logon")
        elif reset and not self._reset_sent:
            # The peer starts anew in its answer; our Logon(A) counts as message 1.
            self._reset_numbers(now, "ResetSeqNumFlag(141)=Y", next_out=2)
        self._reset_sent = False
        msg_seq_num = number(message, tags.MSG_SEQ_NUM) or 0
        if msg_seq_num < state.next_in:
            text = _too_low_text(state.next_in, msg_seq_num)
            self._logout_and_end(DisconnectReason.SEQ_NUM_TOO_LOW, text, now)
            return
        wanted = number(message, tags.NEXT_EXPECTED_MSG_SEQ_NUM)
        if not self.config.next_expected_msg_seq_num:
            wanted = None
        if wanted is not None and wanted > state.next_out:
            text = (
                "NextExpectedMsgSeqNum(789) too high, "
                f"expecting {state.next_out} but received {wanted}"
            )
            self._logout_and_end(DisconnectReason.LOGON_REFUSED, text, now)
            return
        in_order = msg_seq_num == state.next_in
        heartbeat_s = number(message, tags.HEART_BT_INT) or 0
        if is_acceptor:
            next_in = 0 if wanted is None else state.next_in + int(in_order)
            self._send_logon(heartbeat_s, now, reset=reset, next_expected=next_in)
        logon_sent, last_out = self._logon_sent, state.next_out - 1
        self._step(Step.LOGON_COMPLETE)
        self._keep_alive.start(heartbeat_s, now)
        self._outbox.note(Fact.LOGGED_ON, f"HeartBtInt(108) {heartbeat_s}")
        if in_order:
            self._consumed(state.next_in + 1, now)
        else:
            self._gap.hold(msg_seq_num, None, 0)
            if wanted is not None:
                self._gap.await_unasked(now)
            self._request_missing(now)
        if wanted is not None and wanted < logon_sent:
            self._resender.start(max(wanted, 1), logon_sent - 1)
        if last_out > logon_sent:
            # Sent by the application while an initiator waited for the answer to its Logon(A).
            self._resender.start(logon_sent + 1, last_out)
        self._application.logon(self.id)

    def _logon_with_reset(self, message: Message, msg_seq_num: int, now: Nanos) -> None:
        """Logon(A), ResetSeqNumFlag(141)=Y, in a live session: ask of the peer, or answer to us."""
        objection = self._objection(message)
        if objection is None and msg_seq_num != 1:
            text = f"MsgSeqNum(34) is {msg_seq_num}, not 1, with ResetSeqNumFlag(141)=Y"
            objection = Reject(SessionRejectReason.VALUE_IS_INCORRECT, text, tags.MSG_SEQ_NUM)
        if objection is not None:
            self._consume_if_expected(message, now)
            self._reject(message, objection, now)
            return
        if self._phase is not Phase.ACTIVE:
            return
        text = answers.logon_refusal(message, self.config) or ""
        if not text:
            try:
                self._application.from_admin(self.id, message)
            except RejectLogon as refusal:
                text = refusal.text or "Logon(A) refused"
        if text:
            self._logout_and_end(DisconnectReason.LOGON_REFUSED, text, now)
            return
        heartbeat_s = number(message, tags.HEART_BT_INT) or 0
        if not self._reset_sent:
            self._reset_numbers(now, "ResetSeqNumFlag(141)=Y in a live session")
            self._send_logon(heartbeat_s, now, reset=True)
        self._reset_sent = False
        self._gap.clear()
        self._keep_alive.start(heartbeat_s, now)
        self._consumed(2, now)

    def _send_logon(
        self, heartbeat_s: int, now: Nanos, *, reset: bool, next_expected: int = 0
    ) -> None:
        message = answers.logon(self.config, heartbeat_s, reset=reset)
        if self.config.role is Role.INITIATOR and self.config.next_expected_msg_seq_num:
            next_expected = self.state.next_in
        if next_expected:
            message.add(tags.NEXT_EXPECTED_MSG_SEQ_NUM, next_expected)
        self._logon_sent = self._outbox.admin(message, now)

    def _next_message(
        self, message: Message, malformed: Reject | None, size: int, now: Nanos
    ) -> None:
        """A frame after the Logon(A): header and sequence decide whether it is worked now."""
        msg_seq_num = number(message, tags.MSG_SEQ_NUM)
        if msg_seq_num is None:
            text = "Required tag missing: MsgSeqNum(34)"
            if tags.MSG_SEQ_NUM in message:
                text = "Incorrect data format for value: MsgSeqNum(34)"
            self._logout_and_end(DisconnectReason.SEQ_NUM_MISSING, text, now)
            return
        fault = None if malformed else answers.header_fault(message, self.config, now)
        if fault is not None and fault.fatal:
            self._consume_if_expected(message, now)
            self._reject(message, fault.reject, now)
            self._expel("", now)
            return
        refused = malformed or (fault.reject if fault else None)
        if refused is None and self._is_worked_out_of_order(message, msg_seq_num, size, now):
            return
        expected = self.state.next_in
        if msg_seq_num < expected:
            self._too_low(message, msg_seq_num, refused, now)
        elif msg_seq_num > expected:
            # Of a message with a bad header only the number is trusted: it will come again.
            self._too_high(None if refused else message, msg_seq_num, size, now)
        else:
            self._work(message, refused, now)
            self._drain(now)

    def _is_worked_out_of_order(
        self, message: Message, msg_seq_num: int, size: int, now: Nanos
    ) -> bool:
        """Messages that are worked whatever their number is.

        A Logout(5) ends the session anyway; a ResendRequest(2) that waited for our own gap would
        leave two peers waiting for each other (FIX: Vol. 2 test 20); SequenceReset(4) in reset mode
        and Logon(A) with ResetSeqNumFlag(141)=Y replace the numbering (tests 11, 1B).
        """
        match message.msg_type:
            case answers.LOGOUT:
                self._logout_received(message, now)
            case answers.SEQUENCE_RESET if not flag(message, tags.GAP_FILL_FLAG):
                self._reset_mode(message, now)
            case answers.LOGON if flag(message, tags.RESET_SEQ_NUM_FLAG):
                self._logon_with_reset(message, msg_seq_num, now)
            case answers.RESEND_REQUEST if msg_seq_num != self.state.next_in:
                if msg_seq_num > self.state.next_in:
                    self._gap.hold(msg_seq_num, None, size)
                if self._objection(message) is None:
                    self._answer_resend_request(message, now)
                self._request_missing(now)
            case _:
                return False
        return True

    def _too_low(
        self, message: Message, msg_seq_num: int, refused: Reject | None, now: Nanos
    ) -> None:
        """FIX: Vol. 2 tests 2c, 2e, 2g."""
        if flag(message, tags.POSS_DUP_FLAG):
            if refused is not None:
                self._reject(message, refused, now)
            else:
                self._outbox.note(Fact.DUPLICATE, f"MsgSeqNum(34) {msg_seq_num}")
            return
        text = _too_low_text(self.state.next_in, msg_seq_num)
        self._logout_and_end(DisconnectReason.SEQ_NUM_TOO_LOW, text, now)

    def _too_high(self, message: Message | None, msg_seq_num: int, size: int, now: Nanos) -> None:
        """FIX: Vol. 2 test 2b."""
        if message is None:
            self._gap.notice(msg_seq_num)
        elif not self._gap.hold(msg_seq_num, message, size):
            text = f"MsgSeqNum(34) {msg_seq_num} is not held"
            self._outbox.note(Fact.OVERFLOW, text)
        self._request_missing(now)

    def _request_missing(self, now: Nanos) -> None:
        wanted = self._gap.request(self.state.next_in, now)
        if wanted is not None:
            self._ask_for(wanted, now)

    def _ask_for(self, wanted: tuple[int, int], now: Nanos) -> None:
        begin, end = wanted
        text = f"BeginSeqNo(7) {begin}, EndSeqNo(16) {end}"
        self._outbox.note(Fact.GAP, text)
        self._outbox.admin(answers.resend_request(begin, end), now)

    def _consume_if_expected(self, message: Message, now: Nanos) -> None:
        if number(message, tags.MSG_SEQ_NUM) == self.state.next_in:
            self._consumed(self.state.next_in + 1, now)

    def _consumed(self, next_in: int, now: Nanos) -> None:
        self.state.next_in = next_in
        if self._gap.advanced(next_in, now):
            self._outbox.note(Fact.GAP_CLOSED, f"expecting MsgSeqNum(34) {next_in}")

    def _drain(self, now: Nanos) -> None:
        """Work the held messages whose turn has come, then ask for what is still missing."""
        while self._phase in {Phase.ACTIVE, Phase.LOGOUT_SENT} and self._gap.is_open:
            held = self._gap.take(self.state.next_in)
            if held is None:
                self._request_missing(now)
                return
            if held.message is None:
                self._consumed(self.state.next_in + 1, now)
            else:
                self._work(held.message, None, now)

    def _work(self, message: Message, refused: Reject | None, now: Nanos) -> None:
        """A message whose turn it is. Afterwards its number counts as received."""
        expected = self.state.next_in
        self._outbox.in_hand = expected
        objection = refused or self._objection(message)
        if objection is not None:
            self._reject(message, objection, now)
        elif message.msg_type not in ADMIN_TYPES:
            self._to_application(message, now)
        elif message.msg_type == answers.SEQUENCE_RESET:
            self._outbox.in_hand = 0
            self._gap_fill(message, now)
            return
        else:
            self._application.from_admin(self.id, message)
            self._admin(message, now)
        self._outbox.in_hand = 0
        if self.state.next_in == expected and self._phase is not Phase.ENDED:
            self._consumed(expected + 1, now)

    def _objection(self, message: Message) -> Reject | None:
        refused = answers.unsupported_type(message.msg_type, self.config)
        if refused is None and self._validator is not None:
            refused = self._validator.validate(message)
        return refused

    def _to_application(self, message: Message, now: Nanos) -> None:
        try:
            self._application.from_app(self.id, message)
        except UnsupportedMessageType as refusal:
            text = refusal.text or f"Unsupported message type: MsgType(35)={message.msg_type}"
            reason = BusinessRejectReason.UNSUPPORTED_MESSAGE_TYPE
            self._business_reject(message, reason, text, "", now)
        except BusinessReject as refusal:
            self._business_reject(message, refusal.reason, refusal.text, refusal.ref_id, now)
        except FieldMissing as refusal:
            text = f"Conditionally required field missing: {self._field_name(refusal.tag)}"
            reason = BusinessRejectReason.CONDITIONALLY_REQUIRED_FIELD_MISSING
            self._business_reject(message, reason, text, "", now)
        except IncorrectTagValue as refusal:
            text = refusal.text or (
                f"Value is incorrect (out of range) for this tag: {self._field_name(refusal.tag)}"
            )
            why = Reject(SessionRejectReason.VALUE_IS_INCORRECT, text, refusal.tag)
            self._reject(message, why, now)

    def _field_name(self, tag: int) -> str:
        dictionary = self.config.dictionary
        known = dictionary.fields.get(tag) if dictionary is not None else None
        return f"{known.name}({tag})" if known is not None else f"field {tag}"

    def _reject(self, message: Message, why: Reject, now: Nanos) -> None:
        if isinstance(why.reason, BusinessRejectReason):
            self._business_reject(message, why.reason, why.text, "", now)
            return
        self._outbox.note(Fact.REJECT_SENT, why.text)
        self._outbox.admin(answers.reject(message, why), now)

    def _business_reject(
        self, message: Message, reason: int, text: str, ref_id: str, now: Nanos
    ) -> None:
        self._outbox.note(Fact.REJECT_SENT, text)
        self.send(answers.business_reject(message, reason, text, ref_id), now)

    def _admin(self, message: Message, now: Nanos) -> None:
        match message.msg_type:
            case answers.TEST_REQUEST:
                self._outbox.admin(answers.heartbeat(message.get(tags.TEST_REQ_ID)), now)
            case answers.RESEND_REQUEST:
                self._answer_resend_request(message, now)
            case answers.REJECT:
                text = answers.printable(message.text(tags.TEXT) or "")
                self._outbox.note(Fact.REJECT_RECEIVED, text)
            case answers.LOGON:
                text = "Logon(A) without ResetSeqNumFlag(141)=Y in a live session"
                self._reject(message, Reject(SessionRejectReason.OTHER, text), now)
            case _:
                pass

    def _logout_received(self, message: Message, now: Nanos) -> None:
        """FIX: Vol. 2 test 13. What a Logout(5) with a gap missed is asked for at next Logon(A)."""
        self._application.from_admin(self.id, message)
        self._consume_if_expected(message, now)
        text = answers.printable(message.text(tags.TEXT) or "")
        if self._phase is Phase.LOGOUT_SENT:
            self._end(DisconnectReason.LOGOUT_ANSWERED, text, now)
            return
        self._outbox.admin(answers.logout(""), now)
        self._end(DisconnectReason.PEER_LOGOUT, text, now)

    def _answer_resend_request(self, message: Message, now: Nanos) -> None:
        """FIX: Vol. 2 test 8."""
        asked = self._resender.range_of(message)
        if isinstance(asked, Reject):
            self._reject(message, asked, now)
        elif self._resender.is_loop(asked[0], now):
            text = f"ResendRequest(2) for MsgSeqNum(34) {asked[0]} again and again: resend loop"
            self._logout_and_end(DisconnectReason.RESEND_LOOP, text, now)
        else:
            self._resender.start(*asked)

    def _gap_fill(self, message: Message, now: Nanos) -> None:
        """SequenceReset(4), GapFillFlag(123)=Y, in its turn. FIX: Vol. 2 test 10.

        One that would lower the number is refused and does not count: its sender has yet to say
        what became of the message it stands for.
        """
        expected = self.state.next_in
        new_seq_no = number(message, tags.NEW_SEQ_NO)
        if new_seq_no is None or new_seq_no <= expected:
            self._refuse_new_seq_no(message, now)
            return
        self._application.from_admin(self.id, message)
        skipped = self._gap.skip_to(new_seq_no)
        if skipped:
            self._outbox.note(Fact.SKIPPED, f"held MsgSeqNum(34) {skipped[0]} to {skipped[-1]}")
        self._consumed(new_seq_no, now)

    def _reset_mode(self, message: Message, now: Nanos) -> None:
        """SequenceReset(4) without GapFillFlag(123)=Y: its own number does not count (11)."""
        objection = self._objection(message)
        expected = self.state.next_in
        new_seq_no = number(message, tags.NEW_SEQ_NO)
        if objection is not None:
            self._reject(message, objection, now)
        elif new_seq_no is None or new_seq_no < expected:
            self._refuse_new_seq_no(message, now)
        else:
            self._application.from_admin(self.id, message)
            if new_seq_no > expected:
                self._outbox.note(Fact.SKIPPED, f"SequenceReset(4) from {expected} to {new_seq_no}")
                self._gap.clear()
                self.state.next_in = new_seq_no

    def _refuse_new_seq_no(self, message: Message, now: Nanos) -> None:
        value = message.text(tags.NEW_SEQ_NO)
        if value is None:
            reason, tag = SessionRejectReason.REQUIRED_TAG_MISSING, tags.NEW_SEQ_NO
            self._reject(message, Reject(reason, "Required tag missing: NewSeqNo(36)", tag), now)
            return
        text = (
            "Value is incorrect (out of range) for this tag: attempt to lower sequence number, "
            f"invalid value NewSeqNo(36)={answers.printable(value)}, "
            f"expecting {self.state.next_in}"
        )
        self._reject(message, Reject(SessionRejectReason.VALUE_IS_INCORRECT, text), now)


def _nanos(seconds: float) -> int:
    return int(seconds * SECOND)


def _extra_data_fields(dictionary: Dictionary | None) -> dict[int, int] | None:
    """Data fields of a private dictionary that FIX 4.4 does not have."""
    if dictionary is None:
        return None
    known = FIX44_DATA_FIELDS.items()
    return dict(dictionary.data_fields.items() - known) or None


def _too_low_text(expected: int, received: int) -> str:
    return f"MsgSeqNum too low, expecting {expected} but received {received}"
