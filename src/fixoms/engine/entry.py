"""Requests on one order: enter, replace, cancel, status.

Owns: which order a request means, whether it may be carried out, and its answer.
Must not know: how orders match, lists (lists.py), FIX syntax.
"""

from __future__ import annotations

import msgspec

from fixoms.domain.commands import (
    CancelOrder,
    EnterOrder,
    OrderTerms,
    Refusal,
    ReplaceOrder,
    RequestStatus,
)
from fixoms.domain.enums import (
    CxlRejReason,
    CxlRejResponseTo,
    ExecType,
    OrdRejReason,
    OrdStatus,
    OrdType,
    TimeInForce,
)
from fixoms.domain.events import CancelRejected
from fixoms.domain.ids import NO_ORDER, InstrumentId
from fixoms.domain.rendering import render_order_id
from fixoms.domain.units import Qty
from fixoms.engine.agenda import Agenda
from fixoms.engine.intake import refuse
from fixoms.engine.listing import Listing
from fixoms.engine.matching import Matching
from fixoms.engine.order import Happening, Order, Place
from fixoms.engine.risk import Risk
from fixoms.engine.settings import EngineSettings
from fixoms.engine.state import Session, State
from fixoms.engine.stops import follow
from fixoms.engine.tape import Tape
from fixoms.engine.trading import Trading

_MARKET_TO_LIMIT = OrdType.MARKET_TO_LIMIT


