"""The dictionary: which fields, enumerated values, messages, components and groups exist.

Owns: definitions and look-ups by tag, name and wire value, declared user-defined fields. Must not
know: a message that came in, rejects, sessions, the two file formats (`spec_text` reads and prints
ours, `quickfix_xml` QuickFIX's).

A definition is written with components, as the standard prints it. Everything that asks about
messages asks the expanded form: components dissolved, groups nested.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from fixoms.fix.values import VALIDITY


class DictionaryError(ValueError):
    """A dictionary contradicts itself or names something it does not define."""


@dataclass(frozen=True, slots=True)
class FieldDef:
    """One field. `values` maps wire values to their names; empty when the field is not enumerated.

    `open_values` marks an enumeration that is a list of examples: other values are valid too, as
    IOIQty(27) takes S, M, L or a quantity. `free_from` is the number from which on values are left
    to two firms to agree on, as SecurityIDSource(22) does from 100; 0 when none are.
    `same_values_as` names the field whose values these are.
    """

    tag: int
    name: str
    type: str
    values: Mapping[bytes, str] = field(default_factory=dict)
    open_values: bool = False
    free_from: int = 0
    same_values_as: str = ""

    @property
    def label(self) -> str:
        """How texts name the field: `ClOrdID(11)`."""
        return f"{self.name}({self.tag})"

    def value_named(self, name: str) -> bytes:
        """Wire value of an enumerated value's name, letter case aside; raises KeyError."""
        folded = name.casefold()
        for wire, value_name in self.values.items():
            if value_name.casefold() == folded:
                return wire
        raise KeyError(f"{self.label} has no value {name}")

    @property
    def is_closed(self) -> bool:
        """Whether only the listed values, and those from `free_from` on, are valid."""
        return bool(self.values) and not self.open_values

    def is_agreed(self, value: bytes) -> bool:
        """Whether a value lies in the range left to two firms."""
        return self.free_from > 0 and value.isdigit() and int(value[:18]) >= self.free_from

    def value_name(self, value: bytes) -> str | None:
        """Name of a wire value, or None when it has none."""
        return self.values.get(value)


class FieldRef(NamedTuple):
    """A field at its place in a message, component or group."""

    tag: int
    required: bool


class GroupRef(NamedTuple):
    """A repeating group at its place: its NumInGroup field and its members in order."""

    tag: int
    required: bool
    members: "tuple[Member, ...]"


class ComponentRef(NamedTuple):
    """A component block at its place."""

    name: str
    required: bool


Member = FieldRef | GroupRef | ComponentRef


