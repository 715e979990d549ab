"""The configuration of a venue: a file's settings, checked, and what the venue is built from.

Owns: reading and checking a file, the paths in it, and the translation of settings into the
domain's own records and commands.
Must not know: YAML syntax (typed_yaml.py), which keys exist (settings.py), what the parts of the
venue do with their settings.

Paths in a file are taken from the folder the file stands in. Passwords never stand in it: users
have hashes in their own file (users.py), and outside services name a `password_file`.
"""

import os
from datetime import time
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from fixoms.config_risk import risk_commands, risk_mistakes
from fixoms.domain.commands import (
    VENUE,
    CancelOnDisconnect,
    Command,
    DefineInstrument,
    DefineParticipant,
    DefineSession,
)
from fixoms.domain.enums import Phase
from fixoms.domain.instrument import Instrument, TickBand, to_units
from fixoms.domain.units import Price, Qty
from fixoms.gateway.schedule import MIDNIGHT, Step
from fixoms.journal.settings import JournalSettings
from fixoms.settings import (
    DisconnectPolicy,
    InstrumentSettings,
    SessionSettings,
    Settings,
    Weekday,
)
from fixoms.settings_checks import instrument_mistakes, mistakes
from fixoms.typed_yaml import ConfigError, Document, Problem, parse_document, read_document

__all__ = ["Config", "ConfigError", "load", "parse"]


class Config(Settings, frozen=True, kw_only=True):
    """Checked settings and the file they came from: what the venue is built from."""

    path: Path

    def file(self, name: str) -> Path:
        """Path `name` as the config file means it: from the folder that file stands in."""
        return Path(os.path.normpath(self.path.parent / Path(name).expanduser()))

    @property
    def data_dir(self) -> Path:
        """Folder of everything the venue writes."""
        return self.file(self.venue.data_dir)

    @property
    def journal_dir(self) -> Path:
        """Folder of the journal's segments and snapshots."""
        return self.data_dir / "journal"

    @property
    def wire_log_dir(self) -> Path:
        """Folder of the wire logs of the FIX sessions."""
        return self.data_dir / "wire"

    @property
    def audit_dir(self) -> Path:
        """Folder of the audit's chain and its heads."""
        return self.data_dir / "audit"

    @property
    def users_path(self) -> Path:
        """The users file with its password hashes."""
        return self.file(self.venue.users_file)

    @property
    def operator_socket(self) -> Path:
        """Where the running venue takes operator commands."""
        return self.data_dir / "operator.sock"

    @property
    def zone(self) -> ZoneInfo:
        """Time zone of the trading day."""
        return ZoneInfo(self.venue.time_zone)

    @property
    def sql_url(self) -> str:
        """SQLAlchemy URL of the store; a password is read from `password_file` now."""
        if not self.sql.url:
            return f"sqlite+aiosqlite:///{self.data_dir / 'venue.db'}"
        if not self.sql.password_file:
            return self.sql.url
        parts = urlsplit(self.sql.url)
        login = f"{parts.username or ''}:{quote(self.secret(self.sql.password_file), safe='')}"
        host = parts.netloc.rpartition("@")[2]
        return parts._replace(netloc=f"{login}@{host}").geturl()

    @property
    def mqtt_password(self) -> str | None:
        """Password for the MQTT broker, read from `password_file` now."""
        return self.secret(self.mqtt.password_file) if self.mqtt.password_file else None

    def secret(self, name: str) -> str:
        """First line of the secret file `name`; raises ConfigError when it cannot be read."""
        path = self.file(name)
        try:
            return path.read_text(encoding="utf-8").split("\n", 1)[0].rstrip("\r")
        except (OSError, UnicodeDecodeError) as error:
            problem = Problem(key="", text=f"password file {path} cannot be read: {error}")
            raise ConfigError(self.path, [problem]) from None

    @property
    def journal_settings(self) -> JournalSettings:
        """The journal's own settings."""
        return JournalSettings(
            durability=self.journal.durability,
            interval_ms=self.journal.interval_ms,
            segment_bytes_max=self.journal.segment_bytes,
            retention=self.journal.retention,
            snapshots_kept=self.journal.snapshots_kept,
            reserve_bytes=self.journal.reserve_bytes,
            accept_lost_tail=self.journal.accept_lost_tail,
        )

    def schedule_steps(self) -> tuple[Step, ...]:
        """Steps of the timetable. Days change at midnight unless the schedule says when."""
        weekdays = list(Weekday)
        steps = tuple(
            Step(
                at=time.fromisoformat(step.at),
                what=step.do.value,
                scope=step.scope,
                weekdays=tuple(weekdays.index(day) for day in step.weekdays),
            )
            for step in self.schedule
        )
        return steps if any(step.do.is_day for step in self.schedule) else (*MIDNIGHT, *steps)

    def definitions(self) -> list[Command]:
        """Commands that make participants, sessions and instruments known to an engine."""
        participants: list[Command] = [
            DefineParticipant(VENUE, name, each.self_trade_prevention.domain)
            for name, each in self.participants.items()
        ]
        sessions: list[Command] = [
            DefineSession(VENUE, comp_id, each.participant, _cancel_on_disconnect(each))
            for comp_id, each in self.sessions.items()
        ]
        instruments: list[Command] = [
            DefineInstrument(VENUE, self._instrument(each), each.phase) for each in self.instruments
        ]
        return [*participants, *sessions, *instruments, *risk_commands(self)]

    def parse_instrument(self, text: str) -> tuple[Instrument, Phase]:
        """Read one entry of `instruments` from YAML `text`; raises ConfigError."""
        document = parse_document(text, Path("instrument"), InstrumentSettings)
        problems = [
            document.problem(key, text) for key, text in instrument_mistakes("", document.value)
        ]
        if problems:
            raise ConfigError(document.path, problems)
        return self._instrument(document.value), document.value.phase

    def _instrument(self, each: InstrumentSettings) -> Instrument:
        lot = _qty(each, each.lot_size)
        reference = each.reference_price
        return Instrument(
            symbol=each.symbol,
            market=each.market or self.venue.market,
            segment=each.segment,
            currency=each.currency,
            description=each.description,
            price_decimals=each.price_decimals,
            qty_decimals=each.qty_decimals,
            tick_bands=tuple(
                TickBand(_price(each, step.from_price), _price(each, step.tick))
                for step in each.steps()
            ),
            lot_size=lot,
            min_qty=lot if each.min_qty is None else _qty(each, each.min_qty),
            max_qty=_qty(each, each.max_qty),
            reference_price=None if reference is None else _price(each, reference),
            static_band_bp=to_units(each.static_band_percent, 2) or 0,
            dynamic_band_bp=to_units(each.dynamic_band_percent, 2) or 0,
            initial_margin_bp=to_units(each.initial_margin_percent, 2) or 0,
        )


