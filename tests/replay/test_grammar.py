"""The `.fix` language: what can be written, and how mistakes are named."""

import re
from pathlib import Path

import pytest

from fixoms.replay.grammar import parse_script, read_script
from fixoms.replay.script import (
    Absent,
    After,
    Bound,
    Disconnected,
    ExpectBook,
    Field,
    FromNext,
    FromNow,
    Literal,
    Operate,
    Present,
    Receive,
    Script,
    ScriptError,
    Send,
    SendBytes,
    Silence,
    script_files,
    write_script,
)
from fixoms.replay.vocabulary import fix44

SESSIONS = Path(__file__).parents[2] / "sessions"


def parse(*lines: str) -> Script:
    return parse_script("\n".join(["title  a test", *lines]), "x.fix", fix44())


def sent(line: str) -> tuple[Field, ...]:
    step = parse(line).steps[-1]
    assert isinstance(step, Send)
    return step.fields


def received(line: str) -> tuple[Field, ...]:
    step = parse(line).steps[-1]
    assert isinstance(step, Receive)
    return step.fields


def values(fields: tuple[Field, ...]) -> list[object]:
    return [field.value for field in fields]


def test_headers_are_read() -> None:
    script = parse(
        "spec   FIX 4.4 Vol. 4", "spec   rules", "config risk.yaml", "clock 2026-01-05 13:30:00",
        "ALICE > Heartbeat",
    )  # fmt: skip
    assert (script.title, script.spec, script.config) == (
        "a test",
        ("FIX 4.4 Vol. 4", "rules"),
        "risk.yaml",
    )
    assert script.clock == 1_767_619_800 * 10**9


def test_names_and_wire_values_mean_the_same() -> None:
    named = sent("ALICE > NewOrderSingle Side=Buy OrdType=Limit Symbol=ACME")
    wired = sent("ALICE > NewOrderSingle 54=1 40=2 55=ACME")
    assert [(f.tag, f.name, getattr(f.value, "wire", None)) for f in named] == [
        (f.tag, f.name, getattr(f.value, "wire", None)) for f in wired
    ]


def test_venue_extensions_have_names() -> None:
    assert values(sent("ALICE > NewOrderSingle SelfTradePrevention=CancelBoth")) == [
        Literal(text="CancelBoth", wire=b"3")
    ]
    assert values(received("ALICE < ExecutionReport ExecType=Triggered")) == [
        Literal(text="Triggered", wire=b"L")
    ]


def test_quoted_values_stand_as_they_are() -> None:
    assert values(
        sent(r'ALICE > NewOrderSingle Side="Buy" Text="a \"b\" \\ \x01 [c]" 9999=""')
    ) == [
        Literal(text="Buy", wire=b"Buy", exact=True),
        Literal(text='a "b" \\ \x01 [c]', wire=b'a "b" \\ \x01 [c]', exact=True),
        Literal(text="", wire=b"", exact=True),
    ]


def test_special_values() -> None:
    assert values(received("ALICE < ExecutionReport OrderID=$a Text=* Price=-")) == [
        Bound(name="a"),
        Present(),
        Absent(),
    ]
    assert values(sent("ALICE > TestRequest SendingTime=-121s MsgSeqNum=+3 TestReqID=-")) == [
        FromNow(nanos=-121 * 10**9, text="-121s"),
        FromNext(count=3),
        Absent(),
    ]


def test_a_signed_price_offset_is_no_time() -> None:
    assert values(sent("ALICE > NewOrderSingle PegOffsetValue=-0.10")) == [
        Literal(text="-0.10", wire=b"-0.10")
    ]


def test_groups_nest() -> None:
    (count,) = sent(
        "ALICE > NewOrderList NoOrders=2 [ClOrdID=1 NoPartyIDs=1 [PartyID=X PartyRole=1]]"
        " [ClOrdID=2]"
    )
    assert [[each.name for each in instance] for instance in count.instances] == [
        ["ClOrdID", "NoPartyIDs"],
        ["ClOrdID"],
    ]
    assert [each.name for each in count.instances[0][1].instances[0]] == ["PartyID", "PartyRole"]


