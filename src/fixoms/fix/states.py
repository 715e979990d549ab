"""The life of one connection of a session, as a table.

Owns: the phases a session can be in and every step between them. `Session` moves only
through `TRANSITIONS`; a step that is not in the table is a fault of ours and raises.

Must not know: messages, numbers, time. Gaps and resends are not phases: a session
recovers while it trades, so recovery keeps its own state (`recovery.py`) beside this one.

The picture, for an acceptor (an initiator enters at LOGON_SENT instead of AWAITING_LOGON):

    DISCONNECTED -> AWAITING_LOGON -> ACTIVE -> LOGOUT_SENT -> ENDED -> DISCONNECTED
                                        |           |            ^
                                        +-----------+-> EXPELLED-+

ACTIVE       Logon(A) exchanged in both directions.
LOGOUT_SENT  We said Logout(5) in good order: messages and ResendRequest(2) are still served while
             the answer is awaited (FIX: Vol. 2, "Logout").
EXPELLED     We said Logout(5) because of a fault of the peer: only its Logout(5) still counts.
ENDED        The Disconnect effect is out; whatever still arrives is not read.
"""

from enum import Enum, auto


class Phase(Enum):
    """Where a session is with its present connection."""

    DISCONNECTED = auto()
    AWAITING_LOGON = auto()
    LOGON_SENT = auto()
    ACTIVE = auto()
    LOGOUT_SENT = auto()
    EXPELLED = auto()
    ENDED = auto()


class Step(Enum):
    """What moves a session from one phase to the next."""

    ACCEPTED = auto()
    DIALED = auto()
    LOGON_COMPLETE = auto()
    LOGOUT_BEGUN = auto()
    EXPELLED = auto()
    END = auto()
    LOST = auto()


TRANSITIONS: dict[tuple[Phase, Step], Phase] = {
    (Phase.DISCONNECTED, Step.ACCEPTED): Phase.AWAITING_LOGON,
    (Phase.DISCONNECTED, Step.DIALED): Phase.LOGON_SENT,
    (Phase.AWAITING_LOGON, Step.LOGON_COMPLETE): Phase.ACTIVE,
    (Phase.AWAITING_LOGON, Step.END): Phase.ENDED,
    (Phase.LOGON_SENT, Step.LOGON_COMPLETE): Phase.ACTIVE,
    (Phase.LOGON_SENT, Step.END): Phase.ENDED,
    (Phase.ACTIVE, Step.LOGOUT_BEGUN): Phase.LOGOUT_SENT,
    (Phase.ACTIVE, Step.EXPELLED): Phase.EXPELLED,
    (Phase.ACTIVE, Step.END): Phase.ENDED,
    (Phase.LOGOUT_SENT, Step.EXPELLED): Phase.EXPELLED,
    (Phase.LOGOUT_SENT, Step.END): Phase.ENDED,
    (Phase.EXPELLED, Step.END): Phase.ENDED,
    **{(phase, Step.LOST): Phase.DISCONNECTED for phase in Phase},
}

LOGGED_ON = frozenset({Phase.ACTIVE, Phase.LOGOUT_SENT, Phase.EXPELLED})
"""Phases in which `Application.logon` was called and `Application.logout` is still owed."""


def next_phase(phase: Phase, step: Step) -> Phase:
    """The phase after this step; KeyError names a step the table does not have."""
    return TRANSITIONS[phase, step]
