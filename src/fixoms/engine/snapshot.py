"""The state as bytes and back.

Owns: the versioned form of a snapshot. Only facts are written; the book, the triggers, the indexes
and the timers are built anew from the orders, so there is one truth about each order.
Must not know: journals, files.

The bytes depend on the facts alone: two engines that decided the same commands give the same bytes
in any process, whatever its hash seed.
"""

from __future__ import annotations

import msgspec

from fixoms.domain.commands import CancelOnDisconnect, OrderTerms
from fixoms.domain.enums import (
    ContingencyType,
    InstrumentStatus,
    OrdRejReason,
    OrdStatus,
    Phase,
    SelfTradePrevention,
)
from fixoms.domain.ids import ExecId, InstrumentId, OrderId, TradeId
from fixoms.domain.instrument import Instrument
from fixoms.domain.units import Nanos, Notional, Price, Qty
from fixoms.engine.auction import indicate
from fixoms.engine.contingency import OrderList, RejectedLeg
from fixoms.engine.listing import Listing
from fixoms.engine.order import Order, Place
from fixoms.engine.risk_snapshot import RiskRecord, read_risk, write_risk
from fixoms.engine.state import Participant, Session, State, TradeRecord
from fixoms.engine.trading import Trading

VERSION = 2
"""Raised with every change of the records below; an unknown one is refused by `restore_state`."""


class SnapshotError(ValueError):
    """The bytes are not a snapshot this version reads."""


class _Record(msgspec.Struct, frozen=True, array_like=True):
    pass


class _Participant(_Record, frozen=True):
    name: str
    stp: SelfTradePrevention


class _Session(_Record, frozen=True):
    name: str
    participant: str
    policy: CancelOnDisconnect
    connected: bool
    cl_ord_ids: list[tuple[str, OrderId]]


class _Listing(_Record, frozen=True):
    instrument: Instrument
    status: InstrumentStatus
    phase: Phase
    reference_price: Price | None
    last_price: Price | None
    call_ends: Nanos | None
    ranks: int


class _Order(_Record, frozen=True):
    order_id: OrderId
    cl_ord_id: str
    entered_as: str
    session: str
    user: str
    instrument_id: InstrumentId
    terms: OrderTerms
    original: OrderTerms | None
    entered_at: Nanos
    status: OrdStatus
    place: Place
    price: Price | None
    stop_px: Price | None
    leaves_qty: Qty
    shown_qty: Qty
    cum_qty: Qty
    notional: Notional
    rank: int
    triggered: bool
    cl_ord_link_id: str
    hold_price: int
    overridden: bool


class _Trade(_Record, frozen=True):
    trade_id: TradeId
    price: Price
    qty: Qty
    buy: OrderId
    sell: OrderId
    buy_exec_id: ExecId
    sell_exec_id: ExecId


class _List(_Record, frozen=True):
    list_id: str
    participant: str
    contingency: ContingencyType
    orders: list[OrderId]
    parent: OrderId
    rejected: list[tuple[str, str, OrdRejReason, str]]


class _Snapshot(_Record, frozen=True):
    version: int
    seq: int
    time: Nanos
    trading_day: str
    day_is_open: bool
    order_id: OrderId
    exec_id: ExecId
    trade_id: TradeId
    cl_ord_ids: int
    participants: list[_Participant]
    sessions: list[_Session]
    listings: list[_Listing]
    orders: list[_Order]
    trades: list[_Trade]
    lists: list[_List]
    risk: RiskRecord


def snapshot_state(state: State) -> bytes:
    """Write the state."""
    record = _Snapshot(
        VERSION,
        state.seq,
        state.time,
        state.trading_day,
        state.day_is_open,
        state.order_id,
        state.exec_id,
        state.trade_id,
        state.cl_ord_ids,
        [_Participant(each.name, each.stp) for each in state.participants.values()],
        [_write_session(each) for each in state.sessions.values()],
        [_write_listing(each) for each in state.listings.values()],
        [_write_order(state.orders[order_id]) for order_id in sorted(state.orders)],
        [_write_trade(each) for each in state.trades.values()],
        [_write_list(each) for each in state.lists.values()],
        write_risk(state),
    )
    return msgspec.msgpack.encode(record)


def _write_session(session: Session) -> _Session:
    return _Session(
        session.name,
        session.participant.name,
        session.policy,
        session.connected,
        sorted((name, order.order_id) for name, order in session.orders.items()),
    )


def _write_listing(listing: Listing) -> _Listing:
    return _Listing(
        listing.instrument,
        listing.status,
        listing.phase,
        listing.reference_price,
        listing.last_price,
        listing.call_ends,
        listing.ranks,
    )


def _write_order(order: Order) -> _Order:
    return _Order(
        order.order_id,
        order.cl_ord_id,
        order.entered_as,
        order.owner.session,
        order.owner.user,
        order.listing.instrument_id,
        order.terms,
        None if order.original == order.terms else order.original,
        order.entered_at,
        order.status,
        order.place,
        order.price,
        order.stop_px,
        order.leaves_qty,
        order.shown_qty,
        order.cum_qty,
        order.notional,
        order.rank,
        order.triggered,
        order.cl_ord_link_id,
        order.hold_price,
        order.overridden,
    )


