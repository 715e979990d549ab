"""The smallest subject of scripts: the library's acceptor with an application that echoes."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from fixoms import clock
from fixoms.fix import (
    Acceptor,
    Dictionary,
    Listener,
    MemoryStore,
    Message,
    QuietApplication,
    Role,
    SessionConfig,
    SessionId,
    body_fields,
)
from fixoms.fix.store import Store
from fixoms.replay.script import Script
from fixoms.replay.virtual import Revive, VirtualTarget
from fixoms.replay.virtual_loop import VirtualLoop
from fixoms.replay.world import Book, Identity, OperatorRefused

TERMINALS = ("ALICE", "BOB")
VENUE = "ECHO"


class Echo(QuietApplication):
    acceptor: Acceptor

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    def from_app(self, session: SessionId, message: Message) -> None:
        self.heard.append((session.target_comp_id, message.msg_type))
        self.acceptor.send(session, Message(message.msg_type, body_fields(message)))


@dataclass(frozen=True, slots=True)
class Running:
    port: int
    heard: list[tuple[str, str]]


def echo_application(store: Store, now: clock.Clock) -> Echo:
    application = Echo()
    application.acceptor = Acceptor(
        application=application,
        store=store,
        listener=Listener(port=0),
        clock=now,
        sessions=[
            SessionConfig(
                id=SessionId(sender_comp_id=VENUE, target_comp_id=name),
                role=Role.ACCEPTOR,
                dictionary=Dictionary.fix44(),
            )
            for name in TERMINALS
        ],
    )
    return application


class EchoSubject:
    def __init__(self, loop: VirtualLoop, store: Store) -> None:
        self._acceptor = echo_application(store, loop.now).acceptor

    async def start(self) -> int:
        return await self._acceptor.start()

    def crash(self) -> None:
        """The memory store keeps what it has."""

    async def stop(self) -> None:
        await self._acceptor.stop()

    def identity(self, terminal: str) -> Identity:
        return Identity(sender_comp_id=terminal, target_comp_id=VENUE)

    async def operate(self, words: Sequence[str]) -> str:
        if words[0] == "no":
            raise OperatorRefused("said no")
        return "done"

    def book(self, symbol: str) -> Book | None:
        return Book((("100", "10.00"),), ()) if symbol == "ACME" else None

    def phase(self, symbol: str) -> str | None:
        return "continuous" if symbol == "ACME" else None


def _found(script: Script) -> Revive:
    store = MemoryStore()
    return lambda loop: EchoSubject(loop, store)


ECHO = VirtualTarget(_found)


@contextmanager
def echo_over_tcp() -> Iterator[Running]:
    """A real echo acceptor on a real port, on a loop in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> tuple[Echo, int]:
        application = echo_application(MemoryStore(), clock.now)
        return application, await application.acceptor.start()

    try:
        application, port = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
        yield Running(port, application.heard)
        stopping = application.acceptor.stop(timeout_s=0.2)
        asyncio.run_coroutine_threadsafe(stopping, loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
