"""The demo as a newcomer runs it, and the questions one asks while it is up."""

import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import simplefix

from fixoms.clock import now
from fixoms.fix.values import render_utc_timestamp

FIRST_TRADE_S = 10.0
PATIENCE_S = 60.0

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a signal")


class Demo:
    """A demo in a process of its own, read line by line."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "fixoms", "demo", "--port", "0", *arguments]
        self.began = time.monotonic()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # Whatever goes wrong, no test waits for ever.
        self._watchdog = threading.Timer(PATIENCE_S, self.process.kill)
        self._watchdog.start()
        self.screen = ""
        self.first_trade_s: float | None = None

    def read_until(self, text: str) -> None:
        assert self.process.stdout is not None
        while text not in self.screen:
            line = self.process.stdout.readline().decode()
            assert line, f"the demo ended before {text!r}:\n{self.screen}{self.errors()}"
            self.screen += line
            if self.first_trade_s is None and " trade " in line:
                self.first_trade_s = time.monotonic() - self.began

    def errors(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()

    def leave(self) -> int:
        """Press Ctrl-C if it is still up, and give its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        status = self.process.wait(PATIENCE_S)
        self._watchdog.cancel()
        assert self.process.stdout is not None
        self.screen += self.process.stdout.read().decode()
        return status

    def close(self) -> None:
        self._watchdog.cancel()
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def told(self, name: str) -> str:
        """Value of a line `name   value` on the screen."""
        found = re.search(rf"^ *{re.escape(name)}  +(.*?) *$", self.screen, re.MULTILINE)
        assert found, f"{name} is not on the screen:\n{self.screen}"
        return found[1]


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    running = Demo()
    try:
        running.read_until("Ctrl-C ends it")
        yield running
    finally:
        running.close()


def ask(demo: Demo, *words: str) -> Any:
    config = Path(demo.told("Dictionary")).with_name("venue.yaml")
    command = [sys.executable, "-m", "fixoms", *words, "--json", "--config", str(config)]
    done = subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_S)
    assert done.stderr == b""
    return json.loads(done.stdout)


def test_the_first_trade_is_soon_on_the_screen(demo: Demo) -> None:
    assert demo.first_trade_s is not None
    assert demo.first_trade_s < FIRST_TRADE_S


def test_the_scene_is_told_line_by_line(demo: Demo) -> None:
    for line in (
        "BOB   > B1 NewOrderSingle: sell 300 ACME at 10.05",
        "BOB   < B1 new, 300 left",
        "ALICE < A2 trade 300 at 10.05 with BRAVO, 300 left",
        "ALICE < A2 trade 200 at 10.06 with CHARLIE, 100 left",
        "BOB   < B1 trade 300 at 10.05 with ALPHA, all filled",
        "ALICE < A3 replaced, 150 left",
        "ALICE < A4 canceled, 500 filled",
        "BOB   < B2 rejected: Price(44) 10.005",
        "ALICE < A3 trade 80 at 9.98 with CHARLIE, 70 left",
    ):
        assert line in demo.screen


def test_alerts_come_over_mqtt_while_the_scene_is_played(demo: Demo) -> None:
    alerts = [line for line in demo.screen.splitlines() if " MQTT  ! " in line]
    assert any("order B2 of BOB rejected" in line for line in alerts)
    assert any("ALPHA bought 300 ACME at 10.05" in line for line in alerts)
    assert demo.screen.index("MQTT  !") < demo.screen.index("Orders, read from SQL")


def test_nothing_colours_what_is_not_a_terminal(demo: Demo) -> None:
    assert "\x1b" not in demo.screen
    assert "Traceback" not in demo.screen


def test_orders_and_trades_are_what_sqlite_holds(demo: Demo) -> None:
    orders = ask(demo, "orders")
    trades = ask(demo, "trades")
    assert [(row["cl_ord_id"], row["ord_status"], row["cum_qty"]) for row in orders][:8] == [
        ("B1", "filled", "300"),
        ("C1", "filled", "200"),
        ("A3", "partially-filled", "80"),
        ("A4", "canceled", "500"),
        ("B2", "rejected", "0"),
        ("C2", "filled", "80"),
        ("B3", "new", "0"),
        ("C3", "new", "0"),
    ]
    assert [(row["qty"], row["price"], row["buyer"], row["seller"]) for row in trades] == [
        ("300", "10.05", "ALPHA", "BRAVO"),
        ("200", "10.06", "ALPHA", "CHARLIE"),
        ("80", "9.98", "ALPHA", "CHARLIE"),
    ]
    with sqlite3.connect(f"file:{demo.told('SQL')}?mode=ro", uri=True) as database:
        rows = database.execute(
            "select cl_ord_id, avg_px from orders order by entered_at"
        ).fetchall()
    database.close()
    assert rows == [(row["cl_ord_id"], row["avg_px"]) for row in orders]
    assert ("A4", "10.054") in rows


def test_the_book_and_the_history_of_an_order(demo: Demo) -> None:
    (book,) = ask(demo, "book", "ACME")
    assert book["bids"] == [{"price": "9.98", "qty": "70", "orders": 1}]
    assert book["asks"] == [{"price": "10.04", "qty": "370", "orders": 2}]
    history = ask(demo, "order", "A3")
    assert [row["exec_type"] for row in history] == ["new", "replaced", "trade"]
    assert [row["cl_ord_id"] for row in history] == ["A1", "A3", "A3"]


