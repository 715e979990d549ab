"""Options that many commands share, and what they lead to.

Owns: `--config` and `--json`, and how rows are shown.
Must not know: which command they belong to.
"""

# ruff: noqa: PLC0415  # a command imports what it needs when it runs, so that each starts fast

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

if TYPE_CHECKING:
    from fixoms.config import Config
    from fixoms.console import Column

ConfigOption: TypeAlias = Annotated[
    Path,
    typer.Option("--config", "-c", envvar="FIXOMS_CONFIG", help="The venue's configuration file."),
]
JsonOption: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print JSON instead of a table.")
]

DEFAULT_CONFIG = Path("config/venue.yaml")


def load_config(path: Path) -> "Config":
    """Read the configuration; raises ConfigError."""
    from fixoms.config import load

    return load(path)


def show(rows: Sequence[Any], columns: "Sequence[Column]", *, as_json: bool, nothing: str) -> None:
    """Print `rows` (msgspec Structs) as a table, or as one JSON array."""
    if as_json:
        show_json(rows)
        return
    from fixoms.console import console, table

    if rows:
        console().print(table(columns, rows))
    else:
        typer.echo(nothing)


def show_json(value: object) -> None:
    """Print `value` as JSON that people can read too."""
    import msgspec

    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))
