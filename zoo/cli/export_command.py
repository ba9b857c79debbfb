"""``zoo export``."""

from __future__ import annotations

from typing import Any

import click

from zoo.cli.options import (
    Settings,
    complete_model,
    data_option,
    examples,
    export_options,
    json_option,
    print_json,
    retry_option,
    store_option,
)


@click.command(
    name="export",
    epilog=examples(
        "zoo export lenet5.fashion_mnist",
        "zoo export weights/lenet5.digits.safetensors --format onnx --precision int8",
    ),
)
@click.argument("model", shell_complete=complete_model)
@data_option(required=False, help="Calibrates and judges [the dataset on the weights' card].")
@export_options
@click.option("--seed", type=int, help="Of the calibration sample [0].")
@click.option(
    "--output", default="exports", type=click.Path(), help="Folder for the files [exports]."
)
@retry_option
@store_option
@json_option
@click.pass_context
def command(
    ctx: click.Context, /, model: str, data: str | None, as_json: bool, output: str, **given: Any
) -> None:
    """Write MODEL as gated TFLite and ONNX files, without training it further.

    A file that fails its gate is named .rejected, and the exit code is 1.
    """
    from zoo.api import export
    from zoo.cli.progress import StepProgress
    from zoo.cli.results import print_details, print_run, run_as_json
    from zoo.cli.ship_command import recipe_options

    settings: Settings = ctx.obj
    with StepProgress(quiet=as_json) as progress:
        run = export(
            model,
            data,
            output=output,
            on_step=progress,
            registry=settings.registry(),
            retry=given.pop("retry"),
            **recipe_options(given),
        )
    if as_json:
        print_json(run_as_json(run))
    else:
        print_run(run)
    if settings.debug:
        print_details(run)
    if not run.passed:
        ctx.exit(1)
