"""From journal entries to MQTT messages.

Owns: which events become which messages, on which topics, and how their fields are filled.
Must not know: connections, windows, cursors.
"""

from collections.abc import Iterator

import msgspec

from fixoms.domain.enums import ExecType
from fixoms.domain.events import (
    BookChanged,
    Event,
    Execution,
    IndicativeChanged,
    InstrumentDefined,
    PhaseChanged,
    SessionStatusChanged,
    Trade,
    TradeBusted,
    TradeCorrected,
)
from fixoms.domain.ids import NO_ORDER, InstrumentId, TradeId
from fixoms.domain.rendering import (
    render_avg_px,
    render_exec_id,
    render_order_id,
    render_trade_id,
)
from fixoms.domain.units import Price, Qty
from fixoms.domain.wording import utc_text, word
from fixoms.journal.entry import Entry
from fixoms.outlets.alerts import Alert, AlertSettings, alert_for
from fixoms.outlets.listings import Listing, Listings
from fixoms.outlets.messages import (
    AlertMessage,
    BookTopMessage,
    ExecutionMessage,
    IndicativeMessage,
    OrderMessage,
    PhaseMessage,
    SessionMessage,
    TradeMessage,
)
from fixoms.outlets.topics import Topics

# Wire values without units travel as they came (OrderTerms.echo).
_ORDER_QTY = 38
_PRICE = 44
_STOP_PX = 99


class Publication(msgspec.Struct, frozen=True):
    """One MQTT message to send."""

    topic: str
    payload: bytes
    retain: bool = False


_encode = msgspec.json.Encoder().encode


