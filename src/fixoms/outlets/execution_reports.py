"""From the engine's events to the FIX messages a client receives.

Owns: which session is told what, and every field of ExecutionReport(8), OrderCancelReject(9),
BusinessMessageReject(j), ListStatus(N) and OrderMassCancelReport(r).
Must not know: sequence numbers and headers (the session adds them), how events came about.

FIX: Vol. 4, ExecutionReport and the messages named beside each function; VENUE_RULES, Orders and
states.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

from fixoms.domain import extensions
from fixoms.domain.enums import ExecType, SelfTradePrevention, TimeInForce
from fixoms.domain.events import (
    BusinessRejected,
    CancelRejected,
    Event,
    Execution,
    ListStatusReported,
    MassCancelReported,
)
from fixoms.domain.ids import InstrumentId
from fixoms.domain.instrument import Instrument, render_units
from fixoms.domain.rendering import (
    render_avg_px,
    render_exec_id,
    render_order_id,
    render_trade_id,
)
from fixoms.domain.units import Nanos
from fixoms.fix import tags
from fixoms.fix.message import Message
from fixoms.fix.values import render_utc_timestamp

FindInstrument: TypeAlias = Callable[[InstrumentId], Instrument | None]

Addressed: TypeAlias = tuple[str, Message]
"""A session's name and the message it is to receive."""

UNKNOWN_DECIMALS: Final = 0
"""Decimals of figures on an instrument the venue does not have; they are all zero."""


