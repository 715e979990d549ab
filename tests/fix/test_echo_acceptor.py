"""The echo acceptor as a process of its own: what the README shows, and kill -9."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from tests.fix.tcp_client import TcpClient

ROOT = Path(__file__).parents[2]
ORDER = "11=A1|21=1|55=ACME|54=1|60=20260105-13:30:00|40=1"


@contextlib.asynccontextmanager
async def echo_acceptor(
    *arguments: str,
) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "tools" / "echo_acceptor.py"),
        *("--sender-comp-id", "VENUE"),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            line = (await process.stdout.readline()).decode()
        assert line.startswith("listening on 127.0.0.1:"), line
        yield process, int(line.rpartition(":")[2])
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def test_echo_and_graceful_stop() -> None:
    async with echo_acceptor("--target-comp-id", "ALICE", "--unsupported", "8") as (process, port):
        client = await TcpClient.dial(port)
        await client.log_on()
        client.say(f"35=D|34=2|{ORDER}|38=002000.00|453=0", "35=8|34=3|37=1|17=1|150=0|39=0")
        echo = await client.hear()
        assert echo is not None
        assert (echo.get(38), echo.get(453)) == (b"002000.00", b"0")
        # The report misses required fields, but its type is refused by the application only after
        # the dictionary: either way the number is used up.
        assert (await client.hear_types(1))[0].endswith(" 3")
        client.say(f"35=D|34=4|97=Y|{ORDER}", "35=1|34=5|112=X")
        assert await client.hear_types(1) == ["0 4"]
        process.send_signal(signal.SIGTERM)
        assert await client.hear_types(1) == ["5 5"]
        client.say("35=5|34=6")
        assert await client.hear() is None
        await client.close()
        assert await process.wait() == 0


class Trader:
    """A client that keeps its numbers over the lives of the acceptor."""

    def __init__(self) -> None:
        self.next_out = 1
        self.next_in = 1
        self.echoes: dict[bytes, int] = {}
        self.asked = 0
        self.logon = 1
        self.client: TcpClient

    def say(self, text: str) -> None:
        msg_type, _, fields = text.partition("|")
        self.client.say(f"35={msg_type}|34={self.next_out}|{fields}")
        self.next_out += 1

    async def connect(self, port: int) -> None:
        self.client = await TcpClient.dial(port)
        self.logon = self.next_out
        self.say("A|98=0|108=30")

    async def hear(self) -> None:
        """Take one message as FIX wants it taken: in order, gaps asked for, duplicates ignored."""
        message = await self.client.hear()
        assert message is not None
        number = int(message.text(34) or 0)
        if message.msg_type == "2":
            # Everything asked for was never worked: nobody was told of it, so it need not be.
            # What was sent behind the Logon(A) of this life is held there and not filled away.
            begin, self.asked = int(message.text(7) or 0), self.asked + 1
            self.client.say(f"35=4|34={begin}|43=Y|36={self.logon}|123=Y")
        if message.msg_type == "D":
            assert self.echoes.setdefault(message.require(11), number) == number
        if number == self.next_in:
            is_gap_fill = message.msg_type == "4"
            self.next_in = int(message.text(36) or 0) if is_gap_fill else number + 1
        elif number > self.next_in and message.msg_type == "A":
            self.say(f"2|7={self.next_in}|16=0")


async def test_kill_9_loses_nothing_that_was_sent(tmp_path: Path) -> None:
    """Killed in the middle of traffic again and again: numbers go on, echoes can be had again."""
    store = str(tmp_path / "echo.db")
    trader = Trader()
    for life in range(5):
        async with echo_acceptor("--target-comp-id", "ALICE", "--store", store) as (process, port):
            await trader.connect(port)
            for n in range(1500):
                trader.say(f"D|11={life}-{n}|{ORDER[6:]}")
            wanted = len(trader.echoes) + 30
            while len(trader.echoes) < wanted:
                await trader.hear()
            process.kill()
            await process.wait()
            await trader.client.close()
    numbers = sorted(trader.echoes.values())
    assert len(set(numbers)) == len(numbers), "a number was given twice"
    async with echo_acceptor("--target-comp-id", "ALICE", "--store", store) as (_, port):
        await trader.connect(port)
        trader.say("1|112=LAST")
        async with asyncio.timeout(20):
            while trader.next_in <= max(numbers):
                await trader.hear()
        # What was heard before a kill is what a resend says after it: `hear` compares each.
        trader.say("2|7=1|16=0")
        first = trader.next_in
        trader.say("1|112=END")
        while trader.next_in <= first:
            await trader.hear()
        await trader.client.close()
    assert trader.asked > 0, "every kill came too late to lose anything"
