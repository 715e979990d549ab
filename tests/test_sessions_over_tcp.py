"""The same scripts over real sockets, each against a venue of its own that runs in real time.

Scripts that wait for long, kill the venue, start a trading day of their own clock, or want a venue
of another configuration are played in-process only (test_sessions.py).
"""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from fixoms import clock, config
from fixoms.domain.units import SECOND
from fixoms.gateway.operator_words import anything_by
from fixoms.journal.memory import MemoryJournal
from fixoms.replay.grammar import read_script
from fixoms.replay.in_process import PASSWORD, ScriptUsers
from fixoms.replay.player import play
from fixoms.replay.script import After, Operate, Restart, Script, script_files
from fixoms.replay.tcp import TcpTarget
from fixoms.replay.vocabulary import fix44
from fixoms.replay.world import Identity, OperatorRefused
from fixoms.users import LockOut
from fixoms.venue import Venue

SESSIONS = Path(__file__).parents[1] / "sessions"
WAIT_MAX = 2 * SECOND
CONFIG = config.parse(
    (SESSIONS / "venue.yaml").read_text().replace("comp_id: FIXOMS", "comp_id: FIXOMS\n  port: 0"),
    SESSIONS / "venue.yaml",
)


def _fits_real_time(script: Script) -> bool:
    waited = 0
    for step in script.steps:
        match step:
            case Restart() | Operate(words=("start-day", *_)):
                return False
            case After(nanos=nanos):
                waited += nanos
            case _:
                pass
    return waited <= WAIT_MAX


def _scripts() -> list[Script]:
    scripts = (read_script(path, fix44()) for path in script_files([SESSIONS]))
    return [
        script
        for script in scripts
        if script.config in ("", CONFIG.path.name) and _fits_real_time(script)
    ]


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


async def _start() -> tuple[Venue, int]:
    venue = Venue(CONFIG, MemoryJournal(), clock.now, ScriptUsers(LockOut(CONFIG.lock_out)))
    return venue, await venue.start()


@pytest.fixture
def target(loop: asyncio.AbstractEventLoop) -> Iterator[TcpTarget]:
    venue, port = asyncio.run_coroutine_threadsafe(_start(), loop).result(10)

    def operate(words: Sequence[str]) -> str:
        said = venue.operate_durably(words, anything_by("script"))
        answer = asyncio.run_coroutine_threadsafe(said, loop).result(10)
        if not answer.ok:
            raise OperatorRefused(answer.text)
        return answer.text

    yield TcpTarget(
        host="127.0.0.1",
        port=port,
        target_comp_id="FIXOMS",
        identities={
            name: Identity(
                sender_comp_id=name,
                target_comp_id="FIXOMS",
                username=session.participant,
                password=PASSWORD,
                reset=True,
            )
            for name, session in CONFIG.sessions.items()
        },
        quiet=0.02,
        operate=operate,
    )
    asyncio.run_coroutine_threadsafe(venue.acceptor.stop(timeout_s=0.1), loop).result(10)
    asyncio.run_coroutine_threadsafe(venue.stop(), loop).result(10)


def _name(script: Script) -> str:
    return str(Path(script.path).relative_to(SESSIONS).with_suffix(""))


@pytest.mark.parametrize("script", _scripts(), ids=_name)
def test_script_over_tcp(script: Script, target: TcpTarget) -> None:
    play(script, target, fix44())
