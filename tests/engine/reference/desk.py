"""What the venue and its operators do, as the reference venue decides it.

Owns: instruments and their status, phases, days, expiry, busts and corrections.
Must not know: requests of clients, and anything of fixoms.engine.
"""

import msgspec

from fixoms.domain.commands import (
    BustTrade,
    CancelByOperator,
    CorrectTrade,
    DefineInstrument,
    SetInstrumentStatus,
    SetPhase,
    SetReferencePrice,
    StartDay,
)
from fixoms.domain.enums import (
    InstrumentStatus,
    OrdStatus,
    Phase,
    TimeInForce,
)

from .book import Place, RefOrder
from .market import Market
from .records import Records
from .report import Report


class Desk:
    """Decides the commands of operators and of the schedule."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def list_instrument(self, command: DefineInstrument) -> None:
        key = command.instrument.instrument_id
        known = self._records.markets.get(key)
        if known is None:
            self._records.markets[key] = Market(
                command.instrument, command.phase, self._records.floor
            )
        else:
            known.instrument = command.instrument

    def set_reference(self, command: SetReferencePrice) -> None:
        market = self._records.markets.get(command.instrument_id)
        if market is None or command.price <= 0:
            self._records.tell(Report("REFUSED"))
            return
        market.reference = command.price

    def set_status(self, command: SetInstrumentStatus) -> None:
        market = self._records.markets.get(command.instrument_id)
        if market is None or market.instrument.status is InstrumentStatus.DELISTED:
            self._records.tell(Report("REFUSED"))
            return
        matched = market.matches
        market.instrument = msgspec.structs.replace(market.instrument, status=command.status)
        if command.status is InstrumentStatus.DELISTED:
            self._records.end_all(market.orders, OrdStatus.CANCELED)
        elif market.matches and not matched:
            market.open_trading()

    def set_phase(self, command: SetPhase) -> None:
        scope = [
            market
            for key, market in self._records.markets.items()
            if command.scope in (key, market.instrument.segment, market.instrument.symbol)
        ]
        halted = any(one.phase is Phase.HALT for one in scope)
        if not scope or (halted and command.phase is Phase.CONTINUOUS):
            self._records.tell(Report("REFUSED"))
            return
        for market in scope:
            self._move(market, command.phase)

    def _move(self, market: Market, phase: Phase) -> None:
        old = market.phase
        if old is phase:
            return
        market.enter(phase)
        ends = old.is_auction and phase in (Phase.CLOSED, Phase.POST_CLOSE)
        if market.matches or ends:
            market.open_trading()
        self._records.floor.settle()

    def start_day(self, command: StartDay) -> None:
        if self._records.day_is_open or command.trading_day <= self._records.trading_day:
            self._records.tell(Report("REFUSED"))
            return
        self._records.trading_day = command.trading_day
        self._records.floor.trades.clear()
        self._records.day_is_open = True
        for group in self._records.lists.values():
            group.orders = [one for one in group.orders if one.place is not Place.GONE]
        self._records.lists = {
            key: group for key, group in self._records.lists.items() if group.orders
        }
        for one in self._records.orders:
            gone = one.place is Place.GONE
            one.names = [name for name in one.names if not gone and name[1] == one.cl_ord_id]
            if gone:
                one.participant = ""
        for market in self._records.markets.values():
            if market.last is not None:
                market.reference = market.last
            for one in market.orders:
                if one.place is not Place.GONE and self._records.is_past(one):
                    market.leave(one, OrdStatus.EXPIRED)

    def end_day(self) -> None:
        if not self._records.day_is_open:
            self._records.tell(Report("REFUSED"))
            return
        self._records.day_is_open = False
        due = [
            one
            for market in self._records.markets.values()
            for one in market.orders
            if one.place is not Place.GONE and self._ends_today(one)
        ]
        expired = self._records.end_all(due, OrdStatus.EXPIRED)
        self._records.tell(Report("DAY_ENDED", self._records.trading_day, cum=expired))

    def _ends_today(self, order: RefOrder) -> bool:
        tif = order.terms.tif
        if tif is TimeInForce.GOOD_TILL_DATE:
            date = order.terms.expire_date
            return bool(date) and date <= self._records.trading_day
        return tif is not TimeInForce.GOOD_TILL_CANCEL

    def expire_times(self) -> None:
        due = [one for one in self._records.live() if self._records.has_run_out(one)]
        due.sort(key=lambda one: (one.terms.expire_time or 0, one.number))
        self._records.end_all(due, OrdStatus.EXPIRED)
        for _, market in sorted(self._records.markets.items()):
            if market.call_ends is not None and market.call_ends <= self._records.time:
                self._move(market, Phase.CONTINUOUS)

    def change_trade(self, command: BustTrade | CorrectTrade) -> None:
        known = [one for one in self._records.floor.trades if one.number == command.trade_id]
        trade = known[0] if known else None
        qty, price = (0, 0) if isinstance(command, BustTrade) else (command.qty, command.price)
        too_much = trade is not None and qty > trade.qty
        wrong = isinstance(command, CorrectTrade) and (qty <= 0 or price <= 0)
        if trade is None or too_much or wrong:
            self._records.tell(Report("REFUSED"))
            return
        market = self._records.floor.market_of(trade.sides[0])
        if isinstance(command, BustTrade):
            market.change_trade("TRADE_CANCEL", trade, 0, 0)
            self._records.floor.trades.remove(trade)
        else:
            market.change_trade("TRADE_CORRECT", trade, qty, price)

    def cancel_by_operator(self, command: CancelByOperator) -> None:
        if command.order_id:
            meant = [one for one in self._records.live() if one.number == command.order_id]
        else:
            meant = [
                one
                for one in self._records.live()
                if command.participant in ("", one.participant)
                and command.instrument_id in ("", one.instrument_id)
            ]
        unknown = command.participant and command.participant not in self._records.participants
        if (command.order_id and not meant) or unknown:
            self._records.tell(Report("REFUSED"))
        self._records.end_all(meant, OrdStatus.CANCELED)
