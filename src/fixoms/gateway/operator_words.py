"""The words of the operator's desk: how each is written, and which roles may say it.

Owns: the table of words, and the answer a word gets.
Must not know: what a word leads to (operator.py and the files it names), sockets.

A role may say what the table gives it and nothing else.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from fixoms.domain.roles import UserRole

_OPERATOR: Final = frozenset({UserRole.OPERATOR})
_RISK: Final = frozenset({UserRole.RISK_MANAGER})
_BOTH: Final = _OPERATOR | _RISK
_READERS: Final = _BOTH | {UserRole.AUDITOR}
_FEEDERS: Final = _BOTH | {UserRole.MARKET_DATA}


class Word(msgspec.Struct, frozen=True):
    """How a word is written, who may say it, and whether it changes nothing whatever happens."""

    usage: str
    roles: frozenset[UserRole]
    reads: bool = False


WORDS: Final[dict[str, Word]] = {
    "phase": Word("phase SYMBOL|SEGMENT PHASE [REASON]", _OPERATOR),
    "halt": Word("halt SYMBOL|SEGMENT [REASON]", _BOTH),
    "resume": Word("resume SYMBOL|SEGMENT [REASON]", _OPERATOR),
    "reference": Word("reference SYMBOL PRICE", _OPERATOR),
    "cancel": Word("cancel ORDER_ID [REASON]", _BOTH),
    "cancel-all": Word("cancel-all [participant=NAME] [symbol=SYMBOL] [REASON]", _BOTH),
    "bust": Word("bust TRADE_ID [REASON]", _OPERATOR),
    "correct": Word("correct TRADE_ID QTY PRICE [REASON]", _OPERATOR),
    "instrument": Word("instrument {YAML of one entry under `instruments`}", _OPERATOR),
    "suspend": Word("suspend SYMBOL [REASON]", _OPERATOR),
    "activate": Word("activate SYMBOL [REASON]", _OPERATOR),
    "delist": Word("delist SYMBOL [REASON]", _OPERATOR),
    "start-day": Word("start-day [YYYYMMDD]", _OPERATOR),
    "end-day": Word("end-day", _OPERATOR),
    "phases": Word("phases", _READERS, reads=True),
    "instruments": Word("instruments", _READERS, reads=True),
    "schedule": Word("schedule", _READERS, reads=True),
    "sessions": Word("sessions", _READERS, reads=True),
    "sessions reset": Word("sessions reset SESSION", _OPERATOR),
    "sessions disconnect": Word("sessions disconnect SESSION [REASON]", _BOTH),
    "users": Word("users", _READERS, reads=True),
    "users lock": Word("users lock USER REASON", _BOTH),
    "users unlock": Word("users unlock USER", _OPERATOR),
    "snapshot": Word("snapshot", _OPERATOR),
    "kill": Word("kill SCOPE [cancel] REASON", _BOTH),
    "unkill": Word("unkill SCOPE REASON", _RISK),
    "kills": Word("kills", _READERS, reads=True),
    "limits": Word("limits [SCOPE]", _READERS, reads=True),
    "limits set": Word("limits set SCOPE LIMIT=VALUE|none ... [REASON]", _RISK),
    "limits remove": Word("limits remove SCOPE [REASON]", _RISK),
    "headroom": Word("headroom [SCOPE]", _READERS, reads=True),
    "proposals": Word("proposals", _READERS, reads=True),
    "approve": Word("approve PROPOSAL", _RISK),
    "dismiss": Word("dismiss PROPOSAL [REASON]", _RISK),
    "override": Word("override SESSION CL_ORD_ID REASON", _RISK),
    "restrict": Word("restrict SYMBOL [SCOPE [REASON]]", _RISK),
    "unrestrict": Word("unrestrict SYMBOL [SCOPE [REASON]]", _RISK),
    "short": Word("short SYMBOL allowed|locate|banned", _RISK),
    "locate": Word("locate PARTICIPANT ACCOUNT|- SYMBOL QTY [REASON]", _RISK),
    "assign": Word("assign SCOPE ROLE|none", _RISK),
    "market-price": Word("market-price SYMBOL PRICE [time=UTC] [source=NAME]", _FEEDERS),
}
"""Every word of the desk. SYMBOL may be SYMBOL@MARKET; operator_risk.py says how a SCOPE and a
LIMIT are written."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the desk says back: `text` for people, the rest for scripts.

    `ok` false means nothing changed and `text` says why. `seq` is the journal sequence of the
    command, 0 for a word that is no command of the engine.
    """

    ok: bool
    text: str
    seq: int = 0
    rows: tuple[dict[str, str], ...] = ()


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who speaks at the desk: the name that is journaled and audited, and the roles it has."""

    user: str
    roles: frozenset[UserRole]
    remote: str = ""


def anything_by(user: str) -> Caller:
    """A caller who may say everything: a script, a test."""
    return Caller(user=user, roles=frozenset(UserRole))


class Misspoken(ValueError):
    """The words are not of the grammar, or not for this caller; the message says what is."""


def find_word(words: Sequence[str]) -> tuple[str, list[str]]:
    """The word that is said, of one or two parts, and what follows it; raises Misspoken."""
    for length in (2, 1):
        name = " ".join(words[:length])
        if len(words) >= length and name in WORDS:
            return name, list(words[length:])
    given = words[0] if words else "nothing"
    raise Misspoken(f"{given!r} is not a word of the desk; known: {', '.join(WORDS)}")


def must_be_permitted(name: str, roles: Iterable[UserRole]) -> None:
    """Raise Misspoken unless one of `roles` may say the word `name`."""
    wanted = WORDS[name].roles
    if wanted.isdisjoint(roles):
        needed = " or ".join(sorted(role.value for role in wanted))
        held = ", ".join(sorted(role.value for role in roles)) or "none"
        raise Misspoken(f"{name} needs the role {needed}; yours: {held}")


def only_reads(words: Sequence[str]) -> bool:
    """Whether `words` change nothing, whatever becomes of them."""
    try:
        return WORDS[find_word(words)[0]].reads
    except Misspoken:
        return False
