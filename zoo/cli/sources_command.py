"""``zoo sources``."""

from __future__ import annotations

from dataclasses import asdict

import click

from zoo.cli.options import Settings, examples, json_option, print_json
from zoo.cli.tables import print_table
from zoo.common import terminal


@click.group(name="sources", epilog=examples("zoo sources list"))
def command() -> None:
    """List what networks from elsewhere can be opened here."""


@command.command(name="list", epilog=examples("zoo sources list"))
@json_option
@click.pass_obj
def list_sources(settings: Settings, as_json: bool) -> None:
    """List the kinds of networks from elsewhere, what to type, and what opening them lacks here."""
    from zoo.networks.sources.available import source_states

    states = source_states(settings.registry())
    if as_json:
        print_json([asdict(state) for state in states])
        return
    print_table(
        ("source", "typed as MODEL", "networks", "here", "what it opens"),
        [
            (
                state.name,
                state.typed,
                f"{state.networks} by name" if state.networks else "files",
                "no" if state.missing else "yes",
                state.summary,
            )
            for state in states
        ],
    )
    for state in states:
        if state.missing:
            terminal.echo(f"\n{state.name}: {', '.join(state.missing)} missing: {state.fix}")
