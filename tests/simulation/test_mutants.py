"""The simulator finds venues that break a law: each here breaks one, and some seed objects."""

from collections.abc import Callable, Sequence

import pytest

from fixoms.fix import store
from fixoms.fix.identity import SessionId
from fixoms.gateway.session_store import JournalStore
from fixoms.journal.group import Gathering
from fixoms.simulation.runs import run_seed
from fixoms.store.projection import Projector
from fixoms.venue import Venue

SEEDS = range(40)


def first_objection() -> str:
    """What the auditor says of the first seed that fails; empty when all pass."""
    for seed in SEEDS:
        outcome = run_seed(seed)
        if not outcome.ok:
            return outcome.objections[0]
    return ""


def test_frames_that_leave_before_they_are_durable(monkeypatch: pytest.MonkeyPatch) -> None:
    put = JournalStore.put

    def put_and_tell(
        self: JournalStore,
        session: SessionId,
        records: Sequence[store.Record],
        then: Callable[[], None],
    ) -> None:
        put(self, session, records, lambda: None)
        then()

    monkeypatch.setattr(JournalStore, "put", put_and_tell)
    assert first_objection()


def test_reports_that_become_durable_after_their_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Venue, "_flush_links", lambda self: None)
    assert first_objection()


def test_numbers_of_the_peer_that_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    add = Gathering.add

    def forget(self: Gathering, record: object) -> None:
        if type(record).__name__ != "Inbound":
            add(self, record)  # type: ignore[arg-type]  # whatever was staged

    monkeypatch.setattr(Gathering, "add", forget)
    monkeypatch.setattr(Gathering, "add_lazily", lambda self, record: None)
    assert first_objection()


def test_a_projection_that_writes_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Projector.open

    async def open_behind(self: Projector) -> tuple[int, object]:
        seq, time = await opened(self)
        self._cursor = seq
        return max(0, seq - 1), time

    monkeypatch.setattr(Projector, "open", open_behind)
    assert first_objection()
