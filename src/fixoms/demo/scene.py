"""The scene of the demo: who does what, and what must come of it.

Owns: the steps, as a trader would say them.
Must not know: sockets, screens. `terminal.py` turns a step into FIX and waits for the answer.

Three brokers meet in ACME. BOB and CAROL offer, ALICE bids; ALICE then takes both offers with one
order that fills in two parts against two counterparties and keeps bidding for the rest; she
replaces one order and cancels another; an order off the tick is refused with its reason.
"""

from dataclasses import dataclass
from typing import Final

SYMBOL: Final = "ACME"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A report that must arrive before the scene goes on.

    `status` is the OrdStatus(39) as a word and `filled` the CumQty(14).
    """

    who: str
    cl_ord_id: str
    status: str
    filled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Enter:
    """NewOrderSingle(D), a limit order."""

    who: str
    cl_ord_id: str
    is_buy: bool
    qty: int
    price: str
    expected: tuple[Expected, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replace:
    """OrderCancelReplaceRequest(G)."""

    who: str
    cl_ord_id: str
    orig_cl_ord_id: str
    is_buy: bool
    qty: int
    price: str
    expected: tuple[Expected, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """OrderCancelRequest(F)."""

    who: str
    cl_ord_id: str
    orig_cl_ord_id: str
    is_buy: bool
    qty: int
    expected: tuple[Expected, ...]


Step = Enter | Replace | Cancel


def _expect(who: str, cl_ord_id: str, status: str, filled: int = 0) -> Expected:
    return Expected(who=who, cl_ord_id=cl_ord_id, status=status, filled=filled)


SCENE: Final[tuple[tuple[str, Step], ...]] = (
    (
        "BOB offers; the order rests in the empty book",
        Enter(
            who="BOB",
            cl_ord_id="B1",
            is_buy=False,
            qty=300,
            price="10.05",
            expected=(_expect("BOB", "B1", "new"),),
        ),
    ),
    (
        "CAROL offers a cent higher",
        Enter(
            who="CAROL",
            cl_ord_id="C1",
            is_buy=False,
            qty=200,
            price="10.06",
            expected=(_expect("CAROL", "C1", "new"),),
        ),
    ),
    (
        "ALICE bids below",
        Enter(
            who="ALICE",
            cl_ord_id="A1",
            is_buy=True,
            qty=100,
            price="9.95",
            expected=(_expect("ALICE", "A1", "new"),),
        ),
    ),
    (
        "ALICE crosses: two fills against two brokers, best price first; the rest stays as a bid",
        Enter(
            who="ALICE",
            cl_ord_id="A2",
            is_buy=True,
            qty=600,
            price="10.06",
            expected=(
                _expect("ALICE", "A2", "partially-filled", 500),
                _expect("BOB", "B1", "filled", 300),
                _expect("CAROL", "C1", "filled", 200),
            ),
        ),
    ),
    (
        "ALICE replaces her first bid: more, and higher",
        Replace(
            who="ALICE",
            cl_ord_id="A3",
            orig_cl_ord_id="A1",
            is_buy=True,
            qty=150,
            price="9.98",
            expected=(_expect("ALICE", "A3", "new"),),
        ),
    ),
    (
        "ALICE cancels what is left of the big order",
        Cancel(
            who="ALICE",
            cl_ord_id="A4",
            orig_cl_ord_id="A2",
            is_buy=True,
            qty=600,
            expected=(_expect("ALICE", "A4", "canceled", 500),),
        ),
    ),
    (
        "BOB sends a price finer than the tick",
        Enter(
            who="BOB",
            cl_ord_id="B2",
            is_buy=False,
            qty=50,
            price="10.005",
            expected=(_expect("BOB", "B2", "rejected"),),
        ),
    ),
    (
        "CAROL hits ALICE's bid with a small order",
        Enter(
            who="CAROL",
            cl_ord_id="C2",
            is_buy=False,
            qty=80,
            price="9.98",
            expected=(
                _expect("CAROL", "C2", "filled", 80),
                _expect("ALICE", "A3", "partially-filled", 80),
            ),
        ),
    ),
    (
        "BOB and CAROL offer again, at one price",
        Enter(
            who="BOB",
            cl_ord_id="B3",
            is_buy=False,
            qty=120,
            price="10.04",
            expected=(_expect("BOB", "B3", "new"),),
        ),
    ),
    (
        "",
        Enter(
            who="CAROL",
            cl_ord_id="C3",
            is_buy=False,
            qty=250,
            price="10.04",
            expected=(_expect("CAROL", "C3", "new"),),
        ),
    ),
)
"""Each step with its caption; an empty caption belongs to the step before."""
