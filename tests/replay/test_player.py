"""What the player takes, what it fails, and how a failure reads."""

import re
from pathlib import Path

import pytest

from fixoms.replay.grammar import parse_script
from fixoms.replay.player import play, replay_file, replay_files
from fixoms.replay.report import Outcome, ScriptFailed
from fixoms.replay.vocabulary import fix44
from tests.replay.echo import ECHO

ORDER = "NewOrderSingle ClOrdID=A1 Symbol=ACME Side=Buy OrderQty=100 OrdType=Limit Price=10.00"


def run(*lines: str) -> None:
    play(parse_script("\n".join(["title t", *lines]), "t.fix", fix44()), ECHO, fix44())


def failure(*lines: str) -> str:
    with pytest.raises(ScriptFailed) as caught:
        run(*lines)
    return str(caught.value)


def test_a_conversation_that_holds() -> None:
    run(
        f"ALICE > {ORDER}",
        "ALICE < NewOrderSingle ClOrdID=A1 Side=Buy OrderQty=100.0 Price=10 TransactTime=* Text=-",
        "ALICE < nothing",
    )


def test_a_name_is_bound_once_and_matched_afterwards() -> None:
    run(
        f"ALICE > {ORDER}",
        "ALICE < NewOrderSingle ClOrdID=$id",
        "ALICE > NewOrderSingle ClOrdID=$id Symbol=ACME Side=Sell OrdType=Market",
        "ALICE < NewOrderSingle ClOrdID=$id Side=Sell",
    )
    text = failure(
        f"ALICE > {ORDER}",
        "ALICE < NewOrderSingle Symbol=$id",
        f"ALICE > {ORDER}",
        "ALICE < NewOrderSingle ClOrdID=$id",
    )
    assert "ACME ($id)" in text


def test_a_difference_is_shown_field_by_field() -> None:
    text = failure(f"ALICE > {ORDER}", "ALICE < NewOrderSingle ClOrdID=A1 Side=Sell Price=10.01")
    assert text.startswith("t.fix:3: ALICE was to receive NewOrderSingle, 2 fields differ\n")
    assert re.search(r"^    ClOrdID\(11\) +A1 +A1$", text, re.MULTILINE)
    assert re.search(r"^  ! Side\(54\) +Sell \(2\) +Buy \(1\)$", text, re.MULTILINE)
    assert re.search(r"^  ! Price\(44\) +10\.01 +10\.00$", text, re.MULTILINE)
    assert "in full: 8=FIX.4.4|" in text


def test_another_message_is_a_difference_of_its_type() -> None:
    text = failure(f"ALICE > {ORDER}", "ALICE < ExecutionReport ClOrdID=A1")
    assert "! MsgType(35)" in text
    assert "NewOrderSingle (D)" in text


def test_quoted_values_are_compared_byte_for_byte() -> None:
    run(f"ALICE > {ORDER}", 'ALICE < NewOrderSingle Price="10.00"')
    assert "Price(44)" in failure(f"ALICE > {ORDER}", 'ALICE < NewOrderSingle Price="10"')


def test_groups_are_compared_instance_by_instance() -> None:
    order = f"{ORDER} NoPartyIDs=2 [PartyID=X PartyRole=1] [PartyID=Y PartyRole=3]"
    run(
        f"ALICE > {order}",
        "ALICE < NewOrderSingle NoPartyIDs=2 [PartyID=X PartyRole=1] [PartyID=Y ClOrdID=-]",
    )
    text = failure(
        f"ALICE > {order}", "ALICE < NewOrderSingle NoPartyIDs=2 [PartyID=X] [PartyRole=1]"
    )
    assert "! NoPartyIDs[2].PartyRole(452)" in text


def test_nothing_came() -> None:
    assert "t.fix:3: ALICE was to receive Heartbeat, nothing came" in failure(
        "logon ALICE", "ALICE < Heartbeat"
    )


def test_a_message_nobody_expects_is_named_with_the_line_it_followed() -> None:
    text = failure(f"BOB > {ORDER}", f"ALICE > {ORDER}", "ALICE < NewOrderSingle")
    assert "BOB received a NewOrderSingle that no line expects, after line 2" in text
    assert "Side(54) = Buy (1)" in text


