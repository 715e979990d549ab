"""Who trades and what is traded: participants, sessions, instruments, reference prices.

Owns: creating and changing these records at run time, and what an operator may not do to them.
Must not know: orders, but for the ones a delisting cancels.
"""

from __future__ import annotations

import msgspec

from fixoms.domain.commands import (
    DefineInstrument,
    DefineParticipant,
    DefineSession,
    SessionClosed,
    SessionOpened,
    SetInstrumentStatus,
    SetReferencePrice,
)
from fixoms.domain.enums import InstrumentStatus, SelfTradePrevention
from fixoms.domain.events import (
    InstrumentDefined,
    ParticipantDefined,
    ReferencePriceChanged,
    SessionDefined,
    SessionStatusChanged,
)
from fixoms.domain.instrument import Instrument
from fixoms.domain.units import PRICE_MAX, QTY_MAX
from fixoms.engine.listing import Listing
from fixoms.engine.mass import MassRequests
from fixoms.engine.order import Happening
from fixoms.engine.phases import Phases
from fixoms.engine.risk import Risk
from fixoms.engine.state import Participant, Session, State
from fixoms.engine.tape import Tape
from fixoms.engine.trading import Trading, live_orders

_DECIMALS_MAX = 12
_BAND_BP_MAX = 1_000_000


class Registry:
    """Keeps the records of who and what."""

    __slots__ = ("_mass", "_phases", "_risk", "_state", "_tape", "_trading")

    def __init__(
        self,
        state: State,
        tape: Tape,
        trading: Trading,
        phases: Phases,
        mass: MassRequests,
        risk: Risk,
    ) -> None:
        self._state = state
        self._risk = risk
        self._tape = tape
        self._trading = trading
        self._phases = phases
        self._mass = mass

    def define_participant(self, command: DefineParticipant) -> None:
        """Create a participant or change its default of self-trade prevention."""
        name, stp = command.participant, command.stp
        if not name or stp is SelfTradePrevention.PARTICIPANT_DEFAULT:
            text = "a participant needs a name and a self-trade prevention of its own"
            self._tape.refuse(command.origin, text)
            return
        known = self._state.participants.get(name)
        if known is None:
            self._state.participants[name] = Participant(name, stp)
        else:
            known.stp = stp
        self._tape.events.append(ParticipantDefined(name, stp))

    def define_session(self, command: DefineSession) -> None:
        """Bind a session to its participant; a bound session can change its policy only."""
        participant = self._state.participants.get(command.participant)
        session = self._state.sessions.get(command.session)
        if participant is None or not command.session:
            text = (
                f"participant {command.participant!r} of session {command.session!r} is not known"
            )
            self._tape.refuse(command.origin, text)
            return
        if session is None:
            session = Session(command.session, participant, command.cancel_on_disconnect)
            self._state.sessions[command.session] = session
            participant.sessions[command.session] = session
        elif session.participant is not participant:
            text = f"session {session.name!r} belongs to {session.participant.name!r}"
            self._tape.refuse(command.origin, text)
            return
        session.policy = command.cancel_on_disconnect
        self._tape.events.append(SessionDefined(session.name, participant.name))

    def open_session(self, command: SessionOpened) -> None:
        """A FIX session logged on."""
        session = self._state.sessions.get(command.origin.session)
        if session is None:
            text = f"session {command.origin.session!r} is not known to the venue"
            self._tape.refuse(command.origin, text)
            return
        session.connected = True
        self._tape.events.append(SessionStatusChanged(session.name, session.participant.name, True))

    def close_session(self, command: SessionClosed) -> None:
        """A FIX session ended; its orders are canceled where its policy says so."""
        session = self._state.sessions.get(command.origin.session)
        if session is None:
            text = f"session {command.origin.session!r} is not known to the venue"
            self._tape.refuse(command.origin, text)
            return
        session.connected = False
        self._tape.events.append(
            SessionStatusChanged(session.name, session.participant.name, False, command.reason)
        )
        self._mass.close_session(command, session)

    def define_instrument(self, command: DefineInstrument) -> None:
        """List an instrument or change its record.

        A listed instrument keeps its phase, its status, and its reference price unless the record
        brings another than it last did. Decimals and currency cannot change while orders live
        or once it has traded.
        """
        instrument = command.instrument
        listing = self._state.listings.get(instrument.instrument_id)
        refusal = _refuse_record(instrument) or self._refuse_change(listing, instrument)
        if refusal:
            self._tape.refuse(command.origin, refusal)
            return
        moved = listing is None or instrument.reference_price != listing.instrument.reference_price
        if listing is None:
            listing = Listing(instrument, command.phase)
            self._state.add_listing(listing)
        else:
            if instrument.reference_price != listing.instrument.reference_price:
                listing.reference_price = instrument.reference_price
                self._tape.touch(listing)
            instrument = msgspec.structs.replace(instrument, status=listing.status)
            listing.instrument = instrument
        self._risk.note_instrument(listing, reference_moved=moved)
        self._tape.events.append(InstrumentDefined(instrument, listing.phase))
        self._tape.done(command.origin, f"defined {instrument.instrument_id}")

    def _refuse_change(self, listing: Listing | None, instrument: Instrument) -> str:
        """Positions and reservations are kept in the instrument's units, so these stay."""
        if listing is None:
            return ""
        old, name = listing.instrument, instrument.instrument_id
        decimals = (instrument.price_decimals, instrument.qty_decimals)
        if (*decimals, instrument.currency) == (
            old.price_decimals,
            old.qty_decimals,
            old.currency,
        ):
            return ""
        if listing.live and decimals != (old.price_decimals, old.qty_decimals):
            return f"{name}: decimals cannot change while orders live"
        if listing.live or self._state.ledger.has_traded(name):
            return f"{name}: decimals and currency cannot change once it has traded"
        return ""

    def set_status(self, command: SetInstrumentStatus) -> None:
        """Suspend, resume or delist. A resumed instrument uncrosses before it matches again."""
        listing = self._state.listings.get(command.instrument_id)
        if listing is None:
            self._tape.refuse(command.origin, f"{command.instrument_id!r} is not listed")
            return
        if listing.status is InstrumentStatus.DELISTED:
            self._tape.refuse(command.origin, f"{command.instrument_id} was delisted")
            return
        matched = listing.matches
        listing.set_status(command.status)
        listing.instrument = msgspec.structs.replace(listing.instrument, status=command.status)
        if command.status is InstrumentStatus.DELISTED:
            for order in live_orders(listing.live):
                if order.is_live:
                    text = f"{command.instrument_id} was delisted"
                    self._trading.finish(order, Happening.CANCEL, text)
        elif listing.matches and not matched:
            self._phases.end_call(listing, f"{command.instrument_id} was resumed")
        self._tape.events.append(InstrumentDefined(listing.instrument, listing.phase))
        self._tape.done(command.origin, f"{command.instrument_id} is {command.status}")

    def set_reference(self, command: SetReferencePrice) -> None:
        """Set the reference price of collars and auctions."""
        listing = self._state.listings.get(command.instrument_id)
        if listing is None:
            self._tape.refuse(command.origin, f"{command.instrument_id!r} is not listed")
            return
        if not 0 < command.price <= PRICE_MAX:
            text = f"reference price {command.price} is not above 0 and up to {PRICE_MAX}"
            self._tape.refuse(command.origin, text)
            return
        listing.reference_price = command.price
        self._state.ledger.set_mark(listing, command.price)
        self._tape.touch(listing)
        symbol = listing.instrument.symbol
        self._tape.events.append(
            ReferencePriceChanged(listing.instrument_id, symbol, command.price)
        )
        shown = listing.instrument.render_price(command.price)
        self._tape.done(command.origin, f"reference price of {listing.instrument_id} is {shown}")


