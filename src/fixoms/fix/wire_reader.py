r"""Reads wire logs back: the frame of a line, names for people, one order's story.

Owns: the line format seen from the reader's side, filters, the pretty form.
Must not know: how logs are rotated, terminals, command lines. `fixoms fix-log` calls `show`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fixoms.fix import tags
from fixoms.fix.dictionary import Dictionary
from fixoms.fix.wire_log import Direction

_LINE = re.compile(r"([0-9]{8}-[0-9:.]+) ([<>]) (.*)")
_ESCAPE = re.compile(r"\\x([0-9a-f]{2})")
_ORDER_IDS = (tags.CL_ORD_ID, tags.ORIG_CL_ORD_ID)
_LINKED_IDS_MAX = 100_000
_FIRST_TAG = 8

_QUIET = frozenset(
    {
        tags.BEGIN_STRING,
        tags.BODY_LENGTH,
        tags.MSG_TYPE,
        tags.SENDER_COMP_ID,
        tags.TARGET_COMP_ID,
        tags.CHECK_SUM,
    }
)
"""Fields that say the same on every line; left out of the pretty form."""


@dataclass(frozen=True, slots=True)
class WireLine:
    """One line: when, in which direction, and the fields of the frame in order.

    A garbled frame has what could be read as fields; `raw` is the text as it stands in the log.
    """

    time: str
    direction: Direction
    fields: tuple[tuple[int, str], ...]
    raw: str

    def value(self, tag: int) -> str | None:
        """Value of the first field with this tag."""
        for known, value in self.fields:
            if known == tag:
                return value
        return None


@dataclass(frozen=True, slots=True)
class TagFilter:
    """`35=D` matches lines with that value, `55` lines that have the field."""

    tag: int
    value: str | None

    @classmethod
    def parse(cls, text: str, dictionary: Dictionary) -> "TagFilter":
        """`35=D`, `MsgType=D`, `55`, `Symbol`, enum names too: `Side=Buy`. Raises ValueError."""
        name, equals, value = text.partition("=")
        definition = dictionary.by_name.get(name)
        if definition is not None:
            tag = definition.tag
        elif name.isascii() and name.isdigit():
            tag = int(name)
        else:
            msg = f"{name!r} is neither a tag nor a field name of {dictionary.begin_string}"
            raise ValueError(msg)
        if not equals:
            return cls(tag, None)
        message = dictionary.messages_by_name.get(value) if tag == tags.MSG_TYPE else None
        if message is not None:
            return cls(tag, message.msg_type)
        known = dictionary.fields.get(tag)
        if known is not None and value in known.values.values():
            value = known.value_named(value).decode("latin-1")
        return cls(tag, value)

    def matches(self, line: WireLine) -> bool:
        """Whether any field of the line is the one asked for."""
        return any(
            tag == self.tag and (self.value is None or value == self.value)
            for tag, value in line.fields
        )


def parse_line(text: str) -> WireLine | None:
    """One line of a wire log, or None for a line that is none."""
    found = _LINE.fullmatch(text.rstrip("\n"))
    if found is None:
        return None
    fields: list[tuple[int, str]] = []
    for part in found[3].split("|"):
        tag, equals, value = part.partition("=")
        if equals and tag.isascii() and tag.isdigit() and len(tag) < 10:
            fields.append((int(tag), _unescaped(value)))
    return WireLine(found[1], Direction(found[2]), tuple(fields), found[3])


def frame_of(line: WireLine) -> bytes:
    """The bytes of the frame, secrets masked."""
    text = line.raw.replace("|", "\x01")
    return _unescaped(text).encode("latin-1")


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)


def read(paths: Iterable[Path]) -> Iterator[WireLine]:
    """The lines of several files, one file after the other. Raises OSError."""
    for path in paths:
        with path.open("r", encoding="ascii", errors="backslashreplace") as file:
            for text in file:
                line = parse_line(text)
                if line is not None:
                    yield line


def order_chain(paths: Sequence[Path], cl_ord_id: str) -> frozenset[str]:
    """Every ClOrdID(11) that a chain of replaces and cancels ties to this one.

    The link is a message that carries both ClOrdID(11) and OrigClOrdID(41). Reads the files once.
    """
    links: dict[str, set[str]] = {}
    for line in read(paths):
        ids = {value for tag, value in line.fields if tag in _ORDER_IDS}
        if len(ids) == 2 and len(links) < _LINKED_IDS_MAX:
            first, second = ids
            links.setdefault(first, set()).add(second)
            links.setdefault(second, set()).add(first)
    chain = {cl_ord_id}
    reached = [cl_ord_id]
    while reached:
        for other in links.get(reached.pop(), ()):
            if other not in chain:
                chain.add(other)
                reached.append(other)
    return frozenset(chain)


def show(
    paths: Sequence[Path],
    dictionary: Dictionary,
    filters: Sequence[TagFilter] = (),
    cl_ord_id: str | None = None,
) -> Iterator[str]:
    """The lines that pass every filter and belong to the order, if one is named, for people."""
    chain = order_chain(paths, cl_ord_id) if cl_ord_id is not None else None
    for line in read(paths):
        if chain is not None and not any(
            tag in _ORDER_IDS and value in chain for tag, value in line.fields
        ):
            continue
        if all(wanted.matches(line) for wanted in filters):
            yield pretty(line, dictionary)


def pretty(line: WireLine, dictionary: Dictionary) -> str:
    """`13:30:00.123456 < NewOrderSingle MsgSeqNum=2 ClOrdID=A1 Side=Buy OrderQty=100`."""
    time = line.time.partition("-")[2]
    if not line.fields or line.fields[0][0] != _FIRST_TAG:
        return f"{time} {line.direction.value} (garbled) {line.raw}"
    msg_type = line.value(tags.MSG_TYPE) or ""
    message = dictionary.messages.get(msg_type)
    name = message.name if message is not None else f"MsgType={msg_type}"
    words = [_named(tag, value, dictionary) for tag, value in line.fields if tag not in _QUIET]
    return " ".join([time, line.direction.value, name, *words])


def _named(tag: int, value: str, dictionary: Dictionary) -> str:
    definition = dictionary.fields.get(tag)
    if definition is None:
        return f"{tag}={_readable(value)}"
    words = [definition.value_name(part.encode("latin-1")) for part in value.split(" ")]
    if words and all(words):
        return f"{definition.name}={','.join(word for word in words if word)}"
    return f"{definition.name}={_readable(value)}"


def _readable(value: str) -> str:
    """A value with spaces or bytes that are not text stands in quotes."""
    if value and value.isascii() and value.isprintable() and " " not in value:
        return value
    return repr(value)
