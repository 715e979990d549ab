"""The terminal's own view of FIX bytes, built on simplefix.

Owns: building frames, cutting and checking received ones, and bytes written by hand.
Must not know: `fixoms.fix` framing and codec: the terminal is a second opinion on them.

simplefix accepts a wrong BodyLength(9) and a wrong CheckSum(10), so both are verified here.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import simplefix

from fixoms.replay.script import ScriptError

Pair = tuple[int, bytes]

FRAME_MAX = 1 << 20
"""Longest frame a terminal takes; a longer BodyLength(9) is a fault of the sender."""

_START = re.compile(rb"8=([^\x01]{1,16})\x019=(\d{1,9})\x01")
_TRAILER = re.compile(rb"10=(\d{3})\x01")
_TRAILER_LENGTH = 7
_HEADER_MAX = 40
_PART = re.compile(r"(?:[^|\\]|\\.)*")
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|.)")
_COMPUTED = re.compile(r"#([+-]\d+)?$")


class FrameFault(Exception):
    """The other side sent bytes that are no correct FIX frame; the text says what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One message a terminal received, its fields between MsgType(35) and CheckSum(10).

    `after_line` is the script line being played when it came.
    """

    msg_type: str
    fields: tuple[Pair, ...]
    frame: bytes
    after_line: int

    def get(self, tag: int) -> bytes | None:
        """Value of the first field with this tag, or None."""
        return next((value for found, value in self.fields if found == tag), None)


def build(begin_string: bytes, msg_type: bytes, fields: Sequence[Pair]) -> bytes:
    """Build a frame: `fields` in order after MsgType(35), lengths and checksum added."""
    message = simplefix.FixMessage()
    message.append_pair(8, begin_string)
    message.append_pair(35, msg_type)
    for tag, value in fields:
        message.append_pair(tag, value)
    frame: bytes = message.encode()
    return frame


def cut_frame(buffer: bytearray) -> bytes | None:
    """Take the first complete frame off the buffer, or None; raises FrameFault.

    BodyLength(9) must lead exactly to a CheckSum(10) field.
    """
    start = _START.match(buffer)
    if start is None:
        if len(buffer) < _HEADER_MAX and b"8=FIX"[: len(buffer)] == buffer[:5]:
            return None
        raise FrameFault(f"bytes that start no FIX message: {printable(bytes(buffer[:80]))}")
    body_length = int(start[2])
    if body_length > FRAME_MAX:
        raise FrameFault(f"BodyLength(9)={body_length} is beyond {FRAME_MAX}")
    end = start.end() + body_length + _TRAILER_LENGTH
    if len(buffer) < end:
        return None
    frame = bytes(buffer[:end])
    if _TRAILER.match(frame, end - _TRAILER_LENGTH) is None:
        raise FrameFault(f"BodyLength(9)={body_length} does not lead to CheckSum(10): {frame!r}")
    del buffer[:end]
    return frame


def read_frame(frame: bytes, after_line: int) -> Received:
    """Read a frame with simplefix; raises FrameFault when its CheckSum(10) is wrong."""
    claimed, actual = int(frame[-4:-1]), sum(frame[:-_TRAILER_LENGTH]) % 256
    if claimed != actual:
        raise FrameFault(f"CheckSum(10)={claimed:03}, the bytes add up to {actual:03}: {frame!r}")
    msg_type, fields = fields_of(frame)
    return Received(msg_type=msg_type, fields=fields, frame=frame, after_line=after_line)


def fields_of(frame: bytes) -> tuple[str, tuple[Pair, ...]]:
    """MsgType(35) and the fields between it and CheckSum(10); raises FrameFault.

    Takes frames of a wire log too, in which masked passwords have spoiled the CheckSum.
    """
    parser = simplefix.FixParser(allow_empty_values=True)
    parser.append_buffer(frame)
    try:
        message = parser.get_message()
    except (ValueError, simplefix.errors.ParsingError) as error:
        raise FrameFault(f"simplefix cannot read {printable(frame)}: {error}") from None
    if message is None:
        raise FrameFault(f"simplefix finds no message in {printable(frame)}")
    pairs = [(int(tag), value) for tag, value in message.pairs]
    if [tag for tag, _ in pairs[:3]] != [8, 9, 35]:
        raise FrameFault(f"the first three fields are not 8, 9, 35: {printable(frame)}")
    return pairs[2][1].decode("latin-1"), tuple(pairs[3:-1])


def printable(octets: bytes) -> str:
    r"""Show bytes with `|` for SOH and `\xHH` for what does not print."""
    shown = octets.replace(b"\x01", b"|").decode("latin-1")
    return "".join(char if " " <= char <= "~" else f"\\x{ord(char):02x}" for char in shown)


@dataclass(slots=True)
class _Part:
    """One `tag=value` of hand-written bytes; `computed` is the offset after `#`, None without."""

    octets: bytes
    tag: int | None
    computed: int | None


def write_bytes(text: str, compute: Callable[[int, int], bytes], place: tuple[str, int]) -> bytes:
    r"""Turn the text of an `ALICE >> …` line into bytes.

    `|` is SOH, `\|` and `\xHH` other bytes. `9=#` and `10=#` become the right BodyLength and
    CheckSum of the message they stand in, `#+1` a wrong one; `compute(tag, offset)` gives the value
    of `#` in any other field.
    """
    parts = [_part(part, compute, place) for part in _split(text)]
    starts = [index for index, part in enumerate(parts) if part.tag == 8] or [0]
    for start, end in zip(starts, [*starts[1:], len(parts)], strict=True):
        _complete(parts, start, end)
    return b"\x01".join(part.octets for part in parts)


def _split(text: str) -> list[str]:
    parts, at = [], 0
    while True:
        match = _PART.match(text, at)
        end = match.end() if match else at
        parts.append(text[at:end])
        if end >= len(text):
            return parts
        at = end + 1


def _part(text: str, compute: Callable[[int, int], bytes], place: tuple[str, int]) -> _Part:
    name, equals, value = text.partition("=")
    tag = int(name) if equals and name.isdecimal() else None
    match = _COMPUTED.match(value)
    if tag is None or match is None:
        return _Part(_unescape(text, place), tag, None)
    offset = int(match[1] or 0)
    if tag in (9, 10):
        return _Part(b"", tag, offset)
    return _Part(b"%d=" % tag + compute(tag, offset), tag, None)


def _complete(parts: list[_Part], start: int, end: int) -> None:
    """Fill in BodyLength(9), then CheckSum(10), of the message in parts[start:end]."""
    trailer = next((at for at in range(start, end) if parts[at].tag == 10), end)
    for at in range(start, end):
        part = parts[at]
        if part.tag == 9 and part.computed is not None:
            length = sum(len(other.octets) + 1 for other in parts[at + 1 : trailer])
            part.octets = b"9=%d" % (length + part.computed)
    if trailer < end and parts[trailer].computed is not None:
        total = sum(sum(part.octets) + 1 for part in parts[start:trailer])
        parts[trailer].octets = b"10=%03d" % ((total + (parts[trailer].computed or 0)) % 256)


def _unescape(text: str, place: tuple[str, int]) -> bytes:
    def replace(match: re.Match[str]) -> str:
        escape = match[1]
        return chr(int(escape[1:], 16)) if len(escape) == 3 else escape

    try:
        return _ESCAPE.sub(replace, text).encode("latin-1")
    except UnicodeEncodeError:
        raise ScriptError(*place, "write bytes outside latin-1 as \\xHH") from None
