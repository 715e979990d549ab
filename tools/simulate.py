"""Play many seeds of the simulator, two processes at a time, and report what they came to.

    python tools/simulate.py --seeds 0-999 --processes 2 --seconds 600

A seed that fails is told in its shortest form, and saved as a `.fix` script with `--save FOLDER`.
Exit status: 0 when every seed passed, 1 otherwise.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import fields
from itertools import islice
from pathlib import Path

from fixoms.simulation.evidence import Figures
from fixoms.simulation.runs import Outcome, run_seed, shortest
from fixoms.simulation.script import script_of


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", default="0-199", help="FIRST-LAST")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=600.0, help="start no seed after so long")
    parser.add_argument("--save", type=Path, help="folder for .fix scripts of failures")
    asked = parser.parse_args()
    first, _, last = asked.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    began = time.monotonic()
    sums = Figures()
    failed: list[Outcome] = []
    played = 0
    for outcome in outcomes(seeds, asked.processes, began + asked.seconds):
        played += 1
        for each in fields(Figures):
            setattr(sums, each.name, getattr(sums, each.name) + getattr(outcome.figures, each.name))
        if not outcome.ok:
            failed.append(outcome)
            print(f"seed {outcome.seed}: {outcome.objections[0]}", flush=True)
    for outcome in failed[:3]:
        tell(outcome, asked.save)
    print(f"{played} seeds in {time.monotonic() - began:.0f} s, {len(failed)} failed")
    print(", ".join(f"{each.name} {getattr(sums, each.name)}" for each in fields(Figures)))
    if sums.orders:
        print(
            f"{sums.journal_bytes / sums.orders:.0f} journal bytes per order, all entries counted"
        )
    return 1 if failed else 0


def outcomes(seeds: range, processes: int, deadline: float) -> Iterator[Outcome]:
    """Outcomes as they come; a bounded number of seeds is under way at once."""
    left = iter(seeds)
    with ProcessPoolExecutor(processes) as pool:
        running = {pool.submit(run_seed, seed) for seed in islice(left, 2 * processes)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for each in done:
                yield each.result()
                seed = next(left, None) if time.monotonic() < deadline else None
                if seed is not None:
                    running.add(pool.submit(run_seed, seed))


def tell(outcome: Outcome, folder: Path | None) -> None:
    story, found = shortest(outcome.seed)
    complaint = "\n".join(found.objections or outcome.objections)
    print(f"\n{story.tell()}\n{complaint}\n")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"seed_{outcome.seed}.fix").write_text(script_of(story, complaint), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
