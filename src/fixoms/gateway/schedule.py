"""The timetable of the venue: which command is due at which moment.

Owns: times of day in a time zone turned into moments, and which of them have come.
Must not know: clocks (the moment is an argument), what a command does. The steps become journaled
commands like everything else, so a replay needs no timetable.

A local time that a change to summer time skips falls on the moment the clock would have shown it;
one that happens twice counts the first time.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final

import msgspec

from fixoms.domain.commands import VENUE, Command, EndDay, SetPhase, StartDay
from fixoms.domain.enums import Phase
from fixoms.domain.units import SECOND, Nanos

CATCH_UP_DAYS_MAX: Final = 7
"""A venue that was down longer runs the steps of the last week only."""

START_OF_DAY: Final = "start-of-day"
END_OF_DAY: Final = "end-of-day"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """At `at` (local time) on `weekdays` (0 is Monday): `what` happens to `scope`.

    `what` is a phase, START_OF_DAY or END_OF_DAY; the last two are the whole venue's.
    """

    at: time
    what: str
    scope: str = ""
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4)


MIDNIGHT: Final = (
    Step(at=time(0, 0), what=END_OF_DAY, weekdays=tuple(range(7))),
    Step(at=time(0, 0), what=START_OF_DAY, weekdays=tuple(range(7))),
)
"""The timetable of a venue that has none: one trading day is one calendar day."""


def day_after(trading_day: str) -> str:
    """Calendar day after `trading_day`, both `YYYYMMDD`."""
    following = datetime.strptime(trading_day, "%Y%m%d").replace(tzinfo=UTC) + timedelta(days=1)
    return following.strftime("%Y%m%d")


class Timetable:
    """Steps in a time zone, asked again and again what has come due."""

    def __init__(self, steps: Sequence[Step], zone: tzinfo) -> None:
        # Steps of the same moment keep the order they are written in: sorting is stable.
        self._steps = sorted(steps, key=lambda step: step.at)
        self._zone = zone

    def trading_day(self, now: Nanos) -> str:
        """Calendar day of `now` in the venue's time zone, `YYYYMMDD`."""
        return self._local(now).strftime("%Y%m%d")

    def due(self, after: Nanos, until: Nanos) -> Iterator[Command]:
        """Yield the commands of the steps in (after, until], oldest first."""
        floor = until - CATCH_UP_DAYS_MAX * 86_400 * SECOND
        after = Nanos(max(after, floor))
        day = self._local(after).date()
        last = self._local(until).date()
        while day <= last:
            for step in self._steps:
                moment = datetime.combine(day, step.at, self._zone)
                if day.weekday() in step.weekdays and after < _nanos(moment) <= until:
                    yield _command(step, day.strftime("%Y%m%d"))
            day += timedelta(days=1)

    def _local(self, moment: Nanos) -> datetime:
        return datetime.fromtimestamp(moment // SECOND, self._zone)


def _nanos(moment: datetime) -> Nanos:
    whole = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return Nanos((whole.days * 86_400 + whole.seconds) * SECOND + whole.microseconds * 1000)


def _command(step: Step, day: str) -> Command:
    if step.what == START_OF_DAY:
        return StartDay(VENUE, day)
    if step.what == END_OF_DAY:
        return EndDay(VENUE)
    return SetPhase(VENUE, step.scope, Phase(step.what), "schedule")
