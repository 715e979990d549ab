"""The listening side: accepts connections and gives each Logon(A) its session.

Owns: the listening socket, the sessions by their CompIDs, the limits on strangers, one timer.
Must not know: the protocol after the Logon(A), the application's business.

A stranger holds little and briefly: remote addresses are checked before anything is read or any TLS
handshake begins, connections are counted from accept, those without Logon(A) apart, and each has
`logon_timeout_s` to name a session and log on to it.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from fixoms.domain.units import SECOND
from fixoms.fix import tags
from fixoms.fix.application import Application
from fixoms.fix.codec import MalformedField, parse
from fixoms.fix.config import SessionConfig
from fixoms.fix.connection import Clock, Connection
from fixoms.fix.effects import Disconnect, DisconnectReason, Noted, Refused
from fixoms.fix.identity import SessionId, sender_of
from fixoms.fix.link import Fault, Link, Surroundings
from fixoms.fix.message import Message
from fixoms.fix.peer import Network, Peer, is_within
from fixoms.fix.session import Session
from fixoms.fix.states import Phase
from fixoms.fix.store import Store
from fixoms.fix.wire_log import WireLog

_log = logging.getLogger("fixoms.fix")

_ACCEPT_RETRY_S = 0.1
"""Pause after accept() failed, when the process has no file descriptor left."""

Prepare = Callable[[SessionId, Message, Peer], Awaitable[object]]
"""Slow work of an application before it sees a Logon(A)."""

Admits = Callable[[SessionId, Peer], str]
"""Why a peer may not use a session, empty when it may; asked before its Logon(A) is looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Where an acceptor listens, and what strangers may hold."""

    host: str = "127.0.0.1"
    port: int = 0
    """0 lets the system choose; `start` gives the port."""
    ssl_context: Callable[[], ssl.SSLContext] | None = None
    """Asked for every connection, so certificates change without touching live sessions."""
    allowed_addresses: Sequence[Network] | None = None
    """Networks a peer may come from; None means any."""
    connections_max: int = 1000
    strangers_max: int = 100
    """Connections without a Logon(A)."""
    logon_timeout_s: float = 10.0
    """Also bounds the TLS handshake."""
    outbound_bytes_max: int = 16 << 20
    """Bytes waiting for a slow peer; more disconnect it, and it recovers by ResendRequest(2)."""
    tick_s: float = 0.1
    """How often time passes for the sessions."""


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """One session, as an operator sees it."""

    session: SessionId
    phase: Phase
    next_in: int
    next_out: int
    is_recovering: bool
    remote: str


@dataclass(frozen=True, slots=True)
class AuditFact:
    """Something an auditor wants to know, about a session or a stranger."""

    session: SessionId | None
    remote: str
    fact: Noted | Refused | Disconnect


class Acceptor:
    """Accepts connections for sessions that can come and go at run time.

    `unknown`, when given, may answer a Logon(A) of an unknown CompID pair with the configuration
    for a new session; at most `sessions_max` sessions exist. `prepare`, when given, is awaited with
    each Logon(A) before its session sees it: the place for slow work, such as checking a password
    hash off the loop. It decides nothing; `Application.from_admin` does, a moment later. `admits`,
    when given, refuses peers of a session by their address or certificate: they are cut without a
    word.
    """

    def __init__(
        self,
        *,
        application: Application,
        store: Store,
        listener: Listener,
        clock: Clock,
        sessions: Sequence[SessionConfig] = (),
        unknown: Callable[[SessionId], SessionConfig | None] | None = None,
        sessions_max: int = 10_000,
        wire_log: WireLog | None = None,
        audit: Callable[[AuditFact], None] | None = None,
        prepare: Prepare | None = None,
        admits: Admits | None = None,
        fault: Fault | None = None,
    ) -> None:
        self._application = application
        self._store = store
        self._listener = listener
        self._clock = clock
        self._unknown = unknown
        self._sessions_max = sessions_max
        self._tell = audit or _unheard
        self._around = Surroundings(
            store, clock, wire_log, self._audit, fault if fault is not None else _log_only
        )
        self._links: dict[SessionId, Link] = {}
        self._connections: set[Connection] = set()
        self._strangers: set[Connection] = set()
        self._accepted = 0
        self._socket: socket.socket | None = None
        self._leaving: list[Link] = []
        self._accepting: asyncio.Task[None] | None = None
        self._timing: asyncio.Task[None] | None = None
        self._welcoming: set[asyncio.Task[None]] = set()
        self._prepare = prepare
        self._admits = admits if admits is not None else _anybody
        self._preparing: set[asyncio.Task[None]] = set()
        self._all_closed = asyncio.Event()
        self._is_stopping = False
        self.failure: Exception | None = None
        """Why the store failed, once it has: nothing is sent any more."""
        store.on_failure(self._store_failed)
        for config in sessions:
            self.add_session(config)

    # Sessions

    def add_session(self, config: SessionConfig) -> Link:
        """Make a session known; its numbers come from the store. Raises ValueError when known."""
        if config.id in self._links:
            msg = f"session {config.id} exists"
            raise ValueError(msg)
        if len(self._links) >= self._sessions_max:
            msg = f"more than {self._sessions_max} sessions"
            raise ValueError(msg)
        now = self._clock()
        session = Session(config, self._application, self._store.load(config.id, now))
        link = self._links[config.id] = Link(session, self._around)
        return link

    def remove_session(self, session: SessionId, text: str = "The session was removed") -> None:
        """Forget a session, after a Logout(5) when it is logged on. Its numbers stay stored."""
        link = self._links.pop(session)
        if link.is_in_use:
            self._leaving.append(link)
            link.logout(text)

    def link(self, session: SessionId) -> Link:
        """What carries this session's effects out. Raises KeyError when unknown."""
        return self._links[session]

    def send(self, session: SessionId, message: Message) -> int:
        """Send an application message; gives its MsgSeqNum(34). Raises KeyError when unknown."""
        return self._links[session].send(message)

    def status(self) -> list[SessionStatus]:
        """All sessions, in the order they were added."""
        return [
            SessionStatus(
                session=link.id,
                phase=link.session.phase,
                next_in=link.session.state.next_in,
                next_out=link.session.state.next_out,
                is_recovering=link.session.is_recovering,
                remote=link.line.remote if isinstance(link.line, Connection) else "",
            )
            for link in self._links.values()
        ]

    # Listening

    async def start(self) -> int:
        """Listen; gives the port. Raises OSError when the address cannot be had."""
        listener = self._listener
        family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
        server = socket.socket(family, socket.SOCK_STREAM)
        try:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind((listener.host, listener.port))
            server.listen(min(listener.connections_max, 1024))
            server.setblocking(False)
        except OSError:
            server.close()
            raise
        self._socket = server
        loop = asyncio.get_running_loop()
        self._accepting = loop.create_task(self._accept(server))
        self._timing = loop.create_task(self._pass_time())
        port: int = server.getsockname()[1]
        return port

    async def stop(self, text: str = "The acceptor stops", timeout_s: float = 5.0) -> None:
        """Stop accepting, say Logout(5) to every session, wait at most this long, close.

        The store stays open: it is its owner's to close.
        """
        self._is_stopping = True
        await self._cancel(self._accepting)
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        for stranger in list(self._strangers):
            stranger.abort(DisconnectReason.SHUTDOWN, text)
        for link in self._links.values():
            link.logout(text)
        self._settle()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._all_closed.wait(), timeout_s)
        for connection in list(self._connections):
            connection.abort(DisconnectReason.SHUTDOWN, text)
        await self._cancel(self._timing)
        await self._cancel(*self._welcoming, *self._preparing)

    @staticmethod
    async def _cancel(*tasks: "asyncio.Task[None] | None") -> None:
        wanted = [task for task in tasks if task is not None]
        for task in wanted:
            task.cancel()
        await asyncio.gather(*wanted, return_exceptions=True)

    async def _accept(self, server: socket.socket) -> None:
        """Take connections until stopped."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                peer, address = await loop.sock_accept(server)
            except OSError as failure:
                _log.warning("accept: %s", failure)
                await asyncio.sleep(_ACCEPT_RETRY_S)
                continue
            remote = str(address[0])
            reason = self._objection_to(remote)
            if reason is not None:
                peer.close()
                self._tell(AuditFact(None, remote, Refused(reason, remote)))
                continue
            self._accepted += 1
            welcome = loop.create_task(self._welcome(peer, f"{remote}:{address[1]}"))
            self._welcoming.add(welcome)
            welcome.add_done_callback(self._welcomed)

    def _objection_to(self, remote: str) -> DisconnectReason | None:
        listener = self._listener
        allowed = listener.allowed_addresses
        if allowed is not None and not is_within(remote, allowed):
            return DisconnectReason.ADDRESS_REFUSED
        strangers = len(self._welcoming) + len(self._strangers)
        if self._accepted >= listener.connections_max or strangers >= listener.strangers_max:
            return DisconnectReason.TOO_MANY_CONNECTIONS
        return None

    async def _welcome(self, peer: socket.socket, remote: str) -> None:
        """TLS where it is asked for, then the connection is one of ours."""
        listener = self._listener
        connection = Connection(self, remote, listener.outbound_bytes_max)
        try:
            context = listener.ssl_context() if listener.ssl_context is not None else None
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,
                peer,
                ssl=context,
                ssl_handshake_timeout=listener.logon_timeout_s if context else None,
            )
        except (OSError, ConnectionError, TimeoutError) as failure:
            # ssl.SSLError is an OSError: a stranger without the right certificate ends here.
            peer.close()
            if connection not in self._connections:
                self._accepted -= 1
            self._tell(
                AuditFact(None, remote, Refused(DisconnectReason.CONNECTION_LOST, str(failure)))
            )

    def _welcomed(self, task: "asyncio.Task[None]") -> None:
        self._welcoming.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._accepted -= 1
            _log.error("a connection could not be set up: %s", failure)

    async def _pass_time(self) -> None:
        """One timer for all sessions; idle ones are looked at once a second."""
        idle_turns = max(int(1 / self._listener.tick_s), 1)
        turn = 0
        while True:
            await asyncio.sleep(self._listener.tick_s)
            now = self._clock()
            turn = (turn + 1) % idle_turns
            for link in [*self._links.values(), *self._leaving]:
                if link.is_in_use or turn == 0:
                    link.tick(now)
            patience = int(self._listener.logon_timeout_s * SECOND)
            for stranger in list(self._strangers):
                if now - stranger.opened_at >= patience:
                    stranger.abort(DisconnectReason.LOGON_TIMEOUT, "")
            if self._around.wire_log is not None:
                self._around.wire_log.flush()

    # Connections: the Host side

    def opened(self, connection: Connection) -> None:
        """See Host.opened."""
        connection.opened_at = self._clock()
        self._connections.add(connection)
        self._strangers.add(connection)
        if self._is_stopping:
            connection.abort(DisconnectReason.SHUTDOWN, "")

    def admit(self, connection: Connection, frame: bytes) -> None:
        """See Host.admit. FIX: Vol. 2 test 1S: strangers learn nothing."""
        try:
            logon = parse(frame)
        except MalformedField as malformed:
            logon = malformed.message
        if logon.msg_type != "A":
            connection.close(DisconnectReason.FIRST_MESSAGE_NOT_LOGON, "")
            return
        begin_string = frame[2 : frame.index(b"\x01")].decode("latin-1")
        link = self._session_of(sender_of(logon, begin_string))
        if link is None:
            connection.close(DisconnectReason.UNKNOWN_SESSION, _comp_ids(logon))
        elif objection := self._admits(link.id, connection.peer):
            connection.close(DisconnectReason.PEER_REFUSED, f"{link.id}: {objection}")
        elif self._prepare is None or link.is_in_use:
            self._join(connection, link)
        else:
            connection.pause()
            preparing = self._prepared(connection, link, logon, self._prepare)
            task = asyncio.get_running_loop().create_task(preparing)
            self._preparing.add(task)
            task.add_done_callback(self._preparing.discard)

    async def _prepared(
        self, connection: Connection, link: Link, logon: Message, prepare: Prepare
    ) -> None:
        """Join once the application is ready; the peer is a stranger until then."""
        try:
            await prepare(link.id, logon, connection.peer)
        except Exception as fault:  # the root of what an application does here
            _log.exception("%s: the application failed before a Logon(A)", link.id)
            connection.close(DisconnectReason.APPLICATION_FAILED, str(fault))
            return
        connection.resume()
        self._join(connection, link)

    def _join(self, connection: Connection, link: Link) -> None:
        if link.is_in_use:
            connection.close(DisconnectReason.SESSION_IN_USE, str(link.id))
        elif self._links.get(link.id) is not link:
            connection.close(DisconnectReason.SESSION_REMOVED, str(link.id))
        elif connection.is_open:
            self._strangers.discard(connection)
            connection.join(link)

    def _session_of(self, wanted: SessionId) -> Link | None:
        """By CompIDs with SubIDs and LocationIDs, else by CompIDs alone."""
        plain = replace(
            wanted,
            sender_sub_id="",
            sender_location_id="",
            target_sub_id="",
            target_location_id="",
        )
        link = self._links.get(wanted) or self._links.get(plain)
        if link is None and self._unknown is not None and len(self._links) < self._sessions_max:
            config = self._unknown(plain)
            if config is not None:
                link = self._links.get(config.id) or self.add_session(config)
        return link

    def closed(self, connection: Connection, reason: DisconnectReason, text: str) -> None:
        """See Host.closed."""
        self._accepted -= 1
        self._connections.discard(connection)
        self._strangers.discard(connection)
        if connection.link is None:
            self._tell(AuditFact(None, connection.remote, Refused(reason, text)))
        else:
            end = Disconnect(reason, text)
            self._tell(AuditFact(connection.link.id, connection.remote, end))
        self._leaving = [link for link in self._leaving if link.is_in_use]
        self._settle()

    def _settle(self) -> None:
        if self._is_stopping and not self._connections:
            self._all_closed.set()

    def _audit(self, session: SessionId, fact: Noted | Refused | Disconnect) -> None:
        # The end of a connection is told once, when it is closed.
        if not isinstance(fact, Disconnect):
            link = self._links.get(session)
            line = link.line if link is not None else None
            remote = line.remote if isinstance(line, Connection) else ""
            self._tell(AuditFact(session, remote, fact))

    def _store_failed(self, failure: Exception) -> None:
        """Nothing can be made durable any more, so nothing may leave."""
        self.failure = failure
        _log.error("the message store failed: %s", failure)
        for connection in list(self._connections):
            connection.abort(DisconnectReason.STORE_FAILED, str(failure))


def _comp_ids(logon: Message) -> str:
    sender, target = logon.text(tags.SENDER_COMP_ID), logon.text(tags.TARGET_COMP_ID)
    return f"SenderCompID(49) {sender!r}, TargetCompID(56) {target!r}"


def _anybody(_session: SessionId, _peer: Peer) -> str:
    """Every peer may use every session whose CompIDs it knows."""
    return ""


def _unheard(_fact: AuditFact) -> None:
    """Nobody listens to the audit."""


def _log_only(_session: SessionId, _fault: Exception) -> None:
    """The link has logged the fault with its traceback; the session was cut."""
