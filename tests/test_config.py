"""Configuration files: what they may hold, and how every mistake is told."""

import ast
import re
from datetime import time
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from fixoms import settings as keys
from fixoms.config import Config, ConfigError, load, parse
from fixoms.domain.commands import CancelOnDisconnect, DefineInstrument, DefineSession
from fixoms.domain.enums import Phase, SelfTradePrevention
from fixoms.domain.instrument import TickBand
from fixoms.domain.units import Price
from fixoms.gateway.schedule import MIDNIGHT
from fixoms.settings import Settings

SOURCE = Path(__file__).parents[1] / "src" / "fixoms"
GROUPS = [
    group
    for group in vars(keys).values()
    if isinstance(group, type) and issubclass(group, msgspec.Struct)
]
VENUE_YAML = Path(__file__).parents[1] / "config" / "venue.yaml"


def read(text: str) -> Config:
    return parse(text, Path("/etc/venue/x.yaml"))


def complaints(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return str(caught.value).splitlines()


def test_an_empty_file_is_the_defaults() -> None:
    config = read("")
    assert config.fix.host == "127.0.0.1"
    assert config.fix.port == 9878
    assert config.mqtt.broker == "off"
    assert config.definitions() == []


def test_the_shipped_file_is_sound() -> None:
    config = load(VENUE_YAML)
    assert [each.symbol for each in config.instruments] == ["ACME", "GLOBEX", "INITECH"]
    assert config.data_dir == VENUE_YAML.parents[1] / "var" / "venue"


def test_the_shipped_file_explains_every_key_with_its_default() -> None:
    """Taking away the `#` of each explained key must change nothing, and miss no key."""
    text = VENUE_YAML.read_text(encoding="utf-8")
    opened = re.sub(r"(?m)^( {0,6})# ( *)(?=- \{|\w+:(?: |$))", r"\1\2", text)
    opened = re.sub(r"(?ms)^  tls:.*?(?=^  timestamp_digits)", "", opened)
    assert read(opened).fix == read(text).fix
    assert read(opened).sessions == read(text).sessions
    assert read(opened).journal == read(text).journal
    assert read(opened).sql == read(text).sql
    assert len(read(opened).schedule_steps()) == 4
    assert read(opened).alerts == read(text).alerts
    written = set(re.findall(r"(?m)(?:^[ #-]*|[{,] ?)(\w+):", text))
    missing = {
        name for group in GROUPS for name in group.__struct_encode_fields__ if name not in written
    }
    assert not missing


def test_every_key_is_read_by_something() -> None:
    """A key that changes nothing would be a promise nobody keeps."""
    read_names = {
        node.attr
        for path in SOURCE.rglob("*.py")
        if path.name not in ("settings.py", "settings_checks.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
    }
    unread = {
        f"{group.__name__}.{name}"
        for group in GROUPS
        for name in group.__struct_fields__
        if name not in read_names
    }
    # Descriptions are for the reader of the file.
    assert unread <= {"ParticipantSettings.description"}


def test_scalars_are_taken_as_they_are_written() -> None:
    config = read(
        """
        participants: {NO: {description: yes}}
        sessions: {"007": {participant: NO}}
        instruments: [{symbol: ACME, tick: 0.10, reference_price: 10.10}]
        """
    )
    assert config.sessions["007"].participant == "NO"
    assert config.participants["NO"].description == "yes"
    assert str(config.instruments[0].reference_price) == "10.10"
    assert config.instruments[0].tick == Decimal("0.10")


def test_instruments_become_integers() -> None:
    config = read(
        """
        venue: {market: XTST}
        instruments:
          - symbol: INITECH
            price_decimals: 4
            qty_decimals: 1
            tick: [{from: 0, tick: 0.0005}, {from: 20, tick: 0.01}]
            lot_size: 0.5
            max_qty: 1000
            reference_price: 2.15
            static_band_percent: 2.5
            phase: closed
        """
    )
    (command,) = config.definitions()
    assert isinstance(command, DefineInstrument)
    assert command.phase is Phase.CLOSED
    instrument = command.instrument
    assert instrument.instrument_id == "INITECH@XTST"
    assert instrument.tick_bands == (
        TickBand(Price(0), Price(5)),
        TickBand(Price(200_000), Price(100)),
    )
    assert (instrument.lot_size, instrument.min_qty, instrument.max_qty) == (5, 5, 10_000)
    assert instrument.reference_price == 21_500
    assert instrument.static_band_bp == 250


def test_sessions_and_participants_become_commands() -> None:
    config = read(
        """
        participants: {ALPHA: {self_trade_prevention: cancel-oldest}}
        sessions: {A1: {participant: ALPHA, cancel_on_disconnect: loss-and-logout}}
        """
    )
    participant, session = config.definitions()
    assert participant.stp is SelfTradePrevention.CANCEL_OLDEST  # type: ignore[union-attr]
    assert isinstance(session, DefineSession)
    assert session.cancel_on_disconnect == CancelOnDisconnect(on_loss=True, on_logout=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fix:\n  prot: 1", "x.yaml:2: fix.prot: unknown key; did you mean port?"),
        ("fix: {zzz: 1}", "fix.zzz: unknown key; allowed: host, port, comp_id"),
        (
            "fix: {port: 70000}",
            "fix.port: '70000' is not allowed; allowed: a whole number from 0 to",
        ),
        ("fix: {port: 9_87_8x}", "fix.port: '9_87_8x' is not allowed"),
        ("fix: {port: 1e3}", "fix.port: '1e3' is not allowed"),
        ("fix: {host: [a]}", "fix.host: a list is not allowed; allowed: a text"),
        ("fix: {wire_log: maybe}", "fix.wire_log: 'maybe' is not allowed; allowed: true or false"),
        ("fix: {port:}", "fix.port: has no value; allowed: a whole number"),
        (
            "fix: {timestamp_digits: 4}",
            "fix.timestamp_digits: '4' is not allowed; allowed: 3, 6, 9",
        ),
        ("fix: 7", "fix: '7' is not allowed; allowed: keys with values"),
        ("fix: {port: 1, port: 2}", "fix.port: stands twice"),
        ("fix: {port: !!python/name:os.system 1}", "fix.port: '1' is not allowed"),
        (
            "fix: {allowed_addresses: [nowhere]}",
            "fix.allowed_addresses[0]: 'nowhere' is not allowed",
        ),
        ("- a", "a list is not allowed"),
        ("a: b: c", "x.yaml:1: not YAML"),
        ("fix: {password: hunter2}", "fix.password: secrets do not belong in a config file"),
        ("venue: {time_zone: Mars/Base}", "venue.time_zone: 'Mars/Base' is not allowed"),
        ("venue: {time_zone: ../../etc/passwd}", "venue.time_zone: "),
        ("venue: {market: xfom}", "'xfom' is not allowed; allowed: a MIC: four capital letters"),
        ("sessions: {A: {}}", "x.yaml:1: sessions.A.participant: is missing"),
        (
            "participants: {ALPHA: {}}\nsessions:\n  A:\n    participant: ALPHB",
            "x.yaml:4: sessions.A.participant: 'ALPHB' is not a participant; did you mean ALPHA?",
        ),
        (
            "participants: {P: {}}\nsessions: {FIXOMS: {participant: P}}",
            "sessions.FIXOMS: is the venue's own CompID",
        ),
        (
            """
            participants: {P: {}}
            sessions: {A: {participant: P, heartbeat_s_min: 9, heartbeat_s_max: 8}}
            """,
            "sessions.A.heartbeat_s_min: 9 is above heartbeat_s_max, 8",
        ),
        (
            "participants: {P: {}}\nsessions: {A B: {participant: P}}",
            "'A B' is not allowed; allowed: 1 to 32 printable ASCII characters",
        ),
        (
            "mqtt: {broker: tcp://h}",
            "mqtt.broker: 'tcp://h' is not allowed; allowed: embedded, off,",
        ),
        ("mqtt: {broker: 'mqtt://u:p@h'}", "mqtt.broker: a password does not belong"),
        ("mqtt: {broker: 'mqtt://h:99999'}", "mqtt.broker: 'mqtt://h:99999' is not allowed"),
        (
            "sql: {url: 'mysql://h/d'}",
            "sql.url: 'mysql://h/d' is not allowed; allowed: a URL sqlite",
        ),
        ("sql: {url: 'postgresql+asyncpg://u:p@h/d'}", "sql.url: a password does not belong"),
        ("instruments: [{}]", "instruments[0].symbol: is missing"),
        (
            "instruments: [{symbol: A, tick: 0.001}]",
            "tick: 0.001 has more decimals than price_decimals",
        ),
        (
            "instruments: [{symbol: A, tick: 0}]",
            "tick: 0 is not allowed; allowed: a decimal number above",
        ),
        (
            "instruments: [{symbol: A, tick: nan}]",
            "tick: 'nan' is not allowed; allowed: a decimal number",
        ),
        ("instruments: [{symbol: A, tick: []}]", "the first step of a tick table starts `from: 0`"),
        (
            """
            instruments:
              - {symbol: A, tick: [{from: 0, tick: 1}, {from: 0.5, tick: 1}, {from: 0.5, tick: 2}]}
            """,
            "instruments[0].tick[2].from: 0.5 is not above the step before it, 0.5",
        ),
        ("instruments: [{symbol: A, lot_size: 0}]", "lot_size: 0 is not allowed"),
        (
            "instruments: [{symbol: A, lot_size: 10, min_qty: 5}]",
            "min_qty: 5 is not a multiple of lot",
        ),
        ("instruments: [{symbol: A, min_qty: 9, max_qty: 8}]", "min_qty: 9 is above max_qty, 8"),
        (
            "instruments: [{symbol: A, max_qty: 99999999999999}]",
            "max_qty: 99999999999999 is not allowed",
        ),
        ("instruments: [{symbol: A, static_band_percent: 1.234}]", "static_band_percent: 1.234"),
        ("instruments: [{symbol: A}, {symbol: A}]", "A on XFOM is already instruments[0]"),
        (
            "schedule: [{at: '25:00', do: halt}]",
            "schedule[0].at: '25:00' is not allowed; allowed",
        ),
        (
            "schedule: [{at: '09:00', do: lunch}]",
            "schedule[0].do: 'lunch' is not allowed",
        ),
        ("schedule: [{at: '09:00', do: halt, scope: X}]", "schedule[0].scope: 'X' is not allowed"),
        (
            "schedule: [{at: '09:00', do: end-of-day, scope: X}]",
            "whole venue's and takes no scope",
        ),
        ("instruments: [{symbol: A, phase: open}]", "allowed: closed, opening-auction, continuous"),
    ],
)
def test_a_mistake_is_named_by_place_value_and_what_is_allowed(text: str, said: str) -> None:
    lines = complaints(text)
    assert any(said in line for line in lines), lines
    assert all(line.startswith("/etc/venue/x.yaml") for line in lines)


def test_the_schedule_becomes_steps() -> None:
    config = read(
        """
        instruments: [{symbol: ACME, segment: MAIN}]
        schedule:
          - {at: "09:30", do: continuous, scope: MAIN, weekdays: [mon, sun]}
        """
    )
    *midnight, step = config.schedule_steps()
    assert tuple(midnight) == MIDNIGHT
    assert (step.at, step.what, step.scope) == (time(9, 30), "continuous", "MAIN")
    assert step.weekdays == (0, 6)
    assert read("").schedule_steps() == MIDNIGHT
    days = read("schedule: [{at: '08:00', do: start-of-day}, {at: '18:00', do: end-of-day}]")
    assert [step.what for step in days.schedule_steps()] == ["start-of-day", "end-of-day"]


def test_all_mistakes_are_told_at_once() -> None:
    lines = complaints("fix: {port: x, host: []}\nvenue: {nmae: y}")
    assert [line.split(": ")[1] for line in lines] == ["fix.port", "fix.host", "venue.nmae"]


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read: No such file"):
        load(tmp_path / "nowhere.yaml")
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(binary)
    huge = tmp_path / "huge.yaml"
    huge.write_bytes(b"#" * (4 * 1024 * 1024 + 1))
    with pytest.raises(ConfigError, match="at most 4194304 are read"):
        load(huge)
    control = tmp_path / "control.yaml"
    control.write_bytes(b"a: \x07")
    with pytest.raises(ConfigError, match="not YAML"):
        load(control)
    deep = tmp_path / "deep.yaml"
    deep.write_text("[" * 100_000)
    with pytest.raises(ConfigError, match="not YAML"):
        load(deep)


def test_secrets_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "db").write_text("p@ss/word\nsecond line\n")
    (tmp_path / "venue.yaml").write_text(
        "sql: {url: 'postgresql+asyncpg://oms@db.example:5433/venue', password_file: db}\n"
        "mqtt: {broker: 'mqtt://h', user: u, password_file: nowhere}\n"
    )
    config = load(tmp_path / "venue.yaml")
    assert config.sql_url == "postgresql+asyncpg://oms:p%40ss%2Fword@db.example:5433/venue"
    with pytest.raises(ConfigError, match=r"password file .*nowhere cannot be read"):
        _ = config.mqtt_password


def test_the_default_store_is_a_file_of_the_data_dir() -> None:
    assert read("venue: {data_dir: d}").sql_url == "sqlite+aiosqlite:////etc/venue/d/venue.db"


def test_settings_of_a_config_are_those_of_the_file() -> None:
    assert set(Settings.__struct_fields__) < set(Config.__struct_fields__)
