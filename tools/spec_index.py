"""Lists the clauses of FIX 4.4 Vol. 2, each with the code that keeps it and what shows it.

    python tools/spec_index.py

Exit code 1 when a clause that needs a script or a test has none, when a clause that does not apply
gives no reason, or when a script or a line of code names a clause that does not exist.
Sources: sessions/clauses.txt, `spec` lines of sessions/**/*.fix, and `Vol. 2 test 2c` (also `tests
2c, 2e`, `14a to 14k`, and `4` for all of 4) in src/ and tests/.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_CITATION = re.compile(r"Vol\. 2,? tests? ([0-9][0-9A-Za-z, ]*)")
_ONE = re.compile(r"(\d+[A-Z]?[a-z]?)(?: to (\d+[A-Z]?[a-z]?))?")


@dataclass(slots=True)
class Clause:
    """One clause: `shown_by` is script, test or none; the rest is where it is found."""

    clause_id: str
    shown_by: str
    title: str
    code: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Index:
    """All clauses, and what is wrong with them."""

    clauses: dict[str, Clause]
    problems: list[str]


def read_clauses(text: str) -> dict[str, Clause]:
    """Read the list of clauses."""
    clauses = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            clause_id, shown_by, title = line.split(maxsplit=2)
            clauses[clause_id] = Clause(clause_id, shown_by, title)
    return clauses


def cited(text: str, known: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Each citation in a text: how it is written, and the ids it stands for (none: unknown)."""
    for citation in _CITATION.finditer(text):
        for one in _ONE.finditer(citation[1]):
            begin, end = one[1], one[2]
            if end is None:
                yield begin, [each for each in known if _is_inside(each, begin)]
            else:
                family = re.sub(r"[a-z]$", "", begin)
                ids = [each for each in known if _is_inside(each, family)]
                yield one[0], [each for each in ids if begin <= each <= end]


def _is_inside(clause_id: str, written: str) -> bool:
    """Whether a clause is the one that is written, or a part of it: 4a is inside 4, 40 is not."""
    rest = clause_id.removeprefix(written)
    return clause_id.startswith(written) and not rest[:1].isdigit()


def build(root: Path = ROOT) -> Index:
    """Read everything and find what is missing."""
    clauses = read_clauses((root / "sessions" / "clauses.txt").read_text(encoding="utf-8"))
    known = list(clauses)
    problems: list[str] = []

    def note(path: Path, attribute: str) -> None:
        where = path.relative_to(root)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            for written, ids in cited(line, known):
                if not ids:
                    problems.append(f"{where}:{number}: there is no clause {written}")
                for clause_id in ids:
                    place = str(where) if attribute == "scripts" else f"{where}:{number}"
                    places = getattr(clauses[clause_id], attribute)
                    if place not in places:
                        places.append(place)

    for path in sorted((root / "src").rglob("*.py")):
        note(path, "code")
    for path in sorted((root / "tests").rglob("*.py")):
        note(path, "tests")
    for path in sorted((root / "sessions").rglob("*.fix")):
        note(path, "scripts")
    problems += _missing(clauses)
    return Index(clauses, problems)


def _missing(clauses: dict[str, Clause]) -> Iterator[str]:
    for clause in clauses.values():
        match clause.shown_by:
            case "script":
                if not clause.scripts:
                    yield f"clause {clause.clause_id} has no script: {clause.title}"
            case "test":
                if not clause.tests:
                    yield f"clause {clause.clause_id} has no test: {clause.title}"
            case "none":
                if clause.scripts:
                    yield f"clause {clause.clause_id} does not apply, yet {clause.scripts[0]}"
            case other:
                yield f"clause {clause.clause_id}: {other} is not one of script, test, none"


def render(index: Index) -> str:
    """The index as text, a paragraph for each clause."""
    lines: list[str] = []
    for clause in index.clauses.values():
        lines.append(f"{clause.clause_id:<4} {clause.title}")
        for kind, places in (
            ("code", clause.code),
            ("script", clause.scripts),
            ("test", clause.tests),
        ):
            lines += [f"       {kind:<6} {place}" for place in places]
    return "\n".join(lines)


def main() -> int:
    """Print the index; the exit code says whether it is whole."""
    index = build()
    print(render(index))
    for problem in index.problems:
        print(problem, file=sys.stderr)
    return 1 if index.problems else 0


if __name__ == "__main__":
    sys.exit(main())
