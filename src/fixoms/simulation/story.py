"""A story: everything that happens to a venue, as a list of steps that can be told and cut down.

Owns: the kinds of steps, and how each is told to a person.
Must not know: how a step is carried out (world.py), who thinks of it (workload.py).

A step carries all it needs, so that a story with some of its steps left out is a story too.
"""

from dataclasses import dataclass
from typing import TypeAlias

from fixoms.simulation.client import Fields
from fixoms.simulation.disk import Blow


@dataclass(frozen=True, slots=True)
class Send:
    """A client says something."""

    client: str
    msg_type: str
    fields: Fields

    def __str__(self) -> str:
        told = "|".join(f"{tag}={value}" for tag, value in self.fields)
        return f"{self.client} says 35={self.msg_type}|{told}"


@dataclass(frozen=True, slots=True)
class Wait:
    """Time passes."""

    ms: int

    def __str__(self) -> str:
        return f"{self.ms} ms pass"


@dataclass(frozen=True, slots=True)
class Cut:
    """A client's connection is lost after so many more bytes in one direction."""

    client: str
    octets: int
    to_venue: bool

    def __str__(self) -> str:
        way = "to the venue" if self.to_venue else "to the client"
        return f"{self.client} is cut off after {self.octets} more bytes {way}"


@dataclass(frozen=True, slots=True)
class Stall:
    """A client stops reading, or reads again."""

    client: str
    stalled: bool

    def __str__(self) -> str:
        return f"{self.client} {'stops reading' if self.stalled else 'reads again'}"


@dataclass(frozen=True, slots=True)
class Leave:
    """A client logs out, or comes back."""

    client: str
    away: bool

    def __str__(self) -> str:
        return f"{self.client} {'logs out' if self.away else 'comes back'}"


@dataclass(frozen=True, slots=True)
class Strike:
    """A blow falls on a later write of the journal."""

    blow: Blow
    writes: int

    def __str__(self) -> str:
        return f"after {self.writes} more writes the disk strikes: {self.blow}"


@dataclass(frozen=True, slots=True)
class Kill:
    """The venue is killed here, and started again later."""

    down_ms: int

    def __str__(self) -> str:
        return f"the venue is killed, and down for {self.down_ms} ms"


@dataclass(frozen=True, slots=True)
class Restart:
    """The venue stops in order, and starts again later."""

    down_ms: int

    def __str__(self) -> str:
        return f"the venue stops, and is down for {self.down_ms} ms"


@dataclass(frozen=True, slots=True)
class ClockJump:
    """The venue's clock is off by so much from now on."""

    offset_ms: int

    def __str__(self) -> str:
        return f"the venue's clock is off by {self.offset_ms} ms"


@dataclass(frozen=True, slots=True)
class Operate:
    """The operator says something."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"operator {' '.join(self.words)}"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The venue saves its state."""

    def __str__(self) -> str:
        return "the venue makes a snapshot"


@dataclass(frozen=True, slots=True)
class Outlet:
    """What happens to an outlet (`sql`, `mqtt`).

    `down`, `up`: the server behind it. `unclear`: the next write succeeds and is said to have
    failed. `kill`: its process dies at the next write. `read`: it reads what there is.
    """

    name: str
    what: str

    def __str__(self) -> str:
        return f"outlet {self.name}: {self.what}"


Step: TypeAlias = (
    Send
    | Wait
    | Cut
    | Stall
    | Leave
    | Strike
    | Kill
    | Restart
    | ClockJump
    | Operate
    | Snapshot
    | Outlet
)


@dataclass(frozen=True, slots=True)
class Story:
    """One run: the seed gives what the network and the disk do by chance, the steps the rest.

    `ends_dark` loses power at the end: `honest`, or `lied` when the disk had claimed syncs it
    never made; empty when it does not.
    """

    seed: int
    start_s: int
    durability: str
    passwords_off_loop: bool
    steps: tuple[Step, ...]
    ends_dark: str = ""

    @property
    def is_calm(self) -> bool:
        """Whether nothing goes wrong."""
        return all(isinstance(each, Send | Wait | Operate | Snapshot) for each in self.steps)

    def tell(self) -> str:
        """The story for a person."""
        lines = [
            f"seed {self.seed}, {len(self.steps)} steps, journal {self.durability}",
            *(f"{number:>4}  {step}" for number, step in enumerate(self.steps, start=1)),
        ]
        if self.ends_dark:
            lines.append(f"power is lost; the disk was {self.ends_dark}")
        return "\n".join(lines)
