"""Risk and roles of a configuration: checked, and made into the engine's commands.

Owns: the checks between these keys and their texts, and the translation to scopes and limits.
Must not know: files, YAML, how limits are held.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

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
from fixoms.domain.ids import InstrumentId
from fixoms.domain.instrument import to_units
from fixoms.domain.limits import (
    EACH,
    LIMIT_MAX,
    Limits,
    Profile,
    RiskPolicy,
    Scope,
    ScopeKind,
    ShortRule,
    ValueLimits,
)
from fixoms.domain.units import MILLISECOND, SECOND, Nanos
from fixoms.settings import Settings
from fixoms.settings_risk import (
    LimitSettings,
    MoneySettings,
    ProfileSettings,
    RestrictedSettings,
    RiskSettings,
)

_MICRO_DECIMALS: Final = 6
_PERCENT_DECIMALS: Final = 2
_QUANTITIES: Final = ("order_qty", "long_qty", "short_qty")
_OF_ORDERS: Final = frozenset({"order_qty", "collar_percent", "money"})
_OF_HOLDERS: Final = frozenset(LimitSettings.__struct_fields__[5:]) - {"message_rate"}
_MONEY: Final = MoneySettings.__struct_fields__


def risk_mistakes(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every (key, text) of `risk` and `profiles` the types alone could not find."""
    risk = settings.risk
    percent = risk.four_eyes_percent
    if percent is not None and not _is_percent(percent):
        yield "risk.four_eyes_percent", _percent_text(percent)
    seen: dict[Scope, int] = {}
    for index, each in enumerate(risk.limits):
        key = f"risk.limits[{index}]"
        mistake = _scope_mistake(each, settings)
        if mistake:
            yield key, mistake
            continue
        scope = _scope(each, settings)
        if scope in seen:
            yield key, f"{scope.text} already has limits in risk.limits[{seen[scope]}]"
        seen.setdefault(scope, index)
        yield from _figure_mistakes(key, each, scope)
    for index, listed in enumerate(risk.restricted):
        key = f"risk.restricted[{index}]"
        if _instrument(listed.instrument, settings) is None:
            yield f"{key}.instrument", f"{listed.instrument!r} is not under `instruments`"
        if listed.participant and listed.participant not in settings.participants:
            yield f"{key}.participant", f"{listed.participant!r} is not a participant"
        if listed.account is not None and not listed.participant:
            yield f"{key}.account", "an account needs its participant"
    for name in risk.short_sales:
        if _instrument(name, settings) is None:
            yield "risk.short_sales", f"{name!r} is not under `instruments`"
    for name, profile in settings.profiles.items():
        yield from _profile_mistakes(f"profiles.{name}", profile, settings)


def _scope_mistake(each: LimitSettings, settings: Settings) -> str:
    if each.session:
        if each.participant or each.account is not None or each.client is not None:
            return "a session stands alone: its participant is known"
        known = each.session in settings.sessions or each.session == EACH
        return "" if known else f"{each.session!r} is not under `sessions`"
    if each.account is not None and each.client is not None:
        return "an account or a client, not both"
    holder = each.account is not None or each.client is not None
    if holder and not each.participant:
        return "an account or client needs its participant, or `*` for each"
    if not each.participant and not each.instrument:
        return "name a participant, account, client, session or instrument"
    if each.participant not in ("", EACH) and each.participant not in settings.participants:
        return f"{each.participant!r} is not a participant"
    if each.instrument and _instrument(each.instrument, settings) is None:
        return f"instrument {each.instrument!r} is not under `instruments`"
    if each.participant == EACH and holder and EACH not in (each.account, each.client):
        return "each participant goes with each account or client"
    return ""


