"""Market prices into a real venue, by CSV and MQTT; the head of its audit out of it."""

import asyncio
import json
from pathlib import Path

from aiomqtt import Client

from tests.outlets.brokers import Mosquitto, needs_mosquitto
from tests.system.test_audit import records
from tests.system.venue_process import VenueProcess, fixoms, venue, wait_for, write_config

CSV = """symbol,market,price,time,source
ACME,,10.25,2026-01-05T13:30:00Z,XNAS
GLOBEX,XFOM,50.10,2026-01-05T13:30:00Z,XNAS
NONE,,1.00,,
ACME,,10.255,,
ACME,,ten,,
ACME,,10.30,noon,
ACME
ACME,,10.35,,,extra
ACME,,10.40,,
"""


def market_prices(process: VenueProcess) -> list[tuple[str, int, str]]:
    """Instrument, price and source of every market price in the journal."""
    exported = fixoms("journal", "export", "--config", str(process.config))
    commands = [json.loads(line)["command"] for line in exported.stdout.splitlines()]
    return [
        (each["instrument_id"], each["price"], each["source"])
        for each in commands
        if each["type"] == "SetMarketPrice"
    ]


def test_a_file_of_prices_is_taken_but_for_its_bad_lines(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    path = tmp_path / "prices.csv"
    path.write_text(CSV)
    with venue(config) as process:
        done = fixoms("market-data", "import", str(path), "--config", str(config))
        assert done.returncode == 1
        assert done.stdout == "3 prices taken, 6 lines refused\n"
        bad = [line.partition(f"{path}:")[2] for line in done.stderr.splitlines()]
        assert [int(line.partition(":")[0]) for line in bad] == [4, 5, 6, 7, 8, 9]
        assert "'NONE' is not an instrument" in bad[0]
        assert "at most 2 decimals" in bad[1]
        said = json.loads(
            fixoms("market-data", "import", str(path), "--json", "--config", str(config)).stdout
        )
        assert (said["taken"], len(said["bad"])) == (3, 6)
        prices = market_prices(process)
        assert prices[:2] == [("ACME@XFOM", 1025, "XNAS"), ("GLOBEX@XFOM", 5010, "XNAS")]
        assert prices[2][:2] == ("ACME@XFOM", 1040)
        assert prices[2][2].startswith("operator:")
    kept = records(config, "--kind", "command-refused")
    assert any("10.255" in each["text"] for each in kept)
    path.write_text("isin,price\nX,1\n")
    wrong = fixoms("market-data", "import", str(path), "--config", str(config))
    assert "Traceback" not in wrong.stderr


@needs_mosquitto
def test_prices_come_by_mqtt_and_the_head_of_the_audit_goes_out(tmp_path: Path) -> None:
    asyncio.run(_by_mqtt(tmp_path))


async def _by_mqtt(folder: Path) -> None:
    broker = await Mosquitto(folder).start()
    config = write_config(folder, mqtt=f"{{broker: '{broker.url}', market_prices: true}}")
    head = folder / "head.json"
    try:
        async with Client("127.0.0.1", broker.port) as client:
            payload = b'{"price":"10.25","time":"2026-01-05T13:30:00Z","source":"XNAS"}'
            topic = "fixoms/FIXOMS/market-prices/XFOM/ACME"
            await client.publish(topic, payload, qos=1, retain=True)
            await asyncio.to_thread(_venue_hears, config)
            # The venue has stopped; what it has left is the last line of its audit.
            await client.subscribe("fixoms/FIXOMS/audit/head", qos=1)
            async with asyncio.timeout(10):
                async for message in client.messages:
                    assert isinstance(message.payload, bytes)
                    head.write_bytes(message.payload)
                    break
    finally:
        broker.stop()
    told = json.loads(head.read_bytes())
    assert (told["type"], told["seq"]) == ("audit-head", len(records(config)))
    verify = ("audit", "verify", "--config", str(config), "--head", str(head))
    assert fixoms(*verify).returncode == 0
    (path,) = (folder / "var" / "audit").glob("*.jsonl")
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[: told["seq"] - 1]))
    assert f"{head}: the head is line" in fixoms(*verify).stdout


def _venue_hears(config: Path) -> None:
    with venue(config) as process:
        found = wait_for(lambda: market_prices(process), process)
        assert found == [("ACME@XFOM", 1025, "XNAS")]
