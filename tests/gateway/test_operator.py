"""The operator's desk: who may say what, what each word becomes, what is refused."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fixoms import config as configuration
from fixoms.audit.record import Fact, Kind
from fixoms.clock import now
from fixoms.domain.commands import VENUE, SetRiskPolicy
from fixoms.domain.limits import Limits, RiskPolicy, Scope, ScopeKind
from fixoms.domain.roles import UserRole
from fixoms.gateway.operator_risk import limit_rows
from fixoms.gateway.operator_words import WORDS, Answer, Caller, anything_by, find_word, only_reads
from fixoms.journal.memory import MemoryJournal
from fixoms.replay.in_process import PASSWORD, ScriptUsers
from fixoms.users import LockOut
from fixoms.venue import Venue
from tests.system.terminal import Terminal, stamp

CONFIG = """
fix: {port: 0}
participants: {ALPHA: {}, BRAVO: {}}
sessions: {ALPHA1: {participant: ALPHA}, BRAVO1: {participant: BRAVO}}
instruments:
  - {symbol: ACME, reference_price: 10.00}
  - {symbol: FINE, price_decimals: 4, qty_decimals: 1, tick: 0.0001, lot_size: 0.1}
"""

SAID = {
    "phase": "phase ACME halt news",
    "halt": "halt ACME news",
    "resume": "resume ACME",
    "reference": "reference ACME 11.00",
    "cancel": "cancel O1 mistake",
    "cancel-all": "cancel-all participant=ALPHA mistake",
    "bust": "bust T1 mistake",
    "correct": "correct T1 100 10.00 mistake",
    "instrument": "instrument {symbol: NEW}",
    "suspend": "suspend ACME news",
    "activate": "activate ACME",
    "delist": "delist ACME gone",
    "start-day": "start-day 20991231",
    "end-day": "end-day",
    "phases": "phases",
    "instruments": "instruments",
    "schedule": "schedule",
    "sessions": "sessions",
    "sessions reset": "sessions reset ALPHA1",
    "sessions disconnect": "sessions disconnect ALPHA1 why",
    "users": "users",
    "users lock": "users lock ALPHA why",
    "users unlock": "users unlock ALPHA",
    "snapshot": "snapshot",
    "kill": "kill participant=ALPHA cancel runaway algo",
    "unkill": "unkill participant=ALPHA mended",
    "kills": "kills",
    "limits": "limits",
    "limits set": "limits set account=ALPHA/ACC1 order-qty=1000 gross.USD=5000000 new client",
    "limits remove": "limits remove account=ALPHA/ACC1",
    "headroom": "headroom",
    "proposals": "proposals",
    "approve": "approve 1",
    "dismiss": "dismiss 1 no",
    "override": "override ALPHA1 BIG1 agreed by phone",
    "restrict": "restrict ACME account=ALPHA/ACC1 insider",
    "unrestrict": "unrestrict ACME",
    "short": "short ACME locate",
    "locate": "locate ALPHA ACC1 ACME 500",
    "assign": "assign session=ALPHA1 none",
    "market-price": "market-price ACME 10.25 time=2026-01-05T13:30:00Z source=XNAS",
}
"""A way to say every word; the table of words and this one must agree."""


@pytest.fixture
async def venue(tmp_path: Path) -> AsyncIterator[Venue]:
    config = configuration.parse(CONFIG, tmp_path / "venue.yaml")
    made = Venue(config, MemoryJournal(), now, ScriptUsers(LockOut(config.lock_out)))
    await made.start()
    yield made
    await made.stop()


async def say(venue: Venue, words: str, caller: Caller | None = None) -> Answer:
    return await venue.operate_durably(words.split(), caller or anything_by("rita"))


def test_every_word_is_tried_here() -> None:
    assert set(SAID) == set(WORDS)
    for name, words in SAID.items():
        assert find_word(words.split())[0] == name


@pytest.mark.parametrize("name", WORDS)
async def test_a_role_may_say_what_it_was_given_and_nothing_else(venue: Venue, name: str) -> None:
    """The whole matrix: every word by every single role, and by nobody."""
    for role in UserRole:
        before = venue.sequencer.last_seq
        answer = await say(venue, SAID[name], Caller(user="x", roles=frozenset({role})))
        if role in WORDS[name].roles:
            assert "needs the role" not in answer.text
        else:
            assert not answer.ok
            assert answer.text.startswith(f"{name} needs the role ")
            assert venue.sequencer.last_seq == before, "nothing reached the sequencer"
    nobody = await say(venue, SAID[name], Caller(user="x", roles=frozenset()))
    assert nobody.text.endswith("; yours: none")


@pytest.mark.parametrize("name", [name for name, word in WORDS.items() if word.reads])
async def test_a_word_that_reads_changes_nothing(venue: Venue, name: str) -> None:
    before = (venue.sequencer.last_seq, venue.engine.state_hash())
    assert (await say(venue, SAID[name])).ok
    assert only_reads(SAID[name].split())
    assert (venue.sequencer.last_seq, venue.engine.state_hash()) == before


@pytest.mark.parametrize("name", WORDS)
async def test_a_word_without_its_parts_tells_its_usage(venue: Venue, name: str) -> None:
    before = venue.sequencer.last_seq
    answer = await say(venue, name)
    if not answer.ok and venue.sequencer.last_seq == before and name != "instrument":
        assert WORDS[name].usage in answer.text


async def test_the_kill_switch(venue: Venue) -> None:
    done = await say(venue, "kill account=ALPHA/ACC1 runaway algo")
    assert (done.ok, done.text) == (
        True,
        "the kill switch of account ACC1 of ALPHA is on, 0 orders canceled",
    )
    (row,) = (await say(venue, "kills")).rows
    assert (row["scope"], row["by"], row["reason"]) == (
        "account ACC1 of ALPHA",
        "rita",
        "runaway algo",
    )
    assert (await say(venue, "unkill account=ALPHA/ACC1 mended")).ok
    assert (await say(venue, "kills")).rows == ()
    refused = await say(venue, "unkill account=ALPHA/ACC1 again")
    assert not refused.ok
    assert "is not on" in refused.text


async def test_limits_are_set_one_by_one_and_shown_as_they_are_written(venue: Venue) -> None:
    scope = "account=ALPHA/ACC1"
    assert (await say(venue, f"limits set {scope} order-qty=1000.5 collar-percent=2.25 start")).ok
    assert (await say(venue, f"limits set {scope} gross.USD=5000000.25 gross=1 duplicate-s=0.5")).ok
    assert (await say(venue, f"limits set {scope} collar-percent=none open-orders=50")).ok
    rows = (await say(venue, f"limits {scope}")).rows
    assert {row["limit"]: row["value"] for row in rows} == {
        "order-qty": "1000.5",
        "open-orders": "50",
        "duplicate-s": "0.5",
        "gross.USD": "5000000.25",
        "gross": "1",
    }
    (found,) = venue.engine.limits()
    assert found[0] == Scope(ScopeKind.ACCOUNT, "ALPHA", "ACC1")
    assert (found[1].order_qty, found[1].duplicate_window) == (1_000_500_000, 500_000_000)
    assert (await say(venue, f"limits {scope} symbol=ACME")).rows == ()
    assert (await say(venue, f"limits remove {scope} closed")).ok
    assert venue.engine.limits() == ()


async def test_headroom_is_what_is_left(venue: Venue) -> None:
    assert (await say(venue, "headroom")).rows == ()
    assert (await say(venue, "limits set account=ALPHA/ACC1 open-orders=50 order-qty=10.5")).ok
    assert (await say(venue, "limits set account=ALPHA/* open-orders=7")).ok
    rows = (await say(venue, "headroom")).rows
    found = {row["limit"]: (row["allowed"], row["used"], row["headroom"]) for row in rows}
    assert found["open orders"] == ("50", "0", "50")
    assert {row["scope"] for row in rows} == {"account ACC1 of ALPHA"}
    other = (await say(venue, "headroom account=ALPHA/ACC2")).rows
    assert [(row["limit"], row["allowed"]) for row in other] == [("open orders", "7")]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("", "'nothing' is not a word"),
        ("dance", "'dance' is not a word"),
        ("kill", "usage: kill SCOPE"),
        ("kill all", "a reason is needed"),
        ("kill ALPHA why", "'ALPHA' is no scope"),
        ("kill account=ALPHA why", "is not written account=PARTICIPANT/NAME"),
        ("kill participant=ALPHA/X why", "is not written participant=PARTICIPANT"),
        ("kill symbol=NONE why", "'NONE' is not an instrument"),
        ("kill participant=NOBODY why", "participant 'NOBODY' is not known"),
        ("limits set participant=ALPHA", "usage: limits set"),
        ("limits set participant=ALPHA speed=3", "'speed' is not a limit"),
        ("limits set participant=ALPHA order-qty=-1", "order-qty '-1' is not"),
        ("limits set participant=ALPHA order-qty=1e400", "is not"),
        ("limits set participant=ALPHA order-qty=NaN", "is not"),
        ("limits set participant=ALPHA open-orders=1.5", "open-orders '1.5' is not"),
        ("limits set participant=ALPHA order-qty=99999999999999999999", "is not"),
        ("approve one", "'one' is not the number of a proposal"),
        ("approve 7", "proposal 7 does not wait"),
        ("market-price ACME 10.255", "at most 2 decimals"),
        ("market-price ACME 10.25 time=noon", "is not a time"),
        ("market-price ACME 10.25 time=2026-01-05T13:30:00", "is not a time"),
        ("market-price ACME 10.25 colour=red", "usage: market-price"),
        ("locate ALPHA ACC1 FINE 0.05", "at most 1 decimals"),
        ("users lock ALPHA", "usage: users lock"),
        ("sessions reset NOBODY", "'NOBODY' is not a session"),
        ("sessions disconnect ALPHA1", "ALPHA1 is not connected"),
        ("assign session=ALPHA1 king", "role 'king' is not defined"),
    ],
)
async def test_what_is_said_wrongly_is_told_and_changes_nothing(
    venue: Venue, words: str, told: str
) -> None:
    answer = await say(venue, words)
    assert not answer.ok
    assert told in answer.text
    assert venue.engine.limits() == ()
    assert venue.engine.kills() == ()


async def test_four_eyes_are_two_names(venue: Venue) -> None:
    venue.sequencer.submit(SetRiskPolicy(VENUE, RiskPolicy(four_eyes_bp=0)))
    rita, rob = anything_by("rita"), anything_by("rob")
    assert (await say(venue, "override ALPHA1 BIG1 agreed by phone", rita)).ok
    (row,) = (await say(venue, "proposals")).rows
    assert (row["by"], row["reason"]) == ("rita", "agreed by phone")
    own = await say(venue, f"approve {row['proposal']}", rita)
    assert (own.ok, own.text) == (False, "proposal 1 is rita's own, another must approve it")
    done = await say(venue, f"approve {row['proposal']}", rob)
    assert (done.ok, done.text) == (
        True,
        "ClOrdID(11) 'BIG1' of ALPHA1 may pass the limits once",
    )
    assert (await say(venue, "proposals")).rows == ()


async def test_a_market_price_is_journaled_with_its_source(venue: Venue) -> None:
    answer = await say(venue, SAID["market-price"])
    assert (answer.ok, answer.seq) == (True, venue.sequencer.last_seq)


def test_limits_shown_set_the_same_limits_again() -> None:
    assert limit_rows(Limits()) == []
    assert limit_rows(Limits(collar_bp=225, open_orders=0)) == [
        ("open-orders", "0"),
        ("collar-percent", "2.25"),
    ]


async def test_a_session_that_abuses_the_venue_is_logged_out(tmp_path: Path) -> None:
    told: list[Fact] = []
    config = configuration.parse(CONFIG, tmp_path / "venue.yaml")
    users = ScriptUsers(LockOut(config.lock_out))
    venue = Venue(config, MemoryJournal(), now, users, note=told.append)
    port = await venue.start()
    venue.sequencer.submit(SetRiskPolicy(VENUE, RiskPolicy(abuse_after=5)))
    assert (await say(venue, "limits set session=ALPHA1 message-rate=2")).ok

    def flood() -> tuple[list[str], str]:
        with Terminal(port, "ALPHA1") as alpha:
            alpha.logon("ALPHA", PASSWORD)
            orders = {"f21": 1, "f55": "ACME", "f54": 1, "f38": 1, "f40": 2, "f44": "9.00"}
            alpha.raw(
                b"".join(alpha.frame("D", f11=f"A{n}", f60=stamp(), **orders) for n in range(40))
            )
            outcomes = []
            while (message := alpha.receive()) is not None and message[35] == "8":
                outcomes.append(message[150])
            return outcomes, "" if message is None else message.get(58, "")

    outcomes, text = await asyncio.to_thread(flood)
    await venue.stop()
    assert "above the rate of session ALPHA1 in one second" in text
    assert 2 <= outcomes.count("0") <= 4
    (fact,) = [each for each in told if each.kind is Kind.ABUSE]
    assert (fact.session, fact.user) == ("ALPHA1", "ALPHA")
