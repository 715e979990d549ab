"""Is the chain of the audit whole? Offline, from its files and from heads kept elsewhere.

Owns: the walk along the chain, its findings, and the questions one may ask of it.
Must not know: how lines come into the files.

A changed, missing, added or swapped line breaks a hash where it stands. A tail that was cut off
breaks none: it shows because a head, in its daily file or in the retained MQTT message, is ahead of
the chain.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fixoms.audit.chain import HEAD_FILE, SUFFIX, daily_heads, day_files, read_head
from fixoms.audit.record import LINE_BYTES_MAX, Head, Kind, Record, Unsound, read_line


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was written: where, and what."""

    place: str
    text: str


@dataclass(slots=True)
class AuditReport:
    """What a check found. `head` is the last line that still belongs to the chain."""

    files: int = 0
    lines: int = 0
    head: Head = field(default_factory=Head)
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def verify(directory: Path, heads_elsewhere: Iterable[tuple[str, Head]] = ()) -> AuditReport:
    """Walk the whole chain in `directory` and compare it with every head, also those given.

    A head given comes with the name of where it was kept. Raises OSError for files that cannot be
    read.
    """
    report = AuditReport()
    heads = [*_heads(directory), *heads_elsewhere]
    told = {(head.seq, head.hash): place for place, head in heads}
    hashes_at = {head.seq for _, head in heads}
    seen: dict[int, str] = {}
    first: Record | None = None
    for place, line in _lines(directory, report):
        try:
            record = read_line(line)
        except Unsound as unsound:
            report.findings.append(Finding(place, str(unsound)))
            continue
        if first is None:
            first = record
            if (record.seq, record.prev) != (1, Head().hash) and (
                (record.seq - 1, record.prev) not in told
            ):
                text = f"the chain begins with line {record.seq}: those before it are not here"
                report.findings.append(Finding(place, text))
        elif (record.seq, record.prev) != (report.head.seq + 1, report.head.hash):
            text = f"line {record.seq} does not follow line {report.head.seq}"
            report.findings.append(Finding(place, text))
        elif record.time < report.head.time:
            report.findings.append(Finding(place, f"{record.time} is before the line before it"))
        if record.kind is Kind.CHAIN_CUT:
            report.findings.append(Finding(place, record.text))
        report.lines += 1
        report.head = Head(seq=record.seq, time=record.time, hash=record.hash)
        if record.seq in hashes_at:
            seen[record.seq] = record.hash
    for place, head in heads:
        report.findings.extend(_compare(place, head, report.head, seen, first))
    return report


def _compare(
    place: str, head: Head, last: Head, seen: dict[int, str], first: Record | None
) -> Iterator[Finding]:
    if head.seq > last.seq:
        text = (
            f"the head is line {head.seq} of {head.time}, the chain ends with {last.seq}: cut off"
        )
        yield Finding(place, text)
    elif head.seq in seen and seen[head.seq] != head.hash:
        yield Finding(place, f"line {head.seq} is not the one this head was made of")
    elif head.seq and head.seq not in seen and first is not None and head.seq >= first.seq:
        yield Finding(place, f"line {head.seq}, which this head was made of, is missing")


def _heads(directory: Path) -> Iterator[tuple[str, Head]]:
    # The heads of a cut are told by the chain itself.
    daily = [path for _, path in daily_heads(directory)]
    for path in (*daily, directory / HEAD_FILE):
        head = read_head(path)
        if head is not None:
            yield str(path), head


def _lines(directory: Path, report: AuditReport) -> Iterator[tuple[str, bytes]]:
    for path in day_files(directory):
        report.files += 1
        with path.open("rb") as file:
            number = 0
            while line := file.readline(LINE_BYTES_MAX):
                number += 1
                place = f"{path}:{number}"
                if not line.endswith(b"\n"):
                    report.findings.append(Finding(place, "the line is torn"))
                    continue
                yield place, line[:-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which lines are wanted; empty narrows nothing. Times are UTC text, compared as such.

    `after` and `before` may be cut short (`2026-01-05`, `2026-01-05T13:30`).
    """

    user: str = ""
    session: str = ""
    order: str = ""
    kind: str = ""
    after: str = ""
    before: str = ""


def find(directory: Path, question: Question, limit: int) -> list[Record]:
    """The newest `limit` lines that fit, oldest first. Lines that are unsound are left out."""
    found: list[Record] = []
    for path in reversed(day_files(directory)):
        day = path.name.removesuffix(SUFFIX)
        if question.after and day < question.after[:10].replace("-", ""):
            break
        of_day = [record for record in _sound(path) if _fits(record, question)]
        found = of_day[-(limit - len(found)) :] + found
        if len(found) >= limit:
            break
    return found


def _sound(path: Path) -> Iterator[Record]:
    with path.open("rb") as file:
        while line := file.readline(LINE_BYTES_MAX):
            try:
                yield read_line(line.rstrip(b"\n"))
            except Unsound:
                continue


def _fits(record: Record, question: Question) -> bool:
    wanted = (
        (question.user, record.user),
        (question.session, record.session),
        (question.order, record.order),
        (question.kind, record.kind.value),
    )
    if any(each and each != value for each, value in wanted):
        return False
    if question.after and record.time < question.after:
        return False
    return not question.before or record.time < question.before
