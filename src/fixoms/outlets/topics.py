"""The topic tree of MQTT.

Owns: which topic each kind of event goes to. TOPICS.md explains the tree to subscribers.
Must not know: what is in the messages, MQTT itself.
"""

import re

from fixoms.domain.ids import InstrumentId

# A level may hold neither the separator nor a wildcard; `%` itself is written so that names stay
# distinct.
_NOT_IN_A_LEVEL = re.compile(r"[/+#%\x00-\x1f\x7f]")


def level(name: str) -> str:
    """`name` as one topic level: `EUR/USD` becomes `EUR%2FUSD`; an empty name becomes `-`."""
    return _NOT_IN_A_LEVEL.sub(lambda found: f"%{ord(found[0]):02X}", name) or "-"


class Topics:
    """Topics of one venue under `<prefix>/<venue>`."""

    def __init__(self, prefix: str, venue: str) -> None:
        self.root = f"{prefix}/{level(venue)}"

    @property
    def status(self) -> str:
        """Whether the gateway is online (retained; the last will says offline)."""
        return f"{self.root}/status"

    @property
    def audit_head(self) -> str:
        """The last line of the audit's chain (retained)."""
        return f"{self.root}/audit/head"

    @property
    def market_prices(self) -> str:
        """Filter of the prices of external markets, which others publish to the venue."""
        return f"{self.root}/market-prices/+/+"

    def order(self, broker: str, order_id: str) -> str:
        """States of one order."""
        return f"{self.root}/orders/{level(broker)}/{order_id}"

    def execution(self, broker: str, order_id: str) -> str:
        """Fills of one order, and what became of them."""
        return f"{self.root}/executions/{level(broker)}/{order_id}"

    def trade(self, instrument_id: InstrumentId) -> str:
        """Trades in one instrument."""
        return f"{self.root}/trades/{_instrument(instrument_id)}"

    def book(self, instrument_id: InstrumentId) -> str:
        """Top of the book of one instrument (retained)."""
        return f"{self.root}/book/{_instrument(instrument_id)}"

    def phase(self, instrument_id: InstrumentId) -> str:
        """Trading phase of one instrument (retained)."""
        return f"{self.root}/phase/{_instrument(instrument_id)}"

    def indicative(self, instrument_id: InstrumentId) -> str:
        """Price and volume an auction would have now (retained)."""
        return f"{self.root}/indicative/{_instrument(instrument_id)}"

    def session(self, session: str) -> str:
        """Whether a FIX session is logged on (retained)."""
        return f"{self.root}/sessions/{level(session)}"

    def alert(self, severity: str) -> str:
        """Alerts of one severity."""
        return f"{self.root}/alerts/{severity}"


def _instrument(instrument_id: InstrumentId) -> str:
    symbol, _, market = instrument_id.rpartition("@")
    return f"{level(market)}/{level(symbol)}"