def load(path: Path) -> Config:
    """Read and check the configuration file at `path`; raises ConfigError with every mistake."""
    return _checked(read_document(path, Settings))


def parse(text: str, path: Path) -> Config:
    """Read and check configuration `text` as if it stood in `path`; raises ConfigError."""
    return _checked(parse_document(text, path, Settings))


def _checked(document: Document[Settings]) -> Config:
    settings = document.value
    found = (*mistakes(settings), *risk_mistakes(settings))
    problems = [document.problem(key, text) for key, text in found]
    if problems:
        raise ConfigError(document.path, problems)
    groups = {name: getattr(settings, name) for name in settings.__struct_fields__}
    return Config(path=document.path.absolute(), **groups)


def _price(each: InstrumentSettings, value: Decimal) -> Price:
    units = to_units(value, each.price_decimals)
    assert units is not None, "settings are checked before they are translated"
    return Price(units)


def _qty(each: InstrumentSettings, value: Decimal) -> Qty:
    units = to_units(value, each.qty_decimals)
    assert units is not None, "settings are checked before they are translated"
    return Qty(units)


def _cancel_on_disconnect(session: SessionSettings) -> CancelOnDisconnect:
    policy = session.cancel_on_disconnect
    return CancelOnDisconnect(
        on_loss=policy is not DisconnectPolicy.OFF,
        on_logout=policy is DisconnectPolicy.LOSS_AND_LOGOUT,
        good_till=session.cancel_good_till,
    )