class OrderEntry:
    """Carries out requests on single orders."""

    __slots__ = ("_agenda", "_matching", "_risk", "_settings", "_state", "_tape", "_trading")

    def __init__(
        self,
        state: State,
        tape: Tape,
        trading: Trading,
        matching: Matching,
        agenda: Agenda,
        settings: EngineSettings,
        risk: Risk,
    ) -> None:
        self._risk = risk
        self._state = state
        self._tape = tape
        self._trading = trading
        self._matching = matching
        self._agenda = agenda
        self._settings = settings

    def enter(self, command: EnterOrder, session: Session) -> None:
        """NewOrderSingle(D).

        A ClOrdID(11) the session used today is refused; with PossResend(97)=Y and the same content
        it is answered with the status of the order it entered. A refused order uses up no ClOrdID.
        """
        first = session.orders.get(command.cl_ord_id)
        if first is not None:
            if command.poss_resend and _is_same(first, command):
                self._tape.report(first, ExecType.ORDER_STATUS, requester=session.name)
            else:
                listing = self.find(command.symbol, command.market)
                self.reject(session, command, listing, _duplicate(command.cl_ord_id))
            return
        listing = self.find(command.symbol, command.market)
        if listing is None:
            self.reject(session, command, None, self.unknown_symbol(command.symbol, command.market))
            return
        user = command.origin.user
        refusal = command.refusal or self.refuse_new(
            session, user, command.cl_ord_id, listing, command.terms
        )
        if refusal is not None:
            self.reject(session, command, listing, refusal)
            return
        order = self.create(command.cl_ord_id, session, user, listing, command.terms)
        refusal = self.refuse_crossing(order)
        if refusal is not None:
            self.reject(session, command, listing, refusal)
            return
        order.order_id = self._tape.next_order_id()
        self._trading.accept(order)
        self._agenda.place(order)

    def find(self, symbol: str, market: str) -> Listing | None:
        """The listing a request means."""
        return self._state.find_listing(symbol, market, self._settings.default_market)

    def create(
        self, cl_ord_id: str, session: Session, user: str, listing: Listing, terms: OrderTerms
    ) -> Order:
        """An order that is not yet in the venue."""
        order = Order(NO_ORDER, cl_ord_id, session.owner(user), listing, terms, self._tape.time)
        _aim(order)
        return order

    def unknown_symbol(self, symbol: str, market: str) -> Refusal:
        """The refusal of an instrument the venue does not list."""
        where = f" on market {market!r}" if market else ""
        return Refusal(OrdRejReason.UNKNOWN_SYMBOL, f"Symbol(55) {symbol!r} is not listed{where}")

    def refuse_new(
        self, session: Session, user: str, cl_ord_id: str, listing: Listing, terms: OrderTerms
    ) -> Refusal | None:
        """Why a new order may not enter, but for crossing.

        First whether its sender may send it, then what the venue can tell of it, then limits.
        """
        risk = self._risk
        if risk.active:
            refusal = risk.refuse_sender(session, user, cl_ord_id, listing, terms)
            if refusal is not None:
                return refusal
        state, settings = self._state, self._settings
        if len(state.ledger.positions) >= settings.positions_max:
            refusal = self._refuse_position(session.participant.name, listing, terms)
            if refusal is not None:
                return refusal
        if len(state.orders) >= settings.orders_max:
            text = f"the venue holds its limit of {settings.orders_max} orders"
            return Refusal(OrdRejReason.ORDER_EXCEEDS_LIMIT, text)
        if state.cl_ord_ids >= settings.cl_ord_ids_max:
            return self._too_many_ids()
        refusal = refuse(listing, terms, self._tape.time, state.open_day)
        if refusal is None and terms.exec_inst and listing.watched >= settings.watched_max:
            text = (
                f"{listing.instrument_id} holds its limit of {settings.watched_max} pegged,"
                " trailing and all-or-none orders"
            )
            return Refusal(OrdRejReason.ORDER_EXCEEDS_LIMIT, text)
        if refusal is None and risk.active:
            return risk.refuse_terms(session, user, cl_ord_id, listing, terms)
        return refusal

    def _refuse_position(
        self, participant: str, listing: Listing, terms: OrderTerms
    ) -> Refusal | None:
        """Why an account cannot begin a position, once as many are kept as there may be."""
        positions, most = self._state.ledger.positions, self._settings.positions_max
        key = (participant, terms.account, terms.client, listing.instrument_id)
        if len(positions) < most or key in positions:
            return None
        text = f"the venue keeps its limit of {most} positions"
        return Refusal(OrdRejReason.ORDER_EXCEEDS_LIMIT, text)

    def _too_many_ids(self) -> Refusal:
        most = self._settings.cl_ord_ids_max
        text = f"the venue remembers its limit of {most} ClOrdID(11) today"
        return Refusal(OrdRejReason.ORDER_EXCEEDS_LIMIT, text)

    def refuse_crossing(self, order: Order) -> Refusal | None:
        """Why the order may not enter the book as it stands now.

        Post-only must not cross; market-to-limit needs a price to become a limit at. A conditional
        order is asked when it is triggered, and canceled then.
        """
        listing, becomes_limit = order.listing, order.terms.ord_type is _MARKET_TO_LIMIT
        if not (order.post_only or becomes_limit) or not listing.matches or order.is_armed_type:
            return None
        if order.terms.tif is TimeInForce.AT_THE_CLOSE:
            return None
        waits = order.peg is not None and order.price is None
        if order.post_only and not waits and listing.book.crosses(order):
            best = listing.book.opposite(order).best
            at = "" if best is None else listing.instrument.render_price(best.price)
            text = f"ExecInst(18) 6 would cross the book, whose other side is at {at}"
            return Refusal(OrdRejReason.OTHER, text)
        if becomes_limit and order.price is None and not self._matching.tradable(order, 1):
            text = "OrdType(40) K finds nothing to trade with, so no price to become a limit at"
            return Refusal(OrdRejReason.OTHER, text)
        return None

    def reject(
        self, session: Session, command: EnterOrder, listing: Listing | None, refusal: Refusal
    ) -> None:
        """Answer a new order that does not enter."""
        self._tape.report_unknown(
            ExecType.REJECTED,
            session.owner(command.origin.user),
            command.cl_ord_id,
            command.symbol,
            InstrumentId("") if listing is None else listing.instrument_id,
            command.terms,
            refusal.reason,
            refusal.text,
        )

    def cancel(self, command: CancelOrder, session: Session) -> None:
        """OrderCancelRequest(F)."""
        found = self._target(command, session, command.side)
        if not isinstance(found, Order):
            self._reject_cancel(command, found, CxlRejResponseTo.ORDER_CANCEL_REQUEST)
            return
        orig = found.cl_ord_id
        self._rename(found, command.cl_ord_id, session)
        self._trading.finish(found, Happening.CANCEL, requester=session.name, orig_cl_ord_id=orig)

    def replace(self, command: ReplaceOrder, session: Session) -> None:
        """OrderCancelReplaceRequest(G).

        `terms.qty` is the total, filled part included; at or below CumQty(14) the order is Filled.
        A decrease keeps the time priority, and so does a replace that changes neither price nor
        size; every other change puts the order behind the queue, where it may trade at once.
        """
        found = self._target(command, session, command.terms.side if command.names_side else None)
        if isinstance(found, Order):
            if not command.names_side:
                terms = msgspec.structs.replace(command.terms, side=found.terms.side)
                command = msgspec.structs.replace(command, terms=terms)
            found = self._refuse_replace(command, found, session) or found
        if not isinstance(found, Order):
            self._reject_cancel(command, found, CxlRejResponseTo.ORDER_CANCEL_REPLACE_REQUEST)
            return
        order, terms, orig = found, command.terms, found.cl_ord_id
        self._rename(order, command.cl_ord_id, session)
        if self._state.controls.overrides:
            self._risk.take_override(session.name, order)
        if terms.qty <= order.cum_qty:
            self._fill_by_replace(order, terms, session, orig)
            return
        keeps = _keeps_priority(order, terms)
        held = order.place is Place.HELD
        if keeps:
            self._shrink(order, terms)
        else:
            self._rework(order, terms)
        order.apply(Happening.REPLACE)
        self._trading.expiries.watch(order)
        self._tape.report(order, ExecType.REPLACED, requester=session.name, orig_cl_ord_id=orig)
        if held:
            order.place = Place.HELD
        elif not keeps or order.place in (Place.PARKED, Place.IDLE):
            self._agenda.place(order)

    def _fill_by_replace(
        self, order: Order, terms: OrderTerms, session: Session, orig: str
    ) -> None:
        self._trading.withdraw(order)
        order.terms = msgspec.structs.replace(terms, qty=order.cum_qty)
        self._trading.fill_by_replace(order)
        self._tape.report(order, ExecType.REPLACED, requester=session.name, orig_cl_ord_id=orig)
        self._trading.spread_end(order)

    def _shrink(self, order: Order, terms: OrderTerms) -> None:
        """Take the new terms where the order stands."""
        book = order.listing.book
        price, stop_px = order.price, order.stop_px
        book.reduce(order, order.leaves_qty - (terms.qty - order.cum_qty))
        order.terms = terms
        if order.place is Place.BOOK:
            book.show(order, min(order.shown_qty, order.peak_qty))
            self._tape.touch(order.listing)
        order.price, order.stop_px = price, stop_px

    def _rework(self, order: Order, terms: OrderTerms) -> None:
        """Take the order out and give it the new terms; it is placed anew afterwards.

        A triggered order stays triggered; a market-to-limit order keeps the price it became a limit
        at.
        """
        self._trading.withdraw(order)
        listing, limit = order.listing, order.price
        listing.pegs.pop(order.order_id, None)
        stays_limit = _is_converted(order) and terms.ord_type is _MARKET_TO_LIMIT
        order.leaves_qty = Qty(terms.qty - order.cum_qty)
        order.set_terms(terms)
        order.triggered = order.triggered and order.conditional
        if stays_limit:
            order.price = limit
        _aim(order)
        if order.peg is not None:
            listing.pegs[order.order_id] = order

    def _refuse_replace(
        self, command: ReplaceOrder, order: Order, session: Session
    ) -> tuple[Order, CxlRejReason, str] | None:
        if command.refusal is not None:
            return order, CxlRejReason.OTHER, command.refusal.text
        if self._state.cl_ord_ids >= self._settings.cl_ord_ids_max:
            return order, CxlRejReason.BROKER_OPTION, self._too_many_ids().text
        terms = command.terms
        if terms.qty <= order.cum_qty and terms.qty > 0:
            terms = msgspec.structs.replace(terms, qty=order.cum_qty)
        refusal = refuse(order.listing, terms, self._tape.time, self._state.open_day)
        if refusal is None and terms.qty > order.cum_qty and not _keeps_priority(order, terms):
            trial = self.create(
                command.cl_ord_id,
                self._state.sessions[order.owner.session],
                order.owner.user,
                order.listing,
                terms,
            )
            trial.leaves_qty = Qty(terms.qty - order.cum_qty)
            trial.triggered = order.triggered and trial.conditional
            if _is_converted(order):
                trial.price = order.price
            if order.place is not Place.HELD:
                refusal = self.refuse_crossing(trial)
        if refusal is None:
            refusal = self._refuse_position(order.owner.participant, order.listing, terms)
        if refusal is None and self._risk.active:
            refusal = self._risk.refuse_replace(
                session, command.origin.user, command.cl_ord_id, order, terms
            )
        if refusal is None:
            return None
        return order, CxlRejReason.OTHER, refusal.text

    def _target(
        self, command: CancelOrder | ReplaceOrder, session: Session, side: str | None
    ) -> Order | tuple[Order | None, CxlRejReason, str]:
        """The live order the request means, or the order (if any), reason and text of a refusal."""
        orig = command.orig_cl_ord_id
        order = self._state.find_order(session, orig, command.order_id)
        if order is not None and not order.is_live:
            text = f"the order is {order.status.name.lower()}"
            return order, CxlRejReason.TOO_LATE_TO_CANCEL, text
        if order is None or (orig and order.cl_ord_id != orig):
            named = f"OrigClOrdID(41) {orig!r}"
            if not orig:
                named = f"OrderID(37) {render_order_id(command.order_id)}"
            if order is not None:
                named += f", replaced by {order.cl_ord_id!r},"
            return None, CxlRejReason.UNKNOWN_ORDER, f"{named} is not an order that can be changed"
        owner = self._state.sessions[order.owner.session]
        if command.cl_ord_id in session.orders or command.cl_ord_id in owner.orders:
            text = f"ClOrdID(11) {command.cl_ord_id!r} was already used today"
            return order, CxlRejReason.DUPLICATE_CL_ORD_ID, text
        if self.find(command.symbol, command.market) is not order.listing:
            name = order.listing.instrument_id
            text = f"Symbol(55) {command.symbol!r} is not that of the order, {name}"
            return order, CxlRejReason.OTHER, text
        if side is not None and side != order.terms.side:
            text = f"Side(54) {side} is not that of the order, {order.terms.side}"
            return order, CxlRejReason.OTHER, text
        return order

    def _reject_cancel(
        self,
        command: CancelOrder | ReplaceOrder,
        refused: tuple[Order | None, CxlRejReason, str],
        response_to: CxlRejResponseTo,
    ) -> None:
        order, reason, text = refused
        self._tape.events.append(
            CancelRejected(
                command.origin,
                command.cl_ord_id,
                command.orig_cl_ord_id,
                NO_ORDER if order is None else order.order_id,
                OrdStatus.REJECTED if order is None else order.status,
                response_to,
                reason,
                text,
                "" if order is None else order.terms.account,
                command.symbol,
            )
        )

    def _rename(self, order: Order, cl_ord_id: str, session: Session) -> None:
        """Give the order the ClOrdID(11) of the request that changes it.

        The id is used up in the session that asks and in the one that entered the order.
        """
        self._state.sessions[order.owner.session].orders[cl_ord_id] = order
        session.orders[cl_ord_id] = order
        self._state.cl_ord_ids += 1
        order.cl_ord_id = cl_ord_id

    def status(self, command: RequestStatus, session: Session) -> None:
        """OrderStatusRequest(H), by ClOrdID(11) (any of the order's chain) or by OrderID(37).

        An unknown order is answered with ExecType I, OrdStatus Rejected, OrderID NONE.
        """
        order = self._state.find_order(session, command.cl_ord_id, command.order_id)
        if order is not None:
            self._tape.report(
                order,
                ExecType.ORDER_STATUS,
                requester=session.name,
                ord_status_req_id=command.ord_status_req_id,
            )
            return
        listing = self.find(command.symbol, command.market)
        terms = OrderTerms(command.side, OrdType.LIMIT, TimeInForce.DAY, Qty(0))
        named = f"ClOrdID(11) {command.cl_ord_id!r}"
        if command.order_id:
            named += f", OrderID(37) {render_order_id(command.order_id)}"
        self._tape.report_unknown(
            ExecType.ORDER_STATUS,
            session.owner(command.origin.user),
            command.cl_ord_id,
            command.symbol,
            InstrumentId("") if listing is None else listing.instrument_id,
            terms,
            OrdRejReason.UNKNOWN_ORDER,
            f"{named}: no such order",
            ord_status_req_id=command.ord_status_req_id,
        )


