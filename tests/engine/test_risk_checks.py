"""Every check as a table a risk manager reads: what is limited, what was done, what is answered.

Lines are those of transcript.py. Sessions A and A2 are ALFA's, B is BETA's; prices have two
decimals, quantities none, and money is USD.
"""

from decimal import Decimal
from typing import NamedTuple

import msgspec
import pytest

from fixoms.domain.commands import (
    VENUE,
    Command,
    Kill,
    Origin,
    OverrideOrder,
    SetLimits,
    SetLocate,
    SetMarketPrice,
    SetReferencePrice,
    SetRestricted,
    SetRiskPolicy,
    SetShortRule,
    Unkill,
)
from fixoms.domain.events import Execution, RiskOverridden, RiskRefused
from fixoms.domain.limits import (
    EACH,
    MICRO,
    Check,
    Limits,
    RiskPolicy,
    Scope,
    ScopeKind,
    ShortRule,
    StalePolicy,
    ValueLimits,
)
from fixoms.domain.units import SECOND, Nanos, Price, Qty
from fixoms.engine.rules import EVALUATION

from .transcript import START, Desk

RITA = Origin(session="", participant="", user="rita")
ACC1 = Scope(ScopeKind.ACCOUNT, "ALFA", "ACC1")
ALFA = Scope(ScopeKind.PARTICIPANT, "ALFA")
ACME = Desk({}).instrument.instrument_id


def shares(count: int) -> int:
    return count * MICRO


def dollars(amount: str) -> int:
    return int(Decimal(amount) * MICRO)


def limits(scope: Scope, **figures: int) -> SetLimits:
    """Limits of a scope; figures of money are in USD."""
    money = ("order_value", "gross", "net", "collateral", "daily_value")
    values = {name: figure for name, figure in figures.items() if name in money}
    others = {name: figure for name, figure in figures.items() if name not in money}
    return SetLimits(
        RITA,
        scope,
        Limits(
            order_qty=others.get("order_qty"),
            open_orders=others.get("open_orders"),
            long_qty=others.get("long_qty"),
            short_qty=others.get("short_qty"),
            collar_bp=others.get("collar_bp"),
            message_rate=others.get("message_rate"),
            duplicate_window=Nanos(others["duplicate_window"])
            if "duplicate_window" in others
            else None,
            values=(
                ValueLimits(
                    "USD",
                    values.get("order_value"),
                    values.get("gross"),
                    values.get("net"),
                    values.get("collateral"),
                    values.get("daily_value"),
                ),
            )
            if values
            else (),
        ),
    )


class Case(NamedTuple):
    """`given` is set, `before` is accepted, `then` gets `answer` in its text; empty: accepted."""

    check: Check
    given: tuple[Command, ...]
    before: tuple[str, ...]
    then: str
    answer: str


MARKET_10 = SetMarketPrice(VENUE, ACME, Price(1000), START, "feed")
STRICT = SetRiskPolicy(RITA, RiskPolicy(stale_policy=StalePolicy.REJECT))

