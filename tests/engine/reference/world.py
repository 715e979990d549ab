"""The deliberately tiny world of the random streams, so that everything in it collides.

Owns: three brokers, two instruments, three days, and the switches of what streams contain.
Must not know: how commands are drawn.
"""

from dataclasses import dataclass

import msgspec

from fixoms.domain.commands import (
    VENUE,
    CancelOnDisconnect,
    Command,
    DefineInstrument,
    DefineParticipant,
    DefineSession,
    Origin,
    StartDay,
)
from fixoms.domain.enums import (
    SelfTradePrevention,
)
from fixoms.domain.instrument import Instrument, TickBand
from fixoms.domain.units import SECOND, Nanos, Price, Qty

MARKET = "XFOM"


ACME = Instrument(symbol="ACME", market=MARKET, reference_price=Price(100))


BETA = Instrument(
    symbol="BETA",
    market=MARKET,
    segment="SECOND",
    tick_bands=(TickBand(Price(0), Price(1)), TickBand(Price(100), Price(5))),
    lot_size=Qty(2),
    min_qty=Qty(2),
    max_qty=Qty(20),
    reference_price=Price(100),
    static_band_bp=1000,
    dynamic_band_bp=400,
)


SESSIONS = {"A1": "ALFA", "A2": "ALFA", "B1": "BETA", "C1": "GAMA"}


OPERATOR = Origin(session="", participant="", user="desk")


START = Nanos(1_767_619_800 * SECOND)


DAYS = ("20260105", "20260106", "20260107")


def origin(session: str) -> Origin:
    """Who speaks through `session`."""
    return Origin(session=session, participant=SESSIONS.get(session, "NOBODY"), user="u")


@dataclass(frozen=True)
class Features:
    """What the streams contain. A feature the engine lacks is switched off here, by name."""

    market: bool = True
    immediate: bool = True
    iceberg: bool = True
    all_or_none: bool = True
    min_qty: bool = True
    post_only: bool = True
    self_trade: bool = True
    stops: bool = True
    trailing: bool = True
    touched: bool = True
    market_to_limit: bool = True
    pegs: bool = True
    auctions: bool = True
    halts: bool = True
    days: bool = True
    good_till: bool = True
    mass: bool = True
    disconnect: bool = True
    operator: bool = True
    lists: bool = True
    bands: bool = True
    records: bool = True
    corrections: bool = True
    hostile: bool = True


ALL = Features()


def opening(features: Features = ALL) -> list[Command]:
    """Set the tiny world up: the commands before every stream."""
    defaults = dict.fromkeys(SESSIONS.values(), SelfTradePrevention.NONE)
    if features.self_trade:
        defaults["BETA"] = SelfTradePrevention.CANCEL_NEWEST
    policies = {
        "A1": CancelOnDisconnect(on_loss=True),
        "B1": CancelOnDisconnect(on_loss=True, on_logout=True, good_till=True),
    }
    return [
        *(DefineParticipant(VENUE, name, stp) for name, stp in defaults.items()),
        *(
            DefineSession(VENUE, name, owner, policies.get(name, CancelOnDisconnect()))
            for name, owner in SESSIONS.items()
        ),
        DefineInstrument(VENUE, ACME),
        DefineInstrument(VENUE, BETA if features.bands else _unbanded(BETA)),
        StartDay(VENUE, DAYS[0]),
    ]


def _unbanded(instrument: Instrument) -> Instrument:
    return msgspec.structs.replace(instrument, static_band_bp=0, dynamic_band_bp=0)
