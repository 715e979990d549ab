"""The other end of the operator's desk: how a command of this machine, or of another, asks it.

Owns: the connection of a caller, and what is said when there is no venue or no admission.
Must not know: the words of the desk.
"""

import socket
import ssl
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from fixoms.gateway.operator_socket import CALL_TIMEOUT_S, Login, Question, dial
from fixoms.gateway.operator_words import Answer

ANSWER_BYTES_MAX: Final = 64 << 20
"""A longer answer is not the desk's."""


class DeskUnreachable(OSError):
    """No venue answers, or it lets the caller not in; the message says what to look at."""


class DeskCall:
    """One connection to the desk; ask as often as needed. Use it with `with`."""

    def __init__(self, connection: socket.socket, place: str) -> None:
        self._connection = connection
        self._place = place
        self._read = connection.makefile("rb")

    @classmethod
    def local(cls, path: Path) -> Self:
        """Call the venue whose socket is at `path`; raises DeskUnreachable."""
        try:
            return cls(dial(path), str(path))
        except OSError as error:
            raise DeskUnreachable(f"no venue answers at {path}: {error}") from None

    @classmethod
    def over_tls(
        cls, host: str, port: int, context: ssl.SSLContext, user: str, password: str
    ) -> Self:
        """Call a venue's listener and log on; raises DeskUnreachable."""
        place = f"{host}:{port}"
        try:
            plain = socket.create_connection((host, port), CALL_TIMEOUT_S)
            try:
                call = cls(context.wrap_socket(plain, server_hostname=host), place)
            except BaseException:
                plain.close()
                raise
        except OSError as error:
            raise DeskUnreachable(f"no venue answers at {place}: {error}") from None
        answer = call._exchange(Login(user=user, password=password))
        if not answer.ok:
            call.close()
            raise DeskUnreachable(f"the venue at {place} refuses: {answer.text}")
        return call

    def ask(self, *words: str) -> Answer:
        """Say words and hear the answer; raises DeskUnreachable."""
        return self._exchange(Question(words))

    def _exchange(self, said: Login | Question) -> Answer:
        try:
            self._connection.sendall(msgspec.json.encode(said) + b"\n")
            line = self._read.readline(ANSWER_BYTES_MAX)
        except OSError as error:
            raise DeskUnreachable(f"the venue at {self._place} does not answer: {error}") from None
        if not line.endswith(b"\n"):
            raise DeskUnreachable(f"the venue at {self._place} closed the call without an answer")
        return msgspec.json.decode(line, type=Answer)

    def close(self) -> None:
        """Hang up."""
        self._read.close()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
