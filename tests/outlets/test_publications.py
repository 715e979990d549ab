"""The messages of MQTT: what TOPICS.md promises, held against a day of the real engine."""

import re
from decimal import Decimal
from importlib.resources import files
from typing import Any

import msgspec
import pytest

from fixoms.domain.commands import VENUE, AdvanceTime
from fixoms.domain.enums import Phase
from fixoms.domain.events import (
    IndicativeChanged,
    InstrumentDefined,
    PhaseChanged,
    TradeBusted,
    TradeCorrected,
)
from fixoms.domain.ids import InstrumentId, TradeId
from fixoms.domain.units import Price, Qty
from fixoms.outlets import messages
from fixoms.outlets.alerts import AlertSettings
from fixoms.outlets.listings import Listings
from fixoms.outlets.messages import status_payload
from fixoms.outlets.publications import Publication, Publisher
from fixoms.outlets.topics import Topics, level
from tests.store.scene import ACME, ACME_ID, entry
from tests.store.trading_day import a_day

MESSAGES: dict[str, type[msgspec.Struct]] = {
    str(shape.__struct_config__.tag): shape
    for shape in vars(messages).values()
    if isinstance(shape, type)
    and issubclass(shape, msgspec.Struct)
    and shape.__struct_config__.tag_field == "type"
    and shape.__struct_config__.tag is not None
    and shape.__module__ == messages.__name__
    and not shape.__name__.startswith("_")
}
HEAD = {"type", "id", "seq", "index", "time"}
DOCUMENT = files("fixoms.outlets").joinpath("TOPICS.md").read_text(encoding="utf-8")


def a_publisher() -> Publisher:
    settings = AlertSettings(large_fill_value=Decimal(0))
    return Publisher(Topics("fixoms", "V"), Listings(), settings)


def published(*events: Any) -> list[tuple[str, dict[str, Any], bool]]:
    publisher = a_publisher()
    list(publisher.messages(entry(1, InstrumentDefined(ACME, Phase.CONTINUOUS))))
    return [
        (found.topic.removeprefix("fixoms/V/"), msgspec.json.decode(found.payload), found.retain)
        for found in publisher.messages(entry(2, *events))
        if "/alerts/" not in found.topic
    ]


def test_every_object_is_documented_with_all_its_fields() -> None:
    assert len(MESSAGES) == 10
    for tag, shape in MESSAGES.items():
        (paragraph,) = re.findall(rf"^`{tag}`: (.*?)\n\n", DOCUMENT, re.MULTILINE | re.DOTALL)
        named = set(re.findall(r"`([a-z_]+)`", paragraph))
        assert set(shape.__struct_fields__) - HEAD <= named, tag
        assert f"| `{tag}` |" in DOCUMENT


def test_every_kind_of_alert_is_documented() -> None:
    entries, _ = a_day(seed=11, commands=600)
    publisher = a_publisher()
    kinds = {
        (event["severity"], event["kind"])
        for one in entries
        for event in map(decoded, publisher.messages(one))
        if event["type"] == "alert"
    }
    assert len(kinds) >= 8
    for severity, kind in kinds:
        (row,) = re.findall(rf"^\| `{severity}` \| (.*) \|$", DOCUMENT, re.MULTILINE)
        assert f"`{kind}`" in row


def decoded(publication: Publication) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(publication.payload)
    return found


@pytest.mark.parametrize("seed", [12, 13])
def test_a_day_of_messages_keeps_its_promises(seed: int) -> None:
    entries, _ = a_day(seed, commands=500)
    publisher = a_publisher()
    events = [decoded(found) for one in entries for found in publisher.messages(one)]
    assert len({event["id"] for event in events}) == len(events)
    places = [(event["seq"], event["index"]) for event in events]
    assert places == sorted(places)
    for event in events:
        assert event.keys() >= HEAD
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", event["time"])
        shape = MESSAGES[event["type"]]
        msgspec.convert(event, shape)
        for name, value in event.items():
            if name.endswith(("_qty", "_px")) or name in ("price", "qty"):
                assert value is None or isinstance(value, str), (name, value)
    # The same entries make the same bytes: what is sent again has the same ids.
    again = a_publisher()
    assert [decoded(found) for one in entries for found in again.messages(one)] == events


def test_what_becomes_of_a_trade() -> None:
    found = published(
        TradeCorrected(
            TradeId(1), ACME_ID, "ACME", Price(1005), Qty(30), Price(1004), Qty(20), "typo"
        ),
        TradeBusted(TradeId(1), ACME_ID, "ACME", Price(1004), Qty(20), "agreed"),
    )
    assert [(topic, e["status"], e["price"], e["qty"], e["reason"]) for topic, e, _ in found] == [
        ("trades/XFOM/ACME", "corrected", "10.04", "20", "typo"),
        ("trades/XFOM/ACME", "busted", "10.04", "20", "agreed"),
    ]


def test_an_auction_call() -> None:
    moved = PhaseChanged(
        ACME_ID, "ACME", "MAIN", Phase.CONTINUOUS, Phase.CLOSING_AUCTION, "schedule", VENUE
    )
    price = IndicativeChanged(ACME_ID, "ACME", Price(1003), Qty(70), Qty(5), surplus_is_bid=False)
    nothing = IndicativeChanged(ACME_ID, "ACME", None, Qty(0), Qty(0), surplus_is_bid=False)
    phase, first, last = published(moved, price, nothing)
    assert (phase[0], phase[1]["phase"], phase[1]["before"]) == (
        "phase/XFOM/ACME",
        "closing-auction",
        "continuous",
    )
    assert (first[0], first[1]["price"], first[1]["surplus_side"]) == (
        "indicative/XFOM/ACME",
        "10.03",
        "sell",
    )
    assert (last[1]["price"], last[1]["qty"]) == (None, "0")
    assert phase[2]
    assert first[2]


def test_the_status_of_the_gateway() -> None:
    status = msgspec.json.decode(status_payload("V", "offline", 7, "2026-01-05T13:30:00Z", "why"))
    assert (status["type"], status["status"], status["seq"], status["reason"]) == (
        "gateway-status",
        "offline",
        7,
        "why",
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ACME", "ACME"),
        ("EUR/USD", "EUR%2FUSD"),
        ("a+b#c", "a%2Bb%23c"),
        ("%2F", "%252F"),
        ("", "-"),
    ],
)
def test_a_name_is_one_level(name: str, shown: str) -> None:
    assert level(name) == shown
    topics = Topics("p/q", name)
    assert topics.book(InstrumentId(f"{name}@XFOM")) == f"p/q/{shown}/book/XFOM/{shown}"


def test_a_quiet_entry_publishes_nothing() -> None:
    assert list(a_publisher().messages(entry(1))) == []
    assert isinstance(entry(1).command, AdvanceTime)
