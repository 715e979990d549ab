"""Frames out of a byte stream. FIX: Vol. 2 tests 2d, 2m, 2t, 3b, 3c; issue 2, bad input."""

import zlib
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixoms.fix.framing import (
    GARBLED_SAMPLE_BYTES,
    MAX_STARTS_PER_TRAILER,
    Frame,
    Framer,
    Garbled,
    GarbledReason,
    byte_sum,
)
from tests.fix.wire_text import HEADER, ORDER, body_bytes, frame

GOOD = frame(ORDER)
HEARTBEAT = frame(f"35=0|{HEADER}")


def found_in(stream: bytes, cuts: tuple[int, ...] = (), **options: int) -> list[Frame | Garbled]:
    """Everything a Framer finds in a stream that arrives in the given cuts."""
    framer = Framer(**options)
    found: list[Frame | Garbled] = []
    for start, end in pairwise((0, *cuts, len(stream))):
        framer.feed(stream[start:end])
        found.extend(framer)
    return found


def frames_in(stream: bytes, cuts: tuple[int, ...] = (), **options: int) -> list[bytes]:
    return [each.raw for each in found_in(stream, cuts, **options) if isinstance(each, Frame)]


def reasons_in(stream: bytes) -> list[GarbledReason]:
    return [each.reason for each in found_in(stream) if isinstance(each, Garbled)]


def test_a_frame_tells_its_parts() -> None:
    (found,) = found_in(GOOD)
    assert isinstance(found, Frame)
    assert found.raw == GOOD
    assert found.begin_string == b"FIX.4.4"
    assert found.raw[found.body_start : found.body_end] == body_bytes(ORDER)


def test_messages_of_one_segment_come_in_order() -> None:
    assert frames_in(HEARTBEAT + GOOD + HEARTBEAT) == [HEARTBEAT, GOOD, HEARTBEAT]


@pytest.mark.parametrize("cut", range(1, len(GOOD) + len(HEARTBEAT)))
def test_every_cut_gives_the_same_frames(cut: int) -> None:
    assert frames_in(GOOD + HEARTBEAT, (cut,)) == [GOOD, HEARTBEAT]


def test_half_a_message_stays_buffered() -> None:
    framer = Framer()
    framer.feed(GOOD[:50])
    assert framer.next() is None
    assert framer.buffered_bytes == 50
    framer.feed(GOOD[50:])
    assert isinstance(framer.next(), Frame)
    assert framer.buffered_bytes == 0


def test_zero_padded_body_length_is_accepted() -> None:
    text = f"35=0|{HEADER}"
    padded = frame(text, length=f"{len(body_bytes(text)):07d}")
    assert frames_in(padded) == [padded]


@pytest.mark.parametrize("begin", ["FIX.4.2", "FIX.4.9", "FIXT.1.1", "FIX.5.0SP2"])
def test_another_begin_string_is_still_a_frame(begin: str) -> None:
    other = frame(f"35=A|{HEADER}", begin=begin)
    (found,) = found_in(other)
    assert isinstance(found, Frame)
    assert found.begin_string == begin.encode()


