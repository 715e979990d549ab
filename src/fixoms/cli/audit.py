"""The audit, offline: `fixoms audit list|verify|head`; and the mark other commands leave in it.

Owns: their options and columns, who a command of this machine is run by.
Must not know: the chain's form (audit/), what a command reads.
"""

# ruff: noqa: PLC0415  # a command imports what it needs when it runs, so that each starts fast

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fixoms.cli.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    load_config,
    show,
    show_json,
)

if TYPE_CHECKING:
    from fixoms.audit.record import Head, Kind
    from fixoms.config import Config

app = typer.Typer(help="Ask the audit, and check that nobody bent it.", no_args_is_help=True)


@app.command("list")
def list_records(
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    user: Annotated[str, typer.Option("--user", help="Only this user.")] = "",
    session: Annotated[str, typer.Option("--session", help="Only this FIX session.")] = "",
    order: Annotated[
        str, typer.Option("--order", help="Only this order (O17), the journal's entries included.")
    ] = "",
    kind: Annotated[str, typer.Option("--kind", help="Only this kind: logon, refused, ...")] = "",
    after: Annotated[
        str, typer.Option("--after", help="From this UTC time on: 2026-01-05T13:30.")
    ] = "",
    before: Annotated[str, typer.Option("--before", help="Up to this UTC time.")] = "",
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="At most so many, the newest.")
    ] = 200,
    as_json: JsonOption = False,
) -> None:
    """List what the audit holds, oldest first."""
    from fixoms.audit.verify import Question, find
    from fixoms.console import Column

    settings = load_config(config)
    question = Question(
        user=user, session=session, order=order, kind=kind, after=after, before=before
    )
    rows = [
        {
            "time": record.time,
            "seq": str(record.seq),
            "kind": record.kind.value,
            "user": record.user,
            "session": record.session,
            "remote": record.remote,
            "order": record.order,
            "entry": str(record.entry) if record.entry else "",
            "text": record.text,
        }
        for record in find(settings.audit_dir, question, limit)
    ]
    if order:
        rows = sorted(rows + _journal_rows(settings, question), key=lambda row: row["time"])
        rows = rows[-limit:]
    # After the reading, so that a list does not end with itself.
    note_read(settings)
    columns = [
        Column("Time", lambda row: row["time"], style="quiet"),
        Column("Kind", lambda row: row["kind"]),
        Column("User", lambda row: row["user"]),
        Column("Session", lambda row: row["session"]),
        Column("Remote", lambda row: row["remote"], wide=True),
        Column("Entry", lambda row: row["entry"], "right"),
        Column("Text", lambda row: row["text"]),
    ]
    show(rows, columns, as_json=as_json, nothing="the audit holds no such record")


def _journal_rows(settings: "Config", question: object) -> list[dict[str, str]]:
    """Journal entries about one order: who sent what, and what came of it."""
    from fixoms.audit.verify import Question
    from fixoms.domain.events import Execution
    from fixoms.domain.rendering import render_order_id
    from fixoms.domain.wording import utc_text, word
    from fixoms.journal.listing import read_entries

    assert isinstance(question, Question)
    rows = []
    for entry in read_entries(settings.journal_dir):
        time, origin = utc_text(entry.time), entry.command.origin
        about = [
            word(event.exec_type)
            for event in entry.events
            if isinstance(event, Execution) and render_order_id(event.order_id) == question.order
        ]
        if (
            not about
            or (question.user and question.user != origin.user)
            or (question.session and question.session != origin.session)
            or (question.after and time < question.after)
            or (question.before and time >= question.before)
        ):
            continue
        rows.append(
            {
                "time": time,
                "seq": "",
                "kind": "journal",
                "user": origin.user,
                "session": origin.session,
                "remote": "",
                "order": question.order,
                "entry": str(entry.seq),
                "text": f"{type(entry.command).__name__} -> {', '.join(about)}",
            }
        )
    return rows


@app.command("verify")
def verify_chain(
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    head: Annotated[
        list[Path] | None,
        typer.Option("--head", help="A head kept elsewhere: a file, or a saved MQTT message."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check that no line was changed, taken out, put in, swapped or cut off."""
    from fixoms.audit.verify import verify

    settings = load_config(config)
    report = verify(settings.audit_dir, [(str(path), _head(path)) for path in head or ()])
    if as_json:
        show_json(
            {
                "files": report.files,
                "lines": report.lines,
                "head": report.head,
                "findings": [{"place": each.place, "text": each.text} for each in report.findings],
            }
        )
    else:
        for finding in report.findings:
            typer.echo(f"{finding.place}: {finding.text}")
        typer.echo(
            f"{report.files} files, {report.lines} lines, head {report.head.seq} "
            f"{report.head.hash[:16]}, {len(report.findings)} findings"
        )
    if not report.ok:
        raise typer.Exit(1)


def _head(path: Path) -> "Head":
    from fixoms.audit.chain import read_head
    from fixoms.passwords import Unfit

    found = read_head(path)
    if found is None:
        raise Unfit(f"{path} holds no head of an audit")
    return found


@app.command("head")
def show_head(config: ConfigOption = DEFAULT_CONFIG, *, as_json: JsonOption = False) -> None:
    """Show the newest head: keep it elsewhere, and a cut tail will show."""
    from fixoms.audit.chain import newest_head
    from fixoms.audit.record import Head

    head = newest_head(load_config(config).audit_dir) or Head()
    if as_json:
        show_json(head)
    else:
        typer.echo(f"{head.seq} {head.time} {head.hash}")


def note(settings: "Config", kind: "Kind", text: str) -> None:
    """Put what a command of this machine did or read into the audit of the venue it is about.

    A venue that was never run has no audit, and nothing is noted. When the audit cannot be written
    the command's user is told, and what was asked for is done all the same: who may read the files
    needs no command to do it.
    """
    from fixoms.audit.chain import Chain
    from fixoms.audit.record import Fact
    from fixoms.clock import now

    if not settings.data_dir.is_dir():
        return
    fact = Fact(time=now(), kind=kind, user=f"os:{_os_user()}", remote="local", text=text)
    try:
        Chain(settings.audit_dir).append([fact])
    except OSError as error:
        typer.echo(f"fixoms: the audit could not be written: {error}", err=True)


def note_read(settings: "Config") -> None:
    """Note that a report is read, with the options it is asked for."""
    from fixoms.audit.record import Kind

    note(settings, Kind.READ, " ".join(["fixoms", *sys.argv[1:]]))


def _os_user() -> str:
    """The user as the operating system knows it; the environment could say anything."""
    if sys.platform == "win32":
        return getpass.getuser()
    import os
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
