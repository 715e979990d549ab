"""Scripts over real sockets against a real acceptor."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixoms.replay.grammar import parse_script
from fixoms.replay.player import play, replay_file, replay_script
from fixoms.replay.report import Outcome
from fixoms.replay.tcp import TcpTarget
from fixoms.replay.vocabulary import fix44
from tests.replay.echo import VENUE, echo_over_tcp

SESSION = Path(__file__).parents[2] / "sessions" / "session"


@pytest.fixture(scope="module")
def target() -> Iterator[TcpTarget]:
    with echo_over_tcp() as echo:
        yield TcpTarget(host="127.0.0.1", port=echo.port, target_comp_id=VENUE)


@pytest.mark.parametrize(
    "name",
    [
        "1S_a_logon_with_gap",
        "1S_a_orders_behind_logon",
        "1S_b_duplicate_identity",
        "2b_seq_num_too_high",
        "2c_seq_num_too_low",
        "2m_body_length_too_long",
        "14k_delimiter_in_value",
    ],
)
def test_session_scripts_hold_over_tcp(target: TcpTarget, name: str) -> None:
    result = replay_file(SESSION / f"{name}.fix", target)
    assert (result.text, result.outcome) == ("", Outcome.PASSED)


def test_a_script_can_be_played_twice_on_one_acceptor(target: TcpTarget) -> None:
    script = parse_script(
        "title t\nALICE > NewOrderSingle ClOrdID=A1 Symbol=ACME Side=Buy OrdType=Market\n"
        "ALICE < NewOrderSingle ClOrdID=A1\n",
        "t.fix",
        fix44(),
    )
    for _ in range(2):
        play(script, target, fix44())


def test_identifiers_take_the_suffix_of_the_run() -> None:
    with echo_over_tcp() as echo:
        target = TcpTarget(host="127.0.0.1", port=echo.port, target_comp_id=VENUE, run="7-")
        script = parse_script(
            "title t\nALICE > NewOrderSingle ClOrdID=A1 Symbol=ACME Side=Buy OrdType=Market\n"
            'ALICE < NewOrderSingle ClOrdID="A1-7-1"\n'
            "ALICE > NewOrderSingle ClOrdID=A2 Symbol=ACME Side=Buy OrdType=Market\n"
            "ALICE < NewOrderSingle ClOrdID=A2\n",
            "t.fix",
            fix44(),
        )
        play(script, target, fix44())


def test_what_needs_the_venue_in_process_is_skipped(target: TcpTarget) -> None:
    for line in ("restart", "operator halt ACME"):
        script = parse_script(f"title t\nlogon ALICE\n{line}\n", "t.fix", fix44())
        result = replay_script(script, target)
        assert result.outcome is Outcome.SKIPPED
        assert "in-process" in result.text


def test_inner_state_is_passed_over(target: TcpTarget) -> None:
    script = parse_script("title t\nlogon ALICE\nexpect book ACME empty\n", "t.fix", fix44())
    assert replay_script(script, target).outcome is Outcome.PASSED


def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    target = TcpTarget(host="127.0.0.1", port=port, target_comp_id=VENUE)
    result = replay_file(SESSION / "4b_answers_test_request.fix", target)
    assert result.outcome is Outcome.FAILED
    assert f"ALICE cannot connect to 127.0.0.1:{port}: Connection refused" in result.text


def test_orders_left_by_an_earlier_script_are_swept_first() -> None:
    with echo_over_tcp() as echo:
        target = TcpTarget(host="127.0.0.1", port=echo.port, target_comp_id=VENUE, sweep=True)
        for name in ("ALICE", "BOB"):
            play(parse_script(f"title t\nlogon {name}\n", "t.fix", fix44()), target, fix44())
        # The second script sweeps the terminal of the first one too.
        assert echo.heard == [("ALICE", "q"), ("ALICE", "q"), ("BOB", "q")]
