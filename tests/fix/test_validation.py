"""Every SessionRejectReason(373). FIX: Vol. 2 tests 2q, 2r, 14a to 14p, 15, 21."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixoms.fix.dictionary import Dictionary, FieldDef
from fixoms.fix.message import Message
from fixoms.fix.rejects import BusinessRejectReason, Reject, SessionRejectReason
from fixoms.fix.validation import (
    STRICT,
    STRICT_WITH_DECLARED,
    UserDefined,
    Validator,
    validate,
)
from tests.fix.wire_text import HEADER, ORDER, message

FIX44 = Dictionary.fix44()
DECLARED = FIX44.with_user_fields(
    [FieldDef(9001, "SelfTradePrevention", "char", {b"1": "CancelNewest"})]
)
TRADE = f"{ORDER}|453=2|448=P1|447=D|452=1|802=1|523=S|803=4|448=P2|447=D|452=3"


def refusal(text: str) -> Reject | None:
    return validate(message(text), FIX44, STRICT)


def reason_and_tag(text: str) -> tuple[int, int | None]:
    found = refusal(text)
    assert found is not None
    assert isinstance(found.reason, SessionRejectReason)
    assert found.text.startswith(found.reason.phrase)
    return int(found.reason), found.ref_tag_id


@pytest.mark.parametrize(
    "text",
    [
        ORDER,
        TRADE,
        f"35=0|{HEADER}",
        f"35=A|{HEADER}|98=0|108=30",
        f"35=A|{HEADER}|98=0|108=30|95=3|96=a|b|553=u",
        f"35=5|{HEADER}",
        f"35=0|{HEADER}|627=1|628=HOP|629=20260105-13:30:00|630=7",
        f"35=0|{HEADER}|112=x|93=3|89=a|b",
        # FIX: Vol. 2 test 15, header and body fields in another order.
        "35=D|49=TW|34=3|56=ISLD|52=20260105-13:30:00|40=1|55=MS|60=20260105-13:30:00|54=1|11=i",
        # Values as clients write them.
        f"{ORDER.replace('38=100', '38=002000.00')}|18=6 G|15=USD",
        f"35=d|{HEADER}|320=R|322=S|323=6|55=TBS|22=8|167=CS|336=ONE_MAIN|454=0",
        f"35=6|{HEADER}|23=I|28=N|55=ACME|54=1|27=1000",
        f"35=6|{HEADER}|23=I|28=N|55=ACME|54=1|27=L",
        f"35=D|{HEADER}|11=A|54=1|60=20260105-13:30:00|40=1|55=INTC|386=2|336=PRE|336=POST",
        f"35=0|{HEADER}|212=8|213=<a>b</a>|112=x",
    ],
)
def test_what_the_standard_allows(text: str) -> None:
    assert refusal(text) is None


REFUSED = [
    # 14a: a tag the specification does not define.
    (f"35=0|{HEADER}|999=HI", 999, 0, 999),
    (f"35=0|{HEADER}|4999=HI", 4999, 0, 4999),
    (f"35=0|{HEADER}|5000=HI", 5000, 0, 5000),
    # 14b: required fields, in header, body and a group.
    ("35=0|49=A|34=2|52=20260105-13:30:00", 56, 1, 56),
    ("35=0|49=A|56=B|34=2", 52, 1, 52),
    (f"35=D|{HEADER}|40=1|60=20260105-13:30:00|54=1|21=3|11=id", 55, 1, 55),
    (ORDER.replace("|11=A1", ""), 11, 1, 11),
    (f"35=E|{HEADER}|66=L|394=1|68=1|73=1|11=A|67=1|54=1", 55, 1, 55),
    (f"35=B|{HEADER}|148=x|33=1|58=line|96=data", 95, 1, 95),
    # 14c: a field of another message.
    (f"35=0|{HEADER}|55=MSFT", 55, 2, 55),
    (f"{ORDER}|448=P1", 448, 2, 448),
    # 14d: no value.
    ("35=0|34=2|49=A|52=20260105-13:30:00|56=", 56, 4, 56),
    (ORDER.replace("55=ACME", "55="), 55, 4, 55),
    (TRADE.replace("448=P2", "448="), 448, 4, 448),
    (ORDER + "|453=", 453, 4, 453),
    # 14e: not one of the values.
    (f"{ORDER}|21=4", 21, 5, 21),
    (f"{ORDER}|167=BOO", 167, 5, 167),
    (f"{ORDER}|18=6 ?", 18, 5, 18),
    (ORDER.replace("54=1", "54=Z"), 54, 5, 54),
    (TRADE.replace("452=1", "452=999"), 452, 5, 452),
    (f"35=B|{HEADER}|148=x|33=1|58=line|95=3|96=abcdef", 95, 5, 95),
    # 14f: not of the data type.
    (ORDER.replace("38=100", "38=+200.00"), 38, 6, 38),
    (ORDER.replace("38=100", "38=1e3"), 38, 6, 38),
    (ORDER.replace("44=10.05", "44=1,000"), 44, 6, 44),
    (ORDER.replace("44=10.05", "44= 10"), 44, 6, 44),
    (ORDER.replace("60=20260105-13:30:00", "60=20260230-13:30:00"), 60, 6, 60),
    (ORDER.replace("60=20260105-13:30:00", "60=2026-01-05"), 60, 6, 60),
    (ORDER.replace("34=2", "34=x"), 34, 6, 34),
    (f"{ORDER}|18=6  G", 18, 6, 18),
    (f"{ORDER}|15=US", 15, 6, 15),
    (f"{ORDER}|453=x", 453, 6, 453),
    (f"{ORDER}|453=-1", 453, 6, 453),
    (f"35=B|{HEADER}|148=x|33=1|58=line|95=x|96=abc", 95, 6, 95),
    # Encrypted fields and what XmlData holds.
    (f"35=0|{HEADER}|90=3|91=abc", 91, 7, 91),
    (f"35=0|{HEADER}|212=4|213=<a>b", 213, 12, 213),
    # 14g: sections.
    ("35=D|11=id|21=3|40=1|54=1|55=MSFT|60=20260105-13:30:00|34=2|49=TW|52=x|56=I", 34, 14, 34),
    ("35=D|55=MSFT|34=3|49=TW|52=20260105-13:30:00|56=ISLD|11=id", 34, 14, 34),
    (f"35=0|{HEADER}|93=3|89=abc|112=x", 112, 14, 112),
    (ORDER + "|34=2", 34, 14, 34),
    # 14h: twice.
    (ORDER.replace("40=2", "40=2|40=1"), 40, 13, 40),
    (ORDER.replace("34=2", "34=2|34=2"), 34, 13, 34),
    (TRADE.replace("447=D|452=3", "447=D|447=D|452=3"), 447, 13, 447),
    # 14i: counts.
    (f"{ORDER}|386=3|336=PRE-OPEN|336=AFTER-HOURS|18=6", 386, 16, 386),
    (f"{ORDER}|386=1|336=PRE-OPEN|336=AFTER-HOURS", 386, 16, 386),
    (f"{ORDER}|386=0|336=PRE-OPEN", 386, 16, 386),
    (f"{ORDER}|386=1", 386, 16, 386),
    (f"{ORDER}|453=999999999|448=P", 453, 16, 453),
    (TRADE.replace("802=1", "802=2"), 802, 16, 802),
    # 14j: order inside a group.
    (f"{ORDER}|78=2|80=50|79=a1|80=150|79=a2", 80, 15, 80),
    (TRADE.replace("447=D|452=1", "452=1|447=D"), 447, 15, 447),
    (f"35=C|{HEADER}|164=t|94=0|147=s|146=1|864=1|865=1|33=1|58=t", 864, 15, 864),
    (TRADE.replace("523=S|803=4", "803=4|523=S"), 803, 15, 803),
]  # fmt: skip


@pytest.mark.parametrize(("text", "names", "reason", "ref_tag_id"), REFUSED)
def test_what_it_refuses(text: str, names: int, reason: int, ref_tag_id: int) -> None:
    found = refusal(text)
    assert found is not None, text
    assert (int(found.reason), found.ref_tag_id) == (reason, ref_tag_id), found.text
    assert str(names) in found.text
    assert isinstance(found.reason, SessionRejectReason)
    assert found.text.startswith(found.reason.phrase)


def test_the_first_fault_on_the_wire_decides() -> None:
    assert reason_and_tag(f"35=D|{HEADER}|55=|999=x|40=?") == (4, 55)
    assert reason_and_tag(f"35=D|{HEADER}|999=x|55=|40=?") == (0, 999)


def test_texts_name_field_and_value() -> None:
    found = refusal(ORDER.replace("38=100", "38=1e3"))
    assert found is not None
    assert found.text == (
        "Incorrect data format for value: OrderQty(38) is 1e3, which is not a Qty"
    )


@pytest.mark.parametrize("msg_type", ["ZZ", "U1", "zz9"])
def test_an_unknown_message_type_is_for_the_business_level(msg_type: str) -> None:
    found = validate(message(f"35={msg_type}|{HEADER}"), FIX44, STRICT)
    assert found is not None
    assert found.reason is BusinessRejectReason.UNSUPPORTED_MESSAGE_TYPE
    assert msg_type in found.text


@pytest.mark.parametrize("msg_type", ["*", "D ", "é", "A" * 9])
def test_what_cannot_be_a_message_type(msg_type: str) -> None:
    assert reason_and_tag(f"35={msg_type}|{HEADER}") == (11, 35)


def test_an_empty_message_type() -> None:
    assert reason_and_tag(f"35=|{HEADER}") == (4, 35)


def test_user_defined_fields_when_declared() -> None:
    declared = message(f"{ORDER}|9001=1")
    assert validate(declared, DECLARED, STRICT_WITH_DECLARED) is None
    for text, expected in [("9001=2", (5, 9001)), ("9001=", (4, 9001)), ("9002=1", (3, 9002))]:
        found = validate(message(f"{ORDER}|{text}"), DECLARED, STRICT_WITH_DECLARED)
        assert found is not None
        assert (int(found.reason), found.ref_tag_id) == expected
    found = validate(message(f"{ORDER}|5000=1"), FIX44, STRICT_WITH_DECLARED)
    assert found is not None
    assert found.reason is SessionRejectReason.INVALID_TAG_NUMBER
    found = validate(declared, DECLARED, STRICT)
    assert found is not None
    assert found.reason is SessionRejectReason.INVALID_TAG_NUMBER


def test_user_defined_fields_inside_a_group() -> None:
    text = TRADE.replace("447=D|452=3", "447=D|9001=1|452=3")
    assert validate(message(text), DECLARED, STRICT_WITH_DECLARED) is None
    bad = validate(message(text.replace("9001=1", "9001=x")), DECLARED, STRICT_WITH_DECLARED)
    assert bad is not None
    assert (int(bad.reason), bad.ref_tag_id) == (5, 9001)


def test_any_user_defined_field() -> None:
    policy = replace(STRICT, user_defined=UserDefined.ACCEPT_ALL)
    assert validate(message(f"{ORDER}|5000=x|20000=y"), FIX44, policy) is None
    found = validate(message(f"{ORDER}|5000="), FIX44, policy)
    assert found is not None
    assert int(found.reason) == 4
    found = validate(message(f"{ORDER}|9001=2"), DECLARED, policy)
    assert found is not None
    assert int(found.reason) == 5


@pytest.mark.parametrize(
    ("text", "change"),
    [
        (ORDER.replace("|11=A1", ""), {"check_required": False}),
        (f"{ORDER}|999=x|112=y", {"accept_undefined": True}),
        (ORDER.replace("44=10.05", "44=1e3"), {"check_formats": False}),
        (f"{ORDER}|21=4", {"check_values": False}),
        ("35=0|49=A|56=B|34=2|112=x|52=20260105-13:30:00", {"check_section_order": False}),
        (TRADE.replace("447=D|452=1", "452=1|447=D"), {"check_group_order": False}),
        (ORDER + "|40=2", {"check_repeated": False}),
        (f"{ORDER}|58=|21=|453=", {"accept_empty": True}),
        (f"35=0|{HEADER}|212=4|213=<a>b", {"check_xml": False}),
        (f"35=0|{HEADER}|90=3|91=abc", {"accept_secure_data": True}),
    ],
)  # fmt: skip
def test_each_rule_can_be_waived(text: str, change: dict[str, Any]) -> None:
    assert refusal(text) is not None
    assert validate(message(text), FIX44, replace(STRICT, **change)) is None


def test_a_signature_can_be_refused() -> None:
    signed = message(f"35=0|{HEADER}|93=3|89=abc")
    found = validate(signed, FIX44, replace(STRICT, accept_signature=False))
    assert found is not None
    assert (int(found.reason), found.ref_tag_id) == (8, 89)


def test_xml_that_multiplies_itself_is_refused() -> None:
    xml = '<!DOCTYPE a [<!ENTITY b "cc"><!ENTITY d "&b;&b;">]><a>&d;</a>'
    assert reason_and_tag(f"35=0|{HEADER}|212={len(xml)}|213={xml}") == (12, 213)


def test_no_message_type_of_the_standard_is_unknown() -> None:
    for msg_type in FIX44.messages:
        found = validate(message(f"35={msg_type}|{HEADER}"), FIX44, STRICT)
        assert found is None or found.reason is SessionRejectReason.REQUIRED_TAG_MISSING


some_fields = st.lists(
    st.tuples(
        st.sampled_from(
            [49, 56, 34, 52, 43, 627, 628, 93, 89, 90, 91, 212, 213, 11, 55, 54, 60, 38, 40, 44,
             59, 18, 15, 453, 448, 447, 452, 802, 523, 803, 386, 336, 78, 79, 80, 58, 354, 355,
             112, 999, 5000, 9001]
        ),
        st.sampled_from(
            [b"", b"1", b"2", b"ACME", b"20260105-13:30:00", b"-1", b"0", b"6 G", b"x", b"10.05",
             b"99999999999999999999", b"USD", b"<a/>"]
        ),
    ),
    max_size=25,
)  # fmt: skip


@settings(max_examples=500)
@given(st.sampled_from(["D", "0", "A", "E", "B"]), some_fields)
def test_the_tables_and_the_walk_agree(msg_type: str, fields: list[tuple[int, bytes]]) -> None:
    """What the fast way accepts, the walk accepts; every refusal comes from the walk."""
    for policy in (STRICT, STRICT_WITH_DECLARED, replace(STRICT, check_repeated=False)):
        validator = Validator(DECLARED, policy)
        found = Message(msg_type, fields)
        fast = validator.validate(found)
        rules = validator._rules[msg_type]
        assert fast == validator._walk(found, rules)


complete = message(TRADE).fields


@settings(max_examples=300)
@given(st.permutations(range(len(complete))), st.integers(0, len(complete)))
def test_shuffled_messages_never_raise(order: list[int], size: int) -> None:
    fields = [complete[place] for place in order[:size]]
    found = validate(Message("D", fields), FIX44, STRICT)
    assert found is None or found.ref_tag_id in dict(complete) | {11: b""}
