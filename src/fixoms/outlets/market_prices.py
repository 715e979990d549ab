"""Prices of external markets, from MQTT to the operator's desk.

Owns: the subscription, what a price message must be, what becomes of those that come too fast or
cannot be read, and the order of prices by their own time. TOPICS.md tells publishers.
Must not know: the desk (a callable is given), what a price is used for, how old one may be.

Of each instrument the newest price waits, no more: a venue that is slow or away misses what nobody
needs any more. A price becomes the word `market-price` at the desk, so it is checked, sequenced and
journaled like everything else.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, Protocol
from urllib.parse import unquote

import msgspec
from aiomqtt import Client, MqttError, ProtocolVersion
from msgspec import Meta

from fixoms.outlets.mqtt import BrokerAddress

PAYLOAD_BYTES_MAX: Final = 4096
WAITING_MAX: Final = 20_000
"""Instruments with a price that waits; a price of a further one is dropped and counted."""

QUEUE_MAX: Final = 1_000
"""Messages the client library may hold; it drops more."""

RETRY_S: Final = 1.0
SAY_EVERY_S: Final = 1.0
CONNECT_TIMEOUT_S: Final = 5.0


class DeskAnswer(Protocol):
    """What the desk says to one price."""

    @property
    def ok(self) -> bool:
        """Whether the price was taken."""

    @property
    def text(self) -> str:
        """Why not."""


class Desk(Protocol):
    """A connection to the desk; raises OSError when there is no venue."""

    def ask(self, *words: str) -> DeskAnswer:
        """Say words and hear the answer; blocks."""

    def close(self) -> None:
        """Hang up."""


class PriceMessage(msgspec.Struct, frozen=True):
    """One price as its source publishes it."""

    price: Annotated[str, Meta(pattern=r"^[0-9]{1,12}(\.[0-9]{1,9})?$")]
    time: Annotated[str, Meta(max_length=40)]
    source: Annotated[str, Meta(pattern=r"^[!-<>-~]{1,32}$")] = "mqtt"


class Unreadable(ValueError):
    """A message that is no price; the text says what is wrong with it."""


class Waiting:
    """The newest price of each instrument that the desk has not heard yet."""

    def __init__(self) -> None:
        self._prices: dict[str, tuple[datetime, PriceMessage]] = {}
        self._newest: dict[str, datetime] = {}

    def take(self, topic: str, payload: bytes) -> None:
        """Let a message wait; raises Unreadable."""
        name = _instrument_of(topic)
        if len(payload) > PAYLOAD_BYTES_MAX:
            raise Unreadable(f"{name}: {len(payload)} bytes are more than {PAYLOAD_BYTES_MAX}")
        try:
            message = msgspec.json.decode(payload, type=PriceMessage)
            moment = datetime.fromisoformat(message.time)
        except ValueError as error:
            raise Unreadable(f"{name}: {error}") from None
        if moment.tzinfo is None:
            raise Unreadable(f"{name}: time {message.time!r} has no zone")
        moment = moment.astimezone(UTC)
        if name not in self._newest and len(self._newest) >= WAITING_MAX:
            raise Unreadable(f"{name}: {WAITING_MAX} instruments have prices, no more can")
        if moment >= self._newest.get(name, moment):
            self._newest[name] = moment
            self._prices[name] = (moment, message)

    def next(self) -> tuple[str, ...] | None:
        """The words for the price that waits longest; None when none does."""
        if not self._prices:
            return None
        name = next(iter(self._prices))
        _, message = self._prices[name]
        source = f"source={message.source}"
        return "market-price", name, message.price, f"time={message.time}", source

    def told(self, words: Sequence[str]) -> None:
        """The desk has heard `words`; a newer price of the same instrument goes on waiting."""
        _, message = self._prices[words[1]]
        if (message.price, f"time={message.time}") == tuple(words[2:4]):
            del self._prices[words[1]]


class MarketPrices:
    """Follows the topic and tells the desk, until it is told to stop."""

    def __init__(
        self,
        address: BrokerAddress,
        *,
        topic: str,
        call_desk: Callable[[], Desk],
        say: Callable[[str], None],
    ) -> None:
        self._address = address
        self._topic = topic
        self._call_desk = call_desk
        self._say = say
        self._waiting = Waiting()
        self._changed = asyncio.Event()
        self._silent_until = 0.0
        self._unsaid = 0
        self._is_away = {"broker": False, "desk": False}

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop`; a broker or a venue that is away is tried again."""
        tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._tell())]
        try:
            await stop.wait()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            with contextlib.suppress(MqttError):
                async with Client(
                    self._address.host,
                    self._address.port,
                    username=self._address.user or None,
                    password=self._address.password or None,
                    protocol=ProtocolVersion.V311,
                    timeout=CONNECT_TIMEOUT_S,
                    max_queued_incoming_messages=QUEUE_MAX,
                    tls_context=self._address.tls_context(),
                ) as client:
                    await client.subscribe(self._topic, qos=0)
                    self._back("broker")
                    async for message in client.messages:
                        self._take(str(message.topic), message.payload)
            self._away("broker", f"{self._address} is away")
            await asyncio.sleep(RETRY_S)

    def _take(self, topic: str, payload: object) -> None:
        try:
            self._waiting.take(topic, payload if isinstance(payload, bytes) else b"")
        except Unreadable as unreadable:
            self._complain(str(unreadable))
        self._changed.set()

    async def _tell(self) -> None:
        """One connection to the desk, opened when there is something to say."""
        desk: Desk | None = None
        try:
            while True:
                words = self._waiting.next()
                if words is None:
                    self._changed.clear()
                    await self._changed.wait()
                    continue
                try:
                    if desk is None:
                        desk = await asyncio.to_thread(self._call_desk)
                    answer = await asyncio.to_thread(desk.ask, *words)
                except OSError as error:
                    self._away("desk", str(error))
                    if desk is not None:
                        desk.close()
                        desk = None
                    await asyncio.sleep(RETRY_S)
                    continue
                self._back("desk")
                self._waiting.told(words)
                if not answer.ok:
                    self._complain(f"{words[1]}: {answer.text}")
        finally:
            if desk is not None:
                desk.close()

    def _away(self, what: str, text: str) -> None:
        if not self._is_away[what]:
            self._say(f"market prices wait: {text}")
        self._is_away[what] = True

    def _back(self, what: str) -> None:
        if self._is_away[what]:
            self._say(f"market prices: the {what} is back")
        self._is_away[what] = False

    def _complain(self, text: str) -> None:
        """Name a bad message, once a second at most; the others are counted."""
        now = asyncio.get_running_loop().time()
        if now < self._silent_until:
            self._unsaid += 1
            return
        more = f" (and {self._unsaid} more)" if self._unsaid else ""
        self._say(f"market price refused: {text}{more}")
        self._unsaid = 0
        self._silent_until = now + SAY_EVERY_S


def _instrument_of(topic: str) -> str:
    """`SYMBOL@MARKET` of a topic that ends with `<market>/<symbol>`."""
    market, _, symbol = topic.rpartition("market-prices/")[2].partition("/")
    return f"{unquote(symbol)}@{unquote(market)}"
