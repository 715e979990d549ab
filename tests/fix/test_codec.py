"""Bytes to Message and back, byte for byte; simplefix as second opinion."""

import pytest
import simplefix
from hypothesis import given
from hypothesis import strategies as st

from fixoms.fix import tags
from fixoms.fix.codec import MalformedField, UnsendableField, encode, parse
from fixoms.fix.data_fields import FIX44_DATA_FIELDS
from fixoms.fix.framing import Frame, Framer
from fixoms.fix.message import Message
from fixoms.fix.rejects import SessionRejectReason
from tests.fix.wire_text import HEADER, ORDER, encoded, frame, message


def refused(text: str) -> MalformedField:
    with pytest.raises(MalformedField) as caught:
        parse(frame(text))
    return caught.value


def test_parse_gives_every_field_between_msg_type_and_checksum() -> None:
    assert message("35=D|49=A|34=7|55=ACME|58=a=b") == Message(
        "D", [(49, b"A"), (34, b"7"), (55, b"ACME"), (58, b"a=b")]
    )


def test_a_message_without_body_has_no_fields() -> None:
    assert message("35=0") == Message("0")


@pytest.mark.parametrize("value", ["002000.00", "0", "=", "==x", " ", "é", "|".replace("|", ";")])
def test_values_are_not_touched(value: str) -> None:
    assert message(f"35=D|{HEADER}|58={value}").get(tags.TEXT) == value.encode("latin-1")


def test_an_empty_value_is_a_field() -> None:
    assert message(f"35=D|{HEADER}|58=").get(tags.TEXT) == b""


@pytest.mark.parametrize("tag", [9999, 10_000, 20_001, 999_999_999])
def test_large_tags(tag: int) -> None:
    assert message(f"35=D|{HEADER}|{tag}=x").get(tag) == b"x"


@pytest.mark.parametrize(("length_tag", "data_tag"), FIX44_DATA_FIELDS.items())
def test_a_data_field_holds_the_delimiter(length_tag: int, data_tag: int) -> None:
    data = b"a\x01b=c\x0110=000\x01"
    found = message(f"35=B|{HEADER}|{length_tag}={len(data)}|{data_tag}=a|b=c|10=000||58=x")
    assert found.get(data_tag) == data
    assert found.get(tags.TEXT) == b"x"


def test_data_that_looks_like_fields_is_not_split() -> None:
    found = message(f"35=B|{HEADER}|95=7|96=1|55=XX|58=x")
    assert found.get(tags.RAW_DATA) == b"1\x0155=XX"
    assert tags.SYMBOL not in found


def test_a_wrong_data_length_ends_the_value_at_the_delimiter() -> None:
    found = message(f"35=B|{HEADER}|95=3|96=abcdef|58=x")
    assert found.get(tags.RAW_DATA) == b"abcdef"
    assert found.get(tags.TEXT) == b"x"


def test_data_fields_of_a_private_dictionary() -> None:
    raw = frame(f"35=B|{HEADER}|5001=3|5002=a|b|58=x")
    assert parse(raw, {5001: 5002}).get(5002) == b"a\x01b"


@pytest.mark.parametrize(
    ("field", "ref_tag_id"),
    [("0=x", 0), ("-1=x", -1), ("011=x", 11), ("abc=x", None), ("=x", None), ("1 =x", None),
     ("+5=x", None), ("9999999999=x", None), ("4garbled9=x", None)],
)  # fmt: skip
def test_a_bad_tag_is_reported_with_what_was_readable(field: str, ref_tag_id: int | None) -> None:
    """FIX: Vol. 2 test 14a."""
    error = refused(f"35=0|{HEADER}|{field}|58=x")
    assert error.reject.reason is SessionRejectReason.INVALID_TAG_NUMBER
    assert error.reject.ref_tag_id == ref_tag_id
    assert error.message.msg_type == "0"
    assert error.message.get(tags.MSG_SEQ_NUM) == b"2"
    assert error.message.get(tags.TEXT) == b"x"


def test_a_delimiter_inside_a_value_is_reported_on_that_field() -> None:
    error = refused(f"35=0|{HEADER}|58=a|b|11=x")
    assert error.reject.reason is SessionRejectReason.NON_DATA_VALUE_INCLUDES_FIELD_DELIMITER
    assert error.reject.ref_tag_id == tags.TEXT
    assert error.message.get(tags.CL_ORD_ID) == b"x"


