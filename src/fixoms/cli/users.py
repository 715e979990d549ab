"""Users: `fixoms user add|change|password|lock|unlock|remove|list`.

Owns: asking for a password without showing it, the users' options and their table.
Must not know: the users file and its hashes (users.py).

Each change is noted in the audit of the venue; a running venue takes it at the next logon.
"""

# ruff: noqa: PLC0415  # a command imports what it needs when it runs, so that each starts fast

import getpass
import sys
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from fixoms.cli.audit import note
from fixoms.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, load_config, show

if TYPE_CHECKING:
    from fixoms.config import Config
    from fixoms.domain.roles import UserRole

app = typer.Typer(help="Add, change, lock and list the users who may log on.", no_args_is_help=True)

UserName = Annotated[str, typer.Argument(metavar="NAME", help="Username(553) of the Logon.")]
StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]
RoleOption = Annotated[
    list[str] | None,
    typer.Option("--role", help="A role: trader, market-maker, drop-copy, market-data, ..."),
]
ExpiresOption = Annotated[
    str | None, typer.Option("--expires", help="Last day (UTC), YYYY-MM-DD; empty: no end.")
]
AddressOption = Annotated[
    list[str] | None,
    typer.Option("--address", help="An address or network the user may come from; empty: any."),
]
CertificateOption = Annotated[
    str | None,
    typer.Option("--certificate", help="sha256:FINGERPRINT or subject that TLS must have seen."),
]
MustChangeOption = Annotated[
    bool | None,
    typer.Option("--must-change/--may-stay", help="Whether the password must be changed first."),
]


@app.command("add")
def add(
    name: UserName,
    participant: Annotated[
        str,
        typer.Option("--participant", "-p", help="Participant the user acts for; the venue: none."),
    ] = "",
    role: RoleOption = None,
    expires: ExpiresOption = None,
    address: AddressOption = None,
    certificate: CertificateOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    must_change: MustChangeOption = None,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="The certificate alone opens.")
    ] = False,
    password_stdin: StdinOption = False,
) -> None:
    """Add a user; asks for the password."""
    import msgspec

    from fixoms.passwords import Unfit, hash_password
    from fixoms.users import User, check_name, edit_users, read_users

    settings = load_config(config)
    check_name("user", name)
    if participant and participant not in settings.participants:
        known = ", ".join(settings.participants) or "none"
        raise Unfit(f"{participant!r} is not a participant of {settings.path}; known: {known}")
    changes = _changes(role, expires, address, certificate, must_change=must_change)
    if not participant and not changes.get("roles"):
        raise Unfit("a user of no participant needs a --role: operator, risk-manager or auditor")
    if no_password and not certificate:
        raise Unfit("a user without a password needs a --certificate")
    if name in read_users(settings.users_path):
        raise Unfit(f"there is a user {name} already; `fixoms user change {name}` changes it")
    password_hash = "" if no_password else hash_password(_password(from_stdin=password_stdin))
    user = msgspec.structs.replace(
        User(participant=participant, password_hash=password_hash), **changes
    )
    with edit_users(settings.users_path) as users:
        users[name] = user
    roles = ", ".join(each.value for each in user.effective_roles)
    _note(settings, f"add {name} for {participant or 'the venue'} as {roles}")
    if participant:
        typer.echo(
            f"{name} may log on for {participant} on {_sessions(settings, name, participant)}"
        )
    else:
        typer.echo(f"{name} may use the operator's desk as {roles}")


@app.command("change")
def change(
    name: UserName,
    role: RoleOption = None,
    expires: ExpiresOption = None,
    address: AddressOption = None,
    certificate: CertificateOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    must_change: MustChangeOption = None,
) -> None:
    """Change what a user may do, from where, until when; what is not named stays."""
    from fixoms.passwords import Unfit

    changes = _changes(role, expires, address, certificate, must_change=must_change)
    if not changes:
        raise Unfit("nothing to change: name an option such as --role or --expires")
    settings = load_config(config)
    _edit(settings, name, **changes)
    said = ", ".join(f"{key} {_shown(value)}" for key, value in changes.items())
    _note(settings, f"change {name}: {said}")
    typer.echo(f"{name}: {said}")


