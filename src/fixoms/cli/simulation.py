"""The simulator: `fixoms simulate`.

Owns: its options and how a story is told on a terminal.
Must not know: how stories are made, played and judged (simulation/).
"""

# ruff: noqa: PLC0415  # a command imports what it needs when it runs, so that each starts fast

from pathlib import Path
from typing import Annotated

import typer


def simulate(
    *,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Which story to play.")],
    tell: Annotated[bool, typer.Option("--tell", help="Tell the story, passed or not.")] = False,
    tries: Annotated[
        int, typer.Option("--tries", min=0, help="How often to play while shortening a failure.")
    ] = 300,
    script: Annotated[
        Path | None, typer.Option("--script", help="Save a failing story as a .fix script here.")
    ] = None,
) -> None:
    """Play a venue through one random story of orders and faults, and audit what is left."""
    from fixoms.simulation.runs import run_seed, shortest
    from fixoms.simulation.script import script_of
    from fixoms.simulation.workload import story_of

    outcome = run_seed(seed)
    if tell:
        typer.echo(story_of(seed).tell())
    figures = outcome.figures
    typer.echo(
        f"seed {seed}: {figures.lives} lives, {figures.deaths} deaths, {figures.entries} entries,"
        f" {figures.orders} orders, {figures.fills} fills, journal {outcome.chain[:16] or 'none'}"
    )
    if outcome.ok:
        typer.echo("nothing was lost, doubled or told differently")
        return
    story, found = shortest(seed, tries)
    typer.echo(story.tell())
    complaint = "\n".join(found.objections or outcome.objections)
    typer.echo(complaint)
    if script is not None:
        script.write_text(script_of(story, complaint), encoding="utf-8")
        typer.echo(f"saved as {script}")
    raise typer.Exit(1)
