"""A scripted FIX conversation as a value: headers, then steps in the order they happen.

Owns: what a `.fix` file may say, and how a script is written out again.
Must not know: how text becomes a script (replay/grammar.py), how one is played (replay/player.py).

The language is described for its readers in sessions/README.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from fixoms.domain.units import SECOND, Nanos


class ScriptError(Exception):
    """A script that cannot be read: names file and line, and says what is allowed there."""

    def __init__(self, path: str, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")
        self.path = path
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """A value written out. `text` is what the script says, `wire` what travels.

    `exact` values (quoted ones) are compared byte for byte, others by their meaning: 10 and 10.00
    are the same price.
    """

    text: str
    wire: bytes
    exact: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """`$name`: takes the value where it is first received, stands for it afterwards."""

    name: str


@dataclass(frozen=True, slots=True)
class Present:
    """`*`: the field is there, whatever its value."""


@dataclass(frozen=True, slots=True)
class Absent:
    """`-`: the field is not there; in a message to send, it is not filled in either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FromNow:
    """A time relative to the clock at the moment of sending, such as `-121s` or `+5m`."""

    nanos: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FromNext:
    """A sequence number relative to the one that is next in turn, such as `+3` or `-1`."""

    count: int


Value: TypeAlias = Literal | Bound | Present | Absent | FromNow | FromNext


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a message line; `instances` are those of the repeating group it counts."""

    tag: int
    name: str
    value: Value
    instances: tuple[tuple["Field", ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """`ALICE > Message F=V …`. A `held` message (`>+`) leaves in one write with the next one."""

    line: int
    terminal: str
    msg_type: str
    name: str
    fields: tuple[Field, ...]
    held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Receive:
    """`ALICE < Message F=V …`: the next message ALICE is sent must be this one."""

    line: int
    terminal: str
    msg_type: str
    name: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """`ALICE < nothing`: nothing more was sent to ALICE, who is still connected."""

    line: int
    terminal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendBytes:
    """`ALICE >> …`: bytes as they stand, with `#` where the player computes a value."""

    line: int
    terminal: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnected:
    """`ALICE << disconnect`: the other side has closed the connection, and said nothing more."""

    line: int
    terminal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """`connect ALICE`: open a connection and send nothing on it."""

    line: int
    terminal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """`cut ALICE`: the connection is lost without a word."""

    line: int
    terminal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOn:
    """`logon ALICE F=V …`: connect if need be, send Logon with these fields, receive a Logon."""

    line: int
    terminal: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOut:
    """`logout ALICE`: send Logout, receive Logout, close the connection."""

    line: int
    terminal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """`after 30s`: let time pass."""

    line: int
    nanos: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """`restart`: the venue is killed and recovers from its journal; every connection is lost."""

    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Operate:
    """`operator …`: what `fixoms operator …` would do. `refuse operator …` must be refused."""

    line: int
    words: tuple[str, ...]
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectBook:
    """`expect book ACME bid 100@10.00 ask empty`: the visible book, best level first.

    None leaves a side free. Levels are (quantity, price) as the venue shows them.
    """

    line: int
    symbol: str
    bids: tuple[tuple[str, str], ...] | None
    asks: tuple[tuple[str, str], ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectPhase:
    """`expect phase ACME continuous`: the trading phase of an instrument."""

    line: int
    symbol: str
    phase: str


Step: TypeAlias = (
    Send
    | Receive
    | Silence
    | SendBytes
    | Disconnected
    | Connect
    | Cut
    | LogOn
    | LogOut
    | After
    | Restart
    | Operate
    | ExpectBook
    | ExpectPhase
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One conversation: `title` and `spec` say what it shows, `config` and `clock` where it starts.

    `config` names the venue's configuration, a file in the folder of the script or one above it;
    empty leaves the choice to the world. `clock` is the time a virtual world starts at.
    """

    path: str
    title: str
    spec: tuple[str, ...]
    config: str
    clock: Nanos
    steps: tuple[Step, ...]

    def terminals(self) -> tuple[str, ...]:
        """Names of the terminals, in the order they first speak."""
        names = (step.terminal for step in self.steps if hasattr(step, "terminal"))
        return tuple(dict.fromkeys(names))


