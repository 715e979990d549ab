"""Plays a script: sends what it sends, and holds the other side to what it expects.

Owns: the order of steps, what counts as unexpected, how a failure reads.
Must not know: whether the venue is in-process or at the end of a socket (replay/world.py).

Expectations of different terminals may come in any order; those of one terminal are strict: its
next message must be the expected one, and nothing may be left over at the end.
"""

from collections.abc import Iterable
from pathlib import Path

from fixoms.replay import vocabulary as names
from fixoms.replay.frames import FrameFault, Received, printable
from fixoms.replay.grammar import read_script
from fixoms.replay.matching import Bindings, Row, compare, table
from fixoms.replay.report import Outcome, Report, Result, ScriptFailed
from fixoms.replay.script import (
    After,
    Connect,
    Cut,
    Disconnected,
    ExpectBook,
    ExpectPhase,
    LogOn,
    LogOut,
    Operate,
    Receive,
    Restart,
    Script,
    ScriptError,
    Send,
    SendBytes,
    Silence,
    Step,
    script_files,
)
from fixoms.replay.terminal import Terminal
from fixoms.replay.vocabulary import Vocabulary
from fixoms.replay.world import CannotConnect, OperatorRefused, Target, VenueFailed, World

PATIENCE = 5.0
"""Seconds to wait over TCP for a message that is expected."""


def replay_files(paths: Iterable[Path], target: Target) -> Report:
    """Play scripts, and those in directories, one after the other."""
    return Report(tuple(replay_file(path, target) for path in script_files(paths)))


def replay_file(path: Path, target: Target) -> Result:
    """Play one script; every way it can go wrong is in the result."""
    try:
        script = read_script(path, names.fix44())
    except ScriptError as error:
        return _failed(path, str(error))
    except OSError as error:
        return _failed(path, f"{path}: {error.strerror}")
    return replay_script(script, target)


def _failed(path: Path, text: str) -> Result:
    return Result(path=str(path), title="", outcome=Outcome.FAILED, steps=0, text=text)


def replay_script(script: Script, target: Target) -> Result:
    """Play a script that has been read."""
    outcome, text = Outcome.PASSED, target.lacks(script)
    if text:
        outcome = Outcome.SKIPPED
    else:
        try:
            play(script, target, names.fix44())
        except (ScriptFailed, ScriptError) as error:
            outcome, text = Outcome.FAILED, str(error)
        except CannotConnect as error:
            outcome, text = Outcome.FAILED, f"{script.path}: {error}"
        except VenueFailed as failure:
            text = f"{script.path}: the venue broke: {failure.__cause__!r}"
            outcome = Outcome.FAILED
    return Result(
        path=script.path, title=script.title, outcome=outcome, steps=len(script.steps), text=text
    )


def play(script: Script, target: Target, vocabulary: Vocabulary) -> None:
    """Play a script in a world of its own; raises ScriptFailed where it meets something else."""
    world = target.open(script)
    try:
        player = _Player(script, world, vocabulary)
        for step in script.steps:
            player.play(step)
        player.finish()
    finally:
        world.close()


