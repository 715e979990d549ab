"""Makes `.venv` with everything fixoms needs, once, and runs Python modules in it.

Owns: the virtual environment of a checkout: how it is made where parts of Python are missing, from
what it is installed, and when it is out of date.
Must not know: what is run in it. Uses the standard library only, on any Python from 3.11, on Linux,
macOS and Windows; needs no compiler.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Final, NoReturn

ROOT: Final = Path(__file__).resolve().parents[1]
VENV: Final = Path(os.environ.get("FIXOMS_VENV", ROOT / ".venv"))
PYTHON: Final = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP: Final = VENV / "fixoms-installed"
LOCK: Final = ROOT / "requirements.lock"
PYPROJECT: Final = ROOT / "pyproject.toml"

OPTIONAL: Final = ("uvloop",)
"""Dependencies that make fixoms faster and that it runs without: left out where they do not fit."""

_QUIET_PIP: Final = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}


def run(*arguments: str) -> NoReturn:
    """Set up, then become `python <arguments> <arguments of the command line>` of the venv."""
    ensure_or_exit()
    command = [str(PYTHON), *arguments, *sys.argv[1:]]
    os.chdir(ROOT)
    sys.stdout.flush()
    if os.name == "nt":
        # Windows has no exec that the shell would wait for.
        sys.exit(subprocess.call(command))
    os.execv(PYTHON, command)  # noqa: S606  # no shell is wanted here


def ensure_or_exit() -> None:
    """Set up, or leave with one line that says what is missing."""
    try:
        ensure()
    except SetupFailed as failure:
        sys.exit(f"fixoms could not be set up: {failure}")
    except OSError as error:
        sys.exit(f"fixoms could not be set up: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


class SetupFailed(Exception):
    """The environment cannot be made here; the message says what is missing."""


def ensure() -> None:
    """Make or renew the environment unless it is as pyproject.toml and the lock file ask."""
    wanted = _fingerprint()
    if _installed() == wanted:
        return
    began = time.monotonic()
    _say(f"Setting up {_shown(VENV)} with Python {sys.version.split()[0]} (once; a minute or so)")
    _make_venv()
    _install()
    STAMP.write_text(wanted, encoding="utf-8")
    _say(f"Set up in {time.monotonic() - began:.0f} s")


def _fingerprint() -> str:
    """What an environment is up to date with: the files it is installed from, and its place."""
    digest = hashlib.sha256(str(ROOT).encode())
    for path in (PYPROJECT, LOCK):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _installed() -> str | None:
    """Fingerprint the environment was installed for, or None when there is no whole one."""
    if not PYTHON.exists():  # Also when its Python has been uninstalled: the link is broken.
        return None
    try:
        return STAMP.read_text(encoding="utf-8")
    except OSError:
        return None


def _make_venv() -> None:
    """Make the environment with pip in it, by whichever way this machine offers."""
    if _venv_has_pip():
        return
    if VENV.exists() and not (VENV / "pyvenv.cfg").exists():
        raise SetupFailed(f"{VENV} exists and is not a virtual environment; move it away")
    own = [sys.executable, "-m"]
    ways = (
        [*own, "venv", "--clear", str(VENV)],
        # Debian and Ubuntu keep ensurepip in a package of its own; the venv itself still works.
        [*own, "venv", "--clear", "--without-pip", str(VENV)],
        [*own, "virtualenv", "--quiet", "--clear", str(VENV)],
    )
    said = ""
    for way in ways:
        if importlib.util.find_spec(way[2]) is None:
            continue
        done = _call(way)
        said = done.stdout.strip() or said
        if done.returncode == 0 and (_venv_has_pip() or _put_pip_in()):
            return
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    raise SetupFailed(
        f"{sys.executable} cannot make a virtual environment with pip in it. On Debian or Ubuntu: "
        f"apt install python{version}-venv. Elsewhere: install pip or virtualenv for it.\n{said}"
    )


def _venv_has_pip() -> bool:
    return PYTHON.exists() and _call([str(PYTHON), "-m", "pip", "--version"]).returncode == 0


def _put_pip_in() -> bool:
    """Install pip into an environment made without it, by the pip of this Python or by uv."""
    ways = [[sys.executable, "-m", "pip", "--python", str(PYTHON), "install", "--quiet", "pip"]]
    if uv := shutil.which("uv"):
        ways.append([uv, "pip", "install", "--quiet", "--python", str(PYTHON), "pip"])
    return any(_call(way).returncode == 0 and _venv_has_pip() for way in ways)


def _install() -> None:
    """Install what the lock file pins; where that does not fit, what pyproject.toml allows."""
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet"]
    locked = _call([*pip, "--only-binary", ":all:", "--require-hashes", "-r", str(LOCK)])
    if locked.returncode:
        _say("The lock file does not fit this Python; taking the newest versions that do")
        with PYPROJECT.open("rb") as file:
            project = tomllib.load(file)["project"]
        needed = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
        optional = [each for each in needed if each.startswith(OPTIONAL)]
        required = [each for each in needed if not each.startswith(OPTIONAL)]
        ranges = _call([*pip, "--prefer-binary", "setuptools>=77", *required])
        if ranges.returncode:
            raise SetupFailed(f"pip could not install what fixoms needs.\n{ranges.stdout.strip()}")
        for each in optional:
            _call([*pip, "--only-binary", ":all:", each])
    own = _call([*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
    if own.returncode:
        raise SetupFailed(f"pip could not install fixoms itself.\n{own.stdout.strip()}")


def _call(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command quietly; its output is kept for the case that it fails."""
    return subprocess.run(
        command,
        check=False,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | _QUIET_PIP,
    )


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
