"""``zoo doctor``."""

from __future__ import annotations

from dataclasses import asdict

import click

from zoo.cli.options import Settings, examples, json_option, print_json
from zoo.cli.tables import print_table
from zoo.common import terminal


@click.command(name="doctor", epilog=examples("zoo doctor"))
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Show what is installed, what is missing, and the command to get it; install nothing.

    The exit code is 1 when something is missing.
    """
    from zoo.diagnosis import doctor

    settings: Settings = ctx.obj
    findings = doctor(settings.registry())
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        print_table(
            ("", "part", "name", "state"),
            [("ok" if f.ok else "--", f.part, f.name, f.state) for f in findings],
        )
        missing = [f for f in findings if not f.ok]
        for finding in missing:
            terminal.echo(f"\n{finding.name}: {finding.fix}")
        if not missing:
            terminal.echo("\neverything is there")
    if not all(finding.ok for finding in findings):
        ctx.exit(1)
