"""The reference venue: the same commands as the engine, decided slowly and plainly.

Owns: which desk decides which command, and requests on many orders. Written from the venue's rules
(rules of engagement); lists and sorts, nothing cached.
Must not know: anything of fixoms.engine.
"""

from fixoms.domain.commands import (
    AdvanceTime,
    BustTrade,
    CancelByOperator,
    CancelList,
    CancelOrder,
    Command,
    CorrectTrade,
    DefineInstrument,
    DefineParticipant,
    DefineSession,
    EndDay,
    EnterList,
    EnterOrder,
    MassCancel,
    ReplaceOrder,
    RequestListStatus,
    RequestMassStatus,
    RequestStatus,
    SessionClosed,
    SessionOpened,
    SetInstrumentStatus,
    SetPhase,
    SetReferencePrice,
    StartDay,
)
from fixoms.domain.enums import (
    BusinessRejectReason,
    OrdRejReason,
    OrdStatus,
    TimeInForce,
)
from fixoms.domain.ids import InstrumentId, instrument_id

from .book import RefOrder, visible
from .desk import Desk
from .lists import ListRequests
from .records import Records
from .report import Report
from .requests import OrderRequests

_GOOD_TILL = (TimeInForce.GOOD_TILL_CANCEL, TimeInForce.GOOD_TILL_DATE)


class ReferenceVenue:
    """Decide commands one by one; `decide` returns the reports in order."""

    def __init__(self, market: str, volatility_auction: int) -> None:
        self._records = Records(market, volatility_auction)
        self._requests = OrderRequests(self._records)
        self._lists = ListRequests(self._records, self._requests)
        self._desk = Desk(self._records)

    def decide(self, command: Command, time: int) -> list[Report]:
        """Decide one command and give its reports."""
        self._records.floor.reports = []
        self._records.floor.touched = []
        self._records.time = self._records.floor.time = time
        match command:
            case DefineParticipant():
                self._records.participants[command.participant] = command.stp
            case DefineSession():
                self._records.sessions[command.session] = command
            case DefineInstrument():
                self._desk.list_instrument(command)
            case SetReferencePrice():
                self._desk.set_reference(command)
            case SetInstrumentStatus():
                self._desk.set_status(command)
            case SetPhase():
                self._desk.set_phase(command)
            case StartDay():
                self._desk.start_day(command)
            case EndDay():
                self._desk.end_day()
            case AdvanceTime():
                self._desk.expire_times()
            case CancelByOperator():
                self._desk.cancel_by_operator(command)
            case BustTrade() | CorrectTrade():
                self._desk.change_trade(command)
            case SessionOpened():
                pass
            case SessionClosed():
                self._close_session(command)
            case _ if not self._records.is_known(command.origin):
                self._records.tell(self._not_authorized(command))
            case EnterOrder():
                self._requests.enter(command)
            case ReplaceOrder():
                self._requests.replace(command)
            case CancelOrder():
                self._requests.cancel(command)
            case RequestStatus():
                self._requests.status(command)
            case EnterList():
                self._lists.enter(command)
            case CancelList() | RequestListStatus():
                self._lists.ask(command)
            case MassCancel():
                self._mass_cancel(command)
            case RequestMassStatus():
                self._mass_status(command)
            case _:
                raise NotImplementedError(type(command).__name__)
        self._records.floor.settle()
        for market in self._records.markets.values():
            market.indicate()
        return self._records.floor.reports

    def lists_instrument(self, key: InstrumentId) -> bool:
        """Whether the instrument is listed."""
        return key in self._records.markets

    def levels(self, key: InstrumentId) -> tuple[list[tuple[int, int, int]], ...]:
        """Visible bids and asks, best first: price, quantity, number of orders."""
        orders = self._records.markets[key].orders
        return visible(orders, is_buy=True), visible(orders, is_buy=False)

    @staticmethod
    def _not_authorized(command: Command) -> Report:
        names = ("cl_ord_id", "mass_status_req_id", "list_id")
        name = next((getattr(command, one) for one in names if hasattr(command, one)), "")
        reasons = frozenset({BusinessRejectReason.NOT_AUTHORIZED})
        return Report("BUSINESS_REJECTED", command.origin.session, name, reasons=reasons)

    def _narrowed(self, command: MassCancel | RequestMassStatus) -> list[RefOrder]:
        return [
            one
            for one in self._records.live()
            if one.participant == command.origin.participant
            and (not command.symbol or one.instrument_id == self._key(command))
            and command.segment in ("", self._records.markets[one.instrument_id].instrument.segment)
            and command.side in (None, one.terms.side)
            and command.account in ("", one.terms.account)
        ]

    def _key(self, command: MassCancel | RequestMassStatus) -> str:
        return instrument_id(command.symbol, command.market or self._records.default_market)

    def _mass_cancel(self, command: MassCancel) -> None:
        self._records.numbers += 1  # The report has an OrderID(37) of its own.
        report = Report("MASS_CANCEL_REPORTED", command.origin.session, command.cl_ord_id)
        if command.symbol and self._key(command) not in self._records.markets:
            self._records.tell(report._replace(reasons=frozenset({1})))
            return
        found = self._narrowed(command)
        self._records.end_all(found, OrdStatus.CANCELED)
        names = ",".join(sorted(one.cl_ord_id for one in found))
        self._records.tell(report._replace(orig=names))

    def _mass_status(self, command: RequestMassStatus) -> None:
        found = self._narrowed(command)
        if found:
            for one in found:
                self._records.markets[one.instrument_id].report("ORDER_STATUS", one)
            return
        reasons = frozenset({OrdRejReason.UNKNOWN_ORDER, OrdRejReason.UNKNOWN_SYMBOL})
        session, status = command.origin.session, OrdStatus.REJECTED.name
        self._records.tell(Report("ORDER_STATUS", session, status=status, reasons=reasons))

    def _close_session(self, command: SessionClosed) -> None:
        bound = self._records.sessions.get(command.origin.session)
        if bound is None:
            return
        policy = bound.cancel_on_disconnect
        if not (policy.on_logout if command.logged_out else policy.on_loss):
            return
        for one in self._records.live():
            if one.session != command.origin.session:
                continue
            if one.terms.tif in _GOOD_TILL and not policy.good_till:
                continue
            self._records.end_all([one], OrdStatus.CANCELED)
