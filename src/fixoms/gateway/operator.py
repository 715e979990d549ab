"""The operator's words: what may be typed at the desk, and the command each becomes.

Owns: the grammar of `fixoms operator …`, which `.fix` scripts share, and the answer to each word.
Must not know: sockets (operator_socket.py), how a command is decided. Nothing here bypasses the
sequencer: a word either reads the engine or becomes a journaled command with the operator's name.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final, TypeAlias

from fixoms.domain.commands import (
    BustTrade,
    CancelByOperator,
    Command,
    CorrectTrade,
    DefineInstrument,
    EndDay,
    Origin,
    SetInstrumentStatus,
    SetPhase,
    SetReferencePrice,
    StartDay,
)
from fixoms.domain.enums import InstrumentStatus, Phase
from fixoms.domain.events import CommandDone, CommandRefused, Event
from fixoms.domain.ids import InstrumentId, TradeId
from fixoms.domain.instrument import Instrument, to_units
from fixoms.domain.rendering import parse_order_id
from fixoms.domain.units import PRICE_MAX, QTY_MAX, Nanos, Price, Qty
from fixoms.engine.engine import Engine
from fixoms.gateway.house import Deed, House
from fixoms.gateway.operator_risk import RiskWords
from fixoms.gateway.operator_words import (
    WORDS,
    Answer,
    Caller,
    Misspoken,
    find_word,
    must_be_permitted,
)
from fixoms.gateway.schedule import END_OF_DAY, START_OF_DAY, day_after

ParseInstrument: TypeAlias = Callable[[str], tuple[Instrument, Phase]]
"""Reads an instrument written as in the configuration file; raises ValueError with the reason."""


_ALSO_CALLED: Final = {"pre-open": Phase.OPENING_AUCTION.value}
"""Words of the trade for a phase, beside its own."""


class Desk:
    """Turns an operator's words into commands and their events into an answer."""

    def __init__(
        self,
        engine: Engine,
        parse_instrument: ParseInstrument,
        house: House,
        now: Callable[[], Nanos],
    ) -> None:
        self._engine = engine
        self._parse_instrument = parse_instrument
        self._house = house
        self._risk = RiskWords(engine, self._instrument, now)

    def hear(self, words: Sequence[str], caller: Caller) -> Command | Answer | Deed:
        """Make the command of `words`, the deed they ask for, or the answer of what is done.

        Raises Misspoken with the word's usage, or with the role it needs.
        """
        word, rest = find_word(words)
        must_be_permitted(word, caller.roles)
        origin = Origin(session="", participant="", user=caller.user)
        try:
            return (
                self._hear_house(word, rest)
                or self._risk.hear(word, rest, origin)
                or self._hear(word, rest, origin)
            )
        except IndexError:
            raise Misspoken(f"usage: {WORDS[word].usage}") from None

    def _hear_house(self, word: str, rest: list[str]) -> Answer | Deed | None:
        """Words about sessions, users and the venue itself; None for those of the engine."""
        house = self._house
        match word:
            case "sessions":
                return _rows("sessions", house.session_rows())
            case "sessions reset":
                return Answer(ok=True, text=house.reset_session(rest[0]))
            case "sessions disconnect":
                return Answer(ok=True, text=house.disconnect(rest[0], _reason(rest[1:])))
            case "schedule":
                return _rows("steps", house.schedule_rows())
            case "users":
                return house.user_rows()
            case "users lock":
                name, reason = rest[0], _reason(rest[1:])
                if not reason:
                    raise Misspoken(f"usage: {WORDS[word].usage}")
                return house.lock_user(name, reason)
            case "users unlock":
                return house.unlock_user(rest[0])
            case "snapshot":
                return house.snapshot()
            case _:
                return None

    def _hear(self, word: str, rest: list[str], origin: Origin) -> Command | Answer:
        match word:
            case "phase":
                scope, phase = self._scope(rest[0]), rest[1]
                # Days are the whole venue's, whatever the scope.
                if phase == END_OF_DAY:
                    return EndDay(origin)
                if phase == START_OF_DAY:
                    return StartDay(origin, self._next_day())
                return SetPhase(origin, scope, _phase(phase), _reason(rest[2:]))
            case "halt":
                return SetPhase(origin, self._scope(rest[0]), Phase.HALT, _reason(rest[1:]))
            case "resume":
                scope = self._scope(rest[0])
                # Trading reopens through an auction call, never at a stroke.
                return SetPhase(origin, scope, Phase.VOLATILITY_AUCTION, _reason(rest[1:]))
            case "reference":
                instrument = self._instrument(rest[0])
                return SetReferencePrice(
                    origin, instrument.instrument_id, _price(instrument, rest[1])
                )
            case "cancel":
                order_id = parse_order_id(rest[0])
                if not order_id:
                    raise Misspoken(f"{rest[0]!r} is not an OrderID(37) such as O17")
                return CancelByOperator(origin, _reason(rest[1:]), order_id=order_id)
            case "cancel-all":
                return self._cancel_all(rest, origin)
            case "bust":
                return BustTrade(origin, _trade_id(rest[0]), _reason(rest[1:]))
            case "correct":
                return self._correct(rest, origin)
            case "instrument":
                try:
                    record, phase = self._parse_instrument(" ".join(rest))
                except ValueError as error:
                    raise Misspoken(str(error)) from None
                return DefineInstrument(origin, record, phase)
            case "suspend" | "activate" | "delist":
                status = {
                    "suspend": InstrumentStatus.SUSPENDED,
                    "activate": InstrumentStatus.ACTIVE,
                    "delist": InstrumentStatus.DELISTED,
                }[word]
                instrument_id = self._instrument(rest[0]).instrument_id
                return SetInstrumentStatus(origin, instrument_id, status, _reason(rest[1:]))
            case "start-day":
                day = rest[0] if rest else self._next_day()
                if not (len(day) == 8 and day.isascii() and day.isdigit()):
                    raise Misspoken(f"{day!r} is not a day written YYYYMMDD")
                return StartDay(origin, day)
            case "end-day":
                return EndDay(origin)
            case "instruments":
                return self._instruments()
            case _:
                return self._phases()

    def answer(self, events: Sequence[Event], seq: int) -> Answer:
        """Say what became of a command the desk gave."""
        for event in events:
            if isinstance(event, CommandRefused):
                return Answer(ok=False, text=event.reason, seq=seq)
        done = [event.changed for event in events if isinstance(event, CommandDone)]
        return Answer(ok=True, text="; ".join(done) or "done", seq=seq)

    def _scope(self, text: str) -> str:
        """Instrument id or segment name; the engine refuses what it does not know."""
        instrument = self._find(text)
        return text if instrument is None else instrument.instrument_id

    def _find(self, text: str) -> Instrument | None:
        symbol, _, market = text.partition("@")
        return self._engine.find_instrument(symbol, market)

    def _instrument(self, text: str) -> Instrument:
        instrument = self._find(text)
        if instrument is None:
            raise Misspoken(f"{text!r} is not an instrument of this venue")
        return instrument

    def _cancel_all(self, rest: list[str], origin: Origin) -> CancelByOperator:
        participant, instrument_id, words = "", InstrumentId(""), []
        for word in rest:
            key, equals, value = word.partition("=")
            if equals and key == "participant":
                participant = value
            elif equals and key == "symbol":
                instrument_id = self._instrument(value).instrument_id
            else:
                words.append(word)
        return CancelByOperator(
            origin, _reason(words), participant=participant, instrument_id=instrument_id
        )

    def _correct(self, rest: list[str], origin: Origin) -> CorrectTrade:
        trade_id = _trade_id(rest[0])
        instrument = self._engine.trade_instrument(trade_id)
        if instrument is None:
            raise Misspoken(f"{rest[0]} is not a trade of today that stands")
        qty = _units(rest[1], instrument.qty_decimals, QTY_MAX, "a quantity")
        price = _price(instrument, rest[2])
        return CorrectTrade(origin, trade_id, price, Qty(qty), _reason(rest[3:]))

    def _instruments(self) -> Answer:
        rows = [
            {
                "instrument": str(instrument.instrument_id),
                "description": instrument.description,
                "segment": instrument.segment,
                "currency": instrument.currency,
                "lot": instrument.render_qty(instrument.lot_size),
                "reference": ""
                if instrument.reference_price is None
                else instrument.render_price(instrument.reference_price),
                "phase": self._engine.phase(instrument.instrument_id).value,
                "status": instrument.status.value,
            }
            for instrument in self._engine.instruments()
        ]
        return _rows("instruments", rows)

    def _next_day(self) -> str:
        last = self._engine.trading_day
        if not last:
            raise Misspoken("no day was ever started here: start-day YYYYMMDD")
        return day_after(last)

    def _phases(self) -> Answer:
        rows = [
            {
                "instrument": str(instrument.instrument_id),
                "segment": instrument.segment,
                "phase": self._engine.phase(instrument.instrument_id).value,
                "status": instrument.status.value,
            }
            for instrument in self._engine.instruments()
        ]
        return _rows("instruments", rows)


