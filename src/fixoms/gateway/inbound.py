"""From a FIX message to a command of the engine.

Owns: which field of which message becomes which field of a command, what is conditionally
required, and which wire values have no place in the venue's integers and enums.
Must not know: sessions and sequence numbers, the state of orders, how a command is decided.

Who was wrong decides the form of the answer (VENUE_RULES, Orders and states): what the dictionary
can tell was answered by the session before a message arrives here; a conditionally required field
that is missing becomes a `Refused`, which goes out as BusinessMessageReject(j); a value the venue
cannot express becomes a `Refusal` inside the command, which the engine answers with an
ExecutionReport or OrderCancelReject of its own number.

FIX: Vol. 4, the messages named beside each function.
"""

from collections.abc import Callable
from typing import Final, TypeAlias, TypeVar

import msgspec

from fixoms.domain import extensions
from fixoms.domain.commands import (
    CancelList,
    CancelOrder,
    Command,
    EnterList,
    EnterOrder,
    ListedOrder,
    MassCancel,
    OrderTerms,
    Origin,
    Refusal,
    ReplaceOrder,
    RequestListStatus,
    RequestMassStatus,
    RequestStatus,
)
from fixoms.domain.enums import (
    BusinessRejectReason,
    ContingencyType,
    ExecInst,
    MassCancelRequestType,
    MassStatusReqType,
    OrdRejReason,
    OrdType,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from fixoms.domain.ids import NO_ORDER, OrderId
from fixoms.domain.instrument import Instrument
from fixoms.domain.rendering import parse_order_id
from fixoms.domain.units import NOTIONAL_MAX, PRICE_MAX, QTY_MAX, Nanos, Price, Qty
from fixoms.fix import tags
from fixoms.fix.dictionary import Dictionary
from fixoms.fix.groups import Group, groups
from fixoms.fix.message import FieldMissing, Message
from fixoms.fix.values import parse_utc_timestamp
from fixoms.gateway.units import parse_units

Fields: TypeAlias = Message | Group
"""Where the terms of an order stand: a message of its own, or one order of a list."""

FindInstrument: TypeAlias = Callable[[str, str], Instrument | None]
"""Finds the instrument `(symbol, market)`; an empty market means the symbol's default one."""

LIST_ORDERS_MAX: Final = 100
"""Most orders one NewOrderList(E) may carry; more are refused as a whole."""

CLIENT_ID_ROLE: Final = b"3"
"""PartyRole(452) of the client behind an order."""

ECHOED: Final = (
    tags.CURRENCY,
    tags.SETTL_TYPE,
    tags.POSITION_EFFECT,
    tags.ORDER_CAPACITY,
    tags.ORDER_RESTRICTIONS,
    tags.SECONDARY_CL_ORD_ID,
    tags.ACCOUNT_TYPE,
    tags.ACCT_ID_SOURCE,
    tags.CL_ORD_LINK_ID,
    tags.SECURITY_ID,
    tags.SECURITY_ID_SOURCE,
)
"""Fields the venue does not act on and repeats on every report of the order."""

_Member = TypeVar("_Member")

_SIDES: Final = {side.value.encode(): side for side in Side}
_ORD_TYPES: Final = {ord_type.value.encode(): ord_type for ord_type in OrdType}
_TIFS: Final = {tif.value.encode(): tif for tif in TimeInForce}
_STPS: Final = {
    stp.value.encode(): stp
    for stp in SelfTradePrevention
    if stp is not SelfTradePrevention.PARTICIPANT_DEFAULT
}
_NEEDS_PRICE: Final = frozenset({OrdType.LIMIT, OrdType.STOP_LIMIT})
_NEEDS_STOP_PX: Final = frozenset({OrdType.STOP, OrdType.STOP_LIMIT, OrdType.MARKET_IF_TOUCHED})
_EXEC_INSTS: Final = frozenset(inst.value for inst in ExecInst)
_IGNORED_EXEC_INSTS: Final = frozenset("125")  # Not held, work, held: a broker's affair, echoed.


class Refused(msgspec.Struct, frozen=True):
    """The message cannot become a command at all: BusinessMessageReject(j) with these values."""

    reason: BusinessRejectReason
    ref_id: str
    text: str


Translation: TypeAlias = Command | Refused


class Inbound:
    """Translates the application messages the venue takes from a client."""

    def __init__(self, find_instrument: FindInstrument, dictionary: Dictionary) -> None:
        self._find_instrument = find_instrument
        self._dictionary = dictionary
        self._by_msg_type: dict[str, Callable[[Message, Origin], Translation]] = {
            "D": self._new_order_single,
            "F": self._order_cancel_request,
            "G": self._order_cancel_replace_request,
            "H": self._order_status_request,
            "E": self._new_order_list,
            "K": self._list_cancel_request,
            "M": self._list_status_request,
            "q": self._order_mass_cancel_request,
            "AF": self._order_mass_status_request,
        }

    @property
    def msg_types(self) -> frozenset[str]:
        """The message types `translate` takes."""
        return frozenset(self._by_msg_type)

    def translate(self, message: Message, origin: Origin) -> Translation:
        """Make the command of a validated message whose type is one of `msg_types`."""
        try:
            return self._by_msg_type[message.msg_type](message, origin)
        except FieldMissing as missing:
            return self._conditionally_required(message, missing.tag)

    def _conditionally_required(self, message: Message, tag: int) -> Refused:
        return Refused(
            reason=BusinessRejectReason.CONDITIONALLY_REQUIRED_FIELD_MISSING,
            ref_id=_reference(message),
            text=f"{self._name(tag)} is required here",
        )

    def _name(self, tag: int) -> str:
        field = self._dictionary.fields.get(tag)
        return f"{field.name}({tag})" if field is not None else f"field {tag}"

    # Orders one by one: D, G, F, H.

    def _new_order_single(self, message: Message, origin: Origin) -> Translation:
        symbol, market = _symbol(message), _market(message)
        terms, refusal = self._terms(message, self._find_instrument(symbol, market))
        return EnterOrder(
            origin,
            _text(message, tags.CL_ORD_ID),
            symbol,
            market,
            terms,
            message.get(tags.POSS_RESEND) == b"Y",
            refusal,
        )

    def _order_cancel_replace_request(self, message: Message, origin: Origin) -> Translation:
        symbol, market = _symbol(message), _market(message)
        terms, refusal = self._terms(message, self._find_instrument(symbol, market))
        return ReplaceOrder(
            origin,
            _text(message, tags.CL_ORD_ID),
            _text(message, tags.ORIG_CL_ORD_ID),
            _order_id(message),
            symbol,
            market,
            terms,
            refusal,
        )

    def _order_cancel_request(self, message: Message, origin: Origin) -> Translation:
        return CancelOrder(
            origin,
            _text(message, tags.CL_ORD_ID),
            _text(message, tags.ORIG_CL_ORD_ID),
            _order_id(message),
            _symbol(message),
            _market(message),
            _SIDES.get(message.require(tags.SIDE), Side.SELL),
        )

    def _order_status_request(self, message: Message, origin: Origin) -> Translation:
        return RequestStatus(
            origin,
            _text(message, tags.CL_ORD_ID),
            _order_id(message),
            _symbol(message),
            _market(message),
            _SIDES.get(message.require(tags.SIDE), Side.SELL),
            _text(message, tags.ORD_STATUS_REQ_ID),
        )

    # Lists: E, K, M.

    def _new_order_list(self, message: Message, origin: Origin) -> Translation:
        list_id = _text(message, tags.LIST_ID)
        contingency = ContingencyType.INDEPENDENT
        wire_contingency = message.get(extensions.CONTINGENCY_TYPE)
        if wire_contingency is not None:
            taken = {str(member.value).encode(): member for member in ContingencyType}
            if wire_contingency not in taken:
                return Refused(
                    reason=BusinessRejectReason.OTHER,
                    ref_id=list_id,
                    text=f"{self._name(extensions.CONTINGENCY_TYPE)} "
                    f"{wire_contingency.decode()} is not one of "
                    f"{', '.join(key.decode() for key in taken)}",
                )
            contingency = taken[wire_contingency]
        orders = groups(message, tags.NO_ORDERS, self._dictionary)
        if not 0 < len(orders) <= LIST_ORDERS_MAX:
            return Refused(
                reason=BusinessRejectReason.OTHER,
                ref_id=list_id,
                text=f"NoOrders(73) {len(orders)} is outside 1 to {LIST_ORDERS_MAX}",
            )
        try:
            total = int(message.require(tags.TOT_NO_ORDERS))
        except ValueError:
            total = -1
        if total != len(orders):
            return Refused(
                reason=BusinessRejectReason.OTHER,
                ref_id=list_id,
                text=f"TotNoOrders(68) {total} differs from the {len(orders)} orders of "
                "this message; a list is taken in one message",
            )
        return EnterList(
            origin,
            list_id,
            contingency,
            tuple(self._listed_order(order) for order in orders),
        )

    def _listed_order(self, order: Fields) -> ListedOrder:
        symbol, market = _symbol(order), _market(order)
        terms, refusal = self._terms(order, self._find_instrument(symbol, market))
        return ListedOrder(
            _text(order, tags.CL_ORD_ID),
            int(order.require(tags.LIST_SEQ_NO)),
            symbol,
            market,
            terms,
            _text(order, tags.CL_ORD_LINK_ID),
            refusal,
        )

    def _list_cancel_request(self, message: Message, origin: Origin) -> Translation:
        return CancelList(origin, _text(message, tags.LIST_ID))

    def _list_status_request(self, message: Message, origin: Origin) -> Translation:
        return RequestListStatus(origin, _text(message, tags.LIST_ID))

    # Mass actions: q, AF.

    def _order_mass_cancel_request(self, message: Message, origin: Origin) -> Translation:
        wire_type = message.require(tags.MASS_CANCEL_REQUEST_TYPE).decode()
        try:
            request_type = MassCancelRequestType(wire_type)
        except ValueError:
            return Refused(
                reason=BusinessRejectReason.OTHER,
                ref_id=_reference(message),
                text=f"MassCancelRequestType(530) {wire_type} is not one of 1, 6, 7",
            )
        if request_type is MassCancelRequestType.SECURITY:
            message.require(tags.SYMBOL)
        if request_type is MassCancelRequestType.TRADING_SESSION:
            message.require(tags.TRADING_SESSION_ID)
        return MassCancel(
            origin,
            _text(message, tags.CL_ORD_ID),
            request_type,
            _symbol(message),
            _market(message),
            _text(message, tags.TRADING_SESSION_ID),
            _SIDES.get(message.get(tags.SIDE) or b""),
            _text(message, tags.ACCOUNT),
        )

    def _order_mass_status_request(self, message: Message, origin: Origin) -> Translation:
        wire_type = message.require(tags.MASS_STATUS_REQ_TYPE).decode()
        try:
            request_type = MassStatusReqType(int(wire_type))
        except ValueError:
            return Refused(
                reason=BusinessRejectReason.OTHER,
                ref_id=_reference(message),
                text=f"MassStatusReqType(585) {wire_type} is not one of 1, 6, 7, 8",
            )
        if request_type is MassStatusReqType.SECURITY:
            message.require(tags.SYMBOL)
        if request_type is MassStatusReqType.TRADING_SESSION:
            message.require(tags.TRADING_SESSION_ID)
        return RequestMassStatus(
            origin,
            _text(message, tags.MASS_STATUS_REQ_ID),
            request_type,
            _symbol(message),
            _market(message),
            _text(message, tags.TRADING_SESSION_ID),
            _SIDES.get(message.get(tags.SIDE) or b""),
            _text(message, tags.ACCOUNT),
        )

    # The terms of an order, wherever they stand.

    def _terms(
        self, fields: Fields, instrument: Instrument | None
    ) -> tuple[OrderTerms, Refusal | None]:
        """Read the terms of an order; raises FieldMissing for a conditionally required field."""
        reader = _TermsReader(fields, instrument, self._name)
        terms = reader.read()
        return terms, reader.refusal


class _TermsReader:
    """Reads one order's terms and keeps the first reason why the venue cannot express them."""

    __slots__ = ("_echo", "_fields", "_instrument", "_name", "refusal")

    def __init__(
        self, fields: Fields, instrument: Instrument | None, name: Callable[[int], str]
    ) -> None:
        self._fields = fields
        self._instrument = instrument
        self._name = name
        self._echo: list[tuple[int, str]] = []
        self.refusal: Refusal | None = None

    def read(self) -> OrderTerms:
        fields = self._fields
        side = self._enum(tags.SIDE, _SIDES, Side.SELL)
        ord_type = self._enum(tags.ORD_TYPE, _ORD_TYPES, OrdType.LIMIT)
        tif = self._tif()
        exec_inst = self._exec_inst()
        trailing = ExecInst.TRAILING_STOP_PEG.value in exec_inst
        if self.refusal is None:
            self._require_conditional(ord_type, tif, trailing=trailing)
        for tag in ECHOED:
            value = fields.get(tag)
            if value is not None:
                self._echo.append((tag, value.decode("latin-1")))
        if fields.get(tags.CASH_ORDER_QTY) is not None:
            self._refuse(
                OrdRejReason.UNSUPPORTED_ORDER_CHARACTERISTIC,
                "CashOrderQty(152) is not taken; give OrderQty(38)",
            )
            qty = Qty(0)
        else:
            qty = Qty(self._units(tags.ORDER_QTY, QTY_MAX, self._qty_decimals()) or 0)
        price = self._price(tags.PRICE)
        if price is not None and abs(price) * qty > NOTIONAL_MAX:
            self._refuse(
                OrdRejReason.ORDER_EXCEEDS_LIMIT,
                f"Price(44) x OrderQty(38) is above {NOTIONAL_MAX} units",
            )
        return OrderTerms(
            side=side,
            ord_type=ord_type,
            tif=tif,
            qty=qty,
            price=price,
            stop_px=self._price(tags.STOP_PX),
            max_floor=self._optional_qty(tags.MAX_FLOOR),
            min_qty=self._optional_qty(tags.MIN_QTY),
            exec_inst=exec_inst,
            peg_offset=self._peg_offset(),
            expire_time=self._expire_time(),
            expire_date=_text(fields, tags.EXPIRE_DATE),
            stp=self._stp(),
            account=_text(fields, tags.ACCOUNT),
            client=_client(fields),
            echo=tuple(self._echo),
        )

    def _refuse(self, reason: OrdRejReason, text: str) -> None:
        if self.refusal is None:
            self.refusal = Refusal(reason, text)

    def _require_conditional(self, ord_type: OrdType, tif: TimeInForce, *, trailing: bool) -> None:
        require = self._fields.require
        require(tags.ORDER_QTY) if self._fields.get(tags.CASH_ORDER_QTY) is None else None
        if ord_type in _NEEDS_PRICE and not (trailing and ord_type is OrdType.STOP_LIMIT):
            require(tags.PRICE)
        if ord_type in _NEEDS_STOP_PX and not trailing:
            require(tags.STOP_PX)
        if trailing:
            require(tags.PEG_OFFSET_VALUE)
        if ord_type is OrdType.PEGGED:
            require(tags.EXEC_INST)
        if tif is TimeInForce.GOOD_TILL_DATE and self._fields.get(tags.EXPIRE_TIME) is None:
            require(tags.EXPIRE_DATE)

    def _enum(self, tag: int, members: dict[bytes, _Member], otherwise: _Member) -> _Member:
        value = self._fields.require(tag)
        member = members.get(value)
        if member is not None:
            return member
        self._refuse_value(tag, value)
        return otherwise

    def _refuse_value(self, tag: int, value: bytes) -> None:
        self._echo.append((tag, value.decode("latin-1")))
        self._refuse(
            OrdRejReason.UNSUPPORTED_ORDER_CHARACTERISTIC,
            f"{self._name(tag)} {value.decode('latin-1')} is not traded at this venue",
        )

    def _tif(self) -> TimeInForce:
        if self._fields.get(tags.TIME_IN_FORCE) is None:
            return TimeInForce.DAY
        return self._enum(tags.TIME_IN_FORCE, _TIFS, TimeInForce.DAY)

    def _stp(self) -> SelfTradePrevention:
        value = self._fields.get(extensions.SELF_TRADE_PREVENTION)
        if value is None:
            return SelfTradePrevention.PARTICIPANT_DEFAULT
        member = _STPS.get(value)
        if member is None:
            self._refuse_value(extensions.SELF_TRADE_PREVENTION, value)
            return SelfTradePrevention.PARTICIPANT_DEFAULT
        return member

    def _exec_inst(self) -> str:
        """The instructions the venue acts on; those it only repeats go into the echo."""
        value = self._fields.get(tags.EXEC_INST)
        if value is None:
            return ""
        exec_inst = value.decode("latin-1")
        insts = exec_inst.split(" ")
        acted_on = [inst for inst in insts if inst in _EXEC_INSTS]
        for inst in insts:
            if inst not in _EXEC_INSTS and inst not in _IGNORED_EXEC_INSTS:
                self._refuse(
                    OrdRejReason.UNSUPPORTED_ORDER_CHARACTERISTIC,
                    f"ExecInst(18) {inst} is not taken at this venue",
                )
        if len(acted_on) < len(insts):
            self._echo.append((tags.EXEC_INST, exec_inst))
        return " ".join(acted_on)

    def _price_decimals(self) -> int | None:
        return None if self._instrument is None else self._instrument.price_decimals

    def _qty_decimals(self) -> int | None:
        return None if self._instrument is None else self._instrument.qty_decimals

    def _units(self, tag: int, bound: int, decimals: int | None) -> int | None:
        """Units of a price or quantity field, or None when absent or not expressible."""
        value = self._fields.get(tag)
        if value is None:
            return None
        if decimals is None:
            # The symbol is unknown, which the engine answers; its units are unknown with it.
            self._echo.append((tag, value.decode("latin-1")))
            return None
        units = parse_units(value, decimals)
        if units is not None and -bound <= units <= bound:
            return units
        text = value.decode("latin-1")
        self._echo.append((tag, text))
        is_qty = decimals == self._qty_decimals() and tag not in (
            tags.PRICE,
            tags.STOP_PX,
            tags.PEG_OFFSET_VALUE,
        )
        reason = OrdRejReason.INCORRECT_QUANTITY if is_qty else OrdRejReason.OTHER
        if units is None:
            self._refuse(reason, f"{self._name(tag)} {text} has more than {decimals} decimals")
        else:
            self._refuse(reason, f"{self._name(tag)} {text} is above the venue's largest value")
        return None

    def _price(self, tag: int) -> Price | None:
        units = self._units(tag, PRICE_MAX, self._price_decimals())
        return None if units is None else Price(units)

    def _optional_qty(self, tag: int) -> Qty | None:
        units = self._units(tag, QTY_MAX, self._qty_decimals())
        return None if units is None else Qty(units)

    def _peg_offset(self) -> int | None:
        offset_type = self._fields.get(tags.PEG_OFFSET_TYPE)
        if offset_type not in (None, b"0"):
            self._refuse(
                OrdRejReason.UNSUPPORTED_ORDER_CHARACTERISTIC,
                "PegOffsetType(836) must be 0 (price)",
            )
        return self._units(tags.PEG_OFFSET_VALUE, PRICE_MAX, self._price_decimals())

    def _expire_time(self) -> Nanos | None:
        value = self._fields.get(tags.EXPIRE_TIME)
        return None if value is None else parse_utc_timestamp(value)


def _text(fields: Fields, tag: int) -> str:
    value = fields.get(tag)
    return "" if value is None else value.decode("latin-1")


def _symbol(fields: Fields) -> str:
    return _text(fields, tags.SYMBOL)


def _market(fields: Fields) -> str:
    """Market (MIC) by ExDestination(100), else SecurityExchange(207), else empty."""
    return _text(fields, tags.EX_DESTINATION) or _text(fields, tags.SECURITY_EXCHANGE)


def _order_id(message: Message) -> OrderId:
    value = message.text(tags.ORDER_ID)
    return NO_ORDER if value is None else parse_order_id(value)


def _reference(message: Message) -> str:
    """BusinessRejectRefID(379): the id the sender knows the message by."""
    for tag in (tags.CL_ORD_ID, tags.LIST_ID, tags.MASS_STATUS_REQ_ID):
        value = message.get(tag)
        if value is not None:
            return value.decode("latin-1")
    return ""


def _client(fields: Fields) -> str:
    """PartyID(448) of the client (PartyRole 3), else empty."""
    party_id = b""
    for tag, value in fields.fields:
        if tag == tags.PARTY_ID:
            party_id = value
        elif tag == tags.PARTY_ROLE and value == CLIENT_ID_ROLE:
            return party_id.decode("latin-1")
    return ""
