"""FIX 4.4 session layer, usable without the venue.

`Session` is the protocol without I/O; `Acceptor` and `Initiator` are its asyncio shells over a
`Store`; an `Application` is what a user of them writes. `tools/echo_acceptor.py` is a whole one.
"""

from fixoms.fix import tags
from fixoms.fix.acceptor import Acceptor, AuditFact, Listener, SessionStatus
from fixoms.fix.application import (
    Application,
    BusinessReject,
    IncorrectTagValue,
    QuietApplication,
    RejectLogon,
    UnsupportedMessageType,
)
from fixoms.fix.config import Role, SessionConfig, SessionState
from fixoms.fix.dictionary import Dictionary, load_quickfix_xml
from fixoms.fix.effects import DisconnectReason
from fixoms.fix.identity import SessionId, body_fields, reverse_route
from fixoms.fix.initiator import Dial, Initiator
from fixoms.fix.message import FieldMissing, Message
from fixoms.fix.peer import Certificate, Peer
from fixoms.fix.rejects import BusinessRejectReason, SessionRejectReason
from fixoms.fix.schedule import Schedule
from fixoms.fix.session import Session
from fixoms.fix.sqlite_store import SqliteStore
from fixoms.fix.store import Inbound, MemoryStore, Outbound, Reset, Store
from fixoms.fix.tls import TlsFiles
from fixoms.fix.validation import STRICT, STRICT_WITH_DECLARED, UserDefined, ValidationPolicy
from fixoms.fix.wire_log import FileWireLog, WireLog

__all__ = [
    "STRICT",
    "STRICT_WITH_DECLARED",
    "Acceptor",
    "Application",
    "AuditFact",
    "BusinessReject",
    "BusinessRejectReason",
    "Certificate",
    "Dial",
    "Dictionary",
    "DisconnectReason",
    "FieldMissing",
    "FileWireLog",
    "Inbound",
    "IncorrectTagValue",
    "Initiator",
    "Listener",
    "MemoryStore",
    "Message",
    "Outbound",
    "Peer",
    "QuietApplication",
    "RejectLogon",
    "Reset",
    "Role",
    "Schedule",
    "Session",
    "SessionConfig",
    "SessionId",
    "SessionRejectReason",
    "SessionState",
    "SessionStatus",
    "SqliteStore",
    "Store",
    "TlsFiles",
    "UnsupportedMessageType",
    "UserDefined",
    "ValidationPolicy",
    "WireLog",
    "body_fields",
    "load_quickfix_xml",
    "reverse_route",
    "tags",
]
