"""Logon(A): letting a peer in, or not, and starting anew in a live session.

Owns: everything from the first message of a connection to the first of the session, and
ResetSeqNumFlag(141). Must not know: the messages of the session, heartbeats, the way out.
"""

from fixoms.domain.units import Nanos
from fixoms.fix import answers, tags
from fixoms.fix.answers import flag, number
from fixoms.fix.application import RejectLogon
from fixoms.fix.config import Role
from fixoms.fix.effects import DisconnectReason, Fact, Refused
from fixoms.fix.lifecycle import Lifecycle
from fixoms.fix.message import Message
from fixoms.fix.rejects import Reject, SessionRejectReason
from fixoms.fix.states import Phase, Step


class LogonExchange:
    """Both sides' Logon(A)."""

    __slots__ = ("_life",)

    def __init__(self, life: Lifecycle) -> None:
        self._life = life

    def first_message(
        self, begin_string: bytes, message: Message, malformed: Reject | None, now: Nanos
    ) -> None:
        """The first message of a connection. FIX: Vol. 2 tests 1B, 1S.

        Nothing changes and nothing is said until the application has let the peer in, except for
        a Logout(5) that names what is wrong with the Logon(A) itself.
        """
        if begin_string != self._life.begin_string:
            self.refuse(DisconnectReason.BEGIN_STRING, answers.shown(begin_string), now)
        elif message.msg_type != answers.LOGON:
            self._not_a_logon(message, now)
        elif number(message, tags.MSG_SEQ_NUM) is None:
            self.refuse(DisconnectReason.SEQ_NUM_MISSING, "", now)
        elif (fault := answers.header_fault(message, self._life.config, now)) is not None:
            self.refuse(DisconnectReason.LOGON_REFUSED, fault.reject.text, now)
        elif (objection := malformed or self._life.objection(message)) is not None:
            self.refuse(DisconnectReason.LOGON_REFUSED, objection.text, now, say=True)
        elif (text := answers.logon_refusal(message, self._life.config)) is not None:
            self.refuse(DisconnectReason.LOGON_REFUSED, text, now, say=True)
        else:
            try:
                self._life.application.from_admin(self._life.id, message)
            except RejectLogon as refusal:
                self._refuse_by_application(refusal, now)
                return
            if self._life.is_open:
                self._take_logon(message, now)
            else:
                text = "The session is closed at this time"
                self.refuse(DisconnectReason.OUT_OF_HOURS, text, now, say=True)

    def _not_a_logon(self, message: Message, now: Nanos) -> None:
        text = answers.printable(message.text(tags.TEXT) or "")
        if self._life.phase is Phase.LOGON_SENT and message.msg_type == answers.LOGOUT:
            # The number of this Logout(5) is not counted: whether the peer counted it is unknown,
            # and asking for one message too many heals what the other mistake would not.
            self._life.application.from_admin(self._life.id, message)
            self.refuse(DisconnectReason.LOGON_REFUSED, text, now)
        else:
            text = f"MsgType(35)={answers.printable(message.msg_type)} {text}".strip()
            self.refuse(DisconnectReason.FIRST_MESSAGE_NOT_LOGON, text, now)

    def refuse(self, reason: DisconnectReason, text: str, now: Nanos, *, say: bool = False) -> None:
        """End before the session began; no number changes. `say` tells the peer why."""
        self._life.outbox.effects.append(Refused(reason, text))
        if say:
            self._life.outbox.unnumbered(answers.logout(text), now)
        self._life.end(reason, text, now)

    def _refuse_by_application(self, refusal: RejectLogon, now: Nanos) -> None:
        self._life.outbox.effects.append(Refused(DisconnectReason.LOGON_REFUSED, refusal.audit))
        if refusal.text:
            self._life.outbox.unnumbered(answers.logout(refusal.text), now)
        self._life.end(DisconnectReason.LOGON_REFUSED, refusal.audit, now)

    def _take_logon(self, message: Message, now: Nanos) -> None:
        """The peer may come in: settle the numbers, answer, recover what either side missed."""
        state = self._life.state
        is_acceptor = self._life.config.role is Role.ACCEPTOR
        reset = flag(message, tags.RESET_SEQ_NUM_FLAG)
        if is_acceptor and (reset or self._life.config.reset_on_logon):
            self._life.reset_numbers(now, "ResetSeqNumFlag(141)=Y" if reset else "reset_on_logon")
        elif reset and not self._life.reset_sent:
            # The peer starts anew in its answer; our Logon(A) counts as message 1.
            self._life.reset_numbers(now, "ResetSeqNumFlag(141)=Y", next_out=2)
        self._life.reset_sent = False
        msg_seq_num = number(message, tags.MSG_SEQ_NUM) or 0
        if msg_seq_num < state.next_in:
            self._life.too_low(msg_seq_num, now)
            return
        wanted = number(message, tags.NEXT_EXPECTED_MSG_SEQ_NUM)
        if not self._life.config.next_expected_msg_seq_num:
            wanted = None
        if wanted is not None and wanted > state.next_out:
            text = (
                "NextExpectedMsgSeqNum(789) too high, "
                f"expecting {state.next_out} but received {wanted}"
            )
            self._life.logout_and_end(DisconnectReason.LOGON_REFUSED, text, now)
            return
        in_order = msg_seq_num == state.next_in
        heartbeat_s = number(message, tags.HEART_BT_INT) or 0
        if is_acceptor:
            next_in = 0 if wanted is None else state.next_in + int(in_order)
            self.send(heartbeat_s, now, reset=reset, next_expected=next_in)
        logon_sent, last_out = self._life.logon_sent, state.next_out - 1
        self._life.step(Step.LOGON_COMPLETE)
        self._life.keep_alive.start(heartbeat_s, now)
        self._life.outbox.note(Fact.LOGGED_ON, f"HeartBtInt(108) {heartbeat_s}")
        if in_order:
            self._life.consumed(state.next_in + 1, now)
        else:
            self._life.gap.hold(msg_seq_num, None, 0)
            if wanted is not None:
                self._life.gap.await_unasked(now)
            self._life.request_missing(now)
        if wanted is not None and wanted < logon_sent:
            self._life.resender.start(max(wanted, 1), logon_sent - 1)
        if last_out > logon_sent:
            # Sent by the application while an initiator waited for the answer to its Logon(A).
            self._life.resender.start(logon_sent + 1, last_out)
        self._life.application.logon(self._life.id)

    def live_reset(self, message: Message, msg_seq_num: int, now: Nanos) -> None:
        """Logon(A), ResetSeqNumFlag(141)=Y, in a live session: ask of the peer, or answer to us."""
        objection = self._life.objection(message)
        if objection is None and msg_seq_num != 1:
            text = f"MsgSeqNum(34) is {msg_seq_num}, not 1, with ResetSeqNumFlag(141)=Y"
            objection = Reject(SessionRejectReason.VALUE_IS_INCORRECT, text, tags.MSG_SEQ_NUM)
        if objection is not None:
            self._life.consume_if_expected(message, now)
            self._life.reject(message, objection, now)
            return
        if self._life.phase is not Phase.ACTIVE:
            return
        text = answers.logon_refusal(message, self._life.config) or ""
        if not text:
            try:
                self._life.application.from_admin(self._life.id, message)
            except RejectLogon as refusal:
                text = refusal.text or "Logon(A) refused"
        if text:
            self._life.logout_and_end(DisconnectReason.LOGON_REFUSED, text, now)
            return
        heartbeat_s = number(message, tags.HEART_BT_INT) or 0
        if not self._life.reset_sent:
            self._life.reset_numbers(now, "ResetSeqNumFlag(141)=Y in a live session")
            self.send(heartbeat_s, now, reset=True)
        self._life.reset_sent = False
        self._life.gap.clear()
        self._life.keep_alive.start(heartbeat_s, now)
        self._life.consumed(2, now)

    def send(self, heartbeat_s: int, now: Nanos, *, reset: bool, next_expected: int = 0) -> None:
        """Say Logon(A), with NextExpectedMsgSeqNum(789) unless 0."""
        config = self._life.config
        message = answers.logon(config, heartbeat_s, reset=reset)
        if config.role is Role.INITIATOR and config.next_expected_msg_seq_num:
            next_expected = self._life.state.next_in
        if next_expected:
            message.add(tags.NEXT_EXPECTED_MSG_SEQ_NUM, next_expected)
        self._life.logon_sent = self._life.outbox.admin(message, now)
