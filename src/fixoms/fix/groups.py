"""Repeating groups of a received message, one by one.

Owns: where an instance of a group begins and ends among the fields of a message. Must not know:
whether the group is valid; `validation` has said so before an application asks.
"""

from collections.abc import Sequence

from fixoms.fix.dictionary import Dictionary, GroupDef
from fixoms.fix.message import Message
from fixoms.fix.tags import FIRST_USER_DEFINED


class Group:
    """One instance of a repeating group, read like a message."""

    __slots__ = ("_definition", "_message")

    def __init__(self, definition: GroupDef, fields: list[tuple[int, bytes]]) -> None:
        self._definition = definition
        self._message = Message.of("", fields)

    @property
    def fields(self) -> Sequence[tuple[int, bytes]]:
        """Fields of the instance in wire order, nested groups included."""
        return self._message.fields

    def get(self, tag: int) -> bytes | None:
        """Value of the first field with this tag, or None."""
        return self._message.get(tag)

    def text(self, tag: int) -> str | None:
        """Value as text, or None when absent."""
        return self._message.text(tag)

    def require(self, tag: int) -> bytes:
        """Value of the first field with this tag; raises FieldMissing."""
        return self._message.require(tag)

    def groups(self, count_tag: int) -> "list[Group]":
        """Instances of a group nested in this one; empty when absent. KeyError: no such group."""
        return _instances(self._message.fields, self._definition.block.groups[count_tag])

    def __contains__(self, tag: object) -> bool:
        return tag in self._message

    def __repr__(self) -> str:
        return f"Group({self._definition.name}, {self._message!r})"


def groups(message: Message, count_tag: int, dictionary: Dictionary) -> list[Group]:
    """Instances of a group of the message body or header; empty when absent.

    Raises KeyError when the message type has no such group.
    """
    definition = dictionary.header.groups.get(count_tag)
    if definition is None:
        definition = dictionary.messages[message.msg_type].groups[count_tag]
    return _instances(message.fields, definition)


def _instances(fields: Sequence[tuple[int, bytes]], definition: GroupDef) -> list[Group]:
    found: list[Group] = []
    at = next((place for place, each in enumerate(fields) if each[0] == definition.count_tag), None)
    if at is None:
        return found
    at += 1
    while at < len(fields) and fields[at][0] == definition.delimiter:
        end = _end_of_instance(fields, at, definition)
        found.append(Group(definition, list(fields[at:end])))
        at = end
    return found


def _end_of_instance(fields: Sequence[tuple[int, bytes]], at: int, definition: GroupDef) -> int:
    """Offset behind the instance that starts at `at`."""
    block = definition.block
    delimiter = definition.delimiter
    first = True
    while at < len(fields):
        tag = fields[at][0]
        if (tag == delimiter and not first) or not (
            tag in block.place or tag >= FIRST_USER_DEFINED
        ):
            break
        first = False
        at += 1
        nested = block.groups.get(tag)
        while nested is not None and at < len(fields) and fields[at][0] == nested.delimiter:
            at = _end_of_instance(fields, at, nested)
    return at
