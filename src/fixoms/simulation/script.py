"""A story as a `.fix` script, as far as that language can say it.

Owns: what becomes of each step, and what is left as a comment.
Must not know: how stories are played.

What clients say, cuts, kills, operators' words and pauses can be told; blows amid a write, single
bytes, clocks and outlets become comments. The script expects nothing: whoever keeps it adds what
should have come.
"""

from typing import Final

from fixoms.domain.units import SECOND, Nanos
from fixoms.fix.values import render_utc_timestamp
from fixoms.replay.grammar import parse_script
from fixoms.replay.recorder import Recorder, Spoken
from fixoms.replay.script import write_script
from fixoms.replay.vocabulary import Vocabulary, fix44
from fixoms.simulation import story as told
from fixoms.simulation.client import frame
from fixoms.simulation.story import Step, Story

_ALWAYS_DONE: Final = frozenset(("phase", "halt", "suspend", "activate", "reference"))
"""Words of the operator that are not refused; whether others are depends on what went before."""


def script_of(story: Story, complaint: str) -> str:
    """The script's text. `complaint` says what was wrong; it becomes a comment."""
    vocabulary = fix44()
    start = Nanos(story.start_s * SECOND)
    lines = [f"title   simulated story of seed {story.seed}"]
    lines += [f"# {line}" for line in complaint.splitlines()]
    lines += [f"clock   {_clock(start)}", ""]
    for step in story.steps:
        lines.append(_line(step, vocabulary, start))
    text = "\n".join(lines) + "\n"
    parse_script(text, f"seed_{story.seed}.fix", vocabulary)
    return text


def _clock(start: Nanos) -> str:
    stamp = render_utc_timestamp(start, 3).decode()
    return f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]} {stamp[9:17]}"


def _line(step: Step, vocabulary: Vocabulary, start: Nanos) -> str:
    match step:
        case told.Send():
            return _said(step, vocabulary, start)
        case told.Wait():
            return f"after {step.ms}ms" if step.ms else "# no time passes"
        case told.Cut() if step.octets == 0:
            return f"cut {step.client}"
        case told.Kill() | told.Restart():
            return "restart"
        case told.Operate() if step.words[0] in _ALWAYS_DONE:
            return str(step)
        case _:
            return f"# {step}"


def _said(step: told.Send, vocabulary: Vocabulary, start: Nanos) -> str:
    recorder = Recorder(vocabulary)
    header = ((34, "1"), (52, render_utc_timestamp(start, 3).decode()))
    octets = frame(step.msg_type, step.client, header, step.fields)
    recorder.add(Spoken(session=step.client, to_venue=True, frame=octets, time=start))
    written = write_script(recorder.script("one line"))
    return next(line for line in written.splitlines() if line.startswith(f"{step.client} "))
