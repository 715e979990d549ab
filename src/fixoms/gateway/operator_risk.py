"""The risk manager's words at the desk: scopes, limits, kill switch, lists, proposals, prices.

Owns: how they are written and the command each becomes.
Must not know: how a limit is checked, who may say a word (operator_words.py).

A scope is one word: `all`, `participant=ALPHA`, `account=ALPHA/ACC1`, `client=ALPHA/C7`,
`user=ALPHA/alice`, `session=ALPHA1`, `symbol=ACME`; `symbol=` after a participant, an account or a
client narrows it to one instrument, and `*` stands for each. Quantities are shares, money is whole
units of the currency with its decimals, `collar-percent` is in percent, `duplicate-s` in seconds.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec

from fixoms.domain.commands import (
    ApproveProposal,
    AssignProfile,
    Command,
    DismissProposal,
    Kill,
    Origin,
    OverrideOrder,
    SetLimits,
    SetLocate,
    SetMarketPrice,
    SetRestricted,
    SetShortRule,
    Unkill,
)
from fixoms.domain.ids import InstrumentId
from fixoms.domain.instrument import Instrument, to_units
from fixoms.domain.limits import (
    ALL,
    EACH,
    LIMIT_MAX,
    MICRO,
    NO_LIMITS,
    Limits,
    Scope,
    ScopeKind,
    ShortRule,
    ValueLimits,
)
from fixoms.domain.units import PRICE_MAX, QTY_MAX, SECOND, Nanos, Price, Qty
from fixoms.domain.wording import utc_text
from fixoms.engine.engine import Engine
from fixoms.gateway.operator_words import WORDS, Answer, Misspoken

_KINDS: Final = {
    "participant": ScopeKind.PARTICIPANT,
    "account": ScopeKind.ACCOUNT,
    "client": ScopeKind.CLIENT,
    "user": ScopeKind.USER,
    "session": ScopeKind.SESSION,
}
_NAMED: Final = frozenset({ScopeKind.ACCOUNT, ScopeKind.CLIENT, ScopeKind.USER})
_NARROWED: Final = frozenset({ScopeKind.PARTICIPANT, ScopeKind.ACCOUNT, ScopeKind.CLIENT})

_FIGURES: Final = {
    "order-qty": ("order_qty", MICRO),
    "open-orders": ("open_orders", 1),
    "long-qty": ("long_qty", MICRO),
    "short-qty": ("short_qty", MICRO),
    "collar-percent": ("collar_bp", 100),
    "message-rate": ("message_rate", 1),
    "duplicate-s": ("duplicate_window", SECOND),
}
"""Limits of a number: their field, and how many of its units are one of the word's."""

_MONEY: Final = {
    "order-value": "order_value",
    "gross": "gross",
    "net": "net",
    "collateral": "collateral",
    "daily-value": "daily_value",
}
"""Limits of money, `gross=5000000` in each currency or `gross.USD=5000000` in one."""

