"""What risk managers may command, alone and in two, and what lasts."""

import msgspec
import pytest

from fixoms.domain.commands import (
    VENUE,
    ApproveProposal,
    Command,
    DefineInstrument,
    DefineParticipant,
    DefineSession,
    DismissProposal,
    EndDay,
    Kill,
    Origin,
    OverrideOrder,
    SetLimits,
    SetLocate,
    SetMarketPrice,
    SetRestricted,
    SetRiskPolicy,
    SetShortRule,
    StartDay,
    Unkill,
)
from fixoms.domain.events import (
    CommandDone,
    CommandRefused,
    Event,
    KillSwitched,
    LimitsChanged,
    OverrideGiven,
    ProposalChanged,
    RiskPolicyChanged,
    SessionAbused,
)
from fixoms.domain.ids import InstrumentId
from fixoms.domain.limits import (
    ALL,
    EACH,
    MICRO,
    Limits,
    ProposalState,
    RiskPolicy,
    Scope,
    ScopeKind,
    ShortRule,
    ValueLimits,
)
from fixoms.domain.units import Nanos, Price, Qty
from fixoms.engine.engine import Engine, EngineSettings

from .transcript import Desk

RITA = Origin(session="", participant="", user="rita")
SAM = Origin(session="", participant="", user="sam")
NOBODY = Origin(session="", participant="", user="")
ACC1 = Scope(ScopeKind.ACCOUNT, "ALFA", "ACC1")
ALFA = Scope(ScopeKind.PARTICIPANT, "ALFA")
ACME = InstrumentId("ACME@XFOM")
TEN = Limits(order_qty=10 * MICRO)
TWENTY = Limits(order_qty=20 * MICRO)
FOUR_EYES = SetRiskPolicy(RITA, RiskPolicy(four_eyes_bp=5_000))


def told(events: list[Event], kind: type[Event]) -> list[Event]:
    return [each for each in events if isinstance(each, kind)]


def refusal(events: list[Event]) -> str:
    refused = [each.reason for each in events if isinstance(each, CommandRefused)]
    assert len(refused) == 1
    assert len(events) == 1
    return refused[0]


def said(desk: Desk, line: str) -> str:
    return " / ".join(desk.say(line))


KILLS = (
    (ALL, "X Y Z W"),
    (ALFA, "X Y Z"),
    (Scope(ScopeKind.SESSION, name="A"), "X Y"),
    (Scope(ScopeKind.USER, "ALFA", "trader"), "X Y Z"),
    (ACC1, "X Z"),
    (Scope(ScopeKind.INSTRUMENT, instrument_id=ACME), "X Y Z W"),
)


@pytest.mark.parametrize(("scope", "gone"), KILLS, ids=str)
def test_the_kill_switch_cancels_its_scope_and_stops_it(scope: Scope, gone: str) -> None:
    desk = Desk({})
    orders = {
        "X": "A: buy X 10 @9 account=ACC1",
        "Y": "A: sell Y 10 @11 account=ACC2",
        "Z": "A2: buy Z 10 type=stop stop=12 account=ACC1",
        "W": "B: buy W 10 @8 account=ACC1",
    }
    for line in orders.values():
        assert "New" in said(desk, line)
    events = desk.handle(Kill(RITA, scope, cancel_resting=True, reason="runaway"))
    canceled = [line.split()[1] for line in map(desk.tell, events) if "Canceled" in line]
    assert sorted(canceled) == sorted(gone.split())
    assert told(events, KillSwitched) == [KillSwitched(RITA, scope, True, len(canceled), "runaway")]
    for name, line in orders.items():
        again = said(desk, line.replace(f" {name} ", f" {name}2 "))
        assert ("kill switch" in again) is (name in gone.split())


def test_the_kill_switch_lets_cancels_and_reducing_replaces_through() -> None:
    desk = Desk({})
    desk.say("A: buy X 10 @9")
    desk.handle(Kill(RITA, ALFA, cancel_resting=False, reason="look into it"))
    for line in ("A: replace Y of X 11 @9", "A: replace Y of X 10 @9.01"):
        assert "CancelRejected" in said(desk, line)
    assert "Replaced" in said(desk, "A: replace Y of X 9 @8.5")
    assert "Canceled" in said(desk, "A: cancel Z of Y")


