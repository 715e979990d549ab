"""The administrative messages a session writes, and what it reads out of a peer's.

Owns: their body fields, and the checks of header and Logon(A) that need no session state.
Must not know: numbers, phases, when a message is due.
"""

from dataclasses import dataclass

from fixoms.domain.units import SECOND, Nanos
from fixoms.fix import tags
from fixoms.fix.config import Role, SessionConfig
from fixoms.fix.identity import reverse_route
from fixoms.fix.message import Message
from fixoms.fix.rejects import BusinessRejectReason, Reject, SessionRejectReason
from fixoms.fix.values import InvalidValue, parse_utc_timestamp

HEARTBEAT = "0"
TEST_REQUEST = "1"
RESEND_REQUEST = "2"
REJECT = "3"
SEQUENCE_RESET = "4"
LOGOUT = "5"
LOGON = "A"
ADMIN_TYPES = frozenset(
    {HEARTBEAT, TEST_REQUEST, RESEND_REQUEST, REJECT, SEQUENCE_RESET, LOGOUT, LOGON}
)

_SEQ_NUM_DIGITS_MAX = 18


def number(message: Message, tag: int) -> int | None:
    """A SeqNum or int field that is not negative, or None when absent or not one."""
    value = message.get(tag)
    if value is None or not value.isdigit() or len(value) > _SEQ_NUM_DIGITS_MAX:
        return None
    return int(value)


def flag(message: Message, tag: int) -> bool:
    """Whether a Boolean field is Y; absent means N."""
    return message.get(tag) == b"Y"


def logon(config: SessionConfig, heartbeat_interval_s: int, *, reset: bool) -> Message:
    """Logon(A) without NextExpectedMsgSeqNum(789), which only the session knows."""
    message = Message(LOGON).add(tags.ENCRYPT_METHOD, 0)
    message.add(tags.HEART_BT_INT, heartbeat_interval_s)
    if reset:
        message.add(tags.RESET_SEQ_NUM_FLAG, "Y")
    if config.test_message_indicator is not None:
        value = "Y" if config.test_message_indicator else "N"
        message.add(tags.TEST_MESSAGE_INDICATOR, value)
    return message


def heartbeat(test_req_id: bytes | None) -> Message:
    """Heartbeat(0), with the TestReqID(112) it answers."""
    return Message(HEARTBEAT, [] if test_req_id is None else [(tags.TEST_REQ_ID, test_req_id)])


def test_request(test_req_id: str) -> Message:
    """TestRequest(1)."""
    return Message(TEST_REQUEST).add(tags.TEST_REQ_ID, test_req_id)


def resend_request(begin: int, end: int) -> Message:
    """ResendRequest(2) for `begin` to `end`, 0 meaning everything."""
    return Message(RESEND_REQUEST).add(tags.BEGIN_SEQ_NO, begin).add(tags.END_SEQ_NO, end)


def logout(text: str) -> Message:
    """Logout(5) with Text(58) unless empty."""
    return Message(LOGOUT).add(tags.TEXT, text) if text else Message(LOGOUT)


def reject(refused: Message, why: Reject) -> Message:
    """Reject(3), routed back to where the refused message came from."""
    answer = Message(REJECT, reverse_route(refused))
    answer.add(tags.REF_SEQ_NUM, number(refused, tags.MSG_SEQ_NUM) or 0)
    if why.text:
        answer.add(tags.TEXT, why.text)
    if why.ref_tag_id is not None:
        answer.add(tags.REF_TAG_ID, why.ref_tag_id)
    if refused.msg_type:
        answer.add(tags.REF_MSG_TYPE, refused.msg_type)
    return answer.add(tags.SESSION_REJECT_REASON, int(why.reason))


def business_reject(refused: Message, reason: int, text: str, ref_id: str = "") -> Message:
    """BusinessMessageReject(j), routed back likewise."""
    answer = Message("j", reverse_route(refused))
    answer.add(tags.REF_SEQ_NUM, number(refused, tags.MSG_SEQ_NUM) or 0)
    if text:
        answer.add(tags.TEXT, text)
    answer.add(tags.REF_MSG_TYPE, refused.msg_type)
    if ref_id:
        answer.add(tags.BUSINESS_REJECT_REF_ID, ref_id)
    return answer.add(tags.BUSINESS_REJECT_REASON, reason)


def unsupported_type(msg_type: str, config: SessionConfig) -> Reject | None:
    """Whether MsgType(35) is none (373=11) or none of the dictionary (380=3).

    FIX: Vol. 2 tests 2q and 2r. A type that cannot be a MsgType(35) at all is refused by the
    session; one that may exist, but not here, is refused by the application.
    """
    if not (msg_type.isascii() and msg_type.isalnum()):
        return Reject(
            SessionRejectReason.INVALID_MSG_TYPE, f"Invalid MsgType(35): {printable(msg_type)}"
        )
    if config.dictionary is not None and msg_type not in config.dictionary.messages:
        return Reject(
            BusinessRejectReason.UNSUPPORTED_MESSAGE_TYPE,
            f"Unsupported message type: MsgType(35)={msg_type}",
        )
    return None


