"""What the venue lets people do: roles, and the FIX messages each of them may send.

Owns: the roles a user can have, and the table of messages by role.
Must not know: how a user proves to be one (users.py), what words of the operator's desk a role may
say (gateway/operator_words.py), limits and profiles inside the engine.

What a role was not given it may not do. A user with several roles may do what any of them may.
"""

from collections.abc import Iterable
from enum import Enum
from typing import Final


class UserRole(Enum):
    """A role of a user; the value is what stands in the users file."""

    TRADER = "trader"
    MARKET_MAKER = "market-maker"
    DROP_COPY = "drop-copy"
    MARKET_DATA = "market-data"
    READ_ONLY = "read-only"
    RISK_MANAGER = "risk-manager"
    OPERATOR = "operator"
    AUDITOR = "auditor"


USER_REQUEST: Final = "BE"
"""UserRequest(BE): everybody may change the own password."""

_ORDERS: Final = frozenset({"D", "G", "E"})
"""NewOrderSingle, OrderCancelReplaceRequest, NewOrderList."""
_CANCELS: Final = frozenset({"F", "q", "K"})
"""OrderCancelRequest, OrderMassCancelRequest, ListCancelRequest."""
_STATUS: Final = frozenset({"H", "AF", "M"})
"""OrderStatusRequest, OrderMassStatusRequest, ListStatusRequest."""
_MARKET: Final = frozenset({"V", "x", "e", "g"})
"""MarketDataRequest, SecurityListRequest, SecurityStatusRequest, TradingSessionStatusRequest."""
_HEADROOM: Final = frozenset({"AN", "BB"})
"""RequestForPositions, CollateralInquiry."""
_TRADING: Final = _ORDERS | _CANCELS | _STATUS | _MARKET | _HEADROOM

_MESSAGES: Final[dict[UserRole, frozenset[str]]] = {
    UserRole.TRADER: _TRADING,
    UserRole.MARKET_MAKER: _TRADING,
    UserRole.DROP_COPY: _STATUS,
    UserRole.MARKET_DATA: _MARKET,
    UserRole.READ_ONLY: _STATUS | _MARKET | _HEADROOM,
    UserRole.RISK_MANAGER: _CANCELS | _STATUS | _MARKET | _HEADROOM,
    UserRole.OPERATOR: frozenset(),
    UserRole.AUDITOR: frozenset(),
}


def messages_of(roles: Iterable[UserRole]) -> frozenset[str]:
    """Application messages (MsgType(35)) a user with these roles may send."""
    return frozenset({USER_REQUEST}).union(*(_MESSAGES[role] for role in roles))