def test_the_kill_switch_survives_and_is_lifted_by_a_named_person() -> None:
    desk = Desk({})
    desk.handle(Kill(RITA, ALFA, cancel_resting=False, reason="stop"))
    desk.engine = Engine.restore(desk.engine.snapshot(), EngineSettings())
    desk.handle(EndDay(VENUE))
    desk.handle(StartDay(VENUE, "20260106"))
    assert "kill switch of participant ALFA is on: stop" in said(desk, "A: buy X 1 @9")
    for origin in (VENUE, NOBODY):
        assert "named person" in refusal(desk.handle(Unkill(origin, ALFA, "")))
    assert told(desk.handle(Unkill(SAM, ALFA, "checked")), KillSwitched)
    assert "New" in said(desk, "A: buy X2 1 @9")
    assert "is not on" in refusal(desk.handle(Unkill(SAM, ALFA, "again")))


def test_limits_tell_before_and_after_and_who() -> None:
    desk = Desk({})
    desk.handle(SetLimits(RITA, ACC1, TEN, "new account"))
    events = desk.handle(SetLimits(SAM, ACC1, TWENTY, "asked for"))
    assert told(events, LimitsChanged) == [LimitsChanged(SAM, ACC1, TEN, TWENTY, "asked for")]
    removed = desk.handle(SetLimits(SAM, ACC1, Limits(), "closed"))
    assert told(removed, LimitsChanged) == [LimitsChanged(SAM, ACC1, TWENTY, Limits(), "closed")]
    assert "New" in said(desk, "A: buy X 1000 @9 account=ACC1")


def test_configuration_does_not_overrule_a_person() -> None:
    desk = Desk({})
    desk.handle(SetLimits(VENUE, ACC1, TEN))
    assert told(desk.handle(SetLimits(VENUE, ACC1, TWENTY)), LimitsChanged)
    desk.handle(SetLimits(RITA, ACC1, TEN))
    events = desk.handle(SetLimits(VENUE, ACC1, TWENTY))
    assert not told(events, LimitsChanged)
    assert told(events, CommandDone) == [
        CommandDone(VENUE, "limits of account ACC1 of ALFA stay as rita set them")
    ]


RAISES = (
    (TEN, Limits(order_qty=15 * MICRO), False),
    (TEN, Limits(order_qty=15 * MICRO + 1), True),
    (TEN, Limits(order_qty=MICRO), False),
    (TEN, Limits(), True),
    (TEN, Limits(order_qty=10 * MICRO, long_qty=5), False),
    (Limits(), TEN, False),
    (Limits(duplicate_window=Nanos(10)), Limits(duplicate_window=Nanos(2)), True),
    (Limits(duplicate_window=Nanos(2)), Limits(duplicate_window=Nanos(10)), False),
    (
        Limits(values=(ValueLimits("USD", gross=10),)),
        Limits(values=(ValueLimits("USD", gross=16),)),
        True,
    ),
    (
        Limits(values=(ValueLimits("", gross=10),)),
        Limits(values=(ValueLimits("", gross=10), ValueLimits("USD", gross=16))),
        True,
    ),
)


@pytest.mark.parametrize(("before", "after", "waits"), RAISES)
def test_a_raise_above_the_bound_waits_for_a_second_person(
    before: Limits, after: Limits, waits: bool
) -> None:
    desk = Desk({})
    desk.handle(SetLimits(RITA, ACC1, before))
    desk.handle(FOUR_EYES)
    events = desk.handle(SetLimits(RITA, ACC1, after, "please"))
    assert bool(told(events, ProposalChanged)) is waits
    assert bool(told(events, LimitsChanged)) is not waits
    if not waits:
        return
    assert "rita's own" in refusal(desk.handle(ApproveProposal(RITA, 1)))
    for origin in (VENUE, NOBODY):
        assert "named person" in refusal(desk.handle(ApproveProposal(origin, 1)))
    desk.engine = Engine.restore(desk.engine.snapshot(), EngineSettings())
    events = desk.handle(ApproveProposal(SAM, 1))
    assert told(events, LimitsChanged) == [
        LimitsChanged(RITA, ACC1, before, after, "please", "sam")
    ]
    assert [each.state for each in events if isinstance(each, ProposalChanged)] == [
        ProposalState.APPROVED
    ]
    assert "does not wait" in refusal(desk.handle(ApproveProposal(SAM, 1)))


