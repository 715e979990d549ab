"""What a risk manager says: who is meant, what they may use, what they may do.

Owns: scopes, limits, admission profiles, and the venue's risk policy, as values commands carry.
Must not know: how use is counted or a limit is checked (engine/positions.py, engine/risk.py).

Quantities and money of limits count millionths (`MICRO`), whatever the decimals of an instrument:
a limit of 1000 shares is `1000 * MICRO`. Money is of one currency; currencies never add up.
"""

from enum import StrEnum
from typing import Final

import msgspec

from fixoms.domain.enums import OrdType, TimeInForce
from fixoms.domain.ids import InstrumentId
from fixoms.domain.units import SECOND, Nanos

MICRO: Final = 1_000_000
"""Limits count so many parts of one share or of one unit of currency."""

LIMIT_MAX: Final = 9 * 10**18
"""Largest value of any limit; larger is refused."""

EACH: Final = "*"
"""Stands for every participant, account, client, session or instrument that has no limits of its
own."""

NO_INSTRUMENT: Final = InstrumentId("")


class ScopeKind(StrEnum):
    """Whom a limit, a profile or the kill switch means."""

    ALL = "all"
    PARTICIPANT = "participant"
    ACCOUNT = "account"
    CLIENT = "client"
    USER = "user"
    SESSION = "session"
    INSTRUMENT = "instrument"


class Scope(msgspec.Struct, frozen=True, array_like=True):
    """One addressee.

    `participant` is the broker of a PARTICIPANT, ACCOUNT, CLIENT or USER scope, `name` the account,
    client, user or session. `instrument_id` narrows to one instrument, and is the addressee of an
    INSTRUMENT scope. Accounts, clients and users need no definition: they exist by use.
    """

    kind: ScopeKind
    participant: str = ""
    name: str = ""
    instrument_id: InstrumentId = NO_INSTRUMENT

    @property
    def text(self) -> str:
        """The scope in words: `account ACC1 of ALPHA in ACME@XFOM`."""
        kind = self.kind
        if kind is ScopeKind.ALL:
            words = "the whole venue"
        elif kind is ScopeKind.INSTRUMENT:
            return f"instrument {self.instrument_id}"
        elif kind is ScopeKind.PARTICIPANT:
            words = f"participant {self.participant}"
        else:
            words = f"{kind.value} {self.name}" if self.name else f"the unnamed {kind.value}"
            if self.participant:
                words += f" of {self.participant}"
        return f"{words} in {self.instrument_id}" if self.instrument_id else words


ALL: Final = Scope(ScopeKind.ALL)


class ValueLimits(msgspec.Struct, frozen=True, array_like=True):
    """Limits in money of one currency; None does not limit. An empty `currency` means each one.

    `order_value`: of one order. `gross`: sum over instruments of the larger of what the position
    and the working orders could become, bought or sold. `net`: the same with instruments set
    against each other. `collateral`: the money behind the scope, which initial margin less profit
    may not pass. `daily_value`: traded today and working.
    """

    currency: str = ""
    order_value: int | None = None
    gross: int | None = None
    net: int | None = None
    collateral: int | None = None
    daily_value: int | None = None


class Limits(msgspec.Struct, frozen=True, array_like=True):
    """The limits of one scope; None does not limit.

    `order_qty`, `long_qty` and `short_qty` are millionths of a share, the last two of a position in
    one instrument with its working orders. `collar_bp` is the distance of Price(44) from the
    reference, in basis points of it. `message_rate` counts new orders and replaces in one second.
    `duplicate_window` is how long an equal order (instrument, side, price, quantity, account) is
    refused.
    """

    order_qty: int | None = None
    open_orders: int | None = None
    long_qty: int | None = None
    short_qty: int | None = None
    collar_bp: int | None = None
    message_rate: int | None = None
    duplicate_window: Nanos | None = None
    values: tuple[ValueLimits, ...] = ()

    def in_currency(self, currency: str) -> ValueLimits | None:
        """The money limits of a currency: its own, else those of each currency."""
        general = None
        for each in self.values:
            if each.currency == currency:
                return each
            if not each.currency:
                general = each
        return general


NO_LIMITS: Final = Limits()


class Check(StrEnum):
    """What is checked of an order; engine/risk.py tells in which order."""

    MESSAGE_RATE = "message rate"
    KILL_SWITCH = "kill switch"
    PERMISSION = "permission"
    RESTRICTED = "restricted list"
    SHORT_SALE = "short sale"
    MARKET_PRICE = "market price"
    DUPLICATE = "duplicate order"
    ORDER_QTY = "order quantity"
    ORDER_VALUE = "order value"
    COLLAR = "price collar"
    OPEN_ORDERS = "open orders"
    POSITION = "position"
    GROSS = "gross exposure"
    NET = "net exposure"
    COLLATERAL = "margin"
    DAILY_VALUE = "daily value"


class Profile(msgspec.Struct, frozen=True, array_like=True):
    """What a role may do. None permits all of a kind, an empty tuple nothing.

    `msg_types` are MsgType(35) values; `instruments` are instrument ids or segments.
    """

    name: str
    msg_types: tuple[str, ...] | None = None
    ord_types: tuple[OrdType, ...] | None = None
    tifs: tuple[TimeInForce, ...] | None = None
    instruments: tuple[str, ...] | None = None
    accounts: tuple[str, ...] | None = None
    may_rest: bool = True
    may_amend: bool = True


class ShortRule(StrEnum):
    """Whether an instrument may be sold short (Side(54) 5; 6 is exempt from a locate)."""

    ALLOWED = "allowed"
    LOCATE = "locate"
    BANNED = "banned"


class StalePolicy(StrEnum):
    """What an external market price that is too old means."""

    REJECT = "reject"
    USE = "use"
    IGNORE = "ignore"


class RiskPolicy(msgspec.Struct, frozen=True, array_like=True):
    """What holds for the whole venue.

    `four_eyes_bp`: a raise by more than so many basis points of the present limit waits for a
    second risk manager, and so does every override; None: neither does. `market_price_max_age`: an
    external price is stale after it, and `stale_policy` says what then: new orders are refused, the
    price is used all the same, or it is passed over for the venue's own reference price.
    `abuse_after`: so many messages over the rate in one second have the session disconnected; 0:
    never.
    """

    four_eyes_bp: int | None = None
    market_price_max_age: Nanos = Nanos(60 * SECOND)
    stale_policy: StalePolicy = StalePolicy.IGNORE
    abuse_after: int = 0


class ProposalState(StrEnum):
    """Where something that needs two people stands."""

    WAITING = "waiting"
    APPROVED = "approved"
    DISMISSED = "dismissed"