class ExecutionReports:
    """Renders events for the sessions they concern, in the order the engine decided them."""

    def __init__(self, find_instrument: FindInstrument, timestamp_digits: int = 3) -> None:
        self._find_instrument = find_instrument
        self._timestamp_digits = timestamp_digits

    def render(self, events: Iterable[Event], time: Nanos) -> Iterator[Addressed]:
        """Yield (session, message) for every event a client is told about."""
        for event in events:
            if isinstance(event, Execution):
                yield from self._execution(event, time)
            elif isinstance(event, CancelRejected):
                yield event.origin.session, self._cancel_reject(event, time)
            elif isinstance(event, BusinessRejected):
                yield event.origin.session, _business_reject(event)
            elif isinstance(event, ListStatusReported):
                yield event.origin.session, self._list_status(event, time)
            elif isinstance(event, MassCancelReported):
                yield event.origin.session, self._mass_cancel_report(event, time)

    def _execution(self, event: Execution, time: Nanos) -> Iterator[Addressed]:
        message = self._execution_report(event, time)
        owner = event.owner.session
        if event.exec_type is ExecType.ORDER_STATUS or not owner:
            yield event.requester, message
            return
        yield owner, message
        if event.requester and event.requester != owner:
            # Another session of the same participant acted on the order: both are told. Each
            # session puts its own header round the message, so each needs a list of its own.
            yield event.requester, Message(message.msg_type, message.fields)

    def _execution_report(self, event: Execution, time: Nanos) -> Message:
        terms = event.terms
        instrument = self._find_instrument(event.instrument_id)
        price_decimals = instrument.price_decimals if instrument else UNKNOWN_DECIMALS
        qty_decimals = instrument.qty_decimals if instrument else UNKNOWN_DECIMALS

        def qty(value: int) -> bytes:
            return render_units(value, qty_decimals).encode()

        def px(value: int) -> bytes:
            return render_units(value, price_decimals).encode()

        # Wire values the venue could not express go back as they came.
        echo = dict(terms.echo)
        body: list[tuple[int, bytes]] = []
        add = body.append

        def term(tag: int, value: bytes) -> None:
            raw = echo.pop(tag, None)
            add((tag, value if raw is None else raw.encode("latin-1")))

        def optional(tag: int, value: bytes | None) -> None:
            if value is not None or tag in echo:
                term(tag, value or b"")

        add((tags.ORDER_ID, render_order_id(event.order_id).encode()))
        if event.cl_ord_id:
            add((tags.CL_ORD_ID, event.cl_ord_id.encode("latin-1")))
        if event.orig_cl_ord_id:
            add((tags.ORIG_CL_ORD_ID, event.orig_cl_ord_id.encode("latin-1")))
        if event.list_id:
            add((tags.LIST_ID, event.list_id.encode("latin-1")))
        if event.ord_status_req_id:
            add((tags.ORD_STATUS_REQ_ID, event.ord_status_req_id.encode("latin-1")))
        if event.mass_status_req_id:
            add((tags.MASS_STATUS_REQ_ID, event.mass_status_req_id.encode("latin-1")))
            add((tags.TOT_NUM_REPORTS, b"%d" % event.report_count))
            last = event.report_number >= event.report_count
            add((tags.LAST_RPT_REQUESTED, b"Y" if last else b"N"))
        add((tags.EXEC_ID, render_exec_id(event.exec_id).encode()))
        if event.ref_exec_id:
            add((tags.EXEC_REF_ID, render_exec_id(event.ref_exec_id).encode()))
        add((tags.EXEC_TYPE, event.exec_type.value.encode()))
        add((tags.ORD_STATUS, event.ord_status.value.encode()))
        if event.ord_rej_reason is not None:
            add((tags.ORD_REJ_REASON, b"%d" % event.ord_rej_reason.value))
        if event.restatement_reason is not None:
            add((tags.EXEC_RESTATEMENT_REASON, b"%d" % event.restatement_reason.value))
        if terms.account:
            add((tags.ACCOUNT, terms.account.encode("latin-1")))
        add((tags.SYMBOL, event.symbol.encode("latin-1")))
        if instrument is not None:
            add((tags.SECURITY_EXCHANGE, instrument.market.encode("latin-1")))
        term(tags.SIDE, terms.side.value.encode())
        if event.exec_type is not ExecType.ORDER_STATUS or event.order_id:
            term(tags.ORDER_QTY, qty(terms.qty))
            term(tags.ORD_TYPE, terms.ord_type.value.encode())
        optional(tags.PRICE, px(event.price) if event.price is not None else None)
        optional(tags.STOP_PX, px(event.stop_px) if event.stop_px is not None else None)
        optional(
            tags.PEG_OFFSET_VALUE, px(terms.peg_offset) if terms.peg_offset is not None else None
        )
        if terms.tif is not TimeInForce.DAY or tags.TIME_IN_FORCE in echo:
            term(tags.TIME_IN_FORCE, terms.tif.value.encode())
        if terms.expire_date:
            add((tags.EXPIRE_DATE, terms.expire_date.encode()))
        if terms.expire_time is not None:
            add((tags.EXPIRE_TIME, self._timestamp(terms.expire_time)))
        optional(tags.EXEC_INST, terms.exec_inst.encode("latin-1") if terms.exec_inst else None)
        optional(tags.MIN_QTY, qty(terms.min_qty) if terms.min_qty is not None else None)
        optional(tags.MAX_FLOOR, qty(terms.max_floor) if terms.max_floor is not None else None)
        if event.trade_id:
            add((tags.LAST_QTY, qty(event.last_qty)))
            if event.last_px is not None:
                add((tags.LAST_PX, px(event.last_px)))
            if instrument is not None:
                add((tags.LAST_MKT, instrument.market.encode("latin-1")))
            add((tags.LAST_LIQUIDITY_IND, b"2" if event.aggressor else b"1"))
            add((tags.SECONDARY_EXEC_ID, render_trade_id(event.trade_id).encode()))
        add((tags.LEAVES_QTY, qty(event.leaves_qty)))
        add((tags.CUM_QTY, qty(event.cum_qty)))
        avg_px = render_avg_px(event.notional, event.cum_qty, price_decimals)
        add((tags.AVG_PX, avg_px.encode()))
        if event.trading_day:
            add((tags.TRADE_DATE, event.trading_day.encode()))
        add((tags.TRANSACT_TIME, self._timestamp(time)))
        if event.text:
            add((tags.TEXT, event.text.encode("latin-1", "replace")))
        if terms.parties:
            body.extend((tag, value.encode("latin-1")) for tag, value in terms.parties)
        elif terms.client:
            add((tags.NO_PARTY_IDS, b"1"))
            add((tags.PARTY_ID, terms.client.encode("latin-1")))
            add((tags.PARTY_ID_SOURCE, b"D"))
            add((tags.PARTY_ROLE, b"3"))
        if event.trade_id and event.contra:
            add((tags.NO_CONTRA_BROKERS, b"1"))
            add((tags.CONTRA_BROKER, event.contra.encode("latin-1")))
        if event.cl_ord_link_id and tags.CL_ORD_LINK_ID not in echo:
            add((tags.CL_ORD_LINK_ID, event.cl_ord_link_id.encode("latin-1")))
        if terms.stp is not SelfTradePrevention.PARTICIPANT_DEFAULT:
            add((extensions.SELF_TRADE_PREVENTION, terms.stp.value.encode()))
        body.extend((tag, value.encode("latin-1")) for tag, value in echo.items())
        return Message("8", body)

    def _cancel_reject(self, event: CancelRejected, time: Nanos) -> Message:
        """OrderCancelReject(9)."""
        message = Message("9")
        message.add(tags.ORDER_ID, render_order_id(event.order_id))
        message.add(tags.CL_ORD_ID, event.cl_ord_id)
        # OrigClOrdID(41) is required by the message even where the request named OrderID(37) only.
        message.add(tags.ORIG_CL_ORD_ID, event.orig_cl_ord_id or "NONE")
        message.add(tags.ORD_STATUS, event.ord_status.value)
        if event.account:
            message.add(tags.ACCOUNT, event.account)
        message.add(tags.TRANSACT_TIME, self._timestamp(time))
        message.add(tags.CXL_REJ_RESPONSE_TO, event.response_to.value)
        message.add(tags.CXL_REJ_REASON, event.reason.value)
        return message.add(tags.TEXT, event.text)

    def _list_status(self, event: ListStatusReported, time: Nanos) -> Message:
        """ListStatus(N); all orders of the list in one message."""
        message = Message("N")
        message.add(tags.LIST_ID, event.list_id)
        message.add(tags.LIST_STATUS_TYPE, event.status_type)
        message.add(tags.NO_RPTS, 1)
        message.add(tags.LIST_ORDER_STATUS, event.list_order_status)
        message.add(tags.RPT_SEQ, 1)
        if event.text:
            message.add(tags.LIST_STATUS_TEXT, event.text)
        message.add(tags.TRANSACT_TIME, self._timestamp(time))
        message.add(tags.TOT_NO_ORDERS, len(event.orders))
        message.add(tags.NO_ORDERS, len(event.orders))
        for order in event.orders:
            instrument = self._find_instrument(order.instrument_id)
            qty_decimals = instrument.qty_decimals if instrument else UNKNOWN_DECIMALS
            price_decimals = instrument.price_decimals if instrument else UNKNOWN_DECIMALS
            message.add(tags.CL_ORD_ID, order.cl_ord_id)
            message.add(tags.CUM_QTY, render_units(order.cum_qty, qty_decimals))
            message.add(tags.ORD_STATUS, order.ord_status.value)
            message.add(tags.LEAVES_QTY, render_units(order.leaves_qty, qty_decimals))
            message.add(tags.CXL_QTY, render_units(order.cxl_qty, qty_decimals))
            message.add(tags.AVG_PX, render_avg_px(order.notional, order.cum_qty, price_decimals))
            if order.ord_rej_reason is not None:
                message.add(tags.ORD_REJ_REASON, order.ord_rej_reason.value)
            if order.text:
                message.add(tags.TEXT, order.text)
        return message

    def _mass_cancel_report(self, event: MassCancelReported, time: Nanos) -> Message:
        """OrderMassCancelReport(r)."""
        message = Message("r")
        if event.cl_ord_id:
            message.add(tags.CL_ORD_ID, event.cl_ord_id)
        message.add(tags.ORDER_ID, render_order_id(event.order_id))
        message.add(tags.MASS_CANCEL_REQUEST_TYPE, event.request_type.value)
        if event.reject_reason is not None:
            message.add(tags.MASS_CANCEL_RESPONSE, "0")
            message.add(tags.MASS_CANCEL_REJECT_REASON, event.reject_reason)
        else:
            message.add(tags.MASS_CANCEL_RESPONSE, event.request_type.value)
            message.add(tags.TOTAL_AFFECTED_ORDERS, len(event.affected))
            if event.affected:
                message.add(tags.NO_AFFECTED_ORDERS, len(event.affected))
                for order_id, cl_ord_id in event.affected:
                    message.add(tags.ORIG_CL_ORD_ID, cl_ord_id)
                    message.add(tags.AFFECTED_ORDER_ID, render_order_id(order_id))
        if event.symbol:
            message.add(tags.SYMBOL, event.symbol)
        if event.side is not None:
            message.add(tags.SIDE, event.side.value)
        message.add(tags.TRANSACT_TIME, self._timestamp(time))
        if event.text:
            message.add(tags.TEXT, event.text)
        return message

    def _timestamp(self, time: Nanos) -> bytes:
        return render_utc_timestamp(time, self._timestamp_digits)


def _business_reject(event: BusinessRejected) -> Message:
    """BusinessMessageReject(j)."""
    message = Message("j")
    if event.origin.msg_seq_num:
        message.add(tags.REF_SEQ_NUM, event.origin.msg_seq_num)
    message.add(tags.REF_MSG_TYPE, event.ref_msg_type)
    if event.ref_id:
        message.add(tags.BUSINESS_REJECT_REF_ID, event.ref_id)
    message.add(tags.BUSINESS_REJECT_REASON, event.reason.value)
    return message.add(tags.TEXT, event.text)
