"""The reference venue: the same commands as the engine, decided slowly and plainly.

Owns: who may send what, ClOrdIDs and OrderIDs, the life of an order from request to request, days
and phases. Written from the venue's rules (rules of engagement); lists and sorts, nothing cached.
Must not know: anything of fixoms.engine.
"""

import msgspec

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
    ListedOrder,
    MassCancel,
    OrderTerms,
    Origin,
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
    ContingencyType,
    CxlRejReason,
    InstrumentStatus,
    OrdRejReason,
    OrdStatus,
    OrdType,
    Phase,
    SelfTradePrevention,
    TimeInForce,
)
from fixoms.domain.ids import InstrumentId, instrument_id
from fixoms.domain.units import Qty

from .book import Place, RefOrder, visible
from .links import OrderGroup
from .market import Floor, Market
from .report import Reason, Report

_GOOD_TILL = (TimeInForce.GOOD_TILL_CANCEL, TimeInForce.GOOD_TILL_DATE)


class ReferenceVenue:
    """Decide commands one by one; `decide` returns the reports in order."""

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

    def decide(self, command: Command, time: int) -> list[Report]:
        """Decide one command and give its reports."""
        self.floor.reports = []
        self.time = self.floor.time = time
        match command:
            case DefineParticipant():
                self.participants[command.participant] = command.stp
            case DefineSession():
                self.sessions[command.session] = command
            case DefineInstrument():
                self._list(command)
            case SetReferencePrice():
                self._set_reference(command)
            case SetInstrumentStatus():
                self._set_status(command)
            case SetPhase():
                self._set_phase(command)
            case StartDay():
                self._start_day(command)
            case EndDay():
                self._end_day()
            case AdvanceTime():
                self._expire_times()
            case CancelByOperator():
                self._cancel_by_operator(command)
            case BustTrade() | CorrectTrade():
                self._change_trade(command)
            case SessionOpened():
                pass
            case SessionClosed():
                self._close_session(command)
            case _ if not self._is_known(command.origin):
                self._tell(self._not_authorized(command))
            case EnterOrder():
                self._enter(command)
            case ReplaceOrder():
                self._replace(command)
            case CancelOrder():
                self._cancel(command)
            case RequestStatus():
                self._status(command)
            case EnterList():
                self._enter_list(command)
            case CancelList() | RequestListStatus():
                self._ask_list(command)
            case MassCancel():
                self._mass_cancel(command)
            case RequestMassStatus():
                self._mass_status(command)
            case _:
                raise NotImplementedError(type(command).__name__)
        self.floor.settle()
        for market in self.markets.values():
            market.indicate()
        return self.floor.reports

    def levels(self, key: InstrumentId) -> tuple[list[tuple[int, int, int]], ...]:
        """Visible bids and asks, best first: price, quantity, number of orders."""
        orders = self.markets[key].orders
        return visible(orders, is_buy=True), visible(orders, is_buy=False)

    def _tell(self, report: Report) -> None:
        self.floor.reports.append(report)

    def _is_known(self, origin: Origin) -> bool:
        bound = self.sessions.get(origin.session)
        return bound is not None and bound.participant == origin.participant

    @staticmethod
    def _not_authorized(command: Command) -> Report:
        names = ("cl_ord_id", "mass_status_req_id", "list_id")
        name = next((getattr(command, one) for one in names if hasattr(command, one)), "")
        reasons = frozenset({BusinessRejectReason.NOT_AUTHORIZED})
        return Report("BUSINESS_REJECTED", command.origin.session, name, reasons=reasons)

    # Which order a request means.

    def _named(self, session: str, cl_ord_id: str) -> RefOrder | None:
        """The order that goes, or once went, by this ClOrdID in this session."""
        for one in reversed(self.orders):
            if (session, cl_ord_id) in one.names:
                return one
        return None

    def _find(self, origin: Origin, cl_ord_id: str, order_id: int) -> RefOrder | None:
        """By ClOrdID in the own session, then in the participant's others; else by OrderID."""
        if cl_ord_id:
            sessions = [origin.session, *(name for name in self.sessions if name != origin.session)]
            for name in sessions:
                if self.sessions[name].participant != origin.participant:
                    continue
                found = self._named(name, cl_ord_id)
                if found is not None:
                    return found if order_id in (0, found.number) else None
            return None
        for one in self.orders:
            if one.number == order_id and one.participant == origin.participant:
                return one
        return None

    def _market(self, symbol: str, market: str) -> Market | None:
        return self.markets.get(instrument_id(symbol, market or self.default_market))

    # Requests on one order.

    def _enter(self, command: EnterOrder) -> None:
        origin = command.origin
        first = self._named(origin.session, command.cl_ord_id)
        if first is not None:
            original = self.entered.get(first.number)
            if command.poss_resend and original is not None and self._same(original, command):
                self.markets[first.instrument_id].report("ORDER_STATUS", first)
            else:
                self._reject(command, {OrdRejReason.DUPLICATE_ORDER})
            return
        order, reasons = self._judge(command, command.origin, held=False)
        if reasons or order is None:
            self._reject(command, reasons)
            return
        self.entered[self.numbers + 1] = command
        self._accept(order)
        self.floor.market_of(order).work(order)

    def _judge(
        self, asked: EnterOrder | ListedOrder, origin: Origin, *, held: bool
    ) -> tuple[RefOrder | None, set[Reason]]:
        """Judge an order that is not yet in the venue: the order, and why it may not enter.

        A held order is not asked whether it crosses: it does not meet the book as it stands now.
        """
        market, terms = self._market(asked.symbol, asked.market), asked.terms
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
            entered_at=self.time,
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

    def _accept(self, order: RefOrder) -> None:
        self.numbers += 1
        order.number = self.numbers
        order.names.append((order.session, order.cl_ord_id))
        self.orders.append(order)
        market = self.floor.market_of(order)
        market.orders.append(order)
        market.report("NEW", order)

    @staticmethod
    def _same(one: EnterOrder, other: EnterOrder) -> bool:
        return (one.symbol, one.market, one.terms) == (other.symbol, other.market, other.terms)

    def _reject(self, command: EnterOrder, reasons: set[Reason]) -> None:
        self._refuse(command.origin.session, command.cl_ord_id, reasons)

    def _refuse(self, session: str, cl_ord_id: str, reasons: set[Reason]) -> None:
        status = OrdStatus.REJECTED.name
        report = Report("REJECTED", session, cl_ord_id, status=status, reasons=frozenset(reasons))
        self._tell(report)

    # Lists.

    def _enter_list(self, command: EnterList) -> None:
        origin = command.origin
        key = (origin.participant, command.list_id)
        group = OrderGroup(command.list_id, origin.participant, command.contingency)
        if key in self.lists or not self._is_well_formed(command):
            self._report_list(origin, group)
            return
        self.lists[key] = group
        legs = sorted(command.orders, key=lambda leg: leg.list_seq_no)
        if command.contingency is ContingencyType.INDEPENDENT:
            for leg in legs:
                self._enter_legs(command, group, [leg])
                self.floor.settle()
        else:
            self._enter_legs(command, group, legs)
            self.floor.settle()
        self._report_list(origin, group)

    @staticmethod
    def _is_well_formed(command: EnterList) -> bool:
        count = len(command.orders)
        least = {ContingencyType.INDEPENDENT: 1, ContingencyType.ONE_TRIGGERS_OCO: 3}
        if count < least.get(command.contingency, 2):
            return False
        return command.contingency is not ContingencyType.ONE_TRIGGERS_OCO or count == 3

    def _enter_legs(self, command: EnterList, group: OrderGroup, legs: list[ListedOrder]) -> None:
        """All of the legs enter or none; then those that are not held work, in their order."""
        session = command.origin.session
        judged = []
        for at, leg in enumerate(legs):
            held = group.has_parent and at > 0
            order, reasons = self._judge(leg, command.origin, held=held)
            twice = any(one.cl_ord_id == leg.cl_ord_id for one in legs[:at])
            if twice or self._named(session, leg.cl_ord_id) is not None:
                reasons = {OrdRejReason.DUPLICATE_ORDER}
            judged.append((leg, order, reasons))
        if any(reasons for _, _, reasons in judged):
            for leg, _, reasons in judged:
                self._refuse(session, leg.cl_ord_id, reasons or {OrdRejReason.OTHER})
                group.refused.append(leg.cl_ord_id)
            return
        entered = [order for _, order, _ in judged if order is not None]
        for leg, order in zip(legs, entered, strict=True):
            self.entered[self.numbers + 1] = EnterOrder(
                command.origin, leg.cl_ord_id, leg.symbol, leg.market, leg.terms
            )
            group.add(order)
            self._accept(order)
        for order in entered:
            if order.place is Place.PARKED:
                self.floor.market_of(order).work(order)

    def _report_list(self, origin: Origin, group: OrderGroup) -> None:
        states = [
            f"{one.cl_ord_id}:{one.status.name}:{one.cum}:{one.leaves}" for one in group.orders
        ]
        states += [f"{name}:REJECTED:0:0" for name in group.refused]
        self._tell(Report("LIST_STATUS", origin.session, group.list_id, " ".join(states)))

    def _ask_list(self, command: CancelList | RequestListStatus) -> None:
        group = self.lists.get((command.origin.participant, command.list_id))
        if group is None:
            reasons = frozenset({BusinessRejectReason.UNKNOWN_ID})
            session = command.origin.session
            self._tell(Report("BUSINESS_REJECTED", session, command.list_id, reasons=reasons))
            return
        if isinstance(command, CancelList):
            self._end_all([*group.held(), *group.orders], OrdStatus.CANCELED)
        self._report_list(command.origin, group)

    def _stp(self, participant: str, terms: OrderTerms) -> SelfTradePrevention:
        if terms.stp is SelfTradePrevention.PARTICIPANT_DEFAULT:
            return self.participants[participant]
        return terms.stp

    def _refusals(self, market: Market, order: RefOrder) -> set[Reason]:
        """Every reason the rules give to refuse the order here and now."""
        reasons = market.refusals(order)
        terms, phase = order.terms, market.phase
        odd: set[Reason] = {OrdRejReason.UNSUPPORTED_ORDER_CHARACTERISTIC, OrdRejReason.OTHER}
        if phase in (Phase.CLOSED, Phase.POST_CLOSE, Phase.HALT):
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
        if self._is_past(order):
            reasons |= odd | {OrdRejReason.TOO_LATE_TO_ENTER}
        return reasons

    def _is_past(self, order: RefOrder) -> bool:
        terms = order.terms
        if terms.tif is not TimeInForce.GOOD_TILL_DATE:
            return False
        if self._has_run_out(order):
            return True
        return bool(terms.expire_date) and terms.expire_date < self.trading_day

    def _cancel_refusal(
        self, command: CancelOrder | ReplaceOrder, order: RefOrder | None
    ) -> set[Reason]:
        """Why a cancel or replace cannot even look at its order."""
        sessions = [command.origin.session] + ([] if order is None else [order.session])
        duplicate = any(self._named(one, command.cl_ord_id) for one in sessions)
        reasons: set[Reason] = {CxlRejReason.DUPLICATE_CL_ORD_ID} if duplicate else set()
        if order is None or self._is_renamed(command, order):
            return reasons | {CxlRejReason.UNKNOWN_ORDER}
        symbol, _, market = order.instrument_id.partition("@")
        if (command.symbol, command.market or self.default_market) != (symbol, market):
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
        self._tell(
            Report(
                "CANCEL_REJECTED",
                command.origin.session,
                command.cl_ord_id,
                command.orig_cl_ord_id,
                status.name,
                reasons=frozenset(reasons),
            )
        )

    def _cancel(self, command: CancelOrder) -> None:
        order = self._find(command.origin, command.orig_cl_ord_id, command.order_id)
        reasons = self._cancel_refusal(command, order)
        if reasons or order is None:
            self._reject_cancel(command, order, reasons)
            return
        orig = order.cl_ord_id
        self._rename(order, command)
        self.markets[order.instrument_id].leave(order, OrdStatus.CANCELED, orig=orig)

    def _replace(self, command: ReplaceOrder) -> None:
        order = self._find(command.origin, command.orig_cl_ord_id, command.order_id)
        reasons = self._cancel_refusal(command, order)
        if reasons or order is None:
            self._reject_cancel(command, order, reasons)
            return
        market = self.markets[order.instrument_id]
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

    def _status(self, command: RequestStatus) -> None:
        order = self._find(command.origin, command.cl_ord_id, command.order_id)
        if order is None:
            self._tell(
                Report(
                    "ORDER_STATUS",
                    command.origin.session,
                    command.cl_ord_id,
                    status=OrdStatus.REJECTED.name,
                    reasons=frozenset({OrdRejReason.UNKNOWN_ORDER}),
                )
            )
            return
        self.markets[order.instrument_id].report("ORDER_STATUS", order)

    # Requests on many orders.

    def _live(self) -> list[RefOrder]:
        return [one for one in self.orders if one.place is not Place.GONE]

    def _end_all(self, orders: list[RefOrder], status: OrdStatus) -> int:
        """End each order that the end of one before it has left alive; how many there were."""
        alive = 0
        for one in orders:
            if one.place is not Place.GONE:
                alive += 1
                self.floor.market_of(one).leave(one, status)
        return alive

    def _narrowed(self, command: MassCancel | RequestMassStatus) -> list[RefOrder]:
        return [
            one
            for one in self._live()
            if one.participant == command.origin.participant
            and (not command.symbol or one.instrument_id == self._key(command))
            and command.segment in ("", self.markets[one.instrument_id].instrument.segment)
            and command.side in (None, one.terms.side)
            and command.account in ("", one.terms.account)
        ]

    def _key(self, command: MassCancel | RequestMassStatus) -> str:
        return instrument_id(command.symbol, command.market or self.default_market)

    def _mass_cancel(self, command: MassCancel) -> None:
        self.numbers += 1  # The report has an OrderID(37) of its own.
        report = Report("MASS_CANCEL_REPORTED", command.origin.session, command.cl_ord_id)
        if command.symbol and self._key(command) not in self.markets:
            self._tell(report._replace(reasons=frozenset({1})))
            return
        found = self._narrowed(command)
        self._end_all(found, OrdStatus.CANCELED)
        names = ",".join(sorted(one.cl_ord_id for one in found))
        self._tell(report._replace(orig=names))

    def _mass_status(self, command: RequestMassStatus) -> None:
        found = self._narrowed(command)
        if found:
            for one in found:
                self.markets[one.instrument_id].report("ORDER_STATUS", one)
            return
        reasons = frozenset({OrdRejReason.UNKNOWN_ORDER, OrdRejReason.UNKNOWN_SYMBOL})
        session, status = command.origin.session, OrdStatus.REJECTED.name
        self._tell(Report("ORDER_STATUS", session, status=status, reasons=reasons))

    def _close_session(self, command: SessionClosed) -> None:
        bound = self.sessions.get(command.origin.session)
        if bound is None:
            return
        policy = bound.cancel_on_disconnect
        if not (policy.on_logout if command.logged_out else policy.on_loss):
            return
        for one in self._live():
            if one.session != command.origin.session:
                continue
            if one.terms.tif in _GOOD_TILL and not policy.good_till:
                continue
            self._end_all([one], OrdStatus.CANCELED)

    # What the venue and its operators do.

    def _list(self, command: DefineInstrument) -> None:
        key = command.instrument.instrument_id
        known = self.markets.get(key)
        if known is None:
            self.markets[key] = Market(command.instrument, command.phase, self.floor)
        else:
            known.instrument = command.instrument

    def _set_reference(self, command: SetReferencePrice) -> None:
        market = self.markets.get(command.instrument_id)
        if market is None or command.price <= 0:
            self._tell(Report("REFUSED"))
            return
        market.reference = command.price

    def _set_status(self, command: SetInstrumentStatus) -> None:
        market = self.markets.get(command.instrument_id)
        if market is None or market.instrument.status is InstrumentStatus.DELISTED:
            self._tell(Report("REFUSED"))
            return
        matched = market.matches
        market.instrument = msgspec.structs.replace(market.instrument, status=command.status)
        if command.status is InstrumentStatus.DELISTED:
            self._end_all(market.orders, OrdStatus.CANCELED)
        elif market.matches and not matched:
            market.open_trading()

    def _set_phase(self, command: SetPhase) -> None:
        scope = [
            market
            for key, market in self.markets.items()
            if command.scope in (key, market.instrument.segment, market.instrument.symbol)
        ]
        halted = any(one.phase is Phase.HALT for one in scope)
        if not scope or (halted and command.phase is Phase.CONTINUOUS):
            self._tell(Report("REFUSED"))
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
        self.floor.settle()

    def _start_day(self, command: StartDay) -> None:
        if self.day_is_open or command.trading_day <= self.trading_day:
            self._tell(Report("REFUSED"))
            return
        self.trading_day = command.trading_day
        self.floor.trades.clear()
        self.day_is_open = True
        for group in self.lists.values():
            group.orders = [one for one in group.orders if one.place is not Place.GONE]
        self.lists = {key: group for key, group in self.lists.items() if group.orders}
        for one in self.orders:
            gone = one.place is Place.GONE
            one.names = [name for name in one.names if not gone and name[1] == one.cl_ord_id]
            if gone:
                one.participant = ""
        for market in self.markets.values():
            if market.last is not None:
                market.reference = market.last
            for one in market.orders:
                if one.place is not Place.GONE and self._is_past(one):
                    market.leave(one, OrdStatus.EXPIRED)

    def _end_day(self) -> None:
        if not self.day_is_open:
            self._tell(Report("REFUSED"))
            return
        self.day_is_open = False
        due = [
            one
            for market in self.markets.values()
            for one in market.orders
            if one.place is not Place.GONE and self._ends_today(one)
        ]
        expired = self._end_all(due, OrdStatus.EXPIRED)
        self._tell(Report("DAY_ENDED", self.trading_day, cum=expired))

    def _ends_today(self, order: RefOrder) -> bool:
        tif = order.terms.tif
        if tif is TimeInForce.GOOD_TILL_DATE:
            date = order.terms.expire_date
            return bool(date) and date <= self.trading_day
        return tif is not TimeInForce.GOOD_TILL_CANCEL

    def _expire_times(self) -> None:
        due = [one for one in self._live() if self._has_run_out(one)]
        due.sort(key=lambda one: (one.terms.expire_time or 0, one.number))
        self._end_all(due, OrdStatus.EXPIRED)
        for _, market in sorted(self.markets.items()):
            if market.call_ends is not None and market.call_ends <= self.time:
                self._move(market, Phase.CONTINUOUS)

    def _has_run_out(self, order: RefOrder) -> bool:
        time = order.terms.expire_time
        good = order.terms.tif is TimeInForce.GOOD_TILL_DATE
        return good and time is not None and time <= self.time

    def _change_trade(self, command: BustTrade | CorrectTrade) -> None:
        known = [one for one in self.floor.trades if one.number == command.trade_id]
        trade = known[0] if known else None
        qty, price = (0, 0) if isinstance(command, BustTrade) else (command.qty, command.price)
        too_much = trade is not None and qty > trade.qty
        wrong = isinstance(command, CorrectTrade) and (qty <= 0 or price <= 0)
        if trade is None or too_much or wrong:
            self._tell(Report("REFUSED"))
            return
        market = self.floor.market_of(trade.sides[0])
        if isinstance(command, BustTrade):
            market.change_trade("TRADE_CANCEL", trade, 0, 0)
            self.floor.trades.remove(trade)
        else:
            market.change_trade("TRADE_CORRECT", trade, qty, price)

    def _cancel_by_operator(self, command: CancelByOperator) -> None:
        if command.order_id:
            meant = [one for one in self._live() if one.number == command.order_id]
        else:
            meant = [
                one
                for one in self._live()
                if command.participant in ("", one.participant)
                and command.instrument_id in ("", one.instrument_id)
            ]
        unknown = command.participant and command.participant not in self.participants
        if (command.order_id and not meant) or unknown:
            self._tell(Report("REFUSED"))
        self._end_all(meant, OrdStatus.CANCELED)


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
