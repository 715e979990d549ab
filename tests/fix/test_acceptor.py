"""The acceptor over real sockets: strangers, limits, stores, sessions that come and go."""

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from fixoms.clock import now
from fixoms.domain.units import Nanos
from fixoms.fix import (
    Acceptor,
    AuditFact,
    DisconnectReason,
    FileWireLog,
    Inbound,
    Listener,
    MemoryStore,
    Message,
    Outbound,
    Peer,
    QuietApplication,
    RejectLogon,
    Reset,
    Role,
    SessionConfig,
    SessionId,
    SqliteStore,
    Store,
    body_fields,
)
from fixoms.fix.config import SessionState
from tests.fix.tcp_client import TcpClient

ALICE = SessionId(sender_comp_id="VENUE", target_comp_id="ALICE")
ORDER = "11=A1|21=1|55=ACME|54=1|60=20260105-13:30:00|40=1"


class Echo(QuietApplication):
    def __init__(self) -> None:
        self.acceptor: Acceptor | None = None
        self.reasons: list[DisconnectReason] = []

    def from_admin(self, session: SessionId, message: Message) -> None:
        if message.msg_type == "A" and message.get(554) == b"wrong":
            raise RejectLogon(audit="wrong password")

    def from_app(self, session: SessionId, message: Message) -> None:
        if message.get(58) == b"break":
            raise ZeroDivisionError
        assert self.acceptor is not None
        self.acceptor.send(session, Message(message.msg_type, body_fields(message)))

    def logout(self, session: SessionId, reason: DisconnectReason) -> None:
        self.reasons.append(reason)


def config(peer: str = "ALICE", **policies: object) -> SessionConfig:
    session = SessionId(sender_comp_id="VENUE", target_comp_id=peer)
    return SessionConfig(id=session, role=Role.ACCEPTOR, **policies)  # type: ignore[arg-type]


class Facts:
    """Audit facts as they come."""

    def __init__(self) -> None:
        self.seen: list[AuditFact] = []
        self._changed = asyncio.Event()

    def __call__(self, fact: AuditFact) -> None:
        self.seen.append(fact)
        self._changed.set()

    async def until(self, reason: DisconnectReason) -> AuditFact:
        async with asyncio.timeout(10):
            while True:
                for fact in self.seen:
                    if getattr(fact.fact, "reason", None) is reason:
                        return fact
                self._changed.clear()
                await self._changed.wait()


@contextlib.asynccontextmanager
async def running(
    *sessions: SessionConfig,
    store: Store | None = None,
    wire_log: FileWireLog | None = None,
    unknown: Callable[[SessionId], SessionConfig | None] | None = None,
    fault: Callable[[SessionId, Exception], None] | None = None,
    admits: Callable[[SessionId, Peer], str] | None = None,
    **listener: object,
) -> AsyncIterator[tuple[Acceptor, int, Echo, Facts]]:
    echo, facts = Echo(), Facts()
    acceptor = echo.acceptor = Acceptor(
        application=echo,
        store=store or MemoryStore(),
        listener=Listener(tick_s=0.02, **listener),  # type: ignore[arg-type]
        clock=now,
        sessions=sessions or [config()],
        wire_log=wire_log,
        unknown=unknown,
        audit=facts,
        fault=fault,
        admits=admits,
    )
    port = await acceptor.start()
    try:
        yield acceptor, port, echo, facts
    finally:
        await acceptor.stop(timeout_s=1)


async def test_a_conversation() -> None:
    async with running() as (acceptor, port, _, _):
        client = await TcpClient.dial(port)
        await client.log_on()
        client.say(f"35=D|34=2|{ORDER}", "35=1|34=3|112=X")
        echo = await client.hear()
        assert echo is not None
        assert echo.get(11) == b"A1"
        assert await client.hear_types(1) == ["0 3"]
        acceptor.send(ALICE, Message("8").add(37, "X"))
        assert await client.hear_types(1) == ["8 4"]
        (status,) = acceptor.status()
        assert (status.next_in, status.next_out) == (4, 5)
        assert status.remote.startswith("127.0.0.1:")
        client.say("35=5|34=4")
        assert await client.hear_types(2) == ["5 5", "closed"]
        await client.close()


