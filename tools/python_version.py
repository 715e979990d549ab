"""Finds a Python that is new enough, before anything else is imported.

Owns: the oldest Python fixoms runs on, and what to say when there is none.
Must not know: any syntax or library newer than Python 3.6; old ones read this file too.
"""

import os
import shutil
import subprocess
import sys

OLDEST = 11
"""Oldest Python 3.x, as `requires-python` in pyproject.toml says."""

NEWEST = 20
"""Newest Python 3.x that is looked for."""


def require() -> None:
    """Return when this Python is new enough; else start the caller again with one that is.

    Where there is none, leave with one line that says so.
    """
    if sys.version_info >= (3, OLDEST):
        return
    for minor in range(NEWEST, OLDEST - 1, -1):
        found = shutil.which(f"python3.{minor}")
        # A version switcher may offer a name that it then refuses to run.
        if found and _works(found):
            os.execv(found, [found, *sys.argv])  # noqa: S606  # no shell is wanted here
    sys.exit(
        f"fixoms needs Python 3.{OLDEST} or newer. This is Python {sys.version.split()[0]} "
        f"({sys.executable}), and no newer one was found."
    )


def _works(python: str) -> bool:
    silent = subprocess.DEVNULL
    return subprocess.call([python, "-c", "import venv"], stdout=silent, stderr=silent) == 0
