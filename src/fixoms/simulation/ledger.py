"""Every order as the wire tells of it: what its reports add up to.

Owns: one order's figures, computed again from ExecutionReports alone, and what is wrong with them.
Must not know: the venue's engine, its events, its units: only FIX fields, as exact decimals.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Final

from fixoms.simulation.client import Heard

TRADE, CORRECT, BUST, STATUS = "F", "G", "H", "I"
NEW, REJECTED = "0", "8"
WORKING: Final = frozenset("012")
"""OrdStatus(39) of an order whose quantity is all either filled or left."""

LIVE: Final = frozenset("01")
AVG_PX_STEP: Final = Decimal("0.00000001")


@dataclass(slots=True)
class Fill:
    """One side of a trade, as it stands."""

    trade_id: str
    qty: Decimal
    price: Decimal
    exec_id: str


@dataclass(slots=True)
class WireOrder:
    """One order from its reports."""

    order_id: str
    client: str
    symbol: str
    side: str
    last: Heard
    fills: dict[str, Fill] = field(default_factory=dict)

    @property
    def cum_qty(self) -> Decimal:
        """Sum of the fills that stand."""
        return sum((each.qty for each in self.fills.values()), Decimal(0))

    @property
    def avg_px(self) -> Decimal:
        """Their average price, rounded as the venue documents it."""
        cum_qty = self.cum_qty
        if not cum_qty:
            return Decimal(0)
        notional = sum(
            (Fraction(each.qty * each.price) for each in self.fills.values()), Fraction()
        )
        exact = notional / Fraction(cum_qty)
        return (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(
            AVG_PX_STEP, ROUND_HALF_EVEN
        )


class Ledger:
    """All orders of all clients."""

    def __init__(self) -> None:
        self.orders: dict[str, WireOrder] = {}
        self.exec_ids: dict[str, str] = {}

    def add(self, client: str, report: Heard) -> Iterator[str]:
        """Take an ExecutionReport(8) the owner's session received; yields what is wrong with it."""
        order_id, exec_type = report.get(37), report.get(150)
        exec_id = report.get(17)
        if exec_id in self.exec_ids:
            yield f"{client}: ExecID(17) {exec_id} is told twice, to {self.exec_ids[exec_id]} first"
            return
        self.exec_ids[exec_id] = client
        if order_id == "NONE":
            if exec_type != REJECTED:
                yield f"{client}: {exec_id} is of no order and is no refusal"
            return
        order = self.orders.get(order_id)
        if order is None:
            order = self.orders[order_id] = WireOrder(
                order_id, client, report.get(55), report.get(54), report
            )
            if exec_type != NEW:
                yield f"{client}: {order_id} begins with ExecType(150) {exec_type}"
        elif exec_type == NEW:
            yield f"{client}: {order_id} is New twice"
        yield from self._trade(order, report, exec_type)
        yield from _figures(order, report)
        order.last = report

    def _trade(self, order: WireOrder, report: Heard, exec_type: str) -> Iterator[str]:
        trade_id = report.get(527)
        if exec_type == TRADE:
            key = f"{trade_id}/{report.get(54)}"
            if key in order.fills:
                yield f"{order.order_id}: trade {trade_id} fills it twice"
            order.fills[key] = Fill(
                trade_id, Decimal(report.get(32)), Decimal(report.get(31)), report.get(17)
            )
        elif exec_type in (CORRECT, BUST):
            key = f"{trade_id}/{report.get(54)}"
            fill = order.fills.get(key)
            if fill is None:
                yield f"{order.order_id}: {exec_type} for trade {trade_id}, which it never had"
            elif report.get(19) != fill.exec_id:
                yield f"{order.order_id}: ExecRefID(19) {report.get(19)}, not {fill.exec_id}"
            if fill is not None and exec_type == BUST:
                del order.fills[key]
            elif fill is not None:
                fill.qty, fill.price = Decimal(report.get(32)), Decimal(report.get(31))
                fill.exec_id = report.get(17)

    def trades(self) -> dict[str, list[tuple[WireOrder, Fill]]]:
        """Both sides of every trade that stands."""
        found: dict[str, list[tuple[WireOrder, Fill]]] = {}
        for order in self.orders.values():
            for fill in order.fills.values():
                found.setdefault(fill.trade_id, []).append((order, fill))
        return found


def _figures(order: WireOrder, report: Heard) -> Iterator[str]:
    cum_qty, leaves_qty = Decimal(report.get(14)), Decimal(report.get(151))
    status = report.get(39)
    where = f"{order.order_id} at {report.get(17)}"
    if cum_qty != order.cum_qty:
        yield f"{where}: CumQty(14) {cum_qty}, the fills are {order.cum_qty}"
    if Decimal(report.get(6)) != order.avg_px:
        yield f"{where}: AvgPx(6) {report.get(6)}, the fills average {order.avg_px}"
    if status in WORKING and cum_qty + leaves_qty != Decimal(report.get(38)):
        yield f"{where}: CumQty(14) {cum_qty} + LeavesQty(151) {leaves_qty} != {report.get(38)}"
    if status not in LIVE and leaves_qty:
        yield f"{where}: LeavesQty(151) {leaves_qty} with OrdStatus(39) {status}"
    if status in LIVE and not leaves_qty:
        yield f"{where}: LeavesQty(151) 0 with OrdStatus(39) {status}"
