"""Orders bound to each other: one link for OCO, OTO, bracket and one-updates-other.

Owns: a list of orders, which of them work and which are held, and what a fill or the end of one
means to the others.
Must not know: books, how a cancel or a release is carried out.

The rules, decided for every contingency:
- A fill, even a partial one, of one order of a one-cancels-other cancels the others at once, before
  the next trade. Its cancel, expiry or replace leaves the others alone.
- A fill of one order of a one-updates-other takes its quantity off the others at once; one left
  with nothing is canceled. Cancel, expiry and replace of one leave the others alone.
- A one-triggers-other holds its further orders, acknowledged New, until the first is completely
  filled. When the first ends in any other way, what was filled of it included, they are canceled.
- A bracket (one-triggers-OCO) is a one-triggers-other of three whose two held orders are then a
  one-cancels-other.
- Links survive a lost connection, a replace of any member and the end of the day; cancel on
  disconnect treats each order by its own TimeInForce(59).
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from fixoms.domain.enums import ContingencyType, OrdRejReason, OrdStatus
from fixoms.engine.order import Order, Place


class RejectedLeg(NamedTuple):
    """An order of a list that never entered."""

    cl_ord_id: str
    instrument_id: str
    reason: OrdRejReason
    text: str


class OrderList:
    """One NewOrderList(E).

    `orders` in order of ListSeqNo(67); `parent` is the first of them where the others wait for it.
    """

    __slots__ = ("contingency", "list_id", "orders", "parent", "participant", "rejected")

    def __init__(self, list_id: str, participant: str, contingency: ContingencyType) -> None:
        self.list_id = list_id
        self.participant = participant
        self.contingency = contingency
        self.orders: list[Order] = []
        self.parent: Order | None = None
        self.rejected: list[RejectedLeg] = []

    @property
    def triggers(self) -> bool:
        """Whether all but the first order wait for it."""
        return self.contingency in _TRIGGERING

    def add(self, order: Order) -> None:
        """Bind the next order."""
        if self.triggers:
            if self.orders:
                order.place = Place.HELD
            else:
                self.parent = order
        order.group = self
        self.orders.append(order)

    def siblings(self, order: Order) -> list[Order]:
        """The other orders that live and are not held."""
        return [
            each
            for each in self.orders
            if each is not order and each.is_live and each.place is not Place.HELD
        ]

    def held(self) -> list[Order]:
        """The orders that still wait for the first one."""
        return [each for each in self.orders if each.is_live and each.place is Place.HELD]


_TRIGGERING = (ContingencyType.ONE_TRIGGERS_OTHER, ContingencyType.ONE_TRIGGERS_OCO)
_CANCELING = (ContingencyType.ONE_CANCELS_OTHER, ContingencyType.ONE_TRIGGERS_OCO)


class Effect(Enum):
    """What becomes of a linked order."""

    CANCEL = "canceled"
    REDUCE = "reduced"
    RELEASE = "released"


def effects_of_fill(order: Order) -> list[tuple[Effect, Order]]:
    """What a fill of `order` does to the orders bound to it, in their order in the list."""
    group = order.group
    if group is None:
        return []
    if group.contingency in _CANCELING and group.parent is not order:
        return [(Effect.CANCEL, each) for each in group.siblings(order)]
    if group.contingency is ContingencyType.ONE_UPDATES_OTHER:
        return [(Effect.REDUCE, each) for each in group.siblings(order)]
    return []


def effects_of_end(order: Order) -> list[tuple[Effect, Order]]:
    """What the end of `order`, filled or not, does to the orders bound to it."""
    group = order.group
    if group is None or group.parent is not order:
        return []
    effect = Effect.RELEASE if order.status is OrdStatus.FILLED else Effect.CANCEL
    return [(effect, each) for each in group.held()]


def is_exclusive(order: Order) -> bool:
    """Whether a fill of the order takes quantity from the orders bound to it."""
    group = order.group
    if group is None or group.contingency is ContingencyType.ONE_TRIGGERS_OTHER:
        return False
    return group.contingency is not ContingencyType.INDEPENDENT and group.parent is not order
