"""What a message becomes, and who is told what when it cannot become anything."""

import pytest

from fixoms.domain.commands import (
    CancelOrder,
    EnterList,
    EnterOrder,
    MassCancel,
    Origin,
    Refusal,
    ReplaceOrder,
)
from fixoms.domain.enums import (
    BusinessRejectReason,
    ContingencyType,
    MassCancelRequestType,
    OrdRejReason,
    OrdType,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from fixoms.domain.instrument import Instrument
from fixoms.domain.units import Price, Qty
from fixoms.fix.codec import encode, parse
from fixoms.fix.message import Message
from fixoms.fix.validation import STRICT_WITH_DECLARED, validate
from fixoms.gateway.inbound import Inbound, Refused, Translation
from fixoms.gateway.venue_dictionary import venue_dictionary

ORIGIN = Origin("ALICE", "BROKER-A", "anna", 7)
ACME = Instrument(symbol="ACME", market="XFOM")
COIN = Instrument(symbol="COIN", market="XFOM", price_decimals=4, qty_decimals=3)
LISTED = {"ACME": ACME, "COIN": COIN}
TIME = "60=20260105-13:30:00.000"
BODIES = {
    "D": f"11=A1|21=1|55=ACME|54=1|{TIME}|38=100|40=2|44=10.05",
    "G": f"41=A1|11=A2|21=1|55=ACME|54=1|{TIME}|38=100|40=2|44=10.05",
    "F": f"41=A1|11=A2|55=ACME|54=1|{TIME}|38=100",
}
HEADER = [(34, b"7"), (49, b"ALICE"), (52, b"20260105-13:30:00.000"), (56, b"FIXOMS")]


def received(msg_type: str, fields: str) -> Message:
    """A message as it comes out of the session: over the wire, and past the dictionary."""
    body = []
    for field in fields.split("|"):
        tag, _, value = field.partition("=")
        body.append((int(tag), value.encode()))
    message = parse(encode(msg_type, HEADER, body))
    assert validate(message, venue_dictionary(), STRICT_WITH_DECLARED) is None
    return message


def translate(msg_type: str, fields: str) -> Translation:
    inbound = Inbound(lambda symbol, _market: LISTED.get(symbol), venue_dictionary())
    return inbound.translate(received(msg_type, fields), ORIGIN)


def order(changed: str = "", *, without: int = 0) -> EnterOrder:
    command = translate("D", body("D", changed, without=without))
    assert isinstance(command, EnterOrder)
    return command


def body(msg_type: str, changed: str = "", *, without: int = 0) -> str:
    fields = dict(field.split("=") for field in BODIES[msg_type].split("|"))
    fields.update(dict(field.split("=") for field in changed.split("|")) if changed else {})
    fields.pop(str(without), None)
    return "|".join(f"{tag}={value}" for tag, value in fields.items())


def test_a_limit_order() -> None:
    command = order()
    assert command.origin == ORIGIN
    assert (command.cl_ord_id, command.symbol, command.market) == ("A1", "ACME", "")
    assert command.refusal is None
    assert not command.poss_resend
    terms = command.terms
    assert terms.side is Side.BUY
    assert terms.ord_type is OrdType.LIMIT
    assert terms.tif is TimeInForce.DAY
    assert (terms.qty, terms.price) == (100, 1005)
    assert terms.stp is SelfTradePrevention.PARTICIPANT_DEFAULT


def test_quantities_and_prices_have_the_decimals_of_the_instrument() -> None:
    terms = order("55=COIN|38=0.125|44=0.0001|99=2|111=0.1|110=.025").terms
    assert (terms.qty, terms.price, terms.stop_px) == (125, 1, 20_000)
    assert (terms.max_floor, terms.min_qty) == (100, 25)


def test_every_further_term() -> None:
    command = order(
        "55=ACME|1=ACC|18=a 6|40=P|99=9.5|211=-0.10|59=6|432=20260109"
        "|126=20260109-10:00:00|7928=2|15=USD|583=LINK|207=XETR"
    )
    terms = command.terms
    assert terms.account == "ACC"
    assert terms.exec_inst == "a 6"
    assert terms.peg_offset == -10
    assert terms.tif is TimeInForce.GOOD_TILL_DATE
    assert terms.expire_date == "20260109"
    assert terms.expire_time == 1767952800 * 10**9
    assert terms.stp is SelfTradePrevention.CANCEL_OLDEST
    assert terms.echo == ((15, "USD"), (583, "LINK"))
    assert command.market == "XETR"


def test_instructions_that_are_the_brokers_affair_are_only_repeated() -> None:
    command = order("18=1 G")
    assert command.refusal is None
    assert command.terms.exec_inst == "G"
    assert command.terms.echo == ((18, "1 G"),)


def test_an_instruction_the_venue_cannot_follow_is_refused() -> None:
    refusal = order("18=0").refusal
    assert refusal is not None
    assert refusal.text == "ExecInst(18) 0 is not taken at this venue"


def test_ex_destination_goes_before_security_exchange() -> None:
    assert order("100=XPAR|207=XETR").market == "XPAR"


def test_the_client_is_the_party_in_that_role() -> None:
    text = body("D") + "|453=2|448=DESK|447=D|452=36|448=CLIENT-9|447=D|452=3"
    command = translate("D", text)
    assert isinstance(command, EnterOrder)
    assert command.terms.client == "CLIENT-9"
    assert command.terms.parties[0] == (453, "2")
    assert [value for tag, value in command.terms.parties if tag == 448] == ["DESK", "CLIENT-9"]


def test_an_end_says_something_of_gtd_orders_only() -> None:
    terms = order("126=20260105-13:00:00|432=20260101").terms
    assert (terms.expire_time, terms.expire_date) == (None, "")
    assert terms.echo == ((432, "20260101"), (126, "20260105-13:00:00"))


@pytest.mark.parametrize(
    ("changed", "without", "named"),
    [
        ("", 44, "Price(44)"),
        ("", 38, "OrderQty(38)"),
        ("40=3", 44, "StopPx(99)"),
        ("40=4", 0, "StopPx(99)"),
        ("40=J", 44, "StopPx(99)"),
        ("40=P", 44, "ExecInst(18)"),
        ("40=P|18=a", 44, "PegOffsetValue(211)"),
        ("40=3|18=a", 44, "PegOffsetValue(211)"),
        ("59=6", 0, "ExpireDate(432)"),
    ],
)
def test_a_conditionally_required_field(changed: str, without: int, named: str) -> None:
    refused = translate("D", body("D", changed, without=without))
    assert refused == Refused(
        BusinessRejectReason.CONDITIONALLY_REQUIRED_FIELD_MISSING,
        "A1",
        f"{named} is required here",
    )


@pytest.mark.parametrize(
    ("changed", "reason", "text", "echo"),
    [
        ("44=10.005", OrdRejReason.OTHER, "Price(44) 10.005 has more than 2 decimals", "10.005"),
        (
            "38=1.5",
            OrdRejReason.INCORRECT_QUANTITY,
            "OrderQty(38) 1.5 has more than 0 decimals",
            "1.5",
        ),
        (
            "38=99999999999999999999",
            OrdRejReason.INCORRECT_QUANTITY,
            "OrderQty(38) 99999999999999999999 is above the venue's largest value",
            "99999999999999999999",
        ),
        (
            "54=8",
            OrdRejReason.UNSUPPORTED_ORDER_CHARACTERISTIC,
            "Side(54) 8 is not traded at this venue",
            "8",
        ),
        (
            "40=I",
            OrdRejReason.UNSUPPORTED_ORDER_CHARACTERISTIC,
            "OrdType(40) I is not traded at this venue",
            "I",
        ),
    ],
)
def test_what_has_no_place_in_the_venue_is_refused_and_echoed(
    changed: str, reason: OrdRejReason, text: str, echo: str
) -> None:
    command = order(changed)
    assert command.refusal == Refusal(reason, text)
    assert (int(changed.partition("=")[0]), echo) in command.terms.echo


def test_price_times_quantity_has_a_bound() -> None:
    command = order("38=999999999999|44=9999999999.99")
    assert command.refusal is not None
    assert command.refusal.reason is OrdRejReason.ORDER_EXCEEDS_LIMIT


def test_an_unknown_symbol_leaves_the_figures_to_the_echo() -> None:
    command = order("55=NOPE")
    assert command.refusal is None
    assert (command.terms.qty, command.terms.price) == (0, None)
    assert command.terms.echo == ((38, "100"), (44, "10.05"))


def test_cash_quantity_is_not_taken() -> None:
    command = order("152=1000", without=38)
    assert command.refusal is not None
    assert "CashOrderQty(152)" in command.refusal.text


def test_poss_resend_is_seen() -> None:
    header = [*HEADER, (97, b"Y")]
    fields = [tuple(field.split("=")) for field in BODIES["D"].split("|")]
    message = parse(encode("D", header, [(int(tag), value.encode()) for tag, value in fields]))
    inbound = Inbound(lambda symbol, _market: LISTED.get(symbol), venue_dictionary())
    command = inbound.translate(message, ORIGIN)
    assert isinstance(command, EnterOrder)
    assert command.poss_resend


def test_replace_and_cancel_name_the_order() -> None:
    replace = translate("G", body("G", "37=O17"))
    assert isinstance(replace, ReplaceOrder)
    assert (replace.cl_ord_id, replace.orig_cl_ord_id, replace.order_id) == ("A2", "A1", 17)
    assert (replace.terms.price, replace.terms.qty) == (Price(1005), Qty(100))
    cancel = translate("F", body("F", "37=nonsense"))
    assert isinstance(cancel, CancelOrder)
    assert (cancel.cl_ord_id, cancel.orig_cl_ord_id, cancel.order_id) == ("A2", "A1", 0)


def test_a_replace_may_leave_the_side_to_the_order() -> None:
    replace = translate("G", body("G", without=54))
    assert isinstance(replace, ReplaceOrder)
    assert not replace.names_side


LEG = "55=ACME|54={side}|38=10|40=2|44=10.00"


def listed(legs: int, total: int, extra: str = "") -> str:
    legs_of = range(1, legs + 1)
    orders = "|".join(
        f"11=L{n}|67={n}|583=K|" + LEG.format(side=1 + n % 2) + "|7928=1" for n in legs_of
    )
    return f"66=LIST|394=1|68={total}{extra}|73={legs}|{orders}"


def test_a_list_is_taken_order_by_order() -> None:
    command = translate("E", listed(2, 2, "|1385=1"))
    assert isinstance(command, EnterList)
    assert command.contingency is ContingencyType.ONE_CANCELS_OTHER
    assert [each.cl_ord_id for each in command.orders] == ["L1", "L2"]
    assert [each.terms.side for each in command.orders] == [Side.SELL, Side.BUY]
    assert {each.terms.stp for each in command.orders} == {SelfTradePrevention.CANCEL_NEWEST}
    assert {each.cl_ord_link_id for each in command.orders} == {"K"}


def test_a_list_in_pieces_is_refused_with_the_count() -> None:
    refused = translate("E", listed(2, 3))
    assert isinstance(refused, Refused)
    assert refused.ref_id == "LIST"
    assert "TotNoOrders(68) 3" in refused.text


def test_mass_cancel_by_segment_needs_its_name() -> None:
    command = translate("q", f"11=M1|530=6|336=MAIN|54=2|{TIME}")
    assert isinstance(command, MassCancel)
    assert command.request_type is MassCancelRequestType.TRADING_SESSION
    assert (command.segment, command.side) == ("MAIN", Side.SELL)
    refused = translate("q", f"11=M1|530=6|{TIME}")
    assert isinstance(refused, Refused)
    assert "TradingSessionID(336)" in refused.text


def test_mass_cancel_by_account() -> None:
    command = translate("q", f"11=M1|530=7|{TIME}|1=ACC-9")
    assert isinstance(command, MassCancel)
    assert command.account == "ACC-9"


@pytest.mark.parametrize("wire_type", ["2", "3", "4", "5"])
def test_a_mass_cancel_the_venue_does_not_do_is_refused(wire_type: str) -> None:
    refused = translate("q", f"11=M1|530={wire_type}|{TIME}")
    assert isinstance(refused, Refused)
    assert "MassCancelRequestType(530)" in refused.text
