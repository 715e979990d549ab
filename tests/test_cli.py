"""The command line: what it prints, and how it leaves."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from fixoms import __version__
from fixoms.cli import main

VENUE = """
venue: {data_dir: data, users_file: users.yaml}
participants: {ALPHA: {}, BRAVO: {}}
sessions:
  A1: {participant: ALPHA}
  A2: {participant: ALPHA, users: [anna]}
instruments: [{symbol: ACME}]
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "venue.yaml"
    path.write_text(VENUE)
    monkeypatch.setenv("FIXOMS_CONFIG", str(path))
    return path


class Ran:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


Run: TypeAlias = Callable[..., Ran]


@pytest.fixture
def fixoms(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str, stdin: str = "") -> Ran:
        monkeypatch.setattr(sys, "argv", ["fixoms", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Ran(int(left.value.code or 0), out, err)

    return run


def test_the_version(fixoms: Run) -> None:
    ran = fixoms("--version")
    assert (ran.status, ran.out) == (0, f"fixoms {__version__}\n")


def test_help_names_every_command(fixoms: Run) -> None:
    ran = fixoms("--help")
    assert ran.status == 0
    for name in ("demo", "serve", "orders", "order", "trades", "book", "replay", "user"):
        assert f" {name} " in ran.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("orders", "--nonsense"),
        ("orders", "--limit", "x"),
        ("book",),
        ("user", "add"),
    ],
)
def test_wrong_usage_is_status_2(fixoms: Run, arguments: tuple[str, ...]) -> None:
    ran = fixoms(*arguments)
    assert ran.status == 2
    assert ran.err


@pytest.mark.parametrize("command", ["serve", "outlets", "orders", "trades", "verify"])
def test_a_bad_configuration_is_status_2_and_a_line(
    fixoms: Run, config: Path, command: str
) -> None:
    config.write_text("fix: {prot: 1}")
    ran = fixoms(command)
    assert ran.status == 2
    assert ran.err == f"fixoms: {config}:1: fix.prot: unknown key; did you mean port?\n"


def test_no_configuration_says_where_it_was_looked_for(
    fixoms: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("FIXOMS_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    ran = fixoms("serve")
    assert ran.status == 2
    assert "config/venue.yaml: cannot be read: No such file" in ran.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("orders",), "there is no database at"),
        (("book", "ACME"), "there is no database at"),
        (("operator", "phases"), "no venue answers at"),
        (("verify",), "there is no journal here"),
    ],
)
def test_a_venue_that_never_ran_is_status_1_and_a_line(
    fixoms: Run, config: Path, arguments: tuple[str, ...], said: str
) -> None:
    ran = fixoms(*arguments)
    assert ran.status == 1
    assert said in ran.err
    assert len(ran.err.splitlines()) == 1


