"""A stream of commands as a `.fix` script that expects what the reference venue decides.

Owns: the order of the script's lines, its headers, and what the language cannot say (`#` lines).
Must not know: any rule of the venue, the engine.

The script plays against the world of sessions/reference.yaml, which is that of world.py. Commands
that no client can send are left out for both sides: the reference venue does not decide them
either, so what the script expects is what its own lines lead to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fixoms.domain.commands import (
    VENUE,
    AdvanceTime,
    Command,
    EnterList,
    SessionClosed,
    SessionOpened,
    SetPhase,
)
from fixoms.domain.enums import Phase
from fixoms.domain.ids import InstrumentId
from fixoms.domain.units import SECOND

from .lockstep import INSTRUMENTS, VOLATILITY_AUCTION, describe
from .report import Report
from .spoken import px, said, unsaid
from .told import terminals, told
from .venue import ReferenceVenue
from .world import MARKET, OPERATOR, START, opening

CONFIG = Path(__file__).parents[3] / "sessions" / "reference.yaml"


@dataclass(frozen=True)
class Written:
    """A script's text, and why each command that it leaves out can be said by nobody."""

    text: str
    left_out: tuple[str, ...]


def as_script(commands: Sequence[Command], title: str) -> Written:
    """Write the script of a stream that follows `opening()`."""
    writer = _Writer()
    for command in commands:
        writer.add(command)
    writer.finish()
    lines = [*_headers(title), *writer.lines]
    return Written("\n".join(lines) + "\n", tuple(writer.left_out))


def save(folder: Path, seed: int, written: Written) -> Path:
    """Write `<seed>.fix` into a folder, beside the configuration it names; gives its path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG.name).write_bytes(CONFIG.read_bytes())
    path = folder / f"{seed}.fix"
    path.write_text(written.text, encoding="utf-8")
    return path


def _headers(title: str) -> list[str]:
    # Each command comes a second after the one before it, those of the opening included; the
    # venue has had its opening when the script begins.
    begin = (START // SECOND + len(opening())) % 86_400
    hours, minutes, seconds = begin // 3600, begin // 60 % 60, begin % 60
    return [
        f"title   {' '.join(title.split())}",
        "spec    venue rules, as the reference venue of the tests decides them",
        f"config  {CONFIG.name}",
        f"clock   2026-01-05 {hours:02}:{minutes:02}:{seconds:02}",
        "",
        "# Orders expire at whole seconds, so commands come between two: timers have run by then.",
        "after 500ms",
    ]


class _Writer:
    """The lines so far, and the reference venue that decided them."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.left_out: list[str] = []
        self._venue = ReferenceVenue(MARKET, VOLATILITY_AUCTION)
        self._time = int(START)
        self._lists: dict[str, EnterList] = {}
        for command in opening():
            self._time += SECOND
            self._venue.decide(command, self._time)
        self._phases: dict[str, Phase] = {}
        self._books = {key: self._venue.levels(key) for key in INSTRUMENTS}

    def add(self, command: Command) -> None:
        """Write one command and what it leads to, a second after the one before it."""
        self._time += SECOND
        self.lines += ["", "after 1s"]
        self._let_timers_run()
        why = unsaid(command, self._lists)
        if why:
            self.left_out.append(why)
            self.lines.append(f"# left out, {why}: {' '.join(describe(command).split())}")
        elif isinstance(command, SessionOpened):
            # Every terminal is logged on from the first line on.
            self.lines.append(f"# {command.origin.session} is logged on already")
        else:
            if isinstance(command, EnterList):
                self._lists.setdefault(command.list_id, command)
            self._play(command)

    def finish(self) -> None:
        """Show what a script does not see on the way: where a call stands, books that stay."""
        for key in INSTRUMENTS:
            if self._phases.get(key, Phase.CONTINUOUS).is_auction:
                self.lines += ["", "# The uncross shows what the call came to."]
                self._play(SetPhase(OPERATOR, key, Phase.CONTINUOUS))
        self.lines.append("")
        for key in INSTRUMENTS:
            self._expect_book(key)

    def _let_timers_run(self) -> None:
        clock = AdvanceTime(VENUE)
        reports = self._venue.decide(clock, self._time)
        for report in reports:
            if report.kind == "PHASE_CHANGED":
                symbol, long = report.who.partition("@")[0], VOLATILITY_AUCTION // SECOND
                self.lines += [
                    f"# The call of {symbol} lasts {long} s; a configuration has no key for that.",
                    f"operator phase {symbol} {Phase[report.status]}",
                ]
        self._expect(clock, reports)

    def _play(self, command: Command) -> None:
        reports = self._venue.decide(command, self._time)
        if isinstance(command, SessionClosed):
            self._close(command)
            # Who is not connected is told of nothing.
            away = command.origin.session
            for report in reports:
                if report.who == away:
                    self.lines.append(f"# {away} is away and not told: {report}")
            reports = [report for report in reports if report.who != away]
        else:
            refused = any(report.kind == "REFUSED" for report in reports)
            self.lines.append(("refuse " if refused else "") + said(command))
        self._expect(command, reports)

    def _close(self, command: SessionClosed) -> None:
        session = command.origin.session
        # The terminal is back at once, with new numbers: nothing is sent to it again.
        self.lines += [
            f"{'logout' if command.logged_out else 'cut'} {session}",
            f"logon {session} ResetSeqNumFlag=Y",
        ]

    def _expect(self, command: Command, reports: Sequence[Report]) -> None:
        for report in reports:
            for terminal in terminals(command, report, reports):
                self.lines += told(terminal, report, command)
            if report.kind == "INDICATIVE":
                self.lines.append(f"# no script sees: {report}")
            if report.kind == "PHASE_CHANGED":
                self._phases[report.who] = Phase[report.status]
        for key in dict.fromkeys(one.who for one in reports if one.kind == "PHASE_CHANGED"):
            self.lines.append(f"expect phase {key.partition('@')[0]} {self._phases[key]}")
        for key in INSTRUMENTS:
            if self._venue.levels(key) != self._books[key]:
                self._expect_book(key)

    def _expect_book(self, key: InstrumentId) -> None:
        levels = self._books[key] = self._venue.levels(key)
        sides = [
            " ".join(f"{qty}@{px(price)}" for price, qty, _ in side) or "empty" for side in levels
        ]
        symbol = key.partition("@")[0]
        self.lines.append(f"expect book {symbol} bid {sides[0]} ask {sides[1]}")
