"""One counterparty of the venue: a raw FIX terminal that may also misbehave.

Owns: its numbers, what it sends and in which form, what it received and has not been asked about.
Must not know: scripts' steps (replay/player.py), how bytes travel (replay/world.py).

It is an independent opinion on `fixoms.fix`, of which it uses nothing but the dictionary's names.
"""

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime

from fixoms.domain.units import MILLISECOND, SECOND, Nanos
from fixoms.replay.frames import (
    FrameFault,
    Pair,
    Received,
    build,
    cut_frame,
    read_frame,
    write_bytes,
)
from fixoms.replay.matching import Bindings
from fixoms.replay.script import Absent, Bound, Field, FromNext, FromNow, Literal, Present
from fixoms.replay.vocabulary import TIMES, Vocabulary
from fixoms.replay.world import Line, World

DEFAULT_HEARTBEAT = b"30"
_BEGIN_STRING, _MSG_SEQ_NUM, _SENDER, _SENDING_TIME, _TARGET = 8, 34, 49, 52, 56
_POSS_DUP, _NEW_SEQ_NO, _RESET_FLAG, _TEST_REQ_ID, _TRANSACT_TIME = 43, 36, 141, 112, 60


class Terminal:
    """The client side of one session, as a script drives it.

    An `automatic` terminal keeps its session alive by itself: it sends Heartbeats, answers
    TestRequests and does not show them to the script.
    """

    def __init__(
        self,
        name: str,
        world: World,
        vocabulary: Vocabulary,
        bindings: Bindings,
        *,
        automatic: bool,
    ) -> None:
        self.name = name
        self.identity = world.identity(name)
        self.automatic = automatic
        self.line: Line | None = None
        self.inbox: deque[Received] = deque()
        self.next_out = 1
        self.next_in = 1
        self.closed_by_peer = False
        self._world = world
        self._vocabulary = vocabulary
        self._bindings = bindings
        self._buffer = bytearray()
        self._held = b""
        self._logons = 0
        self._sent_at = Nanos(0)
        self._heartbeat = int(DEFAULT_HEARTBEAT)

    # The connection.

    def connect(self) -> None:
        """Open a connection; raises CannotConnect."""
        self.cut()
        self.line = self._world.connect(self.name)

    def cut(self) -> None:
        """Lose the connection, with everything received and not yet asked about."""
        if self.line is not None:
            self.line.cut()
        self.line = None
        self.closed_by_peer = False
        self.inbox.clear()
        self._buffer.clear()
        self._held = b""

    def pump(self, patience: float, after_line: int) -> bool:
        """Take in what has arrived; whether anything did. Raises FrameFault."""
        if self.line is None or self.closed_by_peer:
            return False
        octets = self.line.read(patience)
        if octets is None:
            return False
        if not octets:
            self.closed_by_peer = True
            if self._buffer:
                raise FrameFault(f"the connection was closed inside a message: {self._buffer!r}")
            return True
        self._buffer += octets
        while (frame := cut_frame(self._buffer)) is not None:
            self._take(read_frame(frame, after_line))
        return True

    def _take(self, received: Received) -> None:
        if self.automatic and received.msg_type in "01":
            self.accept(received)
            if received.msg_type == "1":
                answer = received.get(_TEST_REQ_ID)
                self.send_fields("0", [] if answer is None else [(_TEST_REQ_ID, answer)])
            return
        self.inbox.append(received)

    def heartbeat_due(self) -> Nanos | None:
        """When an automatic terminal must next say something, None when it need not."""
        if not self.automatic or self.line is None or self.closed_by_peer or not self._heartbeat:
            return None
        return Nanos(self._sent_at + self._heartbeat * SECOND)

    # Numbers of received messages.

    def number_fault(self, received: Received) -> int | None:
        """The MsgSeqNum(34) that was due, when this message has another one.

        Messages sent again and the Logon after a lost connection are taken as they come.
        """
        number = _number(received.get(_MSG_SEQ_NUM))
        if received.get(_POSS_DUP) == b"Y" or number == self.next_in:
            return None
        if received.msg_type == "A" and (
            received.get(_RESET_FLAG) == b"Y" or (self._logons > 1 and number > self.next_in)
        ):
            return None
        return self.next_in

    def accept(self, received: Received) -> None:
        """Count a received message."""
        number = _number(received.get(_MSG_SEQ_NUM))
        if received.msg_type == "A" and received.get(_RESET_FLAG) == b"Y":
            self.next_in = number + 1
        elif received.msg_type == "4":
            self.next_in = max(self.next_in, _number(received.get(_NEW_SEQ_NO)))
        else:
            self.next_in = max(self.next_in, number + 1)

    # Sending.

    def send(self, msg_type: str, fields: Sequence[Field], *, held: bool = False) -> None:
        """Send a message of a script: header and what must be there are filled in."""
        header, body, omitted = self._resolve(fields)
        listed = omitted | {tag for tag, _ in header} | {tag for tag, _ in body}
        if msg_type == "A":
            header, body = self._fill_logon(header, body, listed)
        if self._vocabulary.wants_transact_time(msg_type) and _TRANSACT_TIME not in listed:
            body.append((_TRANSACT_TIME, self._time(_TRANSACT_TIME, 0)))
        frame = self._frame(msg_type, header, body, omitted)
        self._count(msg_type, header, body)
        if held:
            self._held += frame
        else:
            self._write(self._held + frame)
            self._held = b""

    def send_fields(self, msg_type: str, body: list[Pair]) -> None:
        """Send a message the terminal itself decides on."""
        frame = self._frame(msg_type, [], body, set())
        self.next_out += 1
        self._write(frame)

    def send_bytes(self, text: str, place: tuple[str, int]) -> None:
        """Send the bytes of an `ALICE >> …` line."""

        def compute(tag: int, offset: int) -> bytes:
            if tag == _MSG_SEQ_NUM:
                number = self.next_out + offset
                self.next_out = max(self.next_out, number + 1)
                return b"%d" % number
            if tag == _SENDER:
                return self.identity.sender_comp_id.encode("latin-1")
            if tag == _TARGET:
                return self.identity.target_comp_id.encode("latin-1")
            return self._time(tag, offset * SECOND)

        self._write(write_bytes(text, compute, place))

    def _write(self, octets: bytes) -> None:
        if self.line is not None:
            self.line.write(octets)
        self._sent_at = self._world.now()

    def _resolve(self, fields: Sequence[Field]) -> tuple[list[Pair], list[Pair], set[int]]:
        header: list[Pair] = []
        body: list[Pair] = []
        omitted: set[int] = set()
        for item in fields:
            if isinstance(item.value, Absent):
                omitted.add(item.tag)
                continue
            target = header if self._vocabulary.is_header(item.tag) else body
            target += self._pairs(item)
        return header, body, omitted

    def _pairs(self, item: Field) -> list[Pair]:
        pairs = [(item.tag, self._value(item))]
        for instance in item.instances:
            for inner in instance:
                pairs += self._pairs(inner)
        return pairs

    def _value(self, item: Field) -> bytes:
        match item.value:
            case Literal() as literal:
                return self._bindings.literal(item.tag, literal)
            case Bound(name=name):
                return self._bindings.values[name]
            case FromNow(nanos=nanos):
                return self._time(item.tag, nanos)
            case FromNext(count=count):
                return b"%d" % (self.next_out + count)
            case Present() | Absent():
                return b""

    def _fill_logon(
        self, header: list[Pair], body: list[Pair], listed: set[int]
    ) -> tuple[list[Pair], list[Pair]]:
        """Add to a Logon what is not listed; remember the heartbeat interval."""
        identity = self.identity
        self._logons += 1
        filled: list[Pair] = [(98, b"0"), (108, DEFAULT_HEARTBEAT)]
        if identity.reset and self._logons == 1 and _MSG_SEQ_NUM not in listed:
            filled.append((_RESET_FLAG, b"Y"))
        if identity.username:
            filled.append((553, identity.username.encode("latin-1")))
            filled.append((554, identity.password.encode("latin-1")))
        body = [pair for pair in filled if pair[0] not in listed] + body
        interval = dict(body).get(108, b"")
        self._heartbeat = int(interval) if interval.isdigit() else 0
        if (_RESET_FLAG, b"Y") in body and _MSG_SEQ_NUM not in listed:
            self.next_out = 1
        return header, body

    def _frame(
        self, msg_type: str, header: list[Pair], body: list[Pair], omitted: set[int]
    ) -> bytes:
        given = dict(header)
        standard: list[Pair] = [
            (_SENDER, self.identity.sender_comp_id.encode("latin-1")),
            (_TARGET, self.identity.target_comp_id.encode("latin-1")),
            (_MSG_SEQ_NUM, b"%d" % self.next_out),
            (_SENDING_TIME, self._time(_SENDING_TIME, 0)),
        ]
        fields = [(tag, given.pop(tag, value)) for tag, value in standard if tag not in omitted]
        begin_string = given.pop(_BEGIN_STRING, b"FIX.4.4")
        fields += [pair for pair in header if pair[0] in given]
        return build(begin_string, msg_type.encode("latin-1"), [*fields, *body])

    def _count(self, msg_type: str, header: list[Pair], body: list[Pair]) -> None:
        number = _number(dict(header).get(_MSG_SEQ_NUM, b"%d" % self.next_out))
        self.next_out = max(self.next_out, number + 1)
        if msg_type == "4":
            self.next_out = max(self.next_out, _number(dict(body).get(_NEW_SEQ_NO)))

    def _time(self, tag: int, offset: int) -> bytes:
        kind = self._vocabulary.field_type(tag)
        pattern = TIMES.get(kind, TIMES["UTCTIMESTAMP"])
        moment = self._world.now() + offset
        text = datetime.fromtimestamp(moment // SECOND, UTC).strftime(pattern)
        if kind in ("UTCTIMESTAMP", "UTCTIMEONLY"):
            text += f".{moment % SECOND // MILLISECOND:03}"
        return text.encode("latin-1")


def _number(value: bytes | None) -> int:
    """A sequence number, 0 for one that is missing or no number."""
    return int(value) if value is not None and value.isdigit() else 0
