r"""One line of the audit, and the hash that binds it to all before it.

Owns: what a fact of the audit holds and its bounds, the form of a line, the head of the chain.
Must not know: files (chain.py), where facts come from.

A line is a JSON object. Its `prev` is the `hash` of the line before, 64 zeros in the first; its
`hash`, always the last member, is the SHA-256 of the line's bytes before `,"hash":`. To change,
take out, put in or swap a line changes every hash after it.
"""

import hashlib
from enum import Enum
from typing import Final

import msgspec

from fixoms.domain.units import Nanos
from fixoms.domain.wording import utc_text

NAME_CHARS_MAX: Final = 64
TEXT_CHARS_MAX: Final = 500
"""Longer texts are cut: part of them may come from a stranger."""

LINE_BYTES_MAX: Final = 16_384
"""No line is longer, whatever its texts hold."""

NO_HASH: Final = "0" * 64
"""What the first line names as the one before it."""

_HASH: Final = b',"hash":"'
_TAIL_BYTES: Final = len(_HASH) + 64 + len('"}')


class Kind(Enum):
    """What happened."""

    LOGON = "logon"
    LOGOUT = "logout"
    REFUSED = "refused"
    LOCK_OUT = "lock-out"
    NUMBERS_RESET = "numbers-reset"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105  # no password
    PASSWORD_REFUSED = "password-refused"  # noqa: S105  # no password
    USER_CHANGED = "user-changed"
    ABUSE = "abuse"
    COMMAND = "command"
    COMMAND_REFUSED = "command-refused"
    READ = "read"
    VENUE_STARTED = "venue-started"
    VENUE_STOPPED = "venue-stopped"
    FACTS_LOST = "facts-lost"
    CHAIN_CUT = "chain-cut"


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Something the audit keeps. What does not apply is empty.

    `order` is an OrderID(37), `entry` the journal sequence of a command. Never a password.
    """

    time: Nanos
    kind: Kind
    user: str = ""
    session: str = ""
    remote: str = ""
    order: str = ""
    entry: int = 0
    text: str = ""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A fact in its place in the chain; `time` is UTC with microseconds and never falls."""

    seq: int
    time: str
    kind: Kind
    user: str
    session: str
    remote: str
    order: str
    entry: int
    text: str
    prev: str


class Record(Line, frozen=True, kw_only=True):
    """A line with its hash."""

    hash: str


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The last line of the chain: who keeps it elsewhere can tell later whether a tail is gone."""

    seq: int = 0
    time: str = ""
    hash: str = NO_HASH

    @property
    def day(self) -> str:
        """UTC day `YYYYMMDD` of the last line."""
        return self.time[:10].replace("-", "")


def link(fact: Fact, head: Head) -> tuple[bytes, Head]:
    """The line, without its end, that puts `fact` after `head`; and the new head."""
    time = max(utc_text(fact.time), head.time)
    line = msgspec.json.encode(
        Line(
            seq=head.seq + 1,
            time=time,
            kind=fact.kind,
            user=_cut(fact.user, NAME_CHARS_MAX),
            session=_cut(fact.session, NAME_CHARS_MAX),
            remote=_cut(fact.remote, NAME_CHARS_MAX),
            order=_cut(fact.order, NAME_CHARS_MAX),
            entry=fact.entry,
            text=_cut(fact.text, TEXT_CHARS_MAX),
            prev=head.hash,
        )
    )[:-1]
    digest = hashlib.sha256(line).hexdigest()
    return line + _HASH + digest.encode() + b'"}', Head(seq=head.seq + 1, time=time, hash=digest)


class Unsound(ValueError):
    """A line that is not one of the chain's; the message says what is wrong with it."""


def read_line(line: bytes) -> Record:
    """The record of one line; raises Unsound when its own hash does not fit its bytes."""
    try:
        record = msgspec.json.decode(line, type=Record)
    except msgspec.DecodeError as error:
        raise Unsound(f"is not a line of the audit: {error}") from None
    body, tail = line[:-_TAIL_BYTES], line[-_TAIL_BYTES:]
    if not tail.startswith(_HASH) or hashlib.sha256(body).hexdigest() != record.hash:
        raise Unsound("was changed: its hash does not fit")
    return record


def _cut(text: str, chars_max: int) -> str:
    return text if len(text) <= chars_max else text[: chars_max - 1] + "…"
