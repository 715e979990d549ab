import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixoms.domain.instrument import render_units
from fixoms.gateway.units import parse_units


@pytest.mark.parametrize(
    ("text", "decimals", "units"),
    [
        (b"10.05", 2, 1005),
        (b"10", 2, 1000),
        (b"10.", 2, 1000),
        (b"002000.00", 0, 2000),
        (b".5", 1, 5),
        (b"-0.10", 2, -10),
        (b"-.1", 2, -10),
        (b"-0", 0, 0),
        (b"-.0", 2, 0),
        (b"10.0500000", 2, 1005),
        (b"10.005", 2, None),
        (b"0.1", 0, None),
        (b"-10.005", 2, None),
    ],
)
def test_only_whole_units_are_taken(text: bytes, decimals: int, units: int | None) -> None:
    assert parse_units(text, decimals) == units


@given(st.integers(-(10**18), 10**18), st.integers(0, 9))
def test_what_is_rendered_is_parsed_to_the_same_units(units: int, decimals: int) -> None:
    assert parse_units(render_units(units, decimals).encode(), decimals) == units
