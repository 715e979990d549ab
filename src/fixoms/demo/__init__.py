"""The demo: a venue, three traders over TCP, alerts over MQTT, the result out of SQL.

Owns: the order of the evening: set up, scene, tables, how to join, end.
Must not know: how anything looks (screen.py), what is traded (scene.py).

Everything is the real thing: the venue is what `fixoms serve` runs, the traders are FIX initiators
on sockets, the alerts come from the broker, the tables from the database. It lives in a temporary
folder and leaves nothing behind.
"""

import asyncio
import contextlib
import secrets
import signal
import tempfile
from importlib import resources
from pathlib import Path
from typing import Final

from fixoms.app import CannotStartError, Server
from fixoms.config import Config, load
from fixoms.demo.alerts import NoEvents, Subscriber
from fixoms.demo.scene import SCENE, SYMBOL
from fixoms.demo.screen import Screen
from fixoms.demo.terminal import NoAnswer, Terminal
from fixoms.gateway.venue_dictionary import venue_dictionary
from fixoms.journal.reader import JournalReader
from fixoms.outlets.topics import Topics
from fixoms.store.database import StoreError, reading
from fixoms.store.queries import (
    OrderFilter,
    TradeFilter,
    find_orders,
    find_trades,
    read_books,
    read_cursor,
)
from fixoms.users import new_user, write_users

TRADERS: Final = {"ALICE": "ALPHA", "BOB": "BRAVO", "CAROL": "CHARLIE"}
"""Trader (CompID of the session, and user) → participant."""

USUAL_PORT: Final = 9878

PAUSE_S: Final = 0.3
"""Between two steps: enough to read along, and for the alerts of a step to arrive."""

CATCH_UP_S: Final = 15.0
"""How long the database may take to show the scene."""


class DemoFailed(Exception):
    """The demo cannot go on; the message says why."""


def run_demo(*, once: bool, port: int | None) -> int:
    """Run the demo until Ctrl-C, or to the end of the scene; returns the exit status."""
    screen = Screen()
    with tempfile.TemporaryDirectory(prefix="fixoms-demo-", ignore_cleanup_errors=True) as folder:
        try:
            asyncio.run(_demo(screen, Path(folder), once=once, port=port))
        except (DemoFailed, CannotStartError, NoAnswer, NoEvents, StoreError) as error:
            screen.say(f"fixoms: the demo ended early: {error}")
            return 1
    return 0


async def _demo(screen: Screen, folder: Path, *, once: bool, port: int | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    password = f"demo-{secrets.token_hex(4)}"
    evening = asyncio.create_task(_evening(screen, folder, password, stop, once=once, port=port))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait((evening, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not evening.done():
        evening.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await evening


async def _evening(
    screen: Screen,
    folder: Path,
    password: str,
    stop: asyncio.Event,
    *,
    once: bool,
    port: int | None,
) -> None:
    screen.title()
    async with contextlib.AsyncExitStack() as closing:
        server, config, fix_port = await _start(screen, folder, password, port)
        closing.push_async_callback(server.stop)
        root = Topics(config.mqtt.prefix, config.venue.name).root
        subscriber = Subscriber(server.mqtt_url, root, screen.alert)
        traders = {
            name: Terminal(name, name.lower(), password, screen.received) for name in TRADERS
        }
        await subscriber.start()
        closing.push_async_callback(subscriber.stop)
        screen.facts(
            {
                "FIX 4.4": f"{config.fix.host}:{fix_port}",
                "MQTT": f"{server.mqtt_url}, alerts are marked with !",
                "SQL": str(config.data_dir / "venue.db"),
            }
        )
        screen.caption(f"{' and '.join(', '.join(traders).rsplit(', ', 1))} log on")
        for trader in traders.values():
            closing.push_async_callback(trader.log_out)
            await trader.log_on(config.fix.host, fix_port, config.fix.comp_id)
        await asyncio.sleep(PAUSE_S)
        await _play(screen, traders)
        await _wait_for_sql(config)
        await subscriber.settle()
        await _show_result(screen, config, subscriber)
        dictionary = folder / "FIX44-fixoms.xml"
        dictionary.write_text(venue_dictionary().to_quickfix_xml(), encoding="utf-8")
        screen.how_to_connect(config, fix_port, password, dictionary, f"{server.mqtt_url} {root}/#")
        if not once and not screen.is_gone:
            screen.say("The venue is up. Ctrl-C ends it.")
            await stop.wait()


async def _start(
    screen: Screen, folder: Path, password: str, port: int | None
) -> tuple[Server, Config, int]:
    """Start the venue on `port`; without one on its usual port, or on a free one if that is taken.

    Raises CannotStartError.
    """
    if port is None:
        with contextlib.suppress(CannotStartError):
            return await _start(screen, folder, password, USUAL_PORT)
        port = 0
    config = _prepare(folder, password, port)
    server = Server(config, screen.say)
    return server, config, await server.start()


def _prepare(folder: Path, password: str, port: int) -> Config:
    """Write the demo's configuration and users into `folder`."""
    text = resources.files("fixoms.demo").joinpath("venue.yaml").read_text(encoding="utf-8")
    path = folder / "venue.yaml"
    path.write_text(text.replace(f"port: {USUAL_PORT}", f"port: {port}"), encoding="utf-8")
    config = load(path)
    users = {trader.lower(): participant for trader, participant in TRADERS.items()}
    users["guest"] = "GUEST"
    made = {name: new_user(name, participant, password) for name, participant in users.items()}
    write_users(config.users_path, made)
    return config


async def _play(screen: Screen, traders: dict[str, Terminal]) -> None:
    for caption, step in SCENE:
        screen.caption(caption)
        screen.sent(step)
        traders[step.who].send(step)
        for expected in step.expected:
            await traders[expected.who].until(expected)
        await asyncio.sleep(PAUSE_S)


async def _wait_for_sql(config: Config) -> None:
    """Wait until the database holds everything the journal does."""
    with contextlib.closing(JournalReader(config.journal_dir)) as journal:
        last = journal.last_seq()
    deadline = asyncio.get_running_loop().time() + CATCH_UP_S
    while asyncio.get_running_loop().time() < deadline:
        with contextlib.suppress(StoreError):
            async with reading(config.sql_url) as connection:
                if await read_cursor(connection) >= last:
                    return
        await asyncio.sleep(0.05)
    raise DemoFailed(f"the database did not catch up with the journal in {CATCH_UP_S:g} s")


async def _show_result(screen: Screen, config: Config, subscriber: Subscriber) -> None:
    async with reading(config.sql_url) as connection:
        screen.orders(await find_orders(connection, OrderFilter()))
        screen.trades(await find_trades(connection, TradeFilter()))
        for book in await read_books(connection, SYMBOL):
            screen.book(book)
    screen.events(subscriber.counts)
