"""Turns a conversation that took place into a script that plays it again.

Owns: what of a message is worth listing, which values become `$names`, where time passed.
Must not know: where the frames come from: a wire log, or terminals that speak now.

Everything the player fills in by itself is left out, and so is what differs from run to run: what
the venue names (OrderID, ExecID …) becomes a `$name` where it comes back, and is left out where it
does not.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fixoms.domain.units import SECOND, Nanos
from fixoms.fix.values import parse_utc_timestamp
from fixoms.fix.wire_log import Direction
from fixoms.fix.wire_reader import WireLine, frame_of, read
from fixoms.replay.frames import FrameFault, Pair, fields_of
from fixoms.replay.script import (
    After,
    Bound,
    Field,
    Literal,
    Receive,
    Script,
    Send,
    Step,
)
from fixoms.replay.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One frame: `to_venue` tells its direction, `session` is the client's CompID."""

    session: str
    to_venue: bool
    frame: bytes
    time: Nanos


NAMED_BY_VENUE = {37: "order", 17: "exec", 19: "exec", 880: "trade", 1003: "trade", 198: "order"}
"""OrderID, ExecID, ExecRefID, trade ids: the stem of the name a value is given."""

SECRETS = frozenset({553, 554, 925, 95, 96})
"""Username, Password, NewPassword, RawData: the player has its own."""

_FILLED_IN = frozenset({8, 9, 10, 34, 35, 49, 52, 56, 122, 369})
_HEARTBEAT, _TEST_REQUEST, _LOGON, _LOGOUT = "0", "1", "A", "5"
_PAUSE_MIN = SECOND


