"""Two sessions of ours over a bad line: nothing is lost and nothing doubled.

Each side is a session with a durable store. The line delays, cuts messages anywhere and breaks,
losing what is on it; a side may die and come back from its store. At the end the line is whole and
quiet, and both applications have what the other sent, once and in order.
"""

from dataclasses import replace

from hypothesis import event, given, settings
from hypothesis import strategies as st

from fixoms.domain.units import SECOND, Nanos
from fixoms.fix.application import QuietApplication
from fixoms.fix.config import Role, SessionConfig, SessionState
from fixoms.fix.effects import Disconnect, DisconnectReason, Fetch, Keep, ResetNumbers, Transmit
from fixoms.fix.identity import SessionId
from fixoms.fix.message import Message
from fixoms.fix.session import Session
from fixoms.fix.states import Phase
from tests.fix.counterparty import START

TEXT = 58
HARMLESS = {DisconnectReason.HEARTBEAT_TIMEOUT, DisconnectReason.LOGON_TIMEOUT}
"""What a line that stands still may end a connection with."""


class Inbox(QuietApplication):
    def __init__(self) -> None:
        self.got: list[bytes] = []

    def from_app(self, session: SessionId, message: Message) -> None:
        self.got.append(message.require(TEXT))


class Side:
    """One session, its store, and the bytes it has on the line."""

    def __init__(self, config: SessionConfig) -> None:
        self.config = config
        self.inbox = Inbox()
        self.durable = SessionState(created_at=START)
        self.stored: dict[int, bytes] = {}
        self.sent: list[bytes] = []
        self.line = bytearray()
        self.fetches: list[Fetch] = []
        self.wants_end = False
        self.session = Session(config, self.inbox, replace(self.durable))

    def restart(self) -> None:
        """Die and come back: what was not durable is forgotten."""
        self.fetches.clear()
        self.session = Session(self.config, self.inbox, replace(self.durable))

    def send(self, now: Nanos) -> None:
        text = b"%s-%d" % (self.config.id.sender_comp_id.encode(), len(self.sent))
        self.session.send(Message("B").add(TEXT, text), now)
        self.sent.append(text)
        self.carry_out()

    def carry_out(self) -> None:
        for effect in self.session.take_effects():
            match effect:
                case Transmit():
                    if effect.new and not effect.admin:
                        self.stored[effect.msg_seq_num] = effect.frame
                    self.line += effect.frame
                case Keep():
                    self.stored[effect.msg_seq_num] = effect.frame
                case ResetNumbers():
                    self.stored.clear()
                case Fetch():
                    self.fetches.append(effect)
                case Disconnect():
                    assert effect.reason in HARMLESS, effect
                    self.wants_end = True
                case _:
                    pass
        self.durable = replace(self.session.state)

    def fetch(self, now: Nanos) -> None:
        """The store answers the oldest question."""
        if self.fetches:
            fetch = self.fetches.pop(0)
            found = sorted(n for n in self.stored if fetch.begin <= n <= fetch.end)
            frames = [(n, self.stored[n]) for n in found[: fetch.limit]]
            self.session.resend(fetch, frames, now)
            self.carry_out()


class Line:
    """Both sides and what is between them."""

    def __init__(self, **policies: object) -> None:
        self.now = START
        a, b = "ALICE", "VENUE"
        self.initiator = Side(_config(a, b, Role.INITIATOR, policies))
        self.acceptor = Side(_config(b, a, Role.ACCEPTOR, policies))
        self.sides = (self.initiator, self.acceptor)
        self.is_up = False

    def connect(self) -> None:
        if not self.is_up:
            self.is_up = True
            for side in (self.acceptor, self.initiator):
                side.wants_end = False
                side.session.connected(self.now)
                side.carry_out()

    def cut(self) -> None:
        if self.is_up:
            self.is_up = False
            for side in self.sides:
                side.line.clear()
                side.fetches.clear()
                side.session.disconnected(self.now)
                side.carry_out()

    def restart(self, side: Side) -> None:
        self.cut()
        side.restart()

    def deliver(self, sender: Side, count: int) -> None:
        receiver = self.acceptor if sender is self.initiator else self.initiator
        data = bytes(sender.line[:count])
        del sender.line[:count]
        if self.is_up and data and not receiver.session.is_waiting:
            receiver.session.receive(data, self.now)
            receiver.carry_out()
        elif data:
            sender.line[:0] = data
        self.end_if_wanted()

    def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now = Nanos(self.now + SECOND)
            for side in self.sides:
                side.session.tick(self.now)
                side.carry_out()
            self.end_if_wanted()

    def end_if_wanted(self) -> None:
        if any(side.wants_end for side in self.sides):
            self.cut()

    def settle(self) -> None:
        """Let everything arrive, reconnecting as an initiator would."""
        for _ in range(400):
            self.connect()
            for side in self.sides:
                side.fetch(self.now)
                self.deliver(side, len(side.line))
            if all(
                side.session.phase is Phase.ACTIVE
                and not side.line
                and not side.fetches
                and not side.session.is_recovering
                for side in self.sides
            ):
                return
            self.wait(1)
        raise AssertionError("the sessions did not come to rest")


def _config(us: str, them: str, role: Role, policies: dict[str, object]) -> SessionConfig:
    session = SessionId(sender_comp_id=us, target_comp_id=them)
    return SessionConfig(id=session, role=role, **policies)  # type: ignore[arg-type]


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(0, 1), st.integers(1, 4)),
        st.tuples(st.just("deliver"), st.integers(0, 1), st.integers(1, 700)),
        st.tuples(st.just("fetch"), st.integers(0, 1), st.just(0)),
        st.tuples(st.just("cut"), st.just(0), st.just(0)),
        st.tuples(st.just("connect"), st.just(0), st.just(0)),
        st.tuples(st.just("restart"), st.integers(0, 1), st.just(0)),
        st.tuples(st.just("wait"), st.just(0), st.integers(1, 80)),
    ),
    max_size=60,
)

POLICIES = st.fixed_dictionaries(
    {
        "next_expected_msg_seq_num": st.booleans(),
        "last_msg_seq_num_processed": st.booleans(),
        "resend_chunk": st.integers(1, 5),
        "resend_request_chunk": st.sampled_from([0, 1, 3]),
        "held_messages_max": st.sampled_from([1, 3, 1000]),
        "repeated_resend_requests_max": st.just(10_000),
        "resend_attempts_max": st.just(1000),
    }
)


@settings(max_examples=300, deadline=None)
@given(OPERATIONS, POLICIES)
def test_nothing_is_lost_or_doubled(
    operations: list[tuple[str, int, int]], policies: dict[str, object]
) -> None:
    line = Line(**policies)
    for name, which, amount in operations:
        side = line.sides[which]
        match name:
            case "send":
                for _ in range(amount):
                    side.send(line.now)
            case "deliver":
                line.deliver(side, amount)
            case "fetch":
                side.fetch(line.now)
            case "cut":
                line.cut()
            case "connect":
                line.connect()
            case "restart":
                line.restart(side)
            case _:
                line.wait(amount)
    line.settle()
    event(f"messages {min(len(line.initiator.sent), 10)}")
    assert line.acceptor.inbox.got == line.initiator.sent
    assert line.initiator.inbox.got == line.acceptor.sent
    assert line.initiator.session.state.next_in == line.acceptor.session.state.next_out
    assert line.acceptor.session.state.next_in == line.initiator.session.state.next_out
