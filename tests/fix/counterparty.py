"""A counterparty for session tests: says messages as text, hears frames as text, time by hand."""

from collections.abc import Sequence

from fixoms.domain.units import SECOND, Nanos
from fixoms.fix.application import QuietApplication
from fixoms.fix.codec import encode, parse
from fixoms.fix.config import Role, SessionConfig, SessionState
from fixoms.fix.dictionary import Dictionary
from fixoms.fix.effects import (
    Disconnect,
    DisconnectReason,
    Effect,
    Fetch,
    Keep,
    Noted,
    Refused,
    ResetNumbers,
    Transmit,
)
from fixoms.fix.identity import SessionId, body_fields, reverse_route
from fixoms.fix.message import Message
from fixoms.fix.session import Session
from fixoms.fix.values import render_utc_timestamp

START = Nanos(1_767_619_800 * SECOND)
"""2026-01-05 13:30:00 UTC."""

US = SessionId(sender_comp_id="VENUE", target_comp_id="ALICE")
ORDER = "11=A1|21=1|55=ACME|54=1|60=20260105-13:30:00|40=1"


class EchoApplication(QuietApplication):
    """Sends application messages back, and remembers what it was told."""

    def __init__(self) -> None:
        self.session: Session | None = None
        self.now = START
        self.heard: list[str] = []
        self.got: list[Message] = []
        self.reasons: list[DisconnectReason] = []

    def created(self, session: SessionId) -> None:
        self.heard.append("created")

    def logon(self, session: SessionId) -> None:
        self.heard.append("logon")

    def logout(self, session: SessionId, reason: DisconnectReason) -> None:
        self.heard.append("logout")
        self.reasons.append(reason)

    def from_admin(self, session: SessionId, message: Message) -> None:
        self.heard.append(f"admin {message.msg_type}")

    def from_app(self, session: SessionId, message: Message) -> None:
        self.got.append(message)
        assert self.session is not None
        echo = Message(message.msg_type, reverse_route(message) + body_fields(message))
        self.session.send(echo, self.now)


class Counterparty:
    """The other end of one session of ours, and the store behind it."""

    def __init__(self, application: EchoApplication | None = None, **policies: object) -> None:
        self.application = application or EchoApplication()
        settings: dict[str, object] = {
            "id": US,
            "role": Role.ACCEPTOR,
            "dictionary": Dictionary.fix44(),
        }
        settings.update(policies)
        config = SessionConfig(**settings)  # type: ignore[arg-type]
        self.state = SessionState(created_at=START)
        self.session = Session(config, self.application, self.state)
        self.application.session = self.session
        self.now = START
        self.stored: dict[int, bytes] = {}
        self.facts: list[Noted | Refused] = []
        self.ended: Disconnect | None = None
        self.answers_fetches = True
        self.fetches: list[Fetch] = []
        self._frames: list[bytes] = []

    def frame(self, text: str, *, begin: bytes = b"FIX.4.4") -> bytes:
        """`35=0|34=2|112=X` with CompIDs and SendingTime(52) put in unless given."""
        given = [field.split("=", 1) for field in text.split("|")]
        msg_type = dict(given)["35"]
        fields = [(int(tag), value.encode("latin-1")) for tag, value in given if tag != "35"]
        present = {tag for tag, _ in fields}
        time = render_utc_timestamp(self.now)
        for tag, value in ((49, b"ALICE"), (56, b"VENUE"), (52, time)):
            if tag not in present:
                fields.insert(1, (tag, value))
        fields = [f for f in fields if f[1] != b"(absent)"]
        return encode(msg_type, [], fields, begin)

    def connect(self) -> None:
        """A new connection."""
        self.ended = None
        self._frames.clear()
        self.session.connected(self.now)
        self._carry_out()

    def lose(self) -> None:
        """The connection breaks."""
        self.session.disconnected(self.now)
        self._carry_out()

    def say(self, *texts: str) -> list[str]:
        """Send messages, and hear what comes back."""
        for text in texts:
            self.session.receive(self.frame(text), self.now)
        self._carry_out()
        return self.hear()

    def say_raw(self, data: bytes) -> list[str]:
        """Send bytes, and hear what comes back."""
        self.session.receive(data, self.now)
        self._carry_out()
        return self.hear()

    def log_on(self, fields: str = "", msg_seq_num: int = 1, heartbeat: int = 30) -> list[str]:
        """Connect and say Logon(A)."""
        self.connect()
        text = f"35=A|34={msg_seq_num}|98=0|108={heartbeat}"
        return self.say(f"{text}|{fields}" if fields else text)

    def wait(self, seconds: float) -> list[str]:
        """Let time pass in steps of a tenth of a second."""
        end = self.now + int(seconds * SECOND)
        while self.now < end:
            self.now = self.application.now = Nanos(min(self.now + SECOND // 10, end))
            self.session.tick(self.now)
            self._carry_out()
        return self.hear()

    def send(self, text: str) -> int:
        """Our application sends a message of its own."""
        fields = [field.split("=", 1) for field in text.split("|")]
        message = Message(fields[0][1], [(int(t), v.encode("latin-1")) for t, v in fields[1:]])
        number = self.session.send(message, self.now)
        self._carry_out()
        return number

    def hear(self) -> list[str]:
        """Frames since last asked, without BeginString, BodyLength, CompIDs, times, CheckSum."""
        heard = [said(frame) for frame in self._frames]
        self._frames.clear()
        return heard

    def raw(self) -> list[Message]:
        """The same, parsed and whole."""
        heard = [parse(frame) for frame in self._frames]
        self._frames.clear()
        return heard

    def reason(self) -> DisconnectReason | None:
        """Why the session asked for its connection to be closed, if it did."""
        return None if self.ended is None else self.ended.reason

    def carry_out(self) -> None:
        """After calling the session directly."""
        self._carry_out()

    def _carry_out(self) -> None:
        effects: Sequence[Effect] = self.session.take_effects()
        while effects:
            for effect in effects:
                self._one(effect)
            effects = self.session.take_effects()

    def _one(self, effect: Effect) -> None:
        match effect:
            case Transmit():
                assert self.ended is None, "a frame behind the end"
                self._frames.append(effect.frame)
                if effect.new and not effect.admin:
                    self.stored[effect.msg_seq_num] = effect.frame
            case Keep():
                self.stored[effect.msg_seq_num] = effect.frame
            case ResetNumbers():
                self.stored.clear()
            case Fetch():
                self.fetches.append(effect)
                if self.answers_fetches:
                    self.answer(effect)
            case Disconnect():
                self.ended = effect
            case Noted() | Refused():
                self.facts.append(effect)

    def answer(self, fetch: Fetch) -> None:
        """Read the store for the session."""
        found = sorted(n for n in self.stored if fetch.begin <= n <= fetch.end)[: fetch.limit]
        self.session.resend(fetch, [(n, self.stored[n]) for n in found], self.now)


_HIDDEN = {49, 56, 52, 60, 122}


def said(frame: bytes) -> str:
    """A frame as text, without what differs from run to run."""
    message = parse(frame)
    fields = [f"{tag}={value.decode('latin-1')}" for tag, value in message if tag not in _HIDDEN]
    return "|".join([f"35={message.msg_type}", *fields])
