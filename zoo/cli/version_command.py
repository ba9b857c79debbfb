"""``zoo version``."""

from __future__ import annotations

import platform

import click

from zoo.cli.options import examples, json_option, print_json
from zoo.common import terminal
from zoo.common.extras import EXTRA_OF
from zoo.common.versions import versions_of


@click.command(name="version", epilog=examples("zoo version", "zoo version --json"))
@json_option
def command(as_json: bool) -> None:
    """Show the versions of edgezoo, Python and the libraries that decide figures.

    Nothing is imported. `zoo --version` prints the first alone.
    """
    import importlib.metadata

    names = importlib.metadata.packages_distributions()
    libraries = {names.get(module, [module])[0] for module in (*EXTRA_OF, "numpy")}
    found = versions_of(libraries)
    found = {
        "edgezoo": found.pop("edgezoo"),
        "python": platform.python_version(),
        **dict(sorted(found.items(), key=lambda item: item[0].lower())),
        "system": f"{platform.system()} {platform.machine()}",
    }
    if as_json:
        print_json(found)
        return
    width = max(map(len, found)) + 2
    for name, version in found.items():
        terminal.echo(f"{name:<{width}}{version}")
