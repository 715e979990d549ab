"""Events: what the engine decided, complete enough that a reader needs no state of its own.

Owns: the outputs of the engine, which every outlet (ExecutionReports, SQL, MQTT, market data)
renders without asking back.
Must not know: FIX syntax, SQL, MQTT, sessions' sequence numbers.

Sequence and time of an event are those of the journal entry it stands in.
"""

from typing import TypeAlias

import msgspec

from fixoms.domain.commands import OrderTerms, Origin
from fixoms.domain.enums import (
    BusinessRejectReason,
    ContingencyType,
    CxlRejReason,
    CxlRejResponseTo,
    ExecRestatementReason,
    ExecType,
    MassCancelRequestType,
    OrdRejReason,
    OrdStatus,
    Phase,
    SelfTradePrevention,
    Side,
)
from fixoms.domain.ids import NO_TRADE, ExecId, InstrumentId, OrderId, TradeId
from fixoms.domain.instrument import Instrument
from fixoms.domain.limits import (
    Check,
    Limits,
    Profile,
    ProposalState,
    RiskPolicy,
    Scope,
    ShortRule,
)
from fixoms.domain.units import Nanos, Notional, Price, Qty


class Owner(msgspec.Struct, frozen=True, array_like=True):
    """Whose order it is. Orders belong to the participant; `session` is told what happens."""

    session: str
    participant: str
    user: str


