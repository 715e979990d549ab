"""The dictionary as text of ours: `*.fixdict` files, read and printed.

Owns: the text format. Must not know: what FIX says; the files in `spec/` do.

One definition per line, nesting by indentation, `#` starts a comment line. A star in front of a
tag says required. Behind the type of an enumerated field, `...` says its list is open, `100+` that
values from 100 on are for two firms to agree, `= Product` that its values are those of Product.

    version FIX.4.4

    fields
      18   ExecInst             MultipleValueString
             6    ParticipateDoNotInitiate
      22   SecurityIDSource     String 100+
             1    CUSIP
      27   IOIQty               String ...
             S    Small
      456  SecurityAltIDSource  String = SecurityIDSource

    component Parties
        453  NoPartyIDs
          448  PartyID

    message D NewOrderSingle
      * 11   ClOrdID
        <Parties>
      * <Instrument>

    admin message 0 Heartbeat
        112  TestReqID

A block (`header`, `trailer`, `component`, `message`) repeats the name beside each tag, and the two
must agree. Several files may make up one dictionary.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from fixoms.fix.dictionary import (
    ComponentRef,
    Dictionary,
    DictionaryError,
    FieldDef,
    FieldRef,
    GroupRef,
    Member,
    MessageSpec,
)

_Line = tuple[int, str, bool]
"""Indentation, text, required."""


def load_spec(folder: Path) -> Dictionary:
    """The dictionary that the `*.fixdict` files of a folder make up; raises DictionaryError."""
    paths = sorted(folder.glob("*.fixdict"))
    if not paths:
        raise DictionaryError(f"{folder} holds no *.fixdict file")
    return parse_spec((str(path), path.read_text(encoding="utf-8")) for path in paths)


def parse_spec(texts: Iterable[tuple[str, str]]) -> Dictionary:
    """The dictionary that named texts make up; an error names the text and its line."""
    version = ""
    fields: list[FieldDef] = []
    # Blocks are resolved at the end, so that files may come in any order.
    blocks: list[tuple[str, list[_Line], str, int]] = []
    for source, text in texts:
        heading = ""
        body: list[_Line] = []
        for number, line in enumerate(text.splitlines(), start=1):
            if not line or line.startswith("#"):
                continue
            if line[0] != " ":
                heading = line.strip()
                if heading.startswith("version "):
                    version = heading.split()[1]
                body = []
                blocks.append((heading, body, source, number))
                continue
            content = line.lstrip(" *")
            indent = len(line) - len(content)
            body.append((indent, content.rstrip(), "*" in line[:indent]))
    names: dict[int, str] = {}
    for heading, body, source, number in blocks:
        if heading == "fields":
            try:
                _read_fields(body, fields)
            except (ValueError, IndexError) as error:
                raise DictionaryError(f"{source}: fields at line {number}: {error}") from error
    fields = _share_values(fields)
    names = {each.tag: each.name for each in fields}
    header: tuple[Member, ...] = ()
    trailer: tuple[Member, ...] = ()
    components: dict[str, tuple[Member, ...]] = {}
    messages: list[MessageSpec] = []
    for heading, body, source, number in blocks:
        try:
            match heading.split():
                case ["fields"] | ["version", _]:
                    pass
                case ["header"]:
                    header = _read_members(body, names)
                case ["trailer"]:
                    trailer = _read_members(body, names)
                case ["component", name]:
                    if name in components:
                        raise DictionaryError(f"component {name} is defined twice")
                    components[name] = _read_members(body, names)
                case ["message", msg_type, name]:
                    messages.append(MessageSpec(msg_type, name, False, _read_members(body, names)))
                case ["admin", "message", msg_type, name]:
                    messages.append(MessageSpec(msg_type, name, True, _read_members(body, names)))
                case _:
                    raise DictionaryError(f"unknown heading {heading!r}")
        except (ValueError, IndexError) as error:
            raise DictionaryError(f"{source}: {heading} at line {number}: {error}") from error
    return Dictionary(version, fields, header, trailer, components, messages)


def _read_fields(lines: Sequence[_Line], fields: list[FieldDef]) -> None:
    values: dict[bytes, str] = {}
    field_indent = lines[0][0] if lines else 0
    for indent, text, _ in lines:
        words = text.split()
        if indent == field_indent:
            tag, name, type_name = words[:3]
            values = {}
            match words[3:]:
                case []:
                    fields.append(FieldDef(int(tag), name, type_name, values))
                case ["..."]:
                    fields.append(FieldDef(int(tag), name, type_name, values, open_values=True))
                case ["=", other]:
                    fields.append(FieldDef(int(tag), name, type_name, same_values_as=other))
                case [number] if number.endswith("+"):
                    free_from = int(number[:-1])
                    fields.append(FieldDef(int(tag), name, type_name, values, free_from=free_from))
                case rest:
                    raise DictionaryError(f"{name}({tag}): {' '.join(rest)!r} says nothing")
            continue
        wire, value_name = words
        key = wire.encode("latin-1")
        if key in values:
            raise DictionaryError(f"{fields[-1].label} lists the value {wire} twice")
        values[key] = value_name


def _share_values(fields: Sequence[FieldDef]) -> list[FieldDef]:
    """Gives each field that borrows its values those of the field it names."""
    by_name = {each.name: each for each in fields}
    shared = []
    for each in fields:
        if not each.same_values_as:
            shared.append(each)
            continue
        other = by_name.get(each.same_values_as)
        if other is None or not other.values:
            raise DictionaryError(f"{each.label}: {each.same_values_as} has no values to share")
        shared.append(
            replace(
                each,
                values=other.values,
                open_values=other.open_values,
                free_from=other.free_from,
            )
        )
    return shared


def _read_members(lines: Sequence[_Line], names: dict[int, str]) -> tuple[Member, ...]:
    members, rest = _read_level(lines, 0, names)
    if rest != len(lines):
        raise DictionaryError(f"{lines[rest][1]!r} is indented less than the line above it allows")
    return members


def _read_level(
    lines: Sequence[_Line], at: int, names: dict[int, str]
) -> tuple[tuple[Member, ...], int]:
    members: list[Member] = []
    if at == len(lines):
        return (), at
    level = lines[at][0]
    while at < len(lines):
        indent, text, required = lines[at]
        if indent < level:
            break
        if indent > level:
            raise DictionaryError(f"{text!r} is indented more than the line above it allows")
        at += 1
        if text[0] == "<":
            members.append(ComponentRef(text.strip("<>"), required))
            continue
        number, name = text.split()
        tag = int(number)
        if names.get(tag) != name:
            raise DictionaryError(f"tag {tag} is called {names.get(tag)}, not {name}")
        if at < len(lines) and lines[at][0] > level:
            inner, at = _read_level(lines, at, names)
            members.append(GroupRef(tag, required, inner))
        else:
            members.append(FieldRef(tag, required))
    return tuple(members), at


def print_fields(fields: Iterable[FieldDef]) -> str:
    """The `fields` section of a dictionary."""
    lines = ["fields"]
    for each in sorted(fields, key=lambda definition: definition.tag):
        head = f"  {each.tag:<4} {each.name:<36} {each.type}"
        if each.same_values_as:
            lines.append(f"{head} = {each.same_values_as}")
            continue
        extent = " ..." if each.open_values else f" {each.free_from}+" if each.free_from else ""
        lines.append(f"{head}{extent}")
        lines.extend(
            f"         {wire.decode('latin-1'):<4} {name}" for wire, name in each.values.items()
        )
    return "\n".join(lines) + "\n"


def print_members(heading: str, members: Iterable[Member], dictionary: Dictionary) -> str:
    """One block under its heading."""
    lines = [heading]

    def level(inner: Iterable[Member], pad: str) -> None:
        for member in inner:
            star = "* " if member.required else "  "
            if isinstance(member, ComponentRef):
                lines.append(f"{pad}{star}<{member.name}>")
                continue
            lines.append(f"{pad}{star}{member.tag:<4} {dictionary.fields[member.tag].name}")
            if isinstance(member, GroupRef):
                level(member.members, pad + "    ")

    level(members, "  ")
    return "\n".join(lines) + "\n"


def print_spec(dictionary: Dictionary) -> dict[str, str]:
    """A dictionary as the texts of three files: fields, components, messages."""
    components = [
        print_members(f"component {name}", members, dictionary)
        for name, members in dictionary.components.items()
    ]
    messages = [
        f"version {dictionary.begin_string}\n",
        print_members("header", dictionary.header_members, dictionary),
        print_members("trailer", dictionary.trailer_members, dictionary),
    ]
    for message in dictionary.messages.values():
        admin = "admin " if message.is_admin else ""
        heading = f"{admin}message {message.msg_type} {message.name}"
        messages.append(print_members(heading, message.members, dictionary))
    return {
        "fields.fixdict": print_fields(dictionary.fields.values()),
        "components.fixdict": "\n".join(components),
        "messages.fixdict": "\n".join(messages),
    }
