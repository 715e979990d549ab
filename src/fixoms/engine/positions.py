"""Who holds what, and what working orders could add to it.

Owns: positions (facts, kept from every fill, bust and correction), what each live order reserves,
and the sums limits are held against. A reservation is a function of the order alone: what is left
of it, at the price it was valued at when it entered or was replaced. So what is released is exactly
what was reserved, however the order ends.
Must not know: limits, who may trade, why an order changed.

Sums are kept only for the kinds of scope that have limits (`Ledger.track`); they follow from the
facts and are not part of a snapshot. Values are integers of 10**-value_decimals of a currency, a
scale as fine as the finest instrument; currencies never add up.

Each instrument of a holder counts with the larger of its two sides (`Holding.worst`): position and
all buys, or the reverse of the position and all sells, since not both can become true. Positions
count at the mark: the reference price, or the newest price of an external market, and until there
is one the first trade. A working order counts at Price(44), else StopPx(99), else the mark, else
the last trade; 0 when there is none of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, TypeAlias

from fixoms.domain.enums import ExecType, Side
from fixoms.domain.ids import InstrumentId
from fixoms.domain.limits import ScopeKind
from fixoms.domain.units import Price
from fixoms.engine.listing import Listing
from fixoms.engine.order import Order

if TYPE_CHECKING:
    from fixoms.engine.guards import Guard
    from fixoms.engine.rules import Rule

PositionKey: TypeAlias = tuple[str, str, str, InstrumentId]
"""Participant, account, client, instrument."""

_VALUE_DECIMALS_MIN: Final = 6
HOLDERS: Final = (ScopeKind.ACCOUNT, ScopeKind.CLIENT, ScopeKind.PARTICIPANT)
"""Kinds of scope that hold positions."""

_NEW, _REPLACED = ExecType.NEW, ExecType.REPLACED
_CANCELED, _CORRECTED = ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT
_SHORT: Final = Side.SELL_SHORT


class Holder:
    """A participant, account or client over all instruments: how many orders it has working."""

    __slots__ = ("orders",)

    def __init__(self) -> None:
        self.orders = 0


class Purse:
    """A holder's values in one currency.

    `at` are the positions at their marks, `buys` and `sells` the working orders; `gross` is the sum
    of `Holding.worst`, `need` the same times the margin rate in basis points. `cash` is what sales
    brought less what purchases cost, `day` what was traded today.
    """

    __slots__ = ("at", "buys", "cash", "day", "gross", "need", "sells")

    def __init__(self) -> None:
        self.at = 0
        self.buys = 0
        self.sells = 0
        self.gross = 0
        self.need = 0
        self.cash = 0
        self.day = 0


class Holding:
    """A holder's position and working orders in one instrument."""

    __slots__ = (
        "at",
        "buys",
        "holder",
        "margin_bp",
        "mark",
        "net",
        "open_buy",
        "open_sell",
        "orders",
        "purse",
        "sells",
        "worst",
    )

    def __init__(self, holder: Holder, purse: Purse, margin_bp: int, mark: int) -> None:
        self.holder = holder
        self.purse = purse
        self.margin_bp = margin_bp
        self.mark = mark
        self.net = 0
        self.open_buy = 0
        self.open_sell = 0
        self.orders = 0
        self.at = 0
        self.buys = 0
        self.sells = 0
        self.worst = 0

    def work(self, is_buy: bool, qty: int, value: int, orders: int) -> None:
        """Change what works on one side."""
        purse, at = self.purse, self.at
        if is_buy:
            self.open_buy += qty
            self.buys += value
            purse.buys += value
        else:
            self.open_sell += qty
            self.sells += value
            purse.sells += value
        if orders:
            self.orders += orders
            self.holder.orders += orders
        buyer, seller = at + self.buys, self.sells - at
        more = max(seller, buyer) - self.worst
        if more:
            self.worst += more
            purse.gross += more
            purse.need += more * self.margin_bp

    def fill(  # one call a fill and holder, so all of it in one
        self,
        is_buy: bool,
        qty: int,
        value: int,
        less: int,
        freed: int,
        done: bool,
    ) -> None:
        """Count a fill of `qty` for `value`; `less` and `freed` no longer work."""
        purse = self.purse
        purse.day += value
        if is_buy:
            self.net += qty
            self.open_buy -= less
            self.buys -= freed
            purse.buys -= freed
            purse.cash -= value
        else:
            self.net -= qty
            self.open_sell -= less
            self.sells -= freed
            purse.sells -= freed
            purse.cash += value
        if done:
            self.orders -= 1
            self.holder.orders -= 1
        self.revalue(self.mark)

    def trade(self, net: int, cash: int, day: int) -> None:
        """Change the position by `net`, and by what it cost or brought."""
        purse = self.purse
        purse.cash += cash
        purse.day += day
        self.net += net
        self.revalue(self.mark)

    def revalue(self, mark: int) -> None:
        """Count the position at another mark."""
        self.mark = mark
        at = self.net * mark
        purse = self.purse
        purse.at += at - self.at
        self.at = at
        more = max(at + self.buys, self.sells - at) - self.worst
        if more:
            self.worst += more
            purse.gross += more
            purse.need += more * self.margin_bp