class Execution(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """One ExecutionReport(8): a state change of an order, a trade on it, or its status.

    `order_id` is 0 (OrderID NONE) for an order that never entered. `terms` are the order's terms
    after the event; `price` and `stop_px` are what the book works with now (a pegged or trailing
    order moves them), None when the order has none. `notional` is the sum of price x quantity over
    all trades of the order, from which AvgPx(6) is rendered exactly. `last_qty`, `last_px`,
    `trade_id`, `aggressor` and `contra` (the other side's participant) are set on trades, and on
    their busts and corrections. `requester` is the session whose request this answers, empty for
    what nobody asked for; the report goes to it and to the owner's session.
    """

    exec_id: ExecId
    exec_type: ExecType
    ord_status: OrdStatus
    order_id: OrderId
    cl_ord_id: str
    orig_cl_ord_id: str
    owner: Owner
    instrument_id: InstrumentId
    symbol: str
    terms: OrderTerms
    price: Price | None
    stop_px: Price | None
    leaves_qty: Qty
    cum_qty: Qty
    notional: Notional
    entered_at: Nanos
    trading_day: str
    requester: str = ""
    last_qty: Qty = Qty(0)
    last_px: Price | None = None
    trade_id: TradeId = NO_TRADE
    aggressor: bool = False
    contra: str = ""
    ref_exec_id: ExecId = ExecId(0)
    ord_rej_reason: OrdRejReason | None = None
    restatement_reason: ExecRestatementReason | None = None
    text: str = ""
    triggered: bool = False
    list_id: str = ""
    cl_ord_link_id: str = ""
    ord_status_req_id: str = ""
    mass_status_req_id: str = ""
    report_number: int = 0
    report_count: int = 0


class CancelRejected(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """One OrderCancelReject(9). `order_id` is 0 and `ord_status` REJECTED for an unknown order."""

    origin: Origin
    cl_ord_id: str
    orig_cl_ord_id: str
    order_id: OrderId
    ord_status: OrdStatus
    response_to: CxlRejResponseTo
    reason: CxlRejReason
    text: str
    account: str = ""
    symbol: str = ""


class BusinessRejected(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """One BusinessMessageReject(j): the engine will not look at the request at all."""

    origin: Origin
    ref_msg_type: str
    ref_id: str
    reason: BusinessRejectReason
    text: str


class Trade(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """One match. Executions of both sides carry the same trade_id."""

    trade_id: TradeId
    instrument_id: InstrumentId
    symbol: str
    price: Price
    qty: Qty
    aggressor_side: Side | None
    buy_order_id: OrderId
    sell_order_id: OrderId
    buyer: str
    seller: str
    trading_day: str


class TradeBusted(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A trade was taken back."""

    trade_id: TradeId
    instrument_id: InstrumentId
    symbol: str
    price: Price
    qty: Qty
    reason: str


class TradeCorrected(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A trade was changed: before and after."""

    trade_id: TradeId
    instrument_id: InstrumentId
    symbol: str
    old_price: Price
    old_qty: Qty
    price: Price
    qty: Qty
    reason: str


class Level(msgspec.Struct, frozen=True, array_like=True):
    """Visible quantity and order count at one price; quantity 0 says the level is gone."""

    is_bid: bool
    price: Price
    qty: Qty
    orders: int


class BookChanged(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The visible book of one instrument after a command: the levels that changed, and the top.

    At most one per instrument and command. None stands for an empty side.
    """

    instrument_id: InstrumentId
    symbol: str
    levels: tuple[Level, ...]
    bid_px: Price | None
    bid_qty: Qty
    ask_px: Price | None
    ask_qty: Qty


class PhaseChanged(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """An instrument moved from one phase to another."""

    instrument_id: InstrumentId
    symbol: str
    segment: str
    old: Phase
    new: Phase
    reason: str
    origin: Origin


class IndicativeChanged(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Price and volume the uncross would have now; None and 0 when nothing would trade."""

    instrument_id: InstrumentId
    symbol: str
    price: Price | None
    qty: Qty
    surplus_qty: Qty
    surplus_is_bid: bool


class ReferencePriceChanged(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Reference price of collars and auctions."""

    instrument_id: InstrumentId
    symbol: str
    price: Price


class InstrumentDefined(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The record of an instrument, new or changed."""

    instrument: Instrument
    phase: Phase


class ParticipantDefined(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A participant was created or its defaults changed."""

    participant: str
    stp: SelfTradePrevention


class SessionDefined(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A FIX session was bound to its participant."""

    session: str
    participant: str


class SessionStatusChanged(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A FIX session logged on or ended."""

    session: str
    participant: str
    connected: bool
    reason: str = ""


class DayStarted(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The trading day began."""

    trading_day: str


class DayEnded(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The trading day ended; `expired` orders left the book."""

    trading_day: str
    expired: int


class ListedOrderStatus(msgspec.Struct, frozen=True, array_like=True):
    """Where one order of a list stands."""

    cl_ord_id: str
    ord_status: OrdStatus
    cum_qty: Qty
    leaves_qty: Qty
    cxl_qty: Qty
    notional: Notional
    instrument_id: InstrumentId
    ord_rej_reason: OrdRejReason | None = None
    text: str = ""


class ListStatusReported(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """One ListStatus(N). `list_order_status` is ListOrderStatus(431), `status_type` 429."""

    origin: Origin
    list_id: str
    contingency: ContingencyType
    status_type: int
    list_order_status: int
    orders: tuple[ListedOrderStatus, ...]
    text: str = ""


class MassCancelReported(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """One OrderMassCancelReport(r). `reject_reason` is MassCancelRejectReason(532) or None.

    The canceled orders are the `affected` ones: (order id, their ClOrdID).
    """

    origin: Origin
    cl_ord_id: str
    request_type: MassCancelRequestType
    order_id: OrderId
    affected: tuple[tuple[OrderId, str], ...]
    symbol: str = ""
    side: Side | None = None
    reject_reason: int | None = None
    text: str = ""


class CommandDone(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """An operator's command was carried out; `changed` says what, in words."""

    origin: Origin
    changed: str


class CommandRefused(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """An operator's command was refused; nothing changed."""

    origin: Origin
    reason: str


class ProfileDefined(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A role was created or changed."""

    origin: Origin
    before: Profile | None
    after: Profile


class ProfileAssigned(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A role was given or taken away; empty text stands for none."""

    origin: Origin
    scope: Scope
    before: str
    after: str


class LimitsChanged(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The limits of a scope changed. `approved_by` is the second person, empty when none needed."""

    origin: Origin
    scope: Scope
    before: Limits
    after: Limits
    reason: str
    approved_by: str = ""


class RiskPolicyChanged(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """What holds for the whole venue changed."""

    origin: Origin
    before: RiskPolicy
    after: RiskPolicy


class RestrictedChanged(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """An instrument was put on the restricted list of a scope or taken off it."""

    origin: Origin
    instrument_id: InstrumentId
    scope: Scope
    before: bool
    after: bool
    reason: str


class ShortRuleChanged(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Whether an instrument may be sold short changed."""

    origin: Origin
    instrument_id: InstrumentId
    before: ShortRule
    after: ShortRule


class LocateChanged(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """What an account may sell short today changed."""

    origin: Origin
    participant: str
    account: str
    instrument_id: InstrumentId
    before: Qty
    after: Qty
    reason: str


class KillSwitched(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The kill switch of a scope was thrown or lifted; `canceled` resting orders went with it."""

    origin: Origin
    scope: Scope
    killed: bool
    canceled: int
    reason: str


class ProposalChanged(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Something that needs two people waits, was approved or was dismissed."""

    origin: Origin
    proposal_id: int
    state: ProposalState
    proposed_by: str
    text: str


class OverrideGiven(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """One order, named before it comes, may pass the limits."""

    origin: Origin
    session: str
    cl_ord_id: str
    reason: str
    approved_by: str = ""


class RiskOverridden(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """An order passed although a check refused it; `text` is what the check said."""

    owner: Owner
    cl_ord_id: str
    check: Check
    text: str
    approved_by: str


class RiskRefused(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A risk check refused a new order or a replace; the answer to its sender comes besides.

    `limit` and `use` are in the units of the check (millionths of shares or money, basis points, a
    count), 0 where it has none; `use` counts the order in.
    """

    owner: Owner
    cl_ord_id: str
    instrument_id: InstrumentId
    check: Check
    scope: Scope
    limit: int
    use: int
    text: str


class MarketPriceChanged(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A price of an external market arrived."""

    instrument_id: InstrumentId
    symbol: str
    price: Price
    as_of: Nanos
    source: str


class SessionAbused(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A session sent far more than its rate; the gateway disconnects it."""

    session: str
    participant: str
    user: str
    text: str


Event: TypeAlias = (
    Execution
    | CancelRejected
    | BusinessRejected
    | Trade
    | TradeBusted
    | TradeCorrected
    | BookChanged
    | PhaseChanged
    | IndicativeChanged
    | ReferencePriceChanged
    | InstrumentDefined
    | ParticipantDefined
    | SessionDefined
    | SessionStatusChanged
    | DayStarted
    | DayEnded
    | ListStatusReported
    | MassCancelReported
    | CommandDone
    | CommandRefused
    | ProfileDefined
    | ProfileAssigned
    | LimitsChanged
    | RiskPolicyChanged
    | RestrictedChanged
    | ShortRuleChanged
    | LocateChanged
    | KillSwitched
    | ProposalChanged
    | OverrideGiven
    | RiskOverridden
    | RiskRefused
    | MarketPriceChanged
    | SessionAbused
)
