"""What the FIX sessions and the operator's desk do, as facts of the audit.

Owns: which of their facts the audit keeps, and how each is told.
Must not know: how facts are kept (audit/), where they come from beyond what they hold.

Gaps, rejects and resends are the wire log's. The audit keeps who came and went, who was refused,
and what was said at the desk. A frame, a password, a hash never comes here.
"""

from collections.abc import Callable, Sequence
from typing import Final

from fixoms.audit.record import Fact, Kind
from fixoms.domain.rendering import parse_order_id
from fixoms.domain.units import Nanos
from fixoms.fix import effects
from fixoms.fix.acceptor import AuditFact
from fixoms.fix.effects import Disconnect, Noted, Refused
from fixoms.fix.identity import SessionId
from fixoms.gateway.authentication import Finding
from fixoms.gateway.operator_words import Answer, Caller

_KEPT: Final = {effects.Fact.LOGGED_ON: Kind.LOGON, effects.Fact.RESET: Kind.NUMBERS_RESET}


class SessionAuditor:
    """Makes facts of what an acceptor tells; remembers who is logged on.

    `claim_of` gives what became of the last Logon(A) of a session, None before the first.
    """

    def __init__(self, claim_of: Callable[[SessionId], Finding | None]) -> None:
        self._claim_of = claim_of
        self._logged_on: dict[SessionId, str] = {}

    def fact(self, told: AuditFact, now: Nanos) -> Fact | None:
        """The fact to keep, or None."""
        session, what = told.session, told.fact
        finding = None if session is None else self._claim_of(session)
        user = "" if finding is None else finding.user
        if isinstance(what, Noted):
            kept = _KEPT.get(what.fact)
            if kept is None:
                return None
            if session is not None and kept is Kind.LOGON:
                self._logged_on[session] = user
            kind, text = kept, what.text
        elif isinstance(what, Refused):
            locks = finding is not None and finding.locks
            kind, text = Kind.LOCK_OUT if locks else Kind.REFUSED, _reason(what)
        elif session is not None and session in self._logged_on:
            kind, user, text = Kind.LOGOUT, self._logged_on.pop(session), _reason(what)
        else:
            # It never came in: that was told when it was refused.
            return None
        name = "" if session is None else session.target_comp_id
        return Fact(time=now, kind=kind, user=user, session=name, remote=told.remote, text=text)


def _reason(end: Refused | Disconnect) -> str:
    return f"{end.reason.value}: {end.text}" if end.text else end.reason.value


def is_kept(words: Sequence[str], answer: Answer) -> bool:
    """Whether the audit keeps what was said: prices come by the thousand, the journal has them."""
    return not (answer.ok and words[0] == "market-price")


def desk_refusal(user: str, remote: str, finding: Finding | None, now: Nanos) -> Fact:
    """Somebody who was not let in at the desk."""
    why = "no logon, or from an address that is not allowed"
    if finding is not None:
        why = finding.objection or "no role of the desk, or a password to be changed first"
    kind = Kind.LOCK_OUT if finding is not None and finding.locks else Kind.REFUSED
    return Fact(time=now, kind=kind, user=user, remote=remote, text=f"operator's desk: {why}")


def desk_fact(
    words: Sequence[str], caller: Caller, answer: Answer, *, reads: bool, now: Nanos
) -> Fact:
    """What was said at the desk, and what came of it."""
    done = Kind.READ if reads else Kind.COMMAND
    return Fact(
        time=now,
        kind=done if answer.ok else Kind.COMMAND_REFUSED,
        user=caller.user,
        remote=caller.remote,
        order=next((word for word in words[1:] if parse_order_id(word)), ""),
        entry=answer.seq,
        text=" ".join(words) if reads and answer.ok else f"{' '.join(words)} -> {answer.text}",
    )
