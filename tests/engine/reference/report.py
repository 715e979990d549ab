"""What a decision looks like to a client: the form in which two venues are compared.

Owns: `Report`, the engine's events read as reports, and when two reports agree.
Must not know: how either venue came to its decision.
"""

from collections.abc import Iterable
from typing import NamedTuple

from fixoms.domain.enums import BusinessRejectReason, CxlRejReason, ExecType, OrdRejReason
from fixoms.domain.events import (
    BusinessRejected,
    CancelRejected,
    CommandRefused,
    DayEnded,
    Event,
    Execution,
    IndicativeChanged,
    ListStatusReported,
    MassCancelReported,
    PhaseChanged,
)

Reason = OrdRejReason | CxlRejReason | BusinessRejectReason | int


class Report(NamedTuple):
    """One decision. `reasons` holds every reject reason the rules allow; the engine names one.

    `kind` is the name of the ExecType, or of the event where it is no Execution. `who` is the
    session told, `leaves` to `last_px` as in the Execution.
    """

    kind: str
    who: str = ""
    cl_ord_id: str = ""
    orig: str = ""
    status: str = ""
    order_qty: int = 0
    price: int | None = None
    stop_px: int | None = None
    leaves: int = 0
    cum: int = 0
    notional: int = 0
    last_qty: int = 0
    last_px: int | None = None
    aggressor: bool = False
    reasons: frozenset[Reason] = frozenset()

    def __str__(self) -> str:
        """The fields that are set, for a reader of a failed comparison."""
        named = zip(self._fields, self, strict=True)
        return " ".join(f"{name}={value}" for name, value in named if value or value == 0)


def _read_execution(event: Execution) -> Report:
    kind = event.exec_type.name
    refused = event.exec_type is ExecType.REJECTED
    return Report(
        kind,
        event.owner.session,
        event.cl_ord_id,
        "" if refused else event.orig_cl_ord_id,
        event.ord_status.name,
        0 if refused else event.terms.qty,
        None if refused else event.price,
        None if refused else event.stop_px,
        event.leaves_qty,
        event.cum_qty,
        event.notional,
        event.last_qty,
        event.last_px,
        event.aggressor,
        frozenset() if event.ord_rej_reason is None else frozenset({event.ord_rej_reason}),
    )


def read_events(events: Iterable[Event]) -> list[Report]:
    """The reports in the events of one command; the trades appear as Executions of both sides.

    Left out: what only repeats the Executions (Trade, BookChanged) or is not an order's matter.
    """
    reports = []
    for event in events:
        match event:
            case Execution():
                reports.append(_read_execution(event))
            case CancelRejected():
                reports.append(
                    Report(
                        "CANCEL_REJECTED",
                        event.origin.session,
                        event.cl_ord_id,
                        event.orig_cl_ord_id,
                        event.ord_status.name,
                        reasons=frozenset({event.reason}),
                    )
                )
            case BusinessRejected():
                reports.append(
                    Report(
                        "BUSINESS_REJECTED",
                        event.origin.session,
                        event.ref_id,
                        reasons=frozenset({event.reason}),
                    )
                )
            case MassCancelReported():
                canceled = ",".join(sorted(name for _, name in event.affected))
                reasons = () if event.reject_reason is None else (event.reject_reason,)
                reports.append(
                    Report(
                        "MASS_CANCEL_REPORTED",
                        event.origin.session,
                        event.cl_ord_id,
                        canceled,
                        reasons=frozenset(reasons),
                    )
                )
            case ListStatusReported():
                states = " ".join(
                    f"{one.cl_ord_id}:{one.ord_status.name}:{one.cum_qty}:{one.leaves_qty}"
                    for one in event.orders
                )
                reports.append(Report("LIST_STATUS", event.origin.session, event.list_id, states))
            case PhaseChanged():
                reports.append(Report("PHASE_CHANGED", event.instrument_id, status=event.new.name))
            case IndicativeChanged():
                reports.append(
                    Report(
                        "INDICATIVE",
                        event.instrument_id,
                        last_px=event.price,
                        last_qty=event.qty,
                        leaves=event.surplus_qty,
                        aggressor=event.surplus_qty > 0 and event.surplus_is_bid,
                    )
                )
            case DayEnded():
                reports.append(Report("DAY_ENDED", event.trading_day, cum=event.expired))
            case CommandRefused():
                reports.append(Report("REFUSED"))
            case _:
                continue
    return reports


def agree(expected: Report, got: Report) -> bool:
    """Whether the engine's report is one the rules allow."""
    if expected._replace(reasons=frozenset()) != got._replace(reasons=frozenset()):
        return False
    return got.reasons <= expected.reasons and bool(got.reasons) == bool(expected.reasons)
