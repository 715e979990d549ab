"""What a client sees of each event: field by field, and past a dictionary that refuses mistakes."""

import msgspec
import pytest
import simplefix

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
    OrdType,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from fixoms.domain.events import (
    BusinessRejected,
    CancelRejected,
    Event,
    Execution,
    ListedOrderStatus,
    ListStatusReported,
    MassCancelReported,
    Owner,
)
from fixoms.domain.ids import ExecId, InstrumentId, OrderId, TradeId
from fixoms.domain.instrument import Instrument
from fixoms.domain.units import Nanos, Notional, Price, Qty
from fixoms.fix.codec import encode, parse
from fixoms.fix.message import Message
from fixoms.fix.validation import STRICT_WITH_DECLARED, validate
from fixoms.gateway.venue_dictionary import venue_dictionary
from fixoms.outlets.execution_reports import ExecutionReports

TIME = Nanos(1_767_619_800_123_456_789)
ORIGIN = Origin("ALICE", "BROKER-A", "anna", 7)
OWNER = Owner("ALICE", "BROKER-A", "anna")
ACME = Instrument(symbol="ACME", market="XFOM")
REPORTS = ExecutionReports({ACME.instrument_id: ACME}.get)

TERMS = OrderTerms(
    side=Side.BUY,
    ord_type=OrdType.LIMIT,
    tif=TimeInForce.DAY,
    qty=Qty(100),
    price=Price(1005),
    account="ACC",
)
NEW = Execution(
    exec_id=ExecId(93),
    exec_type=ExecType.NEW,
    ord_status=OrdStatus.NEW,
    order_id=OrderId(17),
    cl_ord_id="A1",
    orig_cl_ord_id="",
    owner=OWNER,
    instrument_id=ACME.instrument_id,
    symbol="ACME",
    terms=TERMS,
    price=Price(1005),
    stop_px=None,
    leaves_qty=Qty(100),
    cum_qty=Qty(0),
    notional=Notional(0),
    entered_at=TIME,
    trading_day="20260105",
)


def render(event: Event) -> list[tuple[str, Message]]:
    """The messages of an event as their sessions receive them: over the wire, checked twice."""
    received = []
    for session, message in REPORTS.render([event], TIME):
        header = [(34, b"2"), (49, b"FIXOMS"), (52, b"20260105-13:30:00.123")]
        header.append((56, session.encode()))
        frame = encode(message.msg_type, header, message.fields)
        parser = simplefix.FixParser()
        parser.append_buffer(frame)
        second_opinion = parser.get_message()
        assert second_opinion is not None
        assert second_opinion.encode() == frame
        parsed = parse(frame)
        assert validate(parsed, venue_dictionary(), STRICT_WITH_DECLARED) is None
        received.append((session, parsed))
    return received


def only(event: Event) -> Message:
    ((_, message),) = render(event)
    return message


def fields(message: Message, *tags: int) -> list[str | None]:
    return [message.text(tag) for tag in tags]


def changed(execution: Execution, **changes: object) -> Execution:
    return msgspec.structs.replace(execution, **changes)


def with_terms(**changes: object) -> Execution:
    return changed(NEW, terms=msgspec.structs.replace(TERMS, **changes))


def test_a_new_order() -> None:
    ((session, message),) = render(NEW)
    assert session == "ALICE"
    assert message.msg_type == "8"
    assert fields(message, 37, 11, 17, 150, 39) == ["O17", "A1", "E93", "0", "0"]
    assert fields(message, 55, 207, 54, 38, 40, 44) == ["ACME", "XFOM", "1", "100", "2", "10.05"]
    assert fields(message, 151, 14, 6) == ["100", "0", "0"]
    assert fields(message, 1, 75, 60) == ["ACC", "20260105", "20260105-13:30:00.123"]
    assert fields(message, 41, 59, 31, 32, 103, 58) == [None] * 6


