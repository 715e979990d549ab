"""The tables of the SQL projection.

Owns: names, types, keys and indexes of what SQL shows.
Must not know: events (rows.py fills the tables), connections (database.py).

How values stand in a row, the same on SQLite and PostgreSQL:

- A price or quantity is an exact decimal with the instrument's decimals: TEXT on SQLite, so that
  `sqlite3` shows `10.05` and no float ever touches it, NUMERIC on PostgreSQL. Where SQL users
  compute or compare, the column beside it with the suffix `_units` holds the same value as an
  integer count of 10**-price_decimals or 10**-qty_decimals (see `instruments`).
- `avg_px` is `notional_units / cum_qty_units`, with the price's decimals where that is exact and
  rounded half even to 8 decimals where it is not; the integers beside it are always exact.
- A time is UTC with microseconds: ISO 8601 TEXT on SQLite, TIMESTAMP WITH TIME ZONE on
  PostgreSQL. A trading day is `YYYYMMDD`.
- Sides, types, states and reasons are the words of the FIX names in lower case with hyphens:
  `buy`, `stop-limit`, `good-till-cancel`, `partially-filled`, `trade-cancel`.
- OrderID, ExecID and trade ids are the texts clients see: `O17`, `E93`, `T5`.
- `broker` is the participant that owns an order; `seq` and `event_index` name the journal entry a
  row was made from and the place of the event in it.
"""

from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TIMESTAMP, TypeDecorator, TypeEngine

VERSION = 2
"""Version of this schema; migrations.py brings an older database up to it."""


class _NumericAsText(TypeDecorator[str]):
    """NUMERIC in the database, exact decimal text in Python."""

    impl = Numeric
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)

    def process_result_value(self, value: Decimal | None, _dialect: Dialect) -> str | None:
        return None if value is None else f"{value:f}"


