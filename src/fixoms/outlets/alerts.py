"""Which events people are told about, how urgently, and in which words.

Owns: the choice, the severity and the sentence of every alert.
Must not know: how alerts travel (mqtt.py), what happened before.

An alert is a pure function of one event and the command that caused it.
"""

from decimal import Decimal
from enum import StrEnum

import msgspec

from fixoms.domain.commands import Command, SessionClosed
from fixoms.domain.enums import ExecType, InstrumentStatus, Phase
from fixoms.domain.events import (
    BookChanged,
    BusinessRejected,
    CancelRejected,
    CommandRefused,
    Event,
    Execution,
    InstrumentDefined,
    KillSwitched,
    LimitsChanged,
    MassCancelReported,
    PhaseChanged,
    ProposalChanged,
    RiskOverridden,
    RiskRefused,
    SessionAbused,
    SessionStatusChanged,
    TradeBusted,
    TradeCorrected,
)
from fixoms.domain.limits import ProposalState
from fixoms.domain.rendering import render_order_id, render_trade_id
from fixoms.domain.wording import word
from fixoms.outlets.listings import Listing, Listings


class Severity(StrEnum):
    """How urgent: to know, to look at, to act on."""

    INFO = "info"
    NOTICE = "notice"
    WARNING = "warning"


class AlertSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What is worth an alert.

    A fill is one when its price x quantity, in the instrument's currency, is at least
    `large_fill_value`; 0 makes every fill one.
    """

    large_fill_value: Decimal = Decimal(1_000_000)


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a person should know; `kind` is for programs, `text` for people."""

    severity: Severity
    kind: str
    text: str
    broker: str = ""
    session: str = ""
    symbol: str = ""
    order_id: str = ""


_URGENT_PHASES = {Phase.HALT: "halted", Phase.VOLATILITY_AUCTION: "in a volatility auction"}


def alert_for(
    event: Event, command: Command, listings: Listings, settings: AlertSettings
) -> Alert | None:
    """The alert an event deserves, or None. `listings` already knows the event."""
    match event:
        case Execution():
            return _execution(event, listings.of(event.instrument_id), settings)
        case CancelRejected():
            return Alert(
                severity=Severity.NOTICE,
                kind="cancel-rejected",
                text=f"{word(event.response_to)} {event.cl_ord_id} of {event.origin.session}"
                f" refused: {event.text or word(event.reason)}",
                broker=event.origin.participant,
                session=event.origin.session,
                symbol=event.symbol,
                order_id=render_order_id(event.order_id),
            )
        case BusinessRejected():
            return Alert(
                severity=Severity.NOTICE,
                kind="message-rejected",
                text=f"message {event.ref_msg_type} {event.ref_id} of {event.origin.session}"
                f" refused: {event.text or word(event.reason)}",
                broker=event.origin.participant,
                session=event.origin.session,
            )
        case TradeBusted():
            listing = listings.of(event.instrument_id)
            return Alert(
                severity=Severity.WARNING,
                kind="trade-busted",
                text=f"trade {render_trade_id(event.trade_id)} taken back:"
                f" {listing.qty(event.qty)} {event.symbol} at {listing.price(event.price)}"
                f"{_because(event.reason)}",
                symbol=event.symbol,
            )
        case TradeCorrected():
            listing = listings.of(event.instrument_id)
            return Alert(
                severity=Severity.WARNING,
                kind="trade-corrected",
                text=f"trade {render_trade_id(event.trade_id)} corrected:"
                f" {listing.qty(event.old_qty)} {event.symbol} at {listing.price(event.old_price)}"
                f" is now {listing.qty(event.qty)} at {listing.price(event.price)}"
                f"{_because(event.reason)}",
                symbol=event.symbol,
            )
        case SessionStatusChanged():
            return _session(event, command)
        case PhaseChanged():
            return _phase(event)
        case InstrumentDefined():
            return _instrument(event)
        case BookChanged():
            return _book(event, listings.of(event.instrument_id))
        case MassCancelReported() if event.affected:
            return Alert(
                severity=Severity.NOTICE,
                kind="mass-cancel",
                text=f"{event.origin.session or event.origin.user} canceled"
                f" {len(event.affected)} orders at once",
                broker=event.origin.participant,
                session=event.origin.session,
                symbol=event.symbol,
            )
        case CommandRefused():
            return Alert(
                severity=Severity.NOTICE,
                kind="operator-refused",
                text=f"command of {event.origin.user} refused: {event.reason}",
            )
        case _:
            return _risk(event)