TABLE = (
    # One order.
    Case(
        Check.ORDER_QTY,
        (limits(ACC1, order_qty=shares(1000)),),
        (),
        "A: buy X 1500 @10 account=ACC1",
        "max order quantity of account ACC1 of ALFA is 1000, this order is 1500",
    ),
    Case(
        Check.ORDER_QTY,
        (limits(ACC1, order_qty=shares(1000)),),
        (),
        "A: buy X 1000 @10 account=ACC1",
        "",
    ),
    Case(
        Check.ORDER_QTY,
        (limits(ACC1, order_qty=shares(1000)),),
        (),
        "A: buy X 1500 @10 account=ACC2",
        "",
    ),
    Case(
        Check.ORDER_QTY,
        (limits(ACC1, order_qty=shares(1000)),),
        (),
        "B: buy X 1500 @10 account=ACC1",
        "",
    ),
    Case(
        Check.ORDER_QTY,
        (limits(Scope(ScopeKind.ACCOUNT, EACH, EACH), order_qty=shares(1000)),),
        (),
        "B: buy X 1500 @10 account=NEW1",
        "max order quantity of account NEW1 of BETA is 1000, this order is 1500",
    ),
    Case(
        Check.ORDER_QTY,
        (limits(Scope(ScopeKind.INSTRUMENT, instrument_id=ACME), order_qty=shares(50)),),
        (),
        "B: buy X 60 @10",
        "max order quantity of instrument ACME@XFOM is 50, this order is 60",
    ),
    Case(
        Check.ORDER_QTY,
        (limits(ACC1, order_qty=shares(1000)),),
        ("A: buy X 900 @10 account=ACC1",),
        "A: replace Y of X 1100 @10 account=ACC1",
        "max order quantity of account ACC1 of ALFA is 1000, this order is 1100",
    ),
    Case(
        Check.ORDER_VALUE,
        (limits(ALFA, order_value=dollars("9999.99")),),
        (),
        "A: buy X 1000 @10",
        "max order value of participant ALFA is 9999.99 USD, this order is 10000 USD",
    ),
    Case(
        Check.ORDER_VALUE,
        (limits(ALFA, order_value=dollars("100")), MARKET_10),
        (),
        "A: buy X 11 market tif=IOC",
        "max order value of participant ALFA is 100 USD, this order is 110 USD",
    ),
    Case(
        Check.COLLAR,
        (limits(ALFA, collar_bp=500), SetReferencePrice(VENUE, ACME, Price(1000))),
        (),
        "A: buy X 10 @10.51",
        "price collar of participant ALFA is 5 % round 10.00, Price(44) 10.51 is 5.1 % away",
    ),
    Case(
        Check.COLLAR,
        (limits(ALFA, collar_bp=500), SetReferencePrice(VENUE, ACME, Price(1000))),
        (),
        "A: sell X 10 @9.5",
        "",
    ),
    Case(Check.COLLAR, (limits(ALFA, collar_bp=500),), (), "A: sell X 10 @95", ""),
    Case(
        Check.COLLAR,
        (limits(ALFA, collar_bp=500), SetReferencePrice(VENUE, ACME, Price(500)), MARKET_10),
        (),
        "A: sell X 10 @9.6",
        "",
    ),
    # What works and what is held.
    Case(
        Check.OPEN_ORDERS,
        (limits(ACC1, open_orders=2),),
        ("A: buy X 1 @9 account=ACC1", "A: buy Y 1 account=ACC1 type=stop stop=20"),
        "A2: sell Z 1 @19 account=ACC1",
        "max open orders of account ACC1 of ALFA is 2: 2 used, this order adds 1, headroom 0",
    ),
    Case(
        Check.OPEN_ORDERS,
        (limits(ACC1, open_orders=1),),
        ("A: buy X 1 @9 account=ACC1", "A: cancel Y of X"),
        "A: buy Z 1 @9 account=ACC1",
        "",
    ),
    Case(
        Check.POSITION,
        (limits(ACC1, long_qty=shares(100)),),
        ("A: buy X 60 @10 account=ACC1", "B: sell S 40 @10"),
        "A: buy Z 50 @9 account=ACC1",
        "max long position of account ACC1 of ALFA in ACME@XFOM is 100: 60 used, this order adds"
        " 50, headroom 40",
    ),
    Case(
        Check.POSITION,
        (limits(ACC1, long_qty=shares(100)),),
        ("A: buy X 60 @10 account=ACC1", "B: sell S 60 @10"),
        "A: sell Z 500 @11 account=ACC1",
        "",
    ),
    Case(
        Check.POSITION,
        (limits(Scope(ScopeKind.PARTICIPANT, "ALFA", "", ACME), short_qty=shares(10)),),
        ("A: sell X 6 @10 account=ACC1",),
        "A2: short Y 5 @10 account=ACC2",
        "max short position of participant ALFA in ACME@XFOM is 10: 6 used, this order adds 5,"
        " headroom 4",
    ),
    Case(
        Check.POSITION,
        (limits(ACC1, long_qty=shares(100)),),
        ("A: buy X 100 @10 account=ACC1",),
        "A: replace Y of X 100 @10.5 account=ACC1",
        "",
    ),
    Case(
        Check.POSITION,
        (limits(ACC1, long_qty=shares(100)),),
        ("A: buy X 100 @10 account=ACC1",),
        "A: replace Y of X 101 @10 account=ACC1",
        "max long position of account ACC1 of ALFA in ACME@XFOM is 100: 100 used, this order adds"
        " 1, headroom 0",
    ),
    Case(
        Check.GROSS,
        (limits(ALFA, gross=dollars("1000")),),
        ("A: buy X 60 @10",),
        "A: buy Y 50 @10",
        "max gross exposure of participant ALFA is 1000 USD: 600 USD used, this order adds 500 USD,"
        " headroom 400 USD",
    ),
    Case(
        Check.GROSS,
        (limits(ALFA, gross=dollars("1000")),),
        ("A: buy X 60 @10",),
        "A: sell Y 60 @11",
        "",
    ),
    Case(
        Check.NET,
        (limits(ALFA, net=dollars("1000")),),
        ("A: buy X 60 @10",),
        "A: buy Y 41 @10",
        "max net exposure of participant ALFA is 1000 USD: 600 USD used, this order adds 410 USD,"
        " headroom 400 USD",
    ),
    Case(
        Check.COLLATERAL,
        (limits(ACC1, collateral=dollars("1000")),),
        ("A: buy X 60 @10 account=ACC1", "B: sell S 60 @10"),
        "A: buy Y 41 @10 account=ACC1",
        "collateral of account ACC1 of ALFA is 1000 USD: 600 USD used, this order adds 410 USD,"
        " headroom 400 USD (initial margin less profit)",
    ),
    Case(
        Check.COLLATERAL,
        (limits(ACC1, collateral=dollars("1000")),),
        ("A: buy X 100 @10 account=ACC1", "B: sell S 100 @10"),
        "A: sell Y 100 @10 account=ACC1",
        "",
    ),
    Case(
        Check.DAILY_VALUE,
        (limits(ALFA, daily_value=dollars("1000")),),
        ("A: buy X 60 @10", "B: sell S 60 @10", "A: sell Y 30 @10"),
        "A: sell Z 11 @10",
        "max daily value of participant ALFA is 1000 USD: 900 USD used, this order adds 110 USD,"
        " headroom 100 USD",
    ),
    # What is no figure.
    Case(
        Check.MESSAGE_RATE,
        (limits(Scope(ScopeKind.SESSION, name="A"), message_rate=2),),
        ("A: buy X 1 @9", "A: replace Y of X 2 @9"),
        "A: buy Z 1 @9",
        "session A has sent its limit of 2 new orders and replaces in this second",
    ),
    Case(
        Check.MESSAGE_RATE,
        (limits(Scope(ScopeKind.SESSION, name="A"), message_rate=1),),
        ("A: buy X 1 @9", "A: cancel Y of X", "venue: wait 1"),
        "A: buy Z 1 @9",
        "",
    ),
    Case(
        Check.KILL_SWITCH,
        (Kill(RITA, ACC1, cancel_resting=False, reason="runaway"),),
        (),
        "A: buy X 1 @9 account=ACC1",
        "the kill switch of account ACC1 of ALFA is on: runaway",
    ),
    Case(
        Check.KILL_SWITCH,
        (Kill(RITA, ACC1, cancel_resting=False, reason="runaway"),),
        (),
        "A: buy X 1 @9 account=ACC2",
        "",
    ),
    Case(
        Check.RESTRICTED,
        (SetRestricted(RITA, ACME, True, ALFA, "merger"),),
        (),
        "A: buy X 1 @9",
        "ACME@XFOM is on the restricted list of participant ALFA",
    ),
    Case(Check.RESTRICTED, (SetRestricted(RITA, ACME, True, ALFA),), (), "B: buy X 1 @9", ""),
    Case(
        Check.SHORT_SALE,
        (SetShortRule(RITA, ACME, ShortRule.BANNED),),
        (),
        "A: short X 1 @9",
        "ACME@XFOM may not be sold short",
    ),
    Case(
        Check.SHORT_SALE,
        (
            SetShortRule(RITA, ACME, ShortRule.LOCATE),
            SetLocate(RITA, "ALFA", "ACC1", ACME, Qty(10)),
        ),
        ("A: short X 6 @9 account=ACC1", "B: buy B1 2 @9"),
        "A: short Y 5 @9 account=ACC1",
        "10 located for account 'ACC1' today, 6 used, this order adds 5",
    ),
    Case(
        Check.SHORT_SALE,
        (
            SetShortRule(RITA, ACME, ShortRule.LOCATE),
            SetLocate(RITA, "ALFA", "ACC1", ACME, Qty(10)),
        ),
        ("A: short X 6 @9 account=ACC1", "B: buy B1 2 @9", "A: cancel XC of X"),
        "A: short Y 8 @9 account=ACC1",
        "",
    ),
    Case(
        Check.MARKET_PRICE,
        (STRICT, MARKET_10),
        ("venue: wait 61",),
        "A: buy X 1 @9",
        "the market price of ACME@XFOM from feed is older than 60 s",
    ),
    Case(Check.MARKET_PRICE, (STRICT, MARKET_10), ("venue: wait 60",), "A: buy X 1 @9", ""),
    Case(
        Check.DUPLICATE,
        (limits(ALFA, duplicate_window=2 * SECOND),),
        ("A: buy X 1 @9", "venue: wait 1"),
        "A2: buy Y 1 @9",
        "an order of the same side, price and quantity came less than 2 s ago (participant ALFA)",
    ),
    Case(
        Check.DUPLICATE,
        (limits(ALFA, duplicate_window=2 * SECOND),),
        ("A: buy X 1 @9", "venue: wait 2"),
        "A2: buy Y 1 @9",
        "",
    ),
    Case(
        Check.DUPLICATE,
        (limits(ALFA, duplicate_window=2 * SECOND),),
        ("A: buy X 1 @9",),
        "A2: sell Y 1 @9",
        "",
    ),
)


