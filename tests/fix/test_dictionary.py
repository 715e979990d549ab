"""The FIX 4.4 dictionary, its text form, and QuickFIX files in and out."""

import re
from pathlib import Path

import pytest

from fixoms.fix import tags
from fixoms.fix.data_fields import FIX44_DATA_FIELDS
from fixoms.fix.dictionary import (
    Block,
    ComponentRef,
    Dictionary,
    DictionaryError,
    FieldDef,
    FieldRef,
    GroupRef,
    MessageSpec,
    load_quickfix_xml,
)
from fixoms.fix.spec_text import load_spec, parse_spec, print_spec
from fixoms.fix.validation import STRICT, STRICT_WITH_DECLARED, validate
from tests.fix.wire_text import HEADER, ORDER, message

FIX44 = Dictionary.fix44()
SPEC = Path(__file__).parents[2] / "src" / "fixoms" / "fix" / "spec"


def test_fields_by_tag_and_name() -> None:
    field = FIX44.fields[11]
    assert (field.name, field.type, field.label) == ("ClOrdID", "String", "ClOrdID(11)")
    assert FIX44.by_name["ClOrdID"] is field
    assert FIX44.label(11) == "ClOrdID(11)"
    assert FIX44.label(5001) == "tag 5001"


def test_values_by_name_and_wire_value() -> None:
    exec_type = FIX44.by_name["ExecType"]
    assert exec_type.value_named("Trade") == b"F"
    assert exec_type.value_name(b"F") == "Trade"
    assert exec_type.value_name(b"?") is None
    assert FIX44.by_name["OrdStatus"].value_named("PartiallyFilled") == b"1"
    assert FIX44.by_name["CxlRejReason"].value_named("TooLateToCancel") == b"0"
    with pytest.raises(KeyError, match=r"ExecType\(150\) has no value Nothing"):
        exec_type.value_named("Nothing")


def test_lists_that_are_not_closed() -> None:
    """FIX: Vol. 6, fields 22, 27, 452 and 847."""
    for text, reason in [
        ("22=J", None),
        ("22=99", 5),
        ("22=100", None),
        ("22=K", 5),
        ("847=4", 5),
        ("847=1000", None),
        ("454=1|455=X|456=Z", 5),
        ("454=1|455=X|456=101", None),
        ("453=1|448=P|452=39", 5),
    ]:
        found = validate(message(f"{ORDER}|{text}"), FIX44, STRICT)
        assert (found and int(found.reason)) == reason, text


def test_fields_that_share_values() -> None:
    role, nested = FIX44.by_name["PartyRole"], FIX44.by_name["NestedPartyRole"]
    assert nested.same_values_as == "PartyRole"
    assert nested.values == role.values
    assert nested.value_named("clientid") == b"3"


def test_messages_and_groups() -> None:
    order = FIX44.messages["D"]
    assert FIX44.messages_by_name["NewOrderSingle"] is order
    assert not order.is_admin
    assert FIX44.messages["A"].is_admin
    assert {11, 54, 55, 60, 40} <= order.required
    parties = order.groups[tags.NO_PARTY_IDS]
    assert parties.name == "NoPartyIDs"
    assert parties.delimiter == tags.PARTY_ID
    assert parties.block.order == (448, 447, 452, 802)
    assert parties.block.groups[802].block.order == (523, 803)


def test_all_of_fix_44_is_there() -> None:
    assert FIX44.begin_string == "FIX.4.4"
    assert len(FIX44.messages) == 93
    assert len(FIX44.fields) == 912
    assert max(FIX44.fields) == 956
    admin = {each.msg_type for each in FIX44.messages.values() if each.is_admin}
    assert admin == set("012345A")
    names = {wire.decode(): name for wire, name in FIX44.by_name["MsgType"].values.items()}
    assert {msg_type: each.name for msg_type, each in FIX44.messages.items()} == names


def blocks_in(block: Block) -> list[Block]:
    inner = [each for group in block.groups.values() for each in blocks_in(group.block)]
    return [block, *inner]


@pytest.mark.parametrize("name", sorted(FIX44.messages_by_name))
def test_every_group_is_counted_and_unambiguous(name: str) -> None:
    body = FIX44.messages_by_name[name].block
    for block in (*blocks_in(body), *blocks_in(FIX44.header)):
        for tag in block.order:
            is_count = FIX44.fields[tag].type == "NumInGroup"
            assert is_count == (tag in block.groups), FIX44.label(tag)
        for group in block.groups.values():
            # A group ends at the first tag that is not its own, so no tag may be both.
            shared = set(group.block.order) & set(block.order)
            assert not shared, [FIX44.label(tag) for tag in shared]


