"""Every key a configuration file may hold: its type, its bounds and its default.

Owns: the keys, and the one place where defaults stand. `config/venue.yaml` explains each of them.
Must not know: files, YAML, checks between keys (settings_checks.py), what the venue does with them.

Prices, quantities and percentages are exact decimals as a person writes them; config.py turns them
into the engine's integers.
"""

import enum
from decimal import Decimal
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from fixoms.domain.enums import Phase, SelfTradePrevention
from fixoms.domain.roles import UserRole
from fixoms.journal.settings import Durability, Retention
from fixoms.settings_risk import ProfileSettings, RiskSettings

Port = Annotated[int, Meta(ge=0, le=65_535)]
Seconds = Annotated[int, Meta(ge=1, le=86_400)]
CompId = Annotated[
    str,
    Meta(
        pattern=r"^[!-~]{1,32}$",
        description="1 to 32 printable ASCII characters without blanks",
    ),
]
Name = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$",
        description="1 to 32 letters, digits, `_`, `.` or `-`, the first a letter or digit",
    ),
]
Symbol = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]{0,19}$",
        description="1 to 20 letters, digits, `_`, `.`, `/` or `-`, the first a letter or digit",
    ),
]
Mic = Annotated[
    str,
    Meta(pattern=r"^[A-Z0-9]{4}$", description="a MIC: four capital letters or digits"),
]
Currency = Annotated[
    str, Meta(pattern=r"^[A-Z]{3}$", description="a currency of ISO 4217: three capital letters")
]

TimeOfDay = Annotated[
    str,
    Meta(
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$",
        description="a time of day such as 09:30 or 17:29:30",
    ),
]

EMBEDDED: Final = "embedded"
OFF: Final = "off"


class _Group(msgspec.Struct, frozen=True):
    """Base of all groups of keys: never changed once read."""


class VenueSettings(_Group, frozen=True):
    """Who the venue is and where it keeps its files."""

    name: Name = "FIXOMS"
    market: Mic = "XFOM"
    time_zone: str = "UTC"
    data_dir: str = "var/venue"
    users_file: str = "users.yaml"


class TlsSettings(_Group, frozen=True):
    """FIX over TLS (FIXS). With `client_ca`, peers must show a certificate of that authority."""

    certificate: str
    key_file: str
    client_ca: str = ""


class TimestampDigits(enum.Enum):
    """Decimals of the seconds in the timestamps the venue sends."""

    MILLISECONDS = 3
    MICROSECONDS = 6
    NANOSECONDS = 9


class FixSettings(_Group, frozen=True):
    """The FIX 4.4 listener and the bounds every connection is held to."""

    host: str = "127.0.0.1"
    port: Port = 9878
    comp_id: CompId = "FIXOMS"
    tls: TlsSettings | None = None
    allowed_addresses: tuple[str, ...] = ()
    timestamp_digits: TimestampDigits = TimestampDigits.MILLISECONDS
    sending_time_tolerance_s: Seconds = 120
    triggered_reports: bool = True
    logon_timeout_s: Seconds = 10
    logout_timeout_s: Seconds = 5
    max_connections: Annotated[int, Meta(ge=1, le=100_000)] = 1_000
    max_pre_logon_connections: Annotated[int, Meta(ge=1, le=10_000)] = 64
    max_message_bytes: Annotated[int, Meta(ge=1_024, le=16_777_216)] = 65_536
    max_outbound_bytes: Annotated[int, Meta(ge=65_536, le=1_073_741_824)] = 16_777_216
    max_held_messages: Annotated[int, Meta(ge=1, le=1_000_000)] = 1_000
    wire_log: bool = True


class LockOutSettings(_Group, frozen=True):
    """When a user is locked after wrong passwords, and for how long."""

    wrong_passwords: Annotated[int, Meta(ge=1, le=100)] = 5
    locked_for_s: Seconds = 900


class SelfTradePolicy(enum.Enum):
    """What happens when two orders of one participant would trade, in the words of the config."""

    NONE = "none"
    CANCEL_NEWEST = "cancel-newest"
    CANCEL_OLDEST = "cancel-oldest"
    CANCEL_BOTH = "cancel-both"
    DECREMENT = "decrement"

    @property
    def domain(self) -> SelfTradePrevention:
        """The same policy as the engine knows it."""
        return SelfTradePrevention[self.name]


class ParticipantSettings(_Group, frozen=True):
    """A broker: the owner of orders."""

    description: str = ""
    self_trade_prevention: SelfTradePolicy = SelfTradePolicy.NONE


class DisconnectPolicy(enum.Enum):
    """Which end of a session cancels its orders."""

    OFF = "off"
    LOSS = "loss"
    LOSS_AND_LOGOUT = "loss-and-logout"


class ResetMoment(enum.Enum):
    """When the sequence numbers of a session start again at 1, besides the peer asking for it."""

    LOGON = "logon"
    LOGOUT = "logout"
    DISCONNECT = "disconnect"


class SessionSettings(_Group, frozen=True):
    """One FIX session, named by the CompID of the peer."""

    participant: Name
    users: tuple[Name, ...] = ()
    allowed_addresses: tuple[str, ...] = ()
    cancel_on_disconnect: DisconnectPolicy = DisconnectPolicy.OFF
    cancel_good_till: bool = False
    reset_on: tuple[ResetMoment, ...] = ()
    heartbeat_s_min: Annotated[int, Meta(ge=0, le=86_400)] = 0
    heartbeat_s_max: Seconds = 3_600


