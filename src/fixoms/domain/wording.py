"""Enum members and times as words, for people and for programs that do not speak FIX.

Owns: the spelling that SQL, MQTT and reports share.
Must not know: SQL, MQTT, FIX; ids and average prices are rendering.py's.
"""

from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache

from fixoms.domain.units import SECOND, Nanos


@lru_cache(maxsize=256, typed=True)  # Members of two enums are equal when their wire values are.
def word(member: Enum) -> str:
    """Name of an enum member in lower case: `OrdStatus.PARTIALLY_FILLED` is `partially-filled`."""
    return member.name.lower().replace("_", "-")


@lru_cache(maxsize=4)
def _utc_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def utc_text(time: Nanos) -> str:
    """ISO 8601 in UTC with microseconds, `2026-01-05T13:30:00.000001Z`; sorts as time does."""
    second, nanos = divmod(time, SECOND)
    return f"{_utc_second(second)}.{nanos // 1000:06d}Z"
