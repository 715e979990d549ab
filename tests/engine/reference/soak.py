"""Run the engine against the reference venue for a given time.

    PYTHONPATH=src python -m tests.engine.reference.soak --seconds 60 --seed 1

Owns: the loop over seeds, and the report: commands run, or the first disagreement, made short and
with `--save DIR` also written as a script, `DIR/<seed>.fix`.
Must not know: any rule of the venue.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from time import monotonic

from fixoms.domain.commands import Command

from .as_script import as_script, save
from .lockstep import compare, shorten, story
from .streams import seeded_stream
from .world import opening


def main() -> int:
    """Run seeds upward until the time is over; 1 when a stream disagrees."""
    parser = argparse.ArgumentParser(description="engine against reference venue")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1, help="first seed")
    parser.add_argument("--length", type=int, default=120, help="commands in a stream")
    parser.add_argument("--save", type=Path, metavar="DIR", help="where a failing script goes")
    chosen = parser.parse_args()
    start = opening()
    seed, commands, deadline = chosen.seed, 0, monotonic() + chosen.seconds
    while monotonic() < deadline:
        stream = seeded_stream(seed, chosen.length)
        if compare([*start, *stream]) is not None:
            short = shorten(stream, lambda kept: compare([*start, *kept]) is not None)
            found = compare([*start, *short])
            if found is not None:
                print(f"seed {seed}, after {commands} commands without a disagreement")
                print(story(short, replace(found, at=found.at - len(start))))
                if chosen.save is not None:
                    _save(chosen.save, seed, short, found.why)
            return 1
        seed += 1
        commands += chosen.length
    print(f"{commands} commands in {seed - chosen.seed} streams without a disagreement")
    return 0


def _save(folder: Path, seed: int, commands: list[Command], why: str) -> None:
    written = as_script(commands, f"seed {seed}: {why}")
    print(f"as a script: {save(folder, seed, written)}")
    for reason in written.left_out:
        print(f"  without a command: {reason}")


if __name__ == "__main__":
    sys.exit(main())
