"""What came of playing scripts.

Owns: results, failures, and how they read.
Must not know: how a script was played.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """How a script ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class ScriptFailed(Exception):
    """A script met something else than it says; the text opens with its file and line."""

    def __init__(self, path: str, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")
        self.path = path
        self.line = line


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One script: `text` is the failure or the reason for skipping it, `steps` how many it has."""

    path: str
    title: str
    outcome: Outcome
    steps: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """Every script that was asked for, in order."""

    results: tuple[Result, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.of(Outcome.FAILED)

    def of(self, outcome: Outcome) -> Sequence[Result]:
        """Results that ended this way."""
        return [result for result in self.results if result.outcome is outcome]

    def summary(self) -> str:
        """One line: `57 passed, 1 failed, 2 skipped`."""
        counts = [(len(self.of(outcome)), outcome.value) for outcome in Outcome]
        return ", ".join(f"{count} {word}" for count, word in counts if count) or "no scripts"
