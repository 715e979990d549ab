"""The operator's desk: `fixoms operator WORDS`.

Owns: carrying words to a running venue and showing its answer.
Must not know: the words (gateway/operator.py) or the socket (gateway/operator_socket.py).
"""

# ruff: noqa: PLC0415  # a command imports what it needs when it runs, so that each starts fast

from typing import Annotated

import typer

from fixoms.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, load_config, show_json


def operator(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORD...", help="What to do; without words, the list of them."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    as_json: JsonOption = False,
) -> None:
    """Say a word at the operator's desk of the running venue: phase, halt, cancel, bust, ..."""
    if not words:
        from fixoms.gateway.operator import USAGE

        for usage in USAGE.values():
            typer.echo(f"fixoms operator {usage}")
        return
    from fixoms.gateway.operator_socket import call

    answer = call(load_config(config).operator_socket, words)
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
