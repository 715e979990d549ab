"""Moments the engine waits for: the ExpireTime(126) of its orders.

Owns: which order expires next.
Must not know: what time it is; AdvanceTime tells the engine.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from fixoms.domain.units import Nanos
from fixoms.engine.order import Order

_SLACK = 64


class Expiries:
    """Live orders by their ExpireTime(126).

    An order that ends or changes earlier leaves a dead entry behind; dead entries are swept out
    when they outnumber the live ones, so that memory follows the live orders.
    """

    __slots__ = ("_heap", "_swept_len")

    def __init__(self) -> None:
        self._heap: list[tuple[Nanos, int, Order]] = []
        self._swept_len = 0

    def watch(self, order: Order) -> None:
        """Wait for the order's ExpireTime(126), if it has one."""
        when = order.terms.expire_time
        if when is None:
            return
        heappush(self._heap, (when, order.order_id, order))
        if len(self._heap) > 2 * self._swept_len + _SLACK:
            self._heap = sorted(
                {entry[:2]: entry for entry in self._heap if _waits(entry)}.values()
            )
            heapify(self._heap)
            self._swept_len = len(self._heap)

    @property
    def next(self) -> Nanos | None:
        """The earliest moment an order waits for."""
        while self._heap and not _waits(self._heap[0]):
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop_due(self, time: Nanos) -> Order | None:
        """Take out the next order whose moment has come."""
        when = self.next
        return heappop(self._heap)[2] if when is not None and when <= time else None


def _waits(entry: tuple[Nanos, int, Order]) -> bool:
    when, _, order = entry
    return order.is_live and order.terms.expire_time == when