@app.command("password")
def password(
    name: UserName,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    must_change: MustChangeOption = None,
    password_stdin: StdinOption = False,
) -> None:
    """Give a user a new password."""
    from fixoms.passwords import hash_password
    from fixoms.users import read_users

    settings = load_config(config)
    _must_know(name, read_users(settings.users_path))
    password_hash = hash_password(_password(from_stdin=password_stdin))
    _edit(settings, name, password_hash=password_hash, must_change=bool(must_change))
    _note(settings, f"password of {name} set")
    typer.echo(f"{name} has a new password")


@app.command("lock")
def lock(
    name: UserName,
    reason: Annotated[str, typer.Argument(metavar="REASON", help="Why, for the audit.")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Let a user log on no more. `fixoms operator users lock` ends live sessions as well."""
    settings = load_config(config)
    _edit(settings, name, locked=reason)
    _note(settings, f"lock {name}: {reason}")
    typer.echo(f"{name} is locked")


@app.command("unlock")
def unlock(name: UserName, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Let a locked user log on again."""
    settings = load_config(config)
    _edit(settings, name, locked="")
    _note(settings, f"unlock {name}")
    typer.echo(f"{name} is not locked")


@app.command("remove")
def remove(name: UserName, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Remove a user. A session that is logged on stays so until it ends."""
    from fixoms.users import edit_users

    settings = load_config(config)
    with edit_users(settings.users_path) as users:
        _must_know(name, users)
        del users[name]
    _note(settings, f"remove {name}")
    typer.echo(f"{name} removed")


@app.command("list")
def list_users(config: ConfigOption = DEFAULT_CONFIG, *, as_json: JsonOption = False) -> None:
    """List users, their roles and the sessions they may use."""
    from fixoms.console import Column
    from fixoms.users import read_users, user_row

    settings = load_config(config)
    rows = [
        user_row(name, user) | {"sessions": _sessions(settings, name, user.participant)}
        for name, user in sorted(read_users(settings.users_path).items())
    ]
    columns = [
        Column("User", lambda row: row["user"]),
        Column("Participant", lambda row: row["participant"]),
        Column("Roles", lambda row: row["roles"]),
        Column("Sessions", lambda row: row["sessions"]),
        Column("Expires", lambda row: row["expires"], wide=True),
        Column("From", lambda row: row["addresses"], wide=True),
        Column("Certificate", lambda row: row["certificate"], wide=True),
        Column("Must change", lambda row: row["must change"], wide=True),
        Column("Locked", lambda row: row["locked"], wide=True),
    ]
    show(rows, columns, as_json=as_json, nothing="no users yet; `fixoms user add` makes one")


def _changes(
    role: Sequence[str] | None,
    expires: str | None,
    address: Sequence[str] | None,
    certificate: str | None,
    *,
    must_change: bool | None,
) -> dict[str, object]:
    """Fields of a user the options name. An empty address clears the list. Raises Unfit."""
    from fixoms.users import check_address, check_certificate, check_day

    changes: dict[str, object] = {}
    if role:
        changes["roles"] = tuple(_role(each) for each in role)
    if expires is not None:
        changes["expires"] = check_day(expires)
    if address:
        changes["allowed_addresses"] = tuple(check_address(each) for each in address if each)
    if certificate is not None:
        changes["certificate"] = check_certificate(certificate)
    if must_change is not None:
        changes["must_change"] = must_change
    return changes


def _role(text: str) -> "UserRole":
    from fixoms.domain.roles import UserRole
    from fixoms.passwords import Unfit

    try:
        return UserRole(text)
    except ValueError:
        known = ", ".join(role.value for role in UserRole)
        raise Unfit(f"{text!r} is not a role; known: {known}") from None


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(getattr(each, "value", each)) for each in value) or "any"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _edit(settings: "Config", name: str, **changes: object) -> None:
    import msgspec

    from fixoms.users import edit_users

    with edit_users(settings.users_path) as users:
        _must_know(name, users)
        users[name] = msgspec.structs.replace(users[name], **changes)


def _note(settings: "Config", text: str) -> None:
    from fixoms.audit.record import Kind

    note(settings, Kind.USER_CHANGED, text)


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
    return ", ".join(open_to) or ("no session yet" if participant else "")


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
