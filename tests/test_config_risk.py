"""`risk:` and `profiles:` of a configuration: what they become, and what is a mistake."""

from pathlib import Path

import pytest

from fixoms.config import Config, ConfigError, parse
from fixoms.domain.commands import (
    VENUE,
    AssignProfile,
    Command,
    DefineProfile,
    SetLimits,
    SetRestricted,
    SetRiskPolicy,
    SetShortRule,
)
from fixoms.domain.enums import OrdType, TimeInForce
from fixoms.domain.events import CommandRefused
from fixoms.domain.ids import InstrumentId
from fixoms.domain.limits import (
    EACH,
    MICRO,
    Limits,
    Profile,
    RiskPolicy,
    Scope,
    ScopeKind,
    ShortRule,
    StalePolicy,
    ValueLimits,
)
from fixoms.domain.units import MILLISECOND, SECOND, Nanos
from fixoms.engine.engine import Engine, EngineSettings

BASE = """
participants: {ALPHA: {}, BRAVO: {}}
sessions: {A1: {participant: ALPHA}}
instruments: [{symbol: ACME}, {symbol: GLOBEX, segment: OTHER}]
"""
ACME = InstrumentId("ACME@XFOM")
RISK_TYPES = (
    SetLimits,
    SetRestricted,
    SetRiskPolicy,
    SetShortRule,
    DefineProfile,
    AssignProfile,
)


def read(text: str) -> Config:
    return parse(BASE + text, Path("venue.yaml"))


def commands(text: str) -> list[Command]:
    """The risk commands of a configuration, each of which an engine takes."""
    engine = Engine(EngineSettings())
    given = read(text).definitions()
    for seq, command in enumerate(given, 1):
        events = engine.handle(command, seq, Nanos(seq))
        assert not any(isinstance(each, CommandRefused) for each in events), events
    return [each for each in given if isinstance(each, RISK_TYPES)]


def test_nothing_configured_is_nothing_checked() -> None:
    assert commands("") == []


LIMITS = (
    (
        '{participant: "*", account: "*", order_qty: 10.5, open_orders: 3}',
        Scope(ScopeKind.ACCOUNT, EACH, EACH),
        Limits(order_qty=10_500_000, open_orders=3),
    ),
    (
        "{participant: ALPHA, message_rate: 5, duplicate_window_ms: 250, collar_percent: 2.5}",
        Scope(ScopeKind.PARTICIPANT, "ALPHA"),
        Limits(message_rate=5, duplicate_window=Nanos(250 * MILLISECOND), collar_bp=250),
    ),
    (
        '{participant: ALPHA, client: C7, money: {USD: {gross: 0.01}, "*": {net: 5}}}',
        Scope(ScopeKind.CLIENT, "ALPHA", "C7"),
        Limits(values=(ValueLimits("USD", gross=10_000), ValueLimits("", net=5 * MICRO))),
    ),
    (
        "{participant: ALPHA, account: X, instrument: ACME, long_qty: 1, short_qty: 0}",
        Scope(ScopeKind.ACCOUNT, "ALPHA", "X", ACME),
        Limits(long_qty=MICRO, short_qty=0),
    ),
    (
        "{instrument: ACME@XFOM, order_qty: 7}",
        Scope(ScopeKind.INSTRUMENT, instrument_id=ACME),
        Limits(order_qty=7 * MICRO),
    ),
    (
        "{session: A1, message_rate: 5}",
        Scope(ScopeKind.SESSION, name="A1"),
        Limits(message_rate=5),
    ),
)


@pytest.mark.parametrize(("entry", "scope", "limits"), LIMITS)
def test_limits_become_commands(entry: str, scope: Scope, limits: Limits) -> None:
    assert commands(f"risk: {{limits: [{entry}]}}") == [
        SetLimits(VENUE, scope, limits, "configuration")
    ]


def test_policy_lists_and_short_sales_become_commands() -> None:
    assert commands(
        """
risk:
  four_eyes_percent: 50
  stale_market_price: reject
  market_price_max_age_s: 5
  abuse_after: 9
  restricted: [{instrument: ACME, participant: ALPHA, account: X, reason: merger}]
  short_sales: {GLOBEX: banned, ACME: allowed}
"""
    ) == [
        SetRiskPolicy(VENUE, RiskPolicy(5_000, Nanos(5 * SECOND), StalePolicy.REJECT, 9)),
        SetRestricted(VENUE, ACME, True, Scope(ScopeKind.ACCOUNT, "ALPHA", "X"), "merger"),
        SetShortRule(VENUE, InstrumentId("GLOBEX@XFOM"), ShortRule.BANNED),
    ]