GARBLED_MESSAGES = [
    (b"garbage", GarbledReason.NO_BEGIN_STRING),
    (b"35=0\x01", GarbledReason.NO_BEGIN_STRING),
    (b"9=5\x018=", GarbledReason.NO_BEGIN_STRING),
    (frame("35=0", begin="FIX.44"), GarbledReason.BAD_BEGIN_STRING),
    (frame("35=0", begin="FIX.4.4.4"), GarbledReason.BAD_BEGIN_STRING),
    (b"8=FIX.4.4\x0135=0\x019=5\x0110=000\x01", GarbledReason.BAD_BODY_LENGTH),
    (frame(ORDER, length="-5"), GarbledReason.BAD_BODY_LENGTH),
    (frame(ORDER, length=""), GarbledReason.BAD_BODY_LENGTH),
    (frame(ORDER, length="abc"), GarbledReason.BAD_BODY_LENGTH),
    (frame(ORDER, length="0"), GarbledReason.BAD_BODY_LENGTH),
    (frame(ORDER, length=str(len(body_bytes(ORDER)) - 1)), GarbledReason.BAD_BODY_LENGTH),
    (frame(ORDER, length=str(len(body_bytes(ORDER)) + 1)), GarbledReason.BAD_BODY_LENGTH),
    (frame(ORDER, length=str(len(body_bytes(ORDER)) + 500)), GarbledReason.BAD_BODY_LENGTH),
    (frame(ORDER, length="1000000000"), GarbledReason.BODY_LENGTH_TOO_LARGE),
    (frame(ORDER, length="9" * 20), GarbledReason.BODY_LENGTH_TOO_LARGE),
    (frame(ORDER, checksum="000"), GarbledReason.BAD_CHECKSUM),
    (frame(ORDER, checksum="7"), GarbledReason.BAD_CHECKSUM),
    (frame(ORDER, checksum="1234"), GarbledReason.BAD_CHECKSUM),
    (frame(ORDER, checksum="abc"), GarbledReason.BAD_CHECKSUM),
    (frame(f"34=1|35=0|{HEADER}"), GarbledReason.MSG_TYPE_NOT_THIRD),
    (frame("35=0|10=000|58=behind"), GarbledReason.BAD_BODY_LENGTH),
]


@pytest.mark.parametrize(("garbled", "reason"), GARBLED_MESSAGES)
def test_a_garbled_message_is_dropped_and_the_next_one_found(
    garbled: bytes, reason: GarbledReason
) -> None:
    found = found_in(GOOD + garbled + HEARTBEAT)
    assert [each.raw for each in found if isinstance(each, Frame)] == [GOOD, HEARTBEAT]
    dropped = [each for each in found if isinstance(each, Garbled)]
    assert dropped[0].reason is reason
    assert sum(each.dropped_bytes for each in dropped) == len(garbled)


@pytest.mark.parametrize(("garbled", "reason"), GARBLED_MESSAGES)
def test_every_cut_of_a_garbled_stream_gives_the_same_frames(
    garbled: bytes, reason: GarbledReason
) -> None:
    stream = garbled + HEARTBEAT
    for cut in range(1, len(stream)):
        assert frames_in(stream, (cut,)) == [HEARTBEAT]
    assert frames_in(stream, tuple(range(1, len(stream)))) == [HEARTBEAT]


@pytest.mark.parametrize("checksum", [None, "000"])
@pytest.mark.parametrize("excess", [1, 50, 10_000])
def test_a_body_length_too_long_does_not_hold_back_the_next_message(
    excess: int, checksum: str | None
) -> None:
    """The first CheckSum(10) ends the wait; nothing has to arrive to fill the wrong length."""
    wrong = frame(ORDER, length=str(len(body_bytes(ORDER)) + excess), checksum=checksum or "")
    assert frames_in(wrong + HEARTBEAT) == [HEARTBEAT]


def test_a_message_cut_off_in_the_middle_does_not_take_the_next_one_along() -> None:
    assert frames_in(GOOD[:60] + HEARTBEAT + GOOD) == [HEARTBEAT, GOOD]


def test_a_billion_bytes_are_refused_at_once() -> None:
    framer = Framer(max_frame_bytes=4096)
    framer.feed(b"8=FIX.4.4\x019=1000000000\x01")
    found = framer.next()
    assert isinstance(found, Garbled)
    assert found.reason is GarbledReason.BODY_LENGTH_TOO_LARGE
    assert framer.buffered_bytes < 10


def test_the_largest_frame_is_taken_and_one_byte_more_is_not() -> None:
    assert frames_in(GOOD, max_frame_bytes=len(GOOD)) == [GOOD]
    assert frames_in(GOOD, max_frame_bytes=len(GOOD) - 1) == []


DATA_WITH_FRAME = HEARTBEAT.decode("latin-1").replace("\x01", "|")


def news(data: str) -> bytes:
    return frame(f"35=B|{HEADER}|148=head|95={len(data)}|96={data}")


