"""A subscriber at the venue's MQTT broker, as any dashboard would be.

Owns: the subscription, counting what comes, passing alerts on.
Must not know: the venue's insides, the screen.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import msgspec
from aiomqtt import Client, MqttError, ProtocolVersion

PATIENCE_S: Final = 15.0
"""How long the broker and the venue's outlets may take to come up."""

_RETRY_S: Final = 0.1
QUIET_S: Final = 0.3
"""No event for this long: what was on its way has come."""


class Event(msgspec.Struct, frozen=True):
    """The fields of an event that the demo reads; TOPICS.md describes them all."""

    type: str
    seq: int = 0
    time: str = ""
    severity: str = ""
    text: str = ""
    status: str = ""


class NoEvents(Exception):
    """The broker cannot be reached, or no event comes."""


class Subscriber:
    """Listens to everything the venue publishes under `root`; `tell` is given the alerts."""

    def __init__(self, url: str, root: str, tell: Callable[[Event], None]) -> None:
        self._broker = urlsplit(url)
        self._root = root
        self._tell = tell
        self._online = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.counts: Counter[str] = Counter()

    async def start(self) -> None:
        """Subscribe, and wait until the venue says it is online. Raises NoEvents."""
        self._task = asyncio.create_task(self._listen())
        online = asyncio.create_task(self._online.wait())
        await asyncio.wait(
            (self._task, online), timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED
        )
        online.cancel()
        if not self._online.is_set():
            await self.stop()
            raise NoEvents(f"no events from {self._broker.geturl()}")

    async def stop(self) -> None:
        """Unsubscribe and disconnect."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def settle(self) -> None:
        """Wait until nothing has come for a moment, at most PATIENCE_S."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        seen = -1
        while seen != self.counts.total() and asyncio.get_running_loop().time() < deadline:
            seen = self.counts.total()
            await asyncio.sleep(QUIET_S)

    async def _listen(self) -> None:
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            try:
                await self._receive()
            except MqttError:
                # The broker is a process of its own, and starts when the venue does.
                if asyncio.get_running_loop().time() > deadline:
                    return
                await asyncio.sleep(_RETRY_S)

    async def _receive(self) -> None:
        client = Client(
            self._broker.hostname or "",
            self._broker.port or 1883,
            protocol=ProtocolVersion.V311,  # which the embedded broker speaks
            timeout=5,
        )
        async with client:
            await client.subscribe(f"{self._root}/#", qos=1)
            async for message in client.messages:
                event = msgspec.json.decode(message.payload, type=Event)
                self.counts[event.type] += 1
                if event.type == "gateway-status" and event.status == "online":
                    self._online.set()
                elif event.type == "alert":
                    self._tell(event)