class _TimestampAsText(TypeDecorator[str]):
    """TIMESTAMP WITH TIME ZONE in the database, ISO 8601 text in Python."""

    impl = TIMESTAMP(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> str | None:
        if value is None:
            return None
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _decimal() -> TypeEngine[str]:
    return Text().with_variant(_NumericAsText(), "postgresql")


def _time() -> TypeEngine[str]:
    return Text().with_variant(_TimestampAsText(), "postgresql")


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


metadata = MetaData()

orders = Table(
    "orders",
    metadata,
    _text("order_id"),
    # A refused order has OrderID NONE; its first report makes it a row of its own.
    Column("refused_exec_id", Text, nullable=False),
    Column("order_no", BigInteger, nullable=False),
    _text("cl_ord_id"),
    _text("client"),
    _text("account"),
    _text("broker"),
    _text("session"),
    _text("user_name"),
    _text("instrument_id"),
    _text("symbol"),
    _text("market"),
    _text("side"),
    _text("ord_type"),
    _text("tif"),
    Column("order_qty", _decimal(), nullable=False),
    Column("order_qty_units", BigInteger, nullable=False),
    Column("price", _decimal()),
    Column("price_units", BigInteger),
    Column("stop_px", _decimal()),
    Column("stop_px_units", BigInteger),
    Column("max_floor", _decimal()),
    Column("min_qty", _decimal()),
    _text("exec_inst"),
    Column("expire_time", _time()),
    _text("expire_date"),
    Column("leaves_qty", _decimal(), nullable=False),
    Column("leaves_qty_units", BigInteger, nullable=False),
    Column("cum_qty", _decimal(), nullable=False),
    Column("cum_qty_units", BigInteger, nullable=False),
    Column("notional_units", BigInteger, nullable=False),
    Column("avg_px", _decimal(), nullable=False),
    _text("ord_status"),
    Column("ord_rej_reason", SmallInteger),
    _text("text"),
    Column("triggered", Boolean, nullable=False),
    _text("list_id"),
    _text("trading_day"),
    Column("entered_at", _time(), nullable=False),
    Column("updated_at", _time(), nullable=False),
    _text("last_exec_id"),
    Column("seq", BigInteger, nullable=False),
    PrimaryKeyConstraint("order_id", "refused_exec_id"),
    Index("orders_by_cl_ord_id", "cl_ord_id"),
    Index("orders_by_broker", "broker", "trading_day"),
    Index("orders_by_symbol", "symbol", "trading_day"),
)
"""One row per order, as it stands; refused orders too, with OrderID NONE.

`cl_ord_id` is the newest of the order's chain; order_events has the older ones.
"""

order_events = Table(
    "order_events",
    metadata,
    Column("seq", BigInteger, nullable=False),
    Column("event_index", Integer, nullable=False),
    Column("time", _time(), nullable=False),
    _text("kind"),
    Column("exec_id", Text),
    _text("exec_type"),
    _text("ord_status"),
    _text("order_id"),
    _text("cl_ord_id"),
    _text("orig_cl_ord_id"),
    _text("broker"),
    _text("session"),
    _text("requester"),
    _text("symbol"),
    Column("side", Text),
    Column("order_qty", _decimal()),
    Column("price", _decimal()),
    Column("stop_px", _decimal()),
    Column("last_qty", _decimal()),
    Column("last_qty_units", BigInteger),
    Column("last_px", _decimal()),
    Column("last_px_units", BigInteger),
    Column("leaves_qty", _decimal()),
    Column("leaves_qty_units", BigInteger),
    Column("cum_qty", _decimal()),
    Column("cum_qty_units", BigInteger),
    Column("notional_units", BigInteger),
    Column("avg_px", _decimal()),
    Column("trade_id", Text),
    Column("aggressor", Boolean),
    _text("contra"),
    Column("ref_exec_id", Text),
    Column("reason", SmallInteger),
    _text("text"),
    _text("trading_day"),
    PrimaryKeyConstraint("seq", "event_index"),
    Index("order_events_by_order_id", "order_id"),
    Index("order_events_by_cl_ord_id", "cl_ord_id"),
)
"""Every ExecutionReport(8) (`kind` execution) and OrderCancelReject(9) (`kind` cancel-reject).

`reason` is OrdRejReason(103), ExecRestatementReason(378) or CxlRejReason(102), as the kind of the
row has it.
"""

trades = Table(
    "trades",
    metadata,
    _text("trade_id"),
    Column("seq", BigInteger, nullable=False),
    Column("event_index", Integer, nullable=False),
    Column("time", _time(), nullable=False),
    _text("trading_day"),
    _text("instrument_id"),
    _text("symbol"),
    _text("market"),
    Column("price", _decimal(), nullable=False),
    Column("price_units", BigInteger, nullable=False),
    Column("qty", _decimal(), nullable=False),
    Column("qty_units", BigInteger, nullable=False),
    # An uncross has no aggressor.
    Column("aggressor_side", Text),
    _text("buy_order_id"),
    _text("sell_order_id"),
    _text("buyer"),
    _text("seller"),
    _text("status"),
    Column("original_price", _decimal()),
    Column("original_qty", _decimal()),
    _text("reason"),
    Column("updated_at", _time(), nullable=False),
    PrimaryKeyConstraint("trade_id"),
    Index("trades_by_symbol", "symbol", "trading_day"),
    Index("trades_by_seq", "seq"),
)
"""One row per match. `status` is `done`, `corrected` (first figures in original_*) or `busted`."""

order_book = Table(
    "order_book",
    metadata,
    _text("instrument_id"),
    _text("symbol"),
    _text("market"),
    _text("side"),
    Column("price", _decimal(), nullable=False),
    Column("price_units", BigInteger, nullable=False),
    Column("qty", _decimal(), nullable=False),
    Column("qty_units", BigInteger, nullable=False),
    Column("orders", Integer, nullable=False),
    Column("updated_at", _time(), nullable=False),
    Column("seq", BigInteger, nullable=False),
    PrimaryKeyConstraint("instrument_id", "side", "price_units"),
)
"""The visible book as it stands: one row per price level (`side` bid or ask), gone with it."""

instruments = Table(
    "instruments",
    metadata,
    _text("instrument_id"),
    _text("symbol"),
    _text("market"),
    _text("segment"),
    _text("currency"),
    _text("description"),
    Column("price_decimals", SmallInteger, nullable=False),
    Column("qty_decimals", SmallInteger, nullable=False),
    _text("tick_size"),
    Column("lot_size", _decimal(), nullable=False),
    Column("min_qty", _decimal(), nullable=False),
    Column("max_qty", _decimal(), nullable=False),
    Column("reference_price", _decimal()),
    Column("static_band_bp", Integer, nullable=False),
    Column("dynamic_band_bp", Integer, nullable=False),
    Column("initial_margin_bp", Integer, nullable=False),
    _text("status"),
    _text("phase"),
    Column("indicative_px", _decimal()),
    Column("indicative_qty", _decimal()),
    Column("updated_at", _time(), nullable=False),
    PrimaryKeyConstraint("instrument_id"),
    Index("instruments_by_symbol", "symbol"),
)
"""What is listed, in which phase. `tick_size` lists `from:tick` bands when there are several."""

sessions = Table(
    "sessions",
    metadata,
    _text("session"),
    _text("broker"),
    Column("connected", Boolean, nullable=False),
    _text("reason"),
    Column("updated_at", _time(), nullable=False),
    PrimaryKeyConstraint("session"),
)
"""FIX sessions and whether they are logged on."""

limits = Table(
    "limits",
    metadata,
    _text("scope"),
    _text("figure"),
    _text("currency"),
    _text("value"),
    _text("set_by"),
    _text("approved_by"),
    _text("reason"),
    Column("seq", BigInteger, nullable=False),
    PrimaryKeyConstraint("scope", "figure", "currency"),
)
"""One row per limit that is set: `account ACC1 of ALPHA`, `long_qty`, `50000`.

`figure` is the key of the configuration; `value` an exact decimal. Positions need no table: they
are sums over `orders` (store/limits.py).
"""

outlet_cursor = Table(
    "outlet_cursor",
    metadata,
    _text("outlet"),
    Column("seq", BigInteger, nullable=False),
    Column("time_ns", BigInteger, nullable=False),
    PrimaryKeyConstraint("outlet"),
)
"""How far the projection has read: the last journal entry all the rows above contain.

`time_ns` is that entry's time, by which another journal is told from this one.
"""

schema_version = Table(
    "schema_version",
    metadata,
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("version"),
)
"""One row: the version of the schema this database has."""
