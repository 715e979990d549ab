"""The operator's desk on a local socket and over TLS: a JSON line asked, a JSON line answered.

Owns: the socket file and who may open it, the TLS listener and its logon, framing and bounds of a
conversation, and the caller's name as the operating system or a password vouches for it.
Must not know: the words of the desk (operator.py) or what they do.

The socket is a file of mode 600 in the venue's data folder: whoever may open it has the roles the
configuration gives to this machine. Over TLS the first line is `{"user": ..., "password": ...}` and
the roles are those of the users file; a refusal says nothing of its reason. After that a connection
may ask any number of questions, one at a time. An answer is sent after its command is durable.
"""

import asyncio
import contextlib
import os
import socket
import ssl
import stat
import struct
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from fixoms.domain.roles import UserRole
from fixoms.fix.peer import Network, certificate_of, is_within
from fixoms.gateway.authentication import NEUTRAL, Claim, Finding
from fixoms.gateway.operator_words import Answer, Caller

LINE_BYTES_MAX: Final = 65_536
"""Longest question; a longer one is answered with a refusal and the connection closed."""

CALL_TIMEOUT_S: Final = 10.0
"""How long the venue works on a question, and waits for a logon, before it closes."""

IDLE_S: Final = 60.0
"""How long a connection may be silent between two questions."""

CALLERS_MAX: Final = 32
"""Callers at a time, of each kind; further ones are closed at once."""

_PATH_BYTES_MAX: Final = 100  # The kernel's own limit is 107 on Linux, 103 on macOS.

Hear: TypeAlias = Callable[[Sequence[str], Caller], Awaitable[Answer]]
"""Carries out the words of a caller."""

Refuse: TypeAlias = Callable[[str, str, Finding | None], object]
"""Tells the audit of a caller who was refused: user, remote address, why."""


class Question(msgspec.Struct, frozen=True):
    """One call: the words of the desk as they were typed."""

    words: tuple[str, ...]


class Login(msgspec.Struct, frozen=True):
    """The first line of a TLS connection."""

    user: str = ""
    password: str = ""


class _Desk:
    """What both kinds of desk share: a bounded number of bounded conversations."""

    def __init__(self, hear: Hear) -> None:
        self._hear = hear
        self._server: asyncio.Server | None = None
        self._callers: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        """Take no more calls, and end those that wait for a further question."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for caller in self._callers:
            caller.cancel()
        await asyncio.gather(*self._callers, return_exceptions=True)

    def _called(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._callers) >= CALLERS_MAX:
            writer.close()
            return
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._callers.add(task)
        task.add_done_callback(self._callers.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                caller = await self._admit(reader, writer)
            while caller is not None:
                async with asyncio.timeout(IDLE_S):
                    line = await reader.readline()
                if not line:
                    return
                async with asyncio.timeout(CALL_TIMEOUT_S):
                    await _say(writer, await self._answer(line, caller))
        except ValueError as error:
            # A line beyond the bound: what follows it cannot be told from its end.
            with contextlib.suppress(ConnectionError):
                await _say(writer, Answer(ok=False, text=f"not a question: {error}"))
        except (TimeoutError, ConnectionError, ssl.SSLError):
            pass  # The caller has gone or says nothing; there is nobody to tell.
        finally:
            writer.close()

    async def _admit(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Caller | None:
        """Who calls; None when the caller was refused."""
        raise NotImplementedError

    async def _answer(self, line: bytes, caller: Caller) -> Answer:
        try:
            question = msgspec.json.decode(line, type=Question)
        except ValueError as error:
            return Answer(ok=False, text=f"not a question the desk understands: {error}")
        return await self._hear(question.words, caller)


class OperatorSocket(_Desk):
    """Serves the desk on a Unix socket. Callers have `roles`."""

    def __init__(self, path: Path, roles: Sequence[UserRole], hear: Hear) -> None:
        super().__init__(hear)
        self._path = path
        self._roles = frozenset(roles)

    async def start(self) -> None:
        """Listen; a socket file left over from a killed venue is replaced."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        with _short(self._path) as address:
            self._server = await asyncio.start_unix_server(
                self._called, address, limit=LINE_BYTES_MAX
            )
        self._path.chmod(stat.S_IRUSR | stat.S_IWUSR)

    async def stop(self) -> None:
        """Take no more calls and remove the file."""
        await super().stop()
        self._path.unlink(missing_ok=True)

    async def _admit(
        self,
        reader: asyncio.StreamReader,  # noqa: ARG002  the kernel has said who it is
        writer: asyncio.StreamWriter,
    ) -> Caller | None:
        return Caller(user=_peer_of(writer), roles=self._roles, remote="local")


class OperatorListener(_Desk):
    """Serves the desk over TLS to users of the users file, with the roles they have there.

    `identify` checks a password off the loop, `refuse` hears of
    those who are not let in. `networks` None means any address.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        context: ssl.SSLContext,
        networks: Sequence[Network] | None,
        identify: Callable[[Claim], Awaitable[Finding]],
        refuse: Refuse,
        hear: Hear,
    ) -> None:
        super().__init__(hear)
        self._host = host
        self._port = port
        self._context = context
        self._networks = networks
        self._identify = identify
        self._refuse = refuse

    async def start(self) -> int:
        """Listen; gives the port. Raises OSError."""
        self._server = await asyncio.start_server(
            self._called,
            self._host,
            self._port,
            limit=LINE_BYTES_MAX,
            ssl=self._context,
            ssl_handshake_timeout=CALL_TIMEOUT_S,
        )
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _admit(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Caller | None:
        address, port = writer.get_extra_info("peername")[:2]
        remote = f"{address}:{port}"
        if self._networks is not None and not is_within(address, self._networks):
            self._refuse("", remote, None)
            return None
        line = await reader.readline()
        try:
            login = msgspec.json.decode(line, type=Login)
        except ValueError:
            self._refuse("", remote, None)
            return None
        claim = Claim(
            user=login.user,
            password=login.password,
            participant=None,
            address=address,
            certificate=certificate_of(writer.transport),
        )
        finding = await self._identify(claim)
        if finding.objection or finding.must_change or not finding.roles:
            self._refuse(finding.user, remote, finding)
            await _say(writer, Answer(ok=False, text=NEUTRAL))
            return None
        roles = ", ".join(role.value for role in finding.roles)
        await _say(writer, Answer(ok=True, text=f"{finding.user}: {roles}"))
        return Caller(user=finding.user, roles=frozenset(finding.roles), remote=remote)


async def _say(writer: asyncio.StreamWriter, answer: Answer) -> None:
    writer.write(msgspec.json.encode(answer) + b"\n")
    await writer.drain()


def _peer_of(writer: asyncio.StreamWriter) -> str:
    """Name of the user at the other end, as the kernel knows it."""
    connection = writer.get_extra_info("socket")
    if sys.platform != "linux":
        return "operator"
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    _, uid, _ = struct.unpack("3i", credentials)
    import pwd  # noqa: PLC0415  # absent on Windows

    try:
        return f"operator:{pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"operator:{uid}"


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """Address of a socket file whose path may be longer than the kernel takes in one piece."""
    if len(os.fsencode(path)) <= _PATH_BYTES_MAX or sys.platform != "linux":
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def dial(path: Path) -> socket.socket:
    """Connect to the socket file at `path`; raises OSError."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(CALL_TIMEOUT_S)
        with _short(path) as address:
            connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection
