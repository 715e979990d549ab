"""Which rules of the dictionary a counterparty is held to.

Owns: the switches, each explicit, and the two sets of them most sessions want. Must not know: how
a rule is checked.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final


class UserDefined(Enum):
    """What to do with tags from 5000 up."""

    REFUSE = auto()
    """None is known: a tag not defined in the specification (FIX: Vol. 2 test 14a)."""
    ACCEPT_DECLARED = auto()
    """Those the dictionary declares are fields like any other.

    A tag that is not one of them is undefined, or an invalid number where none is declared at all:
    then nothing was agreed (FIX: Vol. 2 test 14a).
    """
    ACCEPT_ALL = auto()
    """Any tag with any value passes; declared ones are still checked."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ValidationPolicy:
    """Which rules a counterparty is held to. Build it once per session: tables are kept per policy.

    `accept_undefined` also accepts tags below 5000 that the dictionary does not define or does not
    allow in the message; `check_xml` parses XmlData(213); `accept_secure_data` lets encrypted
    fields pass unread.
    """

    user_defined: UserDefined
    accept_undefined: bool
    check_required: bool
    check_formats: bool
    check_values: bool
    check_section_order: bool
    check_group_order: bool
    check_repeated: bool
    accept_empty: bool
    check_xml: bool
    accept_secure_data: bool
    accept_signature: bool


STRICT: Final = ValidationPolicy(
    user_defined=UserDefined.REFUSE,
    accept_undefined=False,
    check_required=True,
    check_formats=True,
    check_values=True,
    check_section_order=True,
    check_group_order=True,
    check_repeated=True,
    accept_empty=False,
    check_xml=True,
    accept_secure_data=False,
    accept_signature=True,
)
"""Everything FIX 4.4 says, no user-defined fields."""

STRICT_WITH_DECLARED: Final = ValidationPolicy(
    user_defined=UserDefined.ACCEPT_DECLARED,
    accept_undefined=False,
    check_required=True,
    check_formats=True,
    check_values=True,
    check_section_order=True,
    check_group_order=True,
    check_repeated=True,
    accept_empty=False,
    check_xml=True,
    accept_secure_data=False,
    accept_signature=True,
)
"""Everything FIX 4.4 says, and the user-defined fields the dictionary declares."""