class TickStep(_Group, frozen=True, rename={"from_price": "from"}):
    """From this price upward prices are multiples of `tick`."""

    from_price: Decimal
    tick: Decimal


class InstrumentSettings(_Group, frozen=True):
    """One symbol on one market. `market` empty stands for the venue's own."""

    symbol: Symbol
    market: Mic | None = None
    segment: Name = "MAIN"
    description: str = ""
    currency: Currency = "USD"
    price_decimals: Annotated[int, Meta(ge=0, le=9)] = 2
    qty_decimals: Annotated[int, Meta(ge=0, le=9)] = 0
    tick: Decimal | tuple[TickStep, ...] = Decimal("0.01")
    lot_size: Decimal = Decimal(1)
    min_qty: Decimal | None = None
    max_qty: Decimal = Decimal(1_000_000)
    reference_price: Decimal | None = None
    static_band_percent: Decimal = Decimal(0)
    dynamic_band_percent: Decimal = Decimal(0)
    initial_margin_percent: Decimal = Decimal(100)
    phase: Phase = Phase.CONTINUOUS

    def steps(self) -> tuple[TickStep, ...]:
        """Tick table; a single tick is a table of one step."""
        if isinstance(self.tick, Decimal):
            return (TickStep(from_price=Decimal(0), tick=self.tick),)
        return self.tick


class Weekday(enum.Enum):
    """Days of the week; their order is that of `datetime.weekday`."""

    MONDAY = "mon"
    TUESDAY = "tue"
    WEDNESDAY = "wed"
    THURSDAY = "thu"
    FRIDAY = "fri"
    SATURDAY = "sat"
    SUNDAY = "sun"


WORKING_DAYS: Final = tuple(Weekday)[:5]


class ScheduledAction(enum.Enum):
    """What a step of the schedule does: a phase of the instruments in its scope, or a day."""

    START_OF_DAY = "start-of-day"
    END_OF_DAY = "end-of-day"
    CLOSED = "closed"
    OPENING_AUCTION = "opening-auction"
    CONTINUOUS = "continuous"
    HALT = "halt"
    CLOSING_AUCTION = "closing-auction"
    POST_CLOSE = "post-close"

    @property
    def is_day(self) -> bool:
        """Whether it concerns the venue and not a phase."""
        return self in (ScheduledAction.START_OF_DAY, ScheduledAction.END_OF_DAY)


class ScheduleStep(_Group, frozen=True):
    """At a time of day: a phase for a segment or instrument, or the start or end of the day."""

    at: TimeOfDay
    do: ScheduledAction
    scope: str = ""
    weekdays: tuple[Weekday, ...] = WORKING_DAYS


class JournalSection(_Group, frozen=True):
    """How the journal is written and kept."""

    durability: Durability = Durability.ALWAYS
    interval_ms: Annotated[int, Meta(ge=1, le=60_000)] = 50
    segment_bytes: Annotated[int, Meta(ge=1_048_576, le=1_099_511_627_776)] = 536_870_912
    retention: Retention = Retention.KEEP
    snapshot_every: Annotated[int, Meta(ge=100, le=1_000_000_000)] = 100_000
    snapshots_kept: Annotated[int, Meta(ge=1, le=1_000)] = 3
    reserve_bytes: Annotated[int, Meta(ge=0, le=1_099_511_627_776)] = 67_108_864
    accept_lost_tail: bool = False


class SqlSettings(_Group, frozen=True):
    """Where orders, trades and books can be asked for. Empty `url`: an SQLite file in data_dir."""

    url: str = ""
    password_file: str = ""


class MqttSettings(_Group, frozen=True):
    """Where events are published: `embedded`, `off`, or a broker's URL."""

    broker: str = OFF
    prefix: Name = "fixoms"
    user: str = ""
    password_file: str = ""
    embedded_port: Port = 1884
    market_prices: bool = False


class AlertSettings(_Group, frozen=True):
    """What is worth an alert."""

    large_fill_value: Decimal = Decimal(1_000_000)


class OperatorListenerSettings(_Group, frozen=True):
    """The operator's desk over TLS, for users with a role."""

    tls: TlsSettings
    host: str = "127.0.0.1"
    port: Port = 9879
    allowed_addresses: tuple[str, ...] = ()


class OperatorSettings(_Group, frozen=True):
    """The operator's desk: roles of who may open its socket on this machine, and a TLS listener."""

    local_roles: tuple[UserRole, ...] = (
        UserRole.OPERATOR,
        UserRole.RISK_MANAGER,
        UserRole.AUDITOR,
    )
    listener: OperatorListenerSettings | None = None


class Settings(_Group, frozen=True):
    """All keys of a configuration file; a group that is left out keeps its defaults."""

    venue: VenueSettings = VenueSettings()
    fix: FixSettings = FixSettings()
    lock_out: LockOutSettings = LockOutSettings()
    participants: dict[Name, ParticipantSettings] = {}
    sessions: dict[CompId, SessionSettings] = {}
    instruments: tuple[InstrumentSettings, ...] = ()
    risk: RiskSettings = RiskSettings()
    profiles: dict[Name, ProfileSettings] = {}
    journal: JournalSection = JournalSection()
    sql: SqlSettings = SqlSettings()
    mqtt: MqttSettings = MqttSettings()
    alerts: AlertSettings = AlertSettings()
    operator: OperatorSettings = OperatorSettings()
    schedule: tuple[ScheduleStep, ...] = ()
