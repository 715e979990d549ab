"""What a session asks of the world around it.

Owns: the closed list of effects a `Session` returns, and the reasons a connection ends.
Must not know: sockets, files, clocks. A shell carries effects out in the order they come.

The order is the promise: frames leave in the order of their effects, and a frame marked `new`
leaves only after it is durable (DESIGN, law 2).
"""

from dataclasses import dataclass
from enum import Enum

from fixoms.domain.units import Nanos


class DisconnectReason(Enum):
    """Why a connection ended. The value is the text for people."""

    PEER_LOGOUT = "the peer logged out"
    LOGOUT_ANSWERED = "the peer answered our Logout(5)"
    LOGOUT_UNANSWERED = "no answer to our Logout(5) in time"
    LOGON_REFUSED = "Logon(A) refused"
    LOGON_TIMEOUT = "no Logon(A) in time"
    FIRST_MESSAGE_NOT_LOGON = "the first message was not a Logon(A)"
    UNKNOWN_SESSION = "no session has these CompIDs"
    SESSION_IN_USE = "the session is in use by another connection"
    BEGIN_STRING = "BeginString(8) is not the session's"
    SEQ_NUM_MISSING = "MsgSeqNum(34) missing or not a number"
    SEQ_NUM_TOO_LOW = "MsgSeqNum(34) too low without PossDupFlag(43)"
    HEARTBEAT_TIMEOUT = "no answer to TestRequest(1) in time"
    RESEND_LOOP = "the peer asked for the same messages again and again"
    GAP_NOT_FILLED = "the peer did not fill a gap in time"
    OUT_OF_HOURS = "outside the session's hours"
    CONNECTION_LOST = "connection lost"
    SLOW_CONSUMER = "the peer reads too slowly: outbound queue full"
    ADDRESS_REFUSED = "remote address not allowed"
    PEER_REFUSED = "the peer may not use this session"
    TOO_MANY_CONNECTIONS = "too many connections"
    GARBLED_LOGON = "garbled bytes before Logon(A)"
    SESSION_REMOVED = "the session was removed"
    SHUTDOWN = "shutdown"
    STORE_FAILED = "the message store failed"
    APPLICATION_FAILED = "the application failed"


@dataclass(frozen=True, slots=True)
class Transmit:
    """Write this frame to the peer.

    `new` frames carry a number of their own and must be durable first; resent messages, gap fills
    and the Logout(5) that refuses a Logon(A) are not new and are not stored again.
    """

    frame: bytes
    msg_seq_num: int
    admin: bool
    new: bool


@dataclass(frozen=True, slots=True)
class Keep:
    """Store this numbered application message; there is no peer to write it to now.

    It reaches the peer through the peer's ResendRequest(2) after the next Logon(A).
    """

    frame: bytes
    msg_seq_num: int


@dataclass(frozen=True, slots=True)
class Fetch:
    """Read up to `limit` stored application messages, MsgSeqNum(34) `begin` to `end` inclusive.

    Answer with `Session.resend`. One Fetch is outstanding at a time, so a long range holds `limit`
    messages in memory and other sessions get their turn between two answers.
    """

    begin: int
    end: int
    limit: int


@dataclass(frozen=True, slots=True)
class ResetNumbers:
    """Start a new epoch: older stored messages can no longer be asked for.

    The expected inbound number is 1, the next outbound number `next_out` (1 unless the peer reset
    the session in its answer to a Logon(A) of ours, which then counts as message 1).
    """

    created_at: Nanos
    next_out: int


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Close the connection once every frame before this effect is written."""

    reason: DisconnectReason
    text: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Audit fact: a Logon(A) was refused. No number changed."""

    reason: DisconnectReason
    text: str


class Fact(Enum):
    """What a `Noted` effect tells."""

    LOGGED_ON = "logged on"
    LOGGED_OUT = "logged out"
    REJECT_SENT = "reject sent"
    REJECT_RECEIVED = "reject received"
    GARBLED = "garbled bytes ignored"
    GAP = "gap: messages requested"
    GAP_CLOSED = "gap closed"
    RESEND = "messages resent"
    RESET = "sequence numbers reset"
    SKIPPED = "messages skipped by the peer"
    DUPLICATE = "duplicate ignored"
    OVERFLOW = "too many messages held: later ones are requested again"


@dataclass(frozen=True, slots=True)
class Noted:
    """Audit fact about a session that needs no action."""

    fact: Fact
    text: str


Effect = Transmit | Keep | Fetch | ResetNumbers | Disconnect | Refused | Noted
