"""Seeds of the simulator: nothing is lost or doubled, and a seed is the same run everywhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fixoms.cli import app
from fixoms.simulation import runs
from fixoms.simulation.evidence import Evidence
from fixoms.simulation.runs import run, run_seed
from fixoms.simulation.script import script_of
from fixoms.simulation.shrink import shrink
from fixoms.simulation.story import Story, Wait
from fixoms.simulation.workload import story_of

SEEDS = (*range(24), 32, 38, 44, 48, 55, 59)
"""The last ones end with a loss of power."""

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_story_leaves_one_truth(seed: int) -> None:
    outcome = run_seed(seed)
    assert outcome.objections == (), story_of(seed).tell()
    assert outcome.figures.entries > 0


def test_the_seeds_cover_what_they_claim_to() -> None:
    stories = [story_of(seed) for seed in SEEDS]
    kinds = {type(step).__name__ for story in stories for step in story.steps}
    assert kinds == {
        "ClockJump", "Cut", "Kill", "Leave", "Operate", "Outlet", "Restart", "Send", "Snapshot",
        "Stall", "Strike", "Wait",
    }  # fmt: skip
    assert {story.durability for story in stories} == {"always", "interval", "os"}
    assert {story.ends_dark for story in stories} == {"", "honest", "lied"}
    figures = [run_seed(seed).figures for seed in (1, 2, 8)]
    assert sum(each.deaths for each in figures) > 3
    assert sum(each.fills for each in figures) > 20


def test_a_seed_is_one_journal_in_every_process() -> None:
    code = (
        "from fixoms.simulation.runs import run_seed;"
        "print(*(run_seed(seed).chain for seed in (1, 4, 8)))"
    )
    chains = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT / "src")},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for hash_seed in ("1", "2")
    ]
    assert chains[0] == chains[1]
    assert len(set(chains[0].split())) == 3


def test_a_story_without_steps_is_a_story() -> None:
    story = Story(1, story_of(1).start_s, "always", False, ())
    assert run(story).objections == ()


def test_shrinking_keeps_what_fails_and_little_else() -> None:
    story = story_of(3)
    wanted = story.steps[5], story.steps[-4]

    def fails(candidate: Story) -> bool:
        steps = list(candidate.steps)
        return all(each in steps for each in wanted)

    assert fails(story)
    shorter = shrink(story, fails)
    assert fails(shorter)
    assert len(shorter.steps) <= 4
    assert len(shrink(story, fails, tries_max=1).steps) >= len(story.steps) // 2


def test_a_story_can_be_told_and_saved_as_a_script() -> None:
    story = story_of(2)
    assert len(story.tell().splitlines()) >= len(story.steps)
    text = script_of(story, "something was wrong\nvery")
    assert "# very" in text
    assert "restart" in text
    assert any(line.startswith("BOB") and "NewOrderSingle" in line for line in text.splitlines())
    assert sum(isinstance(step, Wait) for step in story.steps) > 1


def test_the_command_tells_what_a_seed_came_to() -> None:
    result = CliRunner().invoke(app, ["simulate", "--seed", "5", "--tell"])
    assert result.exit_code == 0, result.output
    assert "seed 5, " in result.output
    assert "nothing was lost, doubled or told differently" in result.output


def test_the_command_shortens_and_saves_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def object_to_orders(evidence: Evidence) -> list[str]:
        return ["BOB may not trade"] if any(evidence.truths[2].heard) else []

    monkeypatch.setattr(runs, "audit", object_to_orders)
    saved = tmp_path / "seed.fix"
    words = ["simulate", "--seed", "5", "--tries", "40", "--script", str(saved)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1
    assert "BOB may not trade" in result.output
    assert result.output.count(" says 35=") < len(story_of(5).steps) // 2
    assert "# BOB may not trade" in saved.read_text()
