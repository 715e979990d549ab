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

from fixoms.audit.record import Kind
from fixoms.domain.commands import Origin, SessionClosed, SessionOpened
from fixoms.domain.enums import BusinessRejectReason
from fixoms.domain.events import SessionAbused
from fixoms.fix import tags
from fixoms.fix.application import BusinessReject, QuietApplication, UnsupportedMessageType
from fixoms.fix.effects import DisconnectReason
from fixoms.fix.identity import SessionId
from fixoms.fix.message import Message
from fixoms.gateway.authentication import Identity
from fixoms.gateway.headroom import HeadroomDesk
from fixoms.gateway.inbound import Inbound, Refused
from fixoms.gateway.reference import ReferenceDesk
from fixoms.gateway.sequencer import Sequencer
from fixoms.gateway.user_requests import ChangePassword, Tell, UserRequests
from fixoms.journal.entry import Entry
from fixoms.outlets.execution_reports import ExecutionReports

Send: TypeAlias = Callable[[SessionId, Message], object]
"""Gives a message to a session: numbered, stored, written once durable."""

LogOut: TypeAlias = Callable[[SessionId, str], object]
"""Ends a session in good order, once the messages at hand are worked."""

Authenticate: TypeAlias = Callable[[str, Message], Identity]
"""Checks the Logon(A) of the session of this name and tells who it is; raises RejectLogon."""

_BUSINESS_REJECT: Final = "j"

_ADDS_RISK: Final = frozenset({"D", "G", "E"})
"""Message types that are refused when the venue cannot take more; cancels always go through."""

_LOGGED_OUT: Final = frozenset({DisconnectReason.PEER_LOGOUT, DisconnectReason.LOGOUT_ANSWERED})


class SessionProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue knows of a session besides its FIX policies. `name` is the peer's CompID."""

    name: str
    participant: str


