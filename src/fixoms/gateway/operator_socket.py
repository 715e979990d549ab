"""The operator's desk on a local socket: one JSON line asked, one JSON line answered.

Owns: the socket file and who may open it, framing and bounds of a conversation, and the caller's
name as the operating system vouches for it.
Must not know: the words of the desk (operator.py) or what they do.

The socket is a file of mode 600 in the venue's data folder: whoever may open it is the operator.
A caller's answer is sent after the command is durable.
"""

import asyncio
import contextlib
import os
import socket
import stat
import struct
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from fixoms.gateway.operator import Answer

LINE_BYTES_MAX: Final = 65_536
"""Longest question; a longer one is answered with a refusal and the connection closed."""

CALL_TIMEOUT_S: Final = 10.0
"""How long a caller waits for an answer, and the venue for the rest of a question."""

CALLERS_MAX: Final = 32
"""Callers at a time; further ones are closed at once."""

_PATH_BYTES_MAX: Final = 100  # The kernel's own limit is 107 on Linux, 103 on macOS.


class Question(msgspec.Struct, frozen=True):
    """One call: the words of the desk as they were typed."""

    words: tuple[str, ...]


class DeskUnreachable(OSError):
    """No venue answers at the socket; the message says what to look at."""


class OperatorSocket:
    """Serves the desk on a Unix socket."""

    def __init__(self, path: Path, hear: Callable[[Sequence[str], str], Awaitable[Answer]]) -> None:
        self._path = path
        self._hear = hear
        self._server: asyncio.Server | None = None
        self._callers = 0

    async def start(self) -> None:
        """Listen; a socket file left over from a killed venue is replaced."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        with _short(self._path) as address:
            self._server = await asyncio.start_unix_server(
                self._serve, address, limit=LINE_BYTES_MAX
            )
        self._path.chmod(stat.S_IRUSR | stat.S_IWUSR)

    async def stop(self) -> None:
        """Take no more calls and remove the file."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._callers += 1
        try:
            if self._callers <= CALLERS_MAX:
                async with asyncio.timeout(CALL_TIMEOUT_S):
                    answer = await self._answer(reader, _caller(writer))
                    writer.write(msgspec.json.encode(answer) + b"\n")
                    await writer.drain()
        except (TimeoutError, ConnectionError):
            pass  # The caller has gone or says nothing; there is nobody to tell.
        finally:
            self._callers -= 1
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, caller: str) -> Answer:
        try:
            line = await reader.readline()
            question = msgspec.json.decode(line, type=Question)
        except ValueError as error:
            return Answer(ok=False, text=f"not a question the desk understands: {error}")
        return await self._hear(question.words, caller)


def call(path: Path, words: Sequence[str]) -> Answer:
    """Ask the venue whose desk is at `path`; raises DeskUnreachable."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(CALL_TIMEOUT_S)
            with _short(path) as address:
                connection.connect(address)
            connection.sendall(msgspec.json.encode(Question(tuple(words))) + b"\n")
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    except OSError as error:
        raise DeskUnreachable(f"no venue answers at {path}: {error}") from None
    if not answer:
        raise DeskUnreachable(f"the venue at {path} closed the call without an answer")
    return msgspec.json.decode(answer, type=Answer)


def _caller(writer: asyncio.StreamWriter) -> str:
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
