"""Reads the text of a `.fix` script.

Owns: the syntax of the language, and errors that name file, line and what is allowed.
Must not know: how a script is played.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from fixoms.domain.units import SECOND, Nanos
from fixoms.replay.script import (
    Absent,
    After,
    Bound,
    Connect,
    Cut,
    Disconnected,
    ExpectBook,
    ExpectPhase,
    Field,
    FromNext,
    FromNow,
    Literal,
    LogOn,
    LogOut,
    Operate,
    Present,
    Receive,
    Restart,
    Script,
    ScriptError,
    Send,
    SendBytes,
    Silence,
    Step,
    Value,
)
from fixoms.replay.vocabulary import TIMES, UnknownName, Vocabulary

HEADERS = ("title", "spec", "config", "clock")
VERBS = ("connect", "cut", "logon", "logout", "after", "restart", "operator", "refuse", "expect")
DEFAULT_CLOCK = Nanos(1_767_619_800 * SECOND)
"""2026-01-05 13:30:00, a Monday: where a script without a `clock` line starts."""

_TERMINAL = re.compile(r"[A-Z][A-Z0-9_]*$")
_SPEECH = re.compile(r"([A-Z][A-Z0-9_]*)\s+(\S+)(?:\s+(.*))?$")
_TOKEN = re.compile(
    r"""\s*(?:(?P<open>\[)|(?P<close>\])
    |(?P<name>[A-Za-z][A-Za-z0-9_]*|[0-9]+)=(?P<value>"(?:[^"\\]|\\.)*"|[^\s\[\]"]*))""",
    re.VERBOSE,
)
_MESSAGE_NAME = re.compile(r'("[^"]*"|[A-Za-z0-9]+)(?:\s+(.*))?$')
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|.)")
_DURATION = re.compile(r"(\d+)(ms|s|m|h|d)$")
_UNITS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86_400 * 10**9}
_LEVEL = re.compile(r"(\d+(?:\.\d+)?)@(-?\d+(?:\.\d+)?)$")


def read_script(path: Path, vocabulary: Vocabulary) -> Script:
    """Read the script in a file; raises ScriptError, and OSError when the file cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ScriptError(str(path), 1, f"not UTF-8 text: {error.reason}") from None
    return parse_script(text, str(path), vocabulary)


def parse_script(text: str, path: str, vocabulary: Vocabulary) -> Script:
    """Read a script from its text; `path` is what errors name."""
    return _Parser(path, vocabulary).parse(text)


class _Refused(Exception):
    """What is wrong with a line; the parser adds file and line number."""


