"""The changes that some journal entries make to the tables, folded to what is left at the end.

Owns: which rows each event touches, and what of the venue's reference data a row needs.
Must not know: SQL, transactions, the journal's files.

An order that changes ten times in a batch is written once; its history keeps all ten lines.
"""

from typing import TypeAlias

from fixoms.domain.enums import ExecType
from fixoms.domain.events import (
    BookChanged,
    CancelRejected,
    Event,
    Execution,
    IndicativeChanged,
    InstrumentDefined,
    LimitsChanged,
    PhaseChanged,
    ReferencePriceChanged,
    SessionDefined,
    SessionStatusChanged,
    Trade,
    TradeBusted,
    TradeCorrected,
)
from fixoms.domain.ids import NO_ORDER, ExecId, InstrumentId, OrderId, TradeId
from fixoms.domain.instrument import render_units
from fixoms.domain.rendering import render_trade_id
from fixoms.domain.units import Nanos, Price
from fixoms.domain.wording import utc_text
from fixoms.journal.entry import Entry
from fixoms.store import rows
from fixoms.store.limits import limit_rows
from fixoms.store.rows import UNKNOWN, Decimals, Row

LevelKey: TypeAlias = tuple[InstrumentId, str, Price]


class Reference:
    """Instruments and sessions as the tables have them: the only state the projection keeps."""

    def __init__(self) -> None:
        self.instruments: dict[InstrumentId, Row] = {}
        self.sessions: dict[str, Row] = {}
        self.decimals: dict[InstrumentId, Decimals] = {}

    def put_instrument(self, instrument_id: InstrumentId, row: Row) -> None:
        """Take the row of an instrument, new or changed."""
        self.instruments[instrument_id] = row
        self.decimals[instrument_id] = Decimals(
            int(row["price_decimals"] or 0), int(row["qty_decimals"] or 0)
        )


