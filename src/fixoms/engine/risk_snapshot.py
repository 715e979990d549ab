"""What risk managers set and who holds what, as bytes and back.

Owns: the form of these parts of a snapshot. Sums and compiled rules are not written; they are made
anew from the facts.
Must not know: the rest of the state (snapshot.py), how limits are checked.

Values can outgrow 64 bits and are written as text.
"""

from __future__ import annotations

import msgspec

from fixoms.domain.ids import InstrumentId
from fixoms.domain.limits import Profile, RiskPolicy, Scope, ShortRule
from fixoms.domain.units import Nanos, Price, Qty
from fixoms.engine.controls import Controls, Killed, MarketPrice, Proposal, SetBy, Window
from fixoms.engine.state import State


class PositionRecord(msgspec.Struct, frozen=True, array_like=True):
    """One position."""

    participant: str
    account: str
    client: str
    instrument_id: InstrumentId
    bought: str
    sold: str
    bought_value: str
    sold_value: str
    day_value: str
    short_sold: int


class RiskRecord(msgspec.Struct, frozen=True, array_like=True):
    """Positions and controls. `reserves`: whether orders hold reservations."""

    reserves: bool
    positions: list[PositionRecord]
    marks: list[tuple[InstrumentId, Price]]
    limits: list[tuple[Scope, SetBy]]
    policy: RiskPolicy
    profiles: list[Profile]
    assigned: list[tuple[Scope, str]]
    kills: list[tuple[Scope, Killed]]
    restricted: list[tuple[Scope, InstrumentId, str]]
    shorts: list[tuple[InstrumentId, ShortRule]]
    locates: list[tuple[str, str, InstrumentId, Qty]]
    market_prices: list[tuple[InstrumentId, MarketPrice]]
    proposal_id: int
    proposals: list[Proposal]
    overrides: list[tuple[str, str, str, str]]
    windows: list[tuple[Scope, int, int, int]]
    recent: list[tuple[tuple[str, str, InstrumentId, str, int, int, int], Nanos]]


def write_risk(state: State) -> RiskRecord:
    """Write positions and controls."""
    controls, ledger = state.controls, state.ledger
    return RiskRecord(
        ledger.on,
        [
            PositionRecord(
                each.participant,
                each.account,
                each.client,
                each.listing.instrument_id,
                str(each.bought),
                str(each.sold),
                str(each.bought_value),
                str(each.sold_value),
                str(each.day_value),
                each.short_sold,
            )
            for each in ledger.positions.values()
        ],
        list(ledger.marks.items()),
        list(controls.limits.items()),
        controls.policy,
        list(controls.profiles.values()),
        list(controls.assigned.items()),
        list(controls.kills.items()),
        [(*key, reason) for key, reason in controls.restricted.items()],
        list(controls.shorts.items()),
        [(*key, qty) for key, qty in controls.locates.items()],
        list(controls.market_prices.items()),
        controls.proposal_id,
        list(controls.proposals.values()),
        [(*key, *given) for key, given in controls.overrides.items()],
        [
            (scope, window.second, window.count, window.over)
            for scope, window in controls.windows.items()
        ],
        list(controls.recent.items()),
    )


def read_risk(record: RiskRecord, state: State) -> None:
    """Fill an empty state whose listings are there; reservations follow from the orders later."""
    controls, ledger = state.controls, state.ledger
    ledger.on = record.reserves
    ledger.marks = dict(record.marks)
    for each in record.positions:
        listing = state.listings[each.instrument_id]
        ledger.widen(listing)
        position = ledger.position(each.participant, each.account, each.client, listing)
        position.bought, position.sold = int(each.bought), int(each.sold)
        position.bought_value, position.sold_value = int(each.bought_value), int(each.sold_value)
        position.day_value, position.short_sold = int(each.day_value), each.short_sold
    _read_controls(record, controls)


def _read_controls(record: RiskRecord, controls: Controls) -> None:
    controls.limits = dict(record.limits)
    controls.policy = record.policy
    controls.profiles = {each.name: each for each in record.profiles}
    controls.assigned = dict(record.assigned)
    controls.kills = dict(record.kills)
    controls.restricted = {(scope, name): reason for scope, name, reason in record.restricted}
    controls.shorts = dict(record.shorts)
    controls.locates = {tuple_key[:3]: tuple_key[3] for tuple_key in record.locates}
    controls.market_prices = dict(record.market_prices)
    controls.proposal_id = record.proposal_id
    controls.proposals = {each.proposal_id: each for each in record.proposals}
    controls.overrides = {
        (session, name): (by, reason) for session, name, by, reason in record.overrides
    }
    controls.windows = {
        scope: Window(second, count, over) for scope, second, count, over in record.windows
    }
    controls.recent = dict(record.recent)
