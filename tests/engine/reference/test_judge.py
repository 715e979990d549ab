"""The judge is awake: a fault planted in the reference venue is noticed within a few streams."""

from collections.abc import Callable
from typing import Any

import pytest

from . import book, market, requests
from .book import Place, RefOrder
from .desk import Desk
from .lockstep import compare
from .market import Market
from .streams import seeded_stream
from .world import opening

SEEDS = range(200)

Patch = pytest.MonkeyPatch
_stand: Callable[[Market, RefOrder], None] = Market._stand


def last_in_first_out(patch: Patch) -> None:
    def stand(self: Market, order: RefOrder) -> None:
        _stand(self, order)
        order.rank = -order.rank

    patch.setattr(Market, "_stand", stand)


def a_new_peak_keeps_its_place(patch: Patch) -> None:
    def stand(self: Market, order: RefOrder) -> None:
        rank, was_in_book = order.rank, order.place is Place.BOOK
        _stand(self, order)
        if was_in_book:
            order.rank = rank

    patch.setattr(Market, "_stand", stand)


def self_trades_happen(patch: Patch) -> None:
    patch.setattr(book, "_STP_OUTCOMES", {})


def all_or_none_fills_in_part(patch: Patch) -> None:
    patch.setattr(RefOrder, "is_aon", property(lambda _: False))


def a_stop_needs_a_price_beyond(patch: Patch) -> None:
    met: Callable[[Market, RefOrder, int], bool] = Market._is_met

    def is_met(self: Market, order: RefOrder, price: int) -> bool:
        return met(self, order, price) and price != order.stop

    patch.setattr(Market, "_is_met", is_met)


def the_auction_forgets_its_reference(patch: Patch) -> None:
    price = book.uncross_price
    patch.setattr(market, "uncross_price", lambda orders, _: price(orders, None))


def every_order_ends_with_the_day(patch: Patch) -> None:
    patch.setattr(Desk, "_ends_today", lambda *_: True)


def a_replace_always_keeps_priority(patch: Patch) -> None:
    def keeps(old: Any, new: Any) -> bool:
        return bool(old.price == new.price and old.ord_type is new.ord_type)

    patch.setattr(requests, "_keeps_priority", keeps)


@pytest.mark.parametrize(
    "plant",
    [
        last_in_first_out,
        a_new_peak_keeps_its_place,
        self_trades_happen,
        all_or_none_fills_in_part,
        a_stop_needs_a_price_beyond,
        the_auction_forgets_its_reference,
        every_order_ends_with_the_day,
        a_replace_always_keeps_priority,
    ],
)
def test_a_planted_fault_is_noticed(
    plant: Callable[[Patch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    streams = ([*opening(), *seeded_stream(seed, 60)] for seed in SEEDS)
    assert any(compare(stream) is not None for stream in streams)