@pytest.mark.parametrize("text", ["34=1|35=0", "34=1", "35"])
def test_a_message_without_msg_type_is_refused(text: str) -> None:
    assert refused(text).message.msg_type == ""


def test_encode_counts_and_sums() -> None:
    raw = encode("0", [(49, b"A"), (56, b"B")], [(112, b"T")])
    assert raw == b"8=FIX.4.4\x019=21\x0135=0\x0149=A\x0156=B\x01112=T\x0110=206\x01"


def test_encode_of_a_message_without_fields() -> None:
    assert encode("0", [], []) == b"8=FIX.4.4\x019=5\x0135=0\x0110=163\x01"


def test_another_begin_string() -> None:
    assert encode("0", [], [], b"FIX.4.2").startswith(b"8=FIX.4.2\x01")


@pytest.mark.parametrize("fields", [
    [(58, b"a\x0155=EVIL")],
    [(95, b"3"), (96, b"a\x01bc")],
    [(96, b"a\x01b")],
    [(20_000, b"\x01")],
])  # fmt: skip
def test_no_value_smuggles_a_field(fields: list[tuple[int, bytes]]) -> None:
    with pytest.raises(UnsendableField):
        encode("B", [], fields)


def test_data_fields_go_out_as_they_are() -> None:
    raw = encode("B", [(34, b"1")], [(95, b"3"), (96, b"a\x01b"), (20_000, b"x")])
    assert parse(raw).fields == [(34, b"1"), (95, b"3"), (96, b"a\x01b"), (20_000, b"x")]


def test_parse_and_encode_give_the_same_bytes() -> None:
    assert encoded(ORDER) == frame(ORDER)


tag_numbers = st.integers(1, 12_000).filter(
    lambda tag: tag not in {8, 9, 10, 35} and tag not in FIX44_DATA_FIELDS
)
values = st.binary(min_size=0, max_size=40).map(lambda value: value.replace(b"\x01", b"?"))
field_lists = st.lists(st.tuples(tag_numbers, values), max_size=40)
data_field_lists = st.builds(
    lambda pair, data: [(pair[0], b"%d" % len(data)), (pair[1], data)],
    st.sampled_from(sorted(FIX44_DATA_FIELDS.items())),
    st.binary(min_size=1, max_size=40),
)


@given(field_lists, st.lists(data_field_lists, max_size=3), field_lists)
def test_round_trip_through_the_wire(
    before: list[tuple[int, bytes]],
    data: list[list[tuple[int, bytes]]],
    after: list[tuple[int, bytes]],
) -> None:
    fields = before + [field for pair in data for field in pair] + after
    raw = encode("D", [], fields)
    framer = Framer()
    framer.feed(raw)
    found = framer.next()
    assert isinstance(found, Frame)
    assert found.raw == raw
    assert parse(raw) == Message("D", fields)


# Beyond FIX 4.4 simplefix knows length fields of later versions.
field_lists_of_fix44 = st.lists(
    st.tuples(tag_numbers.filter(lambda tag: tag < 957), values.filter(bool)), max_size=40
)


@given(field_lists_of_fix44)
def test_simplefix_reads_what_we_write(fields: list[tuple[int, bytes]]) -> None:
    raw = encode("D", [(34, b"1")], fields)
    parser = simplefix.FixParser()
    parser.append_buffer(raw)
    found = parser.get_message()
    assert found is not None
    assert [(int(tag), value) for tag, value in found.pairs][3:-1] == [(34, b"1"), *fields]
    assert found.encode(raw=True) == raw
    assert int(found.get(10)) == sum(raw[:-7]) % 256
    assert int(found.get(9)) == len(raw) - 7 - raw.index(b"35=")


@given(field_lists_of_fix44)
def test_we_read_what_simplefix_writes(fields: list[tuple[int, bytes]]) -> None:
    theirs = simplefix.FixMessage()
    theirs.append_pair(8, "FIX.4.4")
    theirs.append_pair(35, "D")
    for tag, value in fields:
        theirs.append_pair(tag, value)
    assert parse(theirs.encode()) == Message("D", fields)


@given(st.binary(max_size=200))
def test_any_bytes_parse_or_are_reported(body: bytes) -> None:
    raw = b"8=FIX.4.4\x019=0\x0135=D\x01" + body + b"\x0110=000\x01"
    text = ""
    try:
        parse(raw)
    except MalformedField as error:
        text = error.reject.text
    assert "\x01" not in text