_NO_LIMIT: Final = "none"
_NO_ROLE: Final = "none"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class RiskWords:
    """Turns the risk manager's words into commands, and reads what was set."""

    def __init__(
        self,
        engine: Engine,
        instrument: Callable[[str], Instrument],
        now: Callable[[], Nanos],
    ) -> None:
        self._engine = engine
        self._instrument = instrument
        self._now = now

    def hear(self, word: str, rest: list[str], origin: Origin) -> Command | Answer | None:
        """Make the command or the answer of a word; None when it is none of these.

        Raises Misspoken, and IndexError when something is missing.
        """
        match word:
            case "kill":
                scope, rest = self._scope(rest)
                cancels = rest[:1] == ["cancel"]
                return Kill(origin, scope, cancels, _why(word, rest[cancels:]))
            case "unkill":
                scope, rest = self._scope(rest)
                return Unkill(origin, scope, _why(word, rest))
            case "kills":
                return self._kills()
            case "limits":
                return self._limits(self._scope(rest)[0] if rest else None)
            case "headroom":
                return self._headroom([self._scope(rest)[0]] if rest else None)
            case "limits set":
                scope, rest = self._scope(rest)
                return self._set_limits(scope, rest, origin)
            case "limits remove":
                scope, rest = self._scope(rest)
                return SetLimits(origin, scope, NO_LIMITS, " ".join(rest))
            case "proposals":
                return self._proposals()
            case "approve":
                return ApproveProposal(origin, _number(rest[0]))
            case "dismiss":
                return DismissProposal(origin, _number(rest[0]), " ".join(rest[1:]))
            case "override":
                return OverrideOrder(origin, rest[0], rest[1], _why(word, rest[2:]))
            case _:
                return self._lists(word, rest, origin)

    def _lists(self, word: str, rest: list[str], origin: Origin) -> Command | None:
        match word:
            case "restrict" | "unrestrict":
                instrument_id = self._instrument(rest[0]).instrument_id
                # A reason comes after a scope, so that a misspelt scope is never taken for one.
                scope, words = self._scope(rest[1:]) if len(rest) > 1 else (ALL, [])
                restricted = word == "restrict"
                return SetRestricted(origin, instrument_id, restricted, scope, " ".join(words))
            case "short":
                try:
                    rule = ShortRule(rest[1])
                except ValueError:
                    raise Misspoken(f"usage: {WORDS[word].usage}") from None
                return SetShortRule(origin, self._instrument(rest[0]).instrument_id, rule)
            case "locate":
                instrument = self._instrument(rest[2])
                qty = _units(rest[3], instrument.qty_decimals, QTY_MAX, zero=True)
                account = "" if rest[1] == "-" else rest[1]
                iid = instrument.instrument_id
                return SetLocate(origin, rest[0], account, iid, Qty(qty), " ".join(rest[4:]))
            case "assign":
                scope, rest = self._scope(rest)
                return AssignProfile(origin, scope, "" if rest[0] == _NO_ROLE else rest[0])
            case "market-price":
                return self._market_price(rest, origin)
            case _:
                return None

    def _market_price(self, rest: list[str], origin: Origin) -> SetMarketPrice:
        instrument = self._instrument(rest[0])
        price = _units(rest[1], instrument.price_decimals, PRICE_MAX)
        as_of, source = self._now(), origin.user
        for word in rest[2:]:
            key, _, value = word.partition("=")
            if key == "time":
                as_of = parse_utc(value)
            elif key == "source" and value:
                source = value
            else:
                raise Misspoken(f"usage: {WORDS['market-price'].usage}")
        return SetMarketPrice(origin, instrument.instrument_id, Price(price), as_of, source)

    def _scope(self, words: Sequence[str]) -> tuple[Scope, list[str]]:
        """The scope that the first one or two words name, and what follows."""
        first, rest = words[0], list(words[1:])
        if first == "all":
            return ALL, rest
        key, equals, name = first.partition("=")
        if key == "symbol" and equals:
            return Scope(ScopeKind.INSTRUMENT, instrument_id=self._id(name)), rest
        kind = _KINDS.get(key)
        if kind is None or not name:
            raise Misspoken(
                f"{first!r} is no scope: all, participant=P, account=P/A, client=P/C, user=P/U, "
                "session=S or symbol=S"
            )
        if kind is ScopeKind.SESSION:
            return Scope(kind, name=name), rest
        participant, slash, part = name.partition("/")
        if bool(slash) != (kind in _NAMED):
            raise Misspoken(f"{first!r} is not written {key}=PARTICIPANT{'/NAME' * (not slash)}")
        instrument_id = InstrumentId("")
        if kind in _NARROWED and rest and rest[0].startswith("symbol="):
            instrument_id = self._id(rest.pop(0).partition("=")[2])
        return Scope(kind, participant, part, instrument_id), rest

    def _id(self, text: str) -> InstrumentId:
        return InstrumentId(EACH) if text == EACH else self._instrument(text).instrument_id

    def _set_limits(self, scope: Scope, rest: Sequence[str], origin: Origin) -> SetLimits:
        """Change what is named, keep the rest of what the scope has of its own."""
        limits = dict(self._engine.limits()).get(scope, NO_LIMITS)
        named = 0
        reason: list[str] = []
        for word in rest:
            key, equals, text = word.partition("=")
            name, _, currency = key.partition(".")
            if not equals or reason:
                reason.append(word)
            elif key in _FIGURES:
                field, unit = _FIGURES[key]
                limits = msgspec.structs.replace(limits, **{field: _figure(key, text, unit)})
                named += 1
            elif name in _MONEY:
                limits = _with_money(limits, currency, _MONEY[name], _figure(key, text, MICRO))
                named += 1
            else:
                known = ", ".join((*_FIGURES, *(f"{each}[.CUR]" for each in _MONEY)))
                raise Misspoken(f"{key!r} is not a limit; known: {known}")
        if not named:
            raise Misspoken(f"usage: {WORDS['limits set'].usage}")
        return SetLimits(origin, scope, limits, " ".join(reason))

    def _limits(self, wanted: Scope | None) -> Answer:
        rows = [
            {"scope": scope.text, "limit": name, "value": value}
            for scope, limits in self._engine.limits()
            if wanted is None or scope == wanted
            for name, value in limit_rows(limits)
        ]
        return Answer(ok=True, text=f"{len(rows)} limits", rows=tuple(rows))

    def _headroom(self, wanted: Sequence[Scope] | None) -> Answer:
        """What is left of the limits of a scope, or of every scope that has limits of its own."""
        scopes = wanted or [
            scope
            for scope, _ in self._engine.limits()
            if EACH not in (scope.participant, scope.name, scope.instrument_id)
        ]
        rows = [
            {
                "scope": each.scope.text,
                "limit": f"{each.check.value} {each.side}".rstrip(),
                "instrument": str(each.instrument_id),
                "currency": each.currency,
                "allowed": each.limit,
                "used": each.used,
                "headroom": each.headroom,
            }
            for scope in scopes
            for each in self._engine.headroom(scope)
        ]
        return Answer(ok=True, text=f"{len(rows)} limits", rows=tuple(rows))

    def _kills(self) -> Answer:
        rows = [
            {
                "scope": scope.text,
                "by": killed.user,
                "since": utc_text(killed.time),
                "reason": killed.reason,
            }
            for scope, killed in self._engine.kills()
        ]
        return Answer(ok=True, text=f"{len(rows)} kill switches are on", rows=tuple(rows))

    def _proposals(self) -> Answer:
        rows = [
            {
                "proposal": str(each.proposal_id),
                "by": each.command.origin.user,
                "since": utc_text(each.time),
                "text": each.text,
                "reason": each.command.reason,
            }
            for each in self._engine.proposals()
        ]
        return Answer(ok=True, text=f"{len(rows)} proposals wait", rows=tuple(rows))


