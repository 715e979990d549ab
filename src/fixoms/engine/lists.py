"""Requests on lists of orders: enter, cancel, status.

Owns: what makes a list acceptable, and its ListStatus(N).
Must not know: what the orders of a list mean to each other (contingency.py).

Orders without a contingency enter one by one, as if each had come alone. Bound orders enter all or
none: one that would be refused alone has the whole list refused. The ListStatus(N) that answers
follows the reports on the orders.
"""

from __future__ import annotations

from fixoms.domain.commands import (
    CancelList,
    EnterList,
    ListedOrder,
    Origin,
    Refusal,
    RequestListStatus,
)
from fixoms.domain.enums import (
    BusinessRejectReason,
    ContingencyType,
    ExecType,
    OrdRejReason,
    OrdStatus,
)
from fixoms.domain.events import ListedOrderStatus, ListStatusReported
from fixoms.domain.ids import InstrumentId
from fixoms.domain.units import Notional, Qty
from fixoms.engine.agenda import Agenda
from fixoms.engine.contingency import OrderList, RejectedLeg
from fixoms.engine.entry import OrderEntry
from fixoms.engine.order import Happening, Order, Place
from fixoms.engine.settings import EngineSettings
from fixoms.engine.state import Session, State
from fixoms.engine.tape import Tape
from fixoms.engine.trading import Trading

_ACK, _RESPONSE = 1, 2
"""ListStatusType(429)."""

_EXECUTING, _ALL_DONE, _REJECT = 3, 6, 7
"""ListOrderStatus(431)."""

_FEWEST = {
    ContingencyType.INDEPENDENT: 1,
    ContingencyType.ONE_CANCELS_OTHER: 2,
    ContingencyType.ONE_TRIGGERS_OTHER: 2,
    ContingencyType.ONE_UPDATES_OTHER: 2,
    ContingencyType.ONE_TRIGGERS_OCO: 3,
}

Leg = tuple[ListedOrder, Order | Refusal]