class _Player:
    def __init__(self, script: Script, world: World, vocabulary: Vocabulary) -> None:
        self.script = script
        self.world = world
        self.vocabulary = vocabulary
        self.bindings = Bindings(world.id_suffix.encode("latin-1"))
        self.terminals: dict[str, Terminal] = {}
        self.line = script.steps[0].line
        self._log_on_automatic_terminals()

    def _log_on_automatic_terminals(self) -> None:
        """A terminal whose first step is no `connect` or `logon` is logged on before the script."""
        first: dict[str, Step] = {}
        for step in self.script.steps:
            name = getattr(step, "terminal", None)
            if name is not None:
                first.setdefault(name, step)
        for name, step in first.items():
            automatic = not isinstance(step, Connect | LogOn)
            terminal = Terminal(
                name, self.world, self.vocabulary, self.bindings, automatic=automatic
            )
            self.terminals[name] = terminal
            if automatic:
                self._log_on(LogOn(line=step.line, terminal=name, fields=()))

    def play(self, step: Step) -> None:
        self.line = step.line
        match step:
            case Send(terminal=name, msg_type=msg_type, fields=fields, held=held):
                self._open(name).send(msg_type, fields, held=held)
            case SendBytes(terminal=name, text=text):
                self._open(name).send_bytes(text, (self.script.path, self.line))
            case Receive():
                self._receive(step)
            case Silence(terminal=name):
                self._silence(name)
            case Disconnected(terminal=name):
                self._disconnected(name)
            case Connect(terminal=name):
                self._connect(self.terminals[name])
            case Cut(terminal=name):
                self._nothing_left(self.terminals[name])
                self.terminals[name].cut()
            case LogOn():
                self._log_on(step)
            case LogOut(terminal=name):
                self._log_out(self._open(name))
            case After(nanos=nanos):
                self._wait(nanos)
            case Restart():
                self._restart()
            case Operate():
                self._operate(step)
            case ExpectBook():
                self._expect_book(step)
            case ExpectPhase():
                self._expect_phase(step)
        self._pump_all()

    def finish(self) -> None:
        """Nothing may be left over when the script ends."""
        for terminal in self.terminals.values():
            self._pump(terminal, self.world.quiet)
            self._nothing_left(terminal)
            if terminal.closed_by_peer:
                raise self._failure(
                    f"{terminal.name}: the other side closed the connection; a script that "
                    f"expects this says `{terminal.name} << disconnect`"
                )
        if self.world.lasting:
            for terminal in self.terminals.values():
                if terminal.automatic and terminal.line is not None:
                    terminal.send("5", ())
                    terminal.pump(PATIENCE, self.line)

    # Receiving.

    def _pump(self, terminal: Terminal, patience: float) -> bool:
        try:
            return terminal.pump(patience, self.line)
        except FrameFault as fault:
            raise self._failure(
                f"{terminal.name} was sent bytes that are no FIX: {fault}"
            ) from None

    def _pump_all(self) -> None:
        for terminal in self.terminals.values():
            while self._pump(terminal, 0):
                pass

    def _receive(self, step: Receive) -> None:
        terminal = self._known(step.terminal)
        received = self._next(terminal, step.name)
        rows = [] if received.msg_type == step.msg_type else [self._type_row(step, received)]
        rows += compare(step.fields, received, self.bindings, self.vocabulary)
        rows += self._standing_rows(terminal, step, received)
        wrong = sum(not row.matches for row in rows)
        if wrong:
            fields = "1 field differs" if wrong == 1 else f"{wrong} fields differ"
            raise self._failure(
                f"{terminal.name} was to receive {step.name}, {fields}\n"
                f"{table(rows)}\n    in full: {printable(received.frame)}"
            )
        terminal.accept(received)

    def _next(self, terminal: Terminal, name: str) -> Received:
        while not terminal.inbox:
            if terminal.line is None or terminal.closed_by_peer:
                raise self._failure(
                    f"{terminal.name} was to receive {name}, but the connection is closed"
                )
            if not self._pump(terminal, PATIENCE):
                raise self._failure(f"{terminal.name} was to receive {name}, nothing came")
        return terminal.inbox.popleft()

    def _type_row(self, step: Receive, received: Received) -> Row:
        got = f"{self.vocabulary.message_name(received.msg_type)} ({received.msg_type})"
        return Row("MsgType(35)", f"{step.name} ({step.msg_type})", got, matches=False)

    def _standing_rows(self, terminal: Terminal, step: Receive, received: Received) -> list[Row]:
        """What every message must fulfil without being asked, where it does not."""
        listed = {field.tag for field in step.fields}
        identity = terminal.identity
        rows = []
        for tag, want in ((49, identity.target_comp_id), (56, identity.sender_comp_id)):
            got = (received.get(tag) or b"").decode("latin-1")
            if tag not in listed and got != want:
                label = f"{self.vocabulary.field_name(tag)}({tag})"
                rows.append(Row(label, want, got, matches=False))
        due = terminal.number_fault(received)
        if due is not None and 34 not in listed:
            got = (received.get(34) or b"absent").decode("latin-1")
            rows.append(Row("MsgSeqNum(34)", str(due), got, matches=False))
        return rows

    def _silence(self, name: str) -> None:
        terminal = self._known(name)
        self._pump(terminal, self.world.quiet)
        self._nothing_left(terminal)
        if terminal.line is None or terminal.closed_by_peer:
            raise self._failure(f"{name} was to stay connected, but the connection is closed")

    def _nothing_left(self, terminal: Terminal) -> None:
        if terminal.inbox:
            received = terminal.inbox[0]
            name = self.vocabulary.message_name(received.msg_type)
            raise self._failure(
                f"{terminal.name} received a {name} that no line expects, "
                f"after line {received.after_line}\n"
                f"{self._in_full(received)}\n    in full: {printable(received.frame)}"
            )

    def _in_full(self, received: Received) -> str:
        shown = [(tag, value) for tag, value in received.fields if tag not in (49, 52, 56)]
        label = self.vocabulary.field_name
        lines = [f"    {label(tag)}({tag}) = {self.vocabulary.describe(tag, value)}"
                 for tag, value in shown]  # fmt: skip
        return "\n".join(lines)

    def _disconnected(self, name: str) -> None:
        terminal = self._known(name)
        while terminal.line is not None and not terminal.closed_by_peer:
            if not self._pump(terminal, PATIENCE):
                self._nothing_left(terminal)
                raise self._failure(f"{name} was to be disconnected, but is still connected")
        self._nothing_left(terminal)
        terminal.cut()

    # Connecting.

    def _known(self, name: str) -> Terminal:
        return self.terminals[name]

    def _open(self, name: str) -> Terminal:
        terminal = self.terminals[name]
        if terminal.line is None:
            raise self._failure(f"{name} is not connected; `connect {name}` or `logon {name}`")
        return terminal

    def _connect(self, terminal: Terminal) -> None:
        try:
            terminal.connect()
        except CannotConnect as error:
            raise self._failure(str(error)) from None

    def _log_on(self, step: LogOn) -> None:
        terminal = self.terminals[step.terminal]
        if terminal.line is None or terminal.closed_by_peer:
            self._connect(terminal)
        terminal.send("A", step.fields)
        self._receive(
            Receive(line=step.line, terminal=step.terminal, msg_type="A", name="Logon", fields=())
        )

    def _log_out(self, terminal: Terminal) -> None:
        terminal.send("5", ())
        self._receive(
            Receive(line=self.line, terminal=terminal.name, msg_type="5", name="Logout", fields=())
        )
        self._nothing_left(terminal)
        terminal.cut()

    # The world around.

    def _wait(self, nanos: int) -> None:
        """Let time pass, with automatic terminals keeping their sessions alive meanwhile."""
        end = self.world.now() + nanos
        while True:
            dues = [terminal.heartbeat_due() for terminal in self.terminals.values()]
            until = min([end, *(due for due in dues if due is not None)])
            self.world.wait(max(0, until - self.world.now()))
            self._pump_all()
            now = self.world.now()
            for terminal in self.terminals.values():
                due = terminal.heartbeat_due()
                if due is not None and due <= now:
                    terminal.send_fields("0", [])
            if now >= end:
                return

    def _restart(self) -> None:
        for terminal in self.terminals.values():
            self._nothing_left(terminal)
        self.world.restart()
        for terminal in self.terminals.values():
            terminal.cut()

    def _operate(self, step: Operate) -> None:
        command = " ".join(step.words)
        try:
            answer = self.world.operate(step.words)
        except OperatorRefused as refusal:
            if not step.refused:
                raise self._failure(f"operator {command}: refused: {refusal}") from None
            return
        if step.refused:
            raise self._failure(f"operator {command}: was to be refused, but: {answer}")

    def _expect_book(self, step: ExpectBook) -> None:
        book = self.world.book(step.symbol)
        if book is None:
            return
        rows = [
            Row(f"{step.symbol} {side}", _levels(want), _levels(got), want == got)
            for side, want, got in (("bid", step.bids, book.bids), ("ask", step.asks, book.asks))
            if want is not None
        ]
        if not all(row.matches for row in rows):
            raise self._failure(f"the book of {step.symbol} differs\n{table(rows)}")

    def _expect_phase(self, step: ExpectPhase) -> None:
        phase = self.world.phase(step.symbol)
        if phase is not None and phase != step.phase:
            raise self._failure(f"{step.symbol} is in phase {phase}, expected {step.phase}")

    def _failure(self, message: str) -> ScriptFailed:
        return ScriptFailed(self.script.path, self.line, message)


def _levels(levels: tuple[tuple[str, str], ...] | None) -> str:
    return " ".join(f"{qty}@{price}" for qty, price in levels or ()) or "empty"
