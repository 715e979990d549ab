"""The steps of `tools/check`: which there are, in which order, and how they are told.

Owns: the list of steps. Each is a command of its own that also runs alone.
Must not know: how the environment is made (bootstrap.py).
"""

import argparse
import os
import subprocess
import sys
import time
from typing import Final

import bootstrap

RUFF: Final = ("-m", "ruff")
FAST: Final = {
    "format": (*RUFF, "format", "--check", "--quiet", "."),
    "lint": (*RUFF, "check", "--quiet", "."),
    "types": ("-m", "mypy", "--no-error-summary"),
}
ARCHITECTURE: Final = {"architecture": ("-m", "pytest", "-q", "tests/test_architecture.py")}
TESTS: Final = {"tests": ("-m", "pytest", "-q", "-m", "not interop and not slow")}
REPAIRS: Final = (
    (*RUFF, "check", "--quiet", "--fix", "--exit-zero", "."),
    (*RUFF, "format", "--quiet", "."),
)


def main() -> None:
    """Run every step, say how each went, and exit 1 if one failed."""
    parser = argparse.ArgumentParser(prog="tools/check", description=__doc__)
    parser.add_argument("--fast", action="store_true", help="no tests but the architecture's")
    parser.add_argument("--fix", action="store_true", help="let ruff repair what it can first")
    options = parser.parse_args()
    bootstrap.ensure_or_exit()
    os.chdir(bootstrap.ROOT)
    for repair in REPAIRS if options.fix else ():
        _run(repair)
    steps = FAST | (ARCHITECTURE if options.fast else TESTS)
    failed = [name for name, step in steps.items() if not _step(name, step)]
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


def _step(name: str, step: tuple[str, ...]) -> bool:
    began = time.monotonic()
    succeeded = _run(step)
    outcome = "ok" if succeeded else "FAILED"
    print(f"{name:<13}{outcome:<7}{time.monotonic() - began:6.1f} s", flush=True)
    return succeeded


def _run(arguments: tuple[str, ...]) -> bool:
    return subprocess.call([str(bootstrap.PYTHON), *arguments]) == 0