class ListEntry:
    """Carries out requests on lists."""

    __slots__ = ("_agenda", "_entry", "_settings", "_state", "_tape", "_trading")

    def __init__(
        self,
        state: State,
        tape: Tape,
        trading: Trading,
        agenda: Agenda,
        entry: OrderEntry,
        settings: EngineSettings,
    ) -> None:
        self._state = state
        self._tape = tape
        self._trading = trading
        self._agenda = agenda
        self._entry = entry
        self._settings = settings

    def enter(self, command: EnterList, session: Session) -> None:
        """NewOrderList(E)."""
        refusal = self._refuse_list(command, session)
        if refusal:
            empty = OrderList(command.list_id, session.participant.name, command.contingency)
            self._report(command.origin, empty, _ACK, refusal, rejected=True)
            return
        group = OrderList(command.list_id, session.participant.name, command.contingency)
        self._state.lists[(group.participant, group.list_id)] = group
        legs = sorted(command.orders, key=lambda leg: leg.list_seq_no)
        if command.contingency is ContingencyType.INDEPENDENT:
            for listed in legs:
                verdict = self._judge(command, session, listed, held=False)
                self._enter_legs(command, session, group, [(listed, verdict)])
                self._agenda.settle()
        else:
            triggers = group.triggers
            ledger, judged = self._state.ledger, []
            for number, listed in enumerate(legs):
                verdict = self._judge(command, session, listed, held=triggers and number > 0)
                if ledger.on and isinstance(verdict, Order):
                    # Limits judge the next leg with this one counted in.
                    ledger.note(verdict, ExecType.NEW)
                judged.append((listed, verdict))
            settled = _all_or_none(judged)
            if settled is not judged:
                for _, verdict in judged:
                    if isinstance(verdict, Order):
                        ledger.release(verdict)
            self._enter_legs(command, session, group, settled)
            self._agenda.settle()
        self._report(command.origin, group, _ACK)

    def _refuse_list(self, command: EnterList, session: Session) -> str:
        count, most = len(command.orders), self._settings.list_orders_max
        fewest = _FEWEST[command.contingency]
        if (session.participant.name, command.list_id) in self._state.lists:
            return f"ListID(66) {command.list_id!r} was used before"
        if len(self._state.lists) >= self._settings.lists_max:
            return f"the venue remembers its limit of {self._settings.lists_max} lists today"
        if count > most:
            return f"TotNoOrders(68) {count} is above the limit {most}"
        if count < fewest:
            return f"ContingencyType(1385) {command.contingency.name} needs {fewest} orders or more"
        if command.contingency is ContingencyType.ONE_TRIGGERS_OCO and count != fewest:
            return f"ContingencyType(1385) {command.contingency.name} takes {fewest} orders"
        if len({leg.list_seq_no for leg in command.orders}) != count:
            return "ListSeqNo(67) occurs twice"
        return ""

    def _judge(
        self, command: EnterList, session: Session, listed: ListedOrder, *, held: bool
    ) -> Order | Refusal:
        """The order of a leg, not yet in the venue, or why it may not enter.

        A held order is not asked whether it crosses: it does not meet the book as it stands now.
        """
        entry = self._entry
        twice = [leg for leg in command.orders if leg.cl_ord_id == listed.cl_ord_id]
        if listed.cl_ord_id in session.orders or (len(twice) > 1 and twice[0] is not listed):
            text = f"ClOrdID(11) {listed.cl_ord_id!r} was already used today"
            return Refusal(OrdRejReason.DUPLICATE_ORDER, text)
        listing = entry.find(listed.symbol, listed.market)
        if listing is None:
            return entry.unknown_symbol(listed.symbol, listed.market)
        refusal = listed.refusal or entry.refuse_new(
            session, command.origin.user, listed.cl_ord_id, listing, listed.terms
        )
        if refusal is not None:
            return refusal
        order = entry.create(listed.cl_ord_id, session, command.origin.user, listing, listed.terms)
        return (None if held else entry.refuse_crossing(order)) or order

    def _enter_legs(
        self, command: EnterList, session: Session, group: OrderList, legs: list[Leg]
    ) -> None:
        """Report every leg, then let those that are not held work, in their order."""
        accepted: list[Order] = []
        for listed, verdict in legs:
            if isinstance(verdict, Refusal):
                self._reject_leg(command.origin, session, group, listed, verdict)
                continue
            verdict.cl_ord_link_id = listed.cl_ord_link_id
            verdict.order_id = self._tape.next_order_id()
            group.add(verdict)
            accepted.append(verdict)
            self._trading.accept(verdict)
        for order in accepted:
            if (
                order.is_live
                and order.place is Place.NOWHERE
                and order not in self._trading.released
            ):
                self._agenda.place(order)

    def _reject_leg(
        self,
        origin: Origin,
        session: Session,
        group: OrderList,
        listed: ListedOrder,
        refusal: Refusal,
    ) -> None:
        listing = self._entry.find(listed.symbol, listed.market)
        instrument_id = InstrumentId("") if listing is None else listing.instrument_id
        group.rejected.append(
            RejectedLeg(listed.cl_ord_id, instrument_id, refusal.reason, refusal.text)
        )
        self._tape.report_unknown(
            ExecType.REJECTED,
            session.owner(origin.user),
            listed.cl_ord_id,
            listed.symbol,
            instrument_id,
            listed.terms,
            refusal.reason,
            refusal.text,
            list_id=group.list_id,
            cl_ord_link_id=listed.cl_ord_link_id,
        )

    def cancel(self, command: CancelList, session: Session) -> None:
        """ListCancelRequest(K): cancel what lives of the list, the held orders first."""
        group = self._find(command.origin, "K", command.list_id, session)
        if group is None:
            return
        for order in [*group.held(), *group.orders]:
            if order.is_live:
                self._trading.finish(
                    order, Happening.CANCEL, "its list was canceled", requester=session.name
                )
        self._report(command.origin, group, _RESPONSE)

    def status(self, command: RequestListStatus, session: Session) -> None:
        """ListStatusRequest(M)."""
        group = self._find(command.origin, "M", command.list_id, session)
        if group is not None:
            self._report(command.origin, group, _RESPONSE)

    def _find(
        self, origin: Origin, msg_type: str, list_id: str, session: Session
    ) -> OrderList | None:
        group = self._state.lists.get((session.participant.name, list_id))
        if group is None:
            text = f"ListID(66) {list_id!r} is not known"
            self._tape.reject_business(
                origin, msg_type, list_id, text, BusinessRejectReason.UNKNOWN_ID
            )
        return group

    def _report(
        self,
        origin: Origin,
        group: OrderList,
        status_type: int,
        text: str = "",
        *,
        rejected: bool = False,
    ) -> None:
        orders = [_status_of(order) for order in group.orders]
        orders += [
            ListedOrderStatus(
                leg.cl_ord_id,
                OrdStatus.REJECTED,
                Qty(0),
                Qty(0),
                Qty(0),
                Notional(0),
                InstrumentId(leg.instrument_id),
                leg.reason,
                leg.text,
            )
            for leg in group.rejected
        ]
        if rejected or not group.orders:
            state = _REJECT
        elif any(order.is_live for order in group.orders):
            state = _EXECUTING
        else:
            state = _ALL_DONE
        self._tape.events.append(
            ListStatusReported(
                origin, group.list_id, group.contingency, status_type, state, tuple(orders), text
            )
        )


def _all_or_none(legs: list[Leg]) -> list[Leg]:
    """Refuse every leg when one is refused."""
    bad = [listed.cl_ord_id for listed, verdict in legs if isinstance(verdict, Refusal)]
    if not bad:
        return legs
    text = f"ClOrdID(11) {bad[0]!r} of the same list is refused"
    broken = Refusal(OrdRejReason.OTHER, text)
    return [
        (listed, verdict if isinstance(verdict, Refusal) else broken) for listed, verdict in legs
    ]


def _status_of(order: Order) -> ListedOrderStatus:
    return ListedOrderStatus(
        order.cl_ord_id,
        order.status,
        order.cum_qty,
        order.leaves_qty,
        Qty(order.terms.qty - order.cum_qty - order.leaves_qty),
        order.notional,
        order.listing.instrument_id,
    )
