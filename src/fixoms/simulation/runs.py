"""Running seeds: play, audit, and on a failure the shortest story that still fails.

Owns: what one seed comes to, and how it is told.
Must not know: how many processes share the seeds, where reports are printed.
"""

import contextlib
from dataclasses import dataclass

from fixoms.simulation.auditor import audit, count
from fixoms.simulation.evidence import Figures
from fixoms.simulation.shrink import TRIES_MAX, shrink
from fixoms.simulation.story import Story
from fixoms.simulation.workload import story_of
from fixoms.simulation.world import CannotRecover, play


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a seed came to. `chain` is the hash of its journal, empty when it has none."""

    seed: int
    objections: tuple[str, ...]
    chain: str
    figures: Figures

    @property
    def ok(self) -> bool:
        """Whether the auditor had nothing to object."""
        return not self.objections


def run(story: Story) -> Outcome:
    """Play and judge one story."""
    try:
        evidence = play(story)
    except CannotRecover as failure:
        return Outcome(story.seed, (str(failure),), "", Figures())
    objections = tuple(audit(evidence))
    count(evidence)
    return Outcome(story.seed, objections, evidence.chain, evidence.figures)


def run_seed(seed: int) -> Outcome:
    """Play and judge the story of a seed."""
    return run(story_of(seed))


def shortest(seed: int, tries_max: int = TRIES_MAX) -> tuple[Story, Outcome]:
    """The shortest failing story found for a seed that fails, and what it comes to."""

    def fails(story: Story) -> bool:
        with contextlib.suppress(Exception):
            return not run(story).ok
        # A story that breaks the simulator itself shows another mistake.
        return False

    story = shrink(story_of(seed), fails, tries_max)
    return story, run(story)
