"""The operator's desk: `fixoms operator WORDS`.

Owns: carrying words to a running venue, here or over TLS, and showing its answer.
Must not know: the words (gateway/operator_words.py) or the connection (gateway/desk_call.py).
"""

# ruff: noqa: PLC0415  # a command imports what it needs when it runs, so that each starts fast

import getpass
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fixoms.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, load_config, show_json

if TYPE_CHECKING:
    from fixoms.gateway.desk_call import DeskCall

ToOption = Annotated[
    str, typer.Option("--to", metavar="HOST:PORT", help="A venue elsewhere, over TLS.")
]
UserOption = Annotated[str, typer.Option("--user", help="Who you are at that venue.")]
PasswordFileOption = Annotated[
    Path | None, typer.Option("--password-file", help="Its first line is the password.")
]
AuthorityOption = Annotated[
    Path | None, typer.Option("--ca", help="Authority of that venue's certificate.")
]


def operator(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORD...", help="What to do; without words, the list of them."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    to: ToOption = "",
    user: UserOption = "",
    password_file: PasswordFileOption = None,
    ca: AuthorityOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Say a word at the operator's desk of the running venue: phase, halt, kill, limits, ..."""
    if not words:
        from fixoms.gateway.operator_words import WORDS

        for word in WORDS.values():
            typer.echo(f"fixoms operator {word.usage}")
        return
    with reach(config, to, user, password_file, ca) as desk:
        answer = desk.ask(*words)
    if as_json:
        show_json(answer)
    elif not answer.ok:
        typer.echo(f"refused: {answer.text}", err=True)
    elif answer.rows:
        from fixoms.console import Column, console, table

        columns = [
            Column(name.capitalize(), lambda row, name=name: row.get(name))  # type: ignore[misc]
            for name in answer.rows[0]
        ]
        console().print(table(columns, answer.rows))
    else:
        typer.echo(answer.text)
    if not answer.ok:
        raise typer.Exit(1)


def reach(
    config: Path, to: str, user: str, password_file: Path | None, ca: Path | None
) -> "DeskCall":
    """Call the desk: at `to` over TLS, else that of the venue of `config` on this machine."""
    from fixoms.gateway.desk_call import DeskCall, DeskUnreachable

    if not to:
        return DeskCall.local(load_config(config).operator_socket)
    host, _, port = to.rpartition(":")
    if not host or not port.isdigit():
        raise DeskUnreachable(f"{to!r} is not HOST:PORT")
    context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    return DeskCall.over_tls(host, int(port), context, user, _password(password_file))


def _password(path: Path | None) -> str:
    from fixoms.passwords import Unfit

    if path is not None:
        return path.read_text(encoding="utf-8").split("\n", 1)[0].rstrip("\r")
    if not sys.stdin.isatty():
        raise Unfit("there is no terminal to ask for a password; use --password-file")
    return getpass.getpass("Password: ")