def test_a_trade_names_both_its_figures_and_its_other_side() -> None:
    trade = changed(
        NEW,
        exec_type=ExecType.TRADE,
        ord_status=OrdStatus.PARTIALLY_FILLED,
        leaves_qty=Qty(60),
        cum_qty=Qty(40),
        notional=Notional(40 * 1003),
        last_qty=Qty(40),
        last_px=Price(1003),
        trade_id=TradeId(5),
        contra="BROKER-B",
        aggressor=True,
    )
    message = only(trade)
    assert fields(message, 150, 39, 32, 31, 30) == ["F", "1", "40", "10.03", "XFOM"]
    assert fields(message, 151, 14, 6) == ["60", "40", "10.03"]
    assert fields(message, 527, 851, 382, 375) == ["T5", "2", "1", "BROKER-B"]
    assert only(changed(trade, aggressor=False)).text(851) == "1"


def test_a_replace_names_both_identifiers() -> None:
    message = only(changed(NEW, exec_type=ExecType.REPLACED, cl_ord_id="A2", orig_cl_ord_id="A1"))
    assert fields(message, 150, 11, 41) == ["5", "A2", "A1"]


def test_a_rejected_order_has_no_id_and_a_reason() -> None:
    message = only(
        changed(
            NEW,
            exec_type=ExecType.REJECTED,
            ord_status=OrdStatus.REJECTED,
            order_id=OrderId(0),
            leaves_qty=Qty(0),
            ord_rej_reason=OrdRejReason.DUPLICATE_ORDER,
            text="ClOrdID(11) A1 was used before",
        )
    )
    assert fields(message, 37, 150, 39, 103) == ["NONE", "8", "8", "6"]
    assert message.text(58) == "ClOrdID(11) A1 was used before"


def test_values_the_venue_cannot_express_go_back_as_they_came() -> None:
    message = only(
        with_terms(qty=Qty(0), price=None, echo=((38, "1.50"), (44, "10.005"), (15, "USD")))
    )
    assert fields(message, 38, 44, 15) == ["1.50", "10.005", "USD"]


def test_parties_go_back_as_they_came() -> None:
    desk = ((453, "2"), (448, "DESK"), (447, "D"), (452, "36"))
    client = ((448, "C"), (447, "D"), (452, "3"), (802, "1"), (523, "s"), (803, "1"))
    message = only(with_terms(client="C", parties=desk + client))
    assert [(tag, value.decode()) for tag, value in message.fields if tag in (448, 523)] == [
        (448, "DESK"),
        (448, "C"),
        (523, "s"),
    ]


def test_instructions_go_back_whole() -> None:
    assert only(with_terms(exec_inst="G", echo=((18, "1 G"),))).text(18) == "1 G"


def test_an_unknown_instrument_is_reported_without_figures_of_its_own() -> None:
    unknown = with_terms(qty=Qty(0), price=None, echo=((38, "100"), (44, "10.05")))
    message = only(
        changed(
            unknown,
            instrument_id=InstrumentId(""),
            symbol="NOPE",
            price=None,
            leaves_qty=Qty(0),
            exec_type=ExecType.REJECTED,
            ord_status=OrdStatus.REJECTED,
            ord_rej_reason=OrdRejReason.UNKNOWN_SYMBOL,
        )
    )
    assert fields(message, 55, 38, 44, 103, 207) == ["NOPE", "100", "10.05", "1", None]


def test_every_term_is_repeated() -> None:
    message = only(
        changed(
            with_terms(
                side=Side.SELL,
                ord_type=OrdType.PEGGED,
                tif=TimeInForce.GOOD_TILL_DATE,
                expire_date="20260109",
                expire_time=TIME,
                exec_inst="a 6",
                peg_offset=-10,
                max_floor=Qty(20),
                min_qty=Qty(30),
                client="CLIENT-9",
                stp=SelfTradePrevention.CANCEL_BOTH,
            ),
            stop_px=Price(990),
        )
    )
    assert fields(message, 54, 40, 59, 432, 126) == [
        "2",
        "P",
        "6",
        "20260109",
        "20260105-13:30:00.123",
    ]
    assert fields(message, 18, 211, 99, 111, 110) == ["a 6", "-0.10", "9.90", "20", "30"]
    assert fields(message, 453, 448, 452, 7928) == ["1", "CLIENT-9", "3", "3"]