@pytest.mark.parametrize(
    "data",
    [
        "a|10=000|b",
        DATA_WITH_FRAME,
        DATA_WITH_FRAME * 3,
        "|10=123|",
        "x|8=FIX.4.4|9=5|35=0|10=000|",
    ],
)
def test_a_data_field_may_hold_what_looks_like_a_message(data: str) -> None:
    stream = news(data) + HEARTBEAT
    assert frames_in(stream) == [news(data), HEARTBEAT]
    assert frames_in(stream, tuple(range(1, len(stream)))) == [news(data), HEARTBEAT]


def test_a_lying_data_length_hides_nothing() -> None:
    lying = frame(f"35=B|{HEADER}|148=head|95=5000|96=x|10=000|58=y")
    assert frames_in(lying + HEARTBEAT) == [HEARTBEAT]


def test_hostile_starts_are_tried_a_bounded_number_of_times() -> None:
    hostile = b"8=FIX.4.4\x019=60000\x01" * 2900 + b"\x0110=000\x01"
    for stream in (hostile, hostile * 3):
        found = found_in(stream + HEARTBEAT)
        assert [each.raw for each in found if isinstance(each, Frame)] == [HEARTBEAT]
        assert len(found) < 3 * MAX_STARTS_PER_TRAILER + 10


@pytest.mark.parametrize("starts", [1, 2, MAX_STARTS_PER_TRAILER - 1])
def test_messages_cut_off_one_after_another(starts: int) -> None:
    for rounds in (1, 40):
        stream = (GOOD[:60] * starts + HEARTBEAT) * rounds
        assert frames_in(stream) == [HEARTBEAT] * rounds
        stream = GOOD[:60] + frame(ORDER, length="9") * 40 + GOOD[:60] + HEARTBEAT
        assert frames_in(stream) == [HEARTBEAT]


def test_garbage_never_grows_the_buffer() -> None:
    framer = Framer(max_frame_bytes=1024)
    for _ in range(200):
        framer.feed(b"x" * 1000)
        assert all(isinstance(each, Garbled) for each in framer)
        assert framer.buffered_bytes <= 4


def test_a_report_keeps_a_bounded_sample() -> None:
    (found,) = found_in(b"x" * 5000)
    assert isinstance(found, Garbled)
    assert found.sample == b"x" * GARBLED_SAMPLE_BYTES
    assert found.dropped_bytes == 5000


def test_frames_nobody_takes_are_an_error_of_the_caller() -> None:
    framer = Framer(max_frame_bytes=100)
    framer.feed(HEARTBEAT * 100)
    with pytest.raises(OverflowError):
        framer.feed(HEARTBEAT)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_feed_takes_what_transports_give(kind: type) -> None:
    framer = Framer()
    framer.feed(kind(GOOD[:10]))
    assert framer.next() is None
    framer.feed(kind(GOOD[10:]))
    found = framer.next()
    assert isinstance(found, Frame)
    assert type(found.raw) is bytes


@given(st.binary(max_size=3000))
def test_byte_sum_is_the_sum_of_the_bytes(data: bytes) -> None:
    assert byte_sum(data) == sum(data) % 256


def test_byte_sum_where_one_chunk_would_be_wrong() -> None:
    data = b"\xff" * 257
    assert zlib.adler32(data) & 0xFFFF != 1 + sum(data)
    for size in (255, 256, 257, 511, 512, 515, 516, 1030, 1031):
        assert byte_sum(b"\xff" * size) == 255 * size % 256
        assert byte_sum(b"\x7f" * size) == 127 * size % 256


pieces = st.sampled_from(
    [
        GOOD,
        HEARTBEAT,
        news("a|10=000|b"),
        b"8=FIX",
        b"8=FIX.4.4\x019=60000\x01",
        b"8=FIX.4.4\x019=12\x01",
        b"\x0110=000\x01",
        b"\x0195=40\x0196=",
        frame(ORDER, checksum="000"),
        frame(ORDER, length="250"),
        b"garbage\x01",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(pieces, max_size=12), st.data())
def test_no_partition_changes_the_frames(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(parts)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=20)))
    whole = found_in(stream)
    split = found_in(stream, tuple(cuts))
    assert [each.raw for each in split if isinstance(each, Frame)] == [
        each.raw for each in whole if isinstance(each, Frame)
    ]