def _figure_mistakes(key: str, each: LimitSettings, scope: Scope) -> Iterator[tuple[str, str]]:
    taken = _taken(scope)
    for name in LimitSettings.__struct_fields__[5:]:
        if getattr(each, name) not in (None, {}) and name not in taken:
            yield f"{key}.{name}", f"{scope.text} takes no {name}"
    for name in _QUANTITIES:
        value: Decimal | None = getattr(each, name)
        if value is not None and not _is_figure(value):
            yield f"{key}.{name}", _figure_text(value)
    if each.collar_percent is not None and not _is_percent(each.collar_percent):
        yield f"{key}.collar_percent", _percent_text(each.collar_percent)
    for currency, money in each.money.items():
        if currency != EACH and not (len(currency) == 3 and currency.isupper()):
            yield f"{key}.money", f"{currency!r} is neither a currency of ISO 4217 nor `*`"
        for name in _MONEY:
            value = getattr(money, name)
            if value is not None and not _is_figure(value):
                yield f"{key}.money.{currency}.{name}", _figure_text(value)
            narrow = scope.instrument_id and name not in ("order_value", "gross")
            wide = scope.kind is ScopeKind.INSTRUMENT and name != "order_value"
            if value is not None and (narrow or wide):
                yield f"{key}.money.{currency}.{name}", f"{scope.text} takes no {name}"


def _taken(scope: Scope) -> frozenset[str]:
    if scope.kind is ScopeKind.SESSION:
        return frozenset({"message_rate"})
    if scope.kind is ScopeKind.INSTRUMENT:
        return _OF_ORDERS
    if scope.instrument_id:
        return _OF_HOLDERS - {"duplicate_window_ms"}
    return _OF_HOLDERS | {"message_rate"} if scope.kind is ScopeKind.PARTICIPANT else _OF_HOLDERS


def _profile_mistakes(
    key: str, profile: ProfileSettings, settings: Settings
) -> Iterator[tuple[str, str]]:
    segments = {each.segment for each in settings.instruments}
    for name in profile.instruments or ():
        if name not in segments and _instrument(name, settings) is None:
            accepted = "a segment, SYMBOL or SYMBOL@MARKET of `instruments`"
            yield f"{key}.instruments", f"{name!r} is not allowed; allowed: {accepted}"
    for name in profile.participants:
        if name not in settings.participants:
            yield f"{key}.participants", f"{name!r} is not a participant"
    for name in profile.sessions:
        if name not in settings.sessions:
            yield f"{key}.sessions", f"{name!r} is not under `sessions`"
    for user, participant in profile.users.items():
        if participant not in settings.participants:
            text = f"user {user} is of {participant!r}, which is not a participant"
            yield f"{key}.users", text


def _is_figure(value: Decimal) -> bool:
    units = to_units(value, _MICRO_DECIMALS)
    return units is not None and 0 <= units <= LIMIT_MAX


def _figure_text(value: Decimal) -> str:
    most = Decimal(LIMIT_MAX).scaleb(-_MICRO_DECIMALS)
    return f"{value} is not allowed; allowed: 0 to {most:f} with at most {_MICRO_DECIMALS} decimals"


def _is_percent(value: Decimal) -> bool:
    return 0 <= value <= 1_000_000 and to_units(value, _PERCENT_DECIMALS) is not None


def _percent_text(value: Decimal) -> str:
    return f"{value} is not allowed; allowed: 0 to 1000000 with at most two decimals"


def _instrument(name: str, settings: Settings) -> InstrumentId | None:
    """The instrument id of SYMBOL or SYMBOL@MARKET, None for one the file does not list."""
    for each in settings.instruments:
        listed = InstrumentId(f"{each.symbol}@{each.market or settings.venue.market}")
        if name in (listed, each.symbol):
            return listed
    return None