class Publisher:
    """Makes the messages of each entry, in the order of its events."""

    def __init__(self, topics: Topics, listings: Listings, alerts: AlertSettings) -> None:
        self._topics = topics
        self._listings = listings
        self._alerts = alerts

    @property
    def listings(self) -> dict[InstrumentId, Listing]:
        """What is known of the instruments after the entries so far."""
        return self._listings.known

    def messages(self, entry: Entry) -> Iterator[Publication]:
        """Everything MQTT is told about one entry. Entries come in the journal's order."""
        time = utc_text(entry.time)
        for index, event in enumerate(entry.events):
            self._listings.learn(event)
            head = (entry.seq, index, time)
            yield from self._messages(event, head)
            alert = alert_for(event, entry.command, self._listings, self._alerts)
            if alert is not None:
                yield self._alert(alert, head)

    def _messages(self, event: Event, head: tuple[int, int, str]) -> Iterator[Publication]:
        match event:
            case Execution():
                if event.exec_type is not ExecType.ORDER_STATUS:
                    yield self._order(event, head)
                    if event.trade_id:
                        yield self._execution(event, head)
            case Trade():
                yield self._trade(
                    head,
                    event.trade_id,
                    event.instrument_id,
                    event.price,
                    event.qty,
                    "done",
                    aggressor_side=event.aggressor_side and word(event.aggressor_side),
                    buyer=event.buyer,
                    seller=event.seller,
                )
            case TradeBusted():
                yield self._trade(
                    head,
                    event.trade_id,
                    event.instrument_id,
                    event.price,
                    event.qty,
                    "busted",
                    reason=event.reason,
                )
            case TradeCorrected():
                yield self._trade(
                    head,
                    event.trade_id,
                    event.instrument_id,
                    event.price,
                    event.qty,
                    "corrected",
                    reason=event.reason,
                )
            case BookChanged():
                yield self._book_top(event, head)
            case PhaseChanged():
                yield self._phase(
                    head, event.instrument_id, event.new.value, event.old.value, None, event.reason
                )
            case InstrumentDefined():
                instrument = event.instrument
                yield self._phase(
                    head,
                    instrument.instrument_id,
                    event.phase.value,
                    None,
                    word(instrument.status),
                    "",
                )
            case IndicativeChanged():
                yield self._indicative(event, head)
            case SessionStatusChanged():
                yield self._session(event, head)
            case _:
                # Answers to a request are for the one who asked; MQTT hears what changed.
                pass

    def _order(self, event: Execution, head: tuple[int, int, str]) -> Publication:
        seq, index, time = head
        listing = self._listings.of(event.instrument_id)
        terms = event.terms
        echo = dict(terms.echo) if event.order_id == NO_ORDER else {}
        order_id = render_order_id(event.order_id)
        reason = event.ord_rej_reason
        message = OrderMessage(
            id=f"order-{seq}-{index}",
            seq=seq,
            index=index,
            time=time,
            order_id=order_id,
            cl_ord_id=event.cl_ord_id,
            orig_cl_ord_id=event.orig_cl_ord_id,
            broker=event.owner.participant,
            session=event.owner.session,
            client=terms.client,
            account=terms.account,
            symbol=event.symbol,
            market=_market(event.instrument_id),
            side=word(terms.side),
            ord_type=word(terms.ord_type),
            tif=word(terms.tif),
            order_qty=echo.get(_ORDER_QTY) or listing.qty(terms.qty),
            price=echo.get(_PRICE) or listing.price_or_none(event.price),
            stop_px=echo.get(_STOP_PX) or listing.price_or_none(event.stop_px),
            exec_id=render_exec_id(event.exec_id),
            exec_type=word(event.exec_type),
            ord_status=word(event.ord_status),
            leaves_qty=listing.qty(event.leaves_qty),
            cum_qty=listing.qty(event.cum_qty),
            avg_px=render_avg_px(event.notional, event.cum_qty, listing.price_decimals),
            ord_rej_reason=None if reason is None else reason.value,
            text=event.text,
            trading_day=event.trading_day,
        )
        return Publication(self._topics.order(event.owner.participant, order_id), _encode(message))

    def _execution(self, event: Execution, head: tuple[int, int, str]) -> Publication:
        seq, index, time = head
        listing = self._listings.of(event.instrument_id)
        order_id = render_order_id(event.order_id)
        message = ExecutionMessage(
            id=f"execution-{seq}-{index}",
            seq=seq,
            index=index,
            time=time,
            exec_id=render_exec_id(event.exec_id),
            exec_type=word(event.exec_type),
            ref_exec_id=render_exec_id(event.ref_exec_id) if event.ref_exec_id else None,
            trade_id=render_trade_id(event.trade_id),
            order_id=order_id,
            cl_ord_id=event.cl_ord_id,
            broker=event.owner.participant,
            session=event.owner.session,
            symbol=event.symbol,
            market=_market(event.instrument_id),
            side=word(event.terms.side),
            last_qty=listing.qty(event.last_qty),
            last_px=listing.price_or_none(event.last_px),
            aggressor=event.aggressor,
            contra=event.contra,
            ord_status=word(event.ord_status),
            leaves_qty=listing.qty(event.leaves_qty),
            cum_qty=listing.qty(event.cum_qty),
            avg_px=render_avg_px(event.notional, event.cum_qty, listing.price_decimals),
            trading_day=event.trading_day,
        )
        topic = self._topics.execution(event.owner.participant, order_id)
        return Publication(topic, _encode(message))

    def _trade(
        self,
        head: tuple[int, int, str],
        trade_id: TradeId,
        instrument_id: InstrumentId,
        price: Price,
        qty: Qty,
        status: str,
        *,
        aggressor_side: str | None = None,
        buyer: str | None = None,
        seller: str | None = None,
        reason: str = "",
    ) -> Publication:
        seq, index, time = head
        listing = self._listings.of(instrument_id)
        message = TradeMessage(
            id=f"trade-{seq}-{index}",
            seq=seq,
            index=index,
            time=time,
            trade_id=render_trade_id(trade_id),
            symbol=_symbol(instrument_id),
            market=_market(instrument_id),
            price=listing.price(price),
            qty=listing.qty(qty),
            status=status,
            aggressor_side=aggressor_side,
            buyer=buyer,
            seller=seller,
            reason=reason,
        )
        return Publication(self._topics.trade(instrument_id), _encode(message))

    def _book_top(self, event: BookChanged, head: tuple[int, int, str]) -> Publication:
        seq, index, time = head
        listing = self._listings.of(event.instrument_id)
        message = BookTopMessage(
            id=f"book-top-{seq}-{index}",
            seq=seq,
            index=index,
            time=time,
            symbol=event.symbol,
            market=_market(event.instrument_id),
            bid_px=listing.price_or_none(event.bid_px),
            bid_qty=listing.qty(event.bid_qty),
            ask_px=listing.price_or_none(event.ask_px),
            ask_qty=listing.qty(event.ask_qty),
        )
        return Publication(self._topics.book(event.instrument_id), _encode(message), retain=True)

    def _phase(
        self,
        head: tuple[int, int, str],
        instrument_id: InstrumentId,
        phase: str,
        before: str | None,
        status: str | None,
        reason: str,
    ) -> Publication:
        seq, index, time = head
        message = PhaseMessage(
            id=f"phase-{seq}-{index}",
            seq=seq,
            index=index,
            time=time,
            symbol=_symbol(instrument_id),
            market=_market(instrument_id),
            phase=phase,
            before=before,
            status=status,
            reason=reason,
        )
        return Publication(self._topics.phase(instrument_id), _encode(message), retain=True)

    def _indicative(self, event: IndicativeChanged, head: tuple[int, int, str]) -> Publication:
        seq, index, time = head
        listing = self._listings.of(event.instrument_id)
        message = IndicativeMessage(
            id=f"indicative-{seq}-{index}",
            seq=seq,
            index=index,
            time=time,
            symbol=event.symbol,
            market=_market(event.instrument_id),
            price=listing.price_or_none(event.price),
            qty=listing.qty(event.qty),
            surplus_qty=listing.qty(event.surplus_qty),
            surplus_side="buy" if event.surplus_is_bid else "sell",
        )
        topic = self._topics.indicative(event.instrument_id)
        return Publication(topic, _encode(message), retain=True)

    def _session(self, event: SessionStatusChanged, head: tuple[int, int, str]) -> Publication:
        seq, index, time = head
        message = SessionMessage(
            id=f"session-{seq}-{index}",
            seq=seq,
            index=index,
            time=time,
            session=event.session,
            broker=event.participant,
            connected=event.connected,
            reason=event.reason,
        )
        return Publication(self._topics.session(event.session), _encode(message), retain=True)

    def _alert(self, alert: Alert, head: tuple[int, int, str]) -> Publication:
        seq, index, time = head
        message = AlertMessage(
            id=f"alert-{seq}-{index}",
            seq=seq,
            index=index,
            time=time,
            severity=alert.severity,
            kind=alert.kind,
            text=alert.text,
            broker=alert.broker,
            session=alert.session,
            symbol=alert.symbol,
            order_id=alert.order_id,
        )
        return Publication(self._topics.alert(alert.severity.value), _encode(message))


def _symbol(instrument_id: InstrumentId) -> str:
    return instrument_id.rpartition("@")[0]


def _market(instrument_id: InstrumentId) -> str:
    return instrument_id.rpartition("@")[2]