def test_expectations_of_different_terminals_wait_for_each_other() -> None:
    run(
        f"ALICE > {ORDER}",
        f"BOB > {ORDER}",
        "BOB < NewOrderSingle",
        "ALICE < NewOrderSingle",
    )


def test_silence_must_hold() -> None:
    assert "t.fix:3" in failure(f"ALICE > {ORDER}", "ALICE < nothing")


def test_a_disconnect_must_be_expected() -> None:
    run("connect ALICE", "ALICE > Heartbeat", "ALICE << disconnect")
    text = failure("connect ALICE", "ALICE > Heartbeat")
    assert "`ALICE << disconnect`" in text
    assert "still connected" in failure("logon ALICE", "ALICE << disconnect")


def test_a_terminal_that_is_not_connected_cannot_speak() -> None:
    assert "ALICE is not connected" in failure("logon ALICE", "cut ALICE", "ALICE > Heartbeat")


def test_an_automatic_terminal_keeps_its_session_alive() -> None:
    run(f"ALICE > {ORDER}", "ALICE < NewOrderSingle", "after 5m", "ALICE < nothing",
        f"ALICE > {ORDER}", "ALICE < NewOrderSingle")  # fmt: skip


def test_a_terminal_that_logs_on_by_hand_does_nothing_by_itself() -> None:
    run("logon ALICE HeartBtInt=10", "after 11s", "ALICE < Heartbeat", "after 2s",
        "ALICE < TestRequest", "after 12s", "ALICE << disconnect")  # fmt: skip


def test_numbers_are_checked_without_being_asked() -> None:
    lines = [
        "logon ALICE", "ALICE > TestRequest TestReqID=A", "ALICE < Heartbeat", "cut ALICE",
        "connect ALICE", "ALICE > Logon ResetSeqNumFlag=Y MsgSeqNum=1",
    ]  # fmt: skip
    run(*lines, "ALICE < Logon ResetSeqNumFlag=Y")
    text = failure(
        "logon ALICE", "ALICE > TestRequest TestReqID=A", "ALICE < Heartbeat MsgSeqNum=3"
    )
    assert "! MsgSeqNum(34)  3         2" in text


def test_messages_held_back_leave_together() -> None:
    run(
        "connect ALICE",
        "ALICE >+ Logon",
        "ALICE > TestRequest TestReqID=A",
        "ALICE < Logon",
        "ALICE < Heartbeat TestReqID=A",
    )


def test_a_restart_forgets_connections_and_keeps_numbers() -> None:
    run(
        "logon ALICE", "restart", "connect ALICE", "ALICE > Logon",
        "ALICE < Logon MsgSeqNum=2",
    )  # fmt: skip


def test_operators_and_inner_state() -> None:
    run("operator yes", "refuse operator no", "expect book ACME bid 100@10.00 ask empty",
        "expect book OTHER bid 1@1", "expect phase ACME continuous", "logon ALICE")  # fmt: skip
    assert "refused: said no" in failure("operator no", "logon ALICE")
    assert "was to be refused, but: done" in failure("refuse operator yes", "logon ALICE")
    assert "! ACME bid" in failure("expect book ACME bid 99@10.00", "logon ALICE")
    assert "expected halt" in failure("expect phase ACME halt", "logon ALICE")


def test_a_report_tells_what_passed_and_what_did_not(tmp_path: Path) -> None:
    (tmp_path / "good.fix").write_text("title good\nlogon ALICE\nlogout ALICE\n")
    (tmp_path / "bad.fix").write_text("title bad\nALICE < Heartbeat\n")
    (tmp_path / "worse.fix").write_text("title worse\nhello\n")
    report = replay_files([tmp_path], ECHO)
    assert [each.outcome for each in report.results] == [
        Outcome.FAILED,
        Outcome.PASSED,
        Outcome.FAILED,
    ]
    assert not report.ok
    assert report.summary() == "1 passed, 2 failed"
    assert "nothing came" in report.results[0].text
    assert "cannot read `hello`" in report.results[2].text
    missing = replay_file(tmp_path / "none.fix", ECHO)
    assert missing.outcome is Outcome.FAILED
    assert "No such file" in missing.text
