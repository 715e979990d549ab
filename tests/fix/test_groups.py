"""Repeating groups as an application reads them."""

import pytest

from fixoms.fix import tags
from fixoms.fix.dictionary import Dictionary
from fixoms.fix.groups import groups
from fixoms.fix.message import FieldMissing
from tests.fix.wire_text import HEADER, message

FIX44 = Dictionary.fix44()
LIST = (
    f"35=E|{HEADER}|66=L1|394=1|68=2|73=2"
    "|11=A1|67=1|453=2|448=P1|447=D|452=1|802=1|523=S|803=4|448=P2|447=D|452=3|55=ACME|54=1"
    "|11=A2|67=2|55=BETA|54=2|58=behind"
)


def test_orders_of_a_list() -> None:
    orders = groups(message(LIST), tags.NO_ORDERS, FIX44)
    assert [order.text(tags.CL_ORD_ID) for order in orders] == ["A1", "A2"]
    assert [order.require(tags.SYMBOL) for order in orders] == [b"ACME", b"BETA"]
    assert tags.NO_PARTY_IDS not in orders[1]
    assert orders[1].get(tags.PRICE) is None
    with pytest.raises(FieldMissing):
        orders[1].require(tags.PRICE)


def test_groups_inside_groups() -> None:
    first, second = groups(message(LIST), tags.NO_ORDERS, FIX44)
    parties = first.groups(tags.NO_PARTY_IDS)
    assert [party.text(tags.PARTY_ID) for party in parties] == ["P1", "P2"]
    assert [sub.fields for sub in parties[0].groups(802)] == [[(523, b"S"), (803, b"4")]]
    assert parties[1].groups(802) == []
    assert second.groups(tags.NO_PARTY_IDS) == []


def test_a_group_of_the_header() -> None:
    hops = groups(message(f"35=0|{HEADER}|627=2|628=X|628=Y"), tags.NO_HOPS, FIX44)
    assert [hop.text(tags.HOP_COMP_ID) for hop in hops] == ["X", "Y"]


@pytest.mark.parametrize("text", ["453=0", "453=2|58=x", "58=x"])
def test_a_group_without_instances(text: str) -> None:
    assert groups(message(f"35=D|{HEADER}|{text}"), tags.NO_PARTY_IDS, FIX44) == []


def test_a_group_the_message_does_not_have() -> None:
    with pytest.raises(KeyError):
        groups(message(f"35=0|{HEADER}"), tags.NO_ORDERS, FIX44)


def test_a_user_defined_field_belongs_to_its_instance() -> None:
    (order, _) = groups(
        message(f"35=E|{HEADER}|73=2|11=A1|9001=x|67=1|11=A2|67=2"), tags.NO_ORDERS, FIX44
    )
    assert order.get(9001) == b"x"
    assert repr(order).startswith("Group(NoOrders")
