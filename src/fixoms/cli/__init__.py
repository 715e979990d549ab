"""The command line: `fixoms COMMAND`.

Owns: the list of commands, and how an error a person can mend is told: one line on standard error
and an exit status, never a traceback.
Must not know: how anything is done. Each command imports what it needs when it runs, so that a
short one, like an operator's word, stays short.

Exit status: 0 done, 1 failed or refused, 2 wrong usage or configuration, 130 interrupted.
"""

# ruff: noqa: PLC0415  # a command imports what it needs when it runs, so that each starts fast

import io
import os
import sys
from typing import Annotated

import typer

from fixoms import __version__
from fixoms.cli import audit, desk, journal, market_data, queries, scripts, simulation, users, venue

app = typer.Typer(
    help="A FIX 4.4 exchange gateway and order management system.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fixoms {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Say the version."),
    ] = False,
) -> None:
    """A FIX 4.4 exchange gateway and order management system."""


for command in (
    venue.demo,
    venue.serve,
    venue.outlets,
    venue.dictionary,
    queries.orders,
    queries.order,
    queries.trades,
    queries.book,
    scripts.replay,
    simulation.simulate,
    scripts.record,
    scripts.fix_log,
    journal.verify,
    journal.rebuild,
):
    app.command()(command)
app.command(context_settings={"ignore_unknown_options": True})(desk.operator)
app.add_typer(users.app, name="user")
app.add_typer(journal.app, name="journal")
app.add_typer(audit.app, name="audit")
app.add_typer(market_data.app, name="market-data")


def main() -> None:
    """Run the command line and leave with its exit status."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a character shows `?`; no command fails for that.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app(prog_name="fixoms")
    except _misused() as error:
        _leave(str(error), 2)
    except BrokenPipeError:
        # The reader of our output has gone (`fixoms orders | head`); nothing is left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except _mendable() as error:
        _leave(_told(error), 1)
    except KeyboardInterrupt:
        sys.exit(130)


def _misused() -> tuple[type[Exception], ...]:
    """What the user wrote wrongly. Asked only when something was raised, so it costs nothing."""
    from fixoms.passwords import Unfit
    from fixoms.typed_yaml import ConfigError

    return (ConfigError, Unfit)


def _mendable() -> tuple[type[Exception], ...]:
    """What the user can mend: a file, a port, a database, a venue that is not running."""
    from fixoms.journal.errors import JournalError
    from fixoms.store.database import StoreError

    return (OSError, StoreError, JournalError)


def _told(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__


def _leave(text: str, status: int) -> None:
    sys.stdout.flush()
    for line in text.splitlines():
        typer.echo(f"fixoms: {line}", err=True)
    sys.exit(status)
