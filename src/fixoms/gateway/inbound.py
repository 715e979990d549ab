"""From a FIX message to a command of the engine.

Owns: which message becomes which command, and what makes one unfit to become any.
Must not know: the terms of an order (order_terms.py), sessions and sequence numbers, the state of
orders, how a command is decided.

Who was wrong decides the form of the answer (VENUE_RULES, Orders and states): what the dictionary
can tell was answered by the session before a message arrives here; a conditionally required field
that is missing becomes a `Refused`, which goes out as BusinessMessageReject(j); a value the venue
cannot express becomes a `Refusal` inside the command, which the engine answers with an
ExecutionReport or OrderCancelReject of its own number.

FIX: Vol. 4, the messages named beside each function.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

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
    Origin,
    ReplaceOrder,
    RequestListStatus,
    RequestMassStatus,
    RequestStatus,
)
from fixoms.domain.enums import (
    BusinessRejectReason,
    ContingencyType,
    MassCancelRequestType,
    MassStatusReqType,
    Side,
)
from fixoms.domain.ids import NO_ORDER, OrderId
from fixoms.domain.instrument import Instrument
from fixoms.domain.rendering import parse_order_id
from fixoms.fix import tags
from fixoms.fix.dictionary import Dictionary
from fixoms.fix.groups import groups
from fixoms.fix.message import FieldMissing, Message
from fixoms.gateway.order_terms import SIDES, Fields, client_of, read_terms, text_of

FindInstrument: TypeAlias = Callable[[str, str], Instrument | None]
"""Finds the instrument `(symbol, market)`; an empty market means the symbol's default one."""

LIST_ORDERS_MAX: Final = 100
"""Most orders one NewOrderList(E) may carry; more are refused as a whole."""


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
        instrument = self._find_instrument(symbol, market)
        terms, refusal = read_terms(message, instrument, self._name)
        return EnterOrder(
            origin,
            text_of(message, tags.CL_ORD_ID),
            symbol,
            market,
            terms,
            message.get(tags.POSS_RESEND) == b"Y",
            refusal,
        )

    def _order_cancel_replace_request(self, message: Message, origin: Origin) -> Translation:
        symbol, market = _symbol(message), _market(message)
        instrument = self._find_instrument(symbol, market)
        terms, refusal = read_terms(message, instrument, self._name)
        return ReplaceOrder(
            origin,
            text_of(message, tags.CL_ORD_ID),
            text_of(message, tags.ORIG_CL_ORD_ID),
            _order_id(message),
            symbol,
            market,
            terms,
            refusal,
            tags.SIDE in message,
        )

    def _order_cancel_request(self, message: Message, origin: Origin) -> Translation:
        return CancelOrder(
            origin,
            text_of(message, tags.CL_ORD_ID),
            text_of(message, tags.ORIG_CL_ORD_ID),
            _order_id(message),
            _symbol(message),
            _market(message),
            SIDES.get(message.require(tags.SIDE), Side.SELL),
        )

    def _order_status_request(self, message: Message, origin: Origin) -> Translation:
        return RequestStatus(
            origin,
            text_of(message, tags.CL_ORD_ID),
            _order_id(message),
            _symbol(message),
            _market(message),
            SIDES.get(message.require(tags.SIDE), Side.SELL),
            text_of(message, tags.ORD_STATUS_REQ_ID),
        )

    # Lists: E, K, M.

    def _new_order_list(self, message: Message, origin: Origin) -> Translation:
        list_id = text_of(message, tags.LIST_ID)
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
        instrument = self._find_instrument(symbol, market)
        terms, refusal = read_terms(order, instrument, self._name)
        return ListedOrder(
            text_of(order, tags.CL_ORD_ID),
            int(order.require(tags.LIST_SEQ_NO)),
            symbol,
            market,
            terms,
            text_of(order, tags.CL_ORD_LINK_ID),
            refusal,
        )

    def _list_cancel_request(self, message: Message, origin: Origin) -> Translation:
        return CancelList(origin, text_of(message, tags.LIST_ID))

    def _list_status_request(self, message: Message, origin: Origin) -> Translation:
        return RequestListStatus(origin, text_of(message, tags.LIST_ID))

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
            text_of(message, tags.CL_ORD_ID),
            request_type,
            _symbol(message),
            _market(message),
            text_of(message, tags.TRADING_SESSION_ID),
            SIDES.get(message.get(tags.SIDE) or b""),
            text_of(message, tags.ACCOUNT),
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
        if request_type is MassStatusReqType.PARTY_ID:
            message.require(tags.PARTY_ID)
        return RequestMassStatus(
            origin,
            text_of(message, tags.MASS_STATUS_REQ_ID),
            request_type,
            _symbol(message),
            _market(message),
            text_of(message, tags.TRADING_SESSION_ID),
            SIDES.get(message.get(tags.SIDE) or b""),
            text_of(message, tags.ACCOUNT),
            client_of(message),
        )


def _symbol(fields: Fields) -> str:
    return text_of(fields, tags.SYMBOL)


def _market(fields: Fields) -> str:
    """Market (MIC) by ExDestination(100), else SecurityExchange(207), else empty."""
    return text_of(fields, tags.EX_DESTINATION) or text_of(fields, tags.SECURITY_EXCHANGE)


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
