"""Users: the file and its hashes, the check of a password, the lock after wrong ones."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fixoms.config import ConfigError
from fixoms.domain.roles import UserRole, messages_of
from fixoms.domain.units import SECOND, Nanos
from fixoms.fix.peer import Certificate
from fixoms.gateway.authentication import Claim, Finding, PasswordChange
from fixoms.passwords import Unfit
from fixoms.settings import LockOutSettings
from fixoms.users import (
    LockOut,
    UserBook,
    Verdict,
    edit_users,
    new_user,
    read_users,
    write_users,
)

NOON = Nanos(1_767_614_400 * SECOND)
STRICT = LockOutSettings(wrong_passwords=3, locked_for_s=60)


def at(seconds: int) -> Nanos:
    return Nanos(NOON + seconds * SECOND)


@pytest.fixture
def book(tmp_path: Path) -> UserBook:
    path = tmp_path / "users.yaml"
    write_users(path, {"alice": new_user("alice", "ALPHA", "correct horse")})
    return UserBook(path, LockOut(STRICT))


def test_the_file_keeps_hashes_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "made" / "users.yaml"
    alice, bob = new_user("alice", "ALPHA", "correct horse"), new_user("bob", "BRAVO", "battery 9")
    write_users(path, {"bob": bob, "alice": alice})
    assert read_users(path) == {"alice": alice, "bob": bob}
    text = path.read_text()
    assert "correct horse" not in text
    assert alice.password_hash.startswith("$argon2id$")
    assert list(path.parent.iterdir()) == [path], "no temporary file stays"
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_a_file_open_to_others_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "users.yaml"
    write_users(path, {})
    path.chmod(0o644)
    with pytest.raises(ConfigError, match=r"open to others \(mode 644\); make it 600"):
        read_users(path)


def test_a_broken_file_is_told_by_line_and_key(tmp_path: Path) -> None:
    path = tmp_path / "users.yaml"
    path.write_text("users:\n  alice:\n    participant: ALPHA\n    password: abc\n")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=r"users\.yaml:4: users\.alice\.password: secrets"):
        read_users(path)


@pytest.mark.parametrize(
    ("name", "participant", "password", "said"),
    [
        ("", "P", "long enough", "no user name"),
        ("a b", "P", "long enough", "'a b' is no user name"),
        ("alice", "P" * 33, "long enough", "no participant name"),
        ("alice", "P", "short", "8 to 128 characters"),
        ("alice", "P", "x" * 129, "8 to 128 characters"),
        ("alice", "P", "päßwörter", "printable ASCII"),
        ("alice", "P", "with\x01soh!", "printable ASCII"),
    ],
)
def test_unfit_names_and_passwords(name: str, participant: str, password: str, said: str) -> None:
    with pytest.raises(Unfit, match=said):
        new_user(name, participant, password)


def test_passwords_are_checked(book: UserBook) -> None:
    assert book.check("alice", "correct horse", NOON) is Verdict.RIGHT
    assert book.check("alice", "Correct horse", NOON) is Verdict.WRONG
    assert book.check("alice", "", NOON) is Verdict.WRONG
    assert book.check("alice", "x" * 1_000_000, NOON) is Verdict.LOCKS
    assert book.check("mallory", "correct horse", NOON) is Verdict.UNKNOWN


def test_wrong_passwords_in_a_row_lock_a_user_for_a_time(book: UserBook) -> None:
    for verdict in (Verdict.WRONG, Verdict.WRONG, Verdict.LOCKS, Verdict.LOCKED):
        assert book.check("alice", "wrong guess", at(0)) is verdict
    assert book.check("alice", "correct horse", at(59)) is Verdict.LOCKED
    assert book.check("alice", "correct horse", at(60)) is Verdict.RIGHT


def test_a_right_password_forgets_the_wrong_ones() -> None:
    lock_out = LockOut(STRICT)
    for _ in range(5):
        assert not lock_out.wrong("alice", NOON)
        assert not lock_out.wrong("alice", NOON)
        lock_out.right("alice")
    assert not lock_out.is_locked("alice", NOON)


def test_locks_are_per_user() -> None:
    lock_out = LockOut(LockOutSettings(wrong_passwords=1, locked_for_s=1))
    assert lock_out.wrong("alice", NOON)
    assert lock_out.is_locked("alice", NOON)
    assert not lock_out.is_locked("bob", NOON)
    assert not lock_out.is_locked("alice", at(1))


def test_a_new_user_is_known_without_a_restart(book: UserBook, tmp_path: Path) -> None:
    path = tmp_path / "users.yaml"
    users = read_users(path)
    write_users(path, users | {"bob": new_user("bob", "BRAVO", "battery staple")})
    book.refresh()
    assert book.check("bob", "battery staple", NOON) is Verdict.RIGHT
    bob = book.get("bob")
    assert bob is not None
    assert bob.participant == "BRAVO"


def test_users_stay_when_the_file_breaks(book: UserBook, tmp_path: Path) -> None:
    (tmp_path / "users.yaml").write_text("users: [")
    with pytest.raises(ConfigError):
        book.refresh()
    assert book.check("alice", "correct horse", NOON) is Verdict.RIGHT


def test_no_file_means_no_users(tmp_path: Path) -> None:
    book = UserBook(tmp_path / "users.yaml", LockOut(STRICT))
    assert len(book) == 0
    assert book.check("alice", "correct horse", NOON) is Verdict.UNKNOWN


def test_a_damaged_hash_fits_no_password(tmp_path: Path) -> None:
    path = tmp_path / "users.yaml"
    user = new_user("alice", "ALPHA", "correct horse")
    write_users(path, {"alice": msgspec.structs.replace(user, password_hash="nonsense")})
    assert UserBook(path, LockOut(STRICT)).check("alice", "x", NOON) is Verdict.WRONG


def claim(password: str = "correct horse", **presented: Any) -> Claim:
    facts: dict[str, Any] = {"user": "alice", "participant": "ALPHA", "password": password}
    return Claim(**(facts | presented))


def changed(book: UserBook, tmp_path: Path, **changes: object) -> UserBook:
    """The book with alice changed so in the file."""
    with edit_users(tmp_path / "users.yaml") as users:
        users["alice"] = msgspec.structs.replace(users["alice"], **changes)
    return book


def test_a_finding_names_the_reason_for_the_audit(book: UserBook) -> None:
    assert book.judge(claim(), NOON) == Finding(user="alice", roles=(UserRole.TRADER,))
    assert book.judge(claim(participant="BRAVO"), NOON).objection == "acts for ALPHA"
    assert book.judge(claim("wrong guess"), NOON).objection == "wrong password"
    assert book.judge(claim(user="bob"), NOON).objection == "unknown user"
    assert book.judge(claim(user=""), NOON).objection == "unknown user"


def test_a_finding_follows_the_file_and_survives_a_broken_one(
    book: UserBook, tmp_path: Path
) -> None:
    path = tmp_path / "users.yaml"
    write_users(path, {"bob": new_user("bob", "BRAVO", "battery staple")})
    bob = claim("battery staple", user="bob", participant="BRAVO")
    assert book.judge(bob, NOON).objection == ""
    assert book.judge(claim(), NOON).objection == "unknown user"
    path.write_text("users: [")
    assert book.judge(bob, NOON).objection == ""


@pytest.mark.parametrize(
    ("changes", "presented", "objection"),
    [
        ({"expires": "2026-01-05"}, {}, ""),
        ({"expires": "2026-01-04"}, {}, "expired after 2026-01-04"),
        ({"locked": "left the firm"}, {}, "locked by an operator: left the firm"),
        ({"allowed_addresses": ("192.0.2.0/24",)}, {"address": "192.0.2.7"}, ""),
        ({"allowed_addresses": ("192.0.2.0/24",)}, {"address": "::ffff:192.0.2.7"}, ""),
        (
            {"allowed_addresses": ("192.0.2.0/24",)},
            {"address": "198.51.100.1"},
            "may not come from 198.51.100.1",
        ),
        ({"allowed_addresses": ("::1",)}, {}, "may not come from an unknown address"),
        ({"certificate": "CN=alice"}, {"certificate": Certificate("ab", "CN=alice")}, ""),
        ({"certificate": "CN=alice"}, {}, "did not show certificate CN=alice"),
        (
            {"certificate": "CN=alice"},
            {"certificate": Certificate("ab", "CN=mallory")},
            "did not show certificate CN=alice",
        ),
        ({"password_hash": ""}, {}, "has neither a password nor a certificate"),
        ({"participant": ""}, {}, "acts for no participant"),
    ],
)
def test_what_bars_a_user_besides_the_password(
    book: UserBook,
    tmp_path: Path,
    changes: dict[str, object],
    presented: dict[str, Any],
    objection: str,
) -> None:
    """NOON is on 2026-01-05; what bars is told before a password counts as wrong."""
    changed(book, tmp_path, **changes)
    assert book.judge(claim(**presented), NOON).objection == objection
    for _ in range(3):
        book.judge(claim("wrong guess", **presented), NOON)
    assert book.check("alice", "correct horse", NOON) is (
        Verdict.WRONG
        if "password_hash" in changes
        else Verdict.RIGHT
        if objection
        else Verdict.LOCKED
    )


def test_a_certificate_alone_names_a_user_without_a_password(
    book: UserBook, tmp_path: Path
) -> None:
    fingerprint = "ab" * 32
    changed(book, tmp_path, password_hash="", certificate=f"sha256:{fingerprint}")
    shown = Certificate(fingerprint, "CN=alice")
    found = book.judge(claim("", user="", certificate=shown), NOON)
    assert found == Finding(user="alice", roles=(UserRole.TRADER,))
    other = Certificate("cd" * 32, "CN=alice")
    assert book.judge(claim("", user="", certificate=other), NOON).objection == "unknown user"
    assert book.judge(claim("", certificate=other), NOON).objection != ""


def test_two_users_of_one_certificate_must_say_who_they_are(book: UserBook, tmp_path: Path) -> None:
    changed(book, tmp_path, certificate="CN=desk")
    with edit_users(tmp_path / "users.yaml") as users:
        users["bob"] = msgspec.structs.replace(new_user("bob", "ALPHA", "battery staple"))
        users["bob"] = msgspec.structs.replace(users["bob"], certificate="CN=desk")
    shown = Certificate("ab" * 32, "CN=desk")
    assert book.judge(claim(user="", certificate=shown), NOON).objection == "unknown user"
    assert book.judge(claim(certificate=shown), NOON).objection == ""


def test_a_password_is_changed_by_who_knows_the_old_one(book: UserBook, tmp_path: Path) -> None:
    changed(book, tmp_path, must_change=True)
    assert book.judge(claim(), NOON).must_change
    done = book.change_password("alice", "correct horse", "battery staple", NOON)
    assert done == PasswordChange(is_right=True, is_changed=True)
    assert book.judge(claim(), NOON).objection == "wrong password"
    found = book.judge(claim("battery staple"), NOON)
    assert (found.objection, found.must_change) == ("", False)
    assert "battery" not in (tmp_path / "users.yaml").read_text()


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("alice", "guess", "battery staple", PasswordChange(reason="wrong password")),
        ("bob", "x", "y", PasswordChange(reason="unknown user")),
        (
            "alice",
            "correct horse",
            "correct horse",
            PasswordChange(is_right=True, reason="the new password is the old one"),
        ),
        (
            "alice",
            "correct horse",
            "short",
            PasswordChange(is_right=True, reason="a password has 8 to 128 characters"),
        ),
    ],
)
def test_a_password_that_is_not_changed(
    book: UserBook, tmp_path: Path, name: str, old: str, new: str, expected: PasswordChange
) -> None:
    before = (tmp_path / "users.yaml").read_text()
    assert book.change_password(name, old, new, NOON) == expected
    assert (tmp_path / "users.yaml").read_text() == before


def test_wrong_old_passwords_lock_like_wrong_logons(book: UserBook) -> None:
    for _ in range(3):
        book.change_password("alice", "guess", "battery staple", NOON)
    assert book.judge(claim(), NOON).objection == "user is locked"


def test_an_operator_locks_and_unlocks(book: UserBook, tmp_path: Path) -> None:
    assert book.lock("alice", "on leave") == "alice is locked"
    assert UserBook(tmp_path / "users.yaml", LockOut(STRICT)).judge(claim(), NOON).objection
    assert book.rows(NOON)[0]["locked"] == "on leave"
    book.unlock("alice")
    for _ in range(3):
        book.judge(claim("guess"), NOON)
    assert book.rows(NOON)[0]["locked"] == "wrong passwords"
    book.unlock("alice")
    assert book.judge(claim(), NOON).objection == ""
    with pytest.raises(Unfit, match="no user bob"):
        book.lock("bob", "")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("allowed_addresses: [10.0.0.0/33]", r"yaml:4: users\.alice\.allowed_addresses"),
        ("certificate: deadbeef", r"yaml:4: users\.alice\.certificate"),
        ("expires: 2026-02-30", r"yaml:4: users\.alice\.expires: '2026-02-30' is not a day"),
        ("roles: [king]", r"yaml:4: users\.alice\.roles\[0\]"),
    ],
)
def test_a_wrong_entry_is_told_by_line_and_key(tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "users.yaml"
    path.write_text(f"users:\n  alice:\n    participant: ALPHA\n    {line}\n")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=told):
        read_users(path)


def test_changes_from_several_threads_are_all_kept(book: UserBook, tmp_path: Path) -> None:
    path = tmp_path / "users.yaml"
    record = read_users(path)["alice"]

    def add(number: int) -> None:
        with edit_users(path) as users:
            users[f"user{number}"] = record

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    assert len(read_users(path)) == 41


def test_a_change_that_fails_writes_nothing(book: UserBook, tmp_path: Path) -> None:
    before = (tmp_path / "users.yaml").read_text()

    def fail() -> None:
        with edit_users(tmp_path / "users.yaml") as users:
            users.clear()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (tmp_path / "users.yaml").read_text() == before


def test_roles_permit_what_the_table_says_and_no_more() -> None:
    assert messages_of([]) == {"BE"}
    assert messages_of([UserRole.DROP_COPY]) == {"BE", "H", "AF", "M"}
    both = messages_of([UserRole.DROP_COPY, UserRole.MARKET_DATA])
    assert both == messages_of([UserRole.DROP_COPY]) | messages_of([UserRole.MARKET_DATA])
    for role in UserRole:
        adds_risk = messages_of([role]) & {"D", "G", "E"}
        assert bool(adds_risk) == (role in (UserRole.TRADER, UserRole.MARKET_MAKER))
