"""Closed sets of the trading vocabulary; every value is the FIX wire value.

Owns: the names and wire values of sides, types, states and reasons.
Must not know: which of them an order may move between (engine/order.py owns that).

FIX: Vol. 6 data dictionary, fields named beside each class.
"""

from enum import Enum, StrEnum


class Side(StrEnum):
    """Side(54). Sides other than buy work like a sell in the book."""

    BUY = "1"
    SELL = "2"
    SELL_SHORT = "5"
    SELL_SHORT_EXEMPT = "6"

    @property
    def is_buy(self) -> bool:
        """Whether the order stands on the bid side of the book."""
        return self is Side.BUY


class OrdType(StrEnum):
    """OrdType(40) as the venue takes it.

    A trailing stop is PEGGED, STOP or STOP_LIMIT with ExecInst(18)=a and PegOffsetValue(211).
    MARKET_IF_TOUCHED with a Price(44) is limit-if-touched (documented extension, FIX 4.4 has no
    value of its own for it).
    """

    MARKET = "1"
    LIMIT = "2"
    STOP = "3"
    STOP_LIMIT = "4"
    MARKET_IF_TOUCHED = "J"
    MARKET_TO_LIMIT = "K"
    PEGGED = "P"


class TimeInForce(StrEnum):
    """TimeInForce(59)."""

    DAY = "0"
    GOOD_TILL_CANCEL = "1"
    AT_THE_OPENING = "2"
    IMMEDIATE_OR_CANCEL = "3"
    FILL_OR_KILL = "4"
    GOOD_TILL_CROSSING = "5"
    GOOD_TILL_DATE = "6"
    AT_THE_CLOSE = "7"


class ExecInst(StrEnum):
    """The values of ExecInst(18), a multiple-value field, that the venue acts on."""

    MID_PRICE_PEG = "M"
    MARKET_PEG = "P"
    PRIMARY_PEG = "R"
    TRAILING_STOP_PEG = "a"
    ALL_OR_NONE = "G"
    PARTICIPATE_DONT_INITIATE = "6"


class ExecType(StrEnum):
    """ExecType(150). TRIGGERED is the FIX 5.0 value, a documented extension of the venue."""

    NEW = "0"
    CANCELED = "4"
    REPLACED = "5"
    REJECTED = "8"
    EXPIRED = "C"
    RESTATED = "D"
    TRADE = "F"
    TRADE_CORRECT = "G"
    TRADE_CANCEL = "H"
    ORDER_STATUS = "I"
    TRIGGERED = "L"


class OrdStatus(StrEnum):
    """OrdStatus(39). The venue works requests in turn, so no pending state is ever reported."""

    NEW = "0"
    PARTIALLY_FILLED = "1"
    FILLED = "2"
    CANCELED = "4"
    REJECTED = "8"
    EXPIRED = "C"

    @property
    def is_terminal(self) -> bool:
        """Whether no request can change the order any more."""
        return self is not OrdStatus.NEW and self is not OrdStatus.PARTIALLY_FILLED


class OrdRejReason(Enum):
    """OrdRejReason(103)."""

    BROKER_OPTION = 0
    UNKNOWN_SYMBOL = 1
    EXCHANGE_CLOSED = 2
    ORDER_EXCEEDS_LIMIT = 3
    TOO_LATE_TO_ENTER = 4
    UNKNOWN_ORDER = 5
    DUPLICATE_ORDER = 6
    UNSUPPORTED_ORDER_CHARACTERISTIC = 11
    INCORRECT_QUANTITY = 13
    UNKNOWN_ACCOUNT = 15
    OTHER = 99


class CxlRejReason(Enum):
    """CxlRejReason(102)."""

    TOO_LATE_TO_CANCEL = 0
    UNKNOWN_ORDER = 1
    BROKER_OPTION = 2
    ALREADY_PENDING = 3
    DUPLICATE_CL_ORD_ID = 6
    OTHER = 99


class CxlRejResponseTo(StrEnum):
    """CxlRejResponseTo(434)."""

    ORDER_CANCEL_REQUEST = "1"
    ORDER_CANCEL_REPLACE_REQUEST = "2"


class ExecRestatementReason(Enum):
    """ExecRestatementReason(378)."""

    GT_CORPORATE_ACTION = 0
    GT_RENEWAL = 1
    VERBAL_CHANGE = 2
    REPRICING = 3
    BROKER_OPTION = 4
    PARTIAL_DECLINE_OF_ORDER_QTY = 5
    CANCEL_ON_TRADING_HALT = 6
    CANCEL_ON_SYSTEM_FAILURE = 7
    MARKET_OPTION = 8
    OTHER = 99


class BusinessRejectReason(Enum):
    """BusinessRejectReason(380), for what the engine refuses before it looks at an order."""

    OTHER = 0
    UNKNOWN_ID = 1
    UNKNOWN_SECURITY = 2
    UNSUPPORTED_MESSAGE_TYPE = 3
    APPLICATION_NOT_AVAILABLE = 4
    CONDITIONALLY_REQUIRED_FIELD_MISSING = 5
    NOT_AUTHORIZED = 6


class SelfTradePrevention(StrEnum):
    """What happens when an order would trade with an order of the same participant.

    Wire value of the venue's user-defined field SelfTradePrevention(7928); PARTICIPANT_DEFAULT
    stands for an absent field and is never sent.
    """

    PARTICIPANT_DEFAULT = "0"
    NONE = "N"
    CANCEL_NEWEST = "1"
    CANCEL_OLDEST = "2"
    CANCEL_BOTH = "3"
    DECREMENT = "4"


class ContingencyType(Enum):
    """ContingencyType(1385), a FIX 5.0 field the venue takes on NewOrderList(E).

    ONE_TRIGGERS_OCO (bracket) is a value of ours above the standard's reserved range.
    """

    INDEPENDENT = 0
    ONE_CANCELS_OTHER = 1
    ONE_TRIGGERS_OTHER = 2
    ONE_UPDATES_OTHER = 3
    ONE_TRIGGERS_OCO = 101


class MassCancelRequestType(StrEnum):
    """MassCancelRequestType(530) as the venue takes it; segment through TradingSessionID(336)."""

    SECURITY = "1"
    TRADING_SESSION = "6"
    ALL_ORDERS = "7"


class MassStatusReqType(Enum):
    """MassStatusReqType(585) as the venue takes it."""

    SECURITY = 1
    TRADING_SESSION = 6
    ALL_ORDERS = 7
    PARTY_ID = 8


class Phase(StrEnum):
    """Trading phase of an instrument; the value is what operators type and SQL shows."""

    CLOSED = "closed"
    OPENING_AUCTION = "opening-auction"
    CONTINUOUS = "continuous"
    HALT = "halt"
    VOLATILITY_AUCTION = "volatility-auction"
    CLOSING_AUCTION = "closing-auction"
    POST_CLOSE = "post-close"

    @property
    def is_auction(self) -> bool:
        """Whether orders gather for an uncross."""
        return self in (Phase.OPENING_AUCTION, Phase.VOLATILITY_AUCTION, Phase.CLOSING_AUCTION)


class InstrumentStatus(StrEnum):
    """Whether an instrument takes orders, apart from its phase."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    DELISTED = "delisted"
