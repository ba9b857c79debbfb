"""``zoo sources``."""

from __future__ import annotations

from dataclasses import asdict

import click

from zoo.cli.options import Settings, complete, examples, json_option, print_json
from zoo.cli.tables import print_table
from zoo.common import terminal
from zoo.common.progress import Event


@click.group(name="sources", epilog=examples("zoo sources list", "zoo sources setup torch"))
def command() -> None:
    """List the sources of networks from elsewhere, and set up what a source needs."""


@command.command(name="list", epilog=examples("zoo sources list"))
@json_option
@click.pass_obj
def list_sources(settings: Settings, as_json: bool) -> None:
    """List the sources of networks from elsewhere, what to type, and what is missing here."""
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
        spare=("networks", "here"),
        prose=("typed as MODEL", "what it opens"),
    )
    for state in states:
        if state.missing:
            terminal.echo(f"\n{state.name} needs {', '.join(state.missing)}: {state.fix}")


@command.command(name="setup", epilog=examples("zoo sources setup torch"))
@click.argument("name", shell_complete=complete("source"))
@click.option("--again", is_flag=True, help="Make the environment anew, replacing an existing one.")
@json_option
@click.pass_obj
def setup(settings: Settings, name: str, again: bool, as_json: bool) -> None:
    """Create the environment that a source needs; sources may share one.

    Packages come from the configured index of pip, each verified by its hash.
    """
    from zoo.networks.sources.available import set_up

    told: list[str] = []

    def emit(event: Event) -> None:
        if not as_json:
            terminal.echo(event["text"])
        told.append(event["text"])

    set_up(settings.registry(), name, emit, again=again)
    if as_json:
        print_json({"name": name, "told": told})
        return
    terminal.echo(f"{name} is set up")
