"""FIX conversations: `fixoms replay`, `fixoms record`, `fixoms fix-log`.

Owns: their options and how results are shown.
Must not know: the script language, the player and the recorder (replay/), the lines of a wire log
(fix/wire_reader.py).
"""

# ruff: noqa: PLC0415  # a command imports what it needs when it runs, so that each starts fast

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fixoms.cli.options import JsonOption, show_json

if TYPE_CHECKING:
    from fixoms.replay.report import Result
    from fixoms.replay.world import Target


def replay(
    files: Annotated[list[Path], typer.Argument(help="Scripts (.fix) or folders of them.")],
    *,
    address: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="HOST:PORT",
            help="Play over TCP against this acceptor; without it in-process on a virtual clock.",
        ),
    ] = "",
    target_comp_id: Annotated[
        str, typer.Option("--target-comp-id", help="CompID of the acceptor.")
    ] = "FIXOMS",
    user: Annotated[str, typer.Option("--user", help="Username(553) of every terminal.")] = "",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read Password(554) from standard input.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Play scripts and say which went as they are written."""
    from fixoms.replay.player import replay_files

    password = typer.get_text_stream("stdin").readline().rstrip("\r\n") if password_stdin else ""
    target = _target(address, target_comp_id, user, password)
    report = replay_files(files, target)
    if as_json:
        show_json(report.results)
    else:
        _print_results(report.results)
        typer.echo(report.summary())
    if not report.ok or not report.results:
        raise typer.Exit(1)


def _target(address: str, target_comp_id: str, user: str, password: str) -> "Target":
    if not address:
        from fixoms.replay.in_process import in_process

        return in_process()
    from fixoms.replay.tcp import TcpTarget

    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
        raise typer.BadParameter(f"{address!r} is not HOST:PORT", param_hint="--to")
    return TcpTarget(
        host=host.strip("[]"),
        port=int(port),
        target_comp_id=target_comp_id,
        username=user,
        password=password,
    )


def _print_results(results: "Iterable[Result]") -> None:
    from fixoms.console import console

    out = console()
    styles = {"passed": "good", "failed": "bad", "skipped": "quiet"}
    for result in results:
        word = result.outcome.value
        out.print(f"[{styles[word]}]{word:<8}[/] ", end="")
        out.print(f"{result.path}  {result.title}", markup=False, overflow="ignore", no_wrap=True)
        if result.text:
            out.print(f"{result.text}\n", markup=False)


WireLogs = Annotated[list[Path], typer.Argument(help="Wire logs (.fixlog) of the venue.")]


def fix_log(
    files: WireLogs,
    *,
    fields: Annotated[
        list[str] | None,
        typer.Option("--field", "-f", help="Only messages with this: MsgType=D, Symbol, 55=ACME."),
    ] = None,
    order: Annotated[
        str | None,
        typer.Option("--order", help="Follow one order over its chain, from any of its ClOrdIDs."),
    ] = None,
) -> None:
    """Print wire logs with the names of fields and values."""
    from fixoms.fix.wire_reader import TagFilter, show
    from fixoms.gateway.venue_dictionary import venue_dictionary

    dictionary = venue_dictionary()
    try:
        filters = [TagFilter.parse(text, dictionary) for text in fields or ()]
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--field") from None
    for line in show(files, dictionary, filters, order):
        typer.echo(line)


def record(
    files: WireLogs,
    *,
    title: Annotated[str, typer.Option("--title", help="Title of the script.")] = "recorded",
) -> None:
    """Turn wire logs into a script that plays the conversation again."""
    from fixoms.replay.recorder import record_wire_logs
    from fixoms.replay.script import write_script
    from fixoms.replay.vocabulary import fix44

    typer.echo(write_script(record_wire_logs(files, title, fix44())), nl=False)
