"""The engine: a replicated state machine that decides commands into events.

Owns: the one door commands come in by, which part decides which command, and the views and
snapshots of the state.
Must not know: clocks, randomness, I/O, FIX. A command brings its sequence, its time and its sender;
the same commands give the same events and the same state hash on every machine.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

from fixoms.domain.commands import (
    AdvanceTime,
    ApproveProposal,
    AssignProfile,
    BustTrade,
    CancelByOperator,
    CancelList,
    CancelOrder,
    Command,
    CorrectTrade,
    DefineInstrument,
    DefineParticipant,
    DefineProfile,
    DefineSession,
    DismissProposal,
    EndDay,
    EnterList,
    EnterOrder,
    Kill,
    MassCancel,
    OverrideOrder,
    ReplaceOrder,
    RequestListStatus,
    RequestMassStatus,
    RequestStatus,
    SessionClosed,
    SessionOpened,
    SetInstrumentStatus,
    SetLimits,
    SetLocate,
    SetMarketPrice,
    SetPhase,
    SetReferencePrice,
    SetRestricted,
    SetRiskPolicy,
    SetShortRule,
    StartDay,
    Unkill,
)
from fixoms.domain.enums import Phase
from fixoms.domain.events import Event, Level
from fixoms.domain.ids import InstrumentId, OrderId, TradeId
from fixoms.domain.instrument import Instrument
from fixoms.domain.limits import Limits, Scope
from fixoms.domain.units import Nanos, Qty
from fixoms.engine.access import AccessRefusal, admit
from fixoms.engine.agenda import Agenda
from fixoms.engine.auction import publish_indicative
from fixoms.engine.book import Ladder
from fixoms.engine.calls import Calls
from fixoms.engine.controls import Killed, Proposal
from fixoms.engine.corrections import Corrections
from fixoms.engine.days import Days
from fixoms.engine.entry import OrderEntry
from fixoms.engine.headroom import Headroom, headroom, scopes_with_limits
from fixoms.engine.lists import ListEntry
from fixoms.engine.mass import MassRequests
from fixoms.engine.matching import Matching
from fixoms.engine.order import InvariantError
from fixoms.engine.phases import Phases
from fixoms.engine.registry import Registry
from fixoms.engine.risk import Risk
from fixoms.engine.risk_desk import RiskDesk
from fixoms.engine.settings import EngineSettings
from fixoms.engine.snapshot import SnapshotError, restore_state, snapshot_state
from fixoms.engine.state import Session, State
from fixoms.engine.tape import Tape
from fixoms.engine.trading import Trading
from fixoms.engine.views import OrderView, SessionView, view_order, view_session

__all__ = ["Engine", "EngineSettings", "InvariantError", "SnapshotError"]

_REQUESTS: Final[dict[type, tuple[str, str]]] = {
    EnterOrder: ("D", "cl_ord_id"),
    ReplaceOrder: ("G", "cl_ord_id"),
    CancelOrder: ("F", "cl_ord_id"),
    RequestStatus: ("H", "cl_ord_id"),
    EnterList: ("E", "list_id"),
    CancelList: ("K", "list_id"),
    RequestListStatus: ("M", "list_id"),
    MassCancel: ("q", "cl_ord_id"),
    RequestMassStatus: ("AF", "mass_status_req_id"),
}
"""What a client may ask: MsgType(35) and the field that names the request."""


class Engine:
    """Decides commands; holds the venue's state."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._state = state = State()
        self._tape = tape = Tape(state)
        self._risk = risk = Risk(state, tape)
        self._trading = trading = Trading(state, tape, settings, risk)
        calls = Calls(state, tape, trading, settings)
        matching = Matching(state, trading, calls)
        self._agenda = agenda = Agenda(tape, trading, matching, calls, settings)
        self._days = days = Days(state, tape, trading)
        self._phases = phases = Phases(state, tape, trading, calls, agenda, settings)
        entry = OrderEntry(state, tape, trading, matching, agenda, settings, risk)
        lists = ListEntry(state, tape, trading, agenda, entry, settings)
        mass = MassRequests(state, tape, trading, settings)
        registry = Registry(state, tape, trading, phases, mass, risk)
        desk = RiskDesk(state, tape, trading, risk)
        corrections = Corrections(state, tape, trading)
        self._answers: dict[type, Callable[[Any, Session], None]] = {
            EnterOrder: entry.enter,
            ReplaceOrder: entry.replace,
            CancelOrder: entry.cancel,
            RequestStatus: entry.status,
            EnterList: lists.enter,
            CancelList: lists.cancel,
            RequestListStatus: lists.status,
            MassCancel: mass.cancel,
            RequestMassStatus: mass.status,
        }
        self._duties: dict[type, Callable[[Any], None]] = {
            SessionOpened: registry.open_session,
            SessionClosed: registry.close_session,
            DefineParticipant: registry.define_participant,
            DefineSession: registry.define_session,
            DefineInstrument: registry.define_instrument,
            SetInstrumentStatus: registry.set_status,
            SetReferencePrice: registry.set_reference,
            SetPhase: phases.set_phase,
            StartDay: days.start,
            EndDay: days.end,
            CancelByOperator: mass.cancel_by_operator,
            BustTrade: corrections.bust,
            CorrectTrade: corrections.correct,
            AdvanceTime: self._advance,
            DefineProfile: desk.define_profile,
            AssignProfile: desk.assign_profile,
            SetLimits: desk.set_limits,
            SetRiskPolicy: desk.set_policy,
            SetRestricted: desk.set_restricted,
            SetShortRule: desk.set_short_rule,
            SetLocate: desk.set_locate,
            Kill: desk.kill,
            Unkill: desk.unkill,
            OverrideOrder: desk.override,
            ApproveProposal: desk.approve,
            DismissProposal: desk.dismiss,
            SetMarketPrice: desk.set_market_price,
        }

    def handle(self, command: Command, seq: int, time: Nanos) -> list[Event]:
        """Decide one command.

        `seq` must ascend and `time` must not fall, else InvariantError: the caller is broken. No
        well-typed command raises, whatever it says; what cannot be done is answered.
        """
        state = self._state
        if seq <= state.seq or time < state.time:
            raise InvariantError(
                f"command {seq} at {time} does not follow command {state.seq} at {state.time}"
            )
        state.seq = seq
        state.time = time
        tape = self._tape
        events = tape.begin(time)
        kind = type(command)
        answer = self._answers.get(kind)
        if answer is None:
            self._duties[kind](command)
        else:
            session = admit(state, command.origin)
            if self._risk.active and not isinstance(session, AccessRefusal):
                session = self._risk.admit(command, _REQUESTS[kind][0], session)
            if isinstance(session, AccessRefusal):
                msg_type, field = _REQUESTS[kind]
                ref_id = getattr(command, field)
                tape.reject_business(command.origin, msg_type, ref_id, session.text)
                return events
            answer(command, session)
        self._agenda.settle()
        if tape.touched:
            tape.publish_books()
            for listing in tape.touched.values():
                publish_indicative(listing, events)
        return events

    def _advance(self, command: AdvanceTime) -> None:
        del command
        self._days.expire_due()
        self._phases.end_due_calls()

    @property
    def next_timer(self) -> Nanos | None:
        """When AdvanceTime is wanted: an ExpireTime(126) or the end of a volatility auction."""
        ends = [each.call_ends for each in self._state.interrupted.values()]
        moments = [each for each in (self._trading.expiries.next, *ends) if each is not None]
        return min(moments, default=None)

    def snapshot(self) -> bytes:
        """The whole state, versioned."""
        return snapshot_state(self._state)

    @classmethod
    def restore(cls, blob: bytes, settings: EngineSettings) -> Engine:
        """An engine that goes on where `snapshot` stood. Raises SnapshotError for other bytes."""
        engine = cls(settings)
        restore_state(blob, engine._state, engine._trading)
        engine._risk.restore()
        return engine

    def state_hash(self) -> str:
        """SHA-256 of the snapshot: equal for engines that would decide alike from here on."""
        return hash_of(self.snapshot())

    @property
    def order_count(self) -> int:
        """Orders held, live and finished today: what a snapshot takes time for."""
        return len(self._state.orders)

    @property
    def trading_day(self) -> str:
        """The trading day `YYYYMMDD`, the last one between days, empty before the first."""
        return self._state.trading_day

    @property
    def day_is_open(self) -> bool:
        """Whether `trading_day` is under way; after EndDay it is the last one."""
        return self._state.day_is_open

    @property
    def sessions(self) -> tuple[SessionView, ...]:
        """The FIX sessions, in order of definition."""
        return tuple(view_session(each) for each in self._state.sessions.values())

    def order(self, order_id: OrderId) -> OrderView | None:
        """One order, live or finished today."""
        order = self._state.orders.get(order_id)
        return None if order is None else view_order(order)

    def orders(self) -> tuple[OrderView, ...]:
        """Every order, live or finished today, in order of entry."""
        orders = self._state.orders
        return tuple(view_order(orders[order_id]) for order_id in sorted(orders))

    def instrument(self, instrument_id: InstrumentId) -> Instrument | None:
        """One instrument."""
        listing = self._state.listings.get(instrument_id)
        return None if listing is None else listing.instrument

    def instruments(self) -> tuple[Instrument, ...]:
        """Every instrument, in order of listing."""
        return tuple(each.instrument for each in self._state.listings.values())

    def find_instrument(self, symbol: str, market: str) -> Instrument | None:
        """The instrument an order of that symbol and market (may be empty) means."""
        default = self._settings.default_market
        listing = self._state.find_listing(symbol, market, default)
        return None if listing is None else listing.instrument

    def trade_instrument(self, trade_id: TradeId) -> Instrument | None:
        """The instrument of a trade that can still be busted or corrected."""
        trade = self._state.trades.get(trade_id)
        return None if trade is None else trade.buy.listing.instrument

    def phase(self, instrument_id: InstrumentId) -> Phase:
        """The phase of a listed instrument; KeyError for another."""
        return self._state.listings[instrument_id].phase

    def limits(self) -> tuple[tuple[Scope, Limits], ...]:
        """Every scope that has limits of its own, and what they are."""
        return tuple((scope, each.limits) for scope, each in self._state.controls.limits.items())

    def kills(self) -> tuple[tuple[Scope, Killed], ...]:
        """Every kill switch that is on: who threw it, when and why."""
        return tuple(self._state.controls.kills.items())

    def proposals(self) -> tuple[Proposal, ...]:
        """What waits for a second person, oldest first."""
        return tuple(self._state.controls.proposals.values())

    def headroom(self, scope: Scope) -> tuple[Headroom, ...]:
        """What is left of every limit that applies to the scope."""
        return headroom(self._state, scope)

    def scopes_with_limits(self, participant: str, account: str) -> tuple[Scope, ...]:
        """The scopes of an account, or of the participant without one, that have limits."""
        return scopes_with_limits(self._state, participant, account)

    def objection(self, session: str, user: str, msg_type: str) -> str:
        """Why roles do not permit a message that is no command (a question), empty when they do."""
        found = self._state.sessions.get(session)
        return "" if found is None else self._risk.roles.refuse_message(found, user, msg_type)

    def depth(
        self, instrument_id: InstrumentId, levels: int
    ) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """The best visible levels of both sides; KeyError for an unknown instrument."""
        book = self._state.listings[instrument_id].book
        return _top(book.bids, levels), _top(book.asks, levels)


def hash_of(snapshot: bytes) -> str:
    """The state hash that goes with a snapshot."""
    return sha256(snapshot).hexdigest()


def _top(ladder: Ladder, count: int) -> tuple[Level, ...]:
    views: list[Level] = []
    for level in ladder.levels():
        if len(views) >= count:
            break
        views.append(Level(ladder.descending, level.price, Qty(level.qty), level.count))
    return tuple(views)
