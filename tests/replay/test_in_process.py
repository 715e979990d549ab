"""The real venue as the subject of scripts."""

from pathlib import Path

import pytest

from fixoms.domain.units import SECOND, Nanos
from fixoms.gateway.authentication import Claim
from fixoms.replay.grammar import parse_script
from fixoms.replay.in_process import PASSWORD, ScriptUsers, in_process
from fixoms.replay.player import play, replay_script
from fixoms.replay.report import Outcome, ScriptFailed
from fixoms.replay.script import Script
from fixoms.replay.vocabulary import fix44
from fixoms.settings import LockOutSettings
from fixoms.users import LockOut

SESSIONS = Path(__file__).parents[2] / "sessions"


def script(*lines: str, path: Path = SESSIONS / "x.fix") -> Script:
    return parse_script("\n".join(["title t", *lines]), str(path), fix44())


def test_a_failing_script_fails_against_the_venue() -> None:
    with pytest.raises(ScriptFailed, match="expected") as caught:
        play(
            script(
                "ALICE > NewOrderSingle ClOrdID=A1 Symbol=ACME Side=Buy OrderQty=100 OrdType=Limit"
                " Price=10.00",
                "ALICE < ExecutionReport ExecType=New LeavesQty=99",
            ),
            in_process(),
            fix44(),
        )
    assert "! LeavesQty(151)  99        100" in str(caught.value)


def test_the_book_is_the_venues_own() -> None:
    with pytest.raises(ScriptFailed, match="the book of ACME differs"):
        play(script("logon ALICE", "expect book ACME bid 1@1"), in_process(), fix44())


def test_the_clock_is_the_scripts_own() -> None:
    play(
        script(
            "clock 2030-02-28 23:59:58",
            "ALICE > OrderStatusRequest ClOrdID=A Symbol=ACME Side=Buy",
            'ALICE < ExecutionReport SendingTime="20300228-23:59:58.000"',
            "after 3s",
            "ALICE > OrderStatusRequest ClOrdID=A Symbol=ACME Side=Buy",
            'ALICE < ExecutionReport SendingTime="20300301-00:00:01.000"',
        ),
        in_process(),
        fix44(),
    )


def test_the_nearest_configuration_is_taken(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    config = (SESSIONS / "venue.yaml").read_text()
    (tmp_path / "venue.yaml").write_text(config)
    (tmp_path / "other.yaml").write_text(config.replace("comp_id: FIXOMS", "comp_id: OTHER"))
    for line, comp_id in (("", "FIXOMS"), ("config other.yaml", "OTHER")):
        answer = f'ALICE < Logon SenderCompID="{comp_id}"'
        steps = (line, "connect ALICE", "ALICE > Logon", answer)
        play(script(*steps, path=inner / "x.fix"), in_process(), fix44())


def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    result = replay_script(
        script("config nowhere.yaml", "logon ALICE", path=tmp_path / "x.fix"), in_process()
    )
    assert result.outcome is Outcome.FAILED
    assert "no nowhere.yaml in the folder of the script or above it" in result.text


def test_users_of_scripts_are_locked_like_others() -> None:
    users = ScriptUsers(LockOut(LockOutSettings(wrong_passwords=2, locked_for_s=60)))

    def objection(participant: str, password: str, now: int) -> str:
        claim = Claim(user="ALICE", password=password, participant=participant)
        return users.judge(claim, Nanos(now)).objection

    assert objection("ALICE", PASSWORD, 0) == ""
    assert objection("BOB", PASSWORD, 0) == "acts for ALICE"
    assert objection("ALICE", "guess", 0) == "wrong password"
    assert objection("ALICE", "guess", 0) == "wrong password"
    assert objection("ALICE", PASSWORD, 1) == "user is locked"
    assert objection("ALICE", PASSWORD, 61 * SECOND) == ""
