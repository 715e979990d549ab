"""What others may see of the engine's state: copies that cannot change it.

Owns: the form of these copies.
Must not know: how the state comes about.
"""

from __future__ import annotations

import msgspec

from fixoms.domain.commands import OrderTerms
from fixoms.domain.enums import OrdStatus
from fixoms.domain.events import Owner
from fixoms.domain.ids import InstrumentId, OrderId
from fixoms.domain.units import Nanos, Notional, Price, Qty
from fixoms.engine.order import Order
from fixoms.engine.state import Session


class OrderView(msgspec.Struct, frozen=True):
    """An order as it stands. `place` says where it waits, in the words of engine/order.py."""

    order_id: OrderId
    cl_ord_id: str
    owner: Owner
    instrument_id: InstrumentId
    terms: OrderTerms
    status: OrdStatus
    price: Price | None
    stop_px: Price | None
    leaves_qty: Qty
    shown_qty: Qty
    cum_qty: Qty
    notional: Notional
    entered_at: Nanos
    place: str
    triggered: bool
    list_id: str
    cl_ord_link_id: str


class SessionView(msgspec.Struct, frozen=True):
    """A FIX session as the engine knows it."""

    session: str
    participant: str
    connected: bool


def view_order(order: Order) -> OrderView:
    """Copy an order."""
    return OrderView(
        order.order_id,
        order.cl_ord_id,
        order.owner,
        order.listing.instrument_id,
        order.terms,
        order.status,
        order.price,
        order.stop_px,
        order.leaves_qty,
        order.shown_qty,
        order.cum_qty,
        order.notional,
        order.entered_at,
        order.place.name.lower(),
        order.triggered,
        "" if order.group is None else order.group.list_id,
        order.cl_ord_link_id,
    )


def view_session(session: Session) -> SessionView:
    """Copy a session."""
    return SessionView(session.name, session.participant.name, session.connected)
