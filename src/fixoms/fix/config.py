"""The policies of one session, and the part of it that must outlive the process.

Owns: `SessionConfig` with every choice FIX leaves to the two firms, and `SessionState`.
Must not know: how a policy is carried out.
"""

from dataclasses import dataclass
from enum import Enum

from fixoms.domain.units import Nanos
from fixoms.fix.dictionary import Dictionary
from fixoms.fix.identity import SessionId
from fixoms.fix.schedule import Schedule
from fixoms.fix.validation import STRICT_WITH_DECLARED, ValidationPolicy


class Role(Enum):
    """Which side opens the connection and sends the first Logon(A)."""

    ACCEPTOR = "acceptor"
    INITIATOR = "initiator"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionConfig:
    """Everything about a session that does not change while it is connected.

    Times are in seconds. The defaults are those of FIX 4.4 where it names one and of the engines
    most peers run where it does not.
    """

    id: SessionId
    role: Role

    dictionary: Dictionary | None = None
    """Messages are validated against it; None accepts whatever is well-formed."""
    validation: ValidationPolicy = STRICT_WITH_DECLARED

    heartbeat_interval_s: int = 30
    """HeartBtInt(108) an initiator asks for. An acceptor takes the peer's."""
    heartbeat_interval_s_max: int = 3600
    """An acceptor refuses a longer HeartBtInt(108): a dead peer must be noticed some day."""
    test_request_delay_multiplier: float = 1.2
    """TestRequest(1) after this many heartbeat intervals without a message."""
    heartbeat_timeout_multiplier: float = 2.4
    """Disconnect after this many heartbeat intervals without a message."""
    logon_timeout_s: float = 10.0
    """Logon(A) is due this long after the connection; for an initiator the answer to its own."""
    logout_timeout_s: float = 2.0
    """Disconnect when our Logout(5) is not answered for this long."""

    check_sending_time: bool = True
    sending_time_tolerance_s: int = 120
    """Largest distance between SendingTime(52) and our clock. FIX: Vol. 2 test 2o."""
    require_orig_sending_time: bool = True
    """A PossDupFlag(43)=Y needs OrigSendingTime(122). FIX: Vol. 2 test 2g."""
    timestamp_digits: int = 3
    """Digits behind the second in SendingTime(52): 3, 6 or 9."""

    reset_on_logon: bool = False
    """Both numbers start at 1 with every Logon(A); an initiator says ResetSeqNumFlag(141)=Y."""
    reset_on_logout: bool = False
    reset_on_disconnect: bool = False
    allow_reset_by_peer: bool = True
    """Whether the peer may say ResetSeqNumFlag(141)=Y."""
    schedule: Schedule | None = None

    max_frame_bytes: int = 1 << 16
    """Longest message taken; longer ones count as garbled."""
    held_messages_max: int = 1000
    """Messages held while a gap before them is open; later ones are asked for again."""
    held_bytes_max: int = 8 << 20
    resend_request_chunk: int = 0
    """Longest range of our ResendRequest(2); 0 asks for everything (EndSeqNo(16)=0)."""
    resend_timeout_s: float = 30.0
    """Ask again when a gap has not shrunk for this long."""
    resend_attempts_max: int = 3
    """Give the peer up when it has not answered this many ResendRequest(2) in a row."""
    resend_chunk: int = 100
    """Stored messages read at a time to answer a ResendRequest(2)."""
    repeated_resend_requests_max: int = 20
    """More ResendRequest(2) than this in one minute that get no further are a loop."""

    next_expected_msg_seq_num: bool = False
    """Say NextExpectedMsgSeqNum(789) in Logon(A); an acceptor only when the peer said it."""
    last_msg_seq_num_processed: bool = False
    """Send LastMsgSeqNumProcessed(369) with every message."""
    test_message_indicator: bool | None = None
    """TestMessageIndicator(464) both sides must agree on in Logon(A); None does not look."""

    def __post_init__(self) -> None:
        if self.timestamp_digits not in {3, 6, 9}:
            msg = f"timestamp_digits is 3, 6 or 9, not {self.timestamp_digits}"
            raise ValueError(msg)
        if self.heartbeat_interval_s < 0:
            msg = f"heartbeat_interval_s must not be negative, is {self.heartbeat_interval_s}"
            raise ValueError(msg)


_LONG_AGO: Nanos = Nanos(0)


@dataclass(slots=True, kw_only=True)
class SessionState:
    """What a store keeps of a session: the numbers, and when they began."""

    next_out: int = 1
    """MsgSeqNum(34) of the next message we send."""
    next_in: int = 1
    """MsgSeqNum(34) expected next from the peer."""
    created_at: Nanos = _LONG_AGO
    """When the numbers last started at 1."""