def test_a_status_answers_its_asker_only() -> None:
    status = changed(NEW, exec_id=ExecId(0), exec_type=ExecType.ORDER_STATUS, requester="ALICE2")
    ((session, message),) = render(changed(status, ord_status_req_id="S1"))
    assert session == "ALICE2"
    assert fields(message, 17, 150, 790) == ["0", "I", "S1"]


def test_a_mass_status_counts_its_reports() -> None:
    status = changed(
        NEW,
        exec_type=ExecType.ORDER_STATUS,
        requester="ALICE",
        mass_status_req_id="M1",
        report_number=2,
        report_count=3,
    )
    assert fields(only(status), 584, 911, 912) == ["M1", "3", "N"]
    assert only(changed(status, report_number=3)).text(912) == "Y"


def test_both_sessions_are_told_when_one_acts_on_the_order_of_another() -> None:
    canceled = changed(
        NEW, exec_type=ExecType.CANCELED, ord_status=OrdStatus.CANCELED, requester="ALICE2"
    )
    assert [session for session, _ in render(canceled)] == ["ALICE", "ALICE2"]


@pytest.mark.parametrize(
    ("exec_type", "wire"),
    [
        (ExecType.TRIGGERED, "L"),
        (ExecType.EXPIRED, "C"),
        (ExecType.TRADE_CANCEL, "H"),
        (ExecType.TRADE_CORRECT, "G"),
    ],
)
def test_further_states(exec_type: ExecType, wire: str) -> None:
    message = only(changed(NEW, exec_type=exec_type, ref_exec_id=ExecId(92)))
    assert fields(message, 150, 19) == [wire, "E92"]


def test_a_restatement_says_why() -> None:
    message = only(
        changed(
            NEW,
            exec_type=ExecType.RESTATED,
            restatement_reason=ExecRestatementReason.PARTIAL_DECLINE_OF_ORDER_QTY,
        )
    )
    assert fields(message, 150, 378) == ["D", "5"]


def test_a_cancel_reject() -> None:
    message = only(
        CancelRejected(
            ORIGIN,
            "A2",
            "A1",
            OrderId(17),
            OrdStatus.FILLED,
            CxlRejResponseTo.ORDER_CANCEL_REQUEST,
            CxlRejReason.TOO_LATE_TO_CANCEL,
            "the order is filled",
        )
    )
    assert fields(message, 37, 11, 41, 39, 434, 102) == ["O17", "A2", "A1", "2", "1", "0"]


def test_a_business_reject_names_the_message_it_refuses() -> None:
    message = only(
        BusinessRejected(ORIGIN, "D", "A1", BusinessRejectReason.NOT_AUTHORIZED, "no trader")
    )
    assert fields(message, 45, 372, 379, 380, 58) == ["7", "D", "A1", "6", "no trader"]


def test_a_list_status_shows_every_order() -> None:
    orders = tuple(
        ListedOrderStatus(
            f"L{n}", OrdStatus.NEW, Qty(0), Qty(10), Qty(0), Notional(0), ACME.instrument_id
        )
        for n in (1, 2)
    )
    message = only(
        ListStatusReported(ORIGIN, "LIST", ContingencyType.ONE_CANCELS_OTHER, 1, 3, orders)
    )
    assert fields(message, 66, 429, 431, 68, 73) == ["LIST", "1", "3", "2", "2"]
    assert [value for tag, value in message.fields if tag == 11] == [b"L1", b"L2"]


def test_a_mass_cancel_report_counts_and_names_what_it_canceled() -> None:
    report = MassCancelReported(
        ORIGIN,
        "M1",
        MassCancelRequestType.ALL_ORDERS,
        OrderId(0),
        ((OrderId(17), "A1"), (OrderId(18), "A2")),
    )
    message = only(report)
    assert fields(message, 11, 530, 531, 533, 534) == ["M1", "7", "7", "2", "2"]
    refused = msgspec.structs.replace(report, affected=(), reject_reason=1, text="unknown symbol")
    assert fields(only(refused), 531, 532, 533, 58) == ["0", "1", None, "unknown symbol"]
