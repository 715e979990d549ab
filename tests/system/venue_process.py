"""A real venue in a process of its own, as `fixoms serve` starts it."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from fixoms.users import new_user, write_users

Found = TypeVar("Found")

PATIENCE_S = 30.0
PASSWORD = "correct-horse"

CONFIG = """
venue: {{data_dir: var, users_file: users.yaml}}
fix: {{port: 0}}
participants:
  ALPHA: {{}}
  BRAVO: {{}}
  CHARLIE: {{}}
sessions:
  ALPHA1: {{participant: ALPHA}}
  ALPHA2: {{participant: ALPHA}}
  BRAVO1: {{participant: BRAVO}}
  CHARLIE1: {{participant: CHARLIE, cancel_on_disconnect: loss}}
instruments:
  - {{symbol: ACME, reference_price: 10.00}}
  - {{symbol: GLOBEX, tick: 0.05, lot_size: 100, reference_price: 50.00}}
sql: {sql}
mqtt: {mqtt}
"""


def write_config(folder: Path, *, sql: str = "{}", mqtt: str = "{broker: off}") -> Path:
    """A configuration with three brokers, four sessions, two instruments, and its users."""
    path = folder / "venue.yaml"
    path.write_text(CONFIG.format(sql=sql, mqtt=mqtt), encoding="utf-8")
    users = {name.lower(): new_user(name, name, PASSWORD) for name in ("ALPHA", "BRAVO", "CHARLIE")}
    write_users(folder / "users.yaml", users)
    return path


class VenueProcess:
    """One life of `fixoms serve`."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fixoms", "serve", "--config", str(config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.lines.append(line.rstrip("\n"))

    @property
    def port(self) -> int:
        """FIX port from the ready line."""
        found = wait_for(lambda: re.search(r" listens on \S+:(\d+) ", "\n".join(self.lines)), self)
        return int(found[1])

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def said(self, text: str) -> str:
        """Wait for a line on stderr that holds `text`."""
        return wait_for(lambda: next((line for line in self.lines if text in line), None), self)

    def stop(self) -> int:
        """Stop it as an operator would; the exit code."""
        if self.is_alive:
            self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """Kill -9, children untouched."""
        self._process.kill()
        self.wait()

    def wait(self) -> int:
        """The exit code, once it has ended by itself."""
        code = self._process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        assert self._process.stderr is not None
        self._process.stderr.close()
        return code

    def operator(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `fixoms operator` against it."""
        return fixoms("operator", *words, "--config", str(self.config))


def fixoms(*words: str) -> subprocess.CompletedProcess[str]:
    """Run one fixoms command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "fixoms", *words],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )


@contextmanager
def venue(config: Path) -> Iterator[VenueProcess]:
    """A venue that is ready, and must stop in order unless it has ended before."""
    process = VenueProcess(config)
    try:
        assert process.port
        yield process
        if process.is_alive:
            assert process.stop() == 0, process.lines
    finally:
        if process.is_alive:
            os.killpg(process._process.pid, signal.SIGKILL)
            process.wait()


def wait_for(look: Callable[[], Found | None], process: VenueProcess | None = None) -> Found:
    """What `look` finds, looking again for a bounded time."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        if process is not None and not process.is_alive:
            process._reader.join(1.0)
            found = look()
            if found:
                return found
            break
        time.sleep(0.02)
    said = "\n".join(process.lines) if process is not None else ""
    raise AssertionError(f"not found in {PATIENCE_S:g} s; the venue said:\n{said}")
