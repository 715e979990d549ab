"""The operator's desk of a real venue: here and over TLS, by whom, fast, and kept."""

import json
import re
import socket
import ssl
import time
from pathlib import Path

import msgspec
import pytest

from fixoms.domain.roles import UserRole
from fixoms.gateway.desk_call import DeskCall, DeskUnreachable
from fixoms.passwords import hash_password
from fixoms.users import User, edit_users
from tests.system.certificates import Authority
from tests.system.terminal import Terminal, stamp
from tests.system.test_audit import kept, records
from tests.system.venue_process import PASSWORD, VenueProcess, fixoms, venue, write_config


def desk_config(folder: Path, authority: Authority, operator: str = "") -> Path:
    """A venue whose desk listens over TLS, with three people of its own."""
    certificate, key = authority.issue("venue.example")
    config = write_config(folder)
    listener = f"{{port: 0, tls: {{certificate: {certificate}, key_file: {key}}}}}"
    text = config.read_text()
    config.write_text(f"{text}\noperator: {{listener: {listener}{operator}}}\n")
    with edit_users(folder / "users.yaml") as users:
        for name, role in (
            ("olga", UserRole.OPERATOR),
            ("rita", UserRole.RISK_MANAGER),
            ("arno", UserRole.AUDITOR),
        ):
            users[name] = User(password_hash=hash_password(PASSWORD), roles=(role,))
    return config


def desk_port(process: VenueProcess) -> int:
    line = process.said("desk is open at")
    found = re.search(r":(\d+) \(TLS\)", line)
    assert found is not None
    return int(found[1])


def caller(port: int, authority: Authority, user: str, password: str = PASSWORD) -> DeskCall:
    context = ssl.create_default_context(cafile=str(authority.certificate))
    context.check_hostname = False
    return DeskCall.over_tls("127.0.0.1", port, context, user, password)


