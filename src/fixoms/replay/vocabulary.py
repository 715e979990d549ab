"""The names a script may use: messages, fields and enumerated values of the FIX dictionary.

Owns: names to wire values and back, and which fields the player fills in by itself.
Must not know: the syntax of scripts, sessions.
"""

import difflib
from collections.abc import Mapping
from enum import Enum
from functools import cache

from fixoms.domain.enums import ContingencyType, ExecType, SelfTradePrevention
from fixoms.domain.extensions import CONTINGENCY_TYPE, SELF_TRADE_PREVENTION
from fixoms.fix.dictionary import Block, Dictionary, FieldDef

_EXEC_TYPE = 150

NUMBERS = frozenset(
    {"INT", "LENGTH", "NUMINGROUP", "SEQNUM", "TAGNUM", "FLOAT", "QTY", "PRICE", "PRICEOFFSET"}
    | {"AMT", "PERCENTAGE", "DAYOFMONTH"}
)
"""Types whose values are compared as numbers."""

TIMES: Mapping[str, str] = {
    "UTCTIMESTAMP": "%Y%m%d-%H:%M:%S",
    "UTCDATEONLY": "%Y%m%d",
    "UTCDATE": "%Y%m%d",
    "LOCALMKTDATE": "%Y%m%d",
    "UTCTIMEONLY": "%H:%M:%S",
}
"""Types that can be given relative to the clock, and how they are written to the second."""


class UnknownName(LookupError):
    """A name the dictionary does not have; the text says which ones come near."""


class Vocabulary:
    """Names of one dictionary, both ways."""

    def __init__(
        self, dictionary: Dictionary, extensions: Mapping[int, Mapping[bytes, str]] | None = None
    ) -> None:
        """`extensions` are values that a venue adds to fields of the dictionary."""
        self._dictionary = dictionary
        self._extensions = dict(extensions or {})
        self._header = frozenset(dictionary.header.order)
        self._wire_by_name: dict[int, dict[str, bytes]] = {}

    def message(self, name: str) -> str:
        """MsgType(35) of the message called `name`; raises UnknownName."""
        found = self._dictionary.messages_by_name.get(name)
        if found is None:
            raise UnknownName(_unknown("message", name, list(self._dictionary.messages_by_name)))
        return found.msg_type

    def message_name(self, msg_type: str) -> str:
        """Name of a message type, or the type itself when the dictionary does not have it."""
        message = self._dictionary.messages.get(msg_type)
        return message.name if message else msg_type

    def field(self, name: str) -> tuple[int, str]:
        """Tag and name of a field called by its name or its tag number; raises UnknownName."""
        if name.isdecimal():
            return int(name), self.field_name(int(name))
        found = self._dictionary.by_name.get(name)
        if found is None:
            raise UnknownName(_unknown("field", name, list(self._dictionary.by_name)))
        return found.tag, found.name

    def field_name(self, tag: int) -> str:
        """Name of a field, or its number when the dictionary does not have it."""
        found = self._definition(tag)
        return found.name if found else str(tag)

    def field_type(self, tag: int) -> str:
        """Type of a field in capitals (`PRICE`), `STRING` for an undefined one."""
        found = self._definition(tag)
        return found.type.upper() if found else "STRING"

    def wire(self, tag: int, word: str) -> bytes:
        """Wire value of a bare word: the name of one of the field's values, or the value itself.

        Raises UnknownName for a word that looks like a name and is none: a misspelled `Limitt`
        must not travel as it is.
        """
        names = self._names(tag)
        if word in names:
            return names[word]
        wire = word.encode("latin-1")
        if names and len(word) > 1 and word[0].isalpha() and wire not in names.values():
            raise UnknownName(_unknown(f"value of {self.field_name(tag)}", word, list(names)))
        return wire

    def value_name(self, tag: int, wire: bytes) -> str | None:
        """Name of an enumerated value, or None."""
        return self._values(tag).get(wire)

    def describe(self, tag: int, wire: bytes) -> str:
        """Write a value for people: `Filled (2)`."""
        text = wire.decode("latin-1").replace("\x01", "|")
        name = self.value_name(tag, wire)
        return f"{name} ({text})" if name else text

    def is_header(self, tag: int) -> bool:
        """Whether the field belongs in the standard header."""
        return tag in self._header

    def wants_transact_time(self, msg_type: str) -> bool:
        """Whether a message of this type must carry TransactTime(60)."""
        message = self._dictionary.messages.get(msg_type)
        return message is not None and 60 in message.required

    def group_tags(self, msg_type: str) -> dict[int, frozenset[int]]:
        """Tags that may stand inside each repeating group of a message, by its counting field."""
        found: dict[int, frozenset[int]] = {}
        message = self._dictionary.messages.get(msg_type)
        for block in (self._dictionary.header, message.block if message else None):
            if block is not None:
                _collect_groups(block, found)
        return found

    def _definition(self, tag: int) -> FieldDef | None:
        return self._dictionary.fields.get(tag)

    def _values(self, tag: int) -> Mapping[bytes, str]:
        found = self._definition(tag)
        values = found.values if found else {}
        more = self._extensions.get(tag)
        return {**values, **more} if more else values

    def _names(self, tag: int) -> Mapping[str, bytes]:
        names = self._wire_by_name.get(tag)
        if names is None:
            names = {name: wire for wire, name in self._values(tag).items()}
            self._wire_by_name[tag] = names
        return names


def _collect_groups(block: Block, found: dict[int, frozenset[int]]) -> frozenset[int]:
    """Every tag of a block, groups included; fills in `found` on the way."""
    tags = set(block.order)
    for count_tag, group in block.groups.items():
        found[count_tag] = _collect_groups(group.block, found)
        tags |= found[count_tag]
    return frozenset(tags)


def _unknown(kind: str, name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return f"no {kind} is called {name}; near it: {', '.join(near)}"
    allowed = ", ".join(sorted(known)[:12]) + (", …" if len(known) > 12 else "")
    return f"no {kind} is called {name}; allowed: {allowed}"


def _value_names(values: type[Enum]) -> dict[bytes, str]:
    """Names of an enumeration of ours in the form FIX dictionaries use: CANCEL_BOTH, CancelBoth."""
    return {
        str(each.value).encode("latin-1"): "".join(map(str.capitalize, name.split("_")))
        for name, each in values.__members__.items()
    }


@cache
def fix44() -> Vocabulary:
    """Names of FIX 4.4 and of the venue's documented extensions."""
    extensions = {
        CONTINGENCY_TYPE: ("ContingencyType", "int", ContingencyType),
        SELF_TRADE_PREVENTION: ("SelfTradePrevention", "char", SelfTradePrevention),
    }
    added = [
        FieldDef(tag, name, kind, _value_names(values))
        for tag, (name, kind, values) in extensions.items()
    ]
    dictionary = Dictionary.fix44().with_user_fields(added)
    triggered = {ExecType.TRIGGERED.value.encode("latin-1"): "Triggered"}
    return Vocabulary(dictionary, {_EXEC_TYPE: triggered})
