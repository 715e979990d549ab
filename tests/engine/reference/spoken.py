"""Commands of a stream in the words of the script language: what a terminal or an operator says.

Owns: the message or the operator's words of each command, and why some commands cannot be said.
Must not know: how a venue decides, what it answers.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from fixoms.domain.commands import (
    BustTrade,
    CancelByOperator,
    CancelList,
    CancelOrder,
    Command,
    CorrectTrade,
    EndDay,
    EnterList,
    EnterOrder,
    MassCancel,
    OrderTerms,
    ReplaceOrder,
    RequestListStatus,
    RequestMassStatus,
    RequestStatus,
    SessionClosed,
    SessionOpened,
    SetInstrumentStatus,
    SetPhase,
    SetReferencePrice,
    StartDay,
)
from fixoms.domain.enums import (
    ContingencyType,
    ExecInst,
    InstrumentStatus,
    OrdType,
    SelfTradePrevention,
    TimeInForce,
)
from fixoms.domain.instrument import render_units
from fixoms.domain.rendering import render_order_id, render_trade_id
from fixoms.domain.units import SECOND, Nanos
from fixoms.replay.script import quote
from fixoms.replay.vocabulary import fix44

from .world import SESSIONS

Pair: TypeAlias = tuple[str, object]
Lists: TypeAlias = Mapping[str, EnterList]
"""The lists said so far, by ListID(66)."""

PRICE_DECIMALS = 2
_STATUS_WORDS = {
    InstrumentStatus.ACTIVE: "activate",
    InstrumentStatus.SUSPENDED: "suspend",
    InstrumentStatus.DELISTED: "delist",
}
_NEEDS_PRICE = frozenset({OrdType.LIMIT, OrdType.STOP_LIMIT})
_NEEDS_STOP_PX = frozenset({OrdType.STOP, OrdType.STOP_LIMIT, OrdType.MARKET_IF_TOUCHED})


def px(value: int) -> str:
    """A price as both instruments of the tiny world write it."""
    return render_units(value, PRICE_DECIMALS)


def fields(pairs: Iterable[Pair]) -> str:
    """Fields as a script writes them; None leaves a field out, wire values become their names."""
    return " ".join(
        f"{name}={_word(name, str(value))}" for name, value in pairs if value is not None
    )


def _word(name: str, wire: str) -> str:
    named = fix44().value_name(fix44().field(name)[0], wire.encode())
    if named is not None:
        return named
    return quote(wire) if " " in wire else wire


def spoken_line(terminal: str, arrow: str, message: str, pairs: Iterable[Pair]) -> str:
    """One line of a conversation."""
    return f"{terminal} {arrow} {message:<20} {fields(pairs)}"


def unsaid(command: Command, lists: Lists) -> str:
    """Why nobody can say this command in a script; empty when somebody can."""
    origin = command.origin
    match command:
        case SessionOpened() | SessionClosed():
            pass
        case _ if origin.session and origin.session not in SESSIONS:
            return f"{origin.session} is no session of the venue"
        case RequestStatus(cl_ord_id=""):
            return "OrderStatusRequest(H) requires ClOrdID(11)"
        case EnterOrder(terms=terms) | ReplaceOrder(terms=terms):
            return _lacks(terms)
        case EnterList(orders=legs):
            return next(filter(None, (_lacks(leg.terms) for leg in legs)), "")
        case MassCancel() if command.account:
            return "OrderMassCancelRequest(q) has no Account(1) in FIX 4.4"
        case MassCancel() if any(_bound_by_a_sister(command, one) for one in lists.values()):
            return "the reports do not say which cancels of a bound list the asker is told of too"
        case CancelList(list_id=name) if name in lists and _bound_by_a_sister(command, lists[name]):
            return "the reports do not say which cancels of a bound list the asker is told of too"
        case _:
            pass
    return ""


def _bound_by_a_sister(command: Command, entered: EnterList) -> bool:
    ours, other = command.origin, entered.origin
    sisters = ours.participant == other.participant and ours.session != other.session
    return sisters and entered.contingency is not ContingencyType.INDEPENDENT


def _lacks(terms: OrderTerms) -> str:
    """The conditionally required field without which the gateway lets no order through."""
    trailing = ExecInst.TRAILING_STOP_PEG in terms.exec_inst.split()
    kind = terms.ord_type
    lacking = ""
    if kind in _NEEDS_PRICE and terms.price is None and not trailing:
        lacking = "Price(44)"
    elif kind in _NEEDS_STOP_PX and terms.stop_px is None and not trailing:
        lacking = "StopPx(99)"
    elif trailing and terms.peg_offset is None:
        lacking = "PegOffsetValue(211)"
    elif kind is OrdType.PEGGED and not terms.exec_inst:
        lacking = "ExecInst(18)"
    return lacking and f"the gateway lets no such order through without {lacking}"


def said(command: Command) -> str:
    """The line of a command that is no end of a session; its `unsaid` must be empty."""
    terminal = command.origin.session
    match command:
        case EnterOrder():
            pairs = [
                ("ClOrdID", command.cl_ord_id),
                *_order(command.symbol, command.terms),
                ("PossResend", "Y" if command.poss_resend else None),
            ]
            return spoken_line(terminal, ">", "NewOrderSingle", pairs)
        case ReplaceOrder():
            pairs = [
                ("ClOrdID", command.cl_ord_id),
                ("OrigClOrdID", command.orig_cl_ord_id),
                *_order(command.symbol, command.terms),
            ]
            return spoken_line(terminal, ">", "OrderCancelReplaceRequest", pairs)
        case CancelOrder():
            pairs = [
                ("ClOrdID", command.cl_ord_id),
                ("OrigClOrdID", command.orig_cl_ord_id),
                ("Symbol", command.symbol),
                ("Side", command.side),
                # A cancel must have a quantity and means none by it.
                ("OrderQty", 1),
            ]
            return spoken_line(terminal, ">", "OrderCancelRequest", pairs)
        case RequestStatus():
            pairs = [
                ("ClOrdID", command.cl_ord_id),
                ("OrderID", render_order_id(command.order_id) if command.order_id else None),
                ("Symbol", command.symbol),
                ("Side", command.side),
            ]
            return spoken_line(terminal, ">", "OrderStatusRequest", pairs)
        case EnterList():
            return _said_list(command)
        case CancelList():
            pairs = [("ListID", command.list_id)]
            return spoken_line(terminal, ">", "ListCancelRequest", pairs)
        case RequestListStatus():
            pairs = [("ListID", command.list_id)]
            return spoken_line(terminal, ">", "ListStatusRequest", pairs)
        case MassCancel():
            pairs = [
                ("ClOrdID", command.cl_ord_id),
                ("MassCancelRequestType", command.request_type),
                ("TradingSessionID", command.segment or None),
                ("Symbol", command.symbol or None),
                ("Side", command.side),
            ]
            return spoken_line(terminal, ">", "OrderMassCancelRequest", pairs)
        case RequestMassStatus():
            pairs = [
                ("MassStatusReqID", command.mass_status_req_id),
                ("MassStatusReqType", command.request_type.value),
                ("Side", command.side),
            ]
            return spoken_line(terminal, ">", "OrderMassStatusRequest", pairs)
        case _:
            return f"operator {_words(command)}"


def _words(command: Command) -> str:
    match command:
        case SetPhase():
            return f"phase {_symbol(command.scope)} {command.phase}"
        case SetReferencePrice():
            return f"reference {_symbol(command.instrument_id)} {px(command.price)}"
        case SetInstrumentStatus():
            return f"{_STATUS_WORDS[command.status]} {_symbol(command.instrument_id)}"
        case StartDay():
            return f"start-day {command.trading_day}"
        case EndDay():
            return "end-day"
        case CancelByOperator() if command.order_id:
            return f"cancel {render_order_id(command.order_id)} {command.reason}"
        case CancelByOperator():
            return f"cancel-all participant={command.participant} {command.reason}"
        case BustTrade():
            return f"bust {render_trade_id(command.trade_id)} {command.reason}"
        case CorrectTrade():
            trade = render_trade_id(command.trade_id)
            return f"correct {trade} {command.qty} {px(command.price)} {command.reason}"
        case _:
            raise NotImplementedError(type(command).__name__)


def _symbol(scope: str) -> str:
    return scope.partition("@")[0]


def _said_list(command: EnterList) -> str:
    count = len(command.orders)
    head = [
        ("ListID", command.list_id),
        # 3 is "no bidding process": the list is an order, not an invitation.
        ("BidType", 3),
        ("TotNoOrders", count),
        ("ContingencyType", command.contingency.value),
        ("NoOrders", count),
    ]
    legs = [
        fields(
            [
                ("ClOrdID", leg.cl_ord_id),
                ("ListSeqNo", leg.list_seq_no),
                *_order(leg.symbol, leg.terms),
            ]
        )
        for leg in command.orders
    ]
    line = spoken_line(command.origin.session, ">", "NewOrderList", head)
    return " ".join([line, *(f"[{leg}]" for leg in legs)])


def _order(symbol: str, terms: OrderTerms) -> list[Pair]:
    """An order's fields, in the order in which a list must have them."""

    def price(value: int | None) -> str | None:
        return None if value is None else px(value)

    own_stp = terms.stp is not SelfTradePrevention.PARTICIPANT_DEFAULT
    return [
        ("Account", terms.account or None),
        ("ExecInst", terms.exec_inst or None),
        ("MinQty", terms.min_qty),
        ("MaxFloor", terms.max_floor),
        ("Symbol", symbol),
        ("Side", terms.side),
        ("OrderQty", terms.qty),
        ("OrdType", terms.ord_type),
        ("Price", price(terms.price)),
        ("StopPx", price(terms.stop_px)),
        ("TimeInForce", None if terms.tif is TimeInForce.DAY else terms.tif),
        ("ExpireDate", terms.expire_date or None),
        ("ExpireTime", None if terms.expire_time is None else _moment(terms.expire_time)),
        ("PegOffsetValue", price(terms.peg_offset)),
        ("SelfTradePrevention", terms.stp if own_stp else None),
    ]


def _moment(time: Nanos) -> str:
    return datetime.fromtimestamp(time // SECOND, UTC).strftime("%Y%m%d-%H:%M:%S")
