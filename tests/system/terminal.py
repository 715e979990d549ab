"""A FIX terminal of a few lines: simplefix for the syntax, a blocking socket for the wire.

It shares no code with the venue, checks every frame it receives, and may misbehave.
"""

import socket
import ssl
from datetime import UTC, datetime
from types import TracebackType

import simplefix

SOH = b"\x01"
PATIENCE_S = 10.0


def checked(frame: bytes) -> dict[int, str]:
    """Fields of a frame whose BodyLength and CheckSum are verified here, first of each tag."""
    head, body_from = frame.index(b"\x0135="), frame.index(b"\x0135=") + 1
    length_at = frame.index(b"\x019=") + 3
    assert int(frame[length_at:head]) == len(frame) - body_from - len(b"10=xxx\x01")
    assert int(frame[-4:-1]) == sum(frame[:-7]) % 256
    parser = simplefix.FixParser()
    parser.append_buffer(frame)
    message = parser.get_message()
    assert message is not None
    fields: dict[int, str] = {}
    for tag, value in message.pairs:
        fields.setdefault(int(tag), value.decode())
    return fields


class Terminal:
    """One FIX connection. `sent` and `next_in` count numbers as a client would."""

    def __init__(
        self,
        port: int,
        name: str,
        venue: str = "FIXOMS",
        next_out: int = 1,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.name = name
        self.venue = venue
        self.next_out = next_out
        self.received: list[dict[int, str]] = []
        self._buffer = b""
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self._socket.settimeout(PATIENCE_S)
        if tls is not None:
            self._socket = tls.wrap_socket(self._socket, server_hostname="venue.example")

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cut()

    def cut(self) -> None:
        """Drop the connection without a word."""
        self._socket.close()

    def raw(self, octets: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(octets)

    def frame(self, msg_type: str, **fields: object) -> bytes:
        """One frame with the next number. Fields are given as `f11="A1"`."""
        message = simplefix.FixMessage()
        message.append_pair(8, "FIX.4.4", header=True)
        message.append_pair(35, msg_type, header=True)
        message.append_pair(49, self.name, header=True)
        message.append_pair(56, self.venue, header=True)
        message.append_pair(34, fields.pop("f34", self.next_out), header=True)
        message.append_pair(52, fields.pop("f52", stamp()), header=True)
        for tag in ("f43", "f97", "f122"):
            if tag in fields:
                message.append_pair(int(tag[1:]), fields.pop(tag), header=True)
        for name, value in fields.items():
            message.append_pair(int(name[1:]), value)
        self.next_out += 1
        encoded: bytes = message.encode()
        return encoded

    def send(self, msg_type: str, **fields: object) -> None:
        """Send one message."""
        self.raw(self.frame(msg_type, **fields))

    def logon(self, user: str, password: str, **fields: object) -> dict[int, str]:
        """Log on and return the venue's Logon."""
        self.send("A", f98=0, f108=30, f553=user, f554=password, **fields)
        return self.expect("A")

    def logout(self) -> None:
        """Log out, wait for the answer, and for the venue to close."""
        self.send("5")
        self.expect("5")
        self.expect_closed()
        self.cut()

    def receive(self) -> dict[int, str] | None:
        """The next message, None when the venue has closed. Raises TimeoutError."""
        while True:
            end = self._buffer.find(b"\x0110=")
            if end >= 0 and len(self._buffer) >= end + 8:
                frame, self._buffer = self._buffer[: end + 8], self._buffer[end + 8 :]
                fields = checked(frame)
                self.received.append(fields)
                return fields
            try:
                octets = self._socket.recv(65536)
            except ConnectionResetError:
                return None
            if not octets:
                return None
            self._buffer += octets

    def expect(self, msg_type: str, **fields: str) -> dict[int, str]:
        """The next message, which must be of this type and have these fields."""
        message = self.receive()
        assert message is not None, f"closed, expected 35={msg_type}"
        assert message[35] == msg_type, message
        for name, value in fields.items():
            assert message.get(int(name[1:])) == value, (name, message)
        return message

    def expect_closed(self) -> None:
        """The venue closes without a further message."""
        message = self.receive()
        assert message is None, message

    def order(self, cl_ord_id: str, side: int, qty: str, price: str, **fields: object) -> None:
        """Send a limit order for ACME unless told otherwise."""
        terms: dict[str, object] = {"f11": cl_ord_id, "f21": 1, "f55": "ACME", "f54": side}
        terms.update(f60=stamp(), f38=qty, f40=2, f44=price)
        terms.update(fields)
        self.send("D", **{name: value for name, value in terms.items() if value is not None})


def stamp() -> str:
    """Now, as FIX writes it."""
    return datetime.now(UTC).strftime("%Y%m%d-%H:%M:%S.%f")[:-3]  # noqa: TID251  a client's clock
