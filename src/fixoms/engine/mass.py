"""Requests and events on many orders: mass cancel, mass status, a lost connection, the operator.

Owns: which orders are meant, and the answer that sums them up.
Must not know: how one order is canceled.

Orders belong to the participant, so a mass request means the orders of all its sessions.
"""

from __future__ import annotations

from typing import NamedTuple

from fixoms.domain.commands import (
    CancelByOperator,
    MassCancel,
    OrderTerms,
    RequestMassStatus,
    SessionClosed,
)
from fixoms.domain.enums import (
    ExecRestatementReason,
    ExecType,
    MassCancelRequestType,
    MassStatusReqType,
    OrdRejReason,
    OrdType,
    Side,
    TimeInForce,
)
from fixoms.domain.events import MassCancelReported
from fixoms.domain.ids import InstrumentId
from fixoms.domain.rendering import render_order_id
from fixoms.domain.units import Qty
from fixoms.engine.order import Happening, Order
from fixoms.engine.settings import EngineSettings
from fixoms.engine.state import Session, State
from fixoms.engine.tape import Tape
from fixoms.engine.trading import Trading, live_orders

_GOOD_TILL = (TimeInForce.GOOD_TILL_CANCEL, TimeInForce.GOOD_TILL_DATE)


class Narrowing(NamedTuple):
    """Which of a participant's orders a request means; empty text and None narrow nothing."""

    instrument_id: InstrumentId
    segment: str
    side: Side | None
    account: str
    client: str

    def covers(self, order: Order) -> bool:
        """Whether the order is meant."""
        return (
            self.instrument_id in ("", order.listing.instrument_id)
            and self.segment in ("", order.listing.instrument.segment)
            and self.side in (None, order.terms.side)
            and self.account in ("", order.terms.account)
            and self.client in ("", order.terms.client)
        )


class WrongScope(NamedTuple):
    """Why a request means nothing: MassCancelRejectReason(532) and a text."""

    reason: int
    text: str


