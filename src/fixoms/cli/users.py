"""Users: `fixoms user add|password|remove|list`.

Owns: asking for a password without showing it, and the users' table.
Must not know: the users file and its hashes (users.py).
"""

# ruff: noqa: PLC0415  # a command imports what it needs when it runs, so that each starts fast

import getpass
import sys
from collections.abc import Container
from typing import TYPE_CHECKING, Annotated

import typer

from fixoms.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, load_config, show

if TYPE_CHECKING:
    from fixoms.config import Config

app = typer.Typer(
    help="Add, list and remove the users who may log on over FIX.", no_args_is_help=True
)

UserName = Annotated[str, typer.Argument(metavar="NAME", help="Username(553) of the Logon.")]
StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


@app.command("add")
def add(
    name: UserName,
    participant: Annotated[
        str, typer.Option("--participant", "-p", help="Participant the user acts for.")
    ],
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    password_stdin: StdinOption = False,
) -> None:
    """Add a user; asks for the password."""
    from fixoms.passwords import Unfit
    from fixoms.users import new_user, read_users, write_users

    settings = load_config(config)
    if participant not in settings.participants:
        known = ", ".join(settings.participants) or "none"
        raise Unfit(f"{participant!r} is not a participant of {settings.path}; known: {known}")
    users = read_users(settings.users_path)
    if name in users:
        raise Unfit(f"there is a user {name} already; `fixoms user password {name}` changes it")
    user = new_user(name, participant, _password(from_stdin=password_stdin))
    write_users(settings.users_path, users | {name: user})
    typer.echo(f"{name} may log on for {participant} on {_sessions(settings, name, participant)}")


@app.command("password")
def password(
    name: UserName,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    password_stdin: StdinOption = False,
) -> None:
    """Give a user a new password."""
    from fixoms.users import new_user, read_users, write_users

    path = load_config(config).users_path
    users = read_users(path)
    _must_know(name, users)
    user = new_user(name, users[name].participant, _password(from_stdin=password_stdin))
    write_users(path, users | {name: user})
    typer.echo(f"{name} has a new password")


@app.command("remove")
def remove(name: UserName, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Remove a user. A session that is logged on stays so until it ends."""
    from fixoms.users import read_users, write_users

    path = load_config(config).users_path
    users = read_users(path)
    _must_know(name, users)
    write_users(path, {other: user for other, user in users.items() if other != name})
    typer.echo(f"{name} removed")


@app.command("list")
def list_users(config: ConfigOption = DEFAULT_CONFIG, *, as_json: JsonOption = False) -> None:
    """List users and the sessions they may use."""
    from fixoms.console import Column
    from fixoms.users import read_users

    settings = load_config(config)
    rows = [
        {
            "user": name,
            "participant": user.participant,
            "sessions": _sessions(settings, name, user.participant),
        }
        for name, user in sorted(read_users(settings.users_path).items())
    ]
    columns = [
        Column("User", lambda row: row["user"]),
        Column("Participant", lambda row: row["participant"]),
        Column("Sessions", lambda row: row["sessions"]),
    ]
    show(rows, columns, as_json=as_json, nothing="no users yet; `fixoms user add` makes one")


def _must_know(name: str, users: Container[str]) -> None:
    from fixoms.passwords import Unfit

    if name not in users:
        raise Unfit(f"there is no user {name}")


def _sessions(settings: "Config", name: str, participant: str) -> str:
    """Sessions a user may log on to, as text."""
    open_to = [
        comp_id
        for comp_id, session in settings.sessions.items()
        if session.participant == participant and (not session.users or name in session.users)
    ]
    return ", ".join(open_to) or "no session yet"


def _password(*, from_stdin: bool) -> str:
    from fixoms.passwords import Unfit

    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Unfit("there is no terminal to ask for a password; use --password-stdin")
    first = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != first:
        raise Unfit("the two passwords differ")
    return first
