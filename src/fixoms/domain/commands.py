"""Commands: everything that may change the venue, as values the journal keeps.

Owns: the inputs of the engine. Timers, phases, lost connections and operator actions are commands
like orders are, so that a replay of them gives the same venue again.
Must not know: FIX syntax (gateway/inbound.py translates), how a command is decided.

A command is sequenced by the gateway: its sequence and time travel beside it in the journal entry
and in `Engine.handle(command, seq, time)`. It carries who sent it.
"""

from typing import TypeAlias

import msgspec

from fixoms.domain.enums import (
    ContingencyType,
    InstrumentStatus,
    MassCancelRequestType,
    MassStatusReqType,
    OrdRejReason,
    OrdType,
    Phase,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from fixoms.domain.ids import InstrumentId, OrderId, TradeId
from fixoms.domain.instrument import Instrument
from fixoms.domain.limits import (
    ALL,
    Limits,
    Profile,
    RiskPolicy,
    Scope,
    ShortRule,
)
from fixoms.domain.units import Nanos, Price, Qty


class Origin(msgspec.Struct, frozen=True, array_like=True):
    """Who sent a command.

    `session` names the FIX session (its CompID as config knows it) and is empty for commands the
    venue or an operator gives itself; `msg_seq_num` is the inbound MsgSeqNum(34), 0 when none.
    """

    session: str
    participant: str
    user: str
    msg_seq_num: int = 0


VENUE = Origin(session="", participant="", user="venue")
"""Origin of what the venue does by itself: timers, schedule, start of day."""


class OrderTerms(msgspec.Struct, frozen=True, array_like=True):
    """What the client asked for; immutable, replaced as a whole by a replace.

    Prices and quantities are in the instrument's units and already inside PRICE_MAX and QTY_MAX.
    `exec_inst` is the wire text of ExecInst(18) (`"6"`, `"G a"`). `peg_offset` is
    PegOffsetValue(211), signed, in price units. `expire_time` is ExpireTime(126), `expire_date`
    ExpireDate(432) as `YYYYMMDD`. `client` is the party behind the order, `echo` the further
    fields (tag, value) that every report on the order repeats as they came. `located` says that the
    broker has located what it sells short (LocateReqd(114)=N). `parties` is the Parties group as it
    came, its NoPartyIDs(453) first.
    """

    side: Side
    ord_type: OrdType
    tif: TimeInForce
    qty: Qty
    price: Price | None = None
    stop_px: Price | None = None
    max_floor: Qty | None = None
    min_qty: Qty | None = None
    exec_inst: str = ""
    peg_offset: int | None = None
    expire_time: Nanos | None = None
    expire_date: str = ""
    stp: SelfTradePrevention = SelfTradePrevention.PARTICIPANT_DEFAULT
    account: str = ""
    client: str = ""
    echo: tuple[tuple[int, str], ...] = ()
    located: bool = False
    parties: tuple[tuple[int, str], ...] = ()


class Refusal(msgspec.Struct, frozen=True, array_like=True):
    """Why an order cannot be expressed in the venue's integers or enums at all.

    The gateway finds it (a price between two units, a side the venue does not trade); the engine
    answers it, so that a refused order has its ExecID(17) and its place in the journal like any
    other. The offending wire values travel in `OrderTerms.echo`, the typed field is then 0 or the
    nearest member.
    """

    reason: OrdRejReason
    text: str


class _Command(msgspec.Struct, frozen=True, array_like=True, tag=True):
    origin: Origin


class EnterOrder(_Command, frozen=True):
    """NewOrderSingle(D). `market` empty means the default market of the symbol."""

    cl_ord_id: str
    symbol: str
    market: str
    terms: OrderTerms
    poss_resend: bool = False
    refusal: Refusal | None = None


class ReplaceOrder(_Command, frozen=True):
    """OrderCancelReplaceRequest(G). `terms.qty` is the total, filled part included.

    `side` and `symbol` of the request must agree with the order; a None in `terms.price` keeps
    nothing: the terms replace the old ones as a whole. `order_id` is OrderID(37) when given.
    Without `names_side` the side of the terms says nothing and the order keeps its own.
    """

    cl_ord_id: str
    orig_cl_ord_id: str
    order_id: OrderId
    symbol: str
    market: str
    terms: OrderTerms
    refusal: Refusal | None = None
    names_side: bool = True


class CancelOrder(_Command, frozen=True):
    """OrderCancelRequest(F), by OrigClOrdID(41) or, when that is empty, by OrderID(37)."""

    cl_ord_id: str
    orig_cl_ord_id: str
    order_id: OrderId
    symbol: str
    market: str
    side: Side


class RequestStatus(_Command, frozen=True):
    """OrderStatusRequest(H). Answered by an Execution of ExecType I; changes nothing."""

    cl_ord_id: str
    order_id: OrderId
    symbol: str
    market: str
    side: Side
    ord_status_req_id: str = ""


class ListedOrder(msgspec.Struct, frozen=True, array_like=True):
    """One order of a NewOrderList(E)."""

    cl_ord_id: str
    list_seq_no: int
    symbol: str
    market: str
    terms: OrderTerms
    cl_ord_link_id: str = ""
    refusal: Refusal | None = None


class EnterList(_Command, frozen=True):
    """NewOrderList(E): independent orders, or orders bound by a contingency."""

    list_id: str
    contingency: ContingencyType
    orders: tuple[ListedOrder, ...]


class CancelList(_Command, frozen=True):
    """ListCancelRequest(K)."""

    list_id: str


class RequestListStatus(_Command, frozen=True):
    """ListStatusRequest(M)."""

    list_id: str


class MassCancel(_Command, frozen=True):
    """OrderMassCancelRequest(q). Empty text and None narrow nothing."""

    cl_ord_id: str
    request_type: MassCancelRequestType
    symbol: str = ""
    market: str = ""
    segment: str = ""
    side: Side | None = None
    account: str = ""


class RequestMassStatus(_Command, frozen=True):
    """OrderMassStatusRequest(AF). `client` is the party whose orders are meant, empty for all."""

    mass_status_req_id: str
    request_type: MassStatusReqType
    symbol: str = ""
    market: str = ""
    segment: str = ""
    side: Side | None = None
    account: str = ""
    client: str = ""


class SessionOpened(_Command, frozen=True):
    """A FIX session logged on."""


class SessionClosed(_Command, frozen=True):
    """A FIX session ended: by Logout, or by loss of the connection."""

    logged_out: bool
    reason: str = ""


class DefineParticipant(_Command, frozen=True):
    """Create a participant (broker) or change its defaults."""

    participant: str
    stp: SelfTradePrevention = SelfTradePrevention.NONE


class CancelOnDisconnect(msgspec.Struct, frozen=True, array_like=True):
    """When the orders of a session are canceled with its connection.

    GTC and GTD orders are excepted unless `good_till` is set.
    """

    on_loss: bool = False
    on_logout: bool = False
    good_till: bool = False


class DefineSession(_Command, frozen=True):
    """Bind a FIX session to its participant and set its policies."""

    session: str
    participant: str
    cancel_on_disconnect: CancelOnDisconnect = CancelOnDisconnect()


class DefineInstrument(_Command, frozen=True):
    """List an instrument or change its record (tick table, bands, bounds)."""

    instrument: Instrument
    phase: Phase = Phase.CONTINUOUS


class SetInstrumentStatus(_Command, frozen=True):
    """Suspend, resume or delist an instrument. Delisting cancels its orders."""

    instrument_id: InstrumentId
    status: InstrumentStatus
    reason: str = ""


class SetPhase(_Command, frozen=True):
    """Move an instrument (`scope` its id) or a whole segment (`scope` its name) to a phase."""

    scope: str
    phase: Phase
    reason: str = ""


class SetReferencePrice(_Command, frozen=True):
    """Set the reference price of collars and auctions, in price units."""

    instrument_id: InstrumentId
    price: Price


class StartDay(_Command, frozen=True):
    """Open the trading day `YYYYMMDD`."""

    trading_day: str


class EndDay(_Command, frozen=True):
    """End the trading day: Day and due GTD orders expire, GTC orders live on."""


class CancelByOperator(_Command, frozen=True):
    """Cancel one order (`order_id`), or all orders that match the other fields."""

    reason: str
    order_id: OrderId = OrderId(0)
    participant: str = ""
    instrument_id: InstrumentId = InstrumentId("")


class BustTrade(_Command, frozen=True):
    """Take a trade back (ExecType H to both sides)."""

    trade_id: TradeId
    reason: str


class CorrectTrade(_Command, frozen=True):
    """Change price or quantity of a trade (ExecType G to both sides)."""

    trade_id: TradeId
    price: Price
    qty: Qty
    reason: str


class AdvanceTime(_Command, frozen=True):
    """Time has reached a moment the engine asked for (`Engine.next_timer`)."""


class DefineProfile(_Command, frozen=True):
    """Create a role or change what it may do; holds at once for everybody who has it."""

    profile: Profile


class AssignProfile(_Command, frozen=True):
    """Give a session, a user or a whole participant a role; an empty `profile` takes it away.

    From the first assignment under a participant on, whoever of it has no role may do nothing.
    """

    scope: Scope
    profile: str


class SetLimits(_Command, frozen=True):
    """Set the limits of a scope as a whole; `Limits()` removes them.

    A raise above the bound of the policy becomes a proposal that a second risk manager approves.
    """

    scope: Scope
    limits: Limits
    reason: str = ""


class SetRiskPolicy(_Command, frozen=True):
    """Set what holds for the whole venue."""

    policy: RiskPolicy
    reason: str = ""


class SetRestricted(_Command, frozen=True):
    """Put an instrument on the restricted list, for everybody or for one scope, or take it off."""

    instrument_id: InstrumentId
    restricted: bool
    scope: Scope = ALL
    reason: str = ""


class SetShortRule(_Command, frozen=True):
    """Say whether an instrument may be sold short."""

    instrument_id: InstrumentId
    rule: ShortRule


class SetLocate(_Command, frozen=True):
    """Say how much an account may sell short today of an instrument that needs a locate."""

    participant: str
    account: str
    instrument_id: InstrumentId
    qty: Qty
    reason: str = ""


class Kill(_Command, frozen=True):
    """Stop new orders and replaces that add risk; cancels still pass. Holds until `Unkill`."""

    scope: Scope
    cancel_resting: bool
    reason: str


class Unkill(_Command, frozen=True):
    """Lift the kill switch; only a named person may."""

    scope: Scope
    reason: str


class OverrideOrder(_Command, frozen=True):
    """Let one order, named before it is sent, pass the limits once.

    The kill switch and permissions are not overridden. Waits for a second risk manager where the
    policy asks for four eyes; is forgotten when the next trading day starts.
    """

    session: str
    cl_ord_id: str
    reason: str


class ApproveProposal(_Command, frozen=True):
    """Carry out what another person proposed."""

    proposal_id: int


class DismissProposal(_Command, frozen=True):
    """Drop a proposal; its author may."""

    proposal_id: int
    reason: str = ""


class SetMarketPrice(_Command, frozen=True):
    """A price of an external market, for collars and margin. `as_of` is the source's own time."""

    instrument_id: InstrumentId
    price: Price
    as_of: Nanos
    source: str


Command: TypeAlias = (
    EnterOrder
    | ReplaceOrder
    | CancelOrder
    | RequestStatus
    | EnterList
    | CancelList
    | RequestListStatus
    | MassCancel
    | RequestMassStatus
    | SessionOpened
    | SessionClosed
    | DefineParticipant
    | DefineSession
    | DefineInstrument
    | SetInstrumentStatus
    | SetPhase
    | SetReferencePrice
    | StartDay
    | EndDay
    | CancelByOperator
    | BustTrade
    | CorrectTrade
    | AdvanceTime
    | DefineProfile
    | AssignProfile
    | SetLimits
    | SetRiskPolicy
    | SetRestricted
    | SetShortRule
    | SetLocate
    | Kill
    | Unkill
    | OverrideOrder
    | ApproveProposal
    | DismissProposal
    | SetMarketPrice
)
