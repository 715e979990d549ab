"""Headroom says what the next order may add, to the last share and cent."""

import pytest

from fixoms.domain.commands import Origin, SetLimits
from fixoms.domain.ids import InstrumentId
from fixoms.domain.limits import (
    EACH,
    MICRO,
    Check,
    Limits,
    Scope,
    ScopeKind,
    ValueLimits,
)

from .transcript import Desk

RITA = Origin(session="", participant="", user="rita")
ACC1 = Scope(ScopeKind.ACCOUNT, "ALFA", "ACC1")
EACH_ACCOUNT = Scope(ScopeKind.ACCOUNT, EACH, EACH)
ACME = InstrumentId("ACME@XFOM")
ALL_LIMITS = Limits(
    order_qty=500 * MICRO,
    open_orders=10,
    long_qty=100 * MICRO,
    short_qty=40 * MICRO,
    collar_bp=2_000,
    values=(
        ValueLimits(
            "USD", 9_000 * MICRO, 2_000 * MICRO, 1_900 * MICRO, 1_800 * MICRO, 3_000 * MICRO
        ),
    ),
)


def traded() -> Desk:
    desk = Desk({})
    desk.handle(SetLimits(RITA, EACH_ACCOUNT, ALL_LIMITS))
    for line in (
        "A: buy X 30 @10 account=ACC1",
        "B: sell S 20 @10",
        "A2: sell Y 10 @11 account=ACC1",
    ):
        desk.say(line)
    return desk


def test_every_limit_is_told_with_its_use() -> None:
    told = [
        (str(each.check), each.side, each.limit, each.used, each.headroom)
        for each in traded().engine.headroom(ACC1)
    ]
    assert told == [
        ("order quantity", "", "500", "0", "500"),
        ("order value", "", "9000", "0", "9000"),
        ("price collar", "", "20", "0", "20"),
        ("open orders", "", "10", "2", "8"),
        ("position", "long", "100", "30", "70"),
        ("position", "short", "40", "-10", "50"),
        ("gross exposure", "", "2000", "300", "1700"),
        ("net exposure", "", "1900", "300", "1600"),
        ("margin", "", "1800", "300", "1500"),
        ("daily value", "", "3000", "410", "2590"),
    ]


def test_it_names_whose_limit_applies() -> None:
    lines = traded().engine.headroom(ACC1)
    assert {(each.scope, each.limits_of) for each in lines} == {(ACC1, EACH_ACCOUNT)}
    assert {each.currency for each in lines if each.check is Check.GROSS} == {"USD"}
    assert {each.instrument_id for each in lines if each.check is Check.POSITION} == {ACME}


@pytest.mark.parametrize(
    ("line", "room"), [("buy Z {} @8 account=ACC1", 70), ("sell Z {} @12 account=ACC1", 50)]
)
def test_the_headroom_passes_and_one_more_does_not(line: str, room: int) -> None:
    assert "Rejected" not in " ".join(traded().say("A: " + line.format(room)))
    told = " ".join(traded().say("A: " + line.format(room + 1)))
    assert f"this order adds {room + 1}, headroom {room}" in told


def test_a_scope_without_limits_has_none() -> None:
    assert traded().engine.headroom(Scope(ScopeKind.PARTICIPANT, "ALFA")) == ()
    assert traded().engine.scopes_with_limits("ALFA", "ACC1") == (ACC1,)
    assert traded().engine.scopes_with_limits("ALFA", "") == ()


def test_a_limit_lowered_below_use_has_negative_headroom() -> None:
    desk = traded()
    narrow = Scope(ScopeKind.ACCOUNT, "ALFA", "ACC1", ACME)
    desk.handle(
        SetLimits(RITA, narrow, Limits(long_qty=5 * MICRO, values=(ValueLimits("", gross=MICRO),)))
    )
    assert [(each.side, each.headroom) for each in desk.engine.headroom(narrow)] == [
        ("long", "-25"),
        ("", "-299"),
    ]


def test_the_rate_is_that_of_the_second_at_hand() -> None:
    desk = Desk({})
    session = Scope(ScopeKind.SESSION, name="A")
    desk.handle(SetLimits(RITA, session, Limits(message_rate=5)))
    desk.say("A: buy X 1 @9")
    assert [each.headroom for each in desk.engine.headroom(session)] == ["4"]
    desk.say("venue: wait 1")
    assert [each.headroom for each in desk.engine.headroom(session)] == ["5"]
