"""The embedded MQTT broker: a child process for the demo and the first steps.

Owns: running amqtt on a loopback port, telling the port, ending with its parent.
Must not know: the venue, topics.

Run as `python -m fixoms.outlets.broker --port 0`; it prints the port it got (a port it was given is
known to the parent) and ends when its standard input does. amqtt speaks MQTT 3.1.1, keeps nothing
on disk and forgets what it has not passed on when a publisher leaves: for real use name a real
broker in the configuration.
"""

import argparse
import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Sequence

from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig, ListenerType
from amqtt.errors import AMQTTError

from fixoms.outlets.parent import end_of_input

_LISTENER = "default"
_STOP_TIMEOUT_S = 5.0


async def serve(listener: socket.socket, stop: asyncio.Event) -> None:
    """Serve MQTT 3.1.1 on a listening socket until `stop`. Anyone who can connect may use it."""
    # amqtt cannot say which port it got; so the socket is ours and connections are handed over.
    broker = Broker(
        BrokerConfig(
            listeners={_LISTENER: ListenerConfig(type=ListenerType.EXTERNAL)},
            plugins={"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        )
    )
    await broker.start()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await broker.stream_connected(reader, writer, _LISTENER)

    server = await asyncio.start_server(connected, sock=listener)
    try:
        await stop.wait()
    finally:
        server.close()
        with contextlib.suppress(AMQTTError, TimeoutError):
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await broker.shutdown()


def listen(host: str, port: int) -> socket.socket:
    """Bind a TCP socket; port 0 takes any free one. Raises OSError."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


async def _run(host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    listener = listen(host, port)
    if port == 0:
        print(listener.getsockname()[1], flush=True)
    end_of_input(loop, stop)
    with contextlib.suppress(NotImplementedError):
        loop.add_signal_handler(signal.SIGTERM, stop.set)
    await serve(listener, stop)


def port_number(text: str) -> int:
    """Read a TCP port, 0 included; raises ValueError."""
    port = int(text)
    if not 0 <= port <= 65_535:
        raise ValueError(text)
    return port


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the broker as a program."""
    parser = argparse.ArgumentParser(prog="python -m fixoms.outlets.broker", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument(
        "--port", type=port_number, default=0, help="port to listen on; 0: any free one"
    )
    chosen = parser.parse_args(arguments)
    # A client that vanishes is everyday life here; amqtt would log each one.
    logging.disable(logging.CRITICAL)
    # Ctrl-C reaches the whole process group; the parent says when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        asyncio.run(_run(chosen.host, chosen.port))
    except OSError as error:
        print(
            f"embedded MQTT broker: port {chosen.port} on {chosen.host}: {error.strerror}",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
