"""The embedded broker as a program: its port, its end, its silence."""

import asyncio
import socket
import sys
from pathlib import Path

import pytest
from aiomqtt import Client, ProtocolVersion

from fixoms.outlets.embedded import running_broker
from tests.outlets.brokers import Subscriber, listening


async def broker_program(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "fixoms.outlets.broker",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_a_taken_port_is_one_line_and_exit_code_1() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        program = await broker_program("--port", port)
        out, err = await program.communicate()
    assert (program.returncode, out) == (1, b"")
    assert err.decode().strip() == (
        f"embedded MQTT broker: port {port} on 127.0.0.1: Address already in use"
    )


async def test_it_ends_with_its_parent_even_when_that_is_killed(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'fixoms.outlets.broker', '--port', '0'],\n"
        "    stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "print(child.stdout.readline().decode().strip(), flush=True)\n"
        "time.sleep(60)\n",
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdout is not None
    port = int(await parent.stdout.readline())
    await listening(port)
    parent.kill()
    await parent.wait()
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                break
            writer.close()
            await asyncio.sleep(0.02)


async def test_clients_that_vanish_or_talk_nonsense_make_no_noise() -> None:
    program = await broker_program("--port", "0")
    assert program.stdout is not None
    assert program.stdin is not None
    port = int(await program.stdout.readline())
    for words in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x10\x0c\x00\x04MQTT\x05\x02\x00\x3c\x00\x00"):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(words)
        writer.transport.abort() if not words else writer.close()
    async with (
        Subscriber.to(port, "a/#", ProtocolVersion.V311) as subscriber,
        Client("127.0.0.1", port, protocol=ProtocolVersion.V311) as client,
    ):
        await client.publish("a/b", b'{"type": "still here"}', qos=1)
        await subscriber.until(lambda all_of: len(all_of.messages) == 1)
    program.stdin.close()
    async with asyncio.timeout(15):
        out, err = await program.communicate()
    assert (program.returncode, out, err) == (0, b"", b"")


async def test_two_brokers_have_ports_of_their_own() -> None:
    async with running_broker() as first, running_broker() as second:
        assert first != second


@pytest.mark.parametrize("port", ["70000", "x"])
async def test_a_port_that_is_none(port: str) -> None:
    program = await broker_program("--port", port)
    _, err = await program.communicate()
    assert program.returncode == 2
    assert f"argument --port: invalid port_number value: '{port}'".encode() in err
