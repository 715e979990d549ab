"""The MQTT outlet: journal entries to a broker, at least once and in order.

Owns: the connection, the window of publishes in flight, the cursor, the gateway's status topic.
Must not know: what is in a message (messages.py), when to try again (follower.py).

The cursor moves past an entry only when the broker has acknowledged (PUBACK) everything before it.
After a lost connection the outlet publishes again from the cursor, in order and with the same ids,
so a subscriber that drops ids it has seen has each message once and in order. A PUBACK is not a
promise of the broker to survive its own crash: the journal and SQL are the record.

MQTT 5 is spoken where the broker does, MQTT 3.1.1 otherwise.
"""

import asyncio
import contextlib
import socket
import ssl
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Self
from urllib.parse import unquote, urlsplit

import msgspec
from aiomqtt import Client, MqttCodeError, MqttError, ProtocolVersion, Will

from fixoms.clock import Clock
from fixoms.domain.units import Nanos
from fixoms.domain.wording import utc_text
from fixoms.journal.entry import Entry
from fixoms.outlets.alerts import AlertSettings
from fixoms.outlets.audit_head import AuditHead
from fixoms.outlets.cursor import Cursor, load_cursor, store_cursor
from fixoms.outlets.listings import Listings
from fixoms.outlets.messages import status_payload
from fixoms.outlets.publications import Publication, Publisher
from fixoms.outlets.topics import Topics

WINDOW: Final = 50
"""Publishes in flight at once; beyond about a hundred the client library gets slower."""

KEEPALIVE_S: Final = 15
CONNECT_TIMEOUT_S: Final = 5.0
ACK_TIMEOUT_S: Final = 10.0
"""A PUBACK that takes longer is taken for a lost connection."""

CURSOR_INTERVAL_S: Final = 0.25
"""The cursor file is written this often at most; a crash publishes that much again."""

CURSOR_SHARE: Final = 20
"""With very many instruments the file is larger: writing it may take a twentieth of the time."""

AUDIT_HEAD_INTERVAL_S: Final = 1.0

_UNSUPPORTED_PROTOCOL: Final = 132
_UNSUPPORTED_PROTOCOL_3: Final = 1

ONLINE: Final = "online"
OFFLINE: Final = "offline"


class BrokerUnavailableError(Exception):
    """The broker cannot be reached, or the connection to it was lost; later it may be back."""


class BrokerAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where the broker is and who we are to it."""

    host: str
    port: int
    tls: bool = False
    user: str = ""
    password: str = ""

    @classmethod
    def parse(cls, url: str, user: str = "", password: str = "") -> Self:
        """Read `mqtt://host:1883` or `mqtts://host:8883`; raises ValueError with the reason."""
        parts = urlsplit(url)
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise ValueError(f"{url!r} is not mqtt://host:port or mqtts://host:port")
        tls = parts.scheme == "mqtts"
        return cls(
            host=parts.hostname,
            port=parts.port or (8883 if tls else 1883),
            tls=tls,
            user=user or unquote(parts.username or ""),
            password=password or unquote(parts.password or ""),
        )

    def tls_context(self) -> ssl.SSLContext | None:
        """What verifies the broker's certificate; None without TLS."""
        return ssl.create_default_context() if self.tls else None

    def __str__(self) -> str:
        return f"MQTT broker {self.host}:{self.port}"


