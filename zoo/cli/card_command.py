"""``zoo card``."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.cli.options import Settings, examples, json_option, print_json
from zoo.common import terminal
from zoo.common.errors import UsageError
from zoo.common.shown_text import printable


@click.command(
    name="card",
    epilog=examples(
        "zoo card runs/lenet5.digits-76cd1090 --hf",
        "zoo card exports --hf --output exports/README.md",
    ),
)
@click.argument("folder", metavar="FOLDER", type=click.Path())
@click.option("--hf", is_flag=True, required=True, help="In the form of the Hugging Face hub.")
@click.option("--output", type=click.Path(), help="Write it to this file [print it].")
@click.option("--replace", is_flag=True, help="Replace a file that is there.")
@click.option("--unproven", is_flag=True, help="Include files that did not pass their gate, too.")
@json_option
@click.pass_obj
def command(
    settings: Settings,
    /,
    folder: str,
    hf: bool,
    output: str | None,
    replace: bool,
    unproven: bool,
    as_json: bool,
) -> None:
    """Write the model card of the exported files in FOLDER.

    All it says is in the manifests of the files: licence, data, the quality of each file on the
    whole test split with its interval, what the gate found, hashes. It begins with the YAML that
    the hub reads (licence, task, data, metrics, model-index); --json prints that part alone.
    """
    from zoo.artifacts.hub.card import model_card, parsed_front
    from zoo.common.files import is_there, write_text

    text = model_card(settings.registry(), folder, unproven=unproven)
    if as_json:
        print_json(parsed_front(text))
        return
    if output is None:
        terminal.echo(text.rstrip("\n"))
        return
    if is_there(Path(output)) and not replace:
        raise UsageError(
            f"{printable(output)} is there already", fix="--replace writes over it; or name another"
        )
    write_text(Path(output), text)
    terminal.echo(printable(output))
