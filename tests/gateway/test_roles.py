"""Roles over FIX: the table of messages, against what the venue takes."""

import pytest

from fixoms.domain.roles import USER_REQUEST, UserRole, messages_of
from fixoms.gateway.headroom import HeadroomDesk
from fixoms.gateway.inbound import Inbound
from fixoms.gateway.reference import ReferenceDesk
from fixoms.gateway.venue_dictionary import venue_dictionary

TAKEN = (
    Inbound(lambda _symbol, _market: None, venue_dictionary()).msg_types
    | ReferenceDesk.msg_types
    | HeadroomDesk.msg_types
    | {USER_REQUEST}
)
ADDS_RISK = {"D", "G", "E"}


@pytest.mark.parametrize("role", [UserRole.TRADER, UserRole.MARKET_MAKER])
def test_who_trades_may_send_every_message_the_venue_takes(role: UserRole) -> None:
    """A new message type is given to nobody until the table of roles gives it."""
    assert messages_of([role]) >= TAKEN


@pytest.mark.parametrize("role", list(UserRole)[2:])
def test_nobody_else_adds_risk(role: UserRole) -> None:
    assert not messages_of([role]) & ADDS_RISK


@pytest.mark.parametrize("role", [UserRole.OPERATOR, UserRole.AUDITOR])
def test_people_of_the_desk_have_no_business_over_fix(role: UserRole) -> None:
    assert messages_of([role]) == {USER_REQUEST}
