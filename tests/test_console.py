"""Tables and colours: what a narrow terminal, a wide one and a pipe get."""

import io
from dataclasses import dataclass

import pytest
from rich.console import Console, RenderableType

from fixoms.cli.tables import render_book
from fixoms.console import PIPE_WIDTH, WIDE, Column, console, styled, table
from fixoms.store.queries import Book, BookLevel


@dataclass
class Row:
    name: str
    note: str
    extra: str = ""


COLUMNS = (
    Column("Name", lambda row: row.name),
    Column("Note", lambda row: row.note, wide=True),
    Column("Extra", lambda row: row.extra, wide=True),
)


def drawn(shown: RenderableType, width: int = 120) -> list[str]:
    screen = io.StringIO()
    Console(file=screen, width=width, color_system=None).print(shown)
    return [line.rstrip() for line in screen.getvalue().splitlines()]


def test_a_wide_column_needs_room_and_something_to_show() -> None:
    rows = [Row("a", "first"), Row("b", "")]
    assert drawn(table(COLUMNS, rows, WIDE))[0] == "Name  Note"
    assert drawn(table(COLUMNS, rows, WIDE - 1))[0] == "Name"


def test_a_cell_is_never_taken_for_markup() -> None:
    assert "[red]x[/red]" in "\n".join(drawn(table(COLUMNS, [Row("[red]x[/red]", "")], 80)))


def test_a_pipe_is_wide_and_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr("sys.stdout", pipe)
    made = console()
    assert made.width == PIPE_WIDTH
    made.print(styled("rejected"))
    assert pipe.getvalue() == "rejected\n"


def test_only_the_word_is_coloured() -> None:
    (span,) = (styled("rejected") + styled(": why")).spans
    assert (span.start, span.end) == (0, len("rejected"))


def level(price: str, qty: str, orders: int) -> BookLevel:
    return BookLevel(price=price, qty=qty, orders=orders)


def book(bids: tuple[BookLevel, ...] = (), asks: tuple[BookLevel, ...] = ()) -> Book:
    return Book(
        symbol="ACME",
        market="XFOM",
        currency="USD",
        phase="continuous",
        status="active",
        reference_price="10.00",
        last_price=None,
        indicative_px=None,
        indicative_qty=None,
        bids=bids,
        asks=asks,
    )


def test_a_book_has_its_best_prices_side_by_side() -> None:
    shown = book(
        bids=(level("9.98", "70", 1), level("9.97", "5", 2)), asks=(level("10.04", "370", 3),)
    )
    head, columns, _, best, second = drawn(render_book(shown))
    assert head == "ACME on XFOM · USD · continuous · reference 10.00"
    assert columns.split() == ["Orders", "Qty", "Bid", "Ask", "Qty", "Orders"]
    assert best.split() == ["1", "70", "9.98", "10.04", "370", "3"]
    assert second.split() == ["2", "5", "9.97"]


def test_an_empty_book_says_so() -> None:
    assert drawn(render_book(book()))[-1].split() == ["empty"]