@dataclass(frozen=True, slots=True)
class Block:
    """Expanded fields of a message, header, trailer or group instance, in the standard's order."""

    order: tuple[int, ...]
    required: frozenset[int]
    groups: "Mapping[int, GroupDef]"
    place: Mapping[int, int] = field(init=False)
    """Tag to its position in `order`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "place", {tag: place for place, tag in enumerate(self.order)})


@dataclass(frozen=True, slots=True)
class GroupDef:
    """A repeating group: its NumInGroup field and what one instance holds."""

    count_tag: int
    name: str
    block: Block

    @property
    def delimiter(self) -> int:
        """First field of each instance; it starts the next one."""
        return self.block.order[0]


@dataclass(frozen=True, slots=True)
class MessageDef:
    """One message type: `members` as the standard prints it, `block` its expanded body."""

    msg_type: str
    name: str
    is_admin: bool
    members: tuple[Member, ...]
    block: Block

    @property
    def required(self) -> frozenset[int]:
        """Required tags of the body."""
        return self.block.required

    @property
    def groups(self) -> Mapping[int, GroupDef]:
        """Groups of the body, by the tag of their NumInGroup field."""
        return self.block.groups


class MessageSpec(NamedTuple):
    """A message as a file states it, before expansion."""

    msg_type: str
    name: str
    is_admin: bool
    members: tuple[Member, ...]


class Dictionary:
    """All definitions of one FIX version, checked for consistency when built.

    Raises DictionaryError when a block names an unknown field or component, a tag or name is
    defined twice, or a component contains itself.
    """

    def __init__(
        self,
        begin_string: str,
        fields: Iterable[FieldDef],
        header: tuple[Member, ...],
        trailer: tuple[Member, ...],
        components: Mapping[str, tuple[Member, ...]],
        messages: Iterable[MessageSpec],
    ) -> None:
        self.begin_string = begin_string
        self.fields: dict[int, FieldDef] = {}
        self.by_name: dict[str, FieldDef] = {}
        for each in fields:
            self._define(each)
        self.components = dict(components)
        self.header_members = header
        self.trailer_members = trailer
        self.header = self._expand(header)
        self.trailer = self._expand(trailer)
        self.messages: dict[str, MessageDef] = {}
        self.messages_by_name: dict[str, MessageDef] = {}
        for spec in messages:
            if spec.msg_type in self.messages or spec.name in self.messages_by_name:
                raise DictionaryError(f"message {spec.msg_type} {spec.name} is defined twice")
            definition = MessageDef(*spec, block=self._expand(spec.members))
            self.messages[spec.msg_type] = definition
            self.messages_by_name[spec.name] = definition
        self.data_fields: dict[int, int] = {}
        for block in (self.header, self.trailer, *(m.block for m in self.messages.values())):
            self._note_data_fields(block)

    @staticmethod
    def fix44() -> "Dictionary":
        """FIX 4.4 with Errata 20030618, from `spec/`. Read once and shared: it never changes."""
        return _fix44()

    def label(self, tag: int) -> str:
        """How texts name a tag: `ClOrdID(11)`, or `tag 5001` when it has no definition."""
        definition = self.fields.get(tag)
        return f"tag {tag}" if definition is None else definition.label

    def with_user_fields(
        self, fields: Iterable[FieldDef], msg_types: Iterable[str] | None = None
    ) -> "Dictionary":
        """A dictionary that also defines `fields`, optional in `msg_types` or in every message.

        For the user-defined fields two firms agreed on, and for fields of later FIX versions. A
        field this dictionary already defines keeps its definition and is only added to messages.
        """
        added = tuple(fields)
        wanted = None if msg_types is None else frozenset(msg_types)
        if wanted is not None and (unknown := wanted - self.messages.keys()):
            raise DictionaryError(f"no message type {', '.join(sorted(unknown))}")
        known = {**self.fields, **{each.tag: self.fields.get(each.tag, each) for each in added}}
        specs = []
        for message in self.messages.values():
            members = message.members
            if wanted is None or message.msg_type in wanted:
                present = set(message.block.order)
                members += tuple(
                    FieldRef(each.tag, required=False) for each in added if each.tag not in present
                )
            specs.append(MessageSpec(message.msg_type, message.name, message.is_admin, members))
        return Dictionary(
            self.begin_string,
            known.values(),
            self.header_members,
            self.trailer_members,
            self.components,
            specs,
        )

    def to_quickfix_xml(self) -> str:
        """This dictionary as a QuickFIX DataDictionary file."""
        from fixoms.fix.quickfix_xml import print_quickfix_xml  # noqa: PLC0415 - it imports us

        return print_quickfix_xml(self)

    def _define(self, definition: FieldDef) -> None:
        if definition.tag in self.fields or definition.name in self.by_name:
            raise DictionaryError(f"{definition.label} is defined twice")
        if definition.tag < 1:
            raise DictionaryError(f"{definition.label}: a tag is a positive number")
        if definition.type not in VALIDITY:
            raise DictionaryError(f"{definition.label} has the unknown type {definition.type}")
        self.fields[definition.tag] = definition
        self.by_name[definition.name] = definition

    def _expand(self, members: tuple[Member, ...]) -> Block:
        order: list[int] = []
        required: set[int] = set()
        groups: dict[int, GroupDef] = {}
        self._expand_into(members, True, (), order, required, groups)
        if len(set(order)) != len(order):
            twice = next(tag for tag in order if order.count(tag) > 1)
            raise DictionaryError(f"{self.label(twice)} stands twice in one block")
        return Block(tuple(order), frozenset(required), groups)

    def _expand_into(
        self,
        members: tuple[Member, ...],
        all_required: bool,
        inside: tuple[str, ...],
        order: list[int],
        required: set[int],
        groups: dict[int, GroupDef],
    ) -> None:
        for member in members:
            if isinstance(member, ComponentRef):
                content = self.components.get(member.name)
                if content is None:
                    raise DictionaryError(f"component {member.name} is not defined")
                if member.name in inside:
                    raise DictionaryError(f"component {member.name} contains itself")
                # What a component requires is required of a message that requires the component.
                self._expand_into(
                    content,
                    all_required and member.required,
                    (*inside, member.name),
                    order,
                    required,
                    groups,
                )
                continue
            definition = self.fields.get(member.tag)
            if definition is None:
                raise DictionaryError(f"tag {member.tag} is used and not defined")
            order.append(member.tag)
            if member.required and all_required:
                required.add(member.tag)
            if isinstance(member, GroupRef):
                if not member.members:
                    raise DictionaryError(f"group {definition.label} is empty")
                block = self._expand_group(member.members, inside)
                groups[member.tag] = GroupDef(member.tag, definition.name, block)

    def _expand_group(self, members: tuple[Member, ...], inside: tuple[str, ...]) -> Block:
        order: list[int] = []
        required: set[int] = set()
        groups: dict[int, GroupDef] = {}
        self._expand_into(members, True, inside, order, required, groups)
        return Block(tuple(order), frozenset(required), groups)

    def _note_data_fields(self, block: Block) -> None:
        for length, data in zip(block.order, block.order[1:], strict=False):
            if self.fields[data].type in {"data", "XMLData"}:
                self.data_fields[length] = data
        for group in block.groups.values():
            self._note_data_fields(group.block)


@lru_cache(maxsize=1)
def _fix44() -> Dictionary:
    from fixoms.fix.spec_text import load_spec  # noqa: PLC0415 - it imports us

    return load_spec(Path(__file__).with_name("spec"))


def load_quickfix_xml(path: str | Path) -> Dictionary:
    """A dictionary from a QuickFIX DataDictionary file; raises DictionaryError."""
    from fixoms.fix.quickfix_xml import parse_quickfix_xml  # noqa: PLC0415 - it imports us

    return parse_quickfix_xml(Path(path).read_bytes(), str(path))
