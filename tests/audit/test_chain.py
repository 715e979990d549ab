"""The chain of the audit: what is written is there, and nothing can be bent unseen."""

import json
import multiprocessing
import os
import stat
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fixoms.audit.chain import Chain, day_files, newest_head, read_head
from fixoms.audit.record import (
    LINE_BYTES_MAX,
    TEXT_CHARS_MAX,
    Fact,
    Head,
    Kind,
    Unsound,
    link,
    read_line,
)
from fixoms.audit.verify import AuditReport, Question, find, verify
from fixoms.domain.units import SECOND, Nanos

NOON = 1_767_614_400
"""2026-01-05 12:00 UTC, in seconds."""

DAY = 86_400


def fact(
    number: int, *, seconds: int = 0, user: str = "", session: str = "", order: str = ""
) -> Fact:
    time = Nanos((NOON + seconds) * SECOND + number * 1_000)
    return Fact(
        time=time, kind=Kind.LOGON, text=f"fact {number}", user=user, session=session, order=order
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A chain of three days, ten lines each."""
    path = tmp_path / "audit"
    chain = Chain(path)
    for day in range(3):
        chain.append([fact(number, seconds=day * DAY) for number in range(10)])
    return path


def texts(report: AuditReport) -> str:
    return "\n".join(f"{each.place}: {each.text}" for each in report.findings)


def test_what_is_appended_is_there_and_whole(folder: Path) -> None:
    report = verify(folder)
    assert (report.files, report.lines, texts(report)) == (3, 30, "")
    assert [path.name for path in day_files(folder)] == [
        "20260105.jsonl",
        "20260106.jsonl",
        "20260107.jsonl",
    ]
    assert report.head == newest_head(folder) == read_head(folder / "heads" / "20260107.json")
    line = json.loads(day_files(folder)[0].read_text().splitlines()[3])
    assert line["time"] == "2026-01-05T12:00:00.000003Z"
    assert (line["seq"], line["kind"], line["text"]) == (4, "logon", "fact 3")
    if os.name == "posix":
        assert stat.S_IMODE(day_files(folder)[0].stat().st_mode) == 0o600


def test_another_writer_goes_on_where_the_last_one_ended(folder: Path) -> None:
    first, second = Chain(folder), Chain(folder)
    for number in range(5):
        first.append([fact(number, seconds=3 * DAY)])
        second.append([fact(number, seconds=3 * DAY)])
    assert verify(folder).lines == 40
    assert verify(folder).ok


def _append(folder: Path, count: int) -> None:
    chain = Chain(folder)
    for number in range(count):
        chain.append([fact(number, seconds=3 * DAY)])


def test_writers_in_several_processes_and_threads_make_one_chain(folder: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    others = [spawn.Process(target=_append, args=(folder, 20)) for _ in range(2)]
    for other in others:
        other.start()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: _append(folder, 5), range(4)))
    for other in others:
        other.join(60)
        assert other.exitcode == 0
    report = verify(folder)
    assert (report.lines, texts(report)) == (90, "")


def test_time_never_falls(folder: Path) -> None:
    Chain(folder).append([fact(0, seconds=-5 * DAY), fact(1, seconds=-4 * DAY)])
    report = verify(folder)
    assert (report.lines, texts(report)) == (32, "")
    assert report.head.time == "2026-01-07T12:00:00.000009Z"


def test_a_torn_last_line_is_cut_off_by_the_next_writer(folder: Path) -> None:
    path = day_files(folder)[-1]
    before = path.read_bytes()
    path.write_bytes(before + b'{"seq":31,"time":"2026')
    assert "torn" in texts(verify(folder))
    Chain(folder).append([fact(0, seconds=2 * DAY)])
    report = verify(folder)
    assert (report.lines, texts(report)) == (31, "")


Bend = Callable[[list[bytes]], Sequence[bytes]]


def _flip(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b"fact 4", b"fact 5") for line in lines]


def _rehash(lines: list[bytes]) -> list[bytes]:
    """The skilled one: a changed line gets the hash that fits its new bytes."""
    record = read_line(lines[4])
    head = Head(seq=record.seq - 1, time=record.time, hash=record.prev)
    lines[4], _ = link(fact(99), head)
    return lines


@pytest.mark.parametrize(
    ("bend", "told"),
    [
        (_flip, ":5: was changed"),
        (_rehash, ":6: line 16 does not follow line 15"),
        (lambda lines: lines[:4] + lines[5:], ":5: line 16 does not follow line 14"),
        (lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]], ":5: line 16 does not follow"),
        (lambda lines: [*lines[:4], lines[4], *lines[4:]], ":6: line 15 does not follow line 15"),
        (lambda lines: [*lines[:4], b"{}", *lines[4:]], ":5: is not a line of the audit"),
        (lambda lines: lines[:7], "does not follow line 17"),
        (lambda _: [], "line 21 does not follow line 10"),
    ],
)
def test_a_bent_line_shows_where_it_stands(folder: Path, bend: Bend, told: str) -> None:
    path = day_files(folder)[1]
    path.write_bytes(b"".join(line + b"\n" for line in bend(path.read_bytes().splitlines())))
    report = verify(folder)
    assert told in texts(report)


@pytest.mark.parametrize("position", range(0, 300, 7))
def test_every_flipped_byte_of_a_line_shows(folder: Path, position: int) -> None:
    path = day_files(folder)[1]
    data = bytearray(path.read_bytes())
    data[position] ^= 0x01
    path.write_bytes(data)
    assert not verify(folder).ok


@pytest.mark.parametrize("left", [0, 1, 9])
def test_a_tail_that_is_cut_shows_by_the_head_of_its_day(folder: Path, left: int) -> None:
    path = day_files(folder)[-1]
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:left]))
    assert "the head is line 30" in texts(verify(folder))
    (folder / "head.json").unlink()
    assert "the head is line 30" in texts(verify(folder))


def test_a_tail_that_is_cut_with_its_heads_shows_by_a_head_kept_elsewhere(folder: Path) -> None:
    kept = newest_head(folder)
    assert kept is not None
    day_files(folder)[-1].unlink()
    (folder / "heads" / "20260107.json").unlink()
    (folder / "head.json").write_bytes((folder / "heads" / "20260106.json").read_bytes())
    assert verify(folder).ok, "nothing here can tell"
    report = verify(folder, [("mqtt", kept)])
    assert texts(report).startswith("mqtt: the head is line 30 of 2026-01-07T12:00:00.000009Z")


def test_a_chain_that_was_made_again_shows_by_a_head_kept_elsewhere(folder: Path) -> None:
    kept = newest_head(folder)
    assert kept is not None
    for path in [*day_files(folder), *folder.glob("heads/*"), folder / "head.json"]:
        path.unlink()
    Chain(folder).append([fact(number + 1) for number in range(40)])
    assert verify(folder).ok
    assert "line 30 is not the one" in texts(verify(folder, [("mqtt", kept)]))


def test_who_appends_after_a_cut_says_so_and_keeps_the_witness(folder: Path) -> None:
    path = day_files(folder)[-1]
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:5]))
    Chain(folder).append([fact(0, seconds=2 * DAY)])
    Chain(folder).append([fact(1, seconds=2 * DAY)])
    report = verify(folder)
    assert report.lines == 28, "the cut is told once"
    (finding,) = report.findings
    assert "ended with line 25, but its head said 30" in finding.text
    witness = read_head(folder / "heads" / "20260107.cut-30.json")
    assert witness is not None
    assert witness.seq == 30


def test_old_days_may_be_moved_away_if_their_head_stays(folder: Path) -> None:
    day_files(folder)[0].unlink()
    report = verify(folder)
    assert (report.lines, texts(report)) == (20, "")
    (folder / "heads" / "20260105.json").unlink()
    assert "begins with line 11" in texts(verify(folder))


def test_a_broken_last_line_is_not_built_upon(folder: Path) -> None:
    path = day_files(folder)[-1]
    path.write_bytes(path.read_bytes().replace(b"fact 9", b"fact 8"))
    with pytest.raises(OSError, match="audit verify"):
        Chain(folder).append([fact(0, seconds=2 * DAY)])


def test_questions(folder: Path) -> None:
    chain = Chain(folder)
    chain.append([fact(0, seconds=3 * DAY, user="alice", session="ALPHA1")])
    chain.append([fact(1, seconds=3 * DAY, user="bob", order="O17")])
    chain.append([fact(2, seconds=4 * DAY, user="alice", session="ALPHA2")])

    def seqs(limit: int = 100, **wanted: str) -> list[int]:
        return [record.seq for record in find(folder, Question(**wanted), limit)]

    assert seqs(user="alice") == [31, 33]
    assert seqs(user="alice", session="ALPHA2") == [33]
    assert seqs(order="O17") == [32]
    assert seqs(after="2026-01-08T12:00:00.000001Z") == [32, 33]
    assert seqs(after="2026-01-07", before="2026-01-08") == list(range(21, 31))
    assert seqs(kind="refused") == []
    assert seqs(limit=2, user="alice") == [31, 33]
    assert seqs(limit=4) == [30, 31, 32, 33]


def test_texts_from_strangers_are_bounded_and_stay_on_their_line() -> None:
    wild = '\x00\n\r"\\\u2028}' * 100_000
    line, head = link(
        Fact(time=Nanos(0), kind=Kind.REFUSED, user=wild, session=wild, remote=wild, text=wild),
        Head(),
    )
    assert b"\n" not in line
    assert len(line) < LINE_BYTES_MAX
    record = read_line(line)
    assert len(record.text) == TEXT_CHARS_MAX
    assert record.hash == head.hash
    with pytest.raises(Unsound):
        read_line(line + b" ")