class Shorts:
    """What an account sells short of one instrument: working, and sold today."""

    __slots__ = ("open", "sold")

    def __init__(self) -> None:
        self.open = 0
        self.sold = 0


class Position:
    """What one account, for one client, bought and sold of one instrument since ever.

    Values are price x quantity in the instrument's units; `day_value` and `short_sold` (quantity)
    count today only. `shorts` it shares with the account's other clients. `guards`, `rules`
    and `rooms` are the limits that apply to its orders, as engine/risk.py made them in the epoch
    `rules_epoch`.
    """

    __slots__ = (
        "account",
        "bought",
        "bought_value",
        "client",
        "day_value",
        "guards",
        "holdings",
        "listing",
        "participant",
        "rooms",
        "rules",
        "rules_epoch",
        "scale",
        "short_sold",
        "shorts",
        "sold",
        "sold_value",
    )

    def __init__(
        self, participant: str, account: str, client: str, listing: Listing, shorts: Shorts
    ) -> None:
        self.shorts = shorts
        self.participant = participant
        self.account = account
        self.client = client
        self.listing = listing
        self.bought = 0
        self.sold = 0
        self.bought_value = 0
        self.sold_value = 0
        self.day_value = 0
        self.short_sold = 0
        self.scale = 1
        self.holdings: tuple[Holding, ...] = ()
        self.rules: tuple[Rule, ...] = ()
        self.guards: tuple[Guard, ...] = ()
        self.rooms: tuple[tuple[Holding, int, bool], ...] = ()
        self.rules_epoch = -1

    @property
    def net(self) -> int:
        """Quantity held, negative when short."""
        return self.bought - self.sold


