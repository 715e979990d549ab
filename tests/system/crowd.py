"""Real TCP clients that load a real venue and remember everything, for the auditor.

Owns: the sockets and the pace; the clients are the simulator's, which share no FIX code with us.
Must not know: what the venue goes through meanwhile.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from fixoms.clock import now
from fixoms.config import load
from fixoms.engine.settings import EngineSettings
from fixoms.simulation.auditor import CHECKS, count
from fixoms.simulation.client import Client
from fixoms.simulation.evidence import Evidence, Figures, Told, gather
from fixoms.simulation.story import Send
from fixoms.simulation.workload import CLIENTS
from fixoms.users import new_user, write_users
from tests.system.venue_process import PASSWORD

TICK_S = 0.02
REST_S = 60.0

CONFIG = """
venue: {{data_dir: var, users_file: users.yaml}}
fix: {{port: 0}}
participants:
  ALICE: {{}}
  BOB: {{self_trade_prevention: cancel-newest}}
  CAROL: {{}}
  DAVE: {{}}
sessions:
  ALICE: {{participant: ALICE}}
  ALICE2: {{participant: ALICE}}
  BOB: {{participant: BOB}}
  CAROL: {{participant: CAROL, cancel_on_disconnect: loss}}
  DAVE: {{participant: DAVE}}
instruments:
  - {{symbol: ACME, reference_price: 10.00}}
  - {{symbol: LOTS, lot_size: 100, tick: 0.05, reference_price: 5.00}}
  - {{symbol: BANDED, reference_price: 100.00, static_band_percent: 10}}
  - {{symbol: WILD, reference_price: 100.00, dynamic_band_percent: 5}}
  - {{symbol: FINE, price_decimals: 4, qty_decimals: 1, tick: 0.0001, lot_size: 0.1}}
journal: {{snapshot_every: 300, segment_bytes: 1048576, reserve_bytes: {reserve}}}
mqtt: {mqtt}
"""


def write_config(folder: Path, *, mqtt: str = "{broker: off}", reserve: int = 0) -> Path:
    """The venue of the simulator, for `fixoms serve`."""
    path = folder / "venue.yaml"
    path.write_text(CONFIG.format(mqtt=mqtt, reserve=reserve), encoding="utf-8")
    users = {name: new_user(name, name, PASSWORD) for name in {*CLIENTS.values()}}
    write_users(folder / "users.yaml", users)
    return path


class _Socket(asyncio.Protocol):
    """A client's line over TCP."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._transport: asyncio.Transport | None = None
        self._early = b""
        self._is_heard = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._is_heard:
            transport.write(self._early)
        else:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._is_heard:
            self._client.hear(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lose()

    def write(self, octets: bytes) -> None:
        if self._transport is None:
            self._early += octets
        else:
            self._transport.write(octets)

    def hang_up(self) -> None:
        self._is_heard = False
        if self._transport is not None:
            self._transport.close()

    def cut(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        self.lose()

    def lose(self) -> None:
        if self._is_heard:
            self._is_heard = False
            self._client.lost()


class Crowd:
    """Five clients that say what they are given, at their pace, whatever becomes of the venue."""

    def __init__(self, seed: int) -> None:
        self.port = 0
        self.connections = 0
        self.clients = {
            name: Client(name, user, PASSWORD, now, Random(f"{seed} {name}"))
            for name, user in CLIENTS.items()
        }
        self._dialing: set[asyncio.Task[None]] = set()
        self._ticking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Crowd":
        self._ticking = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self.clients.values():
            client.is_away = True
            if client.line is not None:
                client.line.cut()
        assert self._ticking is not None
        for task in (self._ticking, *self._dialing):
            task.cancel()
        await asyncio.gather(self._ticking, *self._dialing, return_exceptions=True)

    async def _tick(self) -> None:
        while True:
            for client in self.clients.values():
                client.tick(self._dial)
            await asyncio.sleep(TICK_S)

    def _dial(self, client: Client) -> _Socket | None:
        if not self.port:
            return None
        self.connections += 1
        line = _Socket(client)
        task = asyncio.create_task(self._connect(line))
        self._dialing.add(task)
        task.add_done_callback(self._dialing.discard)
        return line

    async def _connect(self, line: _Socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: line, "127.0.0.1", self.port)
        except OSError:
            line.lose()

    async def say(self, requests: list[Send], per_second: float) -> None:
        """Say them one after the other, in bursts that keep the pace."""
        burst = max(1, int(per_second * TICK_S))
        for begin in range(0, len(requests), burst):
            for each in requests[begin : begin + burst]:
                self.clients[each.client].send(each.msg_type, each.fields)
            await asyncio.sleep(burst / per_second)

    async def rest(self) -> None:
        """Wait until everybody is logged on, misses nothing, and nothing more comes."""
        deadline = time.monotonic() + REST_S
        before: list[tuple[int, int]] = []
        while time.monotonic() < deadline:
            for client in self.clients.values():
                client.ping("rest")
            await asyncio.sleep(0.5)
            present = [
                (len(each.truth.heard), each.truth.next_in - each.truth.next_out)
                for each in self.clients.values()
            ]
            if present == before and all(each.is_whole for each in self.clients.values()):
                return
            before = present
        raise AssertionError(f"no rest within {REST_S:g} s: {self._unrest()}")

    def _unrest(self) -> list[str]:
        return [
            f"{each.name} expects {each.truth.next_in}, logged on: {each.is_logged_on}"
            for each in self.clients.values()
            if not each.is_whole
        ]


def gathered(config: Path, crowd: Crowd, told: list[Told]) -> Evidence:
    """Everything that is left of a venue that is down."""
    settings = load(config)
    evidence = gather(
        settings.journal_dir,
        settings.data_dir / "venue.db",
        [client.truth for client in crowd.clients.values()],
        told,
        EngineSettings(default_market=settings.venue.market),
        Figures(connections=crowd.connections),
    )
    count(evidence)
    return evidence


def objections(evidence: Evidence, *, mqtt: bool) -> list[str]:
    """What the auditor has against it; without a broker there is nothing of MQTT to judge."""
    checks: list[Callable[..., object]] = [
        check for check in CHECKS if mqtt or not check.__name__.startswith("mqtt")
    ]
    found = list(evidence.faults)
    for check in CHECKS:
        if check in checks:
            found += check(evidence)
    return found[:10]


async def cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
