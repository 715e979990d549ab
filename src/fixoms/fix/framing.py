"""Frames out of a byte stream: where each FIX message begins and ends, and whether it is whole.

Owns: BeginString(8), BodyLength(9), MsgType(35) in third place, CheckSum(10), and finding the next
good message behind a garbled one. Must not know: sessions, message contents, validation, sockets.

A message is garbled when BeginString(8) is not first or not a FIX version, when BodyLength(9) is
not second or does not count the bytes up to CheckSum(10), when MsgType(35) is not third, or when
CheckSum(10) is not last or not the sum of the bytes. Garbled bytes are dropped and reported, never
answered, and the search goes on one byte behind the start that failed, so a good message inside
what was dropped is still found (FIX: Vol. 2 tests 2d, 2m, 2t, 3b, 3c).

How a stream is cut into segments never changes the frames found in it.
"""

import re
import zlib
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from fixoms.fix.data_fields import FIX44_DATA_FIELDS

DEFAULT_MAX_FRAME_BYTES = 1 << 16
"""Largest message taken unless the session says otherwise, from `8=` to the last SOH."""

GARBLED_SAMPLE_BYTES = 1024
"""How much of the dropped bytes a Garbled report keeps, for the wire log."""

MAX_HIDING_DATA_FIELDS = 256
"""How many data fields in front of a `10=` are looked into before the message counts as garbled."""

MAX_STARTS_PER_TRAILER = 32
"""How many starts in front of one `10=` are tried, before the search goes on behind it.

A garbled message in front of a good one needs two. The bound keeps hostile bytes, thousands of
starts in one frame's length, from costing more than a pass over them each.
"""

_UNDRAINED_FRAMES = 16
_START = b"8=FIX"
_TRAILER = b"\x0110="
_TRAILER_BYTES = 7
_HEAD_BYTES_MAX = 48

_HEAD = re.compile(rb"8=(FIXT?\.[0-9]\.[0-9](?:SP[0-9])?)\x019=([0-9]{1,20})\x01").match
_HEAD_SO_FAR = re.compile(
    rb"8(?:=(?:F(?:I(?:X(?:T?(?:\.(?:[0-9](?:\.(?:[0-9](?:S(?:P(?:[0-9])?)?)?"
    rb"(?:\x01(?:9(?:=(?:[0-9]{0,20})?)?)?)?)?)?)?)?)?)?)?)?)?\Z"
).match
_BEGIN_STRING = re.compile(rb"8=FIXT?\.[0-9]\.[0-9](?:SP[0-9])?\x01").match
_TRAILER_SO_FAR = re.compile(rb"\x01(?:1(?:0(?:=[0-9]{0,3})?)?)?\Z").match
_DATA_FIELD = re.compile(
    rb"\x01(?:"
    + b"|".join(
        b"%d=[0-9]{1,9}\x01%d" % (length, data) for length, data in FIX44_DATA_FIELDS.items()
    )
    + rb")="
).search

# CheckSum text -> sum modulo 256 of the whole message that carries it. The trailer itself adds
# `1`, `0`, `=`, its three digits and the SOH, so one sum over all bytes is enough.
_SUM_WITH_TRAILER: dict[bytes, int] = {
    b"%03d" % checksum: (checksum + sum(b"10=%03d\x01" % checksum)) & 0xFF
    for checksum in range(256)
}


class GarbledReason(StrEnum):
    """What made a run of bytes unusable as a message."""

    NO_BEGIN_STRING = "no BeginString(8) at the start of a message"
    BAD_BEGIN_STRING = "BeginString(8) is not a FIX version"
    BAD_BODY_LENGTH = "BodyLength(9) is not second or does not count the bytes of the body"
    BODY_LENGTH_TOO_LARGE = "BodyLength(9) is above the largest message taken"
    MSG_TYPE_NOT_THIRD = "MsgType(35) is not the third field"
    BAD_CHECKSUM = "CheckSum(10) is not three digits or not the sum of the bytes"