class MassRequests:
    """Carries out requests on many orders."""

    __slots__ = ("_settings", "_state", "_tape", "_trading")

    def __init__(
        self, state: State, tape: Tape, trading: Trading, settings: EngineSettings
    ) -> None:
        self._state = state
        self._tape = tape
        self._trading = trading
        self._settings = settings

    def cancel(self, command: MassCancel, session: Session) -> None:
        """OrderMassCancelRequest(q): a Canceled for each order, then OrderMassCancelReport(r)."""
        narrowing = self._narrow(
            command,
            needs_symbol=command.request_type is MassCancelRequestType.SECURITY,
            needs_segment=command.request_type is MassCancelRequestType.TRADING_SESSION,
        )
        meant: list[Order] = []
        if isinstance(narrowing, Narrowing):
            meant = [
                each for each in live_orders(session.participant.live) if narrowing.covers(each)
            ]
        affected = tuple((order.order_id, order.cl_ord_id) for order in meant)
        self._cancel_all(meant, f"mass cancel {command.cl_ord_id}", session.name)
        wrong = narrowing if isinstance(narrowing, WrongScope) else None
        self._tape.events.append(
            MassCancelReported(
                command.origin,
                command.cl_ord_id,
                command.request_type,
                self._tape.next_order_id(),
                affected,
                command.symbol,
                command.side,
                None if wrong is None else wrong.reason,
                "" if wrong is None else wrong.text,
            )
        )

    def status(self, command: RequestMassStatus, session: Session) -> None:
        """OrderMassStatusRequest(AF): an ExecType I for each live order, numbered.

        When no order is meant, or more than may be reported at once, one Execution of ExecType I,
        OrdStatus Rejected, OrderID NONE and report count 0 says so.
        """
        narrowing = self._narrow(
            command,
            needs_symbol=command.request_type is MassStatusReqType.SECURITY,
            needs_segment=command.request_type is MassStatusReqType.TRADING_SESSION,
        )
        if isinstance(narrowing, WrongScope):
            self._report_no_status(command, session, OrdRejReason.UNKNOWN_SYMBOL, narrowing.text)
            return
        found = [each for each in live_orders(session.participant.live) if narrowing.covers(each)]
        most = self._settings.status_reports_max
        if not found:
            text = "no live orders are meant"
            self._report_no_status(command, session, OrdRejReason.UNKNOWN_ORDER, text)
        elif len(found) > most:
            text = f"{len(found)} orders are meant, at most {most} are reported at once"
            self._report_no_status(command, session, OrdRejReason.ORDER_EXCEEDS_LIMIT, text)
        else:
            for number, order in enumerate(found, start=1):
                self._tape.report(
                    order,
                    ExecType.ORDER_STATUS,
                    requester=session.name,
                    mass_status_req_id=command.mass_status_req_id,
                    report_number=number,
                    report_count=len(found),
                )

    def _report_no_status(
        self, command: RequestMassStatus, session: Session, reason: OrdRejReason, text: str
    ) -> None:
        self._tape.report_unknown(
            ExecType.ORDER_STATUS,
            session.owner(command.origin.user),
            "",
            command.symbol,
            InstrumentId(""),
            OrderTerms(command.side or Side.BUY, OrdType.LIMIT, TimeInForce.DAY, Qty(0)),
            reason,
            text,
            mass_status_req_id=command.mass_status_req_id,
        )

    def _narrow(
        self, command: MassCancel | RequestMassStatus, *, needs_symbol: bool, needs_segment: bool
    ) -> Narrowing | WrongScope:
        instrument_id = InstrumentId("")
        if command.symbol or needs_symbol:
            listing = self._state.find_listing(
                command.symbol, command.market, self._settings.default_market
            )
            if listing is None:
                return WrongScope(1, f"Symbol(55) {command.symbol!r} is not listed")
            instrument_id = listing.instrument_id
        if command.segment or needs_segment:
            segments = {each.instrument.segment for each in self._state.listings.values()}
            if command.segment not in segments:
                text = f"TradingSessionID(336) {command.segment!r} is not a segment of the venue"
                return WrongScope(6, text)
        client = command.client if isinstance(command, RequestMassStatus) else ""
        return Narrowing(instrument_id, command.segment, command.side, command.account, client)

    def close_session(self, command: SessionClosed, session: Session) -> None:
        """Cancel on disconnect: the orders the session entered, as its policy says."""
        policy = session.policy
        if not (policy.on_logout if command.logged_out else policy.on_loss):
            return
        text = f"session {session.name} {'logged out' if command.logged_out else 'was lost'}"
        meant = [
            order
            for order in live_orders(session.participant.live)
            if order.owner.session == session.name
            and (policy.good_till or order.terms.tif not in _GOOD_TILL)
        ]
        self._cancel_all(meant, text)

    def cancel_by_operator(self, command: CancelByOperator) -> None:
        """Cancel one order or all that match, unasked by their owner (ExecType 4, 378=8)."""
        state = self._state
        refusal = self._refuse_operator(command)
        if refusal:
            self._tape.refuse(command.origin, refusal)
            return
        if command.order_id:
            meant = [state.orders[command.order_id]]
        else:
            meant = [
                order
                for order in state.orders.values()
                if order.is_live
                and command.participant in ("", order.owner.participant)
                and command.instrument_id in ("", order.listing.instrument_id)
            ]
        self._cancel_all(meant, command.reason, reason=ExecRestatementReason.MARKET_OPTION)
        self._tape.done(command.origin, f"canceled {len(meant)} orders: {command.reason}")

    def _cancel_all(
        self,
        orders: list[Order],
        text: str,
        requester: str = "",
        reason: ExecRestatementReason | None = None,
    ) -> None:
        """Cancel live orders; one may have gone meanwhile with another of its list."""
        for order in orders:
            if order.is_live:
                self._trading.finish(
                    order, Happening.CANCEL, text, requester=requester, reason=reason
                )

    def _refuse_operator(self, command: CancelByOperator) -> str:
        state = self._state
        order = state.orders.get(command.order_id)
        if command.order_id and order is None:
            return f"order {render_order_id(command.order_id)} is not known"
        if command.order_id and order is not None and not order.is_live:
            return f"order {render_order_id(command.order_id)} is {order.status.name.lower()}"
        if command.participant and command.participant not in state.participants:
            return f"participant {command.participant!r} is not known"
        if command.instrument_id and command.instrument_id not in state.listings:
            return f"instrument {command.instrument_id!r} is not listed"
        if not (command.order_id or command.participant or command.instrument_id):
            return "an order, a participant or an instrument must be named"
        return ""
