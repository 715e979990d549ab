"""The one gate every client's request passes before anything looks at it.

Owns: whether the sender may speak at all: a session the venue knows, bound to the participant it
claims to speak for. Roles, limits and the kill switch belong here too.
Must not know: what the request asks for.
"""

from __future__ import annotations

from typing import NamedTuple

from fixoms.domain.commands import Origin
from fixoms.engine.state import Session, State


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