def _duplicate(cl_ord_id: str) -> Refusal:
    text = f"ClOrdID(11) {cl_ord_id!r} was already used today"
    return Refusal(OrdRejReason.DUPLICATE_ORDER, text)


def _is_same(order: Order, command: EnterOrder) -> bool:
    instrument = order.listing.instrument
    return (
        order.entered_as == command.cl_ord_id
        and order.original == command.terms
        and instrument.symbol == command.symbol
        and command.market in ("", instrument.market)
    )


def _aim(order: Order) -> None:
    """Give an order that follows the market the price it starts from, for its first report."""
    listing = order.listing
    if order.trailing:
        follow(order, listing.last_price)
    elif order.peg is not None and listing.matches:
        order.price = listing.peg_price(order)


def _is_converted(order: Order) -> bool:
    """Whether a market-to-limit order has become a limit."""
    return order.terms.ord_type is _MARKET_TO_LIMIT and order.price is not None


def _keeps_priority(order: Order, terms: OrderTerms) -> bool:
    """Whether a replace leaves the order in its place: same behavior and price, no more quantity.

    A larger peak is more quantity to the book; a smaller one keeps the place.
    """
    old = order.terms
    if (
        terms.ord_type is not old.ord_type
        or terms.price != old.price
        or terms.stop_px != old.stop_px
        or terms.exec_inst != old.exec_inst
        or terms.peg_offset != old.peg_offset
        or terms.qty - order.cum_qty > order.leaves_qty
    ):
        return False
    if terms.tif is not old.tif and not (terms.tif in _RESTING and old.tif in _RESTING):
        return False
    return (terms.max_floor or terms.qty) <= (old.max_floor or old.qty)


_RESTING = (
    TimeInForce.DAY,
    TimeInForce.GOOD_TILL_CANCEL,
    TimeInForce.GOOD_TILL_DATE,
    TimeInForce.GOOD_TILL_CROSSING,
)
