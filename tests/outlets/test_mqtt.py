"""Journal entries to real brokers: Mosquitto, one of our own to stop and start, amqtt."""

import asyncio
import itertools
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiomqtt import ProtocolVersion

from fixoms.clock import now
from fixoms.outlets.alerts import AlertSettings
from fixoms.outlets.cursor import load_cursor
from fixoms.outlets.embedded import running_broker
from fixoms.outlets.follower import Follower
from fixoms.outlets.mqtt import BrokerAddress, BrokerUnavailableError, MqttOutlet
from fixoms.outlets.status import State
from tests.outlets.brokers import CuttingProxy, Mosquitto, Subscriber, free_port, needs_mosquitto
from tests.store.scene import EntryList, busy_entries, opening, scene

_numbers = itertools.count()
EVERY_FILL = AlertSettings(large_fill_value=Decimal(0))


def a_prefix() -> str:
    return f"fixoms-test/{os.getpid()}-{next(_numbers)}"


def outlet_to(
    port: int, folder: Path, prefix: str, alerts: AlertSettings = EVERY_FILL
) -> MqttOutlet:
    return MqttOutlet(
        BrokerAddress(host="127.0.0.1", port=port),
        venue="XFOM",
        prefix=prefix,
        cursor_path=folder / "mqtt.cursor",
        alerts=alerts,
        now=now,
    )


@asynccontextmanager
async def opened(outlet: MqttOutlet) -> AsyncIterator[MqttOutlet]:
    await outlet.open()
    try:
        yield outlet
    finally:
        await outlet.close()


def expected_of_the_scene() -> list[str]:
    """Types of the scene's messages, in the order the venue said them."""
    return [
        "phase",
        "session",
        "alert",
        "session",
        "alert",
        *("order", "book-top"),
        *("order", "order", "execution", "alert", "order", "execution", "alert"),
        *("trade", "book-top"),
        *("order", "book-top"),
        *("order", "order", "execution", "alert", "order", "execution", "alert"),
        *("trade", "book-top"),
        *("order", "alert"),
        "alert",
    ]


