"""Brokers and subscribers for the tests of MQTT.

Owns: a Mosquitto of our own that can be stopped and started, a subscriber that collects JSON.
Must not know: the outlet under test.
"""

import asyncio
import contextlib
import json
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any, Self

import pytest
from aiomqtt import Client, MqttError, ProtocolVersion

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed here")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def listening(port: int, timeout_s: float = 10) -> None:
    async with asyncio.timeout(timeout_s):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            return


class Mosquitto:
    """A Mosquitto on a port of its own; `start` and `stop` as often as needed."""

    def __init__(self, folder: Path, *, anonymous: bool = True) -> None:
        self.port = free_port()
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self._config = folder / f"mosquitto-{self.port}.conf"
        self._anonymous = anonymous
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> Self:
        assert MOSQUITTO is not None
        self._config.write_text(
            "\n".join(
                [
                    f"listener {self.port} 127.0.0.1",
                    f"allow_anonymous {str(self._anonymous).lower()}",
                    "max_queued_messages 0",
                    "set_tcp_nodelay true",
                ]
            )
        )
        self._process = subprocess.Popen(  # noqa: ASYNC220  # it does not block for long
            [MOSQUITTO, "-c", str(self._config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        await listening(self.port)
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class CuttingProxy:
    """Passes bytes to a port and cuts each connection in turn after so many bytes to it."""

    def __init__(self, port: int, cut_after: Iterable[int]) -> None:
        self.port = 0
        self.cuts = 0
        self._to = port
        self._cut_after = iter(cut_after)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A connection that is opened to knock sends nothing and uses up no cut.
        first = await reader.read(4096)
        if not first:
            writer.close()
            return
        left = next(self._cut_after, 1 << 40)
        back, onward = await asyncio.open_connection("127.0.0.1", self._to)
        onward.write(first)
        answers = asyncio.create_task(self._pass(back, writer))
        try:
            while left > 0 and (chunk := await reader.read(min(left, 4096))):
                left -= len(chunk)
                onward.write(chunk)
            self.cuts += left <= 0
        finally:
            answers.cancel()
            await asyncio.gather(answers, return_exceptions=True)
            for each in (writer, onward):
                each.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(4096):
            writer.write(chunk)

    @classmethod
    @contextlib.asynccontextmanager
    async def to(cls, port: int, cut_after: Iterable[int]) -> AsyncIterator[Self]:
        proxy = cls(port, cut_after)
        server = await asyncio.start_server(proxy._connected, "127.0.0.1", 0)
        proxy.port = server.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            server.close()
            await server.wait_closed()


class Subscriber:
    """Collects (topic, JSON) of everything under a topic filter."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self.retained: list[tuple[str, dict[str, Any]]] = []
        self._changed = asyncio.Event()

    def _take(self, topic: str, payload: bytes, *, retained: bool) -> None:
        found = (topic, json.loads(payload))
        (self.retained if retained else self.messages).append(found)
        self._changed.set()

    async def until(self, enough: Callable[[Self], bool], timeout_s: float = 20) -> None:
        async with asyncio.timeout(timeout_s):
            while not enough(self):
                self._changed.clear()
                await self._changed.wait()

    async def until_count(self, count: int, timeout_s: float = 20) -> None:
        """Wait for `count` messages besides the gateway's status."""
        await self.until(lambda all_of: len(all_of.events()) >= count, timeout_s)

    def events(self) -> list[dict[str, Any]]:
        """All messages that came live, without the gateway's status, in order of arrival."""
        return [event for _, event in self.messages if event["type"] != "gateway-status"]

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [event for _, event in self.messages if event["type"] == kind]

    @classmethod
    @contextlib.asynccontextmanager
    async def to(
        cls, port: int, topic: str, protocol: ProtocolVersion = ProtocolVersion.V5
    ) -> AsyncIterator[Self]:
        subscriber = cls()
        client = Client("127.0.0.1", port, protocol=protocol, timeout=10)
        await client.__aenter__()
        await client.subscribe(topic, qos=1)

        async def collect() -> None:
            with contextlib.suppress(MqttError):
                async for message in client.messages:
                    subscriber._take(
                        message.topic.value, bytes(message.payload), retained=message.retain
                    )

        task = asyncio.create_task(collect())
        try:
            yield subscriber
        finally:
            with contextlib.suppress(MqttError):
                await client.__aexit__(None, None, None)
            # The collector ends with the connection and takes the reason of a loss.
            await asyncio.wait_for(task, 5)
