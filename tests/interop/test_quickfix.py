"""QuickFIX, the engine most of the field runs, as initiator and as acceptor against ours."""

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fixoms.clock import now
from fixoms.fix import (
    Acceptor,
    Dial,
    Dictionary,
    DisconnectReason,
    Initiator,
    Listener,
    MemoryStore,
    Message,
    QuietApplication,
    Role,
    SessionConfig,
    SessionId,
    Store,
    body_fields,
)

pytest.importorskip("quickfix", reason="the quickfix package is not installed")

pytestmark = pytest.mark.interop

PATIENCE_S = 20.0
ORDER = ((11, "A1"), (21, "1"), (38, "100"), (40, "1"), (54, "1"), (55, "ACME"))


class QuickFix:
    """The process of `quickfix_peer.py`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._missed: list[dict[str, Any]] = []

    def _command(self, **command: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")

    def send(self, fields: dict[int, str]) -> None:
        self._command(send=fields)

    async def until(self, event: str) -> dict[str, Any]:
        """The next event of this kind; others are kept for later."""
        for at, seen in enumerate(self._missed):
            if seen["event"] == event:
                return self._missed.pop(at)
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while True:
                line = await self._process.stdout.readline()
                assert line, f"QuickFIX ended before {event}"
                told: dict[str, Any] = json.loads(line)
                if told["event"] == event:
                    return told
                self._missed.append(told)

    async def message(self) -> dict[int, str]:
        fields = (await self.until("message"))["fields"]
        return {int(tag): value for tag, value in fields.items()}

    async def stop(self) -> None:
        self._command(stop=True)
        await self.until("stopped")


@contextlib.asynccontextmanager
async def quickfix(role: str, path: Path) -> AsyncIterator[QuickFix]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("quickfix_peer.py")),
        role,
        str(path),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    peer = QuickFix(process)
    try:
        await peer.until("started")
        yield peer
        await peer.stop()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture(scope="module")
def dictionary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our dictionary, exported in the form QuickFIX reads."""
    path = tmp_path_factory.mktemp("dictionary") / "FIX44.xml"
    path.write_text(Dictionary.fix44().to_quickfix_xml(), "utf-8")
    return path


def settings(directory: Path, role: str, dictionary: Path, port: int) -> Path:
    us, them = ("ALICE", "VENUE") if role == "initiator" else ("VENUE", "ALICE")
    address = (
        f"SocketConnectHost=127.0.0.1\nSocketConnectPort={port}"
        if role == "initiator"
        else f"SocketAcceptPort={port}"
    )
    path = directory / f"{role}.cfg"
    path.write_text(
        f"[DEFAULT]\nConnectionType={role}\nStartTime=00:00:00\nEndTime=00:00:00\n"
        f"HeartBtInt=30\nReconnectInterval=1\nUseDataDictionary=Y\nDataDictionary={dictionary}\n"
        f"FileStorePath={directory / role}\nSocketReuseAddress=Y\n{address}\n"
        f"[SESSION]\nBeginString=FIX.4.4\nSenderCompID={us}\nTargetCompID={them}\n",
        "ascii",
    )
    return path


class Echo(QuietApplication):
    def __init__(self) -> None:
        self.acceptor: Acceptor | None = None

    def from_app(self, session: SessionId, message: Message) -> None:
        assert self.acceptor is not None
        self.acceptor.send(session, Message(message.msg_type, body_fields(message)))


@contextlib.asynccontextmanager
async def our_acceptor(
    port: int = 0, store: Store | None = None, **policies: object
) -> AsyncIterator[tuple[Acceptor, int, SessionId]]:
    session = SessionId(sender_comp_id="VENUE", target_comp_id="ALICE")
    echo = Echo()
    config = SessionConfig(
        id=session,
        role=Role.ACCEPTOR,
        dictionary=Dictionary.fix44(),
        **policies,  # type: ignore[arg-type]
    )
    acceptor = echo.acceptor = Acceptor(
        application=echo,
        store=store or MemoryStore(),
        listener=Listener(port=port, tick_s=0.02),
        clock=now,
        sessions=[config],
    )
    port = await acceptor.start()
    try:
        yield acceptor, port, session
    finally:
        await acceptor.stop(timeout_s=3)


