"""What an application of the session layer implements, and how it refuses a message.

Owns: the `Application` protocol and the exceptions it may raise.
Must not know: sequence numbers, sockets, stores.

The exceptions are the application's answers to the session, part of the interface. Each becomes the
FIX message named in its docstring and consumes the MsgSeqNum(34) of the message it refuses.
"""

from typing import Protocol

from fixoms.fix.effects import DisconnectReason
from fixoms.fix.identity import SessionId
from fixoms.fix.message import Message


class RejectLogon(Exception):
    """From `from_admin` on a Logon(A): refuse it. No sequence number changes.

    With a text the peer gets Logout(5) with that Text(58); without one the connection just closes.
    `audit` is for the log only and never sent.
    """

    def __init__(self, text: str = "", *, audit: str = "") -> None:
        super().__init__(audit or text or "Logon(A) refused")
        self.text = text
        self.audit = audit or text


class UnsupportedMessageType(Exception):
    """From `from_app`: BusinessMessageReject(j), BusinessRejectReason(380)=3."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text or "message type not supported")
        self.text = text


class IncorrectTagValue(Exception):
    """From `from_app`: Reject(3), SessionRejectReason(373)=5, RefTagID(371) set."""

    def __init__(self, tag: int, text: str = "") -> None:
        super().__init__(text or f"value of field {tag} is incorrect")
        self.tag = tag
        self.text = text


class BusinessReject(Exception):
    """From `from_app`: BusinessMessageReject(j) with this BusinessRejectReason(380).

    `ref_id` is BusinessRejectRefID(379), the message's own id (ClOrdID(11), QuoteID(117) ...).
    """

    def __init__(self, reason: int, text: str, ref_id: str = "") -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text
        self.ref_id = ref_id


class Application(Protocol):
    """The user of sessions. Every method is called in the order of the wire.

    `from_app` may also raise `fixoms.fix.message.FieldMissing` (what `Message.require` raises): the
    peer gets BusinessMessageReject(j), BusinessRejectReason(380)=5, with the field's name.
    """

    def created(self, session: SessionId) -> None:
        """A session exists: configured, its numbers loaded, not yet connected."""

    def logon(self, session: SessionId) -> None:
        """The Logon(A) exchange is complete. Messages sent from here follow the Logon(A)."""

    def logout(self, session: SessionId, reason: DisconnectReason) -> None:
        """The session that was logged on no longer is; `reason` tells a Logout(5) from a loss."""

    def from_admin(self, session: SessionId, message: Message) -> None:
        """An administrative message arrived in order. On a Logon(A) it may raise RejectLogon.

        For a Logon(A) this is the place of authentication, called before any state changes.
        """

    def from_app(self, session: SessionId, message: Message) -> None:
        """An application message arrived, in order and once."""

    def to_admin(self, session: SessionId, message: Message) -> None:
        """An administrative message is about to be numbered; fields may be added to it."""

    def to_app(self, session: SessionId, message: Message) -> None:
        """An application message is about to be numbered; fields may be added to it."""


class QuietApplication:
    """An `Application` that does nothing; override what is of interest."""

    def created(self, session: SessionId) -> None:
        """See Application.created."""

    def logon(self, session: SessionId) -> None:
        """See Application.logon."""

    def logout(self, session: SessionId, reason: DisconnectReason) -> None:
        """See Application.logout."""

    def from_admin(self, session: SessionId, message: Message) -> None:
        """See Application.from_admin."""

    def from_app(self, session: SessionId, message: Message) -> None:
        """See Application.from_app."""

    def to_admin(self, session: SessionId, message: Message) -> None:
        """See Application.to_admin."""

    def to_app(self, session: SessionId, message: Message) -> None:
        """See Application.to_app."""