def printable(text: str) -> str:
    """A peer's text made fit for a Text(58) and a log line, and cut to 40 characters."""
    return text[:40].encode("ascii", "backslashreplace").decode("ascii").replace("\x01", "|")


def shown(value: bytes) -> str:
    """The same for bytes."""
    return printable(value.decode("latin-1"))


@dataclass(frozen=True, slots=True)
class HeaderFault:
    """What is wrong with a header. `fatal` ones are followed by Logout(5)."""

    reject: Reject
    fatal: bool


def header_fault(message: Message, config: SessionConfig, now: Nanos) -> HeaderFault | None:
    """CompIDs, SendingTime(52) and OrigSendingTime(122) of a received message.

    FIX: Vol. 2 tests 2f, 2g, 2k, 2o. Whether CompIDs are there at all is 373=1, test 14b.
    """
    for tag, expected, name in (
        (tags.SENDER_COMP_ID, config.id.target_comp_id, "SenderCompID(49)"),
        (tags.TARGET_COMP_ID, config.id.sender_comp_id, "TargetCompID(56)"),
    ):
        value = message.text(tag)
        if value is None:
            return _missing(tag, name)
        if value != expected:
            text = f"CompID problem: {name} is {printable(value)!r}, not {expected!r}"
            return HeaderFault(Reject(SessionRejectReason.COMP_ID_PROBLEM, text), fatal=True)
    return _time_fault(message, config, now)


def _time_fault(message: Message, config: SessionConfig, now: Nanos) -> HeaderFault | None:
    value = message.get(tags.SENDING_TIME)
    if value is None:
        return _missing(tags.SENDING_TIME, "SendingTime(52)")
    try:
        sent = parse_utc_timestamp(value)
    except InvalidValue:
        return _bad_format(tags.SENDING_TIME, "SendingTime(52)", value)
    tolerance = config.sending_time_tolerance_s
    if config.check_sending_time and abs(now - sent) > tolerance * SECOND:
        text = (
            f"SendingTime accuracy problem: SendingTime(52) {value.decode('latin-1')} "
            f"is more than {tolerance} s from our clock"
        )
        return HeaderFault(_accuracy(text), fatal=True)
    if not flag(message, tags.POSS_DUP_FLAG) or message.msg_type == SEQUENCE_RESET:
        return None
    original = message.get(tags.ORIG_SENDING_TIME)
    if original is None:
        if config.require_orig_sending_time:
            return _missing(tags.ORIG_SENDING_TIME, "OrigSendingTime(122)")
        return None
    try:
        first_sent = parse_utc_timestamp(original)
    except InvalidValue:
        return _bad_format(tags.ORIG_SENDING_TIME, "OrigSendingTime(122)", original)
    if first_sent > sent:
        text = (
            f"SendingTime accuracy problem: OrigSendingTime(122) {original.decode('latin-1')} "
            f"is later than SendingTime(52) {value.decode('latin-1')}"
        )
        return HeaderFault(_accuracy(text), fatal=True)
    return None


def _accuracy(text: str) -> Reject:
    return Reject(SessionRejectReason.SENDING_TIME_ACCURACY_PROBLEM, text)


def _missing(tag: int, name: str) -> HeaderFault:
    text = f"Required tag missing: {name}"
    return HeaderFault(Reject(SessionRejectReason.REQUIRED_TAG_MISSING, text, tag), fatal=False)


def _bad_format(tag: int, name: str, value: bytes) -> HeaderFault:
    text = f"Incorrect data format for value: {name} {printable(value.decode('latin-1'))!r}"
    return HeaderFault(
        Reject(SessionRejectReason.INCORRECT_DATA_FORMAT_FOR_VALUE, text, tag), fatal=False
    )


def logon_refusal(message: Message, config: SessionConfig) -> str | None:
    """Why a Logon(A) with a good header cannot be taken, as Text(58), or None.

    FIX: Vol. 2 test 1S and the Logon(A) message of Vol. 2.
    """
    method = message.text(tags.ENCRYPT_METHOD)
    if method != "0":
        return f"EncryptMethod(98) must be 0 (none), is {printable(method or 'missing')}"
    value = message.text(tags.HEART_BT_INT)
    digits = (value or "").removeprefix("-")
    if value is None or not digits.isdigit() or len(digits) > _SEQ_NUM_DIGITS_MAX:
        return f"HeartBtInt(108) must be seconds, is {printable(value or 'missing')}"
    if int(value) < 0:
        return f"HeartBtInt(108) must not be negative, is {value}"
    if config.role is Role.ACCEPTOR and int(value) > config.heartbeat_interval_s_max:
        return f"HeartBtInt(108) must be at most {config.heartbeat_interval_s_max}, is {value}"
    if flag(message, tags.RESET_SEQ_NUM_FLAG) and not config.allow_reset_by_peer:
        return "ResetSeqNumFlag(141)=Y is not allowed in this session"
    expected = config.test_message_indicator
    if expected is not None and flag(message, tags.TEST_MESSAGE_INDICATOR) != expected:
        return f"TestMessageIndicator(464) must be {'Y' if expected else 'N'} in this session"
    return None
