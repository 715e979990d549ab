"""Running the embedded MQTT broker from another program.

Owns: the child process of broker.py for as long as a context lasts.
Must not know: amqtt.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

_START_TIMEOUT_S = 20.0
_STOP_TIMEOUT_S = 10.0


@contextlib.asynccontextmanager
async def running_broker() -> AsyncIterator[int]:
    """Run the broker in a child process, on a free port, which is what the context yields.

    Raises OSError when it does not start.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "fixoms.outlets.broker",
        "--port",
        "0",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_START_TIMEOUT_S):
            line = await child.stdout.readline() if child.stdout else b""
        if not line.strip().isdigit():
            raise OSError("the embedded MQTT broker did not start")
        yield int(line)
    finally:
        if child.stdin:
            child.stdin.close()
        try:
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()
