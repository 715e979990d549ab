"""Records to journal in tests: real commands and events, small ones."""

from fixoms.domain.commands import CancelOrder, Command, EnterOrder, OrderTerms, Origin
from fixoms.domain.enums import (
    CxlRejReason,
    CxlRejResponseTo,
    OrdStatus,
    OrdType,
    Side,
    TimeInForce,
)
from fixoms.domain.events import CancelRejected, CommandDone, Event
from fixoms.domain.ids import NO_ORDER
from fixoms.domain.units import SECOND, Nanos, Price, Qty
from fixoms.journal.entry import Entry, Outbound

ALICE = Origin("ALICE", "BROKER1", "alice", 7)


def order(seq: int) -> Command:
    """An order whose fields depend on `seq`."""
    return EnterOrder(
        origin=ALICE,
        cl_ord_id=f"A{seq}",
        symbol="ACME",
        market="XFOM",
        terms=OrderTerms(
            Side.BUY, OrdType.LIMIT, TimeInForce.DAY, Qty(100 + seq), price=Price(1000 + seq)
        ),
    )


def cancel(seq: int) -> Command:
    return CancelOrder(
        origin=ALICE,
        cl_ord_id=f"C{seq}",
        orig_cl_ord_id=f"A{seq}",
        order_id=NO_ORDER,
        symbol="ACME",
        market="XFOM",
        side=Side.BUY,
    )


def decided(command: Command, seq: int) -> tuple[Event, ...]:
    """What a tiny engine without a book decides."""
    if isinstance(command, CancelOrder):
        return (
            CancelRejected(
                origin=command.origin,
                cl_ord_id=command.cl_ord_id,
                orig_cl_ord_id=command.orig_cl_ord_id,
                order_id=NO_ORDER,
                ord_status=OrdStatus.REJECTED,
                response_to=CxlRejResponseTo.ORDER_CANCEL_REQUEST,
                reason=CxlRejReason.UNKNOWN_ORDER,
                text=f"entry {seq}",
            ),
        )
    return (CommandDone(ALICE, f"entry {seq}"),)


def entry(seq: int) -> Entry:
    """Entry `seq`, always the same for one `seq`."""
    command = cancel(seq) if seq % 3 == 0 else order(seq)
    return Entry(seq, Nanos(seq * SECOND), command, decided(command, seq))


def report(session: str, number: int, *, admin: bool = False) -> Outbound:
    return Outbound(session, number, admin, frame(session, number))


def frame(session: str, number: int) -> bytes:
    return f"8=FIX.4.4|9=5|35=8|49=VENUE|56={session}|34={number}|10=000|".encode()
