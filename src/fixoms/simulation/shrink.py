"""Cutting a failing story down to what still fails.

Owns: which steps are left out, in which order it is tried, how often.
Must not know: what a step does, why a story fails.

Delta debugging (Zeller): halves, quarters, eighths … are left out as long as the rest still fails.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from fixoms.simulation.story import Story

TRIES_MAX: Final = 300


def shrink(story: Story, fails: Callable[[Story], bool], tries_max: int = TRIES_MAX) -> Story:
    """A story of fewer steps for which `fails` is true too, as it is for `story`.

    After `tries_max` plays the shortest one found so far is given.
    """
    steps = list(story.steps)
    left = tries_max
    parts = 2
    while len(steps) > 1 and left > 0:
        size = max(1, len(steps) // parts)
        for begin in range(0, len(steps), size):
            fewer = steps[:begin] + steps[begin + size :]
            left -= 1
            if fails(replace(story, steps=tuple(fewer))):
                steps = fewer
                parts = max(2, parts - 1)
                break
            if left <= 0:
                break
        else:
            if size == 1:
                break
            parts = min(len(steps), 2 * parts)
    return replace(story, steps=tuple(steps))