def test_data_fields_stand_behind_their_length() -> None:
    assert FIX44.data_fields == dict(FIX44_DATA_FIELDS)
    of_type = {tag for tag, each in FIX44.fields.items() if each.type == "data"}
    assert of_type == set(FIX44_DATA_FIELDS.values())


def test_tag_constants_are_the_standards_names() -> None:
    for name, tag in vars(tags).items():
        if not name.isupper() or name == "FIRST_USER_DEFINED":
            continue
        assert FIX44.fields[tag].name.upper() == name.replace("_", ""), name


def test_every_name_reads_as_the_standard_writes_it() -> None:
    camel = re.compile(r"[A-Z][A-Za-z0-9]*")
    for field in FIX44.fields.values():
        assert camel.fullmatch(field.name)
        assert len(set(field.values.values())) == len(field.values), field.label
        for value_name in field.values.values():
            assert camel.fullmatch(value_name), field.label


def test_the_text_form_is_printed_as_it_is_read(tmp_path: Path) -> None:
    def without_comments(text: str) -> str:
        return "".join(line for line in text.splitlines(True) if not line.startswith("#")).strip()

    for name, text in print_spec(FIX44).items():
        assert text.strip() == without_comments((SPEC / name).read_text())
        (tmp_path / name).write_text(text)
    again = load_spec(tmp_path)
    assert print_spec(again) == print_spec(FIX44)
    assert again.messages == FIX44.messages
    assert again.fields == FIX44.fields


def test_quickfix_xml_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "FIX44.xml"
    path.write_text(FIX44.to_quickfix_xml())
    again = load_quickfix_xml(path)
    assert again.begin_string == "FIX.4.4"
    assert again.header == FIX44.header
    assert again.trailer == FIX44.trailer
    assert {key: each.block for key, each in again.messages.items()} == {
        key: each.block for key, each in FIX44.messages.items()
    }
    assert again.components == FIX44.components
    for tag, field in FIX44.fields.items():
        assert again.fields[tag].type == field.type
        expected = set() if field.open_values or field.free_from else set(field.values)
        assert set(again.fields[tag].values) == expected, field.label
    assert validate(message(ORDER), again, STRICT) is None
    assert again.to_quickfix_xml() == load_quickfix_xml(path).to_quickfix_xml()


def test_user_fields_everywhere_or_in_one_message() -> None:
    stp = FieldDef(9001, "SelfTradePrevention", "char", {b"1": "CancelNewest"})
    everywhere = FIX44.with_user_fields([stp])
    only_orders = FIX44.with_user_fields([stp], ["D"])
    for dictionary, expected in [(everywhere, True), (only_orders, False)]:
        assert validate(message(f"{ORDER}|9001=1"), dictionary, STRICT_WITH_DECLARED) is None
        heartbeat = message(f"35=0|{HEADER}|9001=1")
        found = validate(heartbeat, dictionary, STRICT_WITH_DECLARED)
        assert (found is None) == expected
    assert 9001 not in FIX44.fields


def test_a_field_of_a_later_version() -> None:
    extended = FIX44.with_user_fields(
        [FieldDef(1385, "ContingencyType", "int", {b"1": "OneCancelsTheOther"})], ["E"]
    )
    assert 1385 in extended.messages["E"].block.place
    assert 1385 not in extended.messages["D"].block.place
    twice = extended.with_user_fields([extended.fields[1385]])
    assert twice.messages["E"].block == extended.messages["E"].block
    assert 1385 in twice.messages["D"].block.place


def test_user_fields_need_a_message_that_exists() -> None:
    with pytest.raises(DictionaryError, match="no message type ZZ"):
        FIX44.with_user_fields([], ["ZZ"])


FIELDS = [FieldDef(8, "A", "String"), FieldDef(9, "NoB", "NumInGroup"), FieldDef(1, "C", "char")]


