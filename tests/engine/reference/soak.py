"""Run the engine against the reference venue for a given time.

    PYTHONPATH=src python -m tests.engine.reference.soak --seconds 60 --seed 1

Owns: the loop over seeds, and the report: commands run, or the first disagreement, made short.
Must not know: any rule of the venue.
"""

import argparse
import sys
from dataclasses import replace
from time import monotonic

from .lockstep import compare, shorten, story
from .streams import seeded_stream
from .world import opening


def main() -> int:
    """Run seeds upward until the time is over; 1 when a stream disagrees."""
    parser = argparse.ArgumentParser(description="engine against reference venue")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1, help="first seed")
    parser.add_argument("--length", type=int, default=120, help="commands in a stream")
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
            return 1
        seed += 1
        commands += chosen.length
    print(f"{commands} commands in {seed - chosen.seed} streams without a disagreement")
    return 0


if __name__ == "__main__":
    sys.exit(main())
