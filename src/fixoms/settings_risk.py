"""The keys of a configuration file about risk and roles.

Owns: the keys, their types, bounds and defaults; `config/venue.yaml` explains each of them.
Must not know: files, YAML, checks between keys (risk_config.py), how limits are held.

Quantities, money and percentages are exact decimals as a person writes them.
"""

import enum
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from fixoms.domain.enums import OrdType, TimeInForce
from fixoms.domain.limits import ShortRule, StalePolicy

Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]


class _Group(msgspec.Struct, frozen=True):
    """Base of all groups of keys: never changed once read."""


class MoneySettings(_Group, frozen=True):
    """Limits in money of one currency."""

    order_value: Decimal | None = None
    gross: Decimal | None = None
    net: Decimal | None = None
    collateral: Decimal | None = None
    daily_value: Decimal | None = None


class LimitSettings(_Group, frozen=True):
    """The limits of one scope: a participant, account, client, session or instrument."""

    participant: str = ""
    account: str | None = None
    client: str | None = None
    session: str = ""
    instrument: str = ""
    order_qty: Decimal | None = None
    open_orders: Count | None = None
    long_qty: Decimal | None = None
    short_qty: Decimal | None = None
    collar_percent: Decimal | None = None
    message_rate: Count | None = None
    duplicate_window_ms: Count | None = None
    money: dict[str, MoneySettings] = {}


class RestrictedSettings(_Group, frozen=True):
    """An instrument on the restricted list, of everybody or of one participant or account."""

    instrument: str
    participant: str = ""
    account: str | None = None
    reason: str = ""


class RiskSettings(_Group, frozen=True):
    """What is checked before an order reaches the book. Left out: nothing."""

    four_eyes_percent: Decimal | None = None
    market_price_max_age_s: Annotated[int, Meta(ge=1, le=86_400)] = 60
    stale_market_price: StalePolicy = StalePolicy.IGNORE
    abuse_after: Count = 0
    limits: tuple[LimitSettings, ...] = ()
    restricted: tuple[RestrictedSettings, ...] = ()
    short_sales: dict[str, ShortRule] = {}


class OrdTypeWord(enum.Enum):
    """OrdType(40) in the words of the config."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop-limit"
    MARKET_IF_TOUCHED = "market-if-touched"
    MARKET_TO_LIMIT = "market-to-limit"
    PEGGED = "pegged"

    @property
    def domain(self) -> OrdType:
        """The same type as the engine knows it."""
        return OrdType[self.name]


class TifWord(enum.Enum):
    """TimeInForce(59) in the words of the config."""

    DAY = "day"
    GOOD_TILL_CANCEL = "good-till-cancel"
    AT_THE_OPENING = "at-the-opening"
    IMMEDIATE_OR_CANCEL = "immediate-or-cancel"
    FILL_OR_KILL = "fill-or-kill"
    GOOD_TILL_CROSSING = "good-till-crossing"
    GOOD_TILL_DATE = "good-till-date"
    AT_THE_CLOSE = "at-the-close"

    @property
    def domain(self) -> TimeInForce:
        """The same time in force as the engine knows it."""
        return TimeInForce[self.name]


class ProfileSettings(_Group, frozen=True):
    """What a role permits, and who has it. A list that is left out permits all of its kind."""

    msg_types: tuple[str, ...] | None = None
    ord_types: tuple[OrdTypeWord, ...] | None = None
    times_in_force: tuple[TifWord, ...] | None = None
    instruments: tuple[str, ...] | None = None
    accounts: tuple[str, ...] | None = None
    may_rest: bool = True
    may_amend: bool = True
    participants: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    users: dict[str, str] = {}
