"""The journal, offline: `fixoms verify`, `fixoms rebuild`, `fixoms journal list|print|export`.

Owns: their options and how findings are shown.
Must not know: the journal's format (journal/), how the engine decides (engine/), SQL (store/).
"""

# ruff: noqa: PLC0415  # a command imports what it needs when it runs, so that each starts fast

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from fixoms.cli.audit import note_read
from fixoms.cli.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    load_config,
    show,
    show_json,
)

if TYPE_CHECKING:
    from fixoms.config import Config

app = typer.Typer(help="List, print and export the journal.", no_args_is_help=True)

FirstOption = Annotated[int, typer.Option("--first", min=1, help="First entry.")]
LastOption = Annotated[int | None, typer.Option("--last", min=1, help="Last entry.")]


def verify(
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    sql: Annotated[bool, typer.Option("--sql", help="Compare the SQL tables as well.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check that the journal is whole and that the engine still decides what it says.

    For a venue that is not running.
    """
    from fixoms.engine.engine import Engine
    from fixoms.journal.verify import verify as check
    from fixoms.venue import engine_settings

    settings = load_config(config)
    rules = engine_settings(settings)

    def new_engine(snapshot: bytes | None) -> Engine:
        return Engine(rules) if snapshot is None else Engine.restore(snapshot, rules)

    report = check(settings.journal_dir, new_engine)
    differing = _compare_sql(settings) if sql else []
    if as_json:
        show_json(vars(report) | {"sql_differences": differing})
    else:
        for finding in report.findings:
            typer.echo(f"{finding.kind}: {finding.place}: {finding.text}")
        typer.echo(
            f"{report.segments} segments, {report.groups} groups, {report.entries} entries, "
            f"{report.decided} decided again, {report.messages} messages, "
            f"{len(report.findings)} findings"
        )
        for difference in differing:
            typer.echo(f"sql: {difference}")
        if sql and not differing:
            typer.echo("the SQL tables agree with the journal")
    if not report.ok or differing:
        raise typer.Exit(1)


def _compare_sql(settings: "Config") -> list[str]:
    from fixoms.journal.reader import JournalReader
    from fixoms.store.rebuild import differences

    with closing(JournalReader(settings.journal_dir)) as reader:
        return asyncio.run(differences(settings.sql_url, reader.read))


def rebuild(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Make the SQL tables from the journal again.

    For a venue that is not running.
    """
    from fixoms.journal.reader import JournalReader
    from fixoms.store.rebuild import rebuild as make_again

    settings = load_config(config)
    with closing(JournalReader(settings.journal_dir)) as reader:
        last = asyncio.run(make_again(settings.sql_url, reader.read))
    typer.echo(f"the SQL tables hold {last} entries of the journal")


@app.command("list")
def list_files(config: ConfigOption = DEFAULT_CONFIG, *, as_json: JsonOption = False) -> None:
    """List the files of the journal."""
    from fixoms.console import Column
    from fixoms.journal.listing import SegmentSummary, list_segments, render_time

    def last_entry(segment: SegmentSummary) -> str:
        return render_time(segment.last_time) if segment.last_time else ""

    columns = [
        Column("File", lambda segment: segment.path.name),
        Column("First", lambda segment: str(segment.first_seq), "right"),
        Column("Last", lambda segment: str(segment.last_seq), "right"),
        Column("Groups", lambda segment: str(segment.groups), "right"),
        Column("Bytes", lambda segment: str(segment.size), "right"),
        Column("Last entry", last_entry),
    ]
    segments = list_segments(load_config(config).journal_dir)
    if as_json:
        show_json([segment._asdict() | {"path": str(segment.path)} for segment in segments])
    else:
        show(segments, columns, as_json=False, nothing="the journal has no files yet")


@app.command("print")
def print_entries(
    config: ConfigOption = DEFAULT_CONFIG, *, first: FirstOption = 1, last: LastOption = None
) -> None:
    """Print entries: each command with its sequence, time and sender, and its events."""
    from fixoms.journal.listing import print_entries as lines

    settings = load_config(config)
    note_read(settings)
    for line in lines(settings.journal_dir, first, last):
        typer.echo(line)


@app.command("export")
def export_entries(
    config: ConfigOption = DEFAULT_CONFIG, *, first: FirstOption = 1, last: LastOption = None
) -> None:
    """Export entries as JSON, one object a line."""
    from fixoms.journal.listing import export_entries as lines

    settings = load_config(config)
    note_read(settings)
    for line in lines(settings.journal_dir, first, last):
        typer.echo(line)
