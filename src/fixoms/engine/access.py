"""The one gate every client's request passes before anything looks at it.

Owns: whether the sender may speak at all (a session the venue knows, bound to the participant it
claims to speak for), and what its roles permit.
Must not know: limits, the state of orders.

Roles are asked for as soon as one is assigned under a participant; from then on whoever of it has
none may do nothing. A session has the profile assigned to it, else that of its participant; a user
may have one besides, and then both must permit. A participant without any assignment does what the
venue offers.
"""

from __future__ import annotations

from typing import NamedTuple

from fixoms.domain.commands import OrderTerms, Origin
from fixoms.domain.enums import TimeInForce
from fixoms.domain.instrument import Instrument
from fixoms.domain.limits import Profile, Scope, ScopeKind
from fixoms.engine.state import Session, State

_IMMEDIATE = (TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL)


class AccessRefusal(NamedTuple):
    """Why a sender may not speak, for the Text(58) of a BusinessMessageReject(j) 380=6."""

    text: str


def admit(state: State, origin: Origin) -> Session | AccessRefusal:
    """The session that speaks, or why it may not."""
    session = state.sessions.get(origin.session)
    if session is None:
        if origin.participant not in state.participants:
            return AccessRefusal(f"participant {origin.participant!r} is not known to the venue")
        return AccessRefusal(f"session {origin.session!r} is not known to the venue")
    if session.participant.name != origin.participant:
        return AccessRefusal(
            f"session {origin.session!r} speaks for {session.participant.name!r},"
            f" not for {origin.participant!r}"
        )
    return session


class Roles:
    """What the roles of a sender permit; `any` says that somebody needs one."""

    __slots__ = ("_found", "_roled", "_state", "any")

    def __init__(self, state: State) -> None:
        self._state = state
        self.any = False
        self._roled: dict[str, bool] = {}
        self._found: dict[tuple[str, str], tuple[Profile, ...]] = {}

    def refresh(self) -> None:
        """Take notice of new profiles and assignments."""
        self._found.clear()
        self._roled = {}
        for scope in self._state.controls.assigned:
            if scope.kind is ScopeKind.SESSION:
                session = self._state.sessions.get(scope.name)
                if session is not None:
                    self._roled[session.participant.name] = True
            else:
                self._roled[scope.participant] = True
        self.any = bool(self._roled)

    def of(self, session: Session, user: str) -> tuple[Profile, ...] | None:
        """The profiles of a sender, all of which must permit; None where no roles are asked for."""
        if session.participant.name not in self._roled:
            return None
        found = self._found.get((session.name, user))
        if found is None:
            found = self._found[(session.name, user)] = self._look_up(session, user)
        return found

    def _look_up(self, session: Session, user: str) -> tuple[Profile, ...]:
        controls, participant = self._state.controls, session.participant.name
        assigned = controls.assigned
        admission = assigned.get(Scope(ScopeKind.SESSION, name=session.name)) or assigned.get(
            Scope(ScopeKind.PARTICIPANT, participant)
        )
        role = assigned.get(Scope(ScopeKind.USER, participant, user))
        return tuple(controls.profiles[name] for name in (admission, role) if name)

    def refuse_message(self, session: Session, user: str, msg_type: str) -> str:
        """Why the sender may not send messages of this MsgType(35), empty when it may."""
        profiles = self.of(session, user)
        if profiles is None:
            return ""
        if not profiles:
            return f"neither session {session.name!r} nor user {user!r} has a role"
        for profile in profiles:
            if profile.msg_types is not None and msg_type not in profile.msg_types:
                return f"role {profile.name!r} does not permit MsgType(35) {msg_type}"
            if msg_type == "G" and not profile.may_amend:
                return f"role {profile.name!r} does not permit changing orders"
        return ""

    def refuse_order(
        self, session: Session, user: str, instrument: Instrument, terms: OrderTerms
    ) -> tuple[str, str] | None:
        """The role that does not permit an order of these terms, and what of it."""
        profiles = self.of(session, user)
        for profile in profiles or ():
            what = _refuse_order(profile, instrument, terms)
            if what:
                return repr(profile.name), what
        return None


def _refuse_order(profile: Profile, instrument: Instrument, terms: OrderTerms) -> str:
    if profile.ord_types is not None and terms.ord_type not in profile.ord_types:
        return f"OrdType(40) {terms.ord_type}"
    if profile.tifs is not None and terms.tif not in profile.tifs:
        return f"TimeInForce(59) {terms.tif}"
    names = profile.instruments
    if (
        names is not None
        and instrument.instrument_id not in names
        and instrument.segment not in names
    ):
        return f"trading {instrument.instrument_id}"
    if profile.accounts is not None and terms.account not in profile.accounts:
        return f"Account(1) {terms.account!r}"
    if not profile.may_rest and terms.tif not in _IMMEDIATE:
        return f"orders that rest, as TimeInForce(59) {terms.tif} may"
    return ""