class _Parser:
    def __init__(self, path: str, vocabulary: Vocabulary) -> None:
        self.path = path
        self.vocabulary = vocabulary
        self.line = 0
        self.title = ""
        self.spec: list[str] = []
        self.config = ""
        self.clock = DEFAULT_CLOCK
        self.steps: list[Step] = []
        self.bound: set[str] = set()
        self.verbs: dict[str, Callable[[str], Step]] = {
            "connect": lambda rest: Connect(line=self.line, terminal=_terminal(rest)),
            "cut": lambda rest: Cut(line=self.line, terminal=_terminal(rest)),
            "logon": self._log_on,
            "logout": lambda rest: LogOut(line=self.line, terminal=_terminal(rest)),
            "after": self._after,
            "restart": self._restart,
            "operator": lambda rest: self._operate(rest, refused=False),
            "refuse": self._refuse,
            "expect": self._expect,
        }

    def parse(self, text: str) -> Script:
        for self.line, line in enumerate(text.splitlines(), start=1):
            stripped = line.strip()
            if stripped and not stripped.startswith("#"):
                try:
                    self._read(stripped)
                except (_Refused, UnknownName) as error:
                    raise ScriptError(self.path, self.line, str(error)) from None
        if not self.title:
            raise ScriptError(self.path, 1, "a script opens with a line `title …`")
        if not self.steps:
            raise ScriptError(self.path, self.line or 1, "the script has no steps")
        return Script(
            path=self.path,
            title=self.title,
            spec=tuple(self.spec),
            config=self.config,
            clock=self.clock,
            steps=tuple(self.steps),
        )

    def _read(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word in HEADERS:
            self._header(word, rest.strip())
        elif word in self.verbs:
            self.steps.append(self.verbs[word](rest.strip()))
        elif _TERMINAL.match(word):
            self.steps.append(self._speech(line))
        else:
            message = (
                f"cannot read `{word}`; a line starts with a terminal in capitals (ALICE > …), "
                f"a header ({', '.join(HEADERS)}) or a verb ({', '.join(VERBS)})"
            )
            raise _Refused(message)

    def _header(self, word: str, rest: str) -> None:
        if self.steps:
            raise _Refused(f"`{word}` is a header and stands above the first step")
        if not rest:
            raise _Refused(f"`{word}` says nothing")
        if word == "title":
            self.title = rest
        elif word == "spec":
            self.spec.append(rest)
        elif word == "config":
            if len(rest.split()) > 1:
                raise _Refused("`config` names one file, such as venue.yaml")
            self.config = rest
        else:
            self.clock = _clock(rest)

    def _speech(self, line: str) -> Step:
        match = _SPEECH.match(line)
        if match is None:
            raise _Refused("after a terminal comes one of >, >+, <, >>, <<")
        terminal, arrow, rest = match[1], match[2], (match[3] or "").strip()
        if arrow in (">", ">+"):
            msg_type, name, fields = self._message(rest, sending=True)
            return Send(
                line=self.line,
                terminal=terminal,
                msg_type=msg_type,
                name=name,
                fields=fields,
                held=arrow == ">+",
            )
        if arrow == "<" and rest == "nothing":
            return Silence(line=self.line, terminal=terminal)
        if arrow == "<":
            msg_type, name, fields = self._message(rest, sending=False)
            return Receive(
                line=self.line, terminal=terminal, msg_type=msg_type, name=name, fields=fields
            )
        if arrow == ">>" and rest:
            return SendBytes(line=self.line, terminal=terminal, text=rest)
        if arrow == "<<" and rest == "disconnect":
            return Disconnected(line=self.line, terminal=terminal)
        raise _Refused(
            f"cannot read `{arrow} {rest}`; allowed: `> Message …`, `>+ Message …`, "
            "`< Message …`, `< nothing`, `>> bytes`, `<< disconnect`"
        )

    def _message(self, text: str, *, sending: bool) -> tuple[str, str, tuple[Field, ...]]:
        match = _MESSAGE_NAME.match(text)
        if match is None:
            raise _Refused("a message name is missing, such as NewOrderSingle")
        name = match[1]
        # A quoted name is a MsgType(35) as it stands, for types the dictionary does not have.
        msg_type = name[1:-1] if name.startswith('"') else self.vocabulary.message(name)
        return msg_type, name, self._fields(match[2] or "", sending=sending)

    def _fields(self, text: str, *, sending: bool) -> tuple[Field, ...]:
        fields, end = self._group(text, 0, sending=sending, depth=0)
        if end != len(text):
            raise _Refused("a ] closes nothing")
        return fields

    def _group(
        self, text: str, at: int, *, sending: bool, depth: int
    ) -> tuple[tuple[Field, ...], int]:
        """Read fields from `at` to the end of the text or, inside brackets, past their ]."""
        fields: list[Field] = []
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise _Refused(
                    f"cannot read `{text[at:].strip()}`; expected Name=value, "
                    'with "quotes" round a value that has blanks'
                )
            at = match.end()
            if match["close"]:
                if depth == 0:
                    raise _Refused("a ] closes nothing")
                return tuple(fields), at
            if match["open"]:
                if not fields:
                    raise _Refused("a [ follows the field that counts the group: NoOrders=2 [")
                instance, at = self._group(text, at, sending=sending, depth=depth + 1)
                last = fields[-1]
                fields[-1] = Field(
                    tag=last.tag,
                    name=last.name,
                    value=last.value,
                    instances=(*last.instances, instance),
                )
            else:
                fields.append(self._field(match["name"], match["value"], sending=sending))
        if depth:
            raise _Refused("a [ is not closed")
        return tuple(fields), at

    def _field(self, name: str, text: str, *, sending: bool) -> Field:
        tag, full_name = self.vocabulary.field(name)
        return Field(tag=tag, name=full_name, value=self._value(tag, text, sending=sending))

    def _value(self, tag: int, text: str, *, sending: bool) -> Value:
        field = f"{self.vocabulary.field_name(tag)}({tag})"
        if text.startswith('"'):
            raw = _unescape(text[1:-1])
            return Literal(text=raw.decode("latin-1"), wire=raw, exact=True)
        if not text:
            raise _Refused(f'{field} has no value; an empty one is written ""')
        if text == "-":
            return Absent()
        if text == "*":
            if sending:
                raise _Refused(f"{field}=* says nothing in a message to send")
            return Present()
        if text.startswith("$"):
            return self._bound(text[1:], sending=sending)
        if sending and text[0] in "+-":
            relative = self._relative(tag, text)
            if relative is not None:
                return relative
        if not text.isascii():
            raise _Refused(f'{field}={text}: other characters go in quotes, as "\\xHH"')
        return Literal(text=text, wire=self.vocabulary.wire(tag, text))

    def _bound(self, name: str, *, sending: bool) -> Value:
        if not name.isidentifier():
            raise _Refused(f"${name} is no name; write $ and letters, such as $order")
        if sending and name not in self.bound:
            raise _Refused(f"${name} has no value yet: no line above receives it")
        self.bound.add(name)
        return Bound(name=name)

    def _relative(self, tag: int, text: str) -> Value | None:
        kind = self.vocabulary.field_type(tag)
        if kind == "SEQNUM" and text[1:].isdecimal():
            return FromNext(count=int(text))
        if kind in TIMES:
            sign = -1 if text[0] == "-" else 1
            return FromNow(nanos=sign * _duration(text[1:]), text=text)
        return None

    def _log_on(self, rest: str) -> Step:
        name, _, fields = rest.partition(" ")
        return LogOn(
            line=self.line,
            terminal=_terminal(name),
            fields=self._fields(fields.strip(), sending=True),
        )

    def _after(self, rest: str) -> Step:
        return After(line=self.line, nanos=_duration(rest), text=rest)

    def _restart(self, rest: str) -> Step:
        if rest:
            raise _Refused("`restart` stands alone")
        return Restart(line=self.line)

    def _operate(self, rest: str, *, refused: bool) -> Step:
        words = tuple(rest.split())
        if not words:
            raise _Refused("`operator` needs a command, such as `operator phase ACME halt`")
        return Operate(line=self.line, words=words, refused=refused)

    def _refuse(self, rest: str) -> Step:
        word, _, command = rest.partition(" ")
        if word != "operator":
            raise _Refused("only an operator's command can be refused: `refuse operator …`")
        return self._operate(command, refused=True)

    def _expect(self, rest: str) -> Step:
        words = rest.split()
        if words[:1] == ["phase"] and len(words) == 3:
            return ExpectPhase(line=self.line, symbol=words[1], phase=words[2])
        if words[:1] == ["book"] and len(words) >= 3:
            return self._expect_book(words[1], words[2:])
        raise _Refused(
            "allowed: `expect book SYMBOL empty`, `expect book SYMBOL bid QTY@PRICE … ask …`, "
            "`expect phase SYMBOL PHASE`"
        )

    def _expect_book(self, symbol: str, words: list[str]) -> Step:
        if words == ["empty"]:
            return ExpectBook(line=self.line, symbol=symbol, bids=(), asks=())
        sides: dict[str, list[tuple[str, str]]] = {}
        side = ""
        for word in words:
            if word in ("bid", "ask"):
                side = word
                sides[side] = []
            elif not side:
                raise _Refused(f"`{word}`: the levels follow `bid` or `ask`")
            elif word != "empty":
                level = _LEVEL.match(word)
                if level is None:
                    raise _Refused(f"`{word}` is no level; write QTY@PRICE, such as 100@10.00")
                sides[side].append((level[1], level[2]))
        bids, asks = sides.get("bid"), sides.get("ask")
        return ExpectBook(
            line=self.line,
            symbol=symbol,
            bids=None if bids is None else tuple(bids),
            asks=None if asks is None else tuple(asks),
        )


def _terminal(word: str) -> str:
    if not _TERMINAL.match(word):
        raise _Refused(f"`{word}` is no terminal; a terminal is named in capitals, such as ALICE")
    return word


def _duration(text: str) -> int:
    match = _DURATION.match(text)
    if match is None:
        raise _Refused(f"`{text}` is no duration; allowed: 500ms, 30s, 5m, 1h, 1d")
    return int(match[1]) * _UNITS[match[2]]


def _clock(text: str) -> Nanos:
    try:
        moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise _Refused(f"`{text}` is no time; write 2026-01-05 13:30:00 (UTC)") from None
    return Nanos(int(moment.timestamp()) * SECOND)


def _unescape(text: str) -> bytes:
    def replace(match: re.Match[str]) -> str:
        escape = match[1]
        return chr(int(escape[1:], 16)) if len(escape) == 3 else escape

    try:
        return _ESCAPE.sub(replace, text).encode("latin-1")
    except UnicodeEncodeError:
        raise _Refused(f"{text!r} has characters outside latin-1; write bytes as \\xHH") from None