def test_profiles_become_roles() -> None:
    assert commands(
        """
profiles:
  maker:
    msg_types: [D, F]
    ord_types: [limit]
    times_in_force: [fill-or-kill]
    instruments: [ACME, OTHER]
    accounts: [HOUSE]
    may_rest: false
    may_amend: false
    participants: [BRAVO]
    sessions: [A1]
    users: {alice: ALPHA}
"""
    ) == [
        DefineProfile(
            VENUE,
            Profile(
                "maker",
                ("D", "F"),
                (OrdType.LIMIT,),
                (TimeInForce.FILL_OR_KILL,),
                (ACME, "OTHER"),
                ("HOUSE",),
                may_rest=False,
                may_amend=False,
            ),
        ),
        AssignProfile(VENUE, Scope(ScopeKind.PARTICIPANT, "BRAVO"), "maker"),
        AssignProfile(VENUE, Scope(ScopeKind.SESSION, name="A1"), "maker"),
        AssignProfile(VENUE, Scope(ScopeKind.USER, "ALPHA", "alice"), "maker"),
    ]


MISTAKES = (
    ("risk: {limits: [{order_qty: 5}]}", "name a participant, account, client, session or"),
    ("risk: {limits: [{participant: GAMMA, order_qty: 5}]}", "'GAMMA' is not a participant"),
    ("risk: {limits: [{account: X, order_qty: 5}]}", "needs its participant"),
    ("risk: {limits: [{participant: ALPHA, account: X, client: C}]}", "not both"),
    ('risk: {limits: [{participant: "*", account: X}]}', "each account or client"),
    ("risk: {limits: [{session: B9, message_rate: 5}]}", "'B9' is not under `sessions`"),
    ("risk: {limits: [{session: A1, order_qty: 5}]}", "session A1 takes no order_qty"),
    ("risk: {limits: [{session: A1, participant: ALPHA}]}", "a session stands alone"),
    ("risk: {limits: [{instrument: ACME, open_orders: 5}]}", "takes no open_orders"),
    ("risk: {limits: [{instrument: HOOLI, order_qty: 5}]}", "'HOOLI' is not under"),
    ("risk: {limits: [{participant: ALPHA, order_qty: -5}]}", "-5 is not allowed"),
    ("risk: {limits: [{participant: ALPHA, order_qty: 0.0000001}]}", "at most 6 decimals"),
    ("risk: {limits: [{participant: ALPHA, collar_percent: 1.005}]}", "at most two decimals"),
    ("risk: {limits: [{participant: ALPHA, money: {usd: {gross: 5}}}]}", "'usd' is neither"),
    ("risk: {limits: [{participant: ALPHA, money: {USD: {gross: -5}}}]}", "-5 is not allowed"),
    (
        "risk: {limits: [{participant: ALPHA, instrument: ACME, money: {USD: {net: 5}}}]}",
        "takes no net",
    ),
    (
        "risk: {limits: [{participant: ALPHA, order_qty: 5}, {participant: ALPHA, order_qty: 6}]}",
        "already has limits in risk.limits[0]",
    ),
    ("risk: {four_eyes_percent: -1}", "-1 is not allowed"),
    ("risk: {restricted: [{instrument: HOOLI}]}", "'HOOLI' is not under `instruments`"),
    ("risk: {restricted: [{instrument: ACME, participant: GAMMA}]}", "not a participant"),
    ("risk: {restricted: [{instrument: ACME, account: X}]}", "an account needs its participant"),
    ("risk: {short_sales: {HOOLI: banned}}", "'HOOLI' is not under `instruments`"),
    ("profiles: {p: {instruments: [HOOLI]}}", "a segment, SYMBOL or SYMBOL@MARKET"),
    ("profiles: {p: {participants: [GAMMA]}}", "'GAMMA' is not a participant"),
    ("profiles: {p: {sessions: [B9]}}", "'B9' is not under `sessions`"),
    ("profiles: {p: {users: {bob: GAMMA}}}", "user bob is of 'GAMMA'"),
)


@pytest.mark.parametrize(("text", "said"), MISTAKES)
def test_a_mistake_is_named(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(text)
    assert said in str(raised.value)
