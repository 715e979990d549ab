"""Passwords: what one may look like, its hash (argon2id), and the check against a hash.

Owns: the cost of a hash, the bounds of a password, and the work done for users who do not exist.
Must not know: users, their file, who asks.

A check costs tens of milliseconds on purpose, so nothing on the path of an order makes one.
"""

import re
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

PASSWORD_CHARS_MIN: Final = 8
PASSWORD_CHARS_MAX: Final = 128

_PASSWORD: Final = re.compile(r"[ -~]+")
# OWASP's smallest sound setting: a check holds a core for some 20 ms, and 19 MiB.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Checked in place of the hash of a user who is not there, so that the time an answer takes does not
# tell which names exist. No password fits it.
_NOBODY: Final = (
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA"
    "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)


class Unfit(ValueError):
    """A name, a password or a date that cannot be taken; the message says what is allowed."""


def hash_password(password: str) -> str:
    """Hash of `password` with a salt of its own; raises Unfit.

    Passwords are printable ASCII, because Password(554) has no other agreed encoding.
    """
    if not PASSWORD_CHARS_MIN <= len(password) <= PASSWORD_CHARS_MAX:
        raise Unfit(f"a password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters")
    if not _PASSWORD.fullmatch(password):
        raise Unfit("a password is made of printable ASCII characters")
    return _HASHER.hash(password)


def fits(password_hash: str, password: str) -> bool:
    """Whether `password` is the one behind the hash; an empty hash costs the time and fits none."""
    if len(password) > PASSWORD_CHARS_MAX:
        return False
    try:
        return _HASHER.verify(password_hash or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
