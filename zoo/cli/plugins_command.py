"""``zoo plugins``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo.cli.options import (
    Settings,
    complete,
    complete_model,
    data_option,
    examples,
    json_option,
    option,
    print_json,
    split_commas,
)
from zoo.cli.tables import print_table
from zoo.common import terminal

if TYPE_CHECKING:
    from zoo.testing import Verdict


@click.group(name="plugins", epilog=examples("zoo plugins list", "zoo plugins check lenet5"))
def command() -> None:
    """List and check plugins (models, tasks, datasets, formats, devices), or write a new one."""


@command.command(
    name="list", epilog=examples("zoo plugins list", "zoo --plugin my_net.py plugins list")
)
@json_option
@click.pass_obj
def list_plugins(settings: Settings, as_json: bool) -> None:
    """List every plugin that was found, and why a broken one is broken."""
    registry = settings.registry()
    conflicts = {
        f"{names.kind} {name}": [plugin.identity for plugin in plugins]
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
        spare=("version", "distribution", "origin"),
        prose=("provides",),
    )
    for name, who in conflicts.items():
        terminal.echo(f"conflict: {name} is provided by {' and by '.join(who)}; neither is used")


@command.command(
    name="check",
    epilog=examples(
        "zoo plugins check lenet5",
        "zoo --plugin my_net.py plugins check my_net --skip 'export-onnx-*'",
    ),
)
@click.argument("name", shell_complete=complete_model)
@click.option(
    "--skip",
    multiple=True,
    metavar="CHECK",
    shell_complete=complete("check"),
    help="Leave out a check, or those that fit a pattern; may be repeated or comma-separated.",
)
@data_option("Dataset to train the network on before export [a small one].")
@click.option(
    "--epochs", type=click.IntRange(1), help="Epochs of that training [5, or 20 if need be]."
)
@json_option
@click.pass_context
def check(
    ctx: click.Context,
    name: str,
    skip: tuple[str, ...],
    data: str | None,
    epochs: int | None,
    as_json: bool,
) -> None:
    """Check that a network or a device behaves as its record says.

    NAME is a model, a family, a device, or a plugin. A network is built, trained and exported; of
    a family, only the smallest member is. Of a device, runs, timing, crashes and
    time-outs are tested. The exit code is 1 when a check failed.
    """
    from zoo.report.progress import StepProgress
    from zoo.testing import Conformance
    from zoo.testing.selection import select

    settings: Settings = ctx.obj
    registry = settings.registry()
    selection = select(registry, name, split_commas(skip))
    verdicts = list(selection.broken)
    with StepProgress(quiet=as_json) as progress:
        if selection.devices:
            from zoo.testing.devices import DeviceConformance

            for device in selection.devices:
                kit_of_device = DeviceConformance(registry, device, on_step=progress)
                verdicts += kit_of_device.run(selection.device_checks)
        for variant, checks in selection.checks.items():
            kit = Conformance(registry, variant, data=data, epochs=epochs, on_step=progress)
            verdicts += kit.run(checks)
    passed = not any(verdict.status == "failed" for verdict in verdicts)
    if as_json:
        print_json({"passed": passed, "verdicts": [asdict(verdict) for verdict in verdicts]})
    else:
        for subject in dict.fromkeys(verdict.variant for verdict in verdicts):
            _print_verdicts(subject, [v for v in verdicts if v.variant == subject])
        for note in selection.notes:
            terminal.echo(f"\nnote: {note}")
    if not passed:
        ctx.exit(1)


def _print_verdicts(subject: str, verdicts: Sequence[Verdict]) -> None:
    terminal.echo()
    shown = {"passed": "passed", "failed": "FAILED", "skipped": "skipped"}
    print_table(
        (subject, "verdict", "measured"),
        [(v.check, shown[v.status], " ".join(v.measured.split())) for v in verdicts],
        prose=("measured",),
    )
    failed = [verdict for verdict in verdicts if verdict.status == "failed"]
    if failed:
        terminal.echo("\nwhat to do")
        for verdict in failed:
            terminal.echo(f"  {verdict.check}: {verdict.fix or 'run it again with --debug'}")
    counts = {s: sum(v.status == s for v in verdicts) for s in ("passed", "failed", "skipped")}
    words = [f"{counts[s]} {s}" for s in ("failed", "skipped") if counts[s]]
    terminal.echo(
        f"\n{subject}: "
        + ", ".join([f"{counts['passed']} of {len(verdicts)} checks passed", *words])
    )


@command.command(name="new", epilog=examples("zoo plugins new squeezenet"))
@click.argument("name")
@option(
    "--output",
    default=".",
    type=click.Path(path_type=Path),
    help="Folder in which zoo-NAME is made",
)
@json_option
@click.pass_obj
def new(settings: Settings, name: str, output: Path, as_json: bool) -> None:
    """Write a plugin with a small working network, to be replaced by yours.

    It is a distribution of its own: it can be installed and checked at once.
    """
    from zoo.testing.scaffold import write_plugin

    made = write_plugin(name, output, settings.registry())
    if as_json:
        print_json({**asdict(made), "next": made.next_commands()})
        return
    for file in made.files:
        terminal.echo(f"wrote    {made.folder / file}")
    for number, line in enumerate(made.next_commands()):
        terminal.echo(f"{'next' if number == 0 else '':<9}{line}")
