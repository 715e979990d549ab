"""Compares a received message with the line that expects it.

Owns: when a listed field matches, `$names` bound by a script, groups.
Must not know: terminals, sessions, worlds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from fixoms.replay.frames import Pair, Received
from fixoms.replay.script import Absent, Bound, Field, FromNext, FromNow, Literal, Present
from fixoms.replay.vocabulary import NUMBERS, Vocabulary

ORDER_IDS = frozenset({11, 41, 66, 526, 568, 583, 584, 790})
"""Identifiers a client chooses (ClOrdID, OrigClOrdID, ListID …): a world may add its suffix."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a comparison: a field, what was expected of it, what came."""

    field: str
    expected: str
    got: str
    matches: bool


@dataclass(slots=True)
class Bindings:
    """Values of `$names` so far, and the suffix of identifiers in this world."""

    id_suffix: bytes = b""
    values: dict[str, bytes] = field(default_factory=dict)

    def literal(self, tag: int, value: Literal) -> bytes:
        """Wire value of a literal in this world."""
        if self.id_suffix and tag in ORDER_IDS and not value.exact:
            return value.wire + self.id_suffix
        return value.wire


def compare(
    expected: Sequence[Field], received: Received, bindings: Bindings, vocabulary: Vocabulary
) -> list[Row]:
    """Compare every listed field; names are bound only when the whole message matches."""
    trial = Bindings(bindings.id_suffix, dict(bindings.values))
    groups = vocabulary.group_tags(received.msg_type)
    rows = list(_compare(expected, received.fields, trial, vocabulary, groups, ""))
    if all(row.matches for row in rows):
        bindings.values.update(trial.values)
    return rows


def _compare(
    expected: Sequence[Field],
    pairs: Sequence[Pair],
    bindings: Bindings,
    vocabulary: Vocabulary,
    groups: dict[int, frozenset[int]],
    path: str,
) -> Iterator[Row]:
    for item in expected:
        label = f"{path}{vocabulary.field_name(item.tag)}({item.tag})"
        got = next((value for tag, value in pairs if tag == item.tag), None)
        yield _row(item, label, got, bindings, vocabulary)
        instances = _instances(pairs, item.tag, groups) if item.instances else []
        for index, listed in enumerate(item.instances):
            instance = instances[index] if index < len(instances) else []
            inner = f"{path}{vocabulary.field_name(item.tag)}[{index + 1}]."
            yield from _compare(listed, instance, bindings, vocabulary, groups, inner)


def _instances(
    pairs: Sequence[Pair], count_tag: int, groups: dict[int, frozenset[int]]
) -> list[list[Pair]]:
    """Split the group after its counting field: an instance starts at each first tag."""
    tags = [tag for tag, _ in pairs]
    if count_tag not in tags:
        return []
    members = groups.get(count_tag)
    found: list[list[Pair]] = []
    delimiter = None
    for tag, value in pairs[tags.index(count_tag) + 1 :]:
        if members is not None and tag not in members:
            break
        delimiter = delimiter or tag
        if tag == delimiter:
            found.append([])
        found[-1].append((tag, value))
    return found


def _row(
    item: Field, label: str, got: bytes | None, bindings: Bindings, vocabulary: Vocabulary
) -> Row:
    shown = "absent" if got is None else vocabulary.describe(item.tag, got)
    match item.value:
        case Absent():
            return Row(label, "absent", shown, got is None)
        case Present():
            return Row(label, "present", shown, got is not None)
        case Bound(name=name):
            if name not in bindings.values:
                if got is not None:
                    bindings.values[name] = got
                return Row(label, f"${name}", shown, got is not None)
            want = bindings.values[name]
            said = f"{vocabulary.describe(item.tag, want)} (${name})"
            return Row(label, said, shown, got == want)
        case Literal() as literal:
            want = bindings.literal(item.tag, literal)
            same = _same(item.tag, want, got, exact=literal.exact, vocabulary=vocabulary)
            return Row(label, vocabulary.describe(item.tag, want), shown, same)
        case FromNow() | FromNext():
            return Row(label, "a value relative to the clock", shown, matches=False)


def _same(tag: int, want: bytes, got: bytes | None, *, exact: bool, vocabulary: Vocabulary) -> bool:
    if got is None or got == want:
        return got == want
    if exact or vocabulary.field_type(tag) not in NUMBERS:
        return False
    try:
        return Decimal(want.decode("latin-1")) == Decimal(got.decode("latin-1"))
    except InvalidOperation:
        return False


def table(rows: Sequence[Row]) -> str:
    """Lay a comparison out in columns; a field that differs is marked with `!`."""
    heads = Row("field", "expected", "got", matches=True)
    widths = [max(len(getattr(row, name)) for row in [heads, *rows]) for name in _COLUMNS]
    lines = []
    for row in [heads, *rows]:
        cells = [getattr(row, name).ljust(w) for name, w in zip(_COLUMNS, widths, strict=True)]
        lines.append(f"  {' ' if row.matches else '!'} " + "  ".join(cells).rstrip())
    return "\n".join(lines)


_COLUMNS = ("field", "expected", "got")