async def test_messages_in_the_segment_of_the_logon_and_one_byte_at_a_time() -> None:
    async with running() as (_, port, _, _):
        client = await TcpClient.dial(port)
        client.say("35=A|34=1|98=0|108=30", f"35=D|34=2|{ORDER}", "35=1|34=3|112=X")
        assert await client.hear_types(3) == ["A 1", "D 2", "0 3"]
        for byte in client.frame(f"35=D|34=4|{ORDER}"):
            client.writer.write(bytes([byte]))
            await client.writer.drain()
        assert await client.hear_types(1) == ["D 4"]
        await client.close()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (TcpClient.frame("35=A|34=1|98=0|108=30", "BOB"), DisconnectReason.UNKNOWN_SESSION),
        (TcpClient.frame("35=0|34=1"), DisconnectReason.FIRST_MESSAGE_NOT_LOGON),
        (b"GET / HTTP/1.1\r\n\r\n", DisconnectReason.GARBLED_LOGON),
        (b"8=FIX.4.4\x019=5000\x01" + b"x" * 9000, DisconnectReason.GARBLED_LOGON),
        (b"8=FIX.4.4\x019=999999999\x0135=A\x01", DisconnectReason.GARBLED_LOGON),
        (
            TcpClient.frame("35=A|34=1|98=0|108=30").replace(b"8=FIX.4.4", b"8=FIX.4.2"),
            DisconnectReason.GARBLED_LOGON,
        ),
    ],
)
async def test_strangers_hear_nothing(data: bytes, reason: DisconnectReason) -> None:
    async with running() as (acceptor, port, _, facts):
        client = await TcpClient.dial(port)
        client.writer.write(data)
        assert await client.hear() is None
        await facts.until(reason)
        assert acceptor.status()[0].next_in == 1
        await client.close()


async def test_a_wrong_password_changes_nothing() -> None:
    async with running() as (acceptor, port, _, facts):
        client = await TcpClient.dial(port)
        await client.log_on()
        client.say("35=0|34=2")
        await client.close()
        await facts.until(DisconnectReason.CONNECTION_LOST)
        mallory = await TcpClient.dial(port)
        mallory.say("35=A|34=1|98=0|108=30|141=Y|554=wrong")
        assert await mallory.hear() is None
        fact = await facts.until(DisconnectReason.LOGON_REFUSED)
        assert fact.session == ALICE
        (status,) = acceptor.status()
        assert (status.next_in, status.next_out) == (3, 2)
        await mallory.close()


async def test_a_second_logon_is_refused_and_the_first_stays() -> None:
    async with running() as (_, port, _, facts):
        first, second = await TcpClient.dial(port), await TcpClient.dial(port)
        await first.log_on()
        second.say("35=A|34=1|98=0|108=30|141=Y")
        assert await second.hear() is None
        await facts.until(DisconnectReason.SESSION_IN_USE)
        first.say("35=1|34=2|112=X")
        assert await first.hear_types(1) == ["0 2"]
        await first.close()
        await second.close()


async def test_limits_on_strangers() -> None:
    async with running(strangers_max=2, logon_timeout_s=0.3) as (_, port, _, facts):
        clients = [await TcpClient.dial(port) for _ in range(3)]
        await facts.until(DisconnectReason.TOO_MANY_CONNECTIONS)
        clients[0].writer.write(b"8=FIX.4.4\x019=")
        for client in clients:
            assert await client.hear() is None
        await facts.until(DisconnectReason.LOGON_TIMEOUT)
        late = await TcpClient.dial(port)
        await late.log_on()
        for client in [*clients, late]:
            await client.close()


async def test_addresses() -> None:
    networks = [ipaddress.ip_network("10.0.0.0/8")]
    async with running(allowed_addresses=networks) as (_, port, _, facts):
        client = await TcpClient.dial(port)
        assert await client.hear() is None
        await facts.until(DisconnectReason.ADDRESS_REFUSED)
        await client.close()


async def test_a_peer_that_may_not_use_its_session_learns_nothing() -> None:
    def admits(session: SessionId, peer: Peer) -> str:
        assert peer == Peer("127.0.0.1")
        return "from elsewhere" if session == ALICE else ""

    sessions = [config(), config("BOB")]
    async with running(*sessions, admits=admits) as (acceptor, port, _, facts):
        alice, bob = await TcpClient.dial(port), await TcpClient.dial(port)
        alice.say("35=A|34=1|98=0|108=30|141=Y")
        assert await alice.hear() is None
        fact = await facts.until(DisconnectReason.PEER_REFUSED)
        assert "from elsewhere" in fact.fact.text
        assert acceptor.status()[0].next_in == 1
        bob.say("35=A|34=1|98=0|108=30", sender="BOB")
        assert await bob.hear_types(1) == ["A 1"]
        await alice.close()
        await bob.close()


