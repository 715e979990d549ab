"""Running a venue: `fixoms demo`, `fixoms serve`, `fixoms outlets`, `fixoms dictionary`.

Owns: their options.
Must not know: how a venue is put together (app.py), what the demo plays (demo.py).
"""

# ruff: noqa: PLC0415  # a command imports what it needs when it runs, so that each starts fast

from typing import Annotated

import typer

from fixoms.cli.options import DEFAULT_CONFIG, ConfigOption, load_config


def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="End when the scene is over.")] = False,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65_535, help="FIX port; by default 9878 if it is free."),
    ] = None,
) -> None:
    """Start a venue with everything built in, and watch three brokers trade."""
    from fixoms.demo import run_demo

    raise typer.Exit(run_demo(once=once, port=port))


def serve(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Run the venue until SIGTERM or Ctrl-C."""
    from fixoms.app import run

    raise typer.Exit(run(load_config(config)))


def outlets(
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    mqtt_url: Annotated[
        str, typer.Option("--mqtt-url", help="Broker to publish to, instead of the config's.")
    ] = "",
) -> None:
    """Feed SQL and MQTT from the journal; `fixoms serve` starts this by itself."""
    from fixoms.app import run_outlets

    raise typer.Exit(run_outlets(load_config(config), mqtt_url))


def dictionary() -> None:
    """Print the FIX dictionary of the venue, as a QuickFIX data dictionary."""
    from fixoms.gateway.venue_dictionary import venue_dictionary

    typer.echo(venue_dictionary().to_quickfix_xml())