def desk_with(given: tuple[Command, ...], before: tuple[str, ...]) -> Desk:
    desk = Desk({})
    for command in given:
        desk.handle(command)
    for line in before:
        for told in desk.say(line):
            assert "Rejected" not in told, told
            assert "refused" not in told, told
    return desk


@pytest.mark.parametrize("case", TABLE, ids=lambda each: f"{each.check}: {each.then}")
def test_a_check_refuses_what_passes_it_and_nothing_else(case: Case) -> None:
    desk = desk_with(case.given, case.before)
    told = " / ".join(desk.say(case.then))
    if case.answer:
        assert case.answer in told
        assert "Rejected" in told
    else:
        assert "Rejected" not in told


def test_every_check_is_in_the_table() -> None:
    """The permissions have a table of their own, test_risk_roles.py."""
    refusing = {case.check for case in TABLE if case.answer}
    assert refusing == set(Check) - {Check.PERMISSION}
    assert {row.check for row in EVALUATION} == set(Check)


def test_the_first_check_of_the_evaluation_order_is_the_reason() -> None:
    """All are broken at once; each is lifted in turn, and the next one of the table speaks."""
    replace = msgspec.structs.replace
    desk = Desk({})
    session = Scope(ScopeKind.SESSION, name="A")
    money = ValueLimits("USD", 0, 0, 0, 0, 0)
    broken = Limits(
        order_qty=0,
        open_orders=0,
        short_qty=0,
        collar_bp=0,
        duplicate_window=Nanos(SECOND),
        values=(money,),
    )
    desk.handle(SetReferencePrice(VENUE, ACME, Price(1000)))
    desk.handle(limits(ALFA, duplicate_window=SECOND))
    desk.say("A: short TWIN 5 @9")
    for command in (
        limits(session, message_rate=0),
        SetRestricted(RITA, ACME, True),
        SetShortRule(RITA, ACME, ShortRule.BANNED),
        STRICT,
        SetMarketPrice(VENUE, ACME, Price(1000), Nanos(START - 99 * SECOND), "feed"),
        SetLimits(RITA, ALFA, broken),
        Kill(RITA, ALFA, cancel_resting=False, reason="all at once"),
    ):
        desk.handle(command)
    lifts: list[tuple[Check, Command]] = [
        (Check.MESSAGE_RATE, limits(session)),
        (Check.KILL_SWITCH, Unkill(RITA, ALFA, "go on")),
        (Check.RESTRICTED, SetRestricted(RITA, ACME, False)),
        (Check.SHORT_SALE, SetShortRule(RITA, ACME, ShortRule.ALLOWED)),
        (Check.MARKET_PRICE, SetRiskPolicy(RITA, RiskPolicy())),
    ]
    for check, lifted in (
        (Check.DUPLICATE, broken := replace(broken, duplicate_window=None)),
        (Check.ORDER_QTY, broken := replace(broken, order_qty=None)),
        (
            Check.ORDER_VALUE,
            broken := replace(broken, values=(money := replace(money, order_value=None),)),
        ),
        (Check.COLLAR, broken := replace(broken, collar_bp=None)),
        (Check.OPEN_ORDERS, broken := replace(broken, open_orders=None)),
        (Check.POSITION, broken := replace(broken, short_qty=None)),
        (Check.GROSS, broken := replace(broken, values=(money := replace(money, gross=None),))),
        (Check.NET, broken := replace(broken, values=(money := replace(money, net=None),))),
        (
            Check.COLLATERAL,
            broken := replace(broken, values=(money := replace(money, collateral=None),)),
        ),
        (Check.DAILY_VALUE, Limits()),
    ):
        lifts.append((check, SetLimits(RITA, ALFA, lifted)))
    seen = []
    for number, (_, lift) in enumerate(lifts):
        seen.append(_reason(desk, f"L{number}"))
        desk.handle(lift)
    assert seen == [check for check, _ in lifts]
    assert seen == [row.check for row in EVALUATION if row.check is not Check.PERMISSION]
    assert "Rejected" not in " ".join(desk.say("A: short LAST 5 @9"))


