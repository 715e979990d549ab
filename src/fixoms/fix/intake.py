"""Messages of a live session: which are worked now, which wait, which are refused.

Owns: sequence rules and what each administrative message does. Must not know: the Logon(A) that
began the session, time without messages, how answers are numbered.
"""

from fixoms.domain.units import Nanos
from fixoms.fix import answers, tags
from fixoms.fix.answers import ADMIN_TYPES, flag, number
from fixoms.fix.application import BusinessReject, IncorrectTagValue, UnsupportedMessageType
from fixoms.fix.effects import DisconnectReason, Fact
from fixoms.fix.lifecycle import Lifecycle
from fixoms.fix.logon import LogonExchange
from fixoms.fix.message import FieldMissing, Message
from fixoms.fix.rejects import BusinessRejectReason, Reject, SessionRejectReason
from fixoms.fix.states import Phase


class Intake:
    """What happens to a message that arrived after the Logon(A)."""

    __slots__ = ("_life", "_logon")

    def __init__(self, life: Lifecycle, logon: LogonExchange) -> None:
        self._life = life
        self._logon = logon

    def take(self, message: Message, malformed: Reject | None, size: int, now: Nanos) -> None:
        """A frame after the Logon(A): header and sequence decide whether it is worked now."""
        msg_seq_num = number(message, tags.MSG_SEQ_NUM)
        if msg_seq_num is None:
            text = "Required tag missing: MsgSeqNum(34)"
            if tags.MSG_SEQ_NUM in message:
                text = "Incorrect data format for value: MsgSeqNum(34)"
            self._life.logout_and_end(DisconnectReason.SEQ_NUM_MISSING, text, now)
            return
        fault = None if malformed else answers.header_fault(message, self._life.config, now)
        if fault is not None and fault.fatal:
            self._life.consume_if_expected(message, now)
            self._life.reject(message, fault.reject, now)
            self._life.expel(fault.reject.text, now)
            return
        refused = malformed or (fault.reject if fault else None)
        if refused is None and self._is_worked_out_of_order(message, msg_seq_num, size, now):
            return
        expected = self._life.state.next_in
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

        A Logout(5) ends the session anyway. A ResendRequest(2) that waited for our own gap would
        leave two peers waiting for each other, so it is answered first, and the gap it shows is
        asked for behind the answer (FIX: Vol. 2 test 20). SequenceReset(4) in reset mode and
        Logon(A) with ResetSeqNumFlag(141)=Y replace the numbering (tests 11, 1B).
        """
        match message.msg_type:
            case answers.LOGOUT:
                self._logout_received(message, now)
            case answers.SEQUENCE_RESET if not flag(message, tags.GAP_FILL_FLAG):
                self._reset_mode(message, now)
            case answers.LOGON if flag(message, tags.RESET_SEQ_NUM_FLAG):
                self._logon.live_reset(message, msg_seq_num, now)
            case answers.RESEND_REQUEST if msg_seq_num != self._life.state.next_in:
                if msg_seq_num > self._life.state.next_in:
                    self._life.gap.hold(msg_seq_num, None, size)
                if self._life.objection(message) is None:
                    self._answer_resend_request(message, now)
                if not self._life.resender.is_waiting:
                    self._life.request_missing(now)
            case _:
                return False
        return True

    def _too_low(
        self, message: Message, msg_seq_num: int, refused: Reject | None, now: Nanos
    ) -> None:
        """FIX: Vol. 2 tests 2c, 2e, 2g."""
        if flag(message, tags.POSS_DUP_FLAG):
            if refused is not None:
                self._life.reject(message, refused, now)
            else:
                self._life.outbox.note(Fact.DUPLICATE, f"MsgSeqNum(34) {msg_seq_num}")
            return
        self._life.too_low(msg_seq_num, now)

    def _too_high(self, message: Message | None, msg_seq_num: int, size: int, now: Nanos) -> None:
        """FIX: Vol. 2 test 2b."""
        if message is None:
            self._life.gap.notice(msg_seq_num)
        elif not self._life.gap.hold(msg_seq_num, message, size):
            text = f"MsgSeqNum(34) {msg_seq_num} is not held"
            self._life.outbox.note(Fact.OVERFLOW, text)
        self._life.request_missing(now)

    def _drain(self, now: Nanos) -> None:
        """Work the held messages whose turn has come, then ask for what is still missing."""
        while self._life.phase in {Phase.ACTIVE, Phase.LOGOUT_SENT} and self._life.gap.is_open:
            held = self._life.gap.take(self._life.state.next_in)
            if held is None:
                self._life.request_missing(now)
                return
            if held.message is None:
                self._life.consumed(self._life.state.next_in + 1, now)
            else:
                self._work(held.message, None, now)

    def _work(self, message: Message, refused: Reject | None, now: Nanos) -> None:
        """A message whose turn it is. Afterwards its number counts as received."""
        expected = self._life.state.next_in
        self._life.outbox.in_hand = expected
        objection = refused or self._life.objection(message)
        if objection is not None:
            self._life.reject(message, objection, now)
        elif message.msg_type not in ADMIN_TYPES:
            self._to_application(message, now)
        elif message.msg_type == answers.SEQUENCE_RESET:
            self._life.outbox.in_hand = 0
            self._gap_fill(message, now)
            return
        else:
            self._life.application.from_admin(self._life.id, message)
            self._admin(message, now)
        self._life.outbox.in_hand = 0
        if self._life.state.next_in == expected and self._life.phase is not Phase.ENDED:
            self._life.consumed(expected + 1, now)

    def _to_application(self, message: Message, now: Nanos) -> None:
        try:
            self._life.application.from_app(self._life.id, message)
        except UnsupportedMessageType as refusal:
            text = refusal.text or f"Unsupported message type: MsgType(35)={message.msg_type}"
            reason = BusinessRejectReason.UNSUPPORTED_MESSAGE_TYPE
            self._life.business_reject(message, reason, text, "", now)
        except BusinessReject as refusal:
            self._life.business_reject(message, refusal.reason, refusal.text, refusal.ref_id, now)
        except FieldMissing as refusal:
            text = f"Conditionally required field missing: {self._field_name(refusal.tag)}"
            reason = BusinessRejectReason.CONDITIONALLY_REQUIRED_FIELD_MISSING
            self._life.business_reject(message, reason, text, "", now)
        except IncorrectTagValue as refusal:
            text = refusal.text or (
                f"Value is incorrect (out of range) for this tag: {self._field_name(refusal.tag)}"
            )
            why = Reject(SessionRejectReason.VALUE_IS_INCORRECT, text, refusal.tag)
            self._life.reject(message, why, now)

    def _field_name(self, tag: int) -> str:
        dictionary = self._life.config.dictionary
        known = dictionary.fields.get(tag) if dictionary is not None else None
        return f"{known.name}({tag})" if known is not None else f"field {tag}"

    def _admin(self, message: Message, now: Nanos) -> None:
        match message.msg_type:
            case answers.TEST_REQUEST:
                self._life.outbox.admin(answers.heartbeat(message.get(tags.TEST_REQ_ID)), now)
            case answers.RESEND_REQUEST:
                self._answer_resend_request(message, now)
            case answers.REJECT:
                text = answers.printable(message.text(tags.TEXT) or "")
                self._life.outbox.note(Fact.REJECT_RECEIVED, text)
            case answers.LOGON:
                text = "Logon(A) without ResetSeqNumFlag(141)=Y in a live session"
                self._life.reject(message, Reject(SessionRejectReason.OTHER, text), now)
            case _:
                pass

    def _logout_received(self, message: Message, now: Nanos) -> None:
        """FIX: Vol. 2 test 13. What a Logout(5) with a gap missed is asked for at next Logon(A)."""
        self._life.application.from_admin(self._life.id, message)
        self._life.consume_if_expected(message, now)
        text = answers.printable(message.text(tags.TEXT) or "")
        if self._life.phase is Phase.LOGOUT_SENT:
            self._life.end(DisconnectReason.LOGOUT_ANSWERED, text, now)
            return
        self._life.outbox.admin(answers.logout(""), now)
        self._life.end(DisconnectReason.PEER_LOGOUT, text, now)

    def _answer_resend_request(self, message: Message, now: Nanos) -> None:
        """FIX: Vol. 2 test 8."""
        asked = self._life.resender.range_of(message)
        if isinstance(asked, Reject):
            self._life.reject(message, asked, now)
        elif self._life.resender.is_loop(asked[0], now):
            text = f"ResendRequest(2) for MsgSeqNum(34) {asked[0]} again and again: resend loop"
            self._life.logout_and_end(DisconnectReason.RESEND_LOOP, text, now)
        else:
            self._life.resender.start(*asked)

    def _gap_fill(self, message: Message, now: Nanos) -> None:
        """SequenceReset(4), GapFillFlag(123)=Y, in its turn. FIX: Vol. 2 test 10.

        One that would lower the number is refused and does not count: its sender has yet to say
        what became of the message it stands for.
        """
        expected = self._life.state.next_in
        new_seq_no = number(message, tags.NEW_SEQ_NO)
        if new_seq_no is None or new_seq_no <= expected:
            self._refuse_new_seq_no(message, now)
            return
        self._life.application.from_admin(self._life.id, message)
        skipped = self._life.gap.skip_to(new_seq_no)
        if skipped:
            self._life.outbox.note(
                Fact.SKIPPED, f"held MsgSeqNum(34) {skipped[0]} to {skipped[-1]}"
            )
        self._life.consumed(new_seq_no, now)

    def _reset_mode(self, message: Message, now: Nanos) -> None:
        """SequenceReset(4) without GapFillFlag(123)=Y: its own number does not count (11)."""
        objection = self._life.objection(message)
        expected = self._life.state.next_in
        new_seq_no = number(message, tags.NEW_SEQ_NO)
        if objection is not None:
            self._life.reject(message, objection, now)
        elif new_seq_no is None or new_seq_no < expected:
            self._refuse_new_seq_no(message, now)
        else:
            self._life.application.from_admin(self._life.id, message)
            if new_seq_no > expected:
                self._life.outbox.note(
                    Fact.SKIPPED, f"SequenceReset(4) from {expected} to {new_seq_no}"
                )
                self._life.gap.clear()
                self._life.state.next_in = new_seq_no

    def _refuse_new_seq_no(self, message: Message, now: Nanos) -> None:
        value = message.text(tags.NEW_SEQ_NO)
        if value is None:
            reason, tag = SessionRejectReason.REQUIRED_TAG_MISSING, tags.NEW_SEQ_NO
            self._life.reject(
                message, Reject(reason, "Required tag missing: NewSeqNo(36)", tag), now
            )
            return
        text = (
            "Value is incorrect (out of range) for this tag: attempt to lower sequence number, "
            f"invalid value NewSeqNo(36)={answers.printable(value)}, "
            f"expecting {self._life.state.next_in}"
        )
        self._life.reject(message, Reject(SessionRejectReason.VALUE_IS_INCORRECT, text), now)
