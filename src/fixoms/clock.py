"""The wall clock: the one place where fixoms asks what time it is.

Owns: reading UTC time in nanoseconds, and turning nanoseconds into text for people.
Must not know: who asks. Library code takes `now` as an argument; only composition roots, the
command line and the edges of a process call `now()`, so that replay and simulation can put their
own time in its place.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import TypeAlias

from fixoms.domain.units import SECOND, Nanos

Clock: TypeAlias = Callable[[], Nanos]
"""What code that needs a clock of its own takes: `now`, or a virtual one."""


def now() -> Nanos:
    """UTC time in nanoseconds since 1970-01-01T00:00:00Z."""
    return Nanos(time.time_ns())  # noqa: TID251  # this is that one place


def at(nanos: Nanos, zone: tzinfo = UTC) -> datetime:
    """Moment `nanos` as an aware datetime, cut to whole microseconds."""
    seconds, rest = divmod(nanos, SECOND)
    return datetime.fromtimestamp(seconds, zone).replace(microsecond=rest // 1000)


def time_of_day(nanos: Nanos, zone: tzinfo = UTC) -> str:
    """Time of day with milliseconds, for tables: `13:30:00.123`."""
    moment = at(nanos, zone)
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"
