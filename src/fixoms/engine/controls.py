"""What risk managers have set, as plain records.

Owns: limits, roles, the kill switch, restricted instruments, locates, market prices, proposals and
overrides, and the short memory of message rates and of orders that might be duplicates.
Must not know: how any of it is decided, checked or serialized.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from fixoms.domain.commands import OverrideOrder, SetLimits, SetRiskPolicy
from fixoms.domain.ids import InstrumentId
from fixoms.domain.limits import (
    EACH,
    NO_INSTRUMENT,
    Limits,
    Profile,
    RiskPolicy,
    Scope,
    ScopeKind,
    ShortRule,
)
from fixoms.domain.units import Nanos, Price, Qty

SCOPES_MAX: Final = 1_000_000
"""Most scopes that have limits, roles, a kill switch or a restricted instrument; more are
refused."""

PROPOSALS_MAX: Final = 1_000
"""Most proposals that wait, and most overrides that are given; more are refused."""

RECENT_MAX: Final = 100_000
"""Most orders remembered as what a duplicate would equal; the oldest is forgotten first."""

DuplicateKey: TypeAlias = tuple[str, str, InstrumentId, str, int, int, int]
"""Participant, account, instrument, side, price, stop price, quantity."""


class SetBy(msgspec.Struct, frozen=True, array_like=True):
    """Limits and who set them: configuration does not overrule a person."""

    limits: Limits
    user: str


class Killed(msgspec.Struct, frozen=True, array_like=True):
    """Who threw a kill switch, when and why."""

    user: str
    time: Nanos
    reason: str


class MarketPrice(msgspec.Struct, frozen=True, array_like=True):
    """A price of an external market; `received` is the venue's time of it."""

    price: Price
    as_of: Nanos
    received: Nanos
    source: str


class Proposal(msgspec.Struct, frozen=True, array_like=True):
    """A command that waits for a second person."""

    proposal_id: int
    time: Nanos
    command: SetLimits | OverrideOrder | SetRiskPolicy
    text: str


class Window:
    """Messages of a session or participant in the second at hand; `over` came above the rate."""

    __slots__ = ("count", "over", "second")

    def __init__(self, second: int, count: int, over: int) -> None:
        self.second = second
        self.count = count
        self.over = over


class Controls:
    """Everything risk managers have set."""

    __slots__ = (
        "assigned",
        "kills",
        "limits",
        "locates",
        "market_prices",
        "overrides",
        "policy",
        "profiles",
        "proposal_id",
        "proposals",
        "recent",
        "restricted",
        "shorts",
        "windows",
    )

    def __init__(self) -> None:
        self.limits: dict[Scope, SetBy] = {}
        self.policy = RiskPolicy()
        self.profiles: dict[str, Profile] = {}
        self.assigned: dict[Scope, str] = {}
        self.kills: dict[Scope, Killed] = {}
        self.restricted: dict[tuple[Scope, InstrumentId], str] = {}
        self.shorts: dict[InstrumentId, ShortRule] = {}
        self.locates: dict[tuple[str, str, InstrumentId], Qty] = {}
        self.market_prices: dict[InstrumentId, MarketPrice] = {}
        self.proposals: dict[int, Proposal] = {}
        self.proposal_id = 0
        self.overrides: dict[tuple[str, str], tuple[str, str]] = {}
        self.windows: dict[Scope, Window] = {}
        self.recent: dict[DuplicateKey, Nanos] = {}

    def start_day(self) -> None:
        """Forget what was given for one day."""
        self.overrides.clear()
        self.locates.clear()

    def find(self, scope: Scope, *, without_own: bool = False) -> tuple[Scope, Limits] | None:
        """The limits that apply to a scope: its own as a whole, else those of each such scope."""
        candidates = _candidates(scope)
        for candidate in candidates[1:] if without_own else candidates:
            found = self.limits.get(candidate)
            if found is not None:
                return candidate, found.limits
        return None


def _candidates(scope: Scope) -> tuple[Scope, ...]:
    kind, instrument_id = scope.kind, scope.instrument_id
    if kind is ScopeKind.INSTRUMENT:
        return scope, Scope(kind, instrument_id=InstrumentId(EACH))
    if kind is ScopeKind.SESSION:
        return scope, Scope(kind, name=EACH)
    if kind is ScopeKind.PARTICIPANT:
        return scope, Scope(kind, EACH, "", instrument_id)
    return (
        scope,
        Scope(kind, scope.participant, EACH, instrument_id),
        Scope(kind, EACH, EACH, instrument_id),
    )


def scopes_of(
    participant: str, account: str, client: str, instrument_id: InstrumentId
) -> list[Scope]:
    """The scopes whose limits an order is held against, the narrowest first."""
    kinds = [(ScopeKind.ACCOUNT, account), (ScopeKind.PARTICIPANT, "")]
    if client:
        kinds.insert(1, (ScopeKind.CLIENT, client))
    found = [
        Scope(kind, participant, name, narrowed)
        for kind, name in kinds
        for narrowed in (instrument_id, NO_INSTRUMENT)
    ]
    return [*found, Scope(ScopeKind.INSTRUMENT, instrument_id=instrument_id)]
