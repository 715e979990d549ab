"""What the markets of the reference venue share, and the order in which work is done.

Owns: the reports of a command, today's trades, and orders whose turn comes after the one at hand.
Must not know: how an order trades, and anything of fixoms.engine.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .book import Place, RefOrder
from .report import Report

if TYPE_CHECKING:
    from .market import Market


@dataclass
class RefTrade:
    """A trade that can be taken back or corrected today."""

    number: int
    sides: tuple[RefOrder, RefOrder]
    qty: int
    price: int


class Floor:
    """What the markets share: where reports go, and orders whose turn comes after this one."""

    def __init__(self, volatility_auction: int) -> None:
        self.volatility_auction = volatility_auction
        self.time = 0
        self.trades: list[RefTrade] = []
        self.trade_count = 0
        self.reports: list[Report] = []
        self.elected: list[RefOrder] = []
        self.released: list[RefOrder] = []
        self.markets: dict[str, Market] = {}
        self.touched: list[Market] = []

    def market_of(self, order: RefOrder) -> "Market":
        return self.markets[order.instrument_id]

    def touch(self, market: "Market") -> None:
        """Note that a market changed in this command; the first to change comes first."""
        if market not in self.touched:
            self.touched.append(market)

    def _in_turn(self) -> list["Market"]:
        others = [one for one in self.markets.values() if one not in self.touched]
        return [*self.touched, *others]

    def settle(self) -> None:
        """Work what a command set off, until nothing moves.

        Elected stops first, then released orders, then pegs and AONs, market by market in the order
        in which the markets changed.
        """
        for _ in range(10_000):
            if self.elected:
                self._run_triggers()
            elif self.released:
                released, self.released = self.released, []
                for order in released:
                    if order.place is Place.RELEASED:
                        self.market_of(order).work(order)
            elif not any(market.let_followers_move() for market in self._in_turn()):
                return
        raise RuntimeError("the reference venue never comes to rest")

    def _run_triggers(self) -> None:
        """Work the elected stops: farthest reached first, then time; cascades to the end."""
        for order in sorted(self.elected, key=_election):
            if order in self.elected:
                self.elected.remove(order)
                order.triggered = True
                order.place = Place.PARKED
                market = self.market_of(order)
                market.report("TRIGGERED", order)
                market.work(order)


def _election(order: RefOrder) -> tuple[int, int]:
    stop = order.stop or 0
    return (stop if order.is_buy is not order.is_touch else -stop, order.armed)