def test_users_are_added_listed_changed_and_removed(fixoms: Run, config: Path) -> None:
    ran = fixoms(
        "user", "add", "alice", "--participant", "ALPHA", "--password-stdin", stdin="long enough\n"
    )
    assert (ran.status, ran.out) == (0, "alice may log on for ALPHA on A1\n")
    ran = fixoms("user", "list")
    assert ran.out.split() == ["User", "Participant", "Roles", "Sessions", *ran.out.split()[4:]]
    assert "alice" in ran.out
    ran = fixoms("user", "list", "--json")
    (row,) = json.loads(ran.out)
    assert {key: value for key, value in row.items() if value} == {
        "user": "alice",
        "participant": "ALPHA",
        "roles": "trader",
        "sessions": "A1",
    }
    ran = fixoms("user", "change", "alice", "--role", "read-only", "--expires", "2030-12-31")
    assert ran.out == "alice: roles read-only, expires 2030-12-31\n"
    assert fixoms("user", "lock", "alice", "on leave").status == 0
    (row,) = json.loads(fixoms("user", "list", "--json").out)
    assert (row["roles"], row["expires"], row["locked"]) == ("read-only", "2030-12-31", "on leave")
    assert fixoms("user", "unlock", "alice").status == 0
    ran = fixoms("user", "password", "alice", "--password-stdin", stdin="longer than that\n")
    assert (ran.status, ran.out) == (0, "alice has a new password\n")
    ran = fixoms("user", "remove", "alice")
    assert (ran.status, ran.out) == (0, "alice removed\n")
    assert fixoms("user", "list").out == "no users yet; `fixoms user add` makes one\n"
    assert "long" not in (config.parent / "users.yaml").read_text()


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (("add", "bob", "-p", "NOBODY"), "long enough", "'NOBODY' is not a participant of"),
        (("add", "bob", "-p", "ALPHA"), "short", "a password has 8 to 128 characters"),
        (("add", "b b", "-p", "ALPHA"), "long enough", "'b b' is no user name"),
        (("add", "alice", "-p", "ALPHA"), "long enough", "there is a user alice already"),
        (("password", "bob"), "long enough", "there is no user bob"),
        (("add", "bob"), "long enough", "needs a --role"),
        (("add", "bob", "-p", "ALPHA", "--role", "king"), "", "'king' is not a role"),
        (("add", "bob", "-p", "ALPHA", "--expires", "soon"), "", "'soon' is not a day"),
        (("add", "bob", "-p", "ALPHA", "--address", "10.0.0.0/40"), "", "is not an IP address"),
        (("add", "bob", "-p", "ALPHA", "--certificate", "ab:cd"), "", "names no certificate"),
        (("add", "bob", "-p", "ALPHA", "--no-password"), "", "needs a --certificate"),
    ],
)
def test_unfit_users_are_status_2(
    fixoms: Run, config: Path, arguments: tuple[str, ...], stdin: str, said: str
) -> None:
    fixoms("user", "add", "alice", "-p", "ALPHA", "--password-stdin", stdin="long enough\n")
    ran = fixoms("user", *arguments, "--password-stdin", stdin=stdin + "\n")
    assert ran.status == 2
    assert said in ran.err


def test_a_password_is_never_asked_without_a_terminal(fixoms: Run, config: Path) -> None:
    ran = fixoms("user", "add", "alice", "-p", "ALPHA", stdin="long enough\n")
    assert ran.status == 2
    assert "use --password-stdin" in ran.err


def test_the_operator_s_words_are_listed(fixoms: Run) -> None:
    ran = fixoms("operator")
    assert ran.status == 0
    assert "fixoms operator halt SYMBOL|SEGMENT [REASON]" in ran.out


def test_the_dictionary_is_xml_for_quickfix(fixoms: Run) -> None:
    ran = fixoms("dictionary")
    assert ran.status == 0
    assert ran.out.lstrip().startswith("<")
    assert "NewOrderSingle" in ran.out


def test_replay_tells_what_it_cannot_read(fixoms: Run, tmp_path: Path) -> None:
    script = tmp_path / "x.fix"
    script.write_text("title nonsense\nALICE ? what\n")
    ran = fixoms("replay", str(script), str(tmp_path / "nowhere.fix"))
    assert ran.status == 1
    assert f"{script}:2:" in ran.out
    assert "nowhere.fix: No such file" in ran.out
    assert ran.out.endswith("2 failed\n")


def test_replay_refuses_an_address_that_is_none(fixoms: Run, tmp_path: Path) -> None:
    ran = fixoms("replay", str(tmp_path), "--to", "nowhere")
    assert ran.status == 2
    assert "'nowhere' is not HOST:PORT" in ran.err


def test_a_terminal_without_the_characters_is_no_error(config: Path) -> None:
    config.write_text("venue: {name: Bölüm}", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "fixoms", "user", "list"],
        check=False,
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    )
    assert done.returncode == 2
    assert b"venue.name: 'B" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_error() -> None:
    """`fixoms operator | head -1` ends without a traceback."""
    command = [sys.executable, "-m", "fixoms", "dictionary"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""


@pytest.mark.parametrize(
    "module", ["sqlalchemy", "rich.table", "fixoms.engine", "aiomqtt", "argon2"]
)
def test_the_command_line_starts_light(module: str) -> None:
    """What every command would pay for is not imported before it is needed."""
    program = f"import fixoms.cli, sys; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