def _rows(kind: str, rows: Sequence[dict[str, str]]) -> Answer:
    return Answer(ok=True, text=f"{len(rows)} {kind}", rows=tuple(rows))


def _phase(text: str) -> Phase:
    try:
        return Phase(_ALSO_CALLED.get(text, text))
    except ValueError:
        known = ", ".join([*(phase.value for phase in Phase), START_OF_DAY, END_OF_DAY])
        raise Misspoken(f"{text!r} is not a phase; known: {known}") from None


def _reason(words: Sequence[str]) -> str:
    return " ".join(words)


def _trade_id(text: str) -> TradeId:
    digits = text[1:]
    if text[:1] == "T" and digits.isascii() and digits.isdigit() and len(digits) <= 18:
        return TradeId(int(digits))
    raise Misspoken(f"{text!r} is not a trade id such as T5")


def _price(instrument: Instrument, text: str) -> Price:
    return Price(_units(text, instrument.price_decimals, PRICE_MAX, "a price"))


def _units(text: str, decimals: int, bound: int, kind: str) -> int:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise Misspoken(f"{text!r} is not {kind}") from None
    units = to_units(value, decimals) if value.is_finite() else None
    if units is None or not 0 < units <= bound:
        raise Misspoken(f"{text} is not {kind} with at most {decimals} decimals")
    return units
