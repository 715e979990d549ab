"""Reports of a venue as the lines by which a script expects them.

Owns: which terminal is told of a report, and the fields by which it knows it.
Must not know: how a venue decides, the order of a script's lines.
"""

from collections.abc import Sequence

from fixoms.domain.commands import CancelList, CancelOrder, Command, MassCancel, ReplaceOrder
from fixoms.domain.enums import ExecType, OrdStatus
from fixoms.domain.rendering import render_avg_px

from .report import Report
from .spoken import PRICE_DECIMALS, Pair, fields, px, spoken_line

_NOT_FOR_CLIENTS = frozenset({"PHASE_CHANGED", "INDICATIVE", "DAY_ENDED", "REFUSED"})
_OF_A_TRADE = frozenset({"TRADE", "TRADE_CANCEL", "TRADE_CORRECT"})


def terminals(command: Command, report: Report, reports: Sequence[Report]) -> tuple[str, ...]:
    """Who is told of a report on a command: nobody, one session, or two of one participant.

    A session that asks about an order of its sister is told what became of it, and so is the
    sister.
    """
    if report.kind in _NOT_FOR_CLIENTS:
        return ()
    asker = command.origin.session
    if report.kind == "ORDER_STATUS":
        return (asker,)
    if asker and asker != report.who and _is_asked_for(command, report, reports):
        return (report.who, asker)
    return (report.who,)


def _is_asked_for(command: Command, report: Report, reports: Sequence[Report]) -> bool:
    match command:
        case CancelOrder():
            return report.kind == "CANCELED" and report.cl_ord_id == command.cl_ord_id
        case ReplaceOrder():
            return report.kind == "REPLACED" and report.cl_ord_id == command.cl_ord_id
        case MassCancel():
            names = [one.orig.split(",") for one in reports if one.kind == "MASS_CANCEL_REPORTED"]
            return report.kind == "CANCELED" and report.cl_ord_id in names[0]
        case _:
            # Lists of a sister are asked about only when they are of independent orders.
            return report.kind == "CANCELED" and isinstance(command, CancelList)


def told(terminal: str, report: Report, command: Command) -> list[str]:
    """The line that expects a report, after a comment on what it leaves open."""
    match report.kind:
        case "CANCEL_REJECTED":
            return _told(
                terminal,
                "OrderCancelReject",
                [
                    ("ClOrdID", report.cl_ord_id),
                    ("OrigClOrdID", report.orig or "NONE"),
                    ("OrdStatus", OrdStatus[report.status]),
                ],
                ("CxlRejReason", report),
            )
        case "BUSINESS_REJECTED":
            pairs: list[Pair] = [("BusinessRejectRefID", report.cl_ord_id)]
            message = "BusinessMessageReject"
            return _told(terminal, message, pairs, ("BusinessRejectReason", report))
        case "MASS_CANCEL_REPORTED":
            return _told_mass_cancel(terminal, report, command)
        case "LIST_STATUS":
            return [_told_list(terminal, report)]
        case _:
            pairs = _execution(report)
            return _told(terminal, "ExecutionReport", pairs, ("OrdRejReason", report))


def _told(terminal: str, message: str, pairs: list[Pair], reason: tuple[str, Report]) -> list[str]:
    name, report = reason
    numbers = sorted(one if isinstance(one, int) else one.value for one in report.reasons)
    if not numbers:
        return [spoken_line(terminal, "<", message, pairs)]
    if len(numbers) == 1:
        return [spoken_line(terminal, "<", message, [*pairs, (name, numbers[0])])]
    choices = " or ".join(fields([(name, number)]) for number in numbers)
    return [f"# {choices}", spoken_line(terminal, "<", message, [*pairs, (name, "*")])]


def _execution(report: Report) -> list[Pair]:
    pairs: list[Pair] = [
        ("ClOrdID", report.cl_ord_id or "-"),
        ("OrigClOrdID", report.orig or None),
        ("ExecType", ExecType[report.kind]),
        ("OrdStatus", OrdStatus[report.status]),
    ]
    if report.kind in _OF_A_TRADE:
        pairs += [
            ("LastQty", report.last_qty),
            ("LastPx", "-" if report.last_px is None else px(report.last_px)),
            ("LastLiquidityInd", 2 if report.aggressor else 1),
        ]
    if report.kind != "REJECTED":
        # A refused order's terms come back as they were sent; these are the venue's own.
        pairs += [
            ("OrderQty", report.order_qty or None),
            ("Price", "-" if report.price is None else px(report.price)),
            ("StopPx", "-" if report.stop_px is None else px(report.stop_px)),
        ]
    return [
        *pairs,
        ("LeavesQty", report.leaves),
        ("CumQty", report.cum),
        ("AvgPx", render_avg_px(report.notional, report.cum, PRICE_DECIMALS)),
    ]


def _told_mass_cancel(terminal: str, report: Report, command: Command) -> list[str]:
    names = [name for name in report.orig.split(",") if name]
    kind = command.request_type if isinstance(command, MassCancel) else "*"
    pairs: list[Pair] = [
        ("ClOrdID", report.cl_ord_id),
        ("MassCancelResponse", "0" if report.reasons else kind),
        ("TotalAffectedOrders", None if report.reasons else len(names)),
    ]
    lines = [f"# canceled, in any order: {' '.join(names)}"] if names else []
    message = "OrderMassCancelReport"
    return [*lines, *_told(terminal, message, pairs, ("MassCancelRejectReason", report))]


def _told_list(terminal: str, report: Report) -> str:
    orders = [one.split(":") for one in report.orig.split()]
    head: list[Pair] = [
        ("ListID", report.cl_ord_id),
        ("TotNoOrders", len(orders)),
        ("NoOrders", len(orders)),
    ]
    legs = [
        fields(
            [
                ("ClOrdID", name),
                ("OrdStatus", OrdStatus[status]),
                ("CumQty", cum),
                ("LeavesQty", leaves),
            ]
        )
        for name, status, cum, leaves in orders
    ]
    line = spoken_line(terminal, "<", "ListStatus", head)
    return " ".join([line, *(f"[{leg}]" for leg in legs)])
