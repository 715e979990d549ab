"""Reference questions: which instruments there are and which phase they are in.

Owns: SecurityListRequest(x), SecurityStatusRequest(e) and TradingSessionStatusRequest(g), their
answers, and who asked to be told of changes.
Must not know: orders, sequence numbers. These questions change nothing, so they are answered from
the engine's views without a command; a subscription lives as long as the connection.

FIX: Vol. 3, Security and TradingSession definition and status messages.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from fixoms.domain.enums import InstrumentStatus, Phase
from fixoms.domain.events import Event, PhaseChanged
from fixoms.domain.ids import InstrumentId
from fixoms.domain.instrument import Instrument
from fixoms.domain.units import Nanos
from fixoms.engine.engine import Engine
from fixoms.fix import tags
from fixoms.fix.message import Message
from fixoms.fix.values import render_utc_timestamp

SUBSCRIPTIONS_MAX: Final = 10_000
"""Subscriptions one session may hold; further ones are answered once and not followed."""

_TRADING_STATUS: Final = {
    Phase.CLOSED: "18",
    Phase.OPENING_AUCTION: "21",
    Phase.CONTINUOUS: "17",
    Phase.HALT: "2",
    Phase.VOLATILITY_AUCTION: "5",
    Phase.CLOSING_AUCTION: "5",
    Phase.POST_CLOSE: "18",
}
"""SecurityTradingStatus(326): 2 halt, 5 indication, 17 ready, 18 not available, 21 pre-open."""

_SESSION_STATUS: Final = {
    Phase.CLOSED: "3",
    Phase.OPENING_AUCTION: "4",
    Phase.CONTINUOUS: "2",
    Phase.HALT: "1",
    Phase.VOLATILITY_AUCTION: "4",
    Phase.CLOSING_AUCTION: "5",
    Phase.POST_CLOSE: "3",
}
"""TradSesStatus(340): 1 halted, 2 open, 3 closed, 4 pre-open, 5 pre-close, 6 rejected."""

_ALL: Final = "4"
_UNSUBSCRIBE: Final = b"2"
_SUBSCRIBE: Final = b"1"


class ReferenceDesk:
    """Answers reference questions and remembers who wants to hear of phase changes."""

    msg_types: Final = frozenset({"x", "e", "g"})

    def __init__(self, engine: Engine, clock: Callable[[], Nanos]) -> None:
        self._engine = engine
        self._clock = clock
        self._by_instrument: dict[str, dict[InstrumentId, str]] = {}
        self._by_segment: dict[str, dict[str, str]] = {}
        self._told: dict[str, Phase] = {}

    def answer(self, session: str, message: Message) -> Iterator[Message]:
        """Yield the answers to one question of a session."""
        match message.msg_type:
            case "x":
                yield self._security_list(message)
            case "e":
                yield from self._security_status(session, message)
            case _:
                yield from self._trading_session_status(session, message)

    def forget(self, session: str) -> None:
        """Drop the subscriptions of a session whose connection ended."""
        self._by_instrument.pop(session, None)
        self._by_segment.pop(session, None)

    def updates(self, events: Iterable[Event]) -> Iterator[tuple[str, Message]]:
        """Yield (session, message) for the phase changes that sessions subscribed to."""
        moved: dict[str, None] = {}
        for event in events:
            if not isinstance(event, PhaseChanged):
                continue
            moved[event.segment] = None
            instrument = self._engine.instrument(event.instrument_id)
            for session, wanted in self._by_instrument.items():
                request_id = wanted.get(event.instrument_id)
                if instrument is not None and request_id is not None:
                    yield session, self._status_of(instrument, request_id, unsolicited=True)
        for segment in moved:
            yield from self._segment_updates(segment)

    def _segment_updates(self, segment: str) -> Iterator[tuple[str, Message]]:
        """Tell of a segment once it as a whole is in another phase than was told last."""
        if self._told.get(segment) is self._phase_of_segment(segment):
            return
        for session, segments in self._by_segment.items():
            request_id = segments.get(segment)
            if request_id is not None:
                yield session, self._status_of_segment(segment, request_id, unsolicited=True)

    def _security_list(self, message: Message) -> Message:
        request_type = message.text(tags.SECURITY_LIST_REQUEST_TYPE) or _ALL
        symbol = message.text(tags.SYMBOL)
        segment = message.text(tags.TRADING_SESSION_ID)
        market = message.text(tags.SECURITY_EXCHANGE)
        listed = [
            each
            for each in self._engine.instruments()
            if each.status is not InstrumentStatus.DELISTED
            and (request_type != "0" or each.symbol == symbol)
            and (segment is None or each.segment == segment)
            and (market is None or each.market == market)
        ]
        result = "0" if listed else "2"
        if request_type not in ("0", "3", _ALL):
            listed, result = [], "1"
        answer = Message("y")
        answer.add(tags.SECURITY_REQ_ID, message.require(tags.SECURITY_REQ_ID))
        answer.add(tags.SECURITY_RESPONSE_ID, message.require(tags.SECURITY_REQ_ID))
        answer.add(tags.SECURITY_REQUEST_RESULT, result)
        if listed:
            answer.add(tags.TOT_NO_RELATED_SYM, len(listed))
            answer.add(tags.NO_RELATED_SYM, len(listed))
        for each in listed:
            answer.add(tags.SYMBOL, each.symbol)
            answer.add(tags.SECURITY_EXCHANGE, each.market)
            if each.description:
                answer.add(tags.SECURITY_DESC, each.description)
            answer.add(tags.CURRENCY, each.currency)
            answer.add(tags.ROUND_LOT, each.render_qty(each.lot_size))
            answer.add(tags.MIN_TRADE_VOL, each.render_qty(each.min_qty))
            answer.add(tags.TRADING_SESSION_ID, each.segment)
            answer.add(tags.TEXT, _ticks(each))
        return answer

    def _security_status(self, session: str, message: Message) -> Iterator[Message]:
        request_id = message.require(tags.SECURITY_STATUS_REQ_ID).decode("latin-1")
        symbol = message.require(tags.SYMBOL).decode("latin-1")
        instrument = self._engine.find_instrument(
            symbol, message.text(tags.SECURITY_EXCHANGE) or ""
        )
        if instrument is None:
            unknown = Message("f").add(tags.SECURITY_STATUS_REQ_ID, request_id)
            unknown.add(tags.SYMBOL, symbol).add(tags.SECURITY_TRADING_STATUS, "20")
            yield unknown.add(tags.TEXT, f"Symbol(55) {symbol} is not listed at this venue")
            return
        wanted = self._by_instrument.setdefault(session, {})
        subscription = message.get(tags.SUBSCRIPTION_REQUEST_TYPE)
        if subscription == _UNSUBSCRIBE:
            wanted.pop(instrument.instrument_id, None)
            return
        if subscription == _SUBSCRIBE and len(wanted) < SUBSCRIPTIONS_MAX:
            wanted[instrument.instrument_id] = request_id
        yield self._status_of(instrument, request_id, unsolicited=False)

    def _trading_session_status(self, session: str, message: Message) -> Iterator[Message]:
        request_id = message.require(tags.TRAD_SES_REQ_ID).decode("latin-1")
        known = sorted({each.segment for each in self._engine.instruments()})
        asked = message.text(tags.TRADING_SESSION_ID)
        if asked is not None and asked not in known:
            refused = Message("h").add(tags.TRAD_SES_REQ_ID, request_id)
            refused.add(tags.TRADING_SESSION_ID, asked).add(tags.TRAD_SES_STATUS, "6")
            refused.add(tags.TRAD_SES_STATUS_REJ_REASON, "1")
            yield refused.add(tags.TEXT, f"TradingSessionID(336) {asked} is not a segment")
            return
        wanted = self._by_segment.setdefault(session, {})
        subscription = message.get(tags.SUBSCRIPTION_REQUEST_TYPE)
        for segment in known if asked is None else [asked]:
            if subscription == _UNSUBSCRIBE:
                wanted.pop(segment, None)
                continue
            if subscription == _SUBSCRIBE and len(wanted) < SUBSCRIPTIONS_MAX:
                wanted[segment] = request_id
            yield self._status_of_segment(segment, request_id, unsolicited=False)

    def _status_of(self, instrument: Instrument, request_id: str, *, unsolicited: bool) -> Message:
        phase = self._engine.phase(instrument.instrument_id)
        status = _TRADING_STATUS[phase]
        if instrument.status is not InstrumentStatus.ACTIVE:
            status = "18"
        answer = Message("f").add(tags.SECURITY_STATUS_REQ_ID, request_id)
        answer.add(tags.SYMBOL, instrument.symbol).add(tags.SECURITY_EXCHANGE, instrument.market)
        answer.add(tags.CURRENCY, instrument.currency)
        answer.add(tags.TRADING_SESSION_ID, instrument.segment)
        if unsolicited:
            answer.add(tags.UNSOLICITED_INDICATOR, "Y")
        answer.add(tags.SECURITY_TRADING_STATUS, status)
        answer.add(tags.TRANSACT_TIME, render_utc_timestamp(self._clock(), 3))
        return answer.add(tags.TEXT, f"{phase.value}, {instrument.status.value}")

    def _status_of_segment(self, segment: str, request_id: str, *, unsolicited: bool) -> Message:
        phase = self._told[segment] = self._phase_of_segment(segment)
        answer = Message("h").add(tags.TRAD_SES_REQ_ID, request_id)
        answer.add(tags.TRADING_SESSION_ID, segment)
        if unsolicited:
            answer.add(tags.UNSOLICITED_INDICATOR, "Y")
        answer.add(tags.TRAD_SES_STATUS, _SESSION_STATUS[phase])
        return answer.add(tags.TEXT, phase.value)

    def _phase_of_segment(self, segment: str) -> Phase:
        """Find the phase of a segment, which is open as long as anything in it trades.

        One instrument may be in a phase of its own, such as a volatility auction.
        """
        phases = {
            self._engine.phase(each.instrument_id): None
            for each in self._engine.instruments()
            if each.segment == segment
        }
        return Phase.CONTINUOUS if Phase.CONTINUOUS in phases else next(iter(phases))


def _ticks(instrument: Instrument) -> str:
    """Tick table in words: `tick 0.01; from 10.00 tick 0.05`."""
    first, *others = instrument.tick_bands
    parts = [f"tick {instrument.render_price(first.tick)}"]
    parts += [
        f"from {instrument.render_price(band.from_price)} tick {instrument.render_price(band.tick)}"
        for band in others
    ]
    return "; ".join(parts)