class Frame(NamedTuple):
    """One whole message as it came over the wire, length and checksum proven.

    `raw[body_start:body_end]` is the body that BodyLength(9) counts: from `35=` to the SOH in front
    of `10=`.
    """

    raw: bytes
    begin_string: bytes
    body_start: int
    body_end: int


class Garbled(NamedTuple):
    """Bytes that were dropped, and why. `sample` holds the first GARBLED_SAMPLE_BYTES of them."""

    reason: GarbledReason
    sample: bytes
    dropped_bytes: int


def byte_sum(data: bytes) -> int:
    """Sum of all bytes modulo 256.

    `zlib.adler32` adds bytes in C, modulo 65521. Over a chunk whose sum stays below that the low
    half of the checksum is 1 + sum exactly: 256 bytes of any value, 515 of ASCII.
    """
    size = len(data)
    if size <= 256 or (size <= 515 and data.isascii()):
        return ((zlib.adler32(data) & 0xFFFF) - 1) & 0xFF
    step = 515 if data.isascii() else 256
    total = 0
    for at in range(0, size, step):
        total += (zlib.adler32(data[at : at + step]) & 0xFFFF) - 1
    return total & 0xFF


class Framer:
    """Cuts a byte stream into frames.

    Feed what arrived, then take frames with `next()` until it gives None. Between feeds the buffer
    holds at most one unfinished message, so `max_frame_bytes` bounds it.
    """

    __slots__ = ("_buffer", "_max_frame_bytes", "_searched", "_start", "_starts_tried")

    def __init__(self, max_frame_bytes: int = DEFAULT_MAX_FRAME_BYTES) -> None:
        self._max_frame_bytes = max_frame_bytes
        self._buffer = b""
        self._start = 0
        # No `10=` behind a SOH lies between _start and this offset, data fields or not. Carried
        # over drops and feeds, so that hostile bytes are searched once and not once per start.
        self._searched = 0
        self._starts_tried = 0

    @property
    def buffered_bytes(self) -> int:
        """Bytes held of a message that is not whole yet."""
        return len(self._buffer) - self._start

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Append bytes as they came from the transport.

        Raises OverflowError when frames are fed and never taken: that is a fault of the caller.
        """
        start = self._start
        if start == len(self._buffer):
            self._buffer = bytes(data)
            self._start = self._searched = 0
            return
        if len(self._buffer) - start > _UNDRAINED_FRAMES * self._max_frame_bytes:
            raise OverflowError("frames were fed and not taken with next()")
        self._buffer = self._buffer[start:] + data
        self._searched = max(self._searched - start, 0)
        self._start = 0

    def __iter__(self) -> Iterator[Frame | Garbled]:
        while (found := self.next()) is not None:
            yield found

    def next(self) -> Frame | Garbled | None:
        """The next frame or garbled run of the stream, or None until more bytes are fed."""
        buffer = self._buffer
        start = self._start
        head = _HEAD(buffer, start)
        if head is None:
            return self._without_head()
        body_start = head.end()
        body_end = body_start + int(head[2])
        end = body_end + _TRAILER_BYTES
        if end - start > self._max_frame_bytes:
            return self._drop(GarbledReason.BODY_LENGTH_TOO_LARGE)
        # The first CheckSum(10) has to stand exactly where BodyLength(9) says.
        searched = self._searched
        search_from = body_start - 1 if searched < body_start else searched
        trailer = buffer.find(_TRAILER, search_from, body_end + 3)
        if trailer != body_end - 1:
            if trailer >= 0:
                self._searched = trailer
                if not self._hidden_in_data(body_start, trailer, body_end):
                    return self._drop_in_front_of(trailer)
            else:
                self._searched = max(search_from, min(len(buffer), body_end + 3) - 3)
            if not buffer.startswith(_TRAILER, body_end - 1):
                return self._without_trailer(body_end)
        raw = buffer[start:end]
        if len(raw) != end - start:
            return self._without_trailer(body_end)
        if _SUM_WITH_TRAILER.get(raw[-4:-1]) != byte_sum(raw) or raw[-1] != 1:
            return self._drop(GarbledReason.BAD_CHECKSUM)
        self._start = end
        self._starts_tried = 0
        if not buffer.startswith(b"35=", body_start):
            # Length and checksum hold, so the extent of the message is known and all of it goes.
            sample = raw[:GARBLED_SAMPLE_BYTES]
            return Garbled(GarbledReason.MSG_TYPE_NOT_THIRD, sample, len(raw))
        return Frame(raw, head[1], body_start - start, body_end - start)

    def _hidden_in_data(self, body_start: int, trailer: int, body_end: int) -> bool:
        """Whether the bytes that look like CheckSum(10) at `trailer` lie inside a data field.

        When they do and the next CheckSum(10) outside data is where BodyLength(9) says or further,
        the message may still be whole.
        """
        buffer = self._buffer
        at = body_start - 1
        for _ in range(MAX_HIDING_DATA_FIELDS):
            field = _DATA_FIELD(buffer, at, body_end)
            if field is None or field.start() >= trailer:
                return False
            value_start = field.end()
            # `\x01<length tag>=<digits>\x01<data tag>=`: the digits end where the second SOH is.
            digits = buffer[field.start() + 1 : value_start].split(b"\x01")[0].split(b"=")[1]
            value_end = value_start + int(digits)
            if value_end >= body_end:
                # A data field may end at the body's end at the latest; this length is wrong.
                return False
            if value_end < len(buffer) and buffer[value_end] != 1:
                at = value_start - 1
                continue
            at = value_end
            if trailer < value_end:
                trailer = buffer.find(_TRAILER, value_end, body_end + 3)
                if trailer < 0 or trailer >= body_end - 1:
                    return True
        return False

    def _without_head(self) -> Garbled | None:
        """The buffer does not start with `8=..|9=..|`: wait for the rest of it, or drop."""
        buffer = self._buffer
        start = self._start
        if start == len(buffer):
            # An idle session keeps no segment alive.
            self._buffer = b""
            self._start = self._searched = 0
            return None
        if _HEAD_SO_FAR(buffer, start) is not None:
            return None
        if not buffer.startswith(_START, start):
            return self._drop(GarbledReason.NO_BEGIN_STRING)
        if _BEGIN_STRING(buffer, start, start + _HEAD_BYTES_MAX) is None:
            return self._drop(GarbledReason.BAD_BEGIN_STRING)
        return self._drop(GarbledReason.BAD_BODY_LENGTH)

    def _without_trailer(self, body_end: int) -> Garbled | None:
        """There is no whole CheckSum(10) at `body_end`: wait for the rest of it, or drop."""
        buffer = self._buffer
        if len(buffer) < body_end or _TRAILER_SO_FAR(buffer, body_end - 1) is not None:
            return None
        if buffer.startswith(_TRAILER, body_end - 1):
            return self._drop(GarbledReason.BAD_CHECKSUM)
        return self._drop(GarbledReason.BAD_BODY_LENGTH)

    def _drop_in_front_of(self, trailer: int) -> Garbled:
        """The first CheckSum(10) is not where BodyLength(9) says: give up the start at hand."""
        self._starts_tried += 1
        last_try = self._starts_tried >= MAX_STARTS_PER_TRAILER
        dropped = self._drop(GarbledReason.BAD_BODY_LENGTH, trailer if last_try else 0)
        if self._start > trailer:
            self._starts_tried = 0
        return dropped

    def _drop(self, reason: GarbledReason, search_from: int = 0) -> Garbled:
        """Give up the start at hand and go to the next one."""
        buffer = self._buffer
        start = self._start
        restart = buffer.find(_START, max(start + 1, search_from))
        if restart < 0:
            restart = len(buffer)
            # The tail may be the first bytes of the next start.
            for kept in range(min(len(_START) - 1, restart - start - 1), 0, -1):
                if buffer.endswith(_START[:kept]):
                    restart -= kept
                    break
        self._start = restart
        sample = buffer[start : min(restart, start + GARBLED_SAMPLE_BYTES)]
        return Garbled(reason, sample, restart - start)
