"""``zoo doctor``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from zoo.cli.options import Settings, examples, json_option, print_json
from zoo.cli.tables import print_table
from zoo.common import terminal

if TYPE_CHECKING:
    from zoo.diagnosis import InstalledPart


@click.command(name="doctor", epilog=examples("zoo doctor", "zoo doctor --all"))
@click.option("show_all", "--all", is_flag=True, help="Also list what is installed, with versions.")
@json_option
@click.pass_context
def command(ctx: click.Context, show_all: bool, as_json: bool) -> None:
    """Show what is installed, what is missing, and the command to get it; install nothing.

    Without TensorFlow, and with a runtime, it is an installation that runs exported files, and what
    trains and exports is not missing. The exit code is 1 when something is missing.
    """
    from zoo.common.extras import command_for, runs_files_only
    from zoo.diagnosis import doctor

    settings: Settings = ctx.obj
    findings = doctor(settings.registry())
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        missing = [finding for finding in findings if not finding.ok]
        if shown := findings if show_all else missing:
            print_table(
                ("", "part", "name", "state"),
                [("ok" if f.ok else "--", f.part, f.name, f.state) for f in shown],
                prose=("state",),
            )
        if missing:
            _print_fixes(missing)
        elif runs_files_only():
            terminal.echo("everything is there to inspect, verify, time and ask exported files")
            terminal.echo(f"to train and export as well: {command_for('all')}")
        else:
            told = "" if show_all else ": `zoo doctor --all` lists it"
            terminal.echo(f"everything is there{told}")
    if not all(finding.ok for finding in findings):
        ctx.exit(1)


def _print_fixes(missing: Sequence[InstalledPart]) -> None:
    """Each command once, with all that it brings."""
    for fix in dict.fromkeys(finding.fix for finding in missing):
        names = [finding.name for finding in missing if finding.fix == fix]
        terminal.echo(f"\n{', '.join(names)}:")
        terminal.echo(f"  {fix}")
