"""One scene, three records: what clients received, what SQL holds, what MQTT carried.

A real `fixoms serve`, a real Mosquitto, terminals over TCP, the SQLite file opened by sqlite3.
"""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.outlets.brokers import Mosquitto, Subscriber, needs_mosquitto
from tests.system.terminal import Terminal, stamp
from tests.system.venue_process import PASSWORD, VenueProcess, venue, wait_for, write_config

COLUMNS = {
    "order_id": 37,
    "cl_ord_id": 11,
    "symbol": 55,
    "order_qty": 38,
    "price": 44,
    "last_qty": 32,
    "last_px": 31,
    "leaves_qty": 151,
    "cum_qty": 14,
    "avg_px": 6,
    "trade_id": 527,
    "contra": 375,
    "text": 58,
    "trading_day": 75,
}
"""Column of order_events, and the field of ExecutionReport(8) it must repeat to the letter."""


def play(process: VenueProcess) -> list[dict[int, str]]:
    """Trade the scene and return every ExecutionReport the clients received."""
    names = ("ALPHA1", "BRAVO1", "CHARLIE1")
    alpha, bravo, charlie = terminals = [Terminal(process.port, name) for name in names]
    for terminal in terminals:
        terminal.logon(terminal.name[:-1].lower(), PASSWORD)
    bravo.order("B1", 2, "300", "10.05")
    bravo.expect("8", f150="0")
    charlie.order("C1", 2, "200", "10.06", f1="ACC-9")
    charlie.expect("8", f150="0")
    alpha.order("A1", 1, "600", "10.06")
    for exec_type in ("0", "F", "F"):
        alpha.expect("8", f150=exec_type)
    bravo.expect("8", f150="F", f39="2")
    charlie.expect("8", f150="F", f39="2")
    change = {"f55": "ACME", "f54": 1, "f60": stamp(), "f38": 700}
    alpha.send("G", f41="A1", f11="A2", f21=1, f40=2, f44="9.99", **change)
    alpha.expect("8", f150="5", f151="200")
    alpha.send("F", f41="A2", f11="A3", **change)
    alpha.expect("8", f150="4", f39="4")
    bravo.order("B2", 2, "50", "10.005")
    bravo.expect("8", f150="8")
    for terminal in terminals:
        terminal.logout()
    return [each for terminal in terminals for each in terminal.received if each[35] == "8"]


def compare_with_sql(folder: Path, reports: list[dict[int, str]]) -> None:
    database = sqlite3.connect(f"file:{folder / 'var' / 'venue.db'}?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    with closing(database):
        rows = database.execute("select * from order_events order by seq, event_index").fetchall()
        assert [row["exec_id"] for row in rows] == sorted(
            (report[17] for report in reports), key=lambda exec_id: int(exec_id[1:])
        )
        by_exec_id = {row["exec_id"]: row for row in rows}
        for report in reports:
            row = by_exec_id[report[17]]
            for column, tag in COLUMNS.items():
                shown = row[column]
                expected = report.get(tag)
                if expected is None:
                    assert shown in (None, "", "0"), (column, report)
                else:
                    assert str(shown) == expected, (column, report)
        (notional,) = database.execute("select sum(price_units * qty_units) from trades").fetchone()
        assert notional == 300 * 1005 + 200 * 1006


@needs_mosquitto
async def test_clients_sql_and_mqtt_tell_the_same_story(tmp_path: Path) -> None:
    broker = await Mosquitto(tmp_path).start()
    try:
        async with Subscriber.to(broker.port, "fixoms/#") as subscriber:
            config = write_config(tmp_path, mqtt=f"{{broker: '{broker.url}'}}")
            with venue(config) as process:
                reports = await asyncio.to_thread(play, process)
            # The venue has stopped in order, so both outlets have written everything.
            compare_with_sql(tmp_path, reports)
            await subscriber.until(
                lambda all_of: any(
                    topic.endswith("/status") and event.get("status") == "offline"
                    for topic, event in all_of.messages
                )
            )
            ids = [event["id"] for event in subscriber.events()]
            assert len(ids) == len(set(ids)), "an event came twice"
            seqs = [event["seq"] for event in subscriber.events()]
            assert seqs == sorted(seqs), "events came out of order"
            states = [event["exec_id"] for event in subscriber.of_type("order")]
            assert sorted(states) == sorted(report[17] for report in reports)
            trades = [(each["price"], each["qty"]) for each in subscriber.of_type("trade")]
            assert trades == [("10.05", "300"), ("10.06", "200")]
    finally:
        broker.stop()


@needs_mosquitto
async def test_a_broker_that_goes_and_comes_back_misses_nothing(tmp_path: Path) -> None:
    broker = await Mosquitto(tmp_path).start()
    config = write_config(tmp_path, mqtt=f"{{broker: '{broker.url}'}}")
    try:
        with venue(config) as process:
            alpha = await asyncio.to_thread(_logged_on, process)
            await asyncio.to_thread(_order, alpha, "A1")
            broker.stop()
            await asyncio.to_thread(_order, alpha, "A2")
            await asyncio.to_thread(process.said, "mqtt")
            await broker.start()
            async with Subscriber.to(broker.port, "fixoms/#") as subscriber:
                await asyncio.to_thread(_order, alpha, "A3")
                await subscriber.until(
                    lambda all_of: (
                        {"A2", "A3"} <= {event["cl_ord_id"] for event in all_of.of_type("order")}
                    )
                )
            await asyncio.to_thread(alpha.logout)
    finally:
        broker.stop()


def _logged_on(process: VenueProcess) -> Terminal:
    alpha = Terminal(process.port, "ALPHA1")
    alpha.logon("alpha", PASSWORD)
    status = process.config.parent / "var" / "outlets.json"
    wait_for(lambda: status.exists() and '"mqtt","state":"running"' in status.read_text(), process)
    return alpha


def _order(alpha: Terminal, cl_ord_id: str) -> None:
    alpha.order(cl_ord_id, 1, "100", "10.00")
    alpha.expect("8", f150="0")
