"""Prices of external markets from a file: `fixoms market-data import FILE`.

Owns: the CSV's columns, and telling bad lines by number.
Must not know: what a price is used for; each goes to the desk as the word `market-price`.
"""

# ruff: noqa: PLC0415  # a command imports what it needs when it runs, so that each starts fast

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from fixoms.cli.desk import AuthorityOption, PasswordFileOption, ToOption, UserOption, reach
from fixoms.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, show_json

LINES_MAX: Final = 1_000_000
"""A longer file is refused where it passes this."""

_COLUMNS: Final = frozenset({"symbol", "market", "price", "time", "source"})

app = typer.Typer(help="Give the venue prices of external markets.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    """Give the venue prices of external markets."""


@app.command("import")
def import_prices(
    file: Annotated[
        Path, typer.Argument(help="CSV with a heading: symbol, price; market, time, source.")
    ],
    config: ConfigOption = DEFAULT_CONFIG,
    to: ToOption = "",
    user: UserOption = "",
    password_file: PasswordFileOption = None,
    ca: AuthorityOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Give the running venue the prices of a CSV file; bad lines are named, good ones taken."""
    taken, bad = 0, []
    with reach(config, to, user, password_file, ca) as desk:
        for number, words, problem in _lines(file):
            text = problem
            if not problem:
                answer = desk.ask("market-price", *words)
                text = "" if answer.ok else answer.text
            if text:
                bad.append({"line": number, "text": text})
                if not as_json:
                    typer.echo(f"{file}:{number}: {text}", err=True)
            else:
                taken += 1
    if as_json:
        show_json({"taken": taken, "bad": bad})
    else:
        typer.echo(f"{taken} prices taken, {len(bad)} lines refused")
    if bad:
        raise typer.Exit(1)


def _lines(file: Path) -> Iterator[tuple[int, list[str], str]]:
    """Line number, words, and what is wrong with the line, for every line of prices."""
    from fixoms.passwords import Unfit

    with file.open(encoding="utf-8", newline="") as opened:
        rows = csv.DictReader(opened, restkey="more", strict=True)
        names = set(rows.fieldnames or ())
        if not {"symbol", "price"} <= names <= _COLUMNS:
            known = ", ".join(sorted(_COLUMNS))
            raise Unfit(f"{file}: columns are symbol and price, of {known}; not {sorted(names)}")
        try:
            for row in rows:
                if rows.line_num > LINES_MAX:
                    yield rows.line_num, [], f"a file has at most {LINES_MAX} lines"
                    return
                yield rows.line_num, *_words(row)
        except (csv.Error, UnicodeDecodeError) as error:
            yield rows.line_num + 1, [], f"cannot be read on: {error}"


def _words(row: dict[str, str]) -> tuple[list[str], str]:
    if "more" in row:
        return [], "more fields than the heading has"
    symbol, price = row["symbol"] or "", row["price"] or ""
    if not symbol or not price:
        return [], "symbol or price is missing"
    words = [f"{symbol}@{row['market']}" if row.get("market") else symbol, price]
    words += [f"{key}={row[key]}" for key in ("time", "source") if row.get(key)]
    return words, ""