@pytest.mark.parametrize(
    ("fields", "header", "components", "messages", "error"),
    [
        ([*FIELDS, FIELDS[0]], (), {}, [], r"A\(8\) is defined twice"),
        ([FieldDef(0, "A", "char")], (), {}, [], "positive"),
        ([FieldDef(1, "A", "text")], (), {}, [], "unknown type text"),
        (FIELDS, (FieldRef(7, True),), {}, [], "tag 7 is used and not defined"),
        (FIELDS, (FieldRef(8, True), FieldRef(8, True)), {}, [], r"A\(8\) stands twice"),
        (FIELDS, (ComponentRef("X", True),), {}, [], "component X is not defined"),
        (FIELDS, (ComponentRef("X", True),), {"X": (ComponentRef("X", True),)}, [], "itself"),
        (FIELDS, (GroupRef(9, True, ()),), {}, [], r"NoB\(9\) is empty"),
        (
            FIELDS,
            (GroupRef(9, True, (ComponentRef("X", True),)),),
            {"X": (GroupRef(9, True, (ComponentRef("X", True),)),)},
            [],
            "itself",
        ),
        (
            FIELDS,
            (),
            {},
            [MessageSpec("0", "A", True, ()), MessageSpec("0", "B", True, ())],
            "message 0 B is defined twice",
        ),
    ],
)
def test_a_dictionary_that_contradicts_itself(
    fields: list[FieldDef],
    header: tuple[FieldRef, ...],
    components: dict[str, tuple[FieldRef, ...]],
    messages: list[MessageSpec],
    error: str,
) -> None:
    with pytest.raises(DictionaryError, match=error):
        Dictionary("FIX.4.4", fields, header, (), components, messages)


SMALL = "version FIX.4.4\nfields\n  1  A char\n     B Buy\n  2 NoX NumInGroup\n"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("fields\n  x A char\n", "fields at line 1"),
        ("fields\n  1 A\n", "not enough values"),
        (SMALL + "     B Again\n".replace("B", "C") + "    x\n", "not enough values"),
        (SMALL.replace("     B Buy\n", "     B Buy\n     B Bye\n"), "lists the value B twice"),
        (SMALL + "header\n  1 B\n", "tag 1 is called A, not B"),
        (SMALL + "header\n  2 NoX\n      1 A\n    1 A\n", "indented"),
        (SMALL + "header\n    1 A\n  2 NoX\n", "indented less"),
        (SMALL + "component X\n  1 A\ncomponent X\n", "component X is defined twice"),
        (SMALL + "nonsense\n", "unknown heading 'nonsense'"),
        (SMALL.replace("char", "char maybe"), r"A\(1\): 'maybe' says nothing"),
        (SMALL + "fields\n  3 D char = NoX\n", r"D\(3\): NoX has no values to share"),
    ],
)
def test_a_text_that_cannot_be_read(text: str, error: str) -> None:
    with pytest.raises(DictionaryError, match=error):
        parse_spec([("spec", text)])


def test_a_folder_without_a_dictionary(tmp_path: Path) -> None:
    with pytest.raises(DictionaryError, match=r"no \*\.fixdict"):
        load_spec(tmp_path)


@pytest.mark.parametrize(
    ("xml", "error"),
    [
        ("<fix", "unclosed token|no element"),
        ("<fox/>", "root element is fox"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><fix/>", "entity"),
        ("<fix><fields><field number='x' name='A' type='INT'/></fields></fix>", "number 'x'"),
        ("<fix><fields><field number='1' name='A' type='INTEGER'/></fields></fix>", "'INTEGER'"),
        ("<fix><header><field name='A' required='Y'/></header></fix>", "'A' is used"),
        ("<fix><header><component name='A' required='Y'/></header></fix>", "component A"),
        ("<fix>" + "<x>" * 3 + "</x>" * 3 + "<header>" + "<group name='N'>" * 20
         + "</group>" * 20 + "</header><fields><field number='1' name='N' type='INT'/></fields>"
         "</fix>", "nested deeper"),
    ],
)  # fmt: skip
def test_a_quickfix_file_that_cannot_be_read(xml: str, error: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.xml"
    path.write_text(xml)
    with pytest.raises(DictionaryError, match=error) as caught:
        load_quickfix_xml(path)
    assert "broken.xml" in str(caught.value)


def test_what_older_quickfix_files_say(tmp_path: Path) -> None:
    path = tmp_path / "old.xml"
    path.write_text(
        "<fix major='4' minor='2'><messages><message name='M' msgtype='M' msgcat='app'>"
        "<group name='NoX' required='Y'><field name='X' required='Y'/></group></message>"
        "</messages><fields><field number='1' name='NoX' type='INT'/>"
        "<field number='2' name='X' type='STRING' allowOtherValues='true'>"
        "<value enum='A' description='SOME_VALUE'/></field></fields></fix>"
    )
    dictionary = load_quickfix_xml(path)
    assert dictionary.begin_string == "FIX.4.2"
    assert dictionary.fields[1].type == "NumInGroup"
    assert dictionary.fields[2].open_values
    assert dictionary.fields[2].values == {b"A": "SomeValue"}
    assert dictionary.messages["M"].groups[1].delimiter == 2
