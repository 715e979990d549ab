"""Users: the file and its hashes, the check of a password, the lock after wrong ones."""

import os
import stat
from pathlib import Path

import pytest

from fixoms.config import ConfigError
from fixoms.domain.units import SECOND, Nanos
from fixoms.settings import LockOutSettings
from fixoms.users import LockOut, Unfit, UserBook, Verdict, new_user, read_users, write_users

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
    write_users(path, {"alice": type(user)(participant="ALPHA", password_hash="nonsense")})
    assert UserBook(path, LockOut(STRICT)).check("alice", "x", NOON) is Verdict.WRONG


def test_an_objection_names_the_reason_for_the_audit(book: UserBook) -> None:
    assert book.objection("alice", "ALPHA", "correct horse", NOON) == ""
    assert book.objection("alice", "BRAVO", "correct horse", NOON) == "acts for ALPHA"
    assert book.objection("alice", "ALPHA", "wrong guess", NOON) == "wrong password"
    assert book.objection("bob", "ALPHA", "correct horse", NOON) == "unknown user"


def test_an_objection_follows_the_file_and_survives_a_broken_one(
    book: UserBook, tmp_path: Path
) -> None:
    path = tmp_path / "users.yaml"
    write_users(path, {"bob": new_user("bob", "BRAVO", "battery staple")})
    assert book.objection("bob", "BRAVO", "battery staple", NOON) == ""
    assert book.objection("alice", "ALPHA", "correct horse", NOON) == "unknown user"
    path.write_text("users: [")
    assert book.objection("bob", "BRAVO", "battery staple", NOON) == ""
