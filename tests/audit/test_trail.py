"""The way of a fact into the chain: bounds, floods, a disk that fails."""

import threading
from collections.abc import Sequence
from pathlib import Path

from fixoms.audit import trail as trails
from fixoms.audit.chain import Chain
from fixoms.audit.record import Fact, Head, Kind
from fixoms.audit.trail import FACTS_MAX, REFUSALS_MAX, Trail
from fixoms.audit.verify import Question, find, verify
from fixoms.domain.units import SECOND, Nanos

NOON = Nanos(1_767_614_400 * SECOND)


def fact(kind: Kind = Kind.LOGON, seconds: int = 0, text: str = "") -> Fact:
    return Fact(time=Nanos(NOON + seconds * SECOND), kind=kind, text=text)


class Slow(Chain):
    """A disk that answers when the test says so, and fails as long as it says so."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.may_go = threading.Event()
        self.asked = threading.Event()
        self.fails = False

    def append(self, facts: Sequence[Fact]) -> Head:
        self.asked.set()
        self.may_go.wait(10)
        if self.fails:
            raise OSError(28, "No space left on device")
        return super().append(facts)


def test_facts_are_kept_in_their_order(tmp_path: Path) -> None:
    trail = Trail(Chain(tmp_path), print)
    for number in range(1_200):
        trail.record(fact(text=str(number)))
    trail.close()
    assert [each.text for each in find(tmp_path, Question(), 2_000)] == list(map(str, range(1_200)))
    assert verify(tmp_path).ok


def test_a_flood_of_refusals_is_told_as_a_number(tmp_path: Path) -> None:
    trail = Trail(Chain(tmp_path), print)
    for _ in range(5_000):
        trail.record(fact(Kind.REFUSED, text="unknown"))
    trail.record(fact(text="somebody came in"))
    trail.record(fact(Kind.REFUSED, seconds=1, text="later"))
    trail.close()
    kept = [each.text for each in find(tmp_path, Question(), 10_000)]
    more = f"{5_000 - REFUSALS_MAX} more refusals within a second"
    assert kept == ["unknown"] * REFUSALS_MAX + ["somebody came in", more, "later"]


def test_a_flood_that_ends_is_told_although_nothing_follows(tmp_path: Path) -> None:
    trail = Trail(Chain(tmp_path), print)
    for _ in range(100):
        trail.record(fact(Kind.REFUSED))
    trail.close()
    assert find(tmp_path, Question(), 1)[0].text == "80 more refusals within a second"


def test_a_full_queue_loses_facts_by_number(tmp_path: Path) -> None:
    chain = Slow(tmp_path)
    trail = Trail(chain, print)
    trail.record(fact(text="first"))
    assert chain.asked.wait(10)
    for _ in range(FACTS_MAX + 7):
        trail.record(fact(text="more"))
    chain.may_go.set()
    trail.close()
    kept = find(tmp_path, Question(), 2 * FACTS_MAX)
    assert len(kept) == 1 + FACTS_MAX + 1
    (lost,) = [each for each in kept if each.kind is Kind.FACTS_LOST]
    assert lost.text.startswith("7 facts were lost")
    assert verify(tmp_path).ok


def test_a_disk_that_fails_is_told_once_and_nothing_is_lost(tmp_path: Path) -> None:
    said: list[str] = []
    told = threading.Event()

    def say(line: str) -> None:
        said.append(line)
        told.set()

    chain = Slow(tmp_path)
    chain.fails = True
    chain.may_go.set()
    trail = Trail(chain, say)
    trail.record(fact(text="one"))
    assert told.wait(10)
    assert "No space left" in trail.failure
    trail.record(fact(text="two"))
    told.clear()
    chain.fails = False
    assert told.wait(10 * trails.RETRY_S)
    trail.close()
    assert trail.failure == ""
    assert [each.text for each in find(tmp_path, Question(), 10)] == ["one", "two"]
    assert len(said) == 2
    assert said[1] == "the audit is written again"
