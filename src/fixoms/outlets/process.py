"""The outlets' process: SQL and MQTT, each at its own pace, beside the venue.

Owns: which outlets run, on which event loop, how the process is told to end.
Must not know: what the outlets write.

The process ends when its standard input does (the venue stopped, or was killed) or on SIGTERM:
each outlet then writes what is readable, up to `drain_s`, and closes.
"""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from fixoms.clock import Clock
from fixoms.journal.reader import JournalReader
from fixoms.outlets.alerts import AlertSettings
from fixoms.outlets.cursor import CursorError
from fixoms.outlets.follower import BATCH_ENTRIES, Follower
from fixoms.outlets.market_prices import Desk, MarketPrices
from fixoms.outlets.mqtt import BrokerAddress, BrokerUnavailableError, MqttOutlet
from fixoms.outlets.parent import end_of_input
from fixoms.outlets.status import State, StatusFile
from fixoms.outlets.topics import Topics
from fixoms.store.database import StoreError, StoreUnavailableError
from fixoms.store.projection import Projector

CURSOR_FILE: Final = "mqtt.cursor"


class OutletsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the process needs to know.

    `mqtt_url` None switches MQTT off. `drain_s` bounds the work after a stop; one batch that is
    under way is finished beyond it.
    """

    journal_dir: Path
    data_dir: Path
    venue: str
    sql_url: str
    mqtt_url: str | None = None
    mqtt_user: str = ""
    mqtt_password: str = ""
    topic_prefix: str = "fixoms"
    alerts: AlertSettings = AlertSettings()
    audit_dir: Path | None = None
    market_prices: bool = False
    batch_entries: int = BATCH_ENTRIES
    drain_s: float = 5.0


def run(
    settings: OutletsSettings,
    *,
    now: Clock,
    say: Callable[[str], None],
    call_desk: Callable[[], Desk] | None = None,
) -> int:
    """Run the outlets as a program, on an event loop that can do it; returns the exit code."""
    # The MQTT client watches its socket itself, which the default loop of Windows cannot do.
    loop = asyncio.SelectorEventLoop if sys.platform == "win32" else None
    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(run_outlets(settings, now=now, say=say, call_desk=call_desk))


async def run_outlets(
    settings: OutletsSettings,
    *,
    now: Clock,
    say: Callable[[str], None],
    stop: asyncio.Event | None = None,
    call_desk: Callable[[], Desk] | None = None,
) -> int:
    """Run the outlets until told to stop; the exit code is 1 when one of them had to give up.

    `say` gets one line per thing a person should know. With `stop` the caller says when to end;
    without it, the end of standard input and SIGTERM do. `call_desk` is where prices of external
    markets are told, if the settings ask for them. Raises ValueError for a wrong MQTT URL.
    """
    readers = contextlib.ExitStack()
    with readers:
        followers = _followers(settings, now, say, readers)
        status = StatusFile(
            settings.data_dir,
            [follower.progress for follower in followers],
            _reader(settings, readers),
        )
        ending = stop or _told_to_end()
        watching = asyncio.create_task(status.keep(), name="outlets status")
        try:
            async with asyncio.TaskGroup() as running:
                if settings.market_prices and settings.mqtt_url and call_desk:
                    prices = _market_prices(settings, settings.mqtt_url, call_desk, say)
                    running.create_task(prices.run(ending), name="market prices")
                for follower in followers:
                    running.create_task(
                        follower.run(ending, settings.drain_s), name=follower.progress.name
                    )
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            status.write()
    return int(any(follower.progress.state is State.FAILED for follower in followers))


def _followers(
    settings: OutletsSettings,
    now: Clock,
    say: Callable[[str], None],
    readers: contextlib.ExitStack,
) -> list[Follower]:
    followers = [
        Follower(
            Projector(settings.sql_url),
            _reader(settings, readers),
            name="sql",
            transient=(StoreUnavailableError,),
            fatal=(StoreError,),
            way_out="`fixoms rebuild` makes the SQL tables from the journal again",
            say=say,
            batch_entries=settings.batch_entries,
        )
    ]
    if settings.mqtt_url is None:
        return followers
    cursor_path = settings.data_dir / CURSOR_FILE
    outlet = MqttOutlet(
        BrokerAddress.parse(settings.mqtt_url, settings.mqtt_user, settings.mqtt_password),
        venue=settings.venue,
        prefix=settings.topic_prefix,
        cursor_path=cursor_path,
        alerts=settings.alerts,
        now=now,
        audit_dir=settings.audit_dir,
    )
    followers.append(
        Follower(
            outlet,
            _reader(settings, readers),
            name="mqtt",
            transient=(BrokerUnavailableError,),
            fatal=(CursorError,),
            way_out=f"delete {cursor_path} to publish the journal from entry 1",
            say=say,
            batch_entries=settings.batch_entries,
        )
    )
    return followers


def _market_prices(
    settings: OutletsSettings,
    url: str,
    call_desk: Callable[[], Desk],
    say: Callable[[str], None],
) -> MarketPrices:
    return MarketPrices(
        BrokerAddress.parse(url, settings.mqtt_user, settings.mqtt_password),
        topic=Topics(settings.topic_prefix, settings.venue).market_prices,
        call_desk=call_desk,
        say=say,
    )


def _reader(settings: OutletsSettings, readers: contextlib.ExitStack) -> JournalReader:
    return readers.enter_context(contextlib.closing(JournalReader(settings.journal_dir)))


def _told_to_end() -> asyncio.Event:
    """An event set by the end of standard input, and by SIGTERM.

    Ctrl-C reaches the whole process group; the venue says when its last entries are written.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    end_of_input(loop, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(NotImplementedError):
        loop.add_signal_handler(signal.SIGTERM, stop.set)
    return stop