def _refuse_record(instrument: Instrument) -> str:
    name = instrument.instrument_id
    bands = instrument.tick_bands
    if not instrument.symbol or not instrument.market or "@" in instrument.market:
        return f"{name}: symbol and market need a text, the market without @"
    if not (
        0 <= instrument.price_decimals <= _DECIMALS_MAX
        and 0 <= instrument.qty_decimals <= _DECIMALS_MAX
    ):
        return f"{name}: decimals are 0 to {_DECIMALS_MAX}"
    starts = [band.from_price for band in bands]
    if not bands or starts[0] != 0 or starts != sorted(set(starts)):
        return f"{name}: tick bands must start at price 0 and ascend"
    if any(not 0 < band.tick <= PRICE_MAX for band in bands):
        return f"{name}: a tick is above 0 and up to {PRICE_MAX} units"
    if not (instrument.lot_size > 0 and 0 < instrument.min_qty <= instrument.max_qty <= QTY_MAX):
        return f"{name}: 0 < lot, 0 < smallest quantity <= largest <= {QTY_MAX} units"
    reference = instrument.reference_price
    if reference is not None and not 0 < reference <= PRICE_MAX:
        return f"{name}: the reference price is above 0 and up to {PRICE_MAX} units"
    if not (
        0 <= instrument.static_band_bp <= _BAND_BP_MAX
        and 0 <= instrument.dynamic_band_bp <= _BAND_BP_MAX
    ):
        return f"{name}: bands are 0 to {_BAND_BP_MAX} basis points"
    return ""