def _scope(each: LimitSettings | RestrictedSettings, settings: Settings) -> Scope:
    instrument_id = InstrumentId("")
    if isinstance(each, LimitSettings):
        if each.session:
            return Scope(ScopeKind.SESSION, name=each.session)
        instrument_id = _instrument(each.instrument, settings) or instrument_id
        if each.client is not None:
            return Scope(ScopeKind.CLIENT, each.participant, each.client, instrument_id)
    if each.account is not None:
        return Scope(ScopeKind.ACCOUNT, each.participant, each.account, instrument_id)
    if each.participant:
        return Scope(ScopeKind.PARTICIPANT, each.participant, "", instrument_id)
    if isinstance(each, RestrictedSettings):
        return Scope(ScopeKind.ALL)
    return Scope(ScopeKind.INSTRUMENT, instrument_id=instrument_id)


def risk_commands(settings: Settings) -> list[Command]:
    """The commands that make the risk settings and roles of a checked file known to an engine."""
    risk = settings.risk
    commands: list[Command] = []
    policy = _policy(risk)
    if policy != RiskPolicy():
        commands.append(SetRiskPolicy(VENUE, policy))
    commands += [
        SetLimits(VENUE, _scope(each, settings), _limits(each), "configuration")
        for each in risk.limits
    ]
    for listed in risk.restricted:
        instrument_id = _instrument(listed.instrument, settings) or InstrumentId("")
        scope = _scope(listed, settings)
        commands.append(SetRestricted(VENUE, instrument_id, True, scope, listed.reason))
    for name, rule in risk.short_sales.items():
        instrument_id = _instrument(name, settings) or InstrumentId("")
        if rule is not ShortRule.ALLOWED:
            commands.append(SetShortRule(VENUE, instrument_id, rule))
    for name, profile in settings.profiles.items():
        commands += _profile_commands(name, profile, settings)
    return commands


def _policy(risk: RiskSettings) -> RiskPolicy:
    percent = risk.four_eyes_percent
    return RiskPolicy(
        four_eyes_bp=None if percent is None else to_units(percent, _PERCENT_DECIMALS),
        market_price_max_age=Nanos(risk.market_price_max_age_s * SECOND),
        stale_policy=risk.stale_market_price,
        abuse_after=risk.abuse_after,
    )


def _micro(value: Decimal | None) -> int | None:
    return None if value is None else to_units(value, _MICRO_DECIMALS)


def _limits(each: LimitSettings) -> Limits:
    collar, window = each.collar_percent, each.duplicate_window_ms
    return Limits(
        order_qty=_micro(each.order_qty),
        open_orders=each.open_orders,
        long_qty=_micro(each.long_qty),
        short_qty=_micro(each.short_qty),
        collar_bp=None if collar is None else to_units(collar, _PERCENT_DECIMALS),
        message_rate=each.message_rate,
        duplicate_window=None if window is None else Nanos(window * MILLISECOND),
        values=tuple(
            ValueLimits(
                currency="" if currency == EACH else currency,
                order_value=_micro(money.order_value),
                gross=_micro(money.gross),
                net=_micro(money.net),
                collateral=_micro(money.collateral),
                daily_value=_micro(money.daily_value),
            )
            for currency, money in each.money.items()
        ),
    )


def _profile_commands(name: str, profile: ProfileSettings, settings: Settings) -> Iterator[Command]:
    instruments = profile.instruments
    yield DefineProfile(
        VENUE,
        Profile(
            name,
            profile.msg_types,
            None if profile.ord_types is None else tuple(each.domain for each in profile.ord_types),
            None
            if profile.times_in_force is None
            else tuple(each.domain for each in profile.times_in_force),
            None
            if instruments is None
            else tuple(_instrument(each, settings) or each for each in instruments),
            profile.accounts,
            profile.may_rest,
            profile.may_amend,
        ),
    )
    for participant in profile.participants:
        yield AssignProfile(VENUE, Scope(ScopeKind.PARTICIPANT, participant), name)
    for session in profile.sessions:
        yield AssignProfile(VENUE, Scope(ScopeKind.SESSION, name=session), name)
    for user, participant in profile.users.items():
        yield AssignProfile(VENUE, Scope(ScopeKind.USER, participant, user), name)
