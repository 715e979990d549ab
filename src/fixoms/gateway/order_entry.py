"""The venue as an application of the FIX sessions.

Owns: what a message of a logged-on session leads to (a command, an answer, a refusal), who a
session speaks for, and the delivery of the engine's events to sessions.
Must not know: sequence numbers, sockets, how a command is decided.

Deciding is synchronous: a NewOrderSingle(D) is translated, sequenced, matched, and its reports
handed to their sessions before the next message of the same read is looked at. Nothing of it leaves
before the journal has it; the session's store sees to that.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import msgspec

from fixoms.domain.commands import Origin, SessionClosed, SessionOpened
from fixoms.domain.enums import BusinessRejectReason
from fixoms.fix import tags
from fixoms.fix.application import BusinessReject, QuietApplication, UnsupportedMessageType
from fixoms.fix.effects import DisconnectReason
from fixoms.fix.identity import SessionId
from fixoms.fix.message import Message
from fixoms.gateway.authentication import Identity
from fixoms.gateway.inbound import Inbound, Refused
from fixoms.gateway.reference import ReferenceDesk
from fixoms.gateway.sequencer import Sequencer
from fixoms.journal.entry import Entry
from fixoms.outlets.execution_reports import ExecutionReports

Send: TypeAlias = Callable[[SessionId, Message], object]
"""Gives a message to a session: numbered, stored, written once durable."""

Authenticate: TypeAlias = Callable[[str, Message], Identity]
"""Checks the Logon(A) of the session of this name and tells who it is; raises RejectLogon."""

_ADDS_RISK: Final = frozenset({"D", "G", "E"})
"""Message types that are refused when the venue cannot take more; cancels always go through."""

_LOGGED_OUT: Final = frozenset({DisconnectReason.PEER_LOGOUT, DisconnectReason.LOGOUT_ANSWERED})


class SessionProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue knows of a session besides its FIX policies. `name` is the peer's CompID."""

    name: str
    participant: str


class OrderEntry(QuietApplication):
    """Takes the application messages of every session and tells sessions what happened.

    `obstacle` says why no new orders can be taken now, or nothing when they can.
    """

    def __init__(
        self,
        *,
        sequencer: Sequencer,
        inbound: Inbound,
        reference: ReferenceDesk,
        reports: ExecutionReports,
        profiles: Mapping[SessionId, SessionProfile],
        authenticate: Authenticate,
        obstacle: Callable[[], str],
    ) -> None:
        self._sequencer = sequencer
        self._inbound = inbound
        self._reference = reference
        self._reports = reports
        self._profiles = profiles
        self._authenticate = authenticate
        self._obstacle = obstacle
        self._identities: dict[SessionId, Identity] = {}
        self._by_name = {profile.name: session for session, profile in profiles.items()}
        self._taken = inbound.msg_types | reference.msg_types
        self._send: Send | None = None
        sequencer.add_outlet(self.publish)

    def deliver_through(self, send: Send) -> None:
        """Set where messages go; the acceptor is made with this application, so it comes after."""
        self._send = send

    def from_admin(self, session: SessionId, message: Message) -> None:
        """Authenticate a Logon(A); raises RejectLogon before anything has changed."""
        if message.msg_type == "A":
            self._identities[session] = self._authenticate(self._profiles[session].name, message)

    def logon(self, session: SessionId) -> None:
        """Tell the engine that a session is there."""
        self._sequencer.submit(SessionOpened(self._origin(session)))

    def logout(self, session: SessionId, reason: DisconnectReason) -> None:
        """Tell the engine that a session is gone, which may cancel its orders."""
        self._reference.forget(self._profiles[session].name)
        self._sequencer.submit(
            SessionClosed(self._origin(session), reason in _LOGGED_OUT, reason.value)
        )

    def from_app(self, session: SessionId, message: Message) -> None:
        """Turn one application message into a command or an answer."""
        msg_type = message.msg_type
        identity = self._identities[session]
        if msg_type not in identity.may_send and msg_type in self._taken:
            raise BusinessReject(
                BusinessRejectReason.NOT_AUTHORIZED.value,
                f"MsgType(35) {msg_type} is not permitted to the roles of this user",
                message.text(tags.CL_ORD_ID) or "",
            )
        if msg_type in self._inbound.msg_types:
            if msg_type in _ADDS_RISK and (obstacle := self._obstacle()):
                raise BusinessReject(
                    BusinessRejectReason.APPLICATION_NOT_AVAILABLE.value,
                    f"no new orders are taken: {obstacle}",
                    message.text(tags.CL_ORD_ID) or "",
                )
            profile = self._profiles[session]
            msg_seq_num = int(message.require(tags.MSG_SEQ_NUM))
            origin = Origin(profile.name, profile.participant, identity.user, msg_seq_num)
            command = self._inbound.translate(message, origin)
            if isinstance(command, Refused):
                raise BusinessReject(command.reason.value, command.text, command.ref_id)
            self._sequencer.submit(command)
        elif msg_type in self._reference.msg_types:
            for answer in self._reference.answer(self._profiles[session].name, message):
                self._deliver(self._profiles[session].name, answer)
        else:
            raise UnsupportedMessageType(f"MsgType(35) {msg_type} is not taken by this venue")

    def publish(self, entry: Entry) -> None:
        """Give the messages of one entry to their sessions, in the order they were decided."""
        for name, message in self._reports.render(entry.events, entry.time):
            self._deliver(name, message)
        for name, message in self._reference.updates(entry.events):
            self._deliver(name, message)

    def user_of(self, session: SessionId) -> str:
        """The user who logged on to a session last; empty when nobody has."""
        identity = self._identities.get(session)
        return "" if identity is None else identity.user

    def _deliver(self, name: str, message: Message) -> None:
        session = self._by_name.get(name)
        # A session that config no longer has keeps its orders but cannot be told of them.
        if session is not None and self._send is not None:
            self._send(session, message)

    def _origin(self, session: SessionId) -> Origin:
        profile = self._profiles[session]
        return Origin(profile.name, profile.participant, self.user_of(session))
