"""A FIX client of the simulator: counts numbers, fills gaps, comes back, and forgets nothing.

Owns: one client's truth: what it sent, what it received in order, what it found wrong.
Must not know: the venue, nor anything of `fixoms.fix`: it reads and writes FIX by itself, so that a
mistake of ours cannot hide behind the same mistake there.

FIX: Vol. 2, as a client needs it. Numbers and both logs survive every connection.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Final, Protocol, TypeAlias

from fixoms.domain.units import SECOND, Nanos

Fields: TypeAlias = tuple[tuple[int, str], ...]

HEARTBEAT_S: Final = 30
ASK_AGAIN: Final = 10 * SECOND
"""A gap that is not filled by then is asked for again."""

LOGON_PATIENCE: Final = 8 * SECOND
_SOH: Final = "\x01"
_HEADER: Final = frozenset({8, 9, 35, 49, 56, 34, 52, 43, 97, 122, 10})
_ADMIN: Final = frozenset("0A12345")


class Line(Protocol):
    """What a client needs of a connection."""

    def write(self, octets: bytes) -> None:
        """Send bytes."""

    def hang_up(self) -> None:
        """Close in order."""

    def cut(self) -> None:
        """Lose it."""


Dial: TypeAlias = Callable[["Client"], Line | None]
"""Opens a connection; None when nobody listens."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message whose turn it was. `fields` are without header and trailer."""

    msg_seq_num: int
    msg_type: str
    fields: Fields
    again: bool

    def get(self, tag: int) -> str:
        """Value of the first field with this tag, empty when there is none."""
        return next((value for each, value in self.fields if each == tag), "")


@dataclass(frozen=True, slots=True)
class Said:
    """A message as it was numbered first."""

    msg_seq_num: int
    msg_type: str
    fields: Fields
    at: Nanos

    def get(self, tag: int) -> str:
        """Value of the first field with this tag, empty when there is none."""
        return next((value for each, value in self.fields if each == tag), "")


@dataclass(slots=True)
class Truth:
    """What one client knows. `filled` are numbers a gap fill stood for."""

    name: str
    said: dict[int, Said] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    filled: set[int] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    next_in: int = 1
    next_out: int = 1
    logons: int = 0