def test_the_default_of_every_account_counts_as_the_present_limit() -> None:
    desk = Desk({})
    desk.handle(SetLimits(RITA, Scope(ScopeKind.ACCOUNT, EACH, EACH), TEN))
    desk.handle(FOUR_EYES)
    events = desk.handle(SetLimits(RITA, ACC1, TWENTY))
    assert told(events, ProposalChanged)
    assert "Rejected" in said(desk, "A: buy X 15 @9 account=ACC1")


def test_an_override_waits_for_a_second_person_too() -> None:
    desk = Desk({})
    desk.handle(SetLimits(RITA, ALFA, TEN))
    desk.handle(FOUR_EYES)
    desk.handle(OverrideOrder(RITA, "A", "BIG", "block"))
    assert "Rejected" in said(desk, "A: buy BIG 50 @9")
    assert told(desk.handle(ApproveProposal(SAM, 1)), OverrideGiven)
    assert "New" in said(desk, "A: buy BIG 50 @9")
    desk.handle(OverrideOrder(RITA, "A", "BIG2", "block"))
    dismissed = desk.handle(DismissProposal(RITA, 2))
    assert [each.state for each in dismissed if isinstance(each, ProposalChanged)] == [
        ProposalState.DISMISSED
    ]
    assert "does not wait" in refusal(desk.handle(ApproveProposal(SAM, 2)))


def test_overrides_and_locates_are_of_one_day() -> None:
    desk = Desk({})
    desk.handle(SetLimits(RITA, ALFA, TEN))
    desk.handle(OverrideOrder(RITA, "A", "BIG", "block"))
    desk.handle(SetShortRule(RITA, ACME, ShortRule.LOCATE))
    desk.handle(SetLocate(RITA, "ALFA", "", ACME, Qty(100)))
    desk.handle(EndDay(VENUE))
    desk.handle(StartDay(VENUE, "20260106"))
    assert "Rejected" in said(desk, "A: buy BIG 50 @9")
    assert "needs a locate" in said(desk, "A: short S 1 @9")


WRONG: tuple[tuple[Command, str], ...] = (
    (SetLimits(RITA, ALL, TEN), "takes no limits"),
    (SetLimits(RITA, Scope(ScopeKind.PARTICIPANT, "NONE"), TEN), "'NONE' is not known"),
    (SetLimits(RITA, Scope(ScopeKind.SESSION, name="Q"), TEN), "session 'Q' is not known"),
    (SetLimits(RITA, Scope(ScopeKind.SESSION, name="A"), TEN), "takes no order_qty"),
    (SetLimits(RITA, ACC1, Limits(order_qty=-1)), "order_qty -1 is not 0 to"),
    (SetLimits(RITA, ACC1, Limits(message_rate=1)), "takes no message_rate"),
    (
        SetLimits(RITA, ACC1, Limits(values=(ValueLimits("USD", gross=10**19),))),
        "gross 10000000000000000000 is not",
    ),
    (
        SetLimits(RITA, ACC1, Limits(values=(ValueLimits("USD"), ValueLimits("USD")))),
        "currency USD occurs twice",
    ),
    (
        SetLimits(
            RITA,
            Scope(ScopeKind.ACCOUNT, "ALFA", "ACC1", ACME),
            Limits(values=(ValueLimits("USD", collateral=1),)),
        ),
        "kept over all instruments",
    ),
    (SetLimits(RITA, Scope(ScopeKind.INSTRUMENT, instrument_id=InstrumentId("Q@X")), TEN), "'Q@X'"),
    (Kill(RITA, Scope(ScopeKind.ACCOUNT, "ALFA", "A", ACME), True, "x"), "not both"),
    (Kill(RITA, Scope(ScopeKind.PARTICIPANT, EACH), True, "x"), "'*' is not known"),
    (SetRestricted(RITA, ACME, True, Scope(ScopeKind.SESSION, name="A")), "no restricted list"),
    (SetRestricted(RITA, InstrumentId("Q@X"), True), "'Q@X' is not listed"),
    (SetShortRule(RITA, InstrumentId("Q@X"), ShortRule.BANNED), "'Q@X' is not listed"),
    (SetLocate(RITA, "NONE", "", ACME, Qty(1)), "'NONE' is not known"),
    (SetLocate(RITA, "ALFA", "", ACME, Qty(-1)), "quantity -1 is not"),
    (SetMarketPrice(RITA, ACME, Price(0), Nanos(0), "feed"), "cannot be used"),
    (SetRiskPolicy(RITA, RiskPolicy(four_eyes_bp=-1)), "not below 0"),
    (SetRiskPolicy(RITA, RiskPolicy(market_price_max_age=Nanos(0))), "above 0"),
    (OverrideOrder(RITA, "Q", "X", ""), "session 'Q' is not known"),
    (ApproveProposal(RITA, 7), "proposal 7 does not wait"),
    (DismissProposal(RITA, 7), "proposal 7 does not wait"),
)


