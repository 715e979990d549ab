"""Who may come in, from where and with what, at a real venue."""

import ssl
from pathlib import Path

import msgspec

from fixoms.domain.roles import UserRole
from fixoms.users import edit_users, new_user, read_users
from tests.system.certificates import Authority
from tests.system.terminal import Terminal, stamp
from tests.system.venue_process import PASSWORD, VenueProcess, venue, write_config

NEW = "battery-staple"


def change(folder: Path, name: str, **changes: object) -> None:
    """Change one user in the file of a venue, as `fixoms user change` does."""
    with edit_users(folder / "users.yaml") as users:
        users[name] = msgspec.structs.replace(users[name], **changes)


def refused(terminal: Terminal, user: str, password: str, **fields: object) -> None:
    """Log on and be refused in neutral words."""
    terminal.send("A", f98=0, f108=30, f553=user, f554=password, **fields)
    assert terminal.expect("5")[58] == "Logon refused"
    terminal.expect_closed()
    terminal.cut()


def test_a_user_who_must_change_the_password_can_do_nothing_else(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    change(tmp_path, "alpha", must_change=True)
    with venue(config) as process:
        alpha = Terminal(process.port, "ALPHA1")
        alpha.logon("alpha", PASSWORD)
        alpha.order("A1", 1, "100", "10.00")
        assert "must be changed" in alpha.expect("j", f372="D", f379="A1", f380="6")[58]
        alpha.send("BE", f923="U1", f924=3, f553="alpha", f554=PASSWORD, f925="short")
        assert "8 to 128" in alpha.expect("BF", f923="U1", f926="6")[927]
        alpha.send("BE", f923="U2", f924=3, f553="alpha", f554=PASSWORD, f925=NEW)
        alpha.expect("BF", f923="U2", f553="alpha", f926="5")
        alpha.order("A1", 1, "100", "10.00")
        alpha.expect("8", f150="0", f11="A1")
        alpha.logout()
        refused(Terminal(process.port, "ALPHA1", next_out=7), "alpha", PASSWORD)
    assert not read_users(tmp_path / "users.yaml")["alpha"].must_change
    everything = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(everything) > 5
    for path in everything:
        octets = path.read_bytes()
        assert NEW.encode() not in octets, path
        assert PASSWORD.encode() not in octets, path
    with venue(config) as process:
        again = Terminal(process.port, "ALPHA1", next_out=7)
        again.logon("alpha", NEW)
        again.logout()


def test_what_bars_a_user_is_in_force_at_the_next_logon(tmp_path: Path) -> None:
    with venue(write_config(tmp_path)) as process:
        for changes in (
            {"expires": "2001-01-01"},
            {"locked": "left the firm"},
            {"allowed_addresses": ("192.0.2.0/24",)},
            {"certificate": "CN=alpha"},
        ):
            change(tmp_path, "alpha", **changes)
            refused(Terminal(process.port, "ALPHA1"), "alpha", PASSWORD)
            change(tmp_path, "alpha", expires="", locked="", allowed_addresses=(), certificate="")
        change(tmp_path, "alpha", allowed_addresses=("127.0.0.0/8",))
        alpha = Terminal(process.port, "ALPHA1")
        alpha.logon("alpha", PASSWORD)
        alpha.logout()


def test_a_session_bound_to_addresses_is_closed_to_others_without_a_word(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    bound = "{participant: ALPHA, allowed_addresses: [192.0.2.0/24]}"
    config.write_text(config.read_text().replace("{participant: ALPHA}", bound, 1))
    with venue(config) as process:
        with Terminal(process.port, "ALPHA1") as stranger:
            stranger.send("A", f98=0, f108=30, f553="alpha", f554=PASSWORD, f141="Y")
            stranger.expect_closed()
        other = Terminal(process.port, "ALPHA2")
        other.logon("alpha", PASSWORD)
        other.logout()


def test_a_role_may_send_what_it_was_given_and_nothing_else(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    change(tmp_path, "alpha", roles=(UserRole.READ_ONLY,))
    with venue(config) as process:
        alpha = Terminal(process.port, "ALPHA1")
        alpha.logon("alpha", PASSWORD)
        alpha.order("A1", 1, "100", "10.00")
        alpha.expect("j", f372="D", f379="A1", f380="6")
        alpha.send("q", f11="M1", f530=7, f60=stamp())
        alpha.expect("j", f372="q", f380="6")
        alpha.send("H", f11="A1", f55="ACME", f54=1)
        alpha.expect("8", f150="I")
        alpha.send("R", f131="Q1", f146=1, f55="ACME")
        alpha.expect("j", f372="R", f380="3")
        alpha.logout()


def tls_config(folder: Path, authority: Authority) -> Path:
    certificate, key = authority.issue("venue.example")
    tls = f"{{certificate: {certificate}, key_file: {key}, client_ca: {authority.certificate}}}"
    config = write_config(folder)
    config.write_text(config.read_text().replace("{port: 0}", f"{{port: 0, tls: {tls}}}"))
    return config


def test_a_certificate_stands_for_its_user(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    config = tls_config(tmp_path, authority)
    alice = authority.client("alice.example", "/O=Alpha/CN=alice")
    mallory = authority.client("mallory.example")
    change(tmp_path, "alpha", certificate="O=Alpha,CN=alice")
    with edit_users(tmp_path / "users.yaml") as users:
        robot = new_user("robot", "BRAVO", PASSWORD)
        users["robot"] = msgspec.structs.replace(
            robot, password_hash="", certificate=authority.fingerprint("mallory.example")
        )
    with venue(config) as process:
        _certificates_decide(process, alice, mallory)


def _certificates_decide(
    process: VenueProcess, alice: ssl.SSLContext, mallory: ssl.SSLContext
) -> None:
    port = process.port
    alpha = Terminal(port, "ALPHA1", tls=alice)
    alpha.logon("alpha", PASSWORD)
    alpha.logout()
    # The password alone opens nothing, nor the certificate alone, where both are asked for.
    refused(Terminal(port, "ALPHA1", next_out=3, tls=mallory), "alpha", PASSWORD)
    refused(Terminal(port, "ALPHA1", next_out=3, tls=alice), "alpha", "wrong-horse")
    # A user without a password is named by the certificate.
    robot = Terminal(port, "BRAVO1", tls=mallory)
    robot.send("A", f98=0, f108=30)
    robot.expect("A")
    robot.order("R1", 1, "100", "10.00")
    robot.expect("8", f150="0")
    robot.logout()
    nobody = Terminal(port, "BRAVO1", next_out=4, tls=alice)
    nobody.send("A", f98=0, f108=30)
    nobody.expect("5", f58="Logon refused")
    nobody.cut()
