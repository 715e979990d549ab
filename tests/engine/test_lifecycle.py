"""The lifecycle table: what follows what, and that nothing else does."""

import itertools

import pytest

from fixoms.domain.commands import OrderTerms
from fixoms.domain.enums import OrdStatus, OrdType, Phase, Side, TimeInForce
from fixoms.domain.events import Owner
from fixoms.domain.ids import OrderId
from fixoms.domain.instrument import Instrument
from fixoms.domain.units import Nanos, Price, Qty
from fixoms.engine.listing import Listing
from fixoms.engine.order import LIFECYCLE, Happening, InvariantError, Order

STEPS = {(step.state, step.happening): step for step in LIFECYCLE}
TAKING_BACK = {
    Happening.BUST_SOME,
    Happening.BUST_ALL,
    Happening.CORRECT,
    Happening.CORRECT_DOWN,
}


def an_order(status: OrdStatus) -> Order:
    listing = Listing(Instrument(symbol="ACME", market="XFOM"), Phase.CONTINUOUS)
    terms = OrderTerms(Side.BUY, OrdType.LIMIT, TimeInForce.DAY, Qty(10), Price(100))
    order = Order(OrderId(1), "X", Owner("A", "ALFA", "u"), listing, terms, Nanos(0))
    order.status = status
    return order


@pytest.mark.parametrize(("status", "happening"), list(itertools.product(OrdStatus, Happening)))
def test_every_pair_is_in_the_table_or_refused(status: OrdStatus, happening: Happening) -> None:
    order = an_order(status)
    step = STEPS.get((status, happening))
    if step is None:
        with pytest.raises(InvariantError):
            order.apply(happening)
        assert order.status is status
    else:
        order.apply(happening)
        assert order.status is step.next_state


def test_no_line_stands_twice_and_each_names_its_source() -> None:
    assert len(STEPS) == len(LIFECYCLE)
    assert all(step.source for step in LIFECYCLE)


def test_only_the_operator_changes_what_is_over() -> None:
    """FIX 4.4 Vol. 4 Appendix D: terminal states; J.1.a and J.1.b are the only ways back."""
    for step in LIFECYCLE:
        if step.state.is_terminal:
            assert step.happening in TAKING_BACK
        if step.state in (OrdStatus.CANCELED, OrdStatus.EXPIRED):
            assert step.next_state is step.state


def test_a_rejected_order_has_no_life() -> None:
    assert all(OrdStatus.REJECTED not in (step.state, step.next_state) for step in LIFECYCLE)
