from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixoms.domain.ids import NO_ORDER, OrderId
from fixoms.domain.instrument import to_units
from fixoms.domain.rendering import parse_order_id, render_avg_px, render_order_id


@given(st.integers(1, 10**17))
def test_an_order_id_comes_back(order_id: int) -> None:
    assert parse_order_id(render_order_id(OrderId(order_id))) == order_id


@pytest.mark.parametrize(
    "text", ["", "O", "O0", "O01", "17", "E17", "NONE", "O-1", "O1x", "O٣", "O" + "9" * 30]
)
def test_what_the_venue_never_gave_out_is_no_order(text: str) -> None:
    assert parse_order_id(text) == NO_ORDER


@pytest.mark.parametrize(
    ("notional", "cum_qty", "decimals", "shown"),
    [
        (0, 0, 2, "0"),
        (20 * 200 + 50 * 300, 500, 0, "38"),
        (1000 * 3 + 1001 * 1, 4, 2, "10.0025"),
        (100 + 101 + 101, 3, 2, "1.00666667"),
        (1, 3, 0, "0.33333333"),
    ],
)
def test_average_price_is_exact_where_it_can_be(
    notional: int, cum_qty: int, decimals: int, shown: str
) -> None:
    assert render_avg_px(notional, cum_qty, decimals) == shown


@given(st.integers(1, 10**18), st.integers(1, 10**12), st.integers(0, 9))
def test_average_price_is_off_by_half_a_last_digit_at_most(
    notional: int, cum_qty: int, decimals: int
) -> None:
    shown = Decimal(render_avg_px(notional, cum_qty, decimals))
    error = abs(shown * cum_qty * 10**decimals - notional)
    assert error * 2 <= Decimal(cum_qty) * 10**decimals / 10**8


@pytest.mark.parametrize("text", ["1E+999999", "-1E+999999", "1E-999999"])
def test_a_monstrous_exponent_is_no_unit(text: str) -> None:
    assert to_units(Decimal(text), 2) is None
