"""``zoo bundle``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo.cli.network_operands import network_options, one_file_each
from zoo.cli.options import (
    Settings,
    complete_target,
    data_option,
    examples,
    json_option,
    print_json,
)
from zoo.common import terminal


@click.command(
    name="bundle",
    epilog=examples(
        "zoo bundle lenet5.digits.int8.tflite",
        "zoo bundle lenet5.digits.int8.tflite --target mcu --output firmware",
        "zoo bundle my.keras --data digits --format tflite --precision int8",
    ),
)
@click.argument("file", metavar="FILE|MODEL", type=click.Path())
@click.option("--output", type=click.Path(), help="The folder [bundles/NAME].")
@click.option(
    "--target",
    metavar="NAME",
    shell_complete=complete_target,
    help="Kind of processor that it is for; mcu adds firmware files [as exported].",
)
@data_option("Dataset that a network is exported with [that of its weights' card].")
@network_options(one=True)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    file: str,
    output: str | None,
    target: str | None,
    as_json: bool,
    **network: Any,
) -> None:
    """Make a folder for app developers from FILE, or from the only file in a folder.

    Of a model of several files name any: each gets a folder inside, and a program runs all.

    The model, labels, metadata, licence, checksums, golden inputs with outputs, and short programs
    in Python, C++, Kotlin, Swift and JavaScript that run them. The Python program is run at once.
    The exit code is 1 when its output is wrong. A network in the place of FILE (my.keras, a model
    id, weights) is exported first, as by `zoo export`.
    """
    from zoo.artifacts.bundle import bundle
    from zoo.artifacts.files_of_folder import is_folder_of_files, only_file
    from zoo.results.records import as_plain

    settings: Settings = ctx.obj
    registry = settings.registry()
    if is_folder_of_files(registry, file):
        file = str(only_file(registry, Path(file), "a bundle is made of one"))
    (one,) = one_file_each(registry, [file], network, quiet=as_json)
    made = bundle(one, output=output, target=target, registry=registry)
    if as_json:
        print_json({**as_plain(made), "folder": str(made.folder), "passed": made.passed})
    else:
        terminal.echo(f"{made.folder}/")
        for name in made.files:
            terminal.echo(f"  {name}")
        width = max((len(trial.language) for trial in made.trials), default=0)
        for trial in made.trials:
            state = {True: "ok", False: "WRONG", None: "not run"}[trial.passed]
            first = trial.said.splitlines()[0] if trial.said else ""
            told = "" if trial.passed is None else f": {first}"
            terminal.echo(f"{trial.language:<{max(width + 2, 12)}}{state}{told}")
        for remark in made.remarks:
            terminal.note(remark)
    ctx.exit(0 if made.passed else 1)
