"""The wall clock and its renderings."""

from datetime import UTC, datetime

from fixoms import clock
from fixoms.domain.units import SECOND, Nanos


def test_now_is_utc_in_nanoseconds() -> None:
    before = datetime.now(UTC)  # noqa: TID251  # the second opinion on the one reader
    now = clock.now()
    after = datetime.now(UTC)  # noqa: TID251
    assert before.timestamp() - 1 <= now / SECOND <= after.timestamp() + 1


def test_a_time_of_day_is_cut_to_milliseconds() -> None:
    noon = Nanos(1_767_614_400 * SECOND)
    assert clock.time_of_day(noon) == "12:00:00.000"
    assert clock.time_of_day(Nanos(noon + 1_999_999)) == "12:00:00.001"
    assert clock.time_of_day(Nanos(noon - 1)) == "11:59:59.999"
