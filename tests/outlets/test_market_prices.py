"""Prices of external markets: what waits, what is refused, and a real broker."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiomqtt import Client

from fixoms.outlets.market_prices import (
    PAYLOAD_BYTES_MAX,
    WAITING_MAX,
    MarketPrices,
    Unreadable,
    Waiting,
)
from fixoms.outlets.mqtt import BrokerAddress
from tests.outlets.brokers import Mosquitto, needs_mosquitto

TOPIC = "fixoms/XFOM/market-prices"


def message(price: str, second: int = 0, source: str = "XNAS") -> bytes:
    time = f"2026-01-05T13:30:{second:02d}Z"
    return f'{{"price":"{price}","time":"{time}","source":"{source}"}}'.encode()


def test_the_newest_price_of_each_instrument_waits() -> None:
    waiting = Waiting()
    waiting.take(f"{TOPIC}/XFOM/ACME", message("10.00", 1))
    waiting.take(f"{TOPIC}/XFOM/EUR%2FUSD", message("1.1", 1))
    waiting.take(f"{TOPIC}/XFOM/ACME", message("10.20", 3))
    waiting.take(f"{TOPIC}/XFOM/ACME", message("10.10", 2))
    first = waiting.next()
    assert first == (
        "market-price",
        "ACME@XFOM",
        "10.20",
        "time=2026-01-05T13:30:03Z",
        "source=XNAS",
    )
    # While the desk hears it a newer one comes, which still waits afterwards.
    waiting.take(f"{TOPIC}/XFOM/ACME", message("10.30", 4))
    waiting.told(first)
    again = waiting.next()
    assert again is not None
    assert again[1:3] == ("ACME@XFOM", "10.30")
    waiting.told(again)
    other = waiting.next()
    assert other is not None
    assert other[1] == "EUR/USD@XFOM"
    waiting.told(other)
    assert waiting.next() is None
    waiting.take(f"{TOPIC}/XFOM/ACME", message("9.00", 0))
    assert waiting.next() is None, "older than what was told"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"10.00",
        b"{}",
        b'{"price":10.0,"time":"2026-01-05T13:30:00Z"}',
        b'{"price":"-1","time":"2026-01-05T13:30:00Z"}',
        b'{"price":"1e9","time":"2026-01-05T13:30:00Z"}',
        b'{"price":"10.00","time":"2026-01-05T13:30:00"}',
        b'{"price":"10.00","time":"noon"}',
        b'{"price":"10.00","time":"2026-01-05T13:30:00Z","source":"a b"}',
        b'{"price":"10.00","time":"2026-01-05T13:30:00Z","source":"time=x"}',
        b" " * PAYLOAD_BYTES_MAX + message("10.00"),
        b"\xff\xfe",
    ],
)
def test_what_is_no_price_is_named_by_its_instrument(payload: bytes) -> None:
    waiting = Waiting()
    with pytest.raises(Unreadable, match=r"^ACME@XFOM: "):
        waiting.take(f"{TOPIC}/XFOM/ACME", payload)
    assert waiting.next() is None


def test_a_bound_on_instruments() -> None:
    waiting = Waiting()
    for number in range(WAITING_MAX):
        waiting.take(f"{TOPIC}/XFOM/S{number}", message("10.00"))
    with pytest.raises(Unreadable, match="no more can"):
        waiting.take(f"{TOPIC}/XFOM/ACME", message("10.00"))
    waiting.take(f"{TOPIC}/XFOM/S7", message("10.10", 1))


@dataclass
class Said:
    """An answer of the desk."""

    ok: bool
    text: str


class Desk:
    """A desk that keeps what it hears, refuses NONE, and is away at first."""

    def __init__(self, away: int) -> None:
        self.heard: list[tuple[str, ...]] = []
        self._away = away

    def call(self) -> "Desk":
        if self._away:
            self._away -= 1
            raise OSError("no venue answers")
        return self

    def ask(self, *words: str) -> Said:
        self.heard.append(words)
        return Said(not words[1].startswith("NONE"), "'NONE' is not an instrument of this venue")

    def close(self) -> None:
        """Nothing is held."""


async def until(seen: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not seen():  # noqa: ASYNC110  threads and a broker have no event of ours
            await asyncio.sleep(0.02)


@needs_mosquitto
async def test_prices_pass_from_a_broker_to_the_desk(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    await broker.start()
    desk, said = Desk(away=1), list[str]()
    stop = asyncio.Event()
    prices = MarketPrices(
        BrokerAddress.parse(broker.url), topic=f"{TOPIC}/+/+", call_desk=desk.call, say=said.append
    )

    async def publish() -> None:
        async with Client("127.0.0.1", broker.port) as client:
            await client.publish(f"{TOPIC}/XFOM/ACME", message("10.25", 1), qos=1, retain=True)
            await client.publish(f"{TOPIC}/XFOM/NONE", message("1", 1), qos=1, retain=True)
            await client.publish(f"{TOPIC}/XFOM/BAD", b"?", qos=1, retain=True)

    await publish()
    running = asyncio.create_task(prices.run(stop))
    try:
        await until(lambda: {words[1] for words in desk.heard} == {"ACME@XFOM", "NONE@XFOM"})
        broker.stop()
        await until(lambda: any("is away" in line for line in said))
        await broker.start()
        async with Client("127.0.0.1", broker.port) as client:
            while not any(words[2] == "10.50" for words in desk.heard):
                await client.publish(f"{TOPIC}/XFOM/ACME", message("10.50", 2), qos=1, retain=True)
                await asyncio.sleep(0.1)
    finally:
        stop.set()
        await running
        broker.stop()
    assert sum("waits" in line or "wait" in line for line in said) == 2, said
    assert any("BAD@XFOM" in line or "and 1 more" in line for line in said), said
    assert any("desk is back" in line for line in said)
    assert any("broker is back" in line for line in said)
