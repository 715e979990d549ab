"""When a session is open, and when its numbers start again.

Owns: daily and weekly session periods in a time zone, with holidays.
Must not know: sessions, connections, the clock: the time is an argument.

A period is given in local wall time and computed in UTC from the zone's rules, so it opens at the
same wall time on both sides of a daylight saving change. A wall time that does not exist that day
(clocks go forward) is moved forward by the size of the jump; one that exists twice means its first
occurrence.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from fixoms.domain.units import SECOND, Nanos

ALWAYS: Nanos = Nanos(2**63 - 1)
"""A time that does not come."""

_SEARCH_DAYS = 400
"""A schedule whose next period is further away than this (all holidays) counts as closed."""


@dataclass(frozen=True, slots=True)
class Hours:
    """The state of a schedule at one moment."""

    is_open: bool
    last_end: Nanos
    """End of the newest period that is over, or 0. Numbers older than this are of a past period."""
    until: Nanos
    """When this state ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Session periods: one a day on `weekdays`, or one a week when `end_weekday` is given.

    Weekdays are 0 for Monday to 6 for Sunday. A daily period whose `end` is not after its `start`
    ends on the next day, so equal times make sessions of 24 hours. A weekly period starts on the
    single weekday in `weekdays`. No period starts on a date in `holidays`.
    """

    zone: ZoneInfo
    start: time
    end: time
    weekdays: frozenset[int] = frozenset(range(7))
    end_weekday: int | None = None
    holidays: frozenset[date] = field(default_factory=frozenset)
    reset_at_end: bool = True
    """Numbers start at 1 when a period is over. Messages sent while closed belong to the next."""

    def __post_init__(self) -> None:
        if not self.weekdays or not self.weekdays <= set(range(7)):
            msg = f"weekdays are 0 (Monday) to 6 (Sunday), not {sorted(self.weekdays)}"
            raise ValueError(msg)
        if self.end_weekday is not None and len(self.weekdays) != 1:
            msg = f"a weekly period starts on one weekday, not on {sorted(self.weekdays)}"
            raise ValueError(msg)

    def period_starting(self, day: date) -> tuple[Nanos, Nanos] | None:
        """UTC start and end of the period that starts on this local date, if one does."""
        if day.weekday() not in self.weekdays or day in self.holidays:
            return None
        if self.end_weekday is None:
            days = 0 if self.end > self.start else 1
        else:
            days = (self.end_weekday - day.weekday()) % 7
            if days == 0 and self.end <= self.start:
                days = 7
        start = self._utc(day, self.start)
        end = self._utc(day + timedelta(days=days), self.end)
        # A period that a clock change swallows whole does not exist.
        return (start, end) if start < end else None

    def at(self, now: Nanos) -> Hours:
        """Whether a period is open at `now`, and until when that holds."""
        today = datetime.fromtimestamp(now // SECOND, tz=self.zone).date()
        last_end = self._last_end(today, now)
        for offset in range(-8, _SEARCH_DAYS):
            period = self.period_starting(today + timedelta(days=offset))
            if period is None or period[1] <= now:
                continue
            start, end = period
            if start <= now:
                return Hours(is_open=True, last_end=last_end, until=end)
            return Hours(is_open=False, last_end=last_end, until=start)
        return Hours(is_open=False, last_end=last_end, until=ALWAYS)

    def _last_end(self, today: date, now: Nanos) -> Nanos:
        for offset in range(1, -_SEARCH_DAYS, -1):
            period = self.period_starting(today + timedelta(days=offset))
            if period is not None and period[1] <= now:
                return period[1]
        return Nanos(0)

    def _utc(self, day: date, wall: time) -> Nanos:
        local = datetime.combine(day, wall, tzinfo=self.zone)
        return Nanos(int(local.astimezone(UTC).timestamp()) * SECOND)
