"""Bytes of one frame to a Message, and fields to the bytes of one frame.

Owns: the tag=value syntax, data fields with SOH inside, BodyLength(9) and CheckSum(10) on the way
out. Must not know: which fields a message may have, their types, sessions.

Values are taken and given as they are, byte for byte. The common message is split by one regular
expression and its tags are looked up in a table; a message with a data field, an unknown large tag
or a syntax error takes the field by field way, which knows the reason and the tag to name.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from fixoms.fix.data_fields import FIX44_DATA_FIELDS
from fixoms.fix.framing import byte_sum
from fixoms.fix.message import Message
from fixoms.fix.rejects import Reject, SessionRejectReason

_SOH = b"\x01"
_TABLE_TAGS = 10_000
_TAG_DIGITS_MAX = 9
_MSG_TYPES_MAX = 512

_split = re.compile(rb"([^=\x01]*)=([^\x01]*)\x01").findall
_valid_tag = re.compile(rb"[1-9][0-9]*").fullmatch
_any_int = re.compile(rb"-?[0-9]{1,9}").fullmatch

# Length fields of data fields are left out on purpose: meeting one sends the message the field by
# field way, so that the fast way never splits inside a data field.
_TAGS: dict[bytes, int] = {
    b"%d" % tag: tag for tag in range(1, _TABLE_TAGS) if tag not in FIX44_DATA_FIELDS
}
_PREFIXES: list[bytes] = [b"%d=" % tag for tag in range(_TABLE_TAGS)]
_msg_types: dict[bytes, str] = {}


class MalformedField(ValueError):
    """A received message has a field that is not tag=value.

    `message` holds all fields that were well-formed, so the session can still read MsgSeqNum(34)
    and answer with `reject`.
    """

    def __init__(self, reject: Reject, message: Message) -> None:
        super().__init__(reject.text)
        self.reject = reject
        self.message = message


class UnsendableField(ValueError):
    """A field of ours would break the message it is in: SOH outside of a data field."""

    def __init__(self, tag: int) -> None:
        super().__init__(f"value of field {tag} holds the field delimiter SOH")
        self.tag = tag


def parse(frame: bytes, extra_data_fields: Mapping[int, int] | None = None) -> Message:
    """The message of a frame: its MsgType(35) and every field between that and CheckSum(10).

    `extra_data_fields` names data fields of a private dictionary, length tag to data tag, beside
    those of FIX 4.4. Raises MalformedField when a field is not tag=value, or when the frame does
    not start with the three fields every message starts with.
    """
    start = frame.find(_SOH, frame.find(_SOH) + 1) + 1
    end = len(frame) - 7
    if extra_data_fields is None and frame.startswith(b"35=", start):
        pairs = _split(frame, start, end)
        # Each match takes one SOH; text between two SOH that is not tag=value would be skipped
        # over, and shows as a SOH that no match took.
        if len(pairs) == frame.count(_SOH, start, end):
            tags = _TAGS
            try:
                fields = [(tags[tag], value) for tag, value in pairs]
            except KeyError:
                return _parse_slowly(frame, FIX44_DATA_FIELDS)
            msg_type = fields.pop(0)[1]
            return Message.of(_msg_types.get(msg_type) or _msg_type_text(msg_type), fields)
    data_fields = FIX44_DATA_FIELDS
    if extra_data_fields is not None:
        data_fields = {**data_fields, **extra_data_fields}
    return _parse_slowly(frame, data_fields)


def _msg_type_text(value: bytes) -> str:
    text = value.decode("latin-1")
    if len(_msg_types) < _MSG_TYPES_MAX:
        _msg_types[value] = text
    return text


def _parse_slowly(frame: bytes, data_fields: Mapping[int, int]) -> Message:
    """Field by field: knows data fields, and which reason and tag to name for a syntax error."""
    start = frame.find(_SOH, frame.find(_SOH) + 1) + 1
    end = len(frame) - 7
    fields: list[tuple[int, bytes]] = []
    reject: Reject | None = None
    at = start
    expected_data = 0
    data_size = 0
    while at < end:
        soh = frame.find(_SOH, at)
        equals = frame.find(b"=", at, soh)
        if equals < 0:
            reject = reject or _not_a_field(frame[at:soh], fields[-1][0] if fields else None)
            at = soh + 1
            continue
        tag_bytes = frame[at:equals]
        if _valid_tag(tag_bytes) is None or len(tag_bytes) > _TAG_DIGITS_MAX:
            reject = reject or _bad_tag(tag_bytes)
            at = soh + 1
            continue
        tag = int(tag_bytes)
        value_start = equals + 1
        if tag == expected_data:
            # A length that does not end on a SOH inside the body is wrong: the value then ends at
            # the next SOH and validation compares the two.
            value_end = value_start + data_size
            if value_end < end and frame.startswith(_SOH, value_end):
                soh = value_end
        value = frame[value_start:soh]
        fields.append((tag, value))
        expected_data = data_fields.get(tag, 0)
        if expected_data:
            if value.isdigit() and len(value) <= _TAG_DIGITS_MAX:
                data_size = int(value)
            else:
                expected_data = 0
        at = soh + 1
    if not fields or fields[0][0] != 35:
        reject = Reject(
            SessionRejectReason.REQUIRED_TAG_MISSING, "MsgType(35) is not the third field", 35
        )
        raise MalformedField(reject, Message.of("", fields))
    message = Message.of(_msg_type_text(fields.pop(0)[1]), fields)
    if reject is not None:
        raise MalformedField(reject, message)
    return message


def _printable(value: bytes) -> str:
    return value[:40].decode("ascii", "backslashreplace")


def _not_a_field(text: bytes, previous_tag: int | None) -> Reject:
    """Bytes between two SOH without `=`: the value in front of them held a SOH."""
    reason = SessionRejectReason.NON_DATA_VALUE_INCLUDES_FIELD_DELIMITER
    return Reject(reason, f"{reason.phrase}: {_printable(text)!r} is not tag=value", previous_tag)


def _bad_tag(tag: bytes) -> Reject:
    reason = SessionRejectReason.INVALID_TAG_NUMBER
    return Reject(
        reason,
        f"{reason.phrase}: {_printable(tag)!r}",
        int(tag) if _any_int(tag) is not None else None,
    )


def encode(
    msg_type: str,
    header: Sequence[tuple[int, bytes]],
    body: Iterable[tuple[int, bytes]],
    begin_string: bytes = b"FIX.4.4",
) -> bytes:
    """One message as bytes, BodyLength(9) and CheckSum(10) exact.

    `header` holds the fields behind MsgType(35), `body` the rest up to CheckSum(10). Raises
    UnsendableField for a SOH inside a value that is not a data field of the right length, so no
    value can smuggle a field into a message.
    """
    fields = [*header, *body]
    prefixes = _PREFIXES
    try:
        text = _SOH.join([prefixes[tag] + value for tag, value in fields])
    except IndexError:
        text = _SOH.join([b"%d=%b" % field for field in fields])
    if fields and text.count(_SOH) != len(fields) - 1:
        _refuse_soh(fields)
    body_bytes = b"35=%b\x01%b%b" % (msg_type.encode("latin-1"), text, _SOH if fields else b"")
    message = b"8=%b\x019=%d\x01%b" % (begin_string, len(body_bytes), body_bytes)
    return b"%b10=%03d\x01" % (message, byte_sum(message))


def _refuse_soh(fields: Sequence[tuple[int, bytes]]) -> None:
    previous: tuple[int, bytes] = (0, b"")
    for tag, value in fields:
        if _SOH in value:
            length_tag, length = previous
            if FIX44_DATA_FIELDS.get(length_tag) != tag or length != b"%d" % len(value):
                raise UnsendableField(tag)
        previous = (tag, value)