def test_the_operator_is_heard_and_answered_at_once(demo: Demo) -> None:
    began = time.monotonic()
    answer = ask(demo, "operator", "halt", "GLOBEX", "for a look")
    assert time.monotonic() - began < 5.0
    assert answer["ok"] is True
    assert answer["seq"] > 0
    phases = {row["instrument"]: row["phase"] for row in ask(demo, "operator", "phases")["rows"]}
    assert phases == {"ACME@XFOM": "continuous", "GLOBEX@XFOM": "halt"}


def run(*words: str) -> str:
    command = [sys.executable, "-m", "fixoms", *words]
    done = subprocess.run(command, check=False, capture_output=True, timeout=PATIENCE_S)
    assert done.stderr == b""
    assert done.returncode == 0, done.stdout.decode()
    return done.stdout.decode()


def test_the_wire_log_is_for_people_and_without_passwords(demo: Demo) -> None:
    logs = [str(path) for path in Path(demo.told("SQL")).parent.glob("wire/*.fixlog")]
    story = run("fix-log", *logs, "--order", "A1", "-f", "MsgType=ExecutionReport")
    told = re.findall(r"ClOrdID=(\w+) .*?ExecType=(\w+) OrdStatus=(\w+)", story)
    assert told == [
        ("A1", "New", "New"),
        ("A3", "Replaced", "New"),
        ("A3", "Trade", "PartiallyFilled"),
    ]
    assert "Password=***" in run("fix-log", *logs, "-f", "Password")
    assert all(demo.told("Password") not in Path(log).read_text() for log in logs)


def test_what_was_said_can_be_recorded_and_played_again(demo: Demo) -> None:
    """The script is played in a venue of its own, made from the same configuration."""
    folder = Path(demo.told("Dictionary")).parent
    logs = sorted(str(path) for path in folder.glob("data/wire/*.fixlog"))
    script = folder / "recorded.fix"
    script.write_text(run("record", *logs, "--title", "the demo, as it was"))
    assert run("replay", str(script)).endswith("1 passed\n")


def test_one_s_own_terminal_connects_as_the_screen_says(demo: Demo) -> None:
    host, port = demo.told("Host, port").split(", ")
    with socket.create_connection((host, int(port)), PATIENCE_S) as connection:
        terminal = GuestTerminal(connection, demo)
        terminal.send(
            "A", [(98, 0), (108, 30), (553, demo.told("Username")), (554, demo.told("Password"))]
        )
        assert terminal.receive().get(35) == b"A"
        terminal.send(
            "D",
            [(11, "G1"), (55, "ACME"), (54, 1), (38, 10), (40, 2), (44, "1.00"), (59, 0)],
            transact_time=True,
        )
        report = terminal.receive()
        assert (report.get(35), report.get(39), report.get(151)) == (b"8", b"0", b"10")
        terminal.send("5", [])
        assert terminal.receive().get(35) == b"5"


class GuestTerminal:
    """A FIX client of a few lines, on simplefix."""

    def __init__(self, connection: socket.socket, demo: Demo) -> None:
        self._connection = connection
        self._comp_ids = demo.told("SenderCompID"), demo.told("TargetCompID")
        self._parser = simplefix.FixParser()
        self._seq = 0

    def send(
        self, msg_type: str, fields: list[tuple[int, object]], *, transact_time: bool = False
    ) -> None:
        self._seq += 1
        message = simplefix.FixMessage()
        message.append_pair(8, "FIX.4.4")
        message.append_pair(35, msg_type)
        message.append_pair(49, self._comp_ids[0])
        message.append_pair(56, self._comp_ids[1])
        message.append_pair(34, self._seq)
        message.append_pair(52, render_utc_timestamp(now()))
        if transact_time:
            message.append_pair(60, render_utc_timestamp(now()))
        for tag, value in fields:
            message.append_pair(tag, value)
        self._connection.sendall(message.encode())

    def receive(self) -> Any:
        while (message := self._parser.get_message()) is None:
            received = self._connection.recv(65_536)
            assert received, "the venue closed the connection"
            self._parser.append_buffer(received)
        return message


def test_ctrl_c_ends_it_in_order_and_leaves_nothing_behind(demo: Demo) -> None:
    """Runs last: it ends the demo the tests above share."""
    folder = Path(demo.told("Dictionary")).parent
    assert folder.is_dir()
    assert demo.leave() == 0
    assert not folder.exists()
    assert demo.errors() == ""


def test_once_ends_by_itself() -> None:
    running = Demo("--once")
    try:
        running.read_until("Connect your own terminal")
        assert running.process.wait(PATIENCE_S) == 0
        assert running.leave() == 0
        assert "Ctrl-C" not in running.screen
    finally:
        running.close()


def test_a_port_that_is_taken_is_told_in_a_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "fixoms", "demo", "--once", "--port", port]
        done = subprocess.run(command, check=False, capture_output=True, timeout=PATIENCE_S)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in done.stdout.decode()
    assert done.stderr == b""
