"""Session hours: daily, weekly, over daylight saving changes, and the reset at their end."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixoms.domain.units import SECOND, Nanos
from fixoms.fix.effects import DisconnectReason
from fixoms.fix.schedule import ALWAYS, Schedule
from tests.fix.counterparty import START, Counterparty

NEW_YORK = ZoneInfo("America/New_York")
BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo = NEW_YORK) -> Nanos:
    return Nanos(int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) * SECOND)


OFFICE = Schedule(
    zone=NEW_YORK,
    start=time(8),
    end=time(17),
    weekdays=frozenset(range(5)),
    holidays=frozenset({date(2026, 1, 1)}),
)
ROUND_THE_CLOCK = Schedule(zone=NEW_YORK, start=time(17), end=time(17))
WEEK = Schedule(zone=NEW_YORK, start=time(17), end=time(17), weekdays=frozenset({6}), end_weekday=4)


@pytest.mark.parametrize(
    ("moment", "is_open", "last_end", "until"),
    [
        ("2026-01-05T07:59:59", False, "2026-01-02T17:00", "2026-01-05T08:00"),
        ("2026-01-05T08:00:00", True, "2026-01-02T17:00", "2026-01-05T17:00"),
        ("2026-01-05T16:59:59", True, "2026-01-02T17:00", "2026-01-05T17:00"),
        ("2026-01-05T17:00:00", False, "2026-01-05T17:00", "2026-01-06T08:00"),
        ("2026-01-03T12:00:00", False, "2026-01-02T17:00", "2026-01-05T08:00"),
        ("2026-01-01T12:00:00", False, "2025-12-31T17:00", "2026-01-02T08:00"),
    ],
)
def test_office_hours(moment: str, is_open: bool, last_end: str, until: str) -> None:
    hours = OFFICE.at(at(moment))
    assert (hours.is_open, hours.last_end, hours.until) == (is_open, at(last_end), at(until))


def test_a_week() -> None:
    hours = WEEK.at(at("2026-01-07T12:00"))
    assert (hours.is_open, hours.until) == (True, at("2026-01-09T17:00"))
    hours = WEEK.at(at("2026-01-10T12:00"))
    assert (hours.is_open, hours.until) == (False, at("2026-01-11T17:00"))


@pytest.mark.parametrize(("day", "hours"), [("2026-03-07", 23), ("2026-10-31", 25)])
def test_a_day_over_a_clock_change(day: str, hours: int) -> None:
    period = ROUND_THE_CLOCK.period_starting(date.fromisoformat(day))
    assert period is not None
    assert period[1] - period[0] == hours * 3600 * SECOND


def test_wall_times_that_do_not_exist_or_exist_twice() -> None:
    early = Schedule(zone=BERLIN, start=time(2, 30), end=time(12))
    missing = early.period_starting(date(2026, 3, 29))
    twice = early.period_starting(date(2026, 10, 25))
    assert missing is not None
    assert twice is not None
    assert missing[0] == at("2026-03-29T01:30", ZoneInfo("UTC"))
    assert twice[0] == at("2026-10-25T00:30", ZoneInfo("UTC"))


def test_nothing_but_holidays_is_closed_for_good() -> None:
    first = date(2025, 1, 1)
    holidays = frozenset(first + timedelta(days=n) for n in range(2000))
    hours = Schedule(zone=NEW_YORK, start=time(8), end=time(17), holidays=holidays).at(START)
    assert (hours.is_open, hours.until) == (False, ALWAYS)


@pytest.mark.parametrize(
    "settings_", [{"weekdays": frozenset()}, {"weekdays": frozenset({7})}, {"end_weekday": 4}]
)
def test_settings_are_checked(settings_: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="weekday"):
        Schedule(zone=NEW_YORK, start=time(8), end=time(17), **settings_)  # type: ignore[arg-type]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["America/New_York", "Europe/Berlin", "Asia/Tokyo", "Australia/Lord_Howe"]),
    st.times(),
    st.times(),
    st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1)),  # noqa: DTZ001  made aware below
    st.booleans(),
)
def test_states_follow_each_other(
    zone: str, start: time, end: time, moment: datetime, weekly: bool
) -> None:
    """Walking from change to change: states alternate, wall times hold, ends are remembered."""
    start, end = start.replace(microsecond=0), end.replace(microsecond=0)
    schedule = Schedule(
        zone=ZoneInfo(zone),
        start=start,
        end=end,
        weekdays=frozenset({0}) if weekly else frozenset(range(5)),
        end_weekday=4 if weekly else None,
    )
    now = Nanos(int(moment.replace(tzinfo=UTC).timestamp()) * SECOND)
    before = schedule.at(now)
    for _ in range(8):
        just_before = schedule.at(Nanos(before.until - 1))
        assert (just_before.is_open, just_before.until) == (before.is_open, before.until)
        after = schedule.at(before.until)
        assert after.until > before.until
        if before.is_open:
            assert after.last_end == before.until
        else:
            assert after.is_open
            assert after.last_end == before.last_end
        before = after


class TestSession:
    SCHEDULE = Schedule(zone=ZoneInfo("UTC"), start=time(8), end=time(13, 31))

    def test_logs_out_at_the_end_and_starts_anew(self) -> None:
        peer = Counterparty(schedule=self.SCHEDULE)
        peer.log_on(heartbeat=0)
        assert peer.wait(59) == []
        assert peer.wait(2) == ["35=5|34=2|58=The session period is over"]
        peer.wait(3)
        assert peer.reason() is DisconnectReason.LOGOUT_UNANSWERED
        peer.lose()
        peer.wait(1)
        assert (peer.state.next_in, peer.state.next_out) == (1, 1)
        # What is sent while closed belongs to the next period, and is still there when it opens.
        assert peer.send("35=8|37=X") == 1
        peer.now = Nanos(START + 20 * 3600 * SECOND)
        peer.session.tick(peer.now)
        peer.carry_out()
        assert peer.log_on() == ["35=A|34=2|98=0|108=30"]
        assert peer.say("35=2|34=2|7=1|16=1") == ["35=8|34=1|43=Y|37=X"]

    def test_refuses_while_closed(self) -> None:
        peer = Counterparty(schedule=self.SCHEDULE)
        peer.now = Nanos(START + 3600 * SECOND)
        peer.session.tick(peer.now)
        peer.carry_out()
        peer.state.next_out = 7
        assert peer.log_on() == ["35=5|34=7|58=The session is closed at this time"]
        assert peer.reason() is DisconnectReason.OUT_OF_HOURS

    def test_numbers_may_go_on(self) -> None:
        schedule = Schedule(
            zone=ZoneInfo("UTC"), start=time(8), end=time(13, 31), reset_at_end=False
        )
        peer = Counterparty(schedule=schedule)
        peer.log_on()
        peer.wait(61)
        peer.say("35=5|34=2")
        peer.lose()
        peer.wait(1)
        assert peer.state.next_in == 3
