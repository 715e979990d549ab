"""What is left of a story when it is over: everything an auditor may look at.

Owns: the form of the evidence, and how it is read out of the journal's files and the database.
Must not know: what is right.
"""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import msgspec

from fixoms.domain.events import Level
from fixoms.domain.ids import InstrumentId
from fixoms.domain.instrument import Instrument
from fixoms.domain.rendering import render_order_id
from fixoms.engine.engine import Engine
from fixoms.engine.settings import EngineSettings
from fixoms.engine.views import OrderView
from fixoms.gateway.recovery import recover_engine
from fixoms.journal.entry import Entry, NumbersReset, Outbound
from fixoms.journal.journal import Journal
from fixoms.journal.recovery import decoded_entries, decoded_session_records
from fixoms.journal.segment import Segment, segment_paths
from fixoms.journal.session_log import SessionNumbers
from fixoms.journal.verify import verify
from fixoms.outlets.publications import Publication
from fixoms.simulation.client import Truth

Value: TypeAlias = str | int | float | bytes | None
TABLES = ("orders", "order_events", "trades", "order_book", "outlet_cursor", "instruments")


@dataclass(frozen=True, slots=True)
class Told:
    """One MQTT message as the broker got it."""

    topic: str
    fields: dict[str, object]


@dataclass(slots=True)
class Figures:
    """What happened, for a report."""

    lives: int = 0
    deaths: int = 0
    failures: int = 0
    writes: int = 0
    entries: int = 0
    orders: int = 0
    fills: int = 0
    connections: int = 0
    journal_bytes: int = 0


@dataclass(slots=True)
class Evidence:
    """Clients' truths, the journal, the engine made from it, SQL and MQTT.

    `faults` are what the world itself saw go wrong: a venue that broke, that did not start, that
    did not come to rest. `live_hash` is the engine's state before the last end.
    """

    truths: list[Truth]
    entries: list[Entry]
    sent: dict[str, dict[int, Outbound]]
    numbers: dict[str, SessionNumbers]
    orders: dict[str, OrderView]
    instruments: dict[InstrumentId, Instrument]
    depths: dict[InstrumentId, tuple[tuple[Level, ...], tuple[Level, ...]]]
    state_hash: str
    live_hash: str
    decided_hash: str
    tables: dict[str, list[dict[str, Value]]]
    told: list[Told]
    chain: str
    faults: list[str] = field(default_factory=list)
    figures: Figures = field(default_factory=Figures)


def gather(
    journal: Path,
    database: Path,
    truths: list[Truth],
    told: list[Told],
    settings: EngineSettings,
    figures: Figures,
) -> Evidence:
    """Read what is left of a venue that is down. Raises JournalError when it could not start."""
    opened = Journal.open(journal)
    recovery = opened.recover()
    engine = recover_engine(recovery, settings)
    asyncio.run(opened.close())
    decided: list[Engine] = []

    def new_engine(snapshot: bytes | None) -> Engine:
        made = Engine.restore(snapshot, settings) if snapshot else Engine(settings)
        decided.append(made)
        return made

    report = verify(journal, new_engine)
    entries, sent = read_journal(journal)
    figures.entries = len(entries)
    figures.journal_bytes = sum(each.stat().st_size for each in journal.rglob("segment-*.sqlite"))
    return Evidence(
        truths=truths,
        entries=entries,
        sent=sent,
        numbers=recovery.sessions,
        orders={render_order_id(each.order_id): each for each in engine.orders()},
        instruments={each.instrument_id: each for each in engine.instruments()},
        depths=depths_of(engine),
        state_hash=engine.state_hash(),
        live_hash="",
        decided_hash=decided[0].state_hash() if decided else "",
        tables=read_tables(database),
        told=told,
        chain=report.chain,
        faults=[f"verify: {each.kind} {each.place}: {each.text}" for each in report.findings],
        figures=figures,
    )


def read_journal(directory: Path) -> tuple[list[Entry], dict[str, dict[int, Outbound]]]:
    """All entries, and every message of the present numbering of each session."""
    entries: list[Entry] = []
    sent: dict[str, dict[int, Outbound]] = {}
    for path in segment_paths(directory, archived=True).values():
        with closing(Segment(path)) as segment:
            for row in segment.rows(0):
                entries.extend(decoded_entries(segment, row))
                for record in decoded_session_records(segment, row):
                    if isinstance(record, NumbersReset):
                        sent[record.session] = {}
                    elif isinstance(record, Outbound):
                        sent.setdefault(record.session, {})[record.msg_seq_num] = record
    return entries, sent


def read_tables(database: Path) -> dict[str, list[dict[str, Value]]]:
    """Every table of the projection."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return {
            table: [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]  # noqa: S608  names of ours
            for table in TABLES
        }


def read_told(record: list[Publication]) -> list[Told]:
    """What the broker was told, in order."""
    return [
        Told(each.topic, msgspec.json.decode(each.payload, type=dict[str, object]))
        for each in record
    ]


def depths_of(engine: Engine) -> dict[InstrumentId, tuple[tuple[Level, ...], tuple[Level, ...]]]:
    """The whole visible book of every instrument."""
    return {
        each.instrument_id: engine.depth(each.instrument_id, 1_000_000)
        for each in engine.instruments()
    }