def _reason(desk: Desk, name: str) -> Check:
    command = desk._client("A", f"short {name} 5 @9")
    refused = [each for each in desk.handle(command) if isinstance(each, RiskRefused)]
    assert len(refused) == 1
    return refused[0].check


def test_an_override_lets_one_order_pass_once() -> None:
    desk = desk_with((limits(ALFA, order_qty=shares(10), long_qty=shares(10)),), ())
    desk.handle(OverrideOrder(RITA, "A", "BIG", "block trade"))
    events = desk.handle(desk._client("A", "buy BIG 50 @10"))
    assert [each.check for each in events if isinstance(each, RiskOverridden)] == [Check.ORDER_QTY]
    assert any(isinstance(each, Execution) and each.order_id for each in events)
    assert "Trade 50@10 Filled" in " ".join(desk.say("B: sell S 50 @10"))
    assert "Rejected" in " ".join(desk.say("A: buy BIG2 50 @10"))


def test_an_override_does_not_lift_the_kill_switch() -> None:
    desk = desk_with((Kill(RITA, ALFA, cancel_resting=False, reason="stop"),), ())
    desk.handle(OverrideOrder(RITA, "A", "BIG", "block trade"))
    assert "kill switch of participant ALFA" in " ".join(desk.say("A: buy BIG 50 @10"))


