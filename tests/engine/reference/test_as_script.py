"""A stream and the script made of it are the same conversation.

Streams on which the engine and the reference venue agree make scripts the real venue plays to the
end, through FIX and back; streams on which a planted fault makes them part make scripts it fails.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fixoms import config
from fixoms.replay.in_process import in_process
from fixoms.replay.player import replay_file
from fixoms.replay.report import Outcome

from . import soak
from .as_script import CONFIG, as_script, save
from .streams import call_stream, seeded_stream
from .test_judge import (
    a_replace_always_keeps_priority,
    last_in_first_out,
    the_auction_forgets_its_reference,
)
from .world import opening

LENGTH = 40

LEFT_OUT = {
    "OrderStatusRequest(H) requires ClOrdID(11)",
    "OrderMassCancelRequest(q) has no Account(1) in FIX 4.4",
    "Z9 is no session of the venue",
    "the gateway lets no such order through without Price(44)",
    "the reports do not say which cancels of a bound list the asker is told of too",
}
"""All that is left out of scripts, and no more than this."""


def test_the_configuration_is_the_tiny_world() -> None:
    *opened, _day = opening()
    assert config.load(CONFIG).definitions() == opened


@pytest.mark.parametrize("first_seed", range(0, 60, 20))
def test_scripts_of_agreed_streams_play(first_seed: int, tmp_path: Path) -> None:
    target = in_process()
    for seed in range(first_seed, first_seed + 20):
        written = as_script(seeded_stream(seed, LENGTH), f"seed {seed}")
        result = replay_file(save(tmp_path, seed, written), target)
        assert result.outcome is Outcome.PASSED, result.text
        assert set(written.left_out) <= LEFT_OUT


def test_scripts_of_uncrosses_play(tmp_path: Path) -> None:
    target = in_process()
    for seed in range(20):
        written = as_script(call_stream(seed, 4 + seed % 12), f"call {seed}")
        result = replay_file(save(tmp_path, seed, written), target)
        assert result.outcome is Outcome.PASSED, result.text


@pytest.mark.parametrize(
    "plant",
    [last_in_first_out, a_replace_always_keeps_priority, the_auction_forgets_its_reference],
)
def test_the_soak_saves_a_script_that_fails(
    plant: Callable[[pytest.MonkeyPatch], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One fault shows in the reports, one in the book only, one in the indicative price only."""
    plant(monkeypatch)
    monkeypatch.setattr(sys, "argv", ["soak", "--seconds", "30", "--save", str(tmp_path)])
    assert soak.main() == 1
    [path] = tmp_path.glob("*.fix")
    assert str(path) in capsys.readouterr().out
    result = replay_file(path, in_process())
    assert result.outcome is Outcome.FAILED
    # It fails at what the last command leads to, the one on which the two part.
    lines = path.read_text().splitlines()
    last_command = len(lines) - lines[::-1].index("after 1s")
    failed_at = int(result.text.removeprefix(f"{path}:").partition(":")[0])
    assert last_command < failed_at <= len(lines), result.text
