"""The two commands of the README and what they install from."""

import ast
import os
import re
import shlex
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

from fixoms.cli import app

ROOT = Path(__file__).parents[1]
TOOLS = ROOT / "tools"
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")

PIN = re.compile(
    r"^([a-z0-9][a-z0-9.-]*)==([^ ;\\]+)(.*?)((?: \\\n +--hash=sha256:[0-9a-f]{64})+)$",
    re.MULTILINE,
)


def canonical(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name, requirement
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def test_the_lock_pins_everything_by_hash() -> None:
    pinned = {found[1] for found in PIN.finditer(LOCK)}
    rest = PIN.sub("", LOCK)
    assert all(line.startswith("#") for line in rest.splitlines() if line), "an unpinned line"
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"], "setuptools"]
    assert {canonical(each) for each in wanted} <= pinned


def test_the_lock_names_no_index() -> None:
    assert "://" not in LOCK
    assert "--index" not in LOCK
    assert "--find-links" not in LOCK


@pytest.mark.parametrize("name", ["demo", "test", "check", "python_version.py"])
def test_an_old_python_can_read_what_tells_it_so(name: str) -> None:
    ast.parse((TOOLS / name).read_text(encoding="utf-8"), feature_version=(3, 6))


def test_the_oldest_python_is_the_project_s() -> None:
    oldest = re.search(r"^OLDEST = (\d+)$", (TOOLS / "python_version.py").read_text(), re.MULTILINE)
    assert oldest
    assert PROJECT["requires-python"] == f">=3.{oldest[1]}"


@pytest.mark.parametrize("name", ["demo", "test", "check"])
def test_the_scripts_can_be_run(name: str) -> None:
    script = TOOLS / name
    assert script.read_text(encoding="utf-8").startswith("#!/usr/bin/env python3\n")
    if os.name == "posix":
        assert os.access(script, os.X_OK)


def run_in(environment: Path, program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", f"import bootstrap; {program}"],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"FIXOMS_VENV": str(environment), "PYTHONPATH": str(TOOLS)},
        timeout=60,
    )


def test_an_environment_that_is_up_to_date_is_left_alone(tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=False)
    stamped = run_in(environment, "bootstrap.STAMP.write_text(bootstrap._fingerprint())")
    assert stamped.returncode == 0, stamped.stderr
    done = run_in(environment, "bootstrap.run('-c', 'import sys; print(sys.prefix)')")
    assert done.stdout.strip() == str(environment)
    assert done.stderr == ""


def test_a_folder_that_is_no_environment_is_not_touched(tmp_path: Path) -> None:
    precious = tmp_path / "venv" / "precious.txt"
    precious.parent.mkdir()
    precious.write_text("mine")
    done = run_in(precious.parent, "bootstrap.run('-V')")
    assert done.returncode == 1
    assert "exists and is not a virtual environment; move it away" in done.stderr
    assert "Traceback" not in done.stderr
    assert precious.read_text() == "mine"


def test_the_fingerprint_follows_the_files_it_is_installed_from(tmp_path: Path) -> None:
    program = (
        "import pathlib; a = bootstrap._fingerprint(); "
        f"bootstrap.LOCK = pathlib.Path({str(tmp_path / 'lock')!r}); "
        "bootstrap.LOCK.write_text('other'); print(a != bootstrap._fingerprint())"
    )
    assert run_in(tmp_path / "venv", program).stdout.strip() == "True"


def test_ci_runs_the_readme_s_command() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    (command,) = re.findall(r"^(python3 tools/test)\b", README, re.MULTILINE)
    assert f"\n{command}\n" in script
    assert subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=False).returncode == 0


def test_every_command_of_the_readme_exists() -> None:
    known = {
        each.name or getattr(each.callback, "__name__", "").replace("_", "-")
        for each in app.registered_commands
    }
    known |= {str(group.name) for group in app.registered_groups}
    lines = re.findall(r"^\.venv/bin/fixoms (.*?)(?:  +#.*)?$", README, re.MULTILINE)
    assert len(lines) >= 6
    for line in lines:
        assert shlex.split(line)[0] in known, line


def test_every_link_leads_somewhere() -> None:
    for paper in (ROOT / "README.md", ROOT / ".github" / "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", paper.read_text(encoding="utf-8")):
            assert (paper.parent / target).exists(), f"{paper.name}: {target}"