class Ledger:
    """Positions, reservations, and the sums of the scopes that have limits.

    `on` says whether reservations are kept; without limits only the positions are. `tracked` are
    the kinds of holder with sums. `marks` are the prices positions count at. `guarded` says that
    working orders may add up to more than a position limit, so that trades must be asked about:
    while it is False, what was checked at entry holds for every trade.
    """

    __slots__ = (
        "_holders",
        "_holdings_of",
        "_newest",
        "_purses",
        "_shorts",
        "epoch",
        "guarded",
        "holdings",
        "limits_positions",
        "marks",
        "on",
        "positions",
        "tracked",
        "value_decimals",
    )

    def __init__(self) -> None:
        self.positions: dict[PositionKey, Position] = {}
        self.marks: dict[InstrumentId, Price] = {}
        self.on = False
        self._newest: Position | None = None
        self.limits_positions = False
        self.guarded = False
        self.tracked: tuple[ScopeKind, ...] = ()
        self.value_decimals = _VALUE_DECIMALS_MIN
        self.epoch = 0
        self.holdings: dict[tuple[ScopeKind, str, str, InstrumentId], Holding] = {}
        self._holdings_of: dict[InstrumentId, list[Holding]] = {}
        self._holders: dict[tuple[ScopeKind, str, str], Holder] = {}
        self._purses: dict[tuple[ScopeKind, str, str, str], Purse] = {}
        self._shorts: dict[tuple[str, str, InstrumentId], Shorts] = {}

    def position(self, participant: str, account: str, client: str, listing: Listing) -> Position:
        """The position of that key, made when there is none."""
        key = (participant, account, client, listing.instrument_id)
        position = self._newest = self.positions.get(key)
        if position is None:
            shorts = self._shorts.setdefault((participant, account, key[3]), Shorts())
            position = Position(participant, account, client, listing, shorts)
            self.positions[key] = self._newest = position
            self._attach(position)
        return position

    def holder(self, kind: ScopeKind, participant: str, name: str) -> Holder:
        """The sums of a holder over all instruments."""
        key = (kind, participant, name)
        holder = self._holders.get(key)
        if holder is None:
            holder = self._holders[key] = Holder()
        return holder

    def purse(self, kind: ScopeKind, participant: str, name: str, currency: str) -> Purse:
        """The values of a holder in one currency."""
        key = (kind, participant, name, currency)
        purse = self._purses.get(key)
        if purse is None:
            purse = self._purses[key] = Purse()
        return purse

    def currencies(self, kind: ScopeKind, participant: str, name: str) -> list[str]:
        """The currencies a holder has values in."""
        return sorted(key[3] for key in self._purses if key[:3] == (kind, participant, name))

    def _attach(self, position: Position) -> None:
        """Bind the position to the sums it counts in."""
        listing = position.listing
        instrument = listing.instrument
        position.scale = self._scale(listing)
        names = {
            ScopeKind.ACCOUNT: position.account,
            ScopeKind.CLIENT: position.client,
            ScopeKind.PARTICIPANT: "",
        }
        found = []
        for kind in self.tracked:
            name = names[kind]
            if kind is ScopeKind.CLIENT and not name:
                continue
            key = (kind, position.participant, name, listing.instrument_id)
            holding = self.holdings.get(key)
            if holding is None:
                mark = self.marks.get(listing.instrument_id, 0) * position.scale
                holding = self.holdings[key] = Holding(
                    self.holder(kind, position.participant, name),
                    self.purse(kind, position.participant, name, instrument.currency),
                    instrument.initial_margin_bp,
                    mark,
                )
                self._holdings_of.setdefault(listing.instrument_id, []).append(holding)
            found.append(holding)
        position.holdings = tuple(found)

    def _position_of(self, order: Order) -> Position:
        """The position an order counts in; what it reserved and traded moves along with it.

        A replace may name another Account(1) or client.
        """
        position, terms = order.position, order.terms
        if (
            position is not None
            and position.account == terms.account
            and position.client == terms.client
        ):
            return position
        moved = self._newest
        if (
            moved is None
            or moved.listing is not order.listing
            or moved.account != terms.account
            or moved.client != terms.client
            or moved.participant != order.owner.participant
        ):
            moved = self.position(
                order.owner.participant, terms.account, terms.client, order.listing
            )
        if position is not None:
            self._release(order)
            self._book(position, order, -order.cum_qty, -order.notional, 0)
            self._book(moved, order, order.cum_qty, order.notional, 0)
        order.position = moved
        return moved

    def follow(self, order: Order) -> None:
        """Let what the order traded follow it to another account."""
        if order.cum_qty:
            self._position_of(order)

    def shake(self) -> None:
        """Know that limits or positions changed while orders work."""
        self.guarded = self.limits_positions

    def note(self, order: Order, exec_type: ExecType) -> None:
        """Reserve what the order, as it was just reported, can still trade."""
        position, terms = order.position, order.terms
        if position is None or position.account != terms.account or position.client != terms.client:
            position = self._position_of(order)
        price = order.hold_price
        if exec_type is _NEW or exec_type is _REPLACED:
            price = terms.price or self.value_price(order)
        elif not price and (exec_type is _CANCELED or exec_type is _CORRECTED):
            price = self.value_price(order)
        self._reserve(position, order, order.leaves_qty, price)

    def release(self, order: Order) -> None:
        """Give back what an order reserved that does not enter after all."""
        if order.position is not None:
            self._release(order)

    def _release(self, order: Order) -> None:
        if order.position is not None:
            self._reserve(order.position, order, 0, order.hold_price)

    def _reserve(self, position: Position, order: Order, left: int, price: int) -> None:
        held, old = order.held_qty, order.hold_price
        if left == held and price == old:
            return
        order.held_qty, order.hold_price = left, price
        if order.terms.side is _SHORT:
            position.shorts.open += left - held
        if position.holdings:
            value = (left * price - held * old) * position.scale
            orders = (left > 0) - (held > 0)
            for holding in position.holdings:
                holding.work(order.is_buy, left - held, value, orders)

    def book(self, order: Order, qty: int, value: int) -> None:
        """Count `qty` more traded for `value`; both are negative where a trade is taken back."""
        position, terms = order.position, order.terms
        if position is None or position.account != terms.account or position.client != terms.client:
            position = self._position_of(order)
        if terms.side is _SHORT:
            position.short_sold += qty
            position.shorts.sold += qty
        if self.on:
            if qty > 0:
                self._fill(position, order, qty, value)
            else:
                self.shake()
                self._book(position, order, qty, value, value)
            return
        position.day_value += value
        if order.is_buy:
            position.bought += qty
            position.bought_value += value
        else:
            position.sold += qty
            position.sold_value += value

    def _fill(self, position: Position, order: Order, qty: int, value: int) -> None:
        """Count a fill, and take what was filled out of the reservation."""
        left, is_buy = order.leaves_qty, order.is_buy
        less = order.held_qty - left
        done = left == 0 and less > 0
        order.held_qty = left
        position.day_value += value
        if is_buy:
            position.bought += qty
            position.bought_value += value
        else:
            position.sold += qty
            position.sold_value += value
            if order.terms.side is _SHORT:
                position.shorts.open -= less
        if position.holdings:
            scale = position.scale
            freed = less * order.hold_price * scale
            for holding in position.holdings:
                holding.fill(is_buy, qty, value * scale, less, freed, done)

    def _book(self, position: Position, order: Order, qty: int, value: int, day: int) -> None:
        position.day_value += day
        if order.is_buy:
            position.bought += qty
            position.bought_value += value
            net, cash = qty, -value
        else:
            position.sold += qty
            position.sold_value += value
            net, cash = -qty, value
        scale = position.scale
        for holding in position.holdings:
            holding.trade(net, cash * scale, day * scale)

    def value_price(self, order: Order) -> int:
        """What one unit of a working order counts at, in price units; 0 when nothing tells."""
        terms = order.terms
        return (
            terms.price
            or terms.stop_px
            or self.marks.get(order.listing.instrument_id)
            or order.listing.last_price
            or 0
        )

    def set_mark(self, listing: Listing, price: Price) -> None:
        """Count positions in an instrument at another price."""
        instrument_id = listing.instrument_id
        self.marks[instrument_id] = price
        holdings = self._holdings_of.get(instrument_id)
        if holdings:
            scale = self._scale(listing)
            for holding in holdings:
                holding.revalue(price * scale)

    def _scale(self, listing: Listing) -> int:
        instrument = listing.instrument
        decimals = instrument.price_decimals + instrument.qty_decimals
        return int(10 ** max(self.value_decimals - decimals, 0))

    def widen(self, listing: Listing) -> None:
        """Make the scale of values as fine as a new instrument needs, while no sums are kept."""
        instrument = listing.instrument
        decimals = instrument.price_decimals + instrument.qty_decimals
        if decimals > self.value_decimals:
            self.value_decimals = decimals
            for position in self.positions.values():
                position.scale = self._scale(position.listing)

    def first_trade(self, listing: Listing, price: Price) -> None:
        """Let the first trade of an instrument without a price be its mark."""
        if listing.instrument_id not in self.marks:
            self.set_mark(listing, price)

    def start_day(self) -> None:
        """Forget what counts for one day."""
        for position in self.positions.values():
            position.day_value = position.short_sold = position.shorts.sold = 0
        for purse in self._purses.values():
            purse.day = 0

    def has_traded(self, instrument_id: InstrumentId) -> bool:
        """Whether a position in the instrument was ever taken: its units are then fixed."""
        return any(
            (each.bought or each.sold)
            for each in self.positions.values()
            if each.listing.instrument_id == instrument_id
        )

    def track(
        self,
        kinds: Iterable[ScopeKind],
        *,
        reserves: bool,
        listings: Iterable[Listing],
        live: Iterable[Order],
    ) -> None:
        """Keep sums for `kinds` of holder from now on, counted anew from the facts.

        `reserves` keeps reservations without sums. Costs a step for each position and live order.
        """
        self.tracked = tuple(kind for kind in HOLDERS if kind in set(kinds))
        was_on, self.on = self.on, bool(self.tracked) or reserves
        self.holdings.clear()
        self._holdings_of.clear()
        self._holders.clear()
        self._purses.clear()
        self.epoch += 1
        self.value_decimals = _VALUE_DECIMALS_MIN
        for listing in listings:
            instrument = listing.instrument
            decimals = instrument.price_decimals + instrument.qty_decimals
            self.value_decimals = max(self.value_decimals, decimals)
            price = listing.reference_price or listing.last_price
            if price is not None:
                self.marks.setdefault(listing.instrument_id, price)
        for shorts in self._shorts.values():
            shorts.open = shorts.sold = 0
        for position in self.positions.values():
            position.shorts.sold += position.short_sold
            self._attach(position)
            value = position.sold_value - position.bought_value
            day = position.day_value * position.scale
            for holding in position.holdings:
                holding.trade(position.net, value * position.scale, day)
        for order in live:
            order.held_qty = 0
            if not was_on:
                order.hold_price = self.value_price(order)
            if self.on:
                self.note(order, ExecType.ORDER_STATUS)