class OrderEntry(QuietApplication):
    """Takes the application messages of every session and tells sessions what happened.

    `obstacle` says why no new orders can be taken now, or nothing when they can; `tell` hears what
    the audit keeps.
    """

    def __init__(
        self,
        *,
        sequencer: Sequencer,
        inbound: Inbound,
        reference: ReferenceDesk,
        headroom: HeadroomDesk,
        reports: ExecutionReports,
        profiles: Mapping[SessionId, SessionProfile],
        authenticate: Authenticate,
        change_password: ChangePassword,
        tell: Tell,
        obstacle: Callable[[], str],
    ) -> None:
        self._sequencer = sequencer
        self._inbound = inbound
        self._reference = reference
        self._headroom = headroom
        self._reports = reports
        self._profiles = profiles
        self._authenticate = authenticate
        self._obstacle = obstacle
        self._identities: dict[SessionId, Identity] = {}
        self._logged_on: dict[SessionId, None] = {}
        self._user_requests = UserRequests(
            change=change_password,
            send=self._deliver,
            tell=tell,
            is_here=self._is_here,
            changed=self._has_new_password,
        )
        self._by_name = {profile.name: session for session, profile in profiles.items()}
        self._taken = inbound.msg_types | reference.msg_types | headroom.msg_types
        self._send: Send | None = None
        self._log_out: LogOut | None = None
        self._tell = tell
        sequencer.add_outlet(self.publish)

    def deliver_through(self, send: Send, log_out: LogOut) -> None:
        """Set where messages go and how a session is ended.

        The acceptor is made with this application, so it comes after.
        """
        self._send = send
        self._log_out = log_out

    def from_admin(self, session: SessionId, message: Message) -> None:
        """Authenticate a Logon(A); raises RejectLogon before anything has changed."""
        if message.msg_type == "A":
            self._identities[session] = self._authenticate(self._profiles[session].name, message)

    def logon(self, session: SessionId) -> None:
        """Tell the engine that a session is there."""
        self._logged_on[session] = None
        self._sequencer.submit(SessionOpened(self._origin(session)))

    def logout(self, session: SessionId, reason: DisconnectReason) -> None:
        """Tell the engine that a session is gone, which may cancel its orders."""
        self._logged_on.pop(session, None)
        self._reference.forget(self._profiles[session].name)
        self._sequencer.submit(
            SessionClosed(self._origin(session), reason in _LOGGED_OUT, reason.value)
        )

    def from_app(self, session: SessionId, message: Message) -> None:
        """Turn one application message into a command or an answer."""
        msg_type = message.msg_type
        if msg_type == _BUSINESS_REJECT:
            # A refusal of ours is never refused back, or two polite ends would never stop.
            return
        identity = self._identities[session]
        if identity.must_change or msg_type not in identity.may_send:
            self._must_be_permitted(identity, message)
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
            self._must_be_allowed(session, identity, msg_type)
            for answer in self._reference.answer(self._profiles[session].name, message):
                self._deliver(self._profiles[session].name, answer)
        elif msg_type in self._headroom.msg_types:
            self._must_be_allowed(session, identity, msg_type)
            profile = self._profiles[session]
            for answer in self._headroom.answer(profile.participant, message):
                self._deliver(profile.name, answer)
        elif msg_type in UserRequests.msg_types:
            self._user_requests.receive(self._profiles[session].name, identity, message)
        else:
            raise UnsupportedMessageType(f"MsgType(35) {msg_type} is not taken by this venue")

    def _must_be_allowed(self, session: SessionId, identity: Identity, msg_type: str) -> None:
        """Raise BusinessReject for a question the profiles of the sender do not permit."""
        text = self._headroom.objection(self._profiles[session].name, identity.user, msg_type)
        if text:
            raise BusinessReject(BusinessRejectReason.NOT_AUTHORIZED.value, text, "")

    def _must_be_permitted(self, identity: Identity, message: Message) -> None:
        """Raise BusinessReject for a message that this venue takes, but not from this user."""
        msg_type = message.msg_type
        if msg_type in UserRequests.msg_types or msg_type not in self._taken:
            return
        text = (
            "the password must be changed first: UserRequest(BE), UserRequestType(924)=3"
            if identity.must_change
            else f"MsgType(35) {msg_type} is not permitted to the roles of this user"
        )
        ref_id = message.text(tags.CL_ORD_ID) or ""
        raise BusinessReject(BusinessRejectReason.NOT_AUTHORIZED.value, text, ref_id)

    def _is_here(self, name: str, user: str) -> bool:
        """Whether `user` is logged on to a session of the participant of session `name`."""
        participant = self._profiles[self._by_name[name]].participant
        return any(
            self.user_of(session) == user and self._profiles[session].participant == participant
            for session in self._logged_on
        )

    def _has_new_password(self, user: str) -> None:
        for session, identity in self._identities.items():
            if identity.user == user:
                self._identities[session] = msgspec.structs.replace(identity, must_change=False)

    def participant_of(self, session: SessionId) -> str:
        """The participant a session speaks for."""
        return self._profiles[session].participant

    def sessions_of(self, user: str) -> list[SessionId]:
        """Sessions that are logged on as `user`."""
        return [session for session in self._logged_on if self.user_of(session) == user]

    def publish(self, entry: Entry) -> None:
        """Give the messages of one entry to their sessions, in the order they were decided."""
        for name, message in self._reports.render(entry.events, entry.time):
            self._deliver(name, message)
        for name, message in self._reference.updates(entry.events):
            self._deliver(name, message)
        for event in entry.events:
            if type(event) is SessionAbused:
                self._end_abuse(event)

    def _end_abuse(self, event: SessionAbused) -> None:
        """Log a session out that floods the venue; it may come back and behave."""
        session = self._by_name.get(event.session)
        self._tell(Kind.ABUSE, event.session, event.user, event.text)
        if session is not None and self._log_out is not None:
            self._log_out(session, event.text)

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
