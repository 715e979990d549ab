"""Every clause of FIX 4.4 Vol. 2 is shown by a script, or says why it needs none."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
VOL = "Vol. 2"
"""Apart from what follows it, so that the index does not take examples here for citations."""


@pytest.fixture(scope="module")
def spec_index() -> ModuleType:
    spec = importlib.util.spec_from_file_location("spec_index", ROOT / "tools" / "spec_index.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["spec_index"] = module
    spec.loader.exec_module(module)
    return module


def test_every_clause_is_shown(spec_index: ModuleType) -> None:
    assert spec_index.build(ROOT).problems == []


def test_each_session_script_is_named_by_a_clause_it_cites(spec_index: ModuleType) -> None:
    known = list(spec_index.read_clauses((ROOT / "sessions" / "clauses.txt").read_text()))
    for script in (ROOT / "sessions" / "session").glob("*.fix"):
        named = script.name.split("_")[0]
        named += script.name.split("_")[1] if named == "1S" else ""
        ids = [each for _, found in spec_index.cited(script.read_text(), known) for each in found]
        assert any(each.startswith(named) or named.startswith(each) for each in ids), script.name


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (f"FIX: {VOL} test 2c", ["2c"]),
        (f"FIX: {VOL} tests 2c, 4 and 10a", ["2c", "4a", "4b", "10a"]),
        (f"{VOL} tests 2b to 2d", ["2b", "2c", "2d"]),
        (f"{VOL} test 1", []),
        ("Vol. 4 test 2c", []),
    ],
)
def test_citations_are_read(spec_index: ModuleType, text: str, ids: list[str]) -> None:
    known = ["2b", "2c", "2d", "4a", "4b", "10a", "10b"]
    assert [each for _, found in spec_index.cited(text, known) for each in found] == ids


def test_a_clause_without_script_is_a_problem(spec_index: ModuleType, tmp_path: Path) -> None:
    for folder in ("src", "tests", "sessions"):
        (tmp_path / folder).mkdir()
    (tmp_path / "sessions" / "clauses.txt").write_text("2a script numbers\n2b none no need\n")
    (tmp_path / "sessions" / "x.fix").write_text(f"spec FIX 4.4 {VOL} test 2b, 9z\n")
    assert spec_index.build(tmp_path).problems == [
        "sessions/x.fix:1: there is no clause 9z",
        "clause 2a has no script: numbers",
        "clause 2b does not apply, yet sessions/x.fix",
    ]
