"""The JSON objects of MQTT.

Owns: the fields of every object.
Must not know: events (publications.py fills the fields), topics.

Every message is a JSON object. `id` is unique and the same when the message is sent again; `seq` is
the journal entry and `index` the event in it, so that (`seq`, `index`) orders everything the venue
says; `time` is UTC with microseconds; `type` names the object. Prices and quantities are decimal
texts. TOPICS.md describes each object to subscribers.
"""

import msgspec

from fixoms.outlets.alerts import Severity


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    id: str
    seq: int
    index: int
    time: str


class OrderMessage(_Message, frozen=True, kw_only=True, tag="order"):
    """An order after a change; `exec_type` says which."""

    order_id: str
    cl_ord_id: str
    orig_cl_ord_id: str
    broker: str
    session: str
    client: str
    account: str
    symbol: str
    market: str
    side: str
    ord_type: str
    tif: str
    order_qty: str
    price: str | None
    stop_px: str | None
    exec_id: str
    exec_type: str
    ord_status: str
    leaves_qty: str
    cum_qty: str
    avg_px: str
    ord_rej_reason: int | None
    text: str
    trading_day: str


class ExecutionMessage(_Message, frozen=True, kw_only=True, tag="execution"):
    """One side of a trade, its bust or its correction, to the owner of the order."""

    exec_id: str
    exec_type: str
    ref_exec_id: str | None
    trade_id: str
    order_id: str
    cl_ord_id: str
    broker: str
    session: str
    symbol: str
    market: str
    side: str
    last_qty: str
    last_px: str | None
    aggressor: bool
    contra: str
    ord_status: str
    leaves_qty: str
    cum_qty: str
    avg_px: str
    trading_day: str


class TradeMessage(_Message, frozen=True, kw_only=True, tag="trade"):
    """A match, or what became of it: `status` is done, corrected or busted.

    Parties and `aggressor_side` are told when the trade is made; later messages carry its id.
    """

    trade_id: str
    symbol: str
    market: str
    price: str
    qty: str
    status: str
    aggressor_side: str | None = None
    buyer: str | None = None
    seller: str | None = None
    reason: str = ""


class BookTopMessage(_Message, frozen=True, kw_only=True, tag="book-top"):
    """Best prices and what stands there; null and 0 for an empty side."""

    symbol: str
    market: str
    bid_px: str | None
    bid_qty: str
    ask_px: str | None
    ask_qty: str


class PhaseMessage(_Message, frozen=True, kw_only=True, tag="phase"):
    """The trading phase of an instrument, and whether it takes orders at all."""

    symbol: str
    market: str
    phase: str
    before: str | None
    status: str | None
    reason: str


class IndicativeMessage(_Message, frozen=True, kw_only=True, tag="indicative"):
    """What the uncross would do now; null when nothing would trade."""

    symbol: str
    market: str
    price: str | None
    qty: str
    surplus_qty: str
    surplus_side: str


class SessionMessage(_Message, frozen=True, kw_only=True, tag="session"):
    """A FIX session logged on or ended."""

    session: str
    broker: str
    connected: bool
    reason: str


class AlertMessage(_Message, frozen=True, kw_only=True, tag="alert"):
    """Something a person should know."""

    severity: Severity
    kind: str
    text: str
    broker: str
    session: str
    symbol: str
    order_id: str


class StatusMessage(_Message, frozen=True, kw_only=True, tag="gateway-status"):
    """Whether the gateway's events arrive here. `seq` is the last entry published before."""

    venue: str
    status: str
    reason: str


class AuditHeadMessage(_Message, frozen=True, kw_only=True, tag="audit-head"):
    """The last line of the audit's chain. `seq` is that line's, not the journal's."""

    hash: str


def audit_head_payload(seq: int, time: str, line_hash: str) -> bytes:
    """The retained message on the topic of the audit's head."""
    message = AuditHeadMessage(id=f"audit-head-{seq}", seq=seq, index=0, time=time, hash=line_hash)
    return msgspec.json.encode(message)


def status_payload(venue: str, status: str, seq: int, time: str, reason: str = "") -> bytes:
    """The retained message on the status topic; `status` is online or offline."""
    return msgspec.json.encode(
        StatusMessage(
            id=f"gateway-status-{seq}-{time}",
            seq=seq,
            index=0,
            time=time,
            venue=venue,
            status=status,
            reason=reason,
        )
    )