class Batch:
    """Rows to write for the entries added so far."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self.orders: dict[tuple[OrderId, ExecId], Row] = {}
        self.order_events: list[Row] = []
        self.trades: dict[TradeId, Row] = {}
        self.corrections: list[Row] = []
        self.busts: list[Row] = []
        self.levels: dict[LevelKey, Row] = {}
        self.gone_levels: dict[LevelKey, None] = {}
        self.instruments: dict[InstrumentId, Row] = {}
        self.sessions: dict[str, Row] = {}
        self.limits: dict[str, list[Row]] = {}

    def add(self, entry: Entry) -> None:
        """Fold in one entry; entries come in the order of the journal."""
        for index, event in enumerate(entry.events):
            self._add(event, entry.time, entry.seq, index)

    def _add(self, event: Event, time: Nanos, seq: int, index: int) -> None:
        match event:
            case Execution():
                self._execution(event, time, seq, index)
            case BookChanged():
                self._book(event, time, seq)
            case Trade():
                self.trades[event.trade_id] = rows.trade_row(
                    event, self._decimals(event.instrument_id), time, seq, index
                )
            case CancelRejected():
                self.order_events.append(rows.cancel_reject_row(event, time, seq, index))
            case TradeBusted():
                self._bust_trade(event, time)
            case TradeCorrected():
                self._correct_trade(event, time)
            case SessionDefined():
                self._session(event.session, time, {"broker": event.participant})
            case SessionStatusChanged():
                self._session(
                    event.session,
                    time,
                    {
                        "broker": event.participant,
                        "connected": event.connected,
                        "reason": event.reason,
                    },
                )
            case InstrumentDefined():
                self._define(event, time)
            case PhaseChanged():
                # The indicative price belongs to the call that ended or begins.
                nothing: Row = {"indicative_px": None, "indicative_qty": None}
                self._instrument(event.instrument_id, time, nothing | {"phase": event.new.value})
            case ReferencePriceChanged():
                decimals = self._decimals(event.instrument_id)
                price = render_units(event.price, decimals.price)
                self._instrument(event.instrument_id, time, {"reference_price": price})
            case IndicativeChanged():
                self._indicative(event, time)
            case LimitsChanged():
                self.limits[event.scope.text] = limit_rows(event, seq)
            case _:
                # Answers to requests and operators: they change nothing that SQL shows.
                pass

    def _decimals(self, instrument_id: InstrumentId) -> Decimals:
        return self._reference.decimals.get(instrument_id, UNKNOWN)

    def _execution(self, event: Execution, time: Nanos, seq: int, index: int) -> None:
        decimals = self._decimals(event.instrument_id)
        self.order_events.append(rows.execution_row(event, decimals, time, seq, index))
        if event.exec_type is ExecType.ORDER_STATUS:
            return
        refused = event.exec_id if event.order_id == NO_ORDER else ExecId(0)
        self.orders[event.order_id, refused] = rows.order_row(event, decimals, time, seq)

    def _book(self, event: BookChanged, time: Nanos, seq: int) -> None:
        decimals = self._decimals(event.instrument_id)
        for level in event.levels:
            key = (event.instrument_id, "bid" if level.is_bid else "ask", level.price)
            if level.qty:
                self.gone_levels.pop(key, None)
                self.levels[key] = rows.level_row(
                    event.instrument_id, event.symbol, level, decimals, time, seq
                )
            else:
                self.levels.pop(key, None)
                self.gone_levels[key] = None

    def _bust_trade(self, event: TradeBusted, time: Nanos) -> None:
        change: Row = {"status": "busted", "reason": event.reason, "updated_at": utc_text(time)}
        row = self.trades.get(event.trade_id)
        if row is not None:
            row.update(change)
        else:
            self.busts.append(change | {"id": render_trade_id(event.trade_id)})

    def _correct_trade(self, event: TradeCorrected, time: Nanos) -> None:
        decimals = self._decimals(event.instrument_id)
        change: Row = {
            "status": "corrected",
            "reason": event.reason,
            "price": render_units(event.price, decimals.price),
            "price_units": event.price,
            "qty": render_units(event.qty, decimals.qty),
            "qty_units": event.qty,
            "updated_at": utc_text(time),
        }
        row = self.trades.get(event.trade_id)
        if row is not None:
            # A second correction keeps the first figures as the original ones.
            row["original_price"] = row["original_price"] or row["price"]
            row["original_qty"] = row["original_qty"] or row["qty"]
            row.update(change)
        else:
            change["id"] = render_trade_id(event.trade_id)
            self.corrections.append(change)

    def _session(self, session: str, time: Nanos, change: Row) -> None:
        row: Row = {"session": session, "broker": "", "connected": False, "reason": ""}
        row |= self._reference.sessions.get(session, {})
        row |= change
        row["updated_at"] = utc_text(time)
        self._reference.sessions[session] = row
        self.sessions[session] = row

    def _define(self, event: InstrumentDefined, time: Nanos) -> None:
        row = rows.instrument_row(event.instrument, event.phase.value, time)
        instrument_id = event.instrument.instrument_id
        self._reference.put_instrument(instrument_id, row)
        self.instruments[instrument_id] = row

    def _instrument(self, instrument_id: InstrumentId, time: Nanos, change: Row) -> None:
        known = self._reference.instruments.get(instrument_id)
        if known is None:
            return
        row = known | change
        row["updated_at"] = utc_text(time)
        self._reference.put_instrument(instrument_id, row)
        self.instruments[instrument_id] = row

    def _indicative(self, event: IndicativeChanged, time: Nanos) -> None:
        decimals = self._decimals(event.instrument_id)
        price = None if event.price is None else render_units(event.price, decimals.price)
        qty = None if event.price is None else render_units(event.qty, decimals.qty)
        self._instrument(event.instrument_id, time, {"indicative_px": price, "indicative_qty": qty})