@pytest.mark.parametrize(("command", "why"), WRONG, ids=lambda each: str(each)[:60])
def test_what_cannot_be_done_is_refused_and_changes_nothing(command: Command, why: str) -> None:
    desk = Desk({})
    before = Engine.restore(desk.engine.snapshot(), EngineSettings())
    assert why in refusal(desk.handle(command))
    before.handle(EndDay(VENUE), desk.seq + 1, desk.time)
    desk.handle(EndDay(VENUE))
    assert desk.engine.state_hash() == before.state_hash()


def test_a_session_far_above_its_rate_is_told_of_once_a_second() -> None:
    desk = Desk({})
    desk.handle(SetRiskPolicy(RITA, RiskPolicy(abuse_after=3)))
    desk.handle(SetLimits(RITA, Scope(ScopeKind.SESSION, name=EACH), Limits(message_rate=2)))
    abused = []
    for number in range(12):
        command = desk._client("A", f"buy X{number} 1 @9")
        abused += told(desk.handle(command), SessionAbused)
    assert abused == [
        SessionAbused("A", "ALFA", "trader", "3 messages above the rate of session A in one second")
    ]
    for number in range(2):
        assert "Canceled" in said(desk, f"A: cancel C{number} of X{number}")


def test_an_instrument_that_has_traded_keeps_its_units() -> None:
    desk = Desk({})
    desk.say("A: buy X 5 @10")
    desk.say("B: sell Y 5 @10")
    finer = msgspec.structs.replace(desk.instrument, qty_decimals=2)
    assert "once it has traded" in refusal(desk.handle(DefineInstrument(VENUE, finer)))


def test_accounts_are_bounded_though_they_need_no_definition() -> None:
    desk = Desk({})
    desk.engine = Engine(EngineSettings(positions_max=2))
    for command in (
        DefineParticipant(VENUE, "ALFA"),
        DefineSession(VENUE, "A", "ALFA"),
        DefineInstrument(VENUE, desk.instrument),
        StartDay(VENUE, "20260105"),
        SetLimits(RITA, ALFA, TWENTY),
    ):
        desk.handle(command)
    for account in ("ONE", "TWO"):
        assert "New" in said(desk, f"A: buy {account} 1 @9 account={account}")
    assert "its limit of 2 positions" in said(desk, "A: buy X 1 @9 account=THREE")
    assert "its limit of 2 positions" in said(desk, "A: replace Y of TWO 1 @9 account=THREE")
    assert "New" in said(desk, "A: buy Z 1 @9 account=ONE")


@pytest.mark.parametrize("looser", [None, 5_001])
def test_nobody_alone_can_do_away_with_four_eyes(looser: int | None) -> None:
    desk = Desk({})
    desk.handle(FOUR_EYES)
    desk.handle(SetLimits(RITA, ACC1, TEN))
    events = desk.handle(SetRiskPolicy(RITA, RiskPolicy(four_eyes_bp=looser)))
    assert told(events, ProposalChanged)
    assert told(desk.handle(SetLimits(RITA, ACC1, Limits())), ProposalChanged)
    assert told(desk.handle(ApproveProposal(SAM, 1)), RiskPolicyChanged)
    assert told(desk.handle(SetRiskPolicy(RITA, RiskPolicy(four_eyes_bp=0))), RiskPolicyChanged)
