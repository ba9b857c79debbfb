"""``zoo plugins``."""

from __future__ import annotations

from dataclasses import asdict

import click

from zoo.cli.options import Settings, json_option, print_json
from zoo.cli.tables import print_table


@click.group(name="plugins", epilog="Example: zoo plugins list")
def command() -> None:
    """Plugins: where architectures, tasks, datasets, formats and devices come from."""


@command.command(
    name="list", epilog="Examples: zoo plugins list; zoo --plugin my_net.py plugins list"
)
@json_option
@click.pass_obj
def list_plugins(settings: Settings, as_json: bool) -> None:
    """List every plugin that was found, and why a broken one is broken."""
    registry = settings.registry()
    conflicts = {
        f"{names.kind} {name}": [plugin.who for plugin in plugins]
        for names in registry.all_names()
        for name, plugins in names.conflicts().items()
    }
    if as_json:
        print_json({"plugins": [asdict(p) for p in registry.plugins], "conflicts": conflicts})
        return
    print_table(
        ("plugin", "origin", "distribution", "version", "provides"),
        [
            (
                plugin.name,
                plugin.origin,
                plugin.distribution,
                plugin.version,
                f"BROKEN: {plugin.problem}" if plugin.problem else ", ".join(plugin.provides),
            )
            for plugin in registry.plugins
        ],
    )
    for name, who in conflicts.items():
        click.echo(f"conflict: {name} is provided by {' and by '.join(who)}; neither is used")
