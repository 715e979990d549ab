"""The terminal's own reading of bytes: it must notice what simplefix lets through."""

import pytest
import simplefix

from fixoms.replay.frames import (
    FRAME_MAX,
    FrameFault,
    build,
    cut_frame,
    printable,
    read_frame,
    write_bytes,
)
from fixoms.replay.script import ScriptError

FIELDS = [(49, b"ALICE"), (56, b"FIXOMS"), (34, b"7"), (112, b"X")]
FRAME = build(b"FIX.4.4", b"1", FIELDS)


def wire(text: str) -> bytes:
    return text.replace("|", "\x01").encode()


def written(text: str) -> bytes:
    return write_bytes(text, lambda tag, offset: b"<%d%+d>" % (tag, offset), ("x.fix", 1))


def test_a_frame_survives_any_cut() -> None:
    for size in range(1, 7):
        buffer, found = bytearray(), []
        stream = FRAME * 3
        for at in range(0, len(stream), size):
            buffer += stream[at : at + size]
            while (frame := cut_frame(buffer)) is not None:
                found.append(frame)
        assert found == [FRAME] * 3
        assert not buffer


def test_fields_are_read_between_type_and_checksum() -> None:
    received = read_frame(FRAME, 5)
    assert (received.msg_type, list(received.fields), received.after_line) == ("1", FIELDS, 5)
    assert received.get(112) == b"X"
    assert received.get(113) is None


def test_a_data_field_keeps_its_delimiters() -> None:
    frame = build(b"FIX.4.4", b"B", [(354, b"5"), (355, b"a\x01b=c"), (58, b"x")])
    assert read_frame(frame, 0).get(355) == b"a\x01b=c"


def test_a_wrong_checksum_is_noticed_though_simplefix_takes_it() -> None:
    wrong = FRAME[:-4] + b"%03d\x01" % ((int(FRAME[-4:-1]) + 1) % 256)
    parser = simplefix.FixParser()
    parser.append_buffer(wrong)
    assert parser.get_message() is not None
    with pytest.raises(FrameFault, match="add up to"):
        read_frame(wrong, 0)


@pytest.mark.parametrize("off", [-1, 1])
def test_a_wrong_body_length_is_noticed(off: int) -> None:
    head, length = b"8=FIX.4.4\x019=", len(FRAME) - len(b"8=FIX.4.4\x019=35\x01") - 7
    assert FRAME.startswith(b"%s%d\x01" % (head, length))
    wrong = FRAME.replace(b"9=%d" % length, b"9=%d" % (length + off), 1) + FRAME
    with pytest.raises(FrameFault, match="does not lead to CheckSum"):
        cut_frame(bytearray(wrong))


@pytest.mark.parametrize(
    "octets",
    [b"HTTP/1.1 400 Bad Request", b"8=FIX.4.4\x0135=1\x019=5\x01" + b"x" * 40, b"9=5\x018=FIX.4.4"],
)
def test_bytes_that_start_no_message_are_noticed(octets: bytes) -> None:
    with pytest.raises(FrameFault, match="start no FIX message"):
        cut_frame(bytearray(octets))


def test_a_frame_beyond_all_measure_is_refused() -> None:
    with pytest.raises(FrameFault, match="beyond"):
        cut_frame(bytearray(b"8=FIX.4.4\x019=%d\x01" % (FRAME_MAX + 1)))


def test_hand_written_bytes_stand_as_they_are() -> None:
    assert written(r"a|b\|c\x00\\") == b"a\x01b|c\x00\\"


def test_computed_lengths_and_sums_are_right() -> None:
    octets = written("8=FIX.4.4|9=#|35=1|34=7|112=X|10=#|")
    buffer = bytearray(octets)
    frame = cut_frame(buffer)
    assert frame == octets
    assert read_frame(octets, 0).get(112) == b"X"


def test_each_message_of_a_line_is_computed_for_itself() -> None:
    one = "8=FIX.4.4|9=#|35=0|34=7|10=#|"
    assert written(one + one) == written(one) * 2


def test_computed_values_can_be_wrong_on_purpose() -> None:
    right, longer = written("8=F|9=#|35=0|10=#|"), written("8=F|9=#+3|35=0|10=#|")
    assert b"9=5\x01" in right
    assert b"9=8\x01" in longer
    off = written("8=F|9=#|35=0|10=#+1|")
    assert (int(off[-4:-1]) - int(right[-4:-1])) % 256 == 1


def test_other_fields_are_asked_for() -> None:
    assert written("34=#|52=#-5|58=#hash") == wire("34=<34+0>|52=<52-5>|58=#hash")


def test_characters_that_are_no_bytes_are_refused() -> None:
    with pytest.raises(ScriptError, match=r"x.fix:1: .*\\xHH"):
        written("58=€")


def test_printable_shows_what_does_not_print() -> None:
    assert printable(b"8=FIX\x01\x00\xff") == r"8=FIX|\x00\xff"