def test_steps_without_fields() -> None:
    script = parse(
        "connect ALICE", "ALICE >> 8=FIX.4.4|", "ALICE < nothing", "ALICE << disconnect",
        "after 500ms", "restart", "operator phase ACME halt", "refuse operator halt",
        "expect book ACME bid 100@10.00 5@9 ask empty", "expect book ACME empty",
    )  # fmt: skip
    assert script.steps[1:5] == (
        SendBytes(line=3, terminal="ALICE", text="8=FIX.4.4|"),
        Silence(line=4, terminal="ALICE"),
        Disconnected(line=5, terminal="ALICE"),
        After(line=6, nanos=500_000_000, text="500ms"),
    )
    assert script.steps[6:] == (
        Operate(line=8, words=("phase", "ACME", "halt")),
        Operate(line=9, words=("halt",), refused=True),
        ExpectBook(line=10, symbol="ACME", bids=(("100", "10.00"), ("5", "9")), asks=()),
        ExpectBook(line=11, symbol="ACME", bids=(), asks=()),
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ALICE > NewOrderSingl ClOrdID=1", ["no message is called", "NewOrderSingle"]),
        ("ALICE > NewOrderSingle Symbl=1", ["no field is called Symbl", "Symbol"]),
        ("ALICE > NewOrderSingle OrdType=Limitt", ["no value of OrdType", "Limit"]),
        ("ALICE > NewOrderSingle Symbol=", ["Symbol(55) has no value", '""']),
        ("ALICE > NewOrderSingle Symbol=*", ["says nothing"]),
        ("ALICE > NewOrderSingle ClOrdID=$x", ["no line above receives it"]),
        ("ALICE > NewOrderSingle Price", ["expected Name=value"]),
        ("ALICE > NewOrderSingle [ClOrdID=1]", ["follows the field that counts"]),
        ("ALICE > NewOrderList NoOrders=1 [ClOrdID=1", ["not closed"]),
        ("ALICE > NewOrderList NoOrders=1 ClOrdID=1]", ["closes nothing"]),
        ("ALICE > TestRequest SendingTime=-5", ["no duration", "30s"]),
        ("ALICE = Logon", ["< nothing", ">> bytes"]),
        ("ALICE", ["one of >, >+, <, >>, <<"]),
        ("Alice > Logon", ["in capitals", "connect"]),
        ("cut alice", ["no terminal"]),
        ("after a while", ["no duration", "500ms"]),
        ("restart now", ["stands alone"]),
        ("refuse logon ALICE", ["refuse operator"]),
        ("operator", ["needs a command"]),
        ("expect rain", ["expect book", "expect phase"]),
        ("expect book ACME 100@10", ["follow `bid` or `ask`"]),
        ("expect book ACME bid 100", ["QTY@PRICE"]),
        ("clock tomorrow", ["no time"]),
        ("config a.yaml b.yaml", ["one file"]),
        ("title", ["says nothing"]),
    ],
)
def test_mistakes_name_file_line_and_what_is_allowed(line: str, words: list[str]) -> None:
    with pytest.raises(ScriptError) as caught:
        parse("# a comment", line)
    assert str(caught.value).startswith("x.fix:3: ")
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "opens with a line `title"),
        ("title x\n", "no steps"),
        ("title x\nALICE > Heartbeat\nclock 2026-01-05 13:30:00", "above the first step"),
    ],
)
def test_scripts_that_are_none(text: str, words: str) -> None:
    with pytest.raises(ScriptError, match=words):
        parse_script(text, "x.fix", fix44())


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "x.fix"
    path.write_bytes(b"title \xff\n")
    with pytest.raises(ScriptError, match="not UTF-8"):
        read_script(path, fix44())


@pytest.mark.parametrize("path", script_files([SESSIONS]), ids=lambda path: path.stem)
def test_a_written_script_reads_back(path: Path) -> None:
    def steps(script: Script) -> list[str]:
        return [re.sub(r"line=\d+", "", repr(step)) for step in script.steps]

    script = read_script(path, fix44())
    again = parse_script(write_script(script), "again.fix", fix44())
    assert steps(again) == steps(script)
    assert (again.title, again.spec, again.config, again.clock) == (
        script.title,
        script.spec,
        script.config,
        script.clock,
    )


def test_the_sample_of_the_readme_reads() -> None:
    text = (SESSIONS / "README.md").read_text(encoding="utf-8").split("```")[1]
    script = parse_script(text.strip("\n"), "README.md", fix44())
    assert [type(step) for step in script.steps] == [Send, Receive]
    assert script.config == "venue.yaml"
