"""A real QuickFIX client, its dictionary validation on, trades with `fixoms serve`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.venue_process import PASSWORD, venue, write_config

pytestmark = pytest.mark.interop

CLIENT = Path(__file__).with_name("quickfix_client.py")


def test_quickfix_trades_and_finds_nothing_to_refuse(tmp_path: Path) -> None:
    pytest.importorskip("quickfix")
    (tmp_path / "store").mkdir()
    with venue(write_config(tmp_path)) as process:
        for _ in range(2):
            # The second run goes on with the numbers of the first, kept on both sides.
            done = subprocess.run(
                [sys.executable, CLIENT, str(process.port), PASSWORD, tmp_path / "store"],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, done.stderr + done.stdout
            told = [json.loads(line) for line in done.stdout.splitlines() if line[0] == "["]
            assert {what for what, _, _ in told} == {"received"}, told
            process.operator("end-day")
            process.operator("start-day", "20300101")