def test_over_tls_each_role_may_say_its_words(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with venue(desk_config(tmp_path, authority)) as process:
        port = desk_port(process)
        with caller(port, authority, "olga") as olga, caller(port, authority, "arno") as arno:
            assert olga.ask("phase", "ACME", "halt").ok
            refused = arno.ask("phase", "ACME", "continuous")
            assert refused.text == "phase needs the role operator; yours: auditor"
            rows = {row["instrument"]: row["phase"] for row in arno.ask("phases").rows}
            assert rows["ACME@XFOM"] == "halt"
            assert not olga.ask("no", "such", "word").ok
            assert olga.ask("resume", "ACME").ok, "a connection outlives a mistake"
        for user, password in (("olga", "wrong-horse"), ("nobody", PASSWORD)):
            with pytest.raises(DeskUnreachable, match="Logon refused"):
                caller(port, authority, user, password)
        with caller(port, authority, "alpha") as trader:
            assert not trader.ask("phases").ok
        said = kept(process, "--user", "olga")
        assert [each["kind"] for each in said] == [
            "command",
            "command-refused",
            "command",
            "refused",
        ]
        assert said[0]["text"].startswith("phase ACME halt -> ")
        assert said[0]["remote"].startswith("127.0.0.1:")
        done = fixoms(
            *("operator", "sessions", "--json", "--to", f"venue.example:{port}", "--user", "arno"),
            *("--password-file", str(tmp_path / "none")),
        )
        assert done.returncode == 1
        assert "Traceback" not in done.stderr


def test_a_stranger_at_the_desk_holds_nothing_for_long(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with venue(desk_config(tmp_path, authority)) as process:
        port = desk_port(process)
        context = ssl.create_default_context(cafile=str(authority.certificate))
        context.check_hostname = False
        for octets in (b"\x00" * 200_000, b"{}\n", b"GET / HTTP/1.1\r\n\r\n", b'{"words":["x"]}\n'):
            with (
                socket.create_connection(("127.0.0.1", port), 10) as plain,
                context.wrap_socket(plain) as secure,
            ):
                secure.sendall(octets)
                answer = b""
                try:
                    while chunk := secure.recv(4096):
                        answer += chunk
                except ConnectionResetError:
                    pass
                assert b'"ok":true' not in answer
        with caller(port, authority, "olga") as olga:
            assert olga.ask("sessions").ok


def test_sessions_are_listed_reset_and_disconnected(tmp_path: Path) -> None:
    with venue(write_config(tmp_path)) as process:
        alpha = Terminal(process.port, "ALPHA1")
        alpha.logon("alpha", PASSWORD)
        rows = json.loads(process.operator("sessions", "--json").stdout)["rows"]
        (row,) = [row for row in rows if row["session"] == "ALPHA1"]
        assert (row["user"], row["phase"], row["next in"]) == ("alpha", "active", "2")
        done = process.operator("sessions", "disconnect", "ALPHA1", "maintenance")
        assert "ALPHA1 of 127.0.0.1" in done.stdout
        assert alpha.expect("5")[58] == "maintenance"
        alpha.send("5")
        alpha.expect_closed()
        alpha.cut()
        assert process.operator("sessions", "disconnect", "ALPHA1").returncode == 1
        assert "no session" not in process.operator("sessions", "reset", "NOBODY").stdout
        done = process.operator("sessions", "reset", "ALPHA1")
        assert "before: next in 3, next out 3" in done.stdout
        again = Terminal(process.port, "ALPHA1")
        assert again.logon("alpha", PASSWORD)[34] == "1"
        again.logout()
        resets = kept(process, "--kind", "numbers-reset")
        assert [each["session"] for each in resets] == ["ALPHA1"]


def test_a_locked_user_is_thrown_out_and_stays_out(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    with venue(config) as process:
        one, two = Terminal(process.port, "ALPHA1"), Terminal(process.port, "ALPHA2")
        one.logon("alpha", PASSWORD)
        two.logon("alpha", PASSWORD)
        done = process.operator("users", "lock", "alpha", "left", "the", "firm")
        assert done.stdout == "alpha is locked; logged out: ALPHA1, ALPHA2\n"
        for terminal in (one, two):
            terminal.expect("5")
            terminal.send("5")
            terminal.expect_closed()
            terminal.cut()
        with Terminal(process.port, "ALPHA1", next_out=3) as again:
            again.send("A", f98=0, f108=30, f553="alpha", f554=PASSWORD)
            again.expect("5", f58="Logon refused")
        rows = json.loads(process.operator("users", "--json").stdout)["rows"]
        (row,) = [row for row in rows if row["user"] == "alpha"]
        assert row["locked"] == "left the firm"
        assert "argon2" not in json.dumps(rows)
        assert process.operator("users", "unlock", "alpha").returncode == 0
        back = Terminal(process.port, "ALPHA1", next_out=3)
        back.logon("alpha", PASSWORD)
        back.logout()
    texts = [each["text"] for each in records(config, "--kind", "command")]
    assert (
        texts[0] == "users lock alpha left the firm -> alpha is locked; logged out: ALPHA1, ALPHA2"
    )


def test_whoever_may_open_the_socket_has_the_roles_of_the_config(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    config.write_text(f"{config.read_text()}\noperator: {{local_roles: [auditor]}}\n")
    with venue(config) as process:
        assert process.operator("phases").returncode == 0
        refused = process.operator("halt", "ACME")
        assert "needs the role operator or risk-manager; yours: auditor" in refused.stderr


def test_a_call_takes_far_less_than_a_second(tmp_path: Path) -> None:
    with venue(write_config(tmp_path)) as process:
        path = tmp_path / "var" / "operator.sock"
        slowest = 0.0
        with DeskCall.local(path) as desk:
            for number in range(50):
                began = time.monotonic()
                assert desk.ask("reference", "ACME", f"{10 + number}.00").ok
                slowest = max(slowest, time.monotonic() - began)
            assert "saved as of entry" in desk.ask("snapshot").text
            assert len(desk.ask("schedule").rows) == 2
            assert len(desk.ask("instruments").rows) == 2
        assert slowest < 0.5
        assert msgspec.json.decode(process.operator("phases", "--json").stdout)["ok"]


def test_a_session_that_floods_is_logged_out_and_others_trade_on(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    with venue(config) as process:
        assert (
            process.operator("limits", "set", "session=ALPHA1", "message-rate=20").returncode == 0
        )
        alpha, bravo = Terminal(process.port, "ALPHA1"), Terminal(process.port, "BRAVO1")
        alpha.logon("alpha", PASSWORD)
        bravo.logon("bravo", PASSWORD)
        orders = {"f21": 1, "f55": "ACME", "f54": 1, "f38": 1, "f40": 2, "f44": "9.00"}
        alpha.raw(
            b"".join(alpha.frame("D", f11=f"A{n}", f60=stamp(), **orders) for n in range(200))
        )
        outcomes = [alpha.expect("8")[150] for _ in range(200)]
        # A second may have ended in between, and a new one begun.
        assert 20 <= outcomes.count("0") <= 40
        assert outcomes.count("8") == 200 - outcomes.count("0")
        bravo.order("B1", 2, "1", "9.00")
        bravo.expect("8", f150="0")
        bravo.expect("8", f150="F")
        alpha.expect("8", f150="F", f11="A0")
        bravo.logout()
        alpha.logout()


def test_guessing_at_the_desk_locks_the_user_out(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with venue(desk_config(tmp_path, authority)) as process:
        port = desk_port(process)
        for guess in range(5):
            with pytest.raises(DeskUnreachable, match="Logon refused"):
                caller(port, authority, "olga", f"wrong-horse-{guess}")
        with pytest.raises(DeskUnreachable, match="Logon refused"):
            caller(port, authority, "olga")
        (locked,) = kept(process, "--kind", "lock-out")
        assert (locked["user"], "operator's desk" in locked["text"]) == ("olga", True)
        with caller(port, authority, "rita") as rita:
            assert rita.ask("kill", "participant=ALPHA", "runaway").ok
            assert not rita.ask("users", "unlock", "olga").ok
        assert process.operator("users", "unlock", "olga").returncode == 0
        with caller(port, authority, "olga") as olga:
            assert not olga.ask("unkill", "participant=ALPHA", "mended").ok
        alpha = Terminal(process.port, "ALPHA1")
        alpha.logon("alpha", PASSWORD)
        alpha.order("A1", 1, "100", "10.00")
        assert "kill switch" in alpha.expect("8", f150="8")[58]
        alpha.logout()


def test_a_desk_without_its_certificate_stops_the_start(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    listener = "{port: 0, tls: {certificate: none.crt, key_file: none.key}}"
    config.write_text(f"{config.read_text()}\noperator: {{listener: {listener}}}\n")
    process = VenueProcess(config)
    assert process.wait() == 1
    assert process.lines[-1].startswith("fixoms: the operator's desk cannot be opened at 127.0.0.1")
    assert not [line for line in process.lines if "Traceback" in line]
