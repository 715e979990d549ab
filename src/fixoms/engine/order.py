"""An order and its lifecycle.

Owns: the order's own figures, what its terms mean to the book, and the one table that says which
state follows which event.
Must not know: books, other orders, how an event is reported.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from fixoms.domain.commands import OrderTerms
from fixoms.domain.enums import ExecInst, OrdStatus, OrdType, TimeInForce
from fixoms.domain.events import Owner
from fixoms.domain.ids import OrderId
from fixoms.domain.units import Nanos, Notional, Price, Qty

if TYPE_CHECKING:
    from fixoms.engine.book import Level
    from fixoms.engine.contingency import OrderList
    from fixoms.engine.listing import Listing
    from fixoms.engine.positions import Position


class InvariantError(Exception):
    """The engine found its own state broken. It must stop; no peer can cause this."""


class Happening(StrEnum):
    """What can happen to an order that is in the venue."""

    FILL_PART = "filled in part"
    FILL_REST = "filled to the end"
    REPLACE = "replaced"
    REPLACE_TO_CUM = "replaced to what is filled"
    TRIGGER = "triggered"
    RESTATE = "restated"
    CANCEL = "canceled"
    EXPIRE = "expired"
    BUST_SOME = "a fill busted, others stand"
    BUST_ALL = "every fill busted"
    CORRECT = "a fill corrected"
    CORRECT_DOWN = "a fill corrected to less"


class Step(NamedTuple):
    """One line of the lifecycle. `source` names the matrix of FIX 4.4 Vol. 4 Appendix D."""

    state: OrdStatus
    happening: Happening
    next_state: OrdStatus
    source: str


# Members the busy paths name are bound once: looking one up on its class costs more than the test.
_NEW, _PARTIAL, _FILLED = OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED, OrdStatus.FILLED
_CANCELED, _EXPIRED = OrdStatus.CANCELED, OrdStatus.EXPIRED

LIFECYCLE: Final[tuple[Step, ...]] = (
    Step(_NEW, Happening.FILL_PART, _PARTIAL, "A.1.a"),
    Step(_NEW, Happening.FILL_REST, _FILLED, "A.1.a"),
    Step(_NEW, Happening.REPLACE, _NEW, "C.1.a"),
    Step(_NEW, Happening.TRIGGER, _NEW, "ExecType(150)=L, FIX 5.0"),
    Step(_NEW, Happening.RESTATE, _NEW, "H.1.a"),
    Step(_NEW, Happening.CANCEL, _CANCELED, "B.1.a, I.1.a"),
    Step(_NEW, Happening.EXPIRE, _EXPIRED, "A.1.b"),
    Step(_PARTIAL, Happening.FILL_PART, _PARTIAL, "A.1.a"),
    Step(_PARTIAL, Happening.FILL_REST, _FILLED, "A.1.a"),
    Step(_PARTIAL, Happening.REPLACE, _PARTIAL, "C.1.b"),
    Step(_PARTIAL, Happening.REPLACE_TO_CUM, _FILLED, "C.3.b, C.3.c"),
    Step(_PARTIAL, Happening.TRIGGER, _PARTIAL, "ExecType(150)=L, FIX 5.0"),
    Step(_PARTIAL, Happening.RESTATE, _PARTIAL, "H.1.a"),
    Step(_PARTIAL, Happening.CANCEL, _CANCELED, "B.1.b, I.1.b"),
    Step(_PARTIAL, Happening.EXPIRE, _EXPIRED, "A.1.b"),
    Step(_PARTIAL, Happening.BUST_SOME, _PARTIAL, "J.1.a"),
    Step(_PARTIAL, Happening.BUST_ALL, _NEW, "J.1.a"),
    Step(_PARTIAL, Happening.CORRECT, _PARTIAL, "J.1.a"),
    Step(_PARTIAL, Happening.CORRECT_DOWN, _PARTIAL, "J.1.a"),
    Step(_FILLED, Happening.BUST_SOME, _PARTIAL, "J.1.a"),
    Step(_FILLED, Happening.BUST_ALL, _NEW, "J.1.a"),
    Step(_FILLED, Happening.CORRECT, _FILLED, "J.1.a"),
    Step(_FILLED, Happening.CORRECT_DOWN, _PARTIAL, "J.1.a"),
    Step(_CANCELED, Happening.BUST_SOME, _CANCELED, "J.1.b"),
    Step(_CANCELED, Happening.BUST_ALL, _CANCELED, "J.1.b"),
    Step(_CANCELED, Happening.CORRECT, _CANCELED, "J.1.b"),
    Step(_CANCELED, Happening.CORRECT_DOWN, _CANCELED, "J.1.b"),
    Step(_EXPIRED, Happening.BUST_SOME, _EXPIRED, "J.1.b"),
    Step(_EXPIRED, Happening.BUST_ALL, _EXPIRED, "J.1.b"),
    Step(_EXPIRED, Happening.CORRECT, _EXPIRED, "J.1.b"),
    Step(_EXPIRED, Happening.CORRECT_DOWN, _EXPIRED, "J.1.b"),
)
"""Every order is born NEW (A.1.a) or is refused and never enters (ExecType 8, D.1 and F.1)."""

_NEXT: Final = {(step.state, step.happening): step.next_state for step in LIFECYCLE}


class Place(IntEnum):
    """Where a live order waits."""

    NOWHERE = 0
    """Being worked, or finished."""
    BOOK = 1
    """In the book: at its price, or among the market orders of a call."""
    ARMED = 2
    """Among the triggers, until the market trades at its stop price."""
    PARKED = 3
    """For its auction, or for a price to peg to."""
    HELD = 4
    """For the order of its list that releases it."""
    IDLE = 5
    """For its owner to replace or cancel it, after the operator took a fill back."""


_NOWHERE = Place.NOWHERE
_LIMIT = OrdType.LIMIT
_FILL_OR_KILL = TimeInForce.FILL_OR_KILL
_IMMEDIATE = frozenset((TimeInForce.IMMEDIATE_OR_CANCEL, _FILL_OR_KILL))


class Order:
    """One order in the venue.

    `leaves_qty` is what still works, `shown_qty` the part of it the book shows. `price` and
    `stop_px` are what the book works with now. `rank` is the time priority inside the listing.
    `original` are the terms as first sent, which PossResend(97) is compared with. `position`,
    `held_qty` and `hold_price` say what it reserves (positions.py), `overridden` that limits were
    lifted for it. `prev`, `next`
    and `level` chain the orders of one price level.
    """

    __slots__ = (
        "cl_ord_id",
        "cl_ord_link_id",
        "conditional",
        "cum_qty",
        "entered_as",
        "entered_at",
        "group",
        "held_qty",
        "hold_price",
        "is_buy",
        "leaves_qty",
        "level",
        "listing",
        "next",
        "notional",
        "order_id",
        "original",
        "overridden",
        "owner",
        "peg",
        "place",
        "position",
        "post_only",
        "prev",
        "price",
        "rank",
        "shown_qty",
        "status",
        "stop_px",
        "terms",
        "trailing",
        "triggered",
        "whole",
    )

    def __init__(
        self,
        order_id: OrderId,
        cl_ord_id: str,
        owner: Owner,
        listing: Listing,
        terms: OrderTerms,
        entered_at: Nanos,
    ) -> None:
        self.order_id = order_id
        self.cl_ord_id = cl_ord_id
        self.entered_as = cl_ord_id
        self.owner = owner
        self.listing = listing
        self.entered_at = entered_at
        self.original = terms
        self.status = _NEW
        self.leaves_qty: Qty = terms.qty
        self.cum_qty = Qty(0)
        self.notional = Notional(0)
        self.shown_qty = Qty(0)
        self.place = _NOWHERE
        self.rank = 0
        self.triggered = False
        self.group: OrderList | None = None
        self.cl_ord_link_id = ""
        self.position: Position | None = None
        self.held_qty = 0
        self.hold_price = 0
        self.overridden = False
        self.level: Level | None = None
        self.prev: Order | None = None
        self.next: Order | None = None
        self.set_terms(terms)

    def set_terms(self, terms: OrderTerms) -> None:
        """Take new terms as a whole, and read from them how the order behaves.

        `whole`: all or none. `peg`: what it is pegged to, or None. `trailing`: its stop price
        follows the market. `conditional`: it waits for a trigger before it is worked.
        """
        self.terms = terms
        self.is_buy = terms.side.is_buy
        self.price: Price | None = terms.price
        self.stop_px: Price | None = terms.stop_px
        ord_type = terms.ord_type
        self.conditional = False
        self.trailing = False
        self.whole = False
        self.post_only = False
        self.peg: ExecInst | None = None
        if terms.exec_inst:
            insts = terms.exec_inst.split()
            self.trailing = ExecInst.TRAILING_STOP_PEG in insts
            self.whole = ExecInst.ALL_OR_NONE in insts
            self.post_only = ExecInst.PARTICIPATE_DONT_INITIATE in insts
            if ord_type is OrdType.PEGGED and not self.trailing:
                self.peg = next((peg for peg in PEGS if peg in insts), None)
                self.price = None
        if ord_type is not _LIMIT:
            self.conditional = self.trailing or ord_type in CONDITIONAL

    def apply(self, happening: Happening) -> None:
        """Move to the state the lifecycle gives; a step it does not know is our own fault."""
        state = _NEXT.get((self.status, happening))
        if state is None:
            raise InvariantError(f"order {self.order_id} is {self.status.name}: not {happening}")
        self.status = state

    @property
    def is_live(self) -> bool:
        """Whether the order can still trade."""
        return self.status is _NEW or self.status is _PARTIAL

    @property
    def is_immediate(self) -> bool:
        """Whether what does not trade at once is canceled whatever its price."""
        return self.terms.tif in _IMMEDIATE

    @property
    def is_armed_type(self) -> bool:
        """Whether the order still has to be triggered before it is worked."""
        return self.conditional and not self.triggered

    @property
    def triggers_on_rise(self) -> bool:
        """Whether a trade at or above the stop price triggers it; else one at or below.

        Buy stops and sell touch orders wait for the market to rise, the others for it to fall.
        """
        return self.is_buy is not (self.terms.ord_type is OrdType.MARKET_IF_TOUCHED)

    @property
    def peak_qty(self) -> Qty:
        """What the book may show at once: MaxFloor(111), or all that is left."""
        floor = self.terms.max_floor
        return self.leaves_qty if floor is None or floor > self.leaves_qty else floor

    @property
    def needed_qty(self) -> int:
        """Least quantity that must trade when the order is worked; 0 when any will do.

        All for fill-or-kill and all-or-none, what is missing to MinQty(110) for the others.
        """
        if self.whole or self.terms.tif is _FILL_OR_KILL:
            return self.leaves_qty
        if self.terms.min_qty is not None and self.terms.min_qty > self.cum_qty:
            return min(self.terms.min_qty - self.cum_qty, self.leaves_qty)
        return 0


PEGS: Final = (ExecInst.PRIMARY_PEG, ExecInst.MARKET_PEG, ExecInst.MID_PRICE_PEG)
"""What a pegged order can follow."""

CONDITIONAL: Final = (OrdType.STOP, OrdType.STOP_LIMIT, OrdType.MARKET_IF_TOUCHED)
"""Types that wait for a trigger, besides everything that trails."""
