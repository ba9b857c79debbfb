"""``zoo push``."""

from __future__ import annotations

import click

from zoo.cli.options import Settings, complete_values, examples, json_option, print_json
from zoo.common import terminal
from zoo.common.shown_text import printable


@click.command(
    name="push",
    epilog=examples(
        "zoo push runs/lenet5.digits-76cd1090 hf:ana/lenet5-digits",
        "zoo push bundles/lenet5.digits.int8 hf:ana/lenet5-digits --private",
    ),
)
@click.argument("folder", metavar="FOLDER", type=click.Path())
@click.argument("name", metavar="hf:OWNER/NAME", shell_complete=complete_values("hf:"))
@click.option("--private", is_flag=True, help="Make a new repository private.")
@click.option("--replace", is_flag=True, help="Replace files that are there with other content.")
@click.option("--unproven", is_flag=True, help="Upload files that did not pass their gate, too.")
@json_option
@click.pass_obj
def command(
    settings: Settings,
    /,
    folder: str,
    name: str,
    private: bool,
    replace: bool,
    unproven: bool,
    as_json: bool,
) -> None:
    """Upload the exported files in FOLDER to a repository of the Hugging Face hub.

    With all that belongs to them, the card of `zoo card --hf` as README.md, and a list with the
    SHA-256 of each file, by which `zoo pull` checks them. One commit holds all. Needs the extra
    weights and a token that may write: HF_TOKEN, or `hf auth login`. HF_ENDPOINT names another hub.
    """
    from zoo.artifacts.hub.push import push
    from zoo.results.records import as_plain

    made = push(
        settings.registry(), folder, name, private=private, replace=replace, unproven=unproven
    )
    if as_json:
        print_json(as_plain(made))
        return
    for sign, paths in (
        ("+", made.files),
        ("replaced", made.replaced),
        ("not uploaded", made.left),
    ):
        for path in paths:
            terminal.echo(f"  {sign} {printable(path)}")
    if not made.commit:
        terminal.echo(f"{made.address} has all of it already")
        return
    terminal.echo(f"{made.address}, commit {made.commit[:12]}")
    terminal.echo(f"next  zoo pull {name}")
