"""Every conversation under tests/engine/cases is what the engine says today.

A case is a `case TITLE` line (the FIX clause or market model it comes from in brackets), then the
conversation. The files are read by people first: what a request leads to stands below it.
"""

from pathlib import Path

import pytest

from .transcript import play

FOLDER = Path(__file__).with_name("cases")


def read_cases() -> dict[str, str]:
    """Conversations by `file: title`."""
    cases = {}
    for path in sorted(FOLDER.glob("*.txt")):
        for block in f"\n{path.read_text(encoding='ascii')}".split("\ncase ")[1:]:
            title, _, script = block.partition("\n")
            cases[f"{path.stem}: {title}"] = script.rstrip("\n")
    return cases


CASES = read_cases()


@pytest.mark.parametrize("title", CASES)
def test_conversation(title: str) -> None:
    script = "\n".join(line for line in CASES[title].splitlines() if line.strip())
    assert play(script) == script


def test_no_title_is_lost() -> None:
    written = sum(
        path.read_text(encoding="ascii").count("\ncase ")
        + path.read_text(encoding="ascii").startswith("case ")
        for path in FOLDER.glob("*.txt")
    )
    assert written == len(CASES) > 60