class MqttOutlet:
    """Publishes entries to one broker. Not for two tasks at once."""

    def __init__(
        self,
        address: BrokerAddress,
        *,
        venue: str,
        prefix: str,
        cursor_path: Path,
        alerts: AlertSettings,
        now: Clock,
        window: int = WINDOW,
        audit_dir: Path | None = None,
    ) -> None:
        self._address = address
        self._venue = venue
        self._topics = Topics(prefix, venue)
        self._cursor_path = cursor_path
        self._alerts = alerts
        self._now = now
        self._window = window
        self._protocol = ProtocolVersion.V5
        self._audit_head = None if audit_dir is None else AuditHead(audit_dir, self._topics)
        self._audit_after = 0.0
        self._client: Client | None = None
        self._watch: asyncio.Task[None] | None = None
        self._flying: deque[asyncio.Task[None]] = deque()
        self._awaited: asyncio.Task[None] | None = None
        self._echo: asyncio.Queue[bytes] = asyncio.Queue(maxsize=16)
        self._cursor: Cursor | None = None
        self._store_after = 0.0
        self._stored_seq = 0
        # What a broker that lost its memory, or never had one, must be told again.
        self._retained: dict[str, msgspec.Raw] = {}

    async def open(self) -> tuple[int, Nanos]:
        """Connect, say online, return sequence and time of the last entry that is out.

        Raises BrokerUnavailableError, or CursorError when the cursor file is of no use.
        """
        await self._disconnect()
        if self._cursor is None:
            self._cursor = await asyncio.to_thread(load_cursor, self._cursor_path)
            self._stored_seq = self._cursor.seq
            self._retained = dict(self._cursor.retained)
        self._publisher = Publisher(self._topics, Listings(self._cursor.listings), self._alerts)
        await self._connect()
        await self._publish(
            [
                Publication(self._topics.status, self._status(ONLINE), retain=True),
                *(
                    Publication(topic, bytes(payload), retain=True)
                    for topic, payload in self._retained.items()
                ),
            ]
        )
        if self._audit_head is not None:
            self._audit_head.forget()
        await self._tell_audit_head(force=True)
        return self._cursor.seq, self._cursor.time

    async def write(self, entries: Sequence[Entry]) -> None:
        """Publish entries that follow the last ones and wait for every acknowledgment.

        Raises BrokerUnavailableError with the cursor unmoved, or CursorError.
        """
        if not entries:
            return
        retained: dict[str, msgspec.Raw] = {}
        await self._publish(self._messages(entries, retained))
        self._retained.update(retained)
        last = entries[-1]
        self._cursor = Cursor(
            seq=last.seq,
            time=last.time,
            listings=self._publisher.listings,
            retained=self._retained,
        )
        await self._store(force=False)
        await self._tell_audit_head(force=False)

    async def check(self) -> None:
        """While there is nothing to publish: raise when the connection is lost, keep the cursor."""
        if self._watch is None or self._watch.done():
            raise BrokerUnavailableError(f"{self._address}: connection lost")
        await self._store(force=False)
        await self._tell_audit_head(force=False)

    async def close(self) -> None:
        """Say offline, see it arrive, disconnect, keep the cursor. Raises CursorError."""
        client = self._client
        if client is not None and self._watch is not None and not self._watch.done():
            with contextlib.suppress(MqttError, TimeoutError, BrokerUnavailableError):
                await self._tell_audit_head(force=True)
                await self._say_offline(client)
        await self._disconnect()
        await self._store(force=True)

    def _messages(
        self, entries: Sequence[Entry], retained: dict[str, msgspec.Raw]
    ) -> Iterator[Publication]:
        for entry in entries:
            for publication in self._publisher.messages(entry):
                if publication.retain:
                    retained[publication.topic] = msgspec.Raw(publication.payload)
                yield publication

    async def _publish(self, publications: Iterator[Publication] | list[Publication]) -> None:
        client = self._client
        if client is None:
            raise BrokerUnavailableError(f"{self._address}: not connected")
        # Tasks start in the order they are made, and each hands its message to the connection
        # before it first waits: what is in flight together still leaves in order.
        flying = self._flying
        try:
            for publication in publications:
                if len(flying) >= self._window:
                    await self._landed(flying.popleft())
                flying.append(
                    asyncio.create_task(
                        client.publish(
                            publication.topic,
                            publication.payload,
                            qos=1,
                            retain=publication.retain,
                            timeout=ACK_TIMEOUT_S,
                        )
                    )
                )
            while flying:
                await self._landed(flying.popleft())
        except MqttError as error:
            raise BrokerUnavailableError(f"{self._address}: {_reason(error)}") from None
        finally:
            for task in flying:
                task.cancel()
            await asyncio.gather(*flying, return_exceptions=True)
            flying.clear()

    async def _landed(self, flight: asyncio.Task[None]) -> None:
        """Wait for one acknowledgment; the client library would wait on after a loss."""
        self._awaited = flight
        try:
            await flight
        except asyncio.CancelledError:
            watch, task = self._watch, asyncio.current_task()
            if watch is None or not watch.done() or (task is not None and task.cancelling()):
                raise
            raise BrokerUnavailableError(f"{self._address}: connection lost") from None
        finally:
            self._awaited = None

    async def _connect(self) -> None:
        await self._knock()
        try:
            await self._enter(self._protocol)
        except MqttCodeError as error:
            refused = getattr(error.rc, "value", error.rc)
            if self._protocol is ProtocolVersion.V311 or refused not in (
                _UNSUPPORTED_PROTOCOL,
                _UNSUPPORTED_PROTOCOL_3,
            ):
                raise BrokerUnavailableError(f"{self._address}: {_reason(error)}") from None
            self._protocol = ProtocolVersion.V311
            try:
                await self._enter(self._protocol)
            except MqttError as again:
                raise BrokerUnavailableError(f"{self._address}: {_reason(again)}") from None
        except MqttError as error:
            raise BrokerUnavailableError(f"{self._address}: {_reason(error)}") from None

    async def _knock(self) -> None:
        """Open and close a TCP connection: a refused one makes the client library log errors."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                _, writer = await asyncio.open_connection(self._address.host, self._address.port)
        except TimeoutError:
            raise BrokerUnavailableError(f"{self._address}: no answer") from None
        except OSError as error:
            raise BrokerUnavailableError(f"{self._address}: {_os_reason(error)}") from None
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _enter(self, protocol: ProtocolVersion) -> None:
        address = self._address
        client = Client(
            address.host,
            address.port,
            username=address.user or None,
            password=address.password or None,
            identifier=None if protocol is ProtocolVersion.V5 else self._client_id(),
            protocol=protocol,
            will=Will(
                self._topics.status,
                self._status(OFFLINE, "connection lost"),
                qos=1,
                retain=True,
            ),
            timeout=CONNECT_TIMEOUT_S,
            keepalive=KEEPALIVE_S,
            max_queued_incoming_messages=self._echo.maxsize,
            socket_options=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),),
            tls_context=address.tls_context(),
        )
        client.pending_calls_threshold = self._window + 2
        await client.__aenter__()
        self._client = client
        self._watch = asyncio.create_task(self._listen(client), name="mqtt connection")
        self._watch.add_done_callback(self._lost)

    def _client_id(self) -> str:
        return f"fixoms-{self._venue}-{self._now() // 1_000_000:x}"[:23]

    def _lost(self, _watch: asyncio.Task[None]) -> None:
        """The connection ended: no acknowledgment will come any more."""
        for flight in (self._awaited, *self._flying):
            if flight is not None:
                flight.cancel()

    async def _listen(self, client: Client) -> None:
        """Take what the broker sends, our own status only; ends when the connection does."""
        with contextlib.suppress(MqttError):
            async for message in client.messages:
                if not self._echo.full():
                    self._echo.put_nowait(message.payload)

    async def _tell_audit_head(self, *, force: bool) -> None:
        """Publish the head of the audit when it has moved, once a second at most."""
        now = asyncio.get_running_loop().time()
        if self._audit_head is not None and (force or now >= self._audit_after):
            self._audit_after = now + AUDIT_HEAD_INTERVAL_S
            await self._publish(self._audit_head.changed())

    async def _say_offline(self, client: Client) -> None:
        """Publish the last status and wait until it comes back to us.

        An acknowledgment does not say that a message was passed on, and the embedded broker drops
        what it has not passed on when its publisher leaves. Brokers pass on in order, so what
        comes back last says that all before it is out.
        """
        payload = self._status(OFFLINE, "stopped")
        async with asyncio.timeout(ACK_TIMEOUT_S):
            await client.subscribe(self._topics.status, qos=1)
            await client.publish(self._topics.status, payload, qos=1, retain=True)
            while await self._echo.get() != payload:
                continue

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        watch, self._watch = self._watch, None
        if client is not None:
            with contextlib.suppress(MqttError):
                await client.__aexit__(None, None, None)
        if watch is not None:
            # It ends with the connection, and takes the reason off the client library's hands.
            await asyncio.wait([watch], timeout=CONNECT_TIMEOUT_S)
            watch.cancel()
        while not self._echo.empty():
            self._echo.get_nowait()

    async def _store(self, *, force: bool) -> None:
        cursor = self._cursor
        if cursor is None or cursor.seq == self._stored_seq:
            return
        loop = asyncio.get_running_loop()
        begin = loop.time()
        if not force and begin < self._store_after:
            return
        await asyncio.to_thread(store_cursor, self._cursor_path, cursor)
        self._stored_seq = cursor.seq
        end = loop.time()
        self._store_after = end + max(CURSOR_INTERVAL_S, CURSOR_SHARE * (end - begin))

    def _status(self, status: str, reason: str = "") -> bytes:
        seq = 0 if self._cursor is None else self._cursor.seq
        return status_payload(self._venue, status, seq, utc_text(self._now()), reason)


def _reason(error: MqttError) -> str:
    cause = error.__cause__ or error
    text = str(cause) or type(cause).__name__
    # `[code:135] Not authorized` and `[Errno 111] Connection refused` say enough without the code.
    return text.rpartition("] ")[2] if text.startswith("[") else text


def _os_reason(error: OSError) -> str:
    """The reason alone; asyncio gathers one sentence per address it tried."""
    return error.strerror or str(error)
