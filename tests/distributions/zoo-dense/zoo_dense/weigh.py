"""``zoo weigh``: the command of this distribution."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.cli.recipe_options import recipe_options


@click.command(name="weigh", epilog="Examples:\n  zoo weigh net.dense --unit kB")
@click.argument("file", type=click.Path(exists=True))
@click.option("--unit", type=click.Choice(["B", "kB"]), default="B", help="Of the answer [B].")
@recipe_options("seed")
@click.pass_context
def command(ctx: click.Context, file: str, unit: str, seed: int | None) -> None:
    """Say how heavy FILE is, and which format of the zoo it has."""
    size = Path(file).stat().st_size
    exporter = ctx.obj.registry().exporter_for(Path(file))
    known = "unknown" if exporter is None else exporter.name
    weight = f"{size if unit == 'B' else size / 1000:g} {unit}"
    click.secho(f"{weight}, {known}, seed {seed}", bold=True)
