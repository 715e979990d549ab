"""Requests on one order, as the reference venue decides them: enter, replace, cancel, status.

Owns: every reason to refuse an order or a change, ClOrdID chains, what keeps time priority.
Must not know: lists, phases as such, and anything of fixoms.engine.
"""

import msgspec

from fixoms.domain.commands import (
    CancelOrder,
    EnterOrder,
    ListedOrder,
    OrderTerms,
    Origin,
    ReplaceOrder,
    RequestStatus,
)
from fixoms.domain.enums import (
    CxlRejReason,
    OrdRejReason,
    OrdStatus,
    OrdType,
    Phase,
    SelfTradePrevention,
    TimeInForce,
)
from fixoms.domain.units import Qty

from .book import Place, RefOrder
from .checks import refusals_of_terms
from .market import Market
from .records import Records
from .report import Reason, Report


class OrderRequests:
    """Decides requests on one order."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def enter(self, command: EnterOrder) -> None:
        origin = command.origin
        first = self._records.named(origin.session, command.cl_ord_id)
        if first is not None:
            original = self._records.entered.get(first.number)
            if command.poss_resend and original is not None and self._same(original, command):
                self._records.markets[first.instrument_id].report("ORDER_STATUS", first)
            else:
                self._reject(command, {OrdRejReason.DUPLICATE_ORDER})
            return
        order, reasons = self.judge(command, command.origin, held=False)
        if reasons or order is None:
            self._reject(command, reasons)
            return
        self._records.entered[self._records.numbers + 1] = command
        self.accept(order)
        self._records.floor.market_of(order).work(order)

    def judge(
        self, asked: EnterOrder | ListedOrder, origin: Origin, *, held: bool
    ) -> tuple[RefOrder | None, set[Reason]]:
        """Judge an order that is not yet in the venue: the order, and why it may not enter.

        A held order is not asked whether it crosses: it does not meet the book as it stands now.
        """
        market, terms = self._records.market(asked.symbol, asked.market), asked.terms
        if market is None:
            return None, {OrdRejReason.UNKNOWN_SYMBOL}
        order = RefOrder(
            number=0,
            session=origin.session,
            participant=origin.participant,
            cl_ord_id=asked.cl_ord_id,
            instrument_id=market.instrument.instrument_id,
            terms=terms,
            stp=self._stp(origin.participant, terms),
            entered_at=self._records.time,
            leaves=terms.qty,
            price=terms.price,
            stop=terms.stop_px,
        )
        if asked.refusal is not None:
            return order, {asked.refusal.reason}
        reasons = self._refusals(market, order)
        if not reasons:
            market.price_anew(order)
            reasons = set() if held else market.refusals_by_book(order)
        return order, reasons

    def accept(self, order: RefOrder) -> None:
        self._records.numbers += 1
        order.number = self._records.numbers
        order.names.append((order.session, order.cl_ord_id))
        self._records.orders.append(order)
        market = self._records.floor.market_of(order)
        market.orders.append(order)
        market.report("NEW", order)

    @staticmethod
    def _same(one: EnterOrder, other: EnterOrder) -> bool:
        return (one.symbol, one.market, one.terms) == (other.symbol, other.market, other.terms)

    def _reject(self, command: EnterOrder, reasons: set[Reason]) -> None:
        self.refuse(command.origin.session, command.cl_ord_id, reasons)

    def refuse(self, session: str, cl_ord_id: str, reasons: set[Reason]) -> None:
        status = OrdStatus.REJECTED.name
        report = Report("REJECTED", session, cl_ord_id, status=status, reasons=frozenset(reasons))
        self._records.tell(report)

    def _stp(self, participant: str, terms: OrderTerms) -> SelfTradePrevention:
        if terms.stp is SelfTradePrevention.PARTICIPANT_DEFAULT:
            return self._records.participants[participant]
        return terms.stp

    def _refusals(self, market: Market, order: RefOrder) -> set[Reason]:
        """Every reason the rules give to refuse the order here and now."""
        reasons = refusals_of_terms(order, market.instrument, market.reference)
        terms, phase = order.terms, market.phase
        odd: set[Reason] = {OrdRejReason.UNSUPPORTED_ORDER_CHARACTERISTIC, OrdRejReason.OTHER}
        if phase in (Phase.CLOSED, Phase.POST_CLOSE, Phase.HALT):
            reasons |= {OrdRejReason.EXCHANGE_CLOSED}
        if not self._records.day_is_open:
            reasons |= {OrdRejReason.EXCHANGE_CLOSED}
        if not market.is_active:
            reasons |= {OrdRejReason.EXCHANGE_CLOSED, OrdRejReason.OTHER}
        if phase is Phase.HALT:
            reasons |= {OrdRejReason.OTHER}
        if phase.is_auction and order.is_immediate:
            reasons |= odd
        if terms.tif is TimeInForce.AT_THE_OPENING and phase is not Phase.OPENING_AUCTION:
            reasons |= {OrdRejReason.TOO_LATE_TO_ENTER}
        alone = order.is_aon or terms.min_qty is not None
        if phase.is_auction and (alone or terms.tif is TimeInForce.GOOD_TILL_CROSSING):
            reasons |= odd
        if self._records.is_past(order):
            reasons |= odd | {OrdRejReason.TOO_LATE_TO_ENTER}
        return reasons

    def _cancel_refusal(
        self, command: CancelOrder | ReplaceOrder, order: RefOrder | None
    ) -> set[Reason]:
        """Why a cancel or replace cannot even look at its order."""
        sessions = [command.origin.session] + ([] if order is None else [order.session])
        duplicate = any(self._records.named(one, command.cl_ord_id) for one in sessions)
        reasons: set[Reason] = {CxlRejReason.DUPLICATE_CL_ORD_ID} if duplicate else set()
        if order is None or self._is_renamed(command, order):
            return reasons | {CxlRejReason.UNKNOWN_ORDER}
        symbol, _, market = order.instrument_id.partition("@")
        if (command.symbol, command.market or self._records.default_market) != (symbol, market):
            reasons |= {CxlRejReason.UNKNOWN_ORDER, CxlRejReason.OTHER}
        if order.place is Place.GONE:
            reasons |= {CxlRejReason.TOO_LATE_TO_CANCEL}
        side = command.terms.side if isinstance(command, ReplaceOrder) else command.side
        if side is not order.terms.side:
            reasons |= {CxlRejReason.UNKNOWN_ORDER, CxlRejReason.OTHER}
        return reasons

    @staticmethod
    def _is_renamed(command: CancelOrder | ReplaceOrder, order: RefOrder) -> bool:
        """Whether the request names a live order by a ClOrdID it no longer goes by."""
        named = command.orig_cl_ord_id
        return order.place is not Place.GONE and named not in ("", order.cl_ord_id)

    def _reject_cancel(
        self, command: CancelOrder | ReplaceOrder, order: RefOrder | None, reasons: set[Reason]
    ) -> None:
        unknown = order is None or self._is_renamed(command, order)
        status = OrdStatus.REJECTED if order is None or unknown else order.status
        self._records.tell(
            Report(
                "CANCEL_REJECTED",
                command.origin.session,
                command.cl_ord_id,
                command.orig_cl_ord_id,
                status.name,
                reasons=frozenset(reasons),
            )
        )

    def cancel(self, command: CancelOrder) -> None:
        order = self._records.find(command.origin, command.orig_cl_ord_id, command.order_id)
        reasons = self._cancel_refusal(command, order)
        if reasons or order is None:
            self._reject_cancel(command, order, reasons)
            return
        orig = order.cl_ord_id
        self._rename(order, command)
        self._records.markets[order.instrument_id].leave(order, OrdStatus.CANCELED, orig=orig)

    def replace(self, command: ReplaceOrder) -> None:
        order = self._records.find(command.origin, command.orig_cl_ord_id, command.order_id)
        reasons = self._cancel_refusal(command, order)
        if reasons or order is None:
            self._reject_cancel(command, order, reasons)
            return
        market = self._records.markets[order.instrument_id]
        if command.refusal is not None or self._replace_is_refused(market, order, command):
            self._reject_cancel(command, order, set(CxlRejReason))
            return
        old = order.terms
        terms = command.terms
        orig = order.cl_ord_id
        self._rename(order, command)
        if terms.qty <= order.cum:
            order.terms = msgspec.structs.replace(terms, qty=Qty(order.cum))
            order.status = OrdStatus.FILLED
            order.leaves = order.shown = 0
            order.place = Place.GONE
            market.report("REPLACED", order, orig=orig)
            market.spread_end(order)
            return
        keeps = _keeps_priority(old, terms) and not order.revived
        order.terms = terms
        order.triggered = order.triggered and order.is_conditional
        order.stp = self._stp(order.participant, terms)
        order.leaves = terms.qty - order.cum
        if keeps:
            order.shown = min(order.shown, order.peak, order.leaves)
            market.report("REPLACED", order, orig=orig)
            return
        order.revived = False
        order.price = _working_price(order, old, terms)
        market.price_anew(order)
        market.report("REPLACED", order, orig=orig)
        if order.place is not Place.HELD:
            market.work(order)

    @staticmethod
    def _rename(order: RefOrder, command: CancelOrder | ReplaceOrder) -> None:
        """Use the ClOrdID up in the session that asks and in the one that entered the order."""
        order.cl_ord_id = command.cl_ord_id
        for session in (order.session, command.origin.session):
            order.names.append((session, command.cl_ord_id))

    def _replace_is_refused(self, market: Market, order: RefOrder, command: ReplaceOrder) -> bool:
        """Whether the order would be refused if it came in now with its new terms."""
        wanted = command.terms
        if 0 < wanted.qty <= order.cum:
            wanted = msgspec.structs.replace(wanted, qty=Qty(order.cum))
        changed = RefOrder(
            number=order.number,
            session=order.session,
            participant=order.participant,
            cl_ord_id=command.cl_ord_id,
            instrument_id=order.instrument_id,
            terms=wanted,
            stp=self._stp(order.participant, wanted),
            entered_at=order.entered_at,
            leaves=wanted.qty - order.cum,
            cum=order.cum,
            price=_working_price(order, order.terms, wanted),
        )
        changed.triggered = order.triggered and changed.is_conditional
        if self._refusals(market, changed):
            return True
        market.price_anew(changed)
        stays = (
            changed.leaves <= 0 or order.place is Place.HELD or _keeps_priority(order.terms, wanted)
        )
        return not stays and bool(market.refusals_by_book(changed))

    def status(self, command: RequestStatus) -> None:
        order = self._records.find(command.origin, command.cl_ord_id, command.order_id)
        if order is None:
            self._records.tell(
                Report(
                    "ORDER_STATUS",
                    command.origin.session,
                    command.cl_ord_id,
                    status=OrdStatus.REJECTED.name,
                    reasons=frozenset({OrdRejReason.UNKNOWN_ORDER}),
                )
            )
            return
        self._records.markets[order.instrument_id].report("ORDER_STATUS", order)


def _keeps_priority(old: OrderTerms, new: OrderTerms) -> bool:
    """Whether a replace leaves the order where it stands: nothing but less or the same of it."""

    def standing(terms: OrderTerms) -> tuple[object, ...]:
        return (terms.ord_type, terms.price, terms.stop_px, terms.exec_inst, terms.peg_offset)

    long_lived = (
        TimeInForce.DAY,
        TimeInForce.GOOD_TILL_CANCEL,
        TimeInForce.GOOD_TILL_DATE,
        TimeInForce.GOOD_TILL_CROSSING,
    )
    same_tif = old.tif is new.tif or (old.tif in long_lived and new.tif in long_lived)
    smaller = new.qty <= old.qty and (new.max_floor or new.qty) <= (old.max_floor or old.qty)
    return standing(old) == standing(new) and same_tif and smaller


def _working_price(order: RefOrder, old: OrderTerms, new: OrderTerms) -> int | None:
    """The limit under new terms; a market-to-limit order keeps the one it has come to."""
    both = {old.ord_type, new.ord_type} == {OrdType.MARKET_TO_LIMIT}
    return order.price if both else new.price
