"""How fixoms looks on a terminal: the console, its tables and its few colours.

Owns: widths, colours, the layout of a table.
Must not know: what is shown.

Colour appears on a terminal only, and only where it says something: what was refused, what trades.
Output into a pipe or file is never cut to a width.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

PIPE_WIDTH: Final = 240
"""Columns of output that is not a terminal: wide enough for every table."""

WIDE: Final = 100
"""Terminals of at least this many columns get the columns that are only for wide ones."""

_THEME: Final = Theme(
    {
        "quiet": "dim",
        "heading": "bold",
        "accent": "cyan",
        "good": "green",
        "bad": "red",
        "warn": "yellow",
        "table.header": "dim",
    }
)

_STATUS_STYLES: Final = {
    "rejected": "bad",
    "busted": "bad",
    "halt": "bad",
    "filled": "good",
    "partially-filled": "good",
    "trade": "good",
    "critical": "bad",
    "warning": "warn",
    "notice": "accent",
    "info": "accent",
}
"""Words that carry a colour wherever a table shows them."""


class _Console(Console):
    """A console whose reader may go away: that is an error its user decides about."""

    def on_broken_pipe(self) -> None:
        """Raise what a plain `print` would; rich would end the program."""
        raise BrokenPipeError


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, and the text of a row in it. `wide` ones need a wide terminal."""

    heading: str
    text: Callable[[Any], str | None]
    justify: Literal["left", "right"] = "left"
    wide: bool = False
    style: str = ""


def console(*, stderr: bool = False) -> Console:
    """Console on standard output, or on standard error."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPE_WIDTH
    return _Console(file=stream, theme=_THEME, highlight=False, emoji=False, width=width)


def table(columns: Sequence[Column], rows: Sequence[Any], width: int | None = None) -> Table:
    """Lay `rows` out.

    Columns for wide terminals are left out below WIDE, and where they would be empty.
    """
    room = console().width if width is None else width
    shown = [
        column
        for column in columns
        if not column.wide or (room >= WIDE and any(column.text(row) for row in rows))
    ]
    laid = Table(
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
        header_style="table.header",
    )
    for column in shown:
        laid.add_column(column.heading, justify=column.justify, style=column.style, overflow="fold")
    for row in rows:
        laid.add_row(*(styled(column.text(row) or "") for column in shown))
    return laid


def styled(text: str) -> Text:
    """Give a word its colour, if it has one."""
    return Text.assemble((text, _STATUS_STYLES.get(text, "")))


def clock_time(iso: str) -> str:
    """Time of day of an ISO 8601 time, to the millisecond."""
    return iso[11:23]