@pytest.fixture
async def mosquitto(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    await broker.start()
    yield broker
    broker.stop()


async def watch_the_scene(port: int, folder: Path, protocol: ProtocolVersion) -> Subscriber:
    prefix = a_prefix()
    async with Subscriber.to(port, f"{prefix}/#", protocol) as subscriber:
        async with opened(outlet_to(port, folder, prefix)) as outlet:
            for entry in scene():
                await outlet.write([entry])
            await subscriber.until_count(len(expected_of_the_scene()))
        await subscriber.until(lambda all_of: len(all_of.of_type("gateway-status")) == 2)
    return subscriber


def see_the_scene(subscriber: Subscriber) -> None:
    events = subscriber.events()
    assert [event["type"] for event in events] == expected_of_the_scene()
    assert len({event["id"] for event in events}) == len(events)
    places = [(event["seq"], event["index"]) for event in events]
    assert places == sorted(places)
    online, offline = subscriber.of_type("gateway-status")
    assert (online["status"], offline["status"]) == ("online", "offline")
    assert (offline["seq"], offline["reason"]) == (12, "stopped")


@needs_mosquitto
async def test_the_scene_arrives_once_each_and_in_order(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    see_the_scene(await watch_the_scene(mosquitto.port, tmp_path, ProtocolVersion.V5))
    assert load_cursor(tmp_path / "mqtt.cursor").seq == 12


async def test_the_embedded_broker_passes_on_the_same(tmp_path: Path) -> None:
    async with running_broker() as port:
        see_the_scene(await watch_the_scene(port, tmp_path, ProtocolVersion.V311))


async def test_the_embedded_broker_loses_nothing_when_the_outlet_leaves_at_once(
    tmp_path: Path,
) -> None:
    prefix = a_prefix()
    entries = opening() + busy_entries(7, 200)
    async with running_broker() as port:
        async with Subscriber.to(port, f"{prefix}/#", ProtocolVersion.V311) as subscriber:
            async with opened(outlet_to(port, tmp_path, prefix)) as outlet:
                await outlet.write(entries)
            await subscriber.until(lambda all_of: len(all_of.of_type("gateway-status")) == 2)
        events = subscriber.events()
        assert len({event["id"] for event in events}) == len(events)
        assert [event["seq"] for event in subscriber.of_type("trade")] == list(range(7, 207))


@needs_mosquitto
async def test_topics_and_values_of_the_scene(mosquitto: Mosquitto, tmp_path: Path) -> None:
    subscriber = await watch_the_scene(mosquitto.port, tmp_path, ProtocolVersion.V5)
    found: dict[str, list[dict[str, Any]]] = {}
    for topic, event in subscriber.messages:
        found.setdefault(topic.partition("/XFOM/")[2], []).append(event)
    assert set(found) == {
        "status",
        "phase/XFOM/ACME",
        "sessions/ALICE",
        "sessions/BOB",
        "orders/BROKER-A/O1",
        "orders/BROKER-A/NONE",
        "orders/BROKER-B/O2",
        "orders/BROKER-B/O3",
        "executions/BROKER-A/O1",
        "executions/BROKER-B/O2",
        "executions/BROKER-B/O3",
        "trades/XFOM/ACME",
        "book/XFOM/ACME",
        "alerts/info",
        "alerts/notice",
        "alerts/warning",
    }
    states = [
        (event["exec_type"], event["ord_status"], event["leaves_qty"], event["avg_px"])
        for event in found["orders/BROKER-A/O1"]
    ]
    assert states == [
        ("new", "new", "100", "0"),
        ("trade", "partially-filled", "70", "10.05"),
        ("replaced", "partially-filled", "70", "10.05"),
        ("trade", "filled", "0", "10.057"),
    ]
    (_, last) = found["executions/BROKER-A/O1"]
    assert (last["exec_id"], last["trade_id"], last["last_px"], last["last_qty"]) == (
        "E7",
        "T2",
        "10.06",
        "70",
    )
    assert (last["contra"], last["aggressor"]) == ("BROKER-B", False)
    assert last["time"] == "2026-01-05T13:30:00.009000Z"
    tops = [(event["bid_px"], event["bid_qty"]) for event in found["book/XFOM/ACME"]]
    assert tops == [("10.05", "100"), ("10.05", "70"), ("10.06", "70"), (None, "0")]
    (rejected,) = found["alerts/warning"]
    assert rejected["kind"] == "order-rejected"
    assert "outside the band 9.00 to 11.00" in rejected["text"]


@needs_mosquitto
async def test_a_new_subscriber_is_told_what_is_retained(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    prefix = a_prefix()
    async with opened(outlet_to(mosquitto.port, tmp_path, prefix)) as outlet:
        await outlet.write(scene()[:8])
        async with Subscriber.to(mosquitto.port, f"{prefix}/#") as late:
            await late.until(lambda all_of: len(all_of.retained) == 5)
        retained = {event["type"]: event for _, event in late.retained}
        assert retained["gateway-status"]["status"] == "online"
        assert (retained["book-top"]["bid_qty"], retained["phase"]["phase"]) == (
            "70",
            "continuous",
        )
        assert retained["session"]["connected"] is True


@needs_mosquitto
async def test_an_outlet_that_dies_leaves_its_last_will(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    prefix = a_prefix()
    script = (
        "import asyncio, os, sys; from pathlib import Path\n"
        "from fixoms.clock import now\n"
        "from fixoms.outlets.alerts import AlertSettings\n"
        "from fixoms.outlets.mqtt import BrokerAddress, MqttOutlet\n"
        "async def main():\n"
        "    outlet = MqttOutlet(BrokerAddress(host='127.0.0.1', port=int(sys.argv[1])),\n"
        "        venue='XFOM', prefix=sys.argv[2], cursor_path=Path(sys.argv[3]),\n"
        "        alerts=AlertSettings(), now=now)\n"
        "    await outlet.open()\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )
    async with Subscriber.to(mosquitto.port, f"{prefix}/XFOM/status") as subscriber:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            script,
            str(mosquitto.port),
            prefix,
            str(tmp_path / "cursor"),
        )
        assert await process.wait() == -9
        await subscriber.until(lambda all_of: len(all_of.messages) == 2)
    online, offline = subscriber.of_type("gateway-status")
    assert (online["status"], offline["status"]) == ("online", "offline")
    assert offline["reason"] == "connection lost"


async def test_a_broker_that_is_not_there_is_said_in_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    outlet = outlet_to(port, tmp_path, a_prefix())
    with pytest.raises(BrokerUnavailableError) as caught:
        await outlet.open()
    assert str(caught.value).startswith(f"MQTT broker 127.0.0.1:{port}: ")
    assert "\n" not in str(caught.value)
    await outlet.close()
    assert caplog.records == []


@needs_mosquitto
async def test_a_password_the_broker_refuses_is_said(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path, anonymous=False)
    await broker.start()
    try:
        outlet = outlet_to(broker.port, tmp_path, a_prefix())
        with pytest.raises(BrokerUnavailableError, match="Not authorized"):
            await outlet.open()
        await outlet.close()
    finally:
        broker.stop()


@needs_mosquitto
async def test_a_broker_away_at_the_start_and_later_is_caught_up_with(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    prefix = a_prefix()
    journal = EntryList(opening())
    lines: list[str] = []
    broker = Mosquitto(tmp_path)
    follower = Follower(
        outlet_to(broker.port, tmp_path, prefix),
        journal,
        name="mqtt",
        transient=(BrokerUnavailableError,),
        fatal=(),
        way_out="",
        say=lines.append,
        backoff_max_s=0.3,
    )
    stop = asyncio.Event()
    # The broker is not there when the venue starts.
    run = asyncio.create_task(follower.run(stop, drain_s=5))
    await until(lambda: follower.progress.state is State.WAITING)
    await broker.start()
    async with Subscriber.to(broker.port, f"{prefix}/#") as subscriber:
        journal.entries += busy_entries(7, 100)
        await subscriber.until(lambda all_of: len(all_of.of_type("trade")) == 100)
        broker.stop()
    before = {event["id"] for event in subscriber.events()}
    await until(lambda: follower.progress.state is State.WAITING)
    journal.entries += busy_entries(107, 100)
    await broker.start()
    async with Subscriber.to(broker.port, f"{prefix}/#") as subscriber:
        await until(lambda: follower.progress.seq == 206)
        stop.set()
        await run
        await subscriber.until(
            lambda all_of: any(
                event["status"] == "offline" for event in all_of.of_type("gateway-status")
            )
        )
    broker.stop()
    after = [event for event in subscriber.events() if event["type"] == "trade"]
    places = [event["seq"] for event in after]
    assert places == sorted(set(places))
    assert places[-1] == 206
    assert {f"trade-{seq}-3" for seq in range(7, 207)} <= before | {e["id"] for e in after}
    assert len(lines) == 4
    assert lines[0].startswith("mqtt lags: MQTT broker 127.0.0.1:")
    assert lines[1] == "mqtt is back and catches up from entry 0"
    assert lines[2].startswith("mqtt lags: ")
    assert lines[3].startswith("mqtt is back and catches up from entry ")
    assert caplog.records == []


@needs_mosquitto
async def test_connections_cut_anywhere_lose_nothing_and_keep_the_order(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    prefix = a_prefix()
    entries = opening() + busy_entries(7, 60)
    stop = asyncio.Event()
    async with (
        Subscriber.to(mosquitto.port, f"{prefix}/#") as subscriber,
        CuttingProxy.to(mosquitto.port, cut_after=range(2_000, 90_000, 7_919)) as proxy,
    ):
        follower = Follower(
            outlet_to(proxy.port, tmp_path, prefix),
            EntryList(entries),
            name="mqtt",
            transient=(BrokerUnavailableError,),
            fatal=(),
            way_out="",
            say=lambda line: None,
            batch_entries=10,
            backoff_max_s=0.05,
        )
        run = asyncio.create_task(follower.run(stop, drain_s=5))
        await until(lambda: follower.progress.seq == 66)
        stop.set()
        await run
        await subscriber.until(lambda all_of: all_of.messages[-1][1].get("status") == "offline")
        assert proxy.cuts >= 5
    seen: dict[str, tuple[int, int]] = {}
    for event in subscriber.events():
        seen.setdefault(event["id"], (event["seq"], event["index"]))
    assert list(seen.values()) == sorted(seen.values())
    assert [key for key in seen if key.startswith("trade")] == [
        f"trade-{seq}-3" for seq in range(7, 67)
    ]
    assert len(subscriber.events()) > len(seen)


@needs_mosquitto
async def test_an_idle_outlet_notices_the_loss_and_retains_again(tmp_path: Path) -> None:
    prefix = a_prefix()
    broker = Mosquitto(tmp_path)
    await broker.start()
    outlet = outlet_to(broker.port, tmp_path, prefix)
    await outlet.open()
    await outlet.write(scene()[:8])
    broker.stop()
    with pytest.raises(BrokerUnavailableError, match="connection lost"):
        await check_until_it_fails(outlet)
    await broker.start()
    assert await outlet.open() == (8, scene()[7].time)
    async with Subscriber.to(broker.port, f"{prefix}/#") as late:
        await late.until(lambda all_of: len(all_of.retained) == 5)
    await outlet.close()
    broker.stop()


async def test_a_fresh_broker_after_a_restart_is_told_what_is_retained(tmp_path: Path) -> None:
    prefix = a_prefix()
    async with running_broker() as port, opened(outlet_to(port, tmp_path, prefix)) as outlet:
        await outlet.write(scene()[:8])
    async with (
        running_broker() as port,
        opened(outlet_to(port, tmp_path, prefix)),
        Subscriber.to(port, f"{prefix}/#", ProtocolVersion.V311) as late,
    ):
        await late.until(lambda all_of: len(all_of.retained) == 5)
    retained = {event["type"]: event for _, event in late.retained}
    assert (retained["book-top"]["bid_qty"], retained["book-top"]["id"]) == ("70", "book-top-8-4")
    assert retained["phase"]["phase"] == "continuous"


@needs_mosquitto
async def test_a_restart_goes_on_from_the_cursor_with_the_decimals_it_knew(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    prefix = a_prefix()
    async with opened(outlet_to(mosquitto.port, tmp_path, prefix)) as outlet:
        await outlet.write(scene()[:7])
    async with Subscriber.to(mosquitto.port, f"{prefix}/#") as subscriber:
        second = outlet_to(mosquitto.port, tmp_path, prefix)
        assert await second.open() == (7, scene()[6].time)
        await second.write(scene()[7:8])
        await second.close()
        await subscriber.until(lambda all_of: len(all_of.of_type("trade")) == 1)
    (trade,) = subscriber.of_type("trade")
    assert (trade["price"], trade["seq"]) == ("10.05", 8)
    # What is retained was sent again, and nothing else of what was out already.
    assert {event["type"] for event in subscriber.events() if event["seq"] < 8} == {
        "phase",
        "session",
        "book-top",
    }


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://broker", ("broker", 1883, False, "", "")),
        ("mqtt://joe:s%40fe@broker:1884", ("broker", 1884, False, "joe", "s@fe")),
        ("mqtts://broker", ("broker", 8883, True, "", "")),
    ],
)
def test_a_broker_url(url: str, address: tuple[str, int, bool, str, str]) -> None:
    found = BrokerAddress.parse(url)
    assert (found.host, found.port, found.tls, found.user, found.password) == address
    assert "s@fe" not in str(found)


@pytest.mark.parametrize("url", ["broker:1883", "http://broker", "mqtt://"])
def test_a_url_that_names_no_broker(url: str) -> None:
    with pytest.raises(ValueError, match="is not mqtt://host:port"):
        BrokerAddress.parse(url)


async def check_until_it_fails(outlet: MqttOutlet) -> None:
    async with asyncio.timeout(10):
        while True:
            await outlet.check()
            await asyncio.sleep(0.01)


async def until(done: Any, timeout_s: float = 20) -> None:
    async with asyncio.timeout(timeout_s):
        while not done():  # noqa: ASYNC110  # the follower has no event for its progress
            await asyncio.sleep(0.01)
