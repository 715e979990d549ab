"""The real venue under load while something it needs is away: disk space, the broker."""

import asyncio
import contextlib
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiomqtt import Client, MqttError, ProtocolVersion

from fixoms.simulation.evidence import Told
from tests.outlets.brokers import MOSQUITTO, free_port, listening, needs_mosquitto
from tests.system.crowd import gathered, objections, write_config
from tests.system.test_kill import crowd_at_work, start, stop
from tests.system.venue_process import PATIENCE_S, wait_for


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """The journal's folder on a file system of its own, with room for some hundred orders."""
    place = tmp_path / "var" / "journal"
    place.mkdir(parents=True)
    mounted = shutil.which("mount") and not subprocess.call(
        ["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(place)], stderr=subprocess.DEVNULL
    )
    if not mounted:
        pytest.skip("a small file system cannot be mounted here (needs root)")
    yield place
    subprocess.check_call(["umount", "-l", str(place)])


async def test_a_full_disk_under_load(tmp_path: Path, small_disk: Path) -> None:
    config = write_config(tmp_path)
    async with crowd_at_work(3, 1200) as (crowd, working):
        process = await start(config, crowd)
        try:
            assert await asyncio.to_thread(process.wait) == 1, process.lines
            crowd.port = 0
            (reason,) = (line for line in process.lines if "the venue stops" in line)
            assert "full" in reason, process.lines
            assert not any("Traceback" in line for line in process.lines), process.lines
            remount = ["mount", "-o", "remount,size=200m", str(small_disk)]
            await asyncio.to_thread(subprocess.check_call, remount)
            process = await start(config, crowd)
            await working
            await stop(process, crowd)
        finally:
            if process.is_alive:
                process.kill()
        evidence = await asyncio.to_thread(gathered, config, crowd, [])
    assert objections(evidence, mqtt=False) == []


class LastingMosquitto:
    """A Mosquitto that is stopped in order and remembers what its subscribers have not had."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n"
            f"user root\npersistence true\npersistence_location {folder}/\n",
            encoding="utf-8",
        )
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        assert MOSQUITTO is not None
        self._process = subprocess.Popen(  # noqa: ASYNC220  # it does not block for long
            [MOSQUITTO, "-c", str(self._config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        await listening(self.port)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE_S)
            self._process = None


@contextlib.asynccontextmanager
async def listener(port: int) -> AsyncIterator[list[Told]]:
    """A subscriber with a session that outlives its connections."""
    told: list[Told] = []
    subscribed = asyncio.Event()

    async def listen() -> None:
        while True:
            try:
                client = Client(
                    "127.0.0.1",
                    port,
                    identifier="auditor",
                    clean_session=False,
                    protocol=ProtocolVersion.V311,
                    timeout=5,
                )
                async with client:
                    await client.subscribe("fixoms/#", qos=1)
                    subscribed.set()
                    async for message in client.messages:
                        fields = json.loads(bytes(message.payload))
                        if fields["type"] != "gateway-status" and not message.retain:
                            told.append(Told(message.topic.value, fields))
            except MqttError:
                await asyncio.sleep(0.05)

    task = asyncio.create_task(listen())
    try:
        await asyncio.wait_for(subscribed.wait(), PATIENCE_S)
        yield told
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@needs_mosquitto
async def test_a_broker_that_comes_and_goes_under_load(tmp_path: Path) -> None:
    broker = LastingMosquitto(tmp_path)
    await broker.start()
    config = write_config(tmp_path, mqtt=f"{{broker: '{broker.url}'}}")
    try:
        async with listener(broker.port) as told, crowd_at_work(4, 700) as (crowd, working):
            process = await start(config, crowd)
            try:
                for _ in range(2):
                    await asyncio.sleep(0.7)
                    await asyncio.to_thread(broker.stop)
                    await asyncio.sleep(0.4)
                    await broker.start()
                await working
                status = config.parent / "var" / "outlets.json"
                running = '"mqtt","state":"running"'
                await asyncio.to_thread(
                    wait_for, lambda: running in status.read_text() or None, process
                )
                await stop(process, crowd)
            finally:
                if process.is_alive:
                    process.kill()
            evidence = await asyncio.to_thread(gathered, config, crowd, told)
            last = len(evidence.entries)
            await asyncio.to_thread(
                wait_for, lambda: any(each.fields["seq"] == last for each in told) or None
            )
            assert any("lags" in line for line in process.lines), process.lines
            assert objections(evidence, mqtt=True) == []
    finally:
        broker.stop()
