"""The way of a fact into the chain: never on the loop's time, never without a bound.

Owns: the queue of facts, the thread that writes them, what happens in a flood and when the disk
fails.
Must not know: files (chain.py), where facts come from.

The queue holds `FACTS_MAX` facts. Beyond that facts are dropped and counted, and the chain says how
many when it can be written again. Of refusals only `REFUSALS_MAX` a second are kept one by one, the
rest as a number: nobody fills the disk by knocking.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from fixoms.audit.chain import Chain
from fixoms.audit.record import Fact, Kind
from fixoms.domain.units import SECOND, Nanos

FACTS_MAX: Final = 10_000
BATCH_MAX: Final = 500
REFUSALS_MAX: Final = 20
"""Refusals told one by one within a second."""

RETRY_S: Final = 1.0
CLOSE_S: Final = 5.0
"""How long `close` waits for a disk that does not answer."""


class Trail:
    """Keeps facts in a chain, in the order they are told.

    `say` gets one line when the chain cannot be written, and one when it can again; it is called in
    the thread of the trail.
    """

    def __init__(self, chain: Chain, say: Callable[[str], object]) -> None:
        self._chain = chain
        self._say = say
        self._changed = threading.Condition()
        self._facts: deque[Fact] = deque()
        self._dropped = 0
        self._second = 0
        self._refusals = 0
        self._latest = Nanos(0)
        self._is_closing = False
        self.failure = ""
        """Why the chain cannot be written now; empty while it can."""
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    def record(self, fact: Fact) -> None:
        """Keep a fact. Never blocks and never fails: see the bounds above."""
        with self._changed:
            self._latest = max(self._latest, fact.time)
            if fact.kind is Kind.REFUSED and self._is_flood(fact):
                return
            if len(self._facts) >= FACTS_MAX:
                self._dropped += 1
                return
            self._facts.append(fact)
            self._changed.notify()

    def close(self) -> None:
        """Write what is queued and end the thread."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join(CLOSE_S)

    def _is_flood(self, fact: Fact) -> bool:
        second = fact.time // SECOND
        if second != self._second:
            self._tell_flood()
            self._second = second
        self._refusals += 1
        return self._refusals > REFUSALS_MAX

    def _tell_flood(self) -> None:
        """Put the number of refusals not told one by one into the queue."""
        more, self._refusals = self._refusals - REFUSALS_MAX, 0
        if more > 0:
            text = f"{more} more refusals within a second"
            time = Nanos(self._second * SECOND + SECOND - 1)
            self._facts.append(Fact(time=time, kind=Kind.REFUSED, text=text))

    def _run(self) -> None:
        while True:
            batch = self._next()
            if not batch:
                return
            try:
                self._chain.append(batch)
            except OSError as error:
                self._failed(str(error), batch)
                if self._is_closing:
                    return
            else:
                self._works()

    def _next(self) -> list[Fact]:
        """Wait for facts; nothing when the end has come and all are written."""
        with self._changed:
            if not self._facts and not self._is_closing:
                # A flood that has ended is told although nothing follows it.
                if not self._changed.wait(RETRY_S) and not self._facts:
                    self._tell_flood()
                while not self._facts and not self._is_closing:
                    self._changed.wait()
            if self._is_closing:
                self._tell_flood()
            batch = [self._facts.popleft() for _ in range(min(len(self._facts), BATCH_MAX))]
            if self._dropped and batch:
                text = f"{self._dropped} facts were lost: the chain could not be written in time"
                batch.append(Fact(time=self._latest, kind=Kind.FACTS_LOST, text=text))
                self._dropped = 0
            return batch

    def _failed(self, reason: str, batch: list[Fact]) -> None:
        if not self.failure:
            self._say(f"the audit cannot be written: {reason}; trying again until it works")
        with self._changed:
            self.failure = reason
            self._facts.extendleft(reversed(batch))
            self._changed.wait_for(lambda: self._is_closing, RETRY_S)

    def _works(self) -> None:
        if self.failure:
            self._say("the audit is written again")
            self.failure = ""
