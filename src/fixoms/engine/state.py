"""Everything the engine remembers, as plain records.

Owns: participants, sessions, listings, orders, trades, lists, and the counters ids come from.
Must not know: how any of it is decided, reported or serialized.
"""

from __future__ import annotations

from fixoms.domain.commands import CancelOnDisconnect
from fixoms.domain.enums import SelfTradePrevention
from fixoms.domain.events import Owner
from fixoms.domain.ids import ExecId, InstrumentId, OrderId, TradeId
from fixoms.domain.units import Nanos, Price, Qty
from fixoms.engine.contingency import OrderList
from fixoms.engine.controls import Controls
from fixoms.engine.listing import Listing
from fixoms.engine.order import Order
from fixoms.engine.positions import Ledger


class Participant:
    """A broker: its default of self-trade prevention, its sessions, its live orders."""

    __slots__ = ("live", "name", "sessions", "stp")

    def __init__(self, name: str, stp: SelfTradePrevention) -> None:
        self.name = name
        self.stp = stp
        self.sessions: dict[str, Session] = {}
        self.live: dict[OrderId, Order] = {}


class Session:
    """A FIX session of a participant. `orders` is every ClOrdID(11) it used today."""

    __slots__ = ("connected", "name", "orders", "owners", "participant", "policy")

    def __init__(self, name: str, participant: Participant, policy: CancelOnDisconnect) -> None:
        self.name = name
        self.participant = participant
        self.policy = policy
        self.connected = False
        self.orders: dict[str, Order] = {}
        self.owners: dict[str, Owner] = {}

    def owner(self, user: str) -> Owner:
        """The owner of orders entered by `user` of this session."""
        owner = self.owners.get(user)
        if owner is None:
            owner = self.owners[user] = Owner(self.name, self.participant.name, user)
        return owner


class TradeRecord:
    """A trade of today, as far as a bust or correction needs it."""

    __slots__ = ("buy", "buy_exec_id", "price", "qty", "sell", "sell_exec_id", "trade_id")

    def __init__(
        self,
        trade_id: TradeId,
        price: Price,
        qty: Qty,
        buy: Order,
        sell: Order,
        buy_exec_id: ExecId,
        sell_exec_id: ExecId,
    ) -> None:
        self.trade_id = trade_id
        self.price = price
        self.qty = qty
        self.buy = buy
        self.sell = sell
        self.buy_exec_id = buy_exec_id
        self.sell_exec_id = sell_exec_id


class State:
    """The venue's memory. Counters hold the last value given out.

    `listings_of` are the listings of each symbol, `interrupted` those in a volatility auction.
    """

    __slots__ = (
        "cl_ord_ids",
        "controls",
        "day_is_open",
        "exec_id",
        "interrupted",
        "ledger",
        "listings",
        "listings_of",
        "lists",
        "order_id",
        "orders",
        "participants",
        "seq",
        "sessions",
        "time",
        "trade_id",
        "trades",
        "trading_day",
    )

    def __init__(self) -> None:
        self.seq = 0
        self.time = Nanos(0)
        self.trading_day = ""
        self.day_is_open = False
        self.order_id = OrderId(0)
        self.exec_id = ExecId(0)
        self.trade_id = TradeId(0)
        self.cl_ord_ids = 0
        self.participants: dict[str, Participant] = {}
        self.sessions: dict[str, Session] = {}
        self.listings: dict[InstrumentId, Listing] = {}
        self.listings_of: dict[str, list[Listing]] = {}
        self.interrupted: dict[InstrumentId, Listing] = {}
        self.orders: dict[OrderId, Order] = {}
        self.trades: dict[TradeId, TradeRecord] = {}
        self.lists: dict[tuple[str, str], OrderList] = {}
        self.controls = Controls()
        self.ledger = Ledger()

    @property
    def open_day(self) -> str:
        """The trading day under way, empty between days."""
        return self.trading_day if self.day_is_open else ""

    def add_listing(self, listing: Listing) -> None:
        """Register a new listing."""
        self.listings[listing.instrument_id] = listing
        self.listings_of.setdefault(listing.instrument.symbol, []).append(listing)
        if listing.call_ends is not None:
            self.interrupted[listing.instrument_id] = listing

    def find_listing(self, symbol: str, market: str, default_market: str) -> Listing | None:
        """The listing of `symbol` on `market`.

        Without a market: on the default market, else on the only one that lists the symbol.
        """
        listing = self.listings.get(InstrumentId(f"{symbol}@{market or default_market}"))
        if listing is not None or market:
            return listing
        named = self.listings_of.get(symbol, [])
        return named[0] if len(named) == 1 else None

    def find_order(self, session: Session, cl_ord_id: str, order_id: OrderId) -> Order | None:
        """The participant's order of that ClOrdID (own session first), or else of that OrderID.

        Finds an order by an older ClOrdID of its chain too; the caller decides whether that counts.
        """
        participant = session.participant
        if cl_ord_id:
            order = session.orders.get(cl_ord_id)
            if order is None:
                for other in participant.sessions.values():
                    order = other.orders.get(cl_ord_id)
                    if order is not None:
                        break
        else:
            order = self.orders.get(order_id)
        if order is None or order.owner.participant != participant.name:
            return None
        return order if order_id in (0, order.order_id) else None
