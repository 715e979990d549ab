"""The dictionary the venue validates against: FIX 4.4 and the extensions of this venue.

Owns: where `domain/extensions.py`'s fields and values stand in the standard's messages.
Must not know: what they mean. `fixoms dictionary` writes it as a QuickFIX XML for clients.
"""

from dataclasses import replace
from functools import cache
from typing import Final

from fixoms.domain import extensions
from fixoms.domain.enums import ContingencyType, ExecType, SelfTradePrevention
from fixoms.fix import tags
from fixoms.fix.dictionary import (
    Dictionary,
    FieldDef,
    FieldRef,
    GroupRef,
    Member,
    MessageSpec,
)

_STP: Final = FieldDef(
    extensions.SELF_TRADE_PREVENTION,
    "SelfTradePrevention",
    "char",
    {
        stp.value.encode(): _name
        for stp, _name in (
            (SelfTradePrevention.NONE, "None"),
            (SelfTradePrevention.CANCEL_NEWEST, "CancelNewest"),
            (SelfTradePrevention.CANCEL_OLDEST, "CancelOldest"),
            (SelfTradePrevention.CANCEL_BOTH, "CancelBoth"),
            (SelfTradePrevention.DECREMENT, "Decrement"),
        )
    },
)
_CONTINGENCY: Final = FieldDef(
    extensions.CONTINGENCY_TYPE,
    "ContingencyType",
    "int",
    {
        b"%d" % contingency.value: _name
        for contingency, _name in (
            (ContingencyType.INDEPENDENT, "Independent"),
            (ContingencyType.ONE_CANCELS_OTHER, "OneCancelsOther"),
            (ContingencyType.ONE_TRIGGERS_OTHER, "OneTriggersOther"),
            (ContingencyType.ONE_UPDATES_OTHER, "OneUpdatesOther"),
            (ContingencyType.ONE_TRIGGERS_OCO, "OneTriggersOco"),
        )
    },
)
_WITH_STP: Final = ("D", "G", "8")
_WITH_CONTINGENCY: Final = ("E", "N")
_REPLACE: Final = "G"
"""May leave out Side(54): the order it names has one."""

_MASS_CANCEL: Final = "q"
"""Takes Account(1) as FIX 5.0 does."""

_ORDERS_OF_A_LIST: Final = "ListOrdGrp"


@cache
def venue_dictionary() -> Dictionary:
    """FIX 4.4 with what this venue adds; built once and shared, it never changes."""
    standard = Dictionary.fix44()
    fields = {each.tag: each for each in standard.fields.values()}
    exec_type = fields[tags.EXEC_TYPE]
    triggered = {ExecType.TRIGGERED.value.encode(): "Triggered"}
    fields[tags.EXEC_TYPE] = replace(exec_type, values={**exec_type.values, **triggered})
    fields[_STP.tag] = _STP
    fields[_CONTINGENCY.tag] = _CONTINGENCY
    components = dict(standard.components)
    components[_ORDERS_OF_A_LIST] = _in_groups(components[_ORDERS_OF_A_LIST], _STP.tag)
    messages = []
    for message in standard.messages.values():
        members = message.members
        if message.msg_type == _REPLACE:
            members = tuple(map(_side_optional, members))
        if message.msg_type == _MASS_CANCEL:
            members += (FieldRef(tags.ACCOUNT, required=False),)
        if message.msg_type in _WITH_STP:
            members += (FieldRef(_STP.tag, required=False),)
        if message.msg_type in _WITH_CONTINGENCY:
            members += (FieldRef(_CONTINGENCY.tag, required=False),)
        messages.append(MessageSpec(message.msg_type, message.name, message.is_admin, members))
    return Dictionary(
        standard.begin_string,
        fields.values(),
        standard.header_members,
        standard.trailer_members,
        components,
        messages,
    )


def _in_groups(members: tuple[Member, ...], tag: int) -> tuple[Member, ...]:
    """The same members with an optional field `tag` at the end of each repeating group."""
    return tuple(
        member._replace(members=(*member.members, FieldRef(tag, required=False)))
        if isinstance(member, GroupRef)
        else member
        for member in members
    )


def _side_optional(member: Member) -> Member:
    if isinstance(member, FieldRef) and member.tag == tags.SIDE:
        return FieldRef(tags.SIDE, required=False)
    return member
