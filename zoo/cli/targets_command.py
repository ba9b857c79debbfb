"""``zoo targets``."""

from __future__ import annotations

from dataclasses import asdict

import click

from zoo.cli.options import Settings, examples, json_option, print_json
from zoo.cli.tables import print_table
from zoo.common import terminal


@click.command(name="targets", epilog=examples("zoo targets", "zoo targets --json"))
@json_option
@click.pass_obj
def command(settings: Settings, as_json: bool) -> None:
    """List the target processors that files can be written for, and which one this machine is.

    Their names go to --target of `zoo export` and `zoo ship`, and to a recipe's export.target.
    """
    from zoo.targets import matching_target

    registry = settings.registry()
    here = matching_target(registry)
    own = "" if here is None else here.name
    targets = list(registry.targets)
    if as_json:
        print_json({"this_machine": own or None, "targets": [asdict(t) for t in targets]})
        return
    print_table(
        ("target", "other names", "fastest first", "8-bit activations", "for"),
        [
            (
                target.name,
                ", ".join((*target.aliases, *(("auto",) if target.name == own else ()))),
                ", ".join(target.precisions),
                target.activations,
                target.summary,
            )
            for target in targets
        ],
        spare=("8-bit activations",),
        prose=("other names", "fastest first", "for"),
    )
    terminal.echo(f"\nThis machine: {own}" if own else "\nNo target describes this machine.")