def test_a_limit_lowered_below_use_stops_new_risk_and_not_what_reduces() -> None:
    desk = desk_with(
        (limits(ACC1, long_qty=shares(100)),),
        ("A: buy X 60 @10 account=ACC1", "B: sell S 60 @10", "A: buy W 40 @9 account=ACC1"),
    )
    desk.handle(limits(ACC1, long_qty=shares(50)))
    assert "Rejected" in " ".join(desk.say("A: buy Y 1 @8 account=ACC1"))
    assert "Rejected" not in " ".join(desk.say("A: replace W2 of W 30 @8.9 account=ACC1"))
    assert "Rejected" not in " ".join(desk.say("A: sell Z 60 @11 account=ACC1"))
    told = " ".join(desk.say("B: sell S2 30 @8.9"))
    assert "a trade would carry the position past its limit" in told
    assert "Trade" not in told.replace("a trade", "")


def test_a_list_is_judged_leg_by_leg_with_the_legs_before_counted_in() -> None:
    desk = desk_with((limits(ALFA, long_qty=shares(15)),), ())
    told = " ".join(desk.say("A: list L oco: buy X 10 @9 | buy Y 10 @8"))
    assert "15: 10 used, this order adds 10, headroom 5" in told
    assert "X Rejected" in told
    assert "Rejected" not in " ".join(desk.say("A: buy Z 15 @9"))


def test_exposures_of_two_currencies_do_not_add_up() -> None:
    euro = Scope(ScopeKind.PARTICIPANT, "ALFA")
    desk = desk_with(
        (SetLimits(RITA, euro, Limits(values=(ValueLimits("EUR", gross=1),))),),
        (),
    )
    assert "Rejected" not in " ".join(desk.say("A: buy X 10 @10"))


def test_what_a_check_tells_is_told_in_numbers_too() -> None:
    desk = desk_with((limits(ALFA, gross=dollars("1000")),), ("A: buy X 60 @10",))
    events = desk.handle(desk._client("A", "buy Y 50 @10"))
    told = next(each for each in events if isinstance(each, RiskRefused))
    assert (told.check, told.scope) == (Check.GROSS, ALFA)
    assert (told.limit, told.use) == (dollars("1000"), dollars("1100"))
