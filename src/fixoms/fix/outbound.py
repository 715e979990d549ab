"""Everything a session writes: header in front, number and time filled in, as an effect.

Owns: the next outbound number, the order and content of the standard header, gap fills, and
messages sent again. Must not know: when to send what; that is the session's.

Header fields come in the order most engines write them, ascending by tag behind MsgType(35).
"""

from fixoms.domain.units import Nanos
from fixoms.fix import tags
from fixoms.fix.application import Application
from fixoms.fix.codec import encode
from fixoms.fix.config import SessionConfig, SessionState
from fixoms.fix.effects import Effect, Fact, Keep, Noted, Transmit
from fixoms.fix.identity import HOPS, NOT_BODY, Fields, split_header
from fixoms.fix.message import Message
from fixoms.fix.values import render_utc_timestamp

_YES = b"Y"


class Outbox:
    """Turns messages into numbered frames and collects the effects of a session.

    `is_live` says whether there is a peer that is logged on; `in_hand` is the inbound number being
    worked on, which LastMsgSeqNumProcessed(369) counts as processed in the answers to it.
    """

    def __init__(
        self, config: SessionConfig, application: Application, state: SessionState
    ) -> None:
        session = config.id
        self.state = state
        self.effects: list[Effect] = []
        self.is_live = False
        self.in_hand = 0
        self.last_sent = Nanos(0)
        self._id = session
        self._application = application
        self._digits = config.timestamp_digits
        self._says_processed = config.last_msg_seq_num_processed
        self._begin_string = _wire(session.begin_string)
        self._from = (tags.SENDER_COMP_ID, _wire(session.sender_comp_id))
        self._to = (tags.TARGET_COMP_ID, _wire(session.target_comp_id))
        routing = (
            (tags.SENDER_SUB_ID, session.sender_sub_id),
            (tags.TARGET_SUB_ID, session.target_sub_id),
            (tags.SENDER_LOCATION_ID, session.sender_location_id),
            (tags.TARGET_LOCATION_ID, session.target_location_id),
        )
        self._routing = [(tag, _wire(text)) for tag, text in routing if text]

    def note(self, fact: Fact, text: str) -> None:
        """Tell the audit."""
        self.effects.append(Noted(fact, text))

    def admin(self, message: Message, now: Nanos) -> int:
        """Number and write an administrative message; gives its MsgSeqNum(34)."""
        self._application.to_admin(self._id, message)
        msg_seq_num = self._number(message, now)
        self._write(msg_seq_num, now, admin=True, new=True)
        return msg_seq_num

    def app(self, message: Message, now: Nanos) -> int:
        """Number an application message, and write it when there is a peer."""
        self._application.to_app(self._id, message)
        msg_seq_num = self._number(message, now)
        if self.is_live:
            self._write(msg_seq_num, now, admin=False, new=True)
        else:
            self.effects.append(Keep(self._frame, msg_seq_num))
        return msg_seq_num

    def unnumbered(self, message: Message, now: Nanos) -> None:
        """Write an administrative message under the next number without using it up."""
        self._application.to_admin(self._id, message)
        self._frame = self._compose(message, self.state.next_out, now)
        self._write(self.state.next_out, now, admin=True, new=False)

    def gap_fill(self, msg_seq_num: int, new_seq_no: int, now: Nanos) -> None:
        """SequenceReset(4), GapFillFlag(123)=Y, for `msg_seq_num` up to `new_seq_no` - 1."""
        time = render_utc_timestamp(now, self._digits)
        header = self._resent_header(msg_seq_num, time, time, self._routing)
        body = [(tags.NEW_SEQ_NO, b"%d" % new_seq_no), (tags.GAP_FILL_FLAG, _YES)]
        self._frame = encode("4", header, body, self._begin_string)
        self._write(msg_seq_num, now, admin=True, new=False)

    def again(self, message: Message, msg_seq_num: int, now: Nanos) -> None:
        """A stored message under its number: PossDupFlag(43)=Y and OrigSendingTime(122)."""
        routing, _ = split_header(message.fields)
        original = message.require(tags.SENDING_TIME)
        time = render_utc_timestamp(now, self._digits)
        header = self._resent_header(msg_seq_num, time, original, routing)
        body = [f for f in message.fields if f[0] not in NOT_BODY]
        self._frame = encode(message.msg_type, header, body, self._begin_string)
        self._write(msg_seq_num, now, admin=False, new=False)

    def _write(self, msg_seq_num: int, now: Nanos, *, admin: bool, new: bool) -> None:
        self.effects.append(Transmit(self._frame, msg_seq_num, admin, new))
        self.last_sent = now

    def _number(self, message: Message, now: Nanos) -> int:
        """Compose under the next number, then use it up: a message that cannot be sent has none."""
        msg_seq_num = self.state.next_out
        self._frame = self._compose(message, msg_seq_num, now)
        self.state.next_out = msg_seq_num + 1
        return msg_seq_num

    def _compose(self, message: Message, msg_seq_num: int, now: Nanos) -> bytes:
        routing, body = split_header(message.fields)
        if self._routing:
            present = {tag for tag, _ in routing}
            routing += [f for f in self._routing if f[0] not in present]
        header: Fields = [
            (tags.MSG_SEQ_NUM, b"%d" % msg_seq_num),
            self._from,
            (tags.SENDING_TIME, render_utc_timestamp(now, self._digits)),
            self._to,
        ]
        if routing or self._says_processed:
            header = self._in_order(header, routing)
        return encode(message.msg_type, header, body, self._begin_string)

    def _resent_header(
        self, msg_seq_num: int, time: bytes, original: bytes, routing: Fields
    ) -> Fields:
        header: Fields = [
            (tags.MSG_SEQ_NUM, b"%d" % msg_seq_num),
            (tags.POSS_DUP_FLAG, _YES),
            self._from,
            (tags.SENDING_TIME, time),
            self._to,
            (tags.ORIG_SENDING_TIME, original),
        ]
        return self._in_order(header, routing)

    def _in_order(self, header: Fields, routing: Fields) -> Fields:
        """Both by tag; hops stay behind everything else, in their own order."""
        plain = [f for f in routing if f[0] not in HOPS]
        if self._says_processed:
            processed = max(self.state.next_in - 1, self.in_hand)
            plain.append((tags.LAST_MSG_SEQ_NUM_PROCESSED, b"%d" % processed))
        return sorted(header + plain) + [f for f in routing if f[0] in HOPS]


def _wire(text: str) -> bytes:
    return text.encode("latin-1")
