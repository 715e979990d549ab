"""What the demo shows, line by line and table by table.

Owns: words, alignment and colour of the demo.
Must not know: where what it shows comes from.
"""

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fixoms import __version__
from fixoms.cli.tables import ORDER_COLUMNS, TRADE_COLUMNS, render_book
from fixoms.clock import now, time_of_day
from fixoms.config import Config
from fixoms.console import Column, console, styled, table
from fixoms.demo.alerts import Event
from fixoms.demo.scene import SYMBOL, Cancel, Enter, Step
from fixoms.demo.terminal import Report
from fixoms.store.queries import Book, OrderRow, TradeRow

_INDENT = (0, 0, 0, 2)


class Screen:
    """Standard output, as the audience sees it."""

    def __init__(self) -> None:
        self._console = console()
        self.is_gone = False
        """Whether nobody reads any more (`fixoms demo | head`)."""

    def title(self) -> None:
        """Say what this is."""
        self._print(f"[heading]fixoms {__version__}[/] · a venue with everything built in")
        self._print()

    def say(self, line: str) -> None:
        """Print a line of the venue's own."""
        self._print()
        self._print(Text(line), style="quiet")

    def facts(self, facts: Mapping[str, str]) -> None:
        """Print names with values, aligned."""
        grid = Table.grid(padding=(0, 3))
        grid.add_column(style="quiet", no_wrap=True)
        grid.add_column(overflow="fold")
        for name, value in facts.items():
            grid.add_row(name, Text(value))
        self._indented(grid)

    def caption(self, text: str) -> None:
        """Announce a step."""
        if text:
            self._heading(text)

    def sent(self, step: Step) -> None:
        """Show an order on its way out."""
        side = "buy" if step.is_buy else "sell"
        match step:
            case Enter():
                what = f"NewOrderSingle: {side} {step.qty} {SYMBOL} at {step.price}"
            case Cancel():
                what = f"OrderCancelRequest for {step.orig_cl_ord_id}"
            case _:
                what = (
                    f"OrderCancelReplaceRequest for {step.orig_cl_ord_id}: "
                    f"{step.qty} at {step.price}"
                )
        self._line(step.who, ">", step.cl_ord_id, Text(what))

    def received(self, who: str, report: Report) -> None:
        """Show a report."""
        what = styled(report.exec_type)
        if report.last_px:
            what += Text(f" {report.last_qty} at {report.last_px} with {report.contra}")
        if report.status == "canceled":
            what += Text(f", {report.filled} filled")
        elif report.left not in ("", "0"):
            what += Text(f", {report.left} left")
        elif report.status == "filled":
            what += Text(", all filled")
        if report.text:
            what += Text(f": {report.text}")
        self._line(who, "<", report.cl_ord_id, what)

    def alert(self, event: Event) -> None:
        """Show an alert that came over MQTT."""
        self._line("MQTT", "!", "", styled(event.severity) + Text(f": {event.text}"))

    def orders(self, rows: Sequence[OrderRow]) -> None:
        """Show the blotter."""
        self._titled("Orders, read from SQL", ORDER_COLUMNS, rows)

    def trades(self, rows: Sequence[TradeRow]) -> None:
        """Show the trades."""
        self._titled("Trades, read from SQL", TRADE_COLUMNS, rows)

    def book(self, book: Book) -> None:
        """Show the book."""
        self._heading("Book, read from SQL")
        self._indented(render_book(book))

    def events(self, counts: Mapping[str, int]) -> None:
        """Say what else MQTT brought."""
        parts = [f"{count} {kind}" for kind, count in sorted(counts.items())]
        total = sum(counts.values())
        self._heading(f"{total} events came over MQTT")
        self._indented(Text(", ".join(parts)))

    def how_to_connect(
        self, config: Config, port: int, password: str, dictionary: Path, mqtt: str
    ) -> None:
        """Tell how to connect one's own terminal and where to look."""
        self._heading("Connect your own terminal")
        self.facts(
            {
                "Host, port": f"{config.fix.host}, {port}",
                "BeginString": "FIX.4.4",
                "SenderCompID": "GUEST",
                "TargetCompID": config.fix.comp_id,
                "Username": "guest",
                "Password": password,
                "Dictionary": str(dictionary),
                "MQTT": mqtt,
            }
        )
        self._heading("Look around from another shell")
        for words in ("orders", "order A3", "book ACME", f"operator halt {SYMBOL}"):
            line = f"  {_own_command()} {words} -c {shlex.quote(str(config.path))}"
            self._print(Text(line), soft_wrap=True)

    def _print(self, *shown: RenderableType, style: str = "", soft_wrap: bool = False) -> None:
        try:
            self._console.print(*shown, style=style, soft_wrap=soft_wrap)
        except BrokenPipeError:
            self.is_gone = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def _heading(self, text: str) -> None:
        self._print()
        self._print(Text(text, style="heading"))

    def _line(self, who: str, sign: str, cl_ord_id: str, what: Text) -> None:
        grid = Table.grid(padding=(0, 1))
        grid.add_column(style="quiet", width=12)
        grid.add_column(width=5)
        grid.add_column(style="quiet", width=1)
        grid.add_column(width=2)
        grid.add_column(overflow="fold")
        grid.add_row(time_of_day(now()), who, sign, cl_ord_id, what)
        self._indented(grid)

    def _titled(self, title: str, columns: Sequence[Column], rows: Sequence[object]) -> None:
        self._heading(title)
        self._indented(table(columns, rows, self._console.width))

    def _indented(self, shown: RenderableType) -> None:
        self._print(Padding(shown, _INDENT, expand=False))


def _own_command() -> str:
    """How to call fixoms from here."""
    script = Path(sys.executable).with_name("fixoms")
    if not script.exists():
        return f"{shlex.quote(sys.executable)} -m fixoms"
    near = script.relative_to(Path.cwd()) if script.is_relative_to(Path.cwd()) else script
    return shlex.quote(str(near))
