"""A bare FIX client over TCP for the shell tests: frames out, frames in."""

import asyncio
import contextlib
import ssl

from fixoms.clock import now
from fixoms.fix.codec import encode, parse
from fixoms.fix.framing import Frame, Framer
from fixoms.fix.message import Message
from fixoms.fix.values import render_utc_timestamp

PATIENCE_S = 10.0


class TcpClient:
    """`ALICE` talking to `VENUE`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self._framer = Framer()

    @classmethod
    async def dial(
        cls, port: int, context: ssl.SSLContext | None = None, hostname: str | None = None
    ) -> "TcpClient":
        return cls(
            *await asyncio.open_connection(
                "127.0.0.1", port, ssl=context, server_hostname=hostname, limit=1 << 16
            )
        )

    @staticmethod
    def frame(text: str, sender: str = "ALICE") -> bytes:
        given = [field.split("=", 1) for field in text.split("|")]
        header = [
            (34, dict(given)["34"].encode()),
            (49, sender.encode()),
            (52, render_utc_timestamp(now())),
            (56, b"VENUE"),
        ]
        body = [(int(tag), value.encode()) for tag, value in given if tag not in {"35", "34"}]
        return encode(dict(given)["35"], header, body)

    def say(self, *texts: str, sender: str = "ALICE") -> None:
        self.writer.write(b"".join(self.frame(text, sender) for text in texts))

    async def hear(self) -> Message | None:
        """The next message, or None when the connection is closed."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = self._framer.next()
                if isinstance(found, Frame):
                    return parse(found.raw)
                assert found is None, found
                try:
                    data = await self._reader.read(1 << 16)
                except ConnectionError:
                    data = b""
                if not data:
                    return None
                self._framer.feed(data)

    async def hear_types(self, count: int) -> list[str]:
        heard = [await self.hear() for _ in range(count)]
        return [f"{m.msg_type} {m.text(34)}" if m is not None else "closed" for m in heard]

    async def log_on(self, msg_seq_num: int = 1, fields: str = "") -> Message:
        self.say(f"35=A|34={msg_seq_num}|98=0|108=30{fields}")
        answer = await self.hear()
        assert answer is not None
        assert answer.msg_type == "A"
        return answer

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await self.writer.wait_closed()
