"""The dialing side: keeps one session connected, with backoff between attempts.

Owns: dialing, the pauses between attempts, the timer of its session.
Must not know: the protocol, the application's business.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from fixoms.fix.application import Application
from fixoms.fix.config import Role, SessionConfig
from fixoms.fix.connection import Clock, Connection
from fixoms.fix.effects import Disconnect, DisconnectReason, Noted, Refused
from fixoms.fix.identity import SessionId
from fixoms.fix.link import Fault, Link, Surroundings
from fixoms.fix.message import Message
from fixoms.fix.session import Session
from fixoms.fix.store import Store
from fixoms.fix.wire_log import WireLog

_log = logging.getLogger("fixoms.fix")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """Where an initiator connects to, and how patiently."""

    host: str
    port: int
    ssl_context: Callable[[], ssl.SSLContext] | None = None
    server_hostname: str | None = None
    """Name the server's certificate must have, when it is not `host`."""
    connect_timeout_s: float = 10.0
    backoff_s: float = 0.5
    """Pause after the first failure; doubled each time, and back here after a Logon(A)."""
    backoff_s_max: float = 30.0
    outbound_bytes_max: int = 16 << 20
    tick_s: float = 0.1


class Initiator:
    """One session that connects by itself, from `start` to `stop`."""

    def __init__(
        self,
        *,
        application: Application,
        store: Store,
        session: SessionConfig,
        dial: Dial,
        clock: Clock,
        wire_log: WireLog | None = None,
        audit: Callable[[Noted | Refused | Disconnect], None] | None = None,
        fault: Fault | None = None,
    ) -> None:
        if session.role is not Role.INITIATOR:
            msg = f"session {session.id} is configured as {session.role.value}"
            raise ValueError(msg)
        self._dial = dial
        self._clock = clock
        self._tell = audit
        around = Surroundings(store, clock, wire_log, self._audit, fault or _log_only)
        self._wire_log = wire_log
        self.link = Link(Session(session, application, store.load(session.id, clock())), around)
        self._connection: Connection | None = None
        self._is_gone = asyncio.Event()
        self._is_gone.set()
        self._is_stopping = False
        self._was_logged_on = False
        self._dialing: asyncio.Task[None] | None = None
        self._timing: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self.failure: Exception | None = None
        """Why the store failed, once it has."""
        store.on_failure(self._store_failed)

    @property
    def is_logged_on(self) -> bool:
        """Whether messages sent now are written now."""
        return self.link.session.is_logged_on

    async def start(self) -> None:
        """Begin to dial, and go on until `stop`."""
        loop = asyncio.get_running_loop()
        self._dialing = loop.create_task(self._keep_dialing())
        self._timing = loop.create_task(self._pass_time())

    async def logged_on(self) -> None:
        """Wait until the Logon(A) exchange is complete; put a timeout around it."""
        while not self.is_logged_on:
            self._changed.clear()
            await self._changed.wait()

    def send(self, message: Message) -> int:
        """Send an application message; gives its MsgSeqNum(34)."""
        return self.link.send(message)

    async def stop(self, text: str = "", timeout_s: float = 5.0) -> None:
        """Say Logout(5), wait at most this long for the answer, and dial no more."""
        self._is_stopping = True
        self.link.logout(text)
        if self._connection is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_gone.wait(), timeout_s)
        if self._connection is not None:
            self._connection.abort(DisconnectReason.SHUTDOWN, text)
            await self._is_gone.wait()
        tasks = [task for task in (self._dialing, self._timing) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_dialing(self) -> None:
        dial = self._dial
        pause = dial.backoff_s
        while not self._is_stopping and self.failure is None:
            self._was_logged_on = False
            try:
                await self._connect()
            except (OSError, TimeoutError) as failure:
                _log.info("%s: %s:%d: %s", self.link.id, dial.host, dial.port, failure)
            else:
                await self._is_gone.wait()
            if self._was_logged_on:
                pause = dial.backoff_s
            await asyncio.sleep(pause)
            pause = min(pause * 2, dial.backoff_s_max)

    async def _connect(self) -> None:
        dial = self._dial
        context = dial.ssl_context() if dial.ssl_context is not None else None
        remote = f"{dial.host}:{dial.port}"
        async with asyncio.timeout(dial.connect_timeout_s):
            await asyncio.get_running_loop().create_connection(
                lambda: Connection(self, remote, dial.outbound_bytes_max),
                dial.host,
                dial.port,
                ssl=context,
                server_hostname=(dial.server_hostname or dial.host) if context else None,
            )

    async def _pass_time(self) -> None:
        while True:
            await asyncio.sleep(self._dial.tick_s)
            self.link.tick(self._clock())
            if self._wire_log is not None:
                self._wire_log.flush()

    def opened(self, connection: Connection) -> None:
        """See Host.opened."""
        self._is_gone.clear()
        self._connection = connection
        connection.join(self.link)

    def admit(self, connection: Connection, frame: bytes) -> None:
        """See Host.admit: the connection has its session from the start."""

    def closed(self, connection: Connection, reason: DisconnectReason, text: str) -> None:
        """See Host.closed."""
        if connection is self._connection:
            self._connection = None
            self._is_gone.set()
        if self._tell is not None:
            self._tell(Disconnect(reason, text))

    def _audit(self, _session: SessionId, fact: Noted | Refused | Disconnect) -> None:
        if self.link.session.is_logged_on:
            self._was_logged_on = True
        self._changed.set()
        if self._tell is not None and not isinstance(fact, Disconnect):
            self._tell(fact)

    def _store_failed(self, failure: Exception) -> None:
        self.failure = failure
        _log.error("the message store failed: %s", failure)
        if self._connection is not None:
            self._connection.abort(DisconnectReason.STORE_FAILED, str(failure))


def _log_only(_session: SessionId, _fault: Exception) -> None:
    """The link has logged the fault with its traceback; the session was cut."""