async def test_sessions_come_and_go() -> None:
    async with running() as (acceptor, port, _, facts):
        bob = SessionId(sender_comp_id="VENUE", target_comp_id="BOB")
        acceptor.add_session(config("BOB"))
        with pytest.raises(ValueError, match="exists"):
            acceptor.add_session(config("BOB"))
        client = await TcpClient.dial(port)
        client.say("35=A|34=1|98=0|108=30", sender="BOB")
        assert await client.hear_types(1) == ["A 1"]
        acceptor.remove_session(bob, "Goodbye")
        logout = await client.hear()
        assert logout is not None
        assert (logout.msg_type, logout.get(58)) == ("5", b"Goodbye")
        client.say("35=5|34=2", sender="BOB")
        assert await client.hear() is None
        await client.close()
        with pytest.raises(KeyError):
            acceptor.link(bob)
        again = await TcpClient.dial(port)
        again.say("35=A|34=1|98=0|108=30", sender="BOB")
        assert await again.hear() is None
        await facts.until(DisconnectReason.UNKNOWN_SESSION)
        await again.close()


async def test_unknown_peers_can_be_configured_on_arrival() -> None:
    def unknown(session: SessionId) -> SessionConfig | None:
        return config(session.target_comp_id) if session.target_comp_id != "EVE" else None

    async with running(unknown=unknown) as (acceptor, port, _, _):
        carol, eve = await TcpClient.dial(port), await TcpClient.dial(port)
        carol.say("35=A|34=1|98=0|108=30", sender="CAROL")
        eve.say("35=A|34=1|98=0|108=30", sender="EVE")
        assert await carol.hear_types(1) == ["A 1"]
        assert await eve.hear() is None
        assert [s.session.target_comp_id for s in acceptor.status()] == ["ALICE", "CAROL"]
        await carol.close()
        await eve.close()


async def test_a_slow_consumer_is_cut_and_recovers_by_resend() -> None:
    async with running(outbound_bytes_max=200_000) as (acceptor, port, echo, facts):
        client = await TcpClient.dial(port)
        await client.log_on()
        text = "x" * 20_000
        sent = 0
        while not echo.reasons and sent < 2_000:
            acceptor.send(ALICE, Message("8").add(58, text))
            sent += 1
            await asyncio.sleep(0)
        assert echo.reasons == [DisconnectReason.SLOW_CONSUMER]
        await facts.until(DisconnectReason.SLOW_CONSUMER)
        await client.close()
        again = await TcpClient.dial(port)
        await again.log_on(2)
        again.say("35=2|34=3|7=2|16=0")
        heard = [await again.hear() for _ in range(sent + 1)]
        numbers = [message.text(34) for message in heard if message is not None]
        assert numbers == [str(n) for n in range(2, sent + 3)]
        assert heard[0] is not None
        assert heard[0].get(43) == b"Y"
        await again.close()


async def test_a_resend_storm_does_not_starve_others() -> None:
    sessions = [config(resend_chunk=50), config("BOB")]
    async with running(*sessions) as (acceptor, port, _, _):
        for n in range(20_000):
            acceptor.send(ALICE, Message("8").add(58, f"message {n}"))
        alice, bob = await TcpClient.dial(port), await TcpClient.dial(port)
        bob.say("35=A|34=1|98=0|108=30", sender="BOB")
        assert await bob.hear_types(1) == ["A 1"]
        alice.say("35=A|34=1|98=0|108=30")
        alice.say(*(f"35=2|34={n}|7=1|16=0" for n in range(2, 12)))
        for n in range(2, 12):
            bob.say(f"35=1|34={n}|112=T", sender="BOB")
            assert await bob.hear_types(1) == [f"0 {n}"]
        # ALICE has read nothing: what was resent to her by now is bounded by her socket.
        assert acceptor.link(ALICE).session.is_logged_on
        await alice.close()
        await bob.close()


async def test_a_broken_application_cuts_its_session_only() -> None:
    faults: list[Exception] = []
    async with running(config(), config("BOB"), fault=lambda _, fault: faults.append(fault)) as (
        acceptor,
        port,
        echo,
        _,
    ):
        alice, bob = await TcpClient.dial(port), await TcpClient.dial(port)
        await alice.log_on()
        bob.say("35=A|34=1|98=0|108=30", sender="BOB")
        assert await bob.hear_types(1) == ["A 1"]
        alice.say("35=B|34=2|148=h|33=1|58=break")
        assert await alice.hear() is None
        assert echo.reasons == [DisconnectReason.APPLICATION_FAILED]
        assert isinstance(faults[0], ZeroDivisionError)
        assert acceptor.status()[0].next_in == 2
        bob.say("35=1|34=2|112=T", sender="BOB")
        assert await bob.hear_types(1) == ["0 2"]
        await alice.close()
        await bob.close()


