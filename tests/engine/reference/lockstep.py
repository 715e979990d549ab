"""The engine and the reference venue, command by command, until they disagree.

Owns: running a stream on both, what counts as a disagreement, making a failing stream short, and
printing it for a reader.
Must not know: any rule of the venue.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fixoms.domain.commands import VENUE, AdvanceTime, Command, ListedOrder, OrderTerms
from fixoms.domain.events import Event
from fixoms.domain.units import SECOND, Nanos
from fixoms.engine.engine import Engine, EngineSettings

from .report import Report, agree, read_events
from .venue import ReferenceVenue
from .world import ACME, BETA, MARKET, START

ALL_LEVELS = 1000
VOLATILITY_AUCTION = Nanos(7 * SECOND)
INSTRUMENTS = (ACME.instrument_id, BETA.instrument_id)


def new_settings() -> EngineSettings:
    """Settings of the engines under test."""
    return EngineSettings(default_market=MARKET, volatility_auction=VOLATILITY_AUCTION)


def new_engine() -> Engine:
    """An engine as the tests use it."""
    return Engine(new_settings())


class Player:
    """Feeds an engine commands a second apart, and the timers it asks for."""

    def __init__(self, engine: Engine, seq: int = 0, time: int = START) -> None:
        self.engine = engine
        self.seq = seq
        self.time = time

    def due(self, command: Command) -> list[Command]:
        """The command, preceded by AdvanceTime when a timer of the engine has run out."""
        self.time += SECOND
        timer = self.engine.next_timer
        if timer is not None and timer <= self.time:
            return [AdvanceTime(VENUE), command]
        return [command]

    def handle(self, command: Command) -> list[Event]:
        self.seq += 1
        return self.engine.handle(command, self.seq, Nanos(self.time))

    def play(self, commands: Sequence[Command]) -> list[list[Event]]:
        """Handle all commands; the events of each."""
        return [self.handle(one) for command in commands for one in self.due(command)]


@dataclass(frozen=True)
class Disagreement:
    """Where two venues part: the number of the command, and what each said."""

    at: int
    command: Command
    expected: tuple[Report, ...]
    got: tuple[Report, ...]
    why: str


def compare(commands: Sequence[Command]) -> Disagreement | None:
    """Run both venues to the first disagreement."""
    player = Player(new_engine())
    reference = ReferenceVenue(MARKET, VOLATILITY_AUCTION)
    for at, given in enumerate(commands):
        for command in player.due(given):
            expected = _in_order(reference.decide(command, player.time))
            try:
                got = _in_order(read_events(player.handle(command)))
            except Exception as error:  # The engine must answer; anything it raises is a finding.
                return Disagreement(at, command, expected, (), f"raised {error!r}")
            if len(expected) != len(got) or not all(map(agree, expected, got)):
                return Disagreement(at, command, expected, got, "reports")
            why = _books_differ(player.engine, reference)
            if why:
                return Disagreement(at, command, expected, got, why)
    return None


def _in_order(reports: list[Report]) -> tuple[Report, ...]:
    """Indicative prices of several instruments have no order among themselves; they come last."""
    told = [one for one in reports if one.kind != "INDICATIVE"]
    indicative = [one for one in reports if one.kind == "INDICATIVE"]
    return (*told, *sorted(indicative, key=lambda one: one.who))


def _books_differ(engine: Engine, reference: ReferenceVenue) -> str:
    for key in INSTRUMENTS:
        if not reference.lists_instrument(key):
            continue
        expected = reference.levels(key)
        got = tuple(
            [(level.price, level.qty, level.orders) for level in side]
            for side in engine.depth(key, ALL_LEVELS)
        )
        if expected != got:
            return f"book of {key}: expected {expected}, got {got}"
    return ""


def shorten(
    commands: Sequence[Command], fails: Callable[[Sequence[Command]], bool]
) -> list[Command]:
    """Leave out commands while the stream still fails: runs of half the length, down to one."""
    kept = list(commands)
    size = len(kept) // 2
    while size:
        start = 0
        while start < len(kept):
            without = kept[:start] + kept[start + size :]
            if fails(without):
                kept = without
            else:
                start += size
        size //= 2
    return kept


def describe(command: Command) -> str:
    """One command as a line a trader can read: only what differs from the default."""
    words = [type(command).__name__]
    for name in command.__struct_fields__:
        value = getattr(command, name)
        if name == "origin":
            words.append(f"[{value.session or value.user}]")
        elif name == "terms":
            words.append(_describe_terms(value))
        elif name == "orders":
            words += [f"\n      {describe_leg(leg)}" for leg in value]
        elif value not in ("", None, 0, False):
            words.append(f"{name}={getattr(value, 'name', value)}")
    return " ".join(words)


def describe_leg(leg: ListedOrder) -> str:
    """One order of a list."""
    return f"{leg.list_seq_no} {leg.cl_ord_id} {leg.symbol} {_describe_terms(leg.terms)}"


def _describe_terms(terms: OrderTerms) -> str:
    words = [terms.side.name, str(terms.qty), terms.ord_type.name]
    for name in terms.__struct_fields__[4:]:
        value = getattr(terms, name)
        if value not in ("", None, ()) and name != "account":
            words.append(f"{name}={getattr(value, 'name', value)}")
    words.append(terms.tif.name)
    return " ".join(words)


def story(commands: Sequence[Command], found: Disagreement) -> str:
    """A failing stream and its last answers, for a person."""
    lines = [f"{at:3} {describe(one)}" for at, one in enumerate(commands[: found.at + 1])]
    lines.append(f"disagree at {found.at} ({describe(found.command)}): {found.why}")
    lines += [f"  expected {one}" for one in found.expected]
    lines += [f"  got      {one}" for one in found.got]
    return "\n".join(lines)
