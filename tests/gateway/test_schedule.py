from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from fixoms.domain.commands import EndDay, SetPhase, StartDay
from fixoms.domain.enums import Phase
from fixoms.domain.units import SECOND, Nanos
from fixoms.gateway.schedule import END_OF_DAY, MIDNIGHT, START_OF_DAY, Step, Timetable

BERLIN = ZoneInfo("Europe/Berlin")


def utc(text: str) -> Nanos:
    return Nanos(int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND)


def session_day() -> Timetable:
    steps = [
        Step(at=time(8, 0), what=START_OF_DAY),
        Step(at=time(8, 50), what="opening-auction", scope="MAIN"),
        Step(at=time(9, 0), what="continuous", scope="MAIN"),
        Step(at=time(17, 30), what="closing-auction", scope="MAIN"),
        Step(at=time(17, 35), what="closed", scope="MAIN"),
        Step(at=time(17, 35), what=END_OF_DAY),
    ]
    return Timetable(steps, BERLIN)


def test_steps_come_due_once_and_in_order() -> None:
    timetable = session_day()
    open_ = list(timetable.due(utc("2026-01-05T07:49:59"), utc("2026-01-05T08:00:00")))
    assert [step.phase for step in open_ if isinstance(step, SetPhase)] == [
        Phase.OPENING_AUCTION,
        Phase.CONTINUOUS,
    ]
    assert not list(timetable.due(utc("2026-01-05T08:00:00"), utc("2026-01-05T16:29:59")))


def test_steps_of_the_same_moment_keep_the_order_they_are_written_in() -> None:
    due = list(session_day().due(utc("2026-01-05T16:34:00"), utc("2026-01-05T16:36:00")))
    assert [type(step) for step in due] == [SetPhase, EndDay]


def test_nothing_is_due_on_a_weekend() -> None:
    assert not list(session_day().due(utc("2026-01-03T00:00:00"), utc("2026-01-04T23:00:00")))


def test_the_local_time_holds_over_the_change_to_summer_time() -> None:
    winter = list(session_day().due(utc("2026-03-27T07:55:00"), utc("2026-03-27T08:00:00")))
    summer = list(session_day().due(utc("2026-03-30T06:55:00"), utc("2026-03-30T07:00:00")))
    assert winter == summer != []


def test_a_skipped_local_time_still_comes_due_once() -> None:
    timetable = Timetable(
        [Step(at=time(2, 30), what=START_OF_DAY, weekdays=tuple(range(7)))], BERLIN
    )
    due = list(timetable.due(utc("2026-03-28T12:00:00"), utc("2026-03-29T12:00:00")))
    assert [step.trading_day for step in due if isinstance(step, StartDay)] == ["20260329"]


def test_a_long_absence_runs_the_last_week_only() -> None:
    timetable = Timetable(MIDNIGHT, BERLIN)
    due = list(timetable.due(utc("2020-01-01T00:00:00"), utc("2026-01-05T12:00:00")))
    assert len(due) == 2 * 7


def test_the_day_is_the_local_one() -> None:
    assert Timetable(MIDNIGHT, BERLIN).trading_day(utc("2026-01-04T23:30:00")) == "20260105"