class Recorder:
    """Collects frames and writes them as a script.

    Heartbeats and the TestRequests they answer are left out: automatic terminals keep their
    sessions alive by themselves. A session that begins before the recording is logged on by the
    player.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._spoken: list[Spoken] = []

    def add(self, spoken: Spoken) -> None:
        """Take in the next frame; raises FrameFault for bytes that are no FIX message."""
        fields_of(spoken.frame)
        self._spoken.append(spoken)

    def script(self, title: str, path: str = "recorded.fix") -> Script:
        """The conversation so far."""
        spoken = [each for each in self._spoken if self._is_said(each)]
        names = self._names(spoken)
        steps: list[Step] = []
        before = spoken[0].time if spoken else Nanos(0)
        for each in spoken:
            pause = (each.time - before) // SECOND * SECOND
            if pause >= _PAUSE_MIN:
                steps.append(After(line=0, nanos=pause, text=f"{pause // SECOND}s"))
                before = each.time
            steps.append(self._step(each, names))
        start = Nanos(spoken[0].time // SECOND * SECOND) if spoken else Nanos(0)
        return Script(
            path=path,
            title=title,
            spec=(),
            config="",
            clock=start,
            steps=tuple(steps),
        )

    def _is_said(self, spoken: Spoken) -> bool:
        """Whether a frame belongs in the script: the player logs on, out, and keeps alive."""
        return fields_of(spoken.frame)[0] not in (_HEARTBEAT, _TEST_REQUEST, _LOGON, _LOGOUT)

    def _names(self, spoken: Iterable[Spoken]) -> dict[tuple[str, bytes], str]:
        """A `$name` for each value of the venue that occurs more than once, in order."""
        seen: Counter[tuple[str, bytes]] = Counter()
        for each in spoken:
            for tag, value in fields_of(each.frame)[1]:
                if tag in NAMED_BY_VENUE and value != b"NONE":
                    seen[NAMED_BY_VENUE[tag], value] += 1
        counts: Counter[str] = Counter()
        names = {}
        for key, count in seen.items():
            if count > 1:
                counts[key[0]] += 1
                names[key] = f"{key[0]}{counts[key[0]]}"
        return names

    def _step(self, spoken: Spoken, names: dict[tuple[str, bytes], str]) -> Step:
        msg_type, pairs = fields_of(spoken.frame)
        name = self._vocabulary.message_name(msg_type)
        if name == msg_type:
            name = f'"{name}"'
        terminal = terminal_name(spoken.session)
        fields = self._fields(msg_type, pairs, names, spoken.to_venue)
        kind = Send if spoken.to_venue else Receive
        return kind(line=0, terminal=terminal, msg_type=msg_type, name=name, fields=fields)

    def _fields(
        self,
        msg_type: str,
        pairs: Sequence[Pair],
        names: dict[tuple[str, bytes], str],
        to_venue: bool,
    ) -> tuple[Field, ...]:
        groups = self._vocabulary.group_tags(msg_type)
        fields: list[Field] = []
        at = 0
        while at < len(pairs):
            field, at = self._field(pairs, at, groups, names, to_venue)
            if field is not None:
                fields.append(field)
        return tuple(fields)

    def _field(
        self,
        pairs: Sequence[Pair],
        at: int,
        groups: dict[int, frozenset[int]],
        names: dict[tuple[str, bytes], str],
        to_venue: bool,
    ) -> tuple[Field | None, int]:
        """The field at `at` with its group, or None to leave it out, and where the next begins."""
        tag, value = pairs[at]
        at += 1
        instances: list[tuple[Field, ...]] = []
        if tag in groups:
            inside: list[Field] = []
            delimiter = pairs[at][0] if at < len(pairs) else 0
            while at < len(pairs) and pairs[at][0] in groups[tag]:
                if pairs[at][0] == delimiter and inside:
                    instances.append(tuple(inside))
                    inside = []
                field, at = self._field(pairs, at, groups, names, to_venue)
                if field is not None:
                    inside.append(field)
            if inside:
                instances.append(tuple(inside))
        if not self._is_listed(tag, value, names, to_venue):
            return None, at
        name = self._vocabulary.field_name(tag)
        return Field(
            tag=tag,
            name=name,
            value=self._value(tag, value, names),
            instances=tuple(instances),
        ), at

    def _is_listed(
        self,
        tag: int,
        value: bytes,
        names: dict[tuple[str, bytes], str],
        to_venue: bool,
    ) -> bool:
        if tag in _FILLED_IN or tag in SECRETS:
            return False
        if tag in NAMED_BY_VENUE:
            return value == b"NONE" or (NAMED_BY_VENUE[tag], value) in names
        kind = self._vocabulary.field_type(tag)
        # The moment of the recording; a date such as ExpireDate is part of what was asked.
        return not (kind == "UTCTIMESTAMP" and (tag == 60 or not to_venue))

    def _value(
        self, tag: int, value: bytes, names: dict[tuple[str, bytes], str]
    ) -> Literal | Bound:
        known = names.get((NAMED_BY_VENUE.get(tag, ""), value))
        if known is not None:
            return Bound(name=known)
        word = self._vocabulary.value_name(tag, value)
        if word is not None:
            return Literal(text=word, wire=value)
        text = value.decode("latin-1")
        plain = text.isascii() and text.isprintable() and not set(text) & set(' "[]')
        ambiguous = text in ("", "-", "*") or text[:1] in ("$", "+", "-", '"')
        if plain and not ambiguous and self._reads_back(tag, text, value):
            return Literal(text=text, wire=value)
        return Literal(text=text, wire=value, exact=True)

    def _reads_back(self, tag: int, text: str, value: bytes) -> bool:
        try:
            return self._vocabulary.wire(tag, text) == value
        except LookupError:
            return False


def record_wire_logs(paths: Iterable[Path], title: str, vocabulary: Vocabulary) -> Script:
    """Make a script of the wire logs of a venue's sessions, put in order by time.

    Garbled lines are left out. Raises OSError when a log cannot be read.
    """
    recorder = Recorder(vocabulary)
    spoken = [each for line in read(paths) if (each := _spoken(line)) is not None]
    for each in sorted(spoken, key=lambda each: each.time):
        try:
            recorder.add(each)
        except FrameFault:
            continue
    return recorder.script(title)


def _spoken(line: WireLine) -> Spoken | None:
    """One line of a venue's log: what comes in is what a terminal says."""
    to_venue = line.direction is Direction.IN
    session = line.value(49 if to_venue else 56)
    if session is None:
        return None
    time = parse_utc_timestamp(line.time.encode("ascii"))
    return Spoken(session=session, to_venue=to_venue, frame=frame_of(line), time=time)


def terminal_name(comp_id: str) -> str:
    """A CompID as a script names its terminal: capitals, digits and `_`."""
    name = "".join(char if char.isalnum() and char.isascii() else "_" for char in comp_id.upper())
    return name if name[:1].isalpha() else f"T{name}"
