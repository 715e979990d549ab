"""One instrument of the reference venue: what its orders do to each other.

Owns: working an order, triggers, the uncross, phases of one instrument, and the reports of these.
Must not know: who may send what, ClOrdIDs, days, lists (venue.py), and anything of fixoms.engine.
"""

import msgspec

from fixoms.domain.enums import (
    ContingencyType,
    ExecInst,
    InstrumentStatus,
    OrdRejReason,
    OrdStatus,
    OrdType,
    Phase,
    TimeInForce,
)
from fixoms.domain.instrument import Instrument
from fixoms.domain.units import Price, Qty

from .book import Band, Meeting, Outcome, Place, RefOrder, accepts, queue, sweep, uncross_price
from .floor import Floor, RefTrade
from .report import Reason, Report


class Market:
    """The orders of one instrument in order of entry, its phase and its prices."""

    def __init__(self, instrument: Instrument, phase: Phase, floor: Floor) -> None:
        self.instrument = instrument
        self.phase = phase
        self.reference: int | None = instrument.reference_price
        self.last: int | None = None
        self.orders: list[RefOrder] = []
        self.ranks = 0
        self.call_ends: int | None = None
        self._floor = floor
        self._indicated: tuple[int | None, int, int] = (None, 0, 0)

    @property
    def is_active(self) -> bool:
        return self.instrument.status is InstrumentStatus.ACTIVE

    @property
    def matches(self) -> bool:
        """Whether orders trade as they come; a suspended instrument does not trade."""
        return self.is_active and self.phase is Phase.CONTINUOUS

    def _note(self, order: RefOrder) -> None:
        """A change of an order changes the book when the order stands in it."""
        if order.place is Place.BOOK:
            self._floor.touch(self)

    def report(self, kind: str, order: RefOrder, **more: object) -> None:
        """Report the order as it stands now."""
        report = Report(
            kind,
            order.session,
            order.cl_ord_id,
            status=order.status.name,
            order_qty=order.terms.qty,
            price=order.price,
            stop_px=order.stop,
            leaves=order.leaves,
            cum=order.cum,
            notional=order.notional,
        )
        self._floor.reports.append(report._replace(**more))  # type: ignore[arg-type]

    def refusals_by_book(self, order: RefOrder) -> set[Reason]:
        """What only the book can refuse: post-only that would cross, market-to-limit alone."""
        if not self.matches or order.waits_for_trigger:
            return set()
        if order.terms.tif is TimeInForce.AT_THE_CLOSE:
            return set()
        becomes_limit = order.terms.ord_type is OrdType.MARKET_TO_LIMIT and order.price is None
        alone = not self.traded(sweep(order, self.orders, self._dynamic_band()))
        if self._must_not_trade(order) or (becomes_limit and alone):
            return {OrdRejReason.OTHER}
        return set()

    def _must_not_trade(self, order: RefOrder) -> bool:
        """Whether the order is post-only and would cross; a peg without a price does not."""
        if not order.has(ExecInst.PARTICIPATE_DONT_INITIATE) or (order.peg and not order.price):
            return False
        others = queue(self.orders, not order.is_buy)
        return any(one.price is not None and accepts(order, one.price) for one in others)

    def price_anew(self, order: RefOrder) -> None:
        """Give an order that follows the market its first price or stop price, where there is one.

        An order keeps none of these from before a replace.
        """
        order.stop = order.terms.stop_px
        if order.is_trailing:
            self._trail(order)
        if order.peg is not None:
            order.price = self._peg_price(order) if self.matches else None

    def work(self, order: RefOrder) -> None:
        """Let an accepted order act: wait, stand in a call, or work through the book."""
        if order.waits_for_trigger:
            self.ranks += 1
            order.armed = self.ranks
            order.place = Place.TRIGGER
            if order.is_trailing:
                self._trail(order)
            if self.last is not None and self._is_met(order, self.last):
                self._floor.elected.append(order)
        elif order.peg is not None:
            order.price = self._peg_price(order) if self.matches else None
            order.place = Place.PARKED
            if order.price is not None:
                self._act(order)
        elif order.terms.tif is TimeInForce.AT_THE_CLOSE and not self._in_closing_call():
            order.place = Place.PARKED
        else:
            self._act(order)

    def _in_closing_call(self) -> bool:
        return self.phase is Phase.CLOSING_AUCTION

    def _act(self, order: RefOrder) -> None:
        at_once = order.is_immediate or order.least > 0
        if self.matches:
            self._aggress(order)
        elif at_once:
            self.leave(order, OrdStatus.CANCELED)
        else:
            self._stand(order)

    def _stand(self, order: RefOrder) -> None:
        """Put what is left of the order at the end of the queue at its price."""
        self._floor.touch(self)
        self.ranks += 1
        order.rank = self.ranks
        order.shown = min(order.peak, order.leaves)
        order.place = Place.BOOK

    def _aggress(self, order: RefOrder) -> None:
        order.place = Place.PARKED
        if self._must_not_trade(order):
            self.leave(order, OrdStatus.CANCELED)
            return
        limit, band = order.price, self._dynamic_band()
        meetings = sweep(order, self.orders, band)
        first = next((one for one in meetings if one.outcome is Outcome.TRADE), None)
        if order.terms.ord_type is OrdType.MARKET_TO_LIMIT and limit is None and first:
            order.price = first.price
            meetings = sweep(order, self.orders, band)
        whole = self.traded(meetings) == order.leaves
        if (order.is_aon or order.terms.tif is TimeInForce.FILL_OR_KILL) and not whole:
            meetings = []
        order.price = limit
        if self.traded(meetings) < order.least:
            self.leave(order, OrdStatus.CANCELED)
            return
        while meetings and order.place is not Place.GONE and self.matches:
            self._carry_out(order, meetings[0])
            meetings = sweep(order, self.orders, band)
        if order.place is not Place.GONE:
            self._leave_rest(order)

    def _leave_rest(self, order: RefOrder) -> None:
        """What did not trade rests in the book, or joins the call its sweep has begun."""
        interrupted = not self.matches
        if order.is_immediate or order.price is None or (interrupted and order.least):
            self.leave(order, OrdStatus.CANCELED)
        elif interrupted and order.peg is not None:
            order.price = None
        else:
            self._stand(order)

    def _dynamic_band(self) -> Band:
        base = self.reference if self.last is None else self.last
        return Band(base, self.instrument.dynamic_band_bp)

    def enter(self, phase: Phase) -> None:
        """Move to a phase; orders go where they belong when a call begins."""
        self._floor.touch(self)
        self.phase = phase
        self.call_ends = None
        self._floor.reports.append(
            Report("PHASE_CHANGED", self.instrument.instrument_id, status=phase.name)
        )
        if phase is Phase.VOLATILITY_AUCTION:
            self.call_ends = self._floor.time + self._floor.volatility_auction
        if phase.is_auction:
            self._begin_call()

    def let_followers_move(self) -> bool:
        """Let pegs follow, then AONs try; whether any moved. Nothing moves outside of trading."""
        if not self.matches:
            return False
        return self._move_pegs() or self._work_all_or_none()

    def _peg_price(self, order: RefOrder) -> int | None:
        """The price a peg stands at now: own side, other side, or between; limited by Price(44)."""
        free = [one for one in self.orders if one.peg is None]
        bids = [one.price for one in queue(free, is_buy=True) if one.price is not None]
        asks = [one.price for one in queue(free, is_buy=False) if one.price is not None]
        own, other = (bids, asks) if order.is_buy else (asks, bids)
        offset = order.terms.peg_offset or 0
        down = order.is_buy
        if order.peg is ExecInst.MID_PRICE_PEG:
            if not own or not other:
                return None
            twice = own[0] + other[0] + 2 * offset
            price = twice // 2 if down else -(-twice // 2)
        else:
            reference = own if order.peg is ExecInst.PRIMARY_PEG else other
            if not reference:
                return None
            price = reference[0] + offset
        tick = self.instrument.tick_at(Price(price))
        price = price // tick * tick if down else -(-price // tick) * tick
        limit = order.terms.price
        if limit is not None:
            price = min(price, limit) if down else max(price, limit)
        return price if price > 0 else None

    def _move_pegs(self) -> bool:
        """Bring each peg that stands elsewhere to its price; whether there was one."""
        moved = False
        for one in self.orders:
            if not self.matches:
                break
            if one.peg is None or one.revived or one.place not in (Place.BOOK, Place.PARKED):
                continue
            price = self._peg_price(one)
            if price == one.price:
                continue
            moved = True
            one.price = price
            if price is None:
                one.place = Place.PARKED
            else:
                self._aggress(one)
        return moved

    def _work_all_or_none(self) -> bool:
        """Work the first resting AON that can be whole now; whether there was one."""
        resting = queue(self.orders, is_buy=True) + queue(self.orders, is_buy=False)
        for one in resting:
            if (
                one.is_aon
                and self.traded(sweep(one, self.orders, self._dynamic_band())) == one.leaves
            ):
                self._aggress(one)
                return True
        return False

    def _begin_call(self) -> None:
        """GTX orders expire, pegs leave the book, and at the close 59=7 orders join."""
        for one in self.orders:
            if one.place is Place.GONE:
                continue
            if one.terms.tif is TimeInForce.GOOD_TILL_CROSSING:
                self.leave(one, OrdStatus.EXPIRED)
            elif one.peg is not None and one.place is Place.BOOK:
                one.place, one.price = Place.PARKED, None
            elif (
                self._in_closing_call()
                and one.place is Place.PARKED
                and not one.revived
                and one.terms.tif is TimeInForce.AT_THE_CLOSE
            ):
                self._stand(one)

    @staticmethod
    def traded(meetings: list[Meeting]) -> int:
        """How much of a sweep trades."""
        return sum(one.qty for one in meetings if one.outcome is Outcome.TRADE)

    def _carry_out(self, order: RefOrder, meeting: Meeting) -> None:
        match meeting.outcome:
            case Outcome.TRADE:
                if order.terms.ord_type is OrdType.MARKET_TO_LIMIT and order.price is None:
                    order.price = meeting.price
                self._trade(order, meeting.resting, meeting.qty, meeting.price, order)
            case Outcome.CANCEL_RESTING:
                self.leave(meeting.resting, OrdStatus.CANCELED)
            case Outcome.CANCEL_AGGRESSOR:
                self.leave(order, OrdStatus.CANCELED)
            case Outcome.CANCEL_BOTH:
                self.leave(meeting.resting, OrdStatus.CANCELED)
                if order.place is not Place.GONE:
                    self.leave(order, OrdStatus.CANCELED)
            case Outcome.INTERRUPT:
                self.enter(Phase.VOLATILITY_AUCTION)
            case Outcome.DECREMENT:
                for one in (order, meeting.resting):
                    if one.place is not Place.GONE:
                        self._decrement(one, meeting.qty)

    def _decrement(self, order: RefOrder, qty: int) -> None:
        self._note(order)
        order.leaves -= qty
        order.shown = min(order.shown, order.leaves)
        order.terms = msgspec.structs.replace(order.terms, qty=Qty(order.terms.qty - qty))
        if order.leaves == 0:
            order.place = Place.GONE
            order.status = OrdStatus.FILLED if order.cum else OrdStatus.CANCELED
        self.report("RESTATED", order)
        self.spread_end(order)

    def _trade(
        self, first: RefOrder, second: RefOrder, qty: int, price: int, aggressor: RefOrder | None
    ) -> None:
        self._floor.touch(self)
        for one in (first, second):
            one.leaves -= qty
            one.cum += qty
            one.notional += qty * price
            one.status = OrdStatus.PARTIALLY_FILLED if one.leaves else OrdStatus.FILLED
            if one.leaves == 0:
                one.place = Place.GONE
            elif one is not aggressor and aggressor is not None:
                one.shown -= qty
                if one.shown <= 0:
                    self._stand(one)
            self.report("TRADE", one, last_qty=qty, last_px=price, aggressor=one is aggressor)
        self._floor.trade_count += 1
        sides = (first, second) if first.is_buy else (second, first)
        self._floor.trades.append(RefTrade(self._floor.trade_count, sides, qty, price))
        self._last_trade(price)
        for one in (first, second):
            self._spread_fill(one, qty)
            self.spread_end(one)

    def _spread_fill(self, order: RefOrder, qty: int) -> None:
        """Cancel or reduce the orders bound to a filled one, at once."""
        if order.group is None:
            return
        reduces = order.group.contingency is ContingencyType.ONE_UPDATES_OTHER
        for one in order.group.siblings(order):
            if one.place is Place.GONE:
                continue
            market = self._floor.market_of(one)
            if reduces and one.leaves > qty:
                market._decrement(one, qty)
            else:
                market.leave(one, OrdStatus.CANCELED)

    def spread_end(self, order: RefOrder) -> None:
        """Release what waits for an order that was filled, cancel what waits for another end."""
        if order.group is None or order.place is not Place.GONE or not order.group.is_parent(order):
            return
        for one in order.group.held():
            if order.status is OrdStatus.FILLED:
                one.place = Place.RELEASED
                self._floor.released.append(one)
            else:
                self._floor.market_of(one).leave(one, OrdStatus.CANCELED)

    def change_trade(self, kind: str, trade: RefTrade, qty: int, price: int) -> None:
        """Make a trade one of `qty` at `price`, 0 to take it back, and report both sides.

        What is given back works again without time priority; an order that had left the book is
        alive but stands nowhere until its owner replaces it. A canceled order stays canceled.
        """
        returned = trade.qty - qty
        for one in trade.sides:
            one.cum -= returned
            one.notional += price * qty - trade.price * trade.qty
            filled = one.status is OrdStatus.FILLED
            if returned and (filled or not one.status.is_terminal):
                one.leaves += returned
                one.status = OrdStatus.PARTIALLY_FILLED if one.cum else OrdStatus.NEW
                if filled:
                    one.place, one.revived = Place.PARKED, True
                elif one.place is Place.BOOK:
                    self._stand(one)
            last = (qty, price) if qty else (trade.qty, trade.price)
            self.report(kind, one, last_qty=last[0], last_px=last[1])
        trade.qty, trade.price = qty, price

    def leave(self, order: RefOrder, status: OrdStatus, **more: object) -> None:
        """Take what is left of a live order out of the venue."""
        self._note(order)
        order.leaves = order.shown = 0
        order.status = status
        order.place = Place.GONE
        if order in self._floor.elected:
            self._floor.elected.remove(order)
        self.report(status.name, order, **more)
        self.spread_end(order)

    def _is_met(self, order: RefOrder, price: int) -> bool:
        if order.stop is None:
            return False
        rising = order.is_buy is not order.is_touch
        return price >= order.stop if rising else price <= order.stop

    def _last_trade(self, price: int) -> None:
        """Note a trade: trailing stops follow it, and it elects the stops it reaches."""
        self.last = price
        for one in self.orders:
            if one.place is not Place.TRIGGER or one in self._floor.elected:
                continue
            if one.is_trailing:
                self._trail(one)
            if self._is_met(one, price):
                self._floor.elected.append(one)

    def _trail(self, order: RefOrder) -> None:
        """Let a trailing stop follow the last trade, in the favourable direction only."""
        if self.last is None:
            return
        stop = self.last + (order.terms.peg_offset or 0)
        if order.stop is None or (stop < order.stop if order.is_buy else stop > order.stop):
            order.stop = stop

    def uncross(self) -> None:
        """Trade the call at its one price; market orders first, then price, then time."""
        while (found := uncross_price(self.orders, self.reference)) is not None:
            while (pair := self._next_pair(found.price)) is not None:
                bid, ask = pair
                self._trade(bid, ask, min(bid.leaves, ask.leaves), found.price, None)
            for one in self.orders:
                converts = one.terms.ord_type is OrdType.MARKET_TO_LIMIT and one.price is None
                if converts and one.cum and one.place is Place.BOOK:
                    one.price = found.price
                    self._stand(one)
        for one in self.orders:
            one.shown = min(one.peak, one.leaves)

    def _next_pair(self, price: int) -> tuple[RefOrder, RefOrder] | None:
        able = [one for one in self.orders if not one.is_aon and accepts(one, price)]
        bids, asks = queue(able, is_buy=True), queue(able, is_buy=False)
        return (bids[0], asks[0]) if bids and asks else None

    def open_trading(self) -> None:
        """Uncross, then end what was for the call only: 59=2 and 59=7 expire, market orders go."""
        self._floor.touch(self)
        if self.is_active:
            self.uncross()
        for one in self.orders:
            if one.place is not Place.BOOK:
                continue
            if one.terms.tif in (TimeInForce.AT_THE_OPENING, TimeInForce.AT_THE_CLOSE):
                self.leave(one, OrdStatus.EXPIRED)
            elif one.price is None:
                self.leave(one, OrdStatus.CANCELED)

    def indicate(self) -> None:
        """Publish price and volume of the call when they differ from what was last published."""
        found = uncross_price(self.orders, self.reference) if self.phase.is_auction else None
        now = (None, 0, 0) if found is None else (found.price, found.volume, found.surplus)
        if now == self._indicated:
            return
        self._indicated = now
        self._floor.reports.append(
            Report(
                "INDICATIVE",
                self.instrument.instrument_id,
                last_px=now[0],
                last_qty=now[1],
                leaves=abs(now[2]),
                aggressor=now[2] > 0,
            )
        )
