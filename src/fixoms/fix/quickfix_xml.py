"""QuickFIX DataDictionary files, in and out.

Owns: the XML shape QuickFIX, QuickFIX/J and QuickFIX/n share. Must not know: anything about FIX
4.4 itself; what the file says is what the dictionary holds.
"""

import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET
from xml.sax.saxutils import quoteattr

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
from fixoms.fix.values import VALIDITY

_TYPE_BY_UPPER = {name.upper(): name for name in VALIDITY} | {
    "DAY-OF-MONTH": "DayOfMonth",
    "MULTIPLEVALUESTRING": "MultipleValueString",
    "UTCDATE": "UTCDateOnly",
    "DATE": "UTCDateOnly",
    "TIME": "UTCTimestamp",
    "QUANTITY": "Qty",
    "LOCALMKTTIME": "String",
    "XID": "String",
    "XIDREF": "String",
    "RESERVED100PLUS": "int",
    "RESERVED1000PLUS": "int",
    "RESERVED4000PLUS": "int",
    "PATTERN": "String",
    "TENOR": "String",
}
_GROUPS_DEEP_MAX = 16


def parse_quickfix_xml(text: bytes, source: str) -> Dictionary:
    """The dictionary a file describes; raises DictionaryError naming `source`."""
    if b"<!ENTITY" in text:
        raise DictionaryError(f"{source}: entity declarations are not read")
    try:
        root = ET.fromstring(text)  # noqa: S314 - entities are refused above
    except ET.ParseError as error:
        raise DictionaryError(f"{source}: {error}") from error
    if root.tag != "fix":
        raise DictionaryError(f"{source}: the root element is {root.tag}, not fix")
    family, major, minor = (root.get(key, "") for key in ("type", "major", "minor"))
    fields = [_field(each, source) for each in root.iterfind("fields/field")]
    tag_by_name = {each.name: each.tag for each in fields}
    count_tags: set[int] = set()

    def members(element: ET.Element | None, depth: int = 0) -> tuple[Member, ...]:
        if element is None:
            return ()
        if depth > _GROUPS_DEEP_MAX:
            raise DictionaryError(f"{source}: groups are nested deeper than {_GROUPS_DEEP_MAX}")
        found: list[Member] = []
        for child in element:
            name = child.get("name", "")
            required = child.get("required", "N").upper() == "Y"
            if child.tag == "component":
                found.append(ComponentRef(name, required))
                continue
            tag = tag_by_name.get(name)
            if tag is None:
                raise DictionaryError(f"{source}: field {name!r} is used and not defined")
            if child.tag == "group":
                count_tags.add(tag)
                found.append(GroupRef(tag, required, members(child, depth + 1)))
            else:
                found.append(FieldRef(tag, required))
        return tuple(found)

    header = members(root.find("header"))
    trailer = members(root.find("trailer"))
    components = {
        each.get("name", ""): members(each) for each in root.iterfind("components/component")
    }
    messages = [
        MessageSpec(
            each.get("msgtype", ""),
            each.get("name", ""),
            each.get("msgcat", "app") == "admin",
            members(each),
        )
        for each in root.iterfind("messages/message")
    ]
    try:
        return Dictionary(
            f"{family or 'FIX'}.{major}.{minor}",
            [_as_count(each) if each.tag in count_tags else each for each in fields],
            header,
            trailer,
            components,
            messages,
        )
    except DictionaryError as error:
        raise DictionaryError(f"{source}: {error}") from error


def _as_count(definition: FieldDef) -> FieldDef:
    """Older files call the count of a group INT."""
    if definition.type == "NumInGroup":
        return definition
    return FieldDef(definition.tag, definition.name, "NumInGroup")


def _field(element: ET.Element, source: str) -> FieldDef:
    name = element.get("name", "")
    number = element.get("number", "")
    type_name = _TYPE_BY_UPPER.get(element.get("type", "").upper())
    if not number.isascii() or not number.isdigit():
        raise DictionaryError(f"{source}: field {name!r} has the number {number!r}")
    if type_name is None:
        raise DictionaryError(f"{source}: field {name!r} has the type {element.get('type')!r}")
    values = {
        value.get("enum", "").encode("latin-1"): camel_case(value.get("description", ""))
        for value in element.iterfind("value")
    }
    open_values = element.get("allowOtherValues", "false").lower() in {"true", "y"}
    return FieldDef(int(number), name, type_name, values, open_values)


def camel_case(description: str) -> str:
    """`PARTIALLY_FILLED` as `PartiallyFilled`; a name already in camel case stays."""
    words = [word for word in re.split(r"[^A-Za-z0-9]+", description) if word]
    return "".join(
        word[0] + word[1:].lower() if word.isupper() else word[0].upper() + word[1:]
        for word in words
    )


def _upper_case(name: str) -> str:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return spaced.upper()


def print_quickfix_xml(dictionary: Dictionary) -> str:
    """The dictionary as QuickFIX reads it.

    An enumeration that is not wholly closed is written without its values: QuickFIX takes every
    list for closed.
    """
    family, major, minor = dictionary.begin_string.split(".", 2)
    lines = [f"<fix type={quoteattr(family)} major={quoteattr(major)} minor={quoteattr(minor)}>"]
    names = {tag: each.name for tag, each in dictionary.fields.items()}

    def block(members: Iterable[Member], depth: int) -> None:
        pad = " " * depth
        for member in members:
            required = "Y" if member.required else "N"
            match member:
                case ComponentRef(name=name):
                    lines.append(f"{pad}<component name={quoteattr(name)} required='{required}'/>")
                case GroupRef(tag=tag, members=inner):
                    lines.append(f"{pad}<group name='{names[tag]}' required='{required}'>")
                    block(inner, depth + 1)
                    lines.append(f"{pad}</group>")
                case FieldRef(tag=tag):
                    lines.append(f"{pad}<field name='{names[tag]}' required='{required}'/>")

    def section(name: str, members: Iterable[Member]) -> None:
        lines.append(f" <{name}>")
        block(members, 2)
        lines.append(f" </{name}>")

    section("header", dictionary.header_members)
    section("trailer", dictionary.trailer_members)
    lines.append(" <messages>")
    for message in dictionary.messages.values():
        category = "admin" if message.is_admin else "app"
        lines.append(
            f"  <message name={quoteattr(message.name)} msgtype={quoteattr(message.msg_type)}"
            f" msgcat='{category}'>"
        )
        block(message.members, 3)
        lines.append("  </message>")
    lines.append(" </messages>")
    lines.append(" <components>")
    for name, members in dictionary.components.items():
        lines.append(f"  <component name={quoteattr(name)}>")
        block(members, 3)
        lines.append("  </component>")
    lines.append(" </components>")
    lines.append(" <fields>")
    for each in dictionary.fields.values():
        head = (
            f"  <field number='{each.tag}' name={quoteattr(each.name)} type='{each.type.upper()}'"
        )
        if not each.is_closed or each.free_from:
            lines.append(f"{head}/>")
            continue
        lines.append(f"{head}>")
        lines.extend(
            f"   <value enum={quoteattr(wire.decode('latin-1'))}"
            f" description='{_upper_case(value_name)}'/>"
            for wire, value_name in each.values.items()
        )
        lines.append("  </field>")
    lines.append(" </fields>")
    lines.append("</fix>")
    return "\n".join(lines) + "\n"
