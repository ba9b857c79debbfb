"""``zoo cache``."""

from __future__ import annotations

from dataclasses import asdict

import click

from zoo.cli.options import Settings, complete, examples, json_option, print_json
from zoo.cli.tables import human_bytes, print_table
from zoo.common import terminal


@click.group(
    name="cache",
    epilog=examples("zoo cache show", "zoo cache verify", "zoo cache clear steps --older-than 30"),
)
def command() -> None:
    """Show, verify and clear finished steps and downloads."""


@command.command(name="show", epilog=examples("zoo cache show"))
@json_option
def show(as_json: bool) -> None:
    """List the folders of the cache with their sizes; finished steps by kind."""
    from zoo.common.paths import cache_folder
    from zoo.pipeline.cache_usage import cache_usage

    rows = cache_usage()
    if as_json:
        print_json({"path": cache_folder(), "folders": [asdict(row) for row in rows]})
        return
    if rows:
        print_table(
            ("folder", "kind", "entries", "size"),
            [(r.folder, r.kind, f"{r.entries:,}", human_bytes(r.bytes)) for r in rows],
        )
        terminal.echo()
    terminal.echo(f"{cache_folder()}: {human_bytes(sum(row.bytes for row in rows))}")


@command.command(name="verify", epilog=examples("zoo cache verify"))
@json_option
@click.pass_context
def verify(ctx: click.Context, as_json: bool) -> None:
    """Compare every file of every finished step with the SHA-256 in its record.

    Commands do the same with each step that they use, and make anew what is damaged. The exit code
    is 1 when something is damaged.
    """
    from zoo.pipeline.step_cache import step_cache

    entries = list(step_cache().entries(verify=True))
    damaged = [entry for entry in entries if entry.damage]
    if as_json:
        print_json([asdict(entry) for entry in entries])
    else:
        for entry in damaged:
            terminal.echo(f"DAMAGED  {entry.folder}")
            terminal.echo(f"  why: {entry.damage}")
        size = human_bytes(sum(entry.bytes for entry in entries))
        terminal.echo(f"{len(entries):,} finished steps, {size}: {len(damaged):,} damaged")
        if damaged:
            terminal.echo("fix: nothing to do: the next command that needs them makes them anew")
    if damaged:
        ctx.exit(1)


@command.command(
    name="clear", epilog=examples("zoo cache clear", "zoo cache clear steps --older-than 30 --yes")
)
@click.argument("folders", metavar="[FOLDER]...", nargs=-1, shell_complete=complete("cache folder"))
@click.option(
    "--older-than",
    "days",
    metavar="DAYS",
    type=click.FloatRange(min=0),
    default=0.0,
    help="Only what was last written longer ago [0].",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def clear(settings: Settings, folders: tuple[str, ...], days: float, yes: bool) -> None:
    """Remove the cache, or the given FOLDERs of it, as `zoo cache show` names them.

    Weights, steps and tools are fetched or made again when they are needed. Results, your weights
    and exported files do not lie here. Other zoo commands must not run meanwhile.
    """
    from zoo.common.errors import UsageError
    from zoo.common.paths import cache_folder
    from zoo.pipeline.cache_usage import clear_cache

    if not yes:
        what = ", ".join(folders) or "everything"
        if not terminal.at_terminal():
            raise UsageError(f"this removes {what} of {cache_folder()}", fix="add --yes")
        click.confirm(f"Remove {what} of {cache_folder()}?", abort=True, err=True)
    removed, freed = clear_cache(folders, days)
    terminal.echo(f"removed {removed:,} entries, {human_bytes(freed)}")
