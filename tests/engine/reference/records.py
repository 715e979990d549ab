"""What the reference venue remembers, and how it finds what a request means.

Owns: participants, sessions, markets, orders, lists, the trading day; lookups by ClOrdID and
OrderID; ending orders.
Must not know: what requests ask for, and anything of fixoms.engine.
"""

from fixoms.domain.commands import (
    DefineSession,
    EnterOrder,
    Origin,
)
from fixoms.domain.enums import (
    OrdStatus,
    SelfTradePrevention,
    TimeInForce,
)
from fixoms.domain.ids import instrument_id

from .book import Place, RefOrder
from .floor import Floor
from .links import OrderGroup
from .market import Market
from .report import Report


class Records:
    """The state all desks of the venue share."""

    def __init__(self, market: str, volatility_auction: int) -> None:
        self.default_market = market
        self.participants: dict[str, SelfTradePrevention] = {}
        self.sessions: dict[str, DefineSession] = {}
        self.floor = Floor(volatility_auction)
        self.markets = self.floor.markets
        self.lists: dict[tuple[str, str], OrderGroup] = {}
        self.orders: list[RefOrder] = []
        self.numbers = 0
        self.entered: dict[int, EnterOrder] = {}
        self.trading_day = ""
        self.day_is_open = False
        self.time = 0

    def tell(self, report: Report) -> None:
        self.floor.reports.append(report)

    def is_known(self, origin: Origin) -> bool:
        bound = self.sessions.get(origin.session)
        return bound is not None and bound.participant == origin.participant

    def named(self, session: str, cl_ord_id: str) -> RefOrder | None:
        """The order that goes, or once went, by this ClOrdID in this session."""
        for one in reversed(self.orders):
            if (session, cl_ord_id) in one.names:
                return one
        return None

    def find(self, origin: Origin, cl_ord_id: str, order_id: int) -> RefOrder | None:
        """By ClOrdID in the own session, then in the participant's others; else by OrderID."""
        if cl_ord_id:
            sessions = [origin.session, *(name for name in self.sessions if name != origin.session)]
            for name in sessions:
                if self.sessions[name].participant != origin.participant:
                    continue
                found = self.named(name, cl_ord_id)
                if found is not None:
                    return found if order_id in (0, found.number) else None
            return None
        for one in self.orders:
            if one.number == order_id and one.participant == origin.participant:
                return one
        return None

    def market(self, symbol: str, market: str) -> Market | None:
        return self.markets.get(instrument_id(symbol, market or self.default_market))

    def live(self) -> list[RefOrder]:
        return [one for one in self.orders if one.place is not Place.GONE]

    def end_all(self, orders: list[RefOrder], status: OrdStatus) -> int:
        """End each order that the end of one before it has left alive; how many there were."""
        alive = 0
        for one in orders:
            if one.place is not Place.GONE:
                alive += 1
                self.floor.market_of(one).leave(one, status)
        return alive

    def is_past(self, order: RefOrder) -> bool:
        terms = order.terms
        if terms.tif is not TimeInForce.GOOD_TILL_DATE:
            return False
        if self.has_run_out(order):
            return True
        return bool(terms.expire_date) and terms.expire_date < self.trading_day

    def has_run_out(self, order: RefOrder) -> bool:
        time = order.terms.expire_time
        good = order.terms.tif is TimeInForce.GOOD_TILL_DATE
        return good and time is not None and time <= self.time