async def test_stop_says_logout() -> None:
    async with running() as (acceptor, port, echo, _):
        client = await TcpClient.dial(port)
        stranger = await TcpClient.dial(port)
        await client.log_on()
        stopping = asyncio.create_task(acceptor.stop("Maintenance"))
        logout = await client.hear()
        assert logout is not None
        assert logout.get(58) == b"Maintenance"
        client.say("35=5|34=2")
        assert await client.hear() is None
        assert await stranger.hear() is None
        await stopping
        assert echo.reasons == [DisconnectReason.LOGOUT_ANSWERED]
        await client.close()
        await stranger.close()


async def test_wire_log_masks_passwords(tmp_path: Path) -> None:
    log = FileWireLog(tmp_path)
    async with running(wire_log=log) as (_, port, _, _):
        client = await TcpClient.dial(port)
        await client.log_on(fields="|553=alice|554=topsecret|925=nextsecret|95=6|96=hidden")
        client.say("35=5|34=2")
        assert await client.hear_types(2) == ["5 2", "closed"]
        await client.close()
    log.close()
    lines = only_file(tmp_path).read_text("ascii").splitlines()
    assert [line.split(" ")[1] for line in lines] == ["<", ">", "<", ">"]
    text = "\n".join(lines)
    assert "554=***" in text
    assert "553=alice" in text
    for secret in ("topsecret", "nextsecret", "hidden"):
        assert secret not in text


def only_file(directory: Path) -> Path:
    (path,) = directory.iterdir()
    return path


class SlowStore(MemoryStore):
    """Durable when told so."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Callable[[], None]] = []
        self.puts: list[Sequence[Outbound | Inbound | Reset]] = []
        self.fail: Callable[[Exception], None] = print

    def put(
        self,
        session: SessionId,
        records: Sequence[Outbound | Inbound | Reset],
        then: Callable[[], None],
    ) -> None:
        self.puts.append(records)
        if all(isinstance(record, Inbound) for record in records):
            super().put(session, records, then)
        else:
            super().put(session, records, lambda: self.waiting.append(then))

    def on_failure(self, callback: Callable[[Exception], None]) -> None:
        self.fail = callback

    def load(self, session: SessionId, now: Nanos) -> SessionState:
        return super().load(session, now)


async def test_nothing_leaves_before_it_is_durable() -> None:
    store = SlowStore()
    async with running(store=store) as (acceptor, port, _, facts):
        client = await TcpClient.dial(port)
        client.say("35=A|34=1|98=0|108=30", "35=1|34=2|112=X", f"35=D|34=3|{ORDER}")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await client.hear()
        # One read is one put and, once durable, one write.
        (records,) = store.puts
        assert [type(record).__name__ for record in records] == ["Outbound"] * 3 + ["Inbound"]
        acceptor.send(ALICE, Message("8").add(37, "X"))
        await asyncio.sleep(0)
        assert len(store.waiting) == 2
        for then in store.waiting:
            then()
        assert await client.hear_types(4) == ["A 1", "0 2", "D 3", "8 4"]
        acceptor.send(ALICE, Message("8").add(37, "Y"))
        store.fail(OSError("No space left on device"))
        assert await client.hear() is None
        await facts.until(DisconnectReason.STORE_FAILED)
        assert str(acceptor.failure) == "No space left on device"
        await client.close()


async def test_numbers_and_messages_survive_in_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "messages.db"
    store = SqliteStore(path)
    async with running(store=store) as (_, port, _, _):
        client = await TcpClient.dial(port)
        await client.log_on()
        client.say(f"35=D|34=2|{ORDER}", "35=1|34=3|112=X", f"35=D|34=4|{ORDER}")
        assert await client.hear_types(3) == ["D 2", "0 3", "D 4"]
        await client.close()
    await store.close()
    store = SqliteStore(path)
    async with running(store=store) as (acceptor, port, _, _):
        acceptor.send(ALICE, Message("8").add(37, "kept"))
        client = await TcpClient.dial(port)
        answer = await client.log_on(5)
        assert answer.text(34) == "6"
        client.say("35=2|34=6|7=1|16=0")
        assert await client.hear_types(5) == ["4 1", "D 2", "4 3", "D 4", "8 5"]
        assert await client.hear_types(1) == ["4 6"]
        client.say("35=A|34=1|98=0|108=30|141=Y")
        assert await client.hear_types(1) == ["A 1"]
        client.say("35=2|34=2|7=1|16=0")
        assert await client.hear_types(1) == ["4 1"]
        await client.close()
    await store.close()