def limit_rows(limits: Limits) -> list[tuple[str, str]]:
    """Every limit that is set, as the words that set it."""
    rows = []
    for name, (field, unit) in _FIGURES.items():
        figure = getattr(limits, field)
        if figure is not None:
            rows.append((name, _plain(figure, unit)))
    for values in limits.values:
        for name, field in _MONEY.items():
            figure = getattr(values, field)
            if figure is not None:
                currency = f".{values.currency}" if values.currency else ""
                rows.append((name + currency, _plain(figure, MICRO)))
    return rows


def parse_utc(text: str) -> Nanos:
    """Nanoseconds of an ISO 8601 time with its zone, between 1970 and 2200; raises Misspoken."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = _EPOCH.replace(tzinfo=None)
    if moment.tzinfo is None or not 1970 <= moment.year <= 2200:
        raise Misspoken(f"{text!r} is not a time such as 2026-01-05T13:30:00.5Z")
    return Nanos((moment - _EPOCH) // timedelta(microseconds=1) * 1_000)


def _with_money(limits: Limits, currency: str, field: str, figure: int | None) -> Limits:
    kept = [each for each in limits.values if each.currency != currency]
    own = [each for each in limits.values if each.currency == currency]
    present = own[0] if own else ValueLimits(currency=currency)
    changed = msgspec.structs.replace(present, **{field: figure})
    if changed != ValueLimits(currency=currency):
        kept.append(changed)
    return msgspec.structs.replace(limits, values=tuple(kept))


def _figure(name: str, text: str, unit: int) -> int | None:
    """A limit in its units; None for `none`."""
    if text == _NO_LIMIT:
        return None
    value = _decimal(text)
    figure = None if value is None else value * unit
    if figure is None or figure != int(figure) or not 0 <= figure <= LIMIT_MAX:
        raise Misspoken(
            f"{name} {text!r} is not `none` or a number from 0 to {_plain(LIMIT_MAX, unit)} in "
            f"steps of {_plain(1, unit)}"
        )
    return int(figure)


def _decimal(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value.adjusted()) <= 30 else None


def _plain(figure: int, unit: int) -> str:
    text = f"{Decimal(figure) / unit:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _units(text: str, decimals: int, bound: int, *, zero: bool = False) -> int:
    value = _decimal(text)
    units = None if value is None else to_units(value, decimals)
    if units is None or not (0 if zero else 1) <= units <= bound:
        raise Misspoken(f"{text!r} is not a number above 0 with at most {decimals} decimals")
    return units


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Misspoken(f"{text!r} is not the number of a proposal")
    return int(text)


def _why(word: str, words: Sequence[str]) -> str:
    """The reason, which must be given."""
    if not words:
        raise Misspoken(f"a reason is needed; usage: {WORDS[word].usage}")
    return " ".join(words)