class Client:
    """One client over all its connections. `clock` is its own."""

    def __init__(
        self, name: str, user: str, password: str, clock: Callable[[], Nanos], random: Random
    ) -> None:
        self.truth = Truth(name)
        self.is_logged_on = False
        self.is_away = False
        """It stays away until somebody sets this back."""
        self.line: Line | None = None
        self._user = user
        self._password = password
        self._clock = clock
        self._random = random
        self._dial_at = Nanos(0)
        self._begin()

    def _begin(self) -> None:
        self.is_logged_on = False
        self.line = None
        self._buffer = b""
        self._held: dict[int, tuple[str, Fields]] = {}
        self._asked_until = 0
        self._asked_at = Nanos(0)
        self._expects_unasked = False
        self._said_at = self._clock()
        self._heard_at = self._clock()
        self._opened_at = self._clock()
        self._is_leaving = False

    @property
    def name(self) -> str:
        """SenderCompID(49)."""
        return self.truth.name

    @property
    def is_whole(self) -> bool:
        """Whether it is logged on and misses nothing it knows of."""
        return self.is_logged_on and not self._held

    # Time.

    def tick(self, dial: Dial) -> None:
        """Let time pass: come back, keep alive, insist on gaps."""
        now = self._clock()
        if self.line is None:
            if not self.is_away and now >= self._dial_at:
                self._dial_at = Nanos(now + self._random.randint(1, 3) * SECOND // 2)
                self._come_back(dial)
            return
        if not self.is_logged_on:
            if now - self._opened_at > LOGON_PATIENCE:
                self.line.cut()
            return
        if now - self._said_at >= HEARTBEAT_S * SECOND:
            self._say("0", ())
        if now - self._heard_at >= 2 * HEARTBEAT_S * SECOND:
            self.line.cut()
        elif self._held and now - self._asked_at >= ASK_AGAIN:
            self._ask()

    def _come_back(self, dial: Dial) -> None:
        line = dial(self)
        if line is None:
            return
        self._begin()
        self.line = line
        fields: Fields = ((98, "0"), (108, str(HEARTBEAT_S)))
        if self._random.random() < 0.4:
            # NextExpectedMsgSeqNum: each side then resends without being asked.
            self._expects_unasked = True
            fields += ((789, str(self.truth.next_in)),)
        self._say("A", (*fields, (553, self._user), (554, self._password)))

    # Saying.

    def send(self, msg_type: str, fields: Fields) -> None:
        """Number and keep an application message, and write it when somebody listens."""
        self._number(msg_type, fields)
        if self.is_logged_on:
            self._write_said(self.truth.next_out - 1, again=False)

    def ping(self, test_req_id: str) -> None:
        """TestRequest(1)."""
        if self.is_logged_on:
            self._say("1", ((112, test_req_id),))

    def log_out(self) -> None:
        """Logout(5), and stay away until `is_away` is set back."""
        self.is_away = True
        if self.is_logged_on and not self._is_leaving:
            self._is_leaving = True
            self._say("5", ())
        elif self.line is not None and not self.is_logged_on:
            self.line.cut()

    def _number(self, msg_type: str, fields: Fields) -> int:
        number = self.truth.next_out
        self.truth.said[number] = Said(number, msg_type, fields, self._clock())
        self.truth.next_out = number + 1
        return number

    def _say(self, msg_type: str, fields: Fields) -> None:
        self._write_said(self._number(msg_type, fields), again=False)

    def _write_said(self, number: int, *, again: bool) -> None:
        said = self.truth.said[number]
        header: Fields = ((34, str(number)), (52, _stamp(self._clock())))
        if again:
            header += ((43, "Y"), (122, _stamp(said.at)))
        self._write(said.msg_type, header, said.fields)

    def _write(self, msg_type: str, header: Fields, fields: Fields) -> None:
        if self.line is not None:
            self._said_at = self._clock()
            self.line.write(frame(msg_type, self.name, header, fields))

    def _ask(self) -> None:
        self._asked_until = max(self._held, default=0)
        self._asked_at = self._clock()
        self._say("2", ((7, str(self.truth.next_in)), (16, "0")))

    def _resend(self, begin: int, end: int) -> None:
        """Application messages again, gap fills for the rest."""
        last = self.truth.next_out - 1
        end = last if end == 0 else min(end, last)
        number = begin
        while number <= end:
            if self.truth.said[number].msg_type not in _ADMIN:
                self._write_said(number, again=True)
                number += 1
                continue
            follows = number
            while follows <= end and self.truth.said[follows].msg_type in _ADMIN:
                follows += 1
            stamp = _stamp(self._clock())
            header = ((34, str(number)), (52, stamp), (43, "Y"), (122, stamp))
            self._write("4", header, ((123, "Y"), (36, str(follows))))
            number = follows

    # Hearing.

    def lost(self) -> None:
        """The connection is gone."""
        self._begin()
        self._dial_at = Nanos(self._clock() + self._random.randrange(2 * SECOND))

    def hear(self, octets: bytes) -> None:
        """Bytes arrived."""
        self._buffer += octets
        while True:
            cut = _cut(self._buffer)
            if cut is None:
                return
            whole, self._buffer = self._buffer[:cut], self._buffer[cut:]
            self._receive(whole)
            if self.line is None:
                return

    def _receive(self, whole: bytes) -> None:
        self._heard_at = self._clock()
        problem, fields = parse(whole)
        if problem:
            self._fault(f"{problem}: {whole!r}")
            return
        header = dict(fields)
        number, msg_type = int(header[34]), header[35]
        again = header.get(43) == "Y"
        if (header[49], header[56]) != ("FIXOMS", self.name):
            self._fault(f"CompIDs {header[49]} and {header[56]}")
        body = tuple(each for each in fields if each[0] not in _HEADER)
        if msg_type == "A":
            self._logged_on(number, body)
        elif msg_type == "5" and number <= self.truth.next_in:
            self._logged_out(number, body)
        elif msg_type == "2" and number > self.truth.next_in:
            # Answered at once, or two peers with a gap wait for each other (FIX: Vol. 2 test 20).
            self._answer(body)
            self._hold(number, "", ())
        elif msg_type == "4" and dict(body).get(123) != "Y":
            self._fault("SequenceReset(4) in reset mode")
        elif number < self.truth.next_in:
            if not again:
                self._fault(f"MsgSeqNum(34) {number} again without PossDupFlag(43)")
        elif number > self.truth.next_in:
            self._hold(number, msg_type, body)
        else:
            self._work(number, msg_type, body, again=again)
            self._drain()

    def _logged_on(self, number: int, body: Fields) -> None:
        self.is_logged_on = True
        self.truth.logons += 1
        expected = dict(body).get(789)
        logon = max(each for each, said in self.truth.said.items() if said.msg_type == "A")
        if expected and int(expected) <= logon:
            self._resend(int(expected), self.truth.next_out - 1)
        elif self.truth.next_out - 1 > logon:
            # Numbered while the answer was under way: they follow the Logon.
            for later in range(logon + 1, self.truth.next_out):
                self._write_said(later, again=False)
        if number < self.truth.next_in:
            self._fault(f"Logon(A) with MsgSeqNum(34) {number}, {self.truth.next_in} is expected")
        elif number > self.truth.next_in:
            self._hold(number, "", (), ask=not self._expects_unasked)
        else:
            self.truth.next_in += 1
            self._drain()

    def _logged_out(self, number: int, body: Fields) -> None:
        """A refusal of a Logon does not use up its number; any other Logout does."""
        if number == self.truth.next_in and self.is_logged_on:
            self.truth.next_in += 1
        if self.is_logged_on and not self._is_leaving:
            self._say("5", ())
        text = dict(body).get(58, "")
        if "too low" in text:
            self._fault(f"the venue says: {text}")
        if self.line is not None:
            self.line.hang_up()
        self.lost()

    def _hold(self, number: int, msg_type: str, body: Fields, *, ask: bool = True) -> None:
        self._held[number] = (msg_type, body)
        if not ask:
            self._asked_until = number
            self._asked_at = self._clock()
        elif self._asked_until == 0:
            self._ask()

    def _drain(self) -> None:
        while self.truth.next_in in self._held:
            number = self.truth.next_in
            msg_type, body = self._held.pop(number)
            if msg_type:
                self._work(number, msg_type, body, again=False)
            else:
                self.truth.next_in = number + 1
        for number in [each for each in self._held if each < self.truth.next_in]:
            del self._held[number]
        if self.truth.next_in > self._asked_until:
            self._asked_until = 0
            if self._held:
                self._ask()

    def _work(self, number: int, msg_type: str, body: Fields, *, again: bool) -> None:
        if msg_type == "4":
            new = int(dict(body)[36])
            if new <= number:
                self._fault(f"NewSeqNo(36) {new} at {number}")
                new = number + 1
            self.truth.filled.update(range(number, new))
            self.truth.next_in = new
            return
        self.truth.next_in = number + 1
        if msg_type == "1":
            self._say("0", tuple(each for each in body if each[0] == 112))
        elif msg_type == "2":
            self._answer(body)
        elif msg_type == "5":
            self.truth.next_in = number
            self._logged_out(number, body)
        elif msg_type != "0":
            self.truth.heard.append(Heard(number, msg_type, body, again))

    def _answer(self, body: Fields) -> None:
        asked = dict(body)
        self._resend(int(asked[7]), int(asked[16]))

    def _fault(self, text: str) -> None:
        self.truth.faults.append(text)


def frame(msg_type: str, name: str, header: Fields, fields: Fields) -> bytes:
    """Encode one message; `header` has what follows the CompIDs."""
    pairs = ((35, msg_type), (49, name), (56, "FIXOMS"), *header, *fields)
    body = "".join(f"{tag}={value}{_SOH}" for tag, value in pairs)
    text = f"8=FIX.4.4{_SOH}9={len(body)}{_SOH}{body}".encode("latin-1")
    return text + f"10={sum(text) % 256:03}{_SOH}".encode()


def _cut(buffer: bytes) -> int | None:
    """Where the first message ends, None when it is not all there."""
    begin = buffer.find(b"\x019=")
    end = buffer.find(b"\x01", begin + 1)
    if begin < 0 or end < 0:
        return None
    whole = end + 1 + int(buffer[begin + 3 : end]) + len("10=000\x01")
    return whole if len(buffer) >= whole else None


def parse(whole: bytes) -> tuple[str, Fields]:
    """Split a frame into fields; what is wrong with it first."""
    text = whole.decode("latin-1")
    if not text.startswith(f"8=FIX.4.4{_SOH}9=") or not text.endswith(_SOH):
        return "no frame", ()
    if text[-7:-4] != "10=" or int(text[-4:-1]) != sum(whole[:-7]) % 256:
        return "wrong CheckSum(10)", ()
    pairs = [each.partition("=") for each in text[:-1].split(_SOH)]
    return "", tuple((int(tag), value) for tag, _, value in pairs)


def _stamp(now: Nanos) -> str:
    moment = datetime.fromtimestamp(now // SECOND, UTC)
    return f"{moment:%Y%m%d-%H:%M:%S}.{now % SECOND // 1_000_000:03}"