def _write_trade(trade: TradeRecord) -> _Trade:
    return _Trade(
        trade.trade_id,
        trade.price,
        trade.qty,
        trade.buy.order_id,
        trade.sell.order_id,
        trade.buy_exec_id,
        trade.sell_exec_id,
    )


def _write_list(group: OrderList) -> _List:
    orders = [order.order_id for order in group.orders]
    parent = group.parent
    known = parent is not None and parent.order_id in orders
    return _List(
        group.list_id,
        group.participant,
        group.contingency,
        orders,
        parent.order_id if parent is not None and known else OrderId(0),
        [(leg.cl_ord_id, leg.instrument_id, leg.reason, leg.text) for leg in group.rejected],
    )


_DECODER = msgspec.msgpack.Decoder(_Snapshot)
_VERSION_DECODER = msgspec.msgpack.Decoder(list[msgspec.Raw])


def restore_state(blob: bytes, state: State, trading: Trading) -> None:
    """Fill an empty state. Raises SnapshotError for bytes of another version or no snapshot."""
    try:
        version = msgspec.msgpack.decode(_VERSION_DECODER.decode(blob)[0], type=int)
    except (msgspec.DecodeError, IndexError) as error:
        raise SnapshotError(f"not a snapshot: {error}") from error
    if version != VERSION:
        raise SnapshotError(f"snapshot of version {version}, this engine reads {VERSION}")
    try:
        record = _DECODER.decode(blob)
    except msgspec.DecodeError as error:
        raise SnapshotError(f"not a snapshot: {error}") from error
    state.seq, state.time = record.seq, record.time
    state.trading_day, state.day_is_open = record.trading_day, record.day_is_open
    state.order_id, state.exec_id = record.order_id, record.exec_id
    state.trade_id, state.cl_ord_ids = record.trade_id, record.cl_ord_ids
    for each in record.participants:
        state.participants[each.name] = Participant(each.name, each.stp)
    for listed in record.listings:
        state.add_listing(_read_listing(listed))
    read_risk(record.risk, state)
    for bound in record.sessions:
        participant = state.participants[bound.participant]
        session = Session(bound.name, participant, bound.policy)
        session.connected = bound.connected
        state.sessions[bound.name] = participant.sessions[bound.name] = session
    for entered in record.orders:
        state.orders[entered.order_id] = _read_order(entered, state)
    for bound in record.sessions:
        state.sessions[bound.name].orders = {
            name: state.orders[order_id] for name, order_id in bound.cl_ord_ids
        }
    for done in record.trades:
        state.trades[done.trade_id] = TradeRecord(
            done.trade_id,
            done.price,
            done.qty,
            state.orders[done.buy],
            state.orders[done.sell],
            done.buy_exec_id,
            done.sell_exec_id,
        )
    for written in record.lists:
        group = _read_list(written, state)
        state.lists[(group.participant, group.list_id)] = group
    _place_orders(state, trading)


def _read_listing(record: _Listing) -> Listing:
    listing = Listing(record.instrument, record.phase)
    listing.set_status(record.status)
    listing.reference_price = record.reference_price
    listing.last_price = record.last_price
    listing.call_ends = record.call_ends
    listing.ranks = record.ranks
    return listing


def _read_order(record: _Order, state: State) -> Order:
    session = state.sessions[record.session]
    order = Order(
        record.order_id,
        record.cl_ord_id,
        session.owner(record.user),
        state.listings[record.instrument_id],
        record.terms,
        record.entered_at,
    )
    order.entered_as = record.entered_as
    order.original = record.original or record.terms
    order.status = record.status
    order.place = record.place
    order.price, order.stop_px = record.price, record.stop_px
    order.leaves_qty, order.shown_qty = record.leaves_qty, record.shown_qty
    order.cum_qty, order.notional = record.cum_qty, record.notional
    order.rank, order.triggered = record.rank, record.triggered
    order.cl_ord_link_id = record.cl_ord_link_id
    order.hold_price, order.overridden = record.hold_price, record.overridden
    if order.cum_qty:
        terms = order.terms
        order.position = state.ledger.position(
            order.owner.participant, terms.account, terms.client, order.listing
        )
    return order


def _read_list(record: _List, state: State) -> OrderList:
    group = OrderList(record.list_id, record.participant, record.contingency)
    group.orders = [state.orders[order_id] for order_id in record.orders]
    group.parent = state.orders[record.parent] if record.parent else None
    group.rejected = [RejectedLeg(*leg) for leg in record.rejected]
    for order in group.orders:
        order.group = group
    return group


def _place_orders(state: State, trading: Trading) -> None:
    """Put every live order where it stood, in its time priority."""
    live = [order for order in state.orders.values() if order.is_live]
    for order in live:
        trading.revive(order)
    for order in sorted(live, key=lambda each: each.rank):
        listing = order.listing
        if order.place is Place.BOOK:
            shown = order.shown_qty
            listing.book.join(order, order.rank)
            listing.book.show(order, shown)
        elif order.place is Place.ARMED:
            listing.triggers.arm(order, None)
    for listing in state.listings.values():
        listing.book.bids.changed.clear()
        listing.book.asks.changed.clear()
        indicative = indicate(listing) if listing.in_call else None
        if indicative is not None and indicative.price is not None:
            listing.indicative = indicative