def news(headline: str) -> Message:
    return Message("B").add(148, headline).add(33, 1).add(58, "x")


def order(cl_ord_id: str) -> dict[int, str]:
    return {35: "D", **dict(ORDER), 11: cl_ord_id, 60: "20260105-13:30:00.000"}


async def test_quickfix_as_initiator(tmp_path: Path, dictionary: Path) -> None:
    """Logon, orders echoed, a lost connection, a message kept for it, resend, logout."""
    async with our_acceptor() as (acceptor, port, session):
        async with quickfix("initiator", settings(tmp_path, "initiator", dictionary, port)) as peer:
            await peer.until("logon")
            for n in range(50):
                peer.send(order(f"A{n}"))
            for n in range(50):
                assert (await peer.message())[11] == f"A{n}"
            line = acceptor.link(session).line
            assert line is not None
            line.abort(DisconnectReason.CONNECTION_LOST, "cut by the test")
            acceptor.send(session, news("while away"))
            await peer.until("logout")
            await peer.until("logon")
            kept = await peer.message()
            assert (kept[148], kept[43]) == ("while away", "Y")
            peer.send(order("LAST"))
            assert (await peer.message())[11] == "LAST"
        (status,) = acceptor.status()
        assert not status.is_recovering
        assert not acceptor.link(session).is_in_use


async def test_quickfix_sends_what_we_missed(tmp_path: Path, dictionary: Path) -> None:
    """Our side lost its store: QuickFIX answers our ResendRequest(2) with everything."""
    async with (
        our_acceptor() as (_, port, _),
        quickfix("initiator", settings(tmp_path, "initiator", dictionary, port)) as peer,
    ):
        await peer.until("logon")
        for n in range(20):
            peer.send(order(f"A{n}"))
        for n in range(20):
            assert (await peer.message())[11] == f"A{n}"
    # Our outbound number is ahead of what QuickFIX expects, the inbound one starts again.
    async with our_acceptor() as (acceptor, port, session):
        for _ in range(30):
            acceptor.send(session, news("ahead"))
        async with quickfix("initiator", settings(tmp_path, "initiator", dictionary, port)) as peer:
            await peer.until("logon")
            echoes: list[str] = []
            while len(echoes) < 20:
                message = await peer.message()
                if message[35] == "D":
                    echoes.append(message[11])
            assert echoes == [f"A{n}" for n in range(20)]


class Trader(QuietApplication):
    def __init__(self) -> None:
        self.got: asyncio.Queue[Message] = asyncio.Queue()

    def from_app(self, session: SessionId, message: Message) -> None:
        self.got.put_nowait(message)


async def test_quickfix_as_acceptor(tmp_path: Path, dictionary: Path) -> None:
    """Our initiator logs on, trades, is cut, recovers both ways and logs out."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    trader = Trader()
    session = SessionId(sender_comp_id="ALICE", target_comp_id="VENUE")
    initiator = Initiator(
        application=trader,
        store=MemoryStore(),
        session=SessionConfig(
            id=session, role=Role.INITIATOR, dictionary=Dictionary.fix44(), heartbeat_interval_s=5
        ),
        dial=Dial(host="127.0.0.1", port=port, backoff_s=0.1, backoff_s_max=0.5, tick_s=0.02),
        clock=now,
    )
    fields = [(tag, value.encode()) for tag, value in order("A1").items() if tag != 35]

    async def echoed() -> Message:
        async with asyncio.timeout(PATIENCE_S):
            return await trader.got.get()

    async with quickfix("acceptor", settings(tmp_path, "acceptor", dictionary, port)) as peer:
        await initiator.start()
        async with asyncio.timeout(PATIENCE_S):
            await initiator.logged_on()
        for _ in range(50):
            initiator.send(Message("D", fields))
        for _ in range(50):
            assert dict(body_fields(await echoed())) == dict(fields)
        line = initiator.link.line
        assert line is not None
        line.abort(DisconnectReason.CONNECTION_LOST, "cut by the test")
        initiator.send(Message("D", fields))
        assert (await echoed()).msg_type == "D"
        await initiator.stop("done")
        await peer.until("logout")
        assert initiator.link.session.state.next_in > 50