def _risk(event: Event) -> Alert | None:
    """What concerns limits, roles and the kill switch."""
    match event:
        case KillSwitched():
            did = "thrown" if event.killed else "lifted"
            orders = f", {event.canceled} orders canceled" if event.canceled else ""
            return Alert(
                severity=Severity.WARNING,
                kind="kill-switch",
                text=f"kill switch of {event.scope.text} {did} by {event.origin.user}{orders}"
                f"{_because(event.reason)}",
                broker=event.scope.participant,
            )
        case RiskRefused():
            return Alert(
                severity=Severity.NOTICE,
                kind="limit-reached",
                text=f"{event.check.value} refused {event.cl_ord_id} of {event.owner.session}:"
                f" {event.text}",
                broker=event.owner.participant,
                session=event.owner.session,
            )
        case RiskOverridden():
            return Alert(
                severity=Severity.WARNING,
                kind="limit-overridden",
                text=f"{event.cl_ord_id} of {event.owner.session} passed by word of"
                f" {event.approved_by} although: {event.text}",
                broker=event.owner.participant,
                session=event.owner.session,
            )
        case LimitsChanged():
            second = f", approved by {event.approved_by}" if event.approved_by else ""
            return Alert(
                severity=Severity.NOTICE,
                kind="limits-changed",
                text=f"limits of {event.scope.text} set by {event.origin.user}{second}"
                f"{_because(event.reason)}",
                broker=event.scope.participant,
            )
        case ProposalChanged():
            waiting = event.state is ProposalState.WAITING
            return Alert(
                severity=Severity.WARNING if waiting else Severity.NOTICE,
                kind=f"proposal-{event.state.value}",
                text=f"proposal {event.proposal_id} of {event.proposed_by} {event.state.value}:"
                f" {event.text}",
            )
        case SessionAbused():
            return Alert(
                severity=Severity.WARNING,
                kind="session-abused",
                text=f"session {event.session}: {event.text}",
                broker=event.participant,
                session=event.session,
            )
        case _:
            return None


def _execution(event: Execution, listing: Listing, settings: AlertSettings) -> Alert | None:
    match event.exec_type:
        case ExecType.TRADE:
            return _fill(event, listing, settings)
        case ExecType.REJECTED:
            why = event.text or (event.ord_rej_reason and word(event.ord_rej_reason)) or "no reason"
            return _about(
                event,
                Severity.WARNING,
                "order-rejected",
                f"order {event.cl_ord_id} of {event.owner.session} rejected: {why}",
            )
        case ExecType.CANCELED if not event.requester:
            return _about(
                event,
                Severity.WARNING,
                "order-canceled",
                f"order {event.cl_ord_id} of {event.owner.session} canceled by the venue,"
                f" {listing.qty(event.cum_qty)} of {listing.qty(event.terms.qty)} {event.symbol}"
                f" done{_because(event.text)}",
            )
        case ExecType.RESTATED:
            return _about(
                event,
                Severity.NOTICE,
                "order-restated",
                f"order {event.cl_ord_id} of {event.owner.session} changed by the venue to"
                f" {listing.qty(event.terms.qty)} {event.symbol}{_because(event.text)}",
            )
        case _:
            return None


def _fill(event: Execution, listing: Listing, settings: AlertSettings) -> Alert | None:
    if event.last_px is None:
        return None
    unit = listing.price_decimals + listing.qty_decimals
    if event.last_px * event.last_qty < settings.large_fill_value.scaleb(unit):
        return None
    did = "bought" if event.terms.side.is_buy else "sold"
    return _about(
        event,
        Severity.INFO,
        "fill",
        f"{event.owner.participant} {did} {listing.qty(event.last_qty)} {event.symbol} at"
        f" {listing.price(event.last_px)} ({event.cl_ord_id}, {listing.qty(event.cum_qty)} of"
        f" {listing.qty(event.terms.qty)} done), {listing.value(event.last_px, event.last_qty)}"
        f" {listing.currency}".rstrip(),
    )


def _about(event: Execution, severity: Severity, kind: str, text: str) -> Alert:
    return Alert(
        severity=severity,
        kind=kind,
        text=text,
        broker=event.owner.participant,
        session=event.owner.session,
        symbol=event.symbol,
        order_id=render_order_id(event.order_id),
    )


def _session(event: SessionStatusChanged, command: Command) -> Alert:
    if event.connected:
        severity, kind, text = Severity.INFO, "session-opened", "logged on"
    elif isinstance(command, SessionClosed) and not command.logged_out:
        severity, kind = Severity.WARNING, "session-lost"
        text = f"lost its connection{_because(event.reason)}"
    else:
        severity, kind, text = Severity.INFO, "session-closed", "logged out"
    return Alert(
        severity=severity,
        kind=kind,
        text=f"session {event.session} {text}",
        broker=event.participant,
        session=event.session,
    )


def _phase(event: PhaseChanged) -> Alert:
    urgent = _URGENT_PHASES.get(event.new)
    return Alert(
        severity=Severity.NOTICE if urgent is None else Severity.WARNING,
        kind="phase-changed" if urgent is None else word(event.new),
        text=f"{event.symbol} is {urgent or f'in phase {event.new.value}'}, before"
        f" {event.old.value}{_because(event.reason)}",
        symbol=event.symbol,
    )


def _instrument(event: InstrumentDefined) -> Alert | None:
    instrument = event.instrument
    if instrument.status is InstrumentStatus.ACTIVE:
        return None
    return Alert(
        severity=Severity.WARNING,
        kind=f"instrument-{word(instrument.status)}",
        text=f"{instrument.symbol} is {word(instrument.status)}",
        symbol=instrument.symbol,
    )


def _book(event: BookChanged, listing: Listing) -> Alert | None:
    """A locked or crossed book while matching is continuous: all-or-none orders stand in it.

    Nothing else can stand so; without such an order it is a fault of the venue.
    """
    if listing.phase is not Phase.CONTINUOUS or event.bid_px is None or event.ask_px is None:
        return None
    if event.bid_px < event.ask_px:
        return None
    state = "locked" if event.bid_px == event.ask_px else "crossed"
    return Alert(
        severity=Severity.WARNING,
        kind=f"book-{state}",
        text=f"the book of {event.symbol} is {state}: bid {listing.price(event.bid_px)}, ask"
        f" {listing.price(event.ask_px)}",
        symbol=event.symbol,
    )


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""