def script_files(paths: Iterable[Path]) -> list[Path]:
    """Expand directories into the `.fix` files under them, sorted; files stay as given."""
    found: list[Path] = []
    for path in paths:
        found += sorted(path.rglob("*.fix")) if path.is_dir() else [path]
    return found


def write_script(script: Script) -> str:
    """Write a script out as text, aligned the way people write them."""
    lines = [f"title   {script.title}"]
    lines += [f"spec    {clause}" for clause in script.spec]
    if script.config:
        lines.append(f"config  {script.config}")
    lines.append(f"clock   {_render_clock(script.clock)}")
    lines.append("")
    width = max((len(name) for name in script.terminals()), default=0)
    lines += [_write_step(step, width) for step in script.steps]
    return "\n".join(lines) + "\n"


def _write_step(step: Step, width: int) -> str:
    match step:
        case Send():
            arrow = ">+" if step.held else ">"
            return _write_message(step.terminal, width, arrow, step.name, step.fields)
        case Receive():
            return _write_message(step.terminal, width, "<", step.name, step.fields)
        case Silence():
            return f"{step.terminal:<{width}} < nothing"
        case SendBytes():
            return f"{step.terminal:<{width}} >> {step.text}"
        case Disconnected():
            return f"{step.terminal:<{width}} << disconnect"
        case Connect():
            return f"connect {step.terminal}"
        case Cut():
            return f"cut {step.terminal}"
        case LogOn():
            return " ".join([f"logon {step.terminal}", *map(_write_field, step.fields)])
        case LogOut():
            return f"logout {step.terminal}"
        case After():
            return f"after {step.text}"
        case Restart():
            return "restart"
        case Operate():
            return ("refuse " if step.refused else "") + " ".join(("operator", *step.words))
        case ExpectBook():
            return _write_book(step)
        case ExpectPhase():
            return f"expect phase {step.symbol} {step.phase}"


def _write_message(
    terminal: str, width: int, arrow: str, name: str, fields: tuple[Field, ...]
) -> str:
    line = f"{terminal:<{width}} {arrow} {name:<18} " + " ".join(map(_write_field, fields))
    return line.rstrip()


def _write_field(field: Field) -> str:
    groups = ""
    for instance in field.instances:
        groups += " [" + " ".join(map(_write_field, instance)) + "]"
    return f"{field.name}={_write_value(field.value)}{groups}"


def _write_value(value: Value) -> str:
    match value:
        case Literal():
            return quote(value.text) if value.exact else value.text
        case Bound():
            return f"${value.name}"
        case Present():
            return "*"
        case Absent():
            return "-"
        case FromNow():
            return value.text
        case FromNext():
            return f"{value.count:+d}"


def quote(text: str) -> str:
    r"""Write a value that is taken as it stands: in quotes, other bytes as `\xHH`."""
    written = ""
    for char in text:
        if char in '"\\':
            written += "\\" + char
        elif " " <= char <= "~":
            written += char
        else:
            written += f"\\x{ord(char):02x}"
    return f'"{written}"'


def _write_book(step: ExpectBook) -> str:
    if step.bids == () and step.asks == ():
        return f"expect book {step.symbol} empty"
    words = ["expect book", step.symbol]
    for side, levels in (("bid", step.bids), ("ask", step.asks)):
        if levels is not None:
            words.append(side)
            words += [f"{qty}@{price}" for qty, price in levels] or ["empty"]
    return " ".join(words)


def _render_clock(clock: Nanos) -> str:
    seconds, rest = divmod(clock, SECOND)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{text}.{rest:09}".rstrip("0") if rest else text
