"""``zoo export``."""

from __future__ import annotations

from typing import Any

import click

from zoo.cli.options import (
    Settings,
    complete_model,
    data_option,
    examples,
    json_option,
    option,
    retry_option,
    store_option,
)
from zoo.cli.recipe_options import recipe_options, recipe_values
from zoo.pipeline.recipe_fields import EXPORT


@click.command(
    name="export",
    epilog=examples(
        "zoo export lenet5.fashion_mnist",
        "zoo export weights/lenet5.digits.safetensors --format onnx --precision int8",
    ),
)
@click.argument("model", shell_complete=complete_model)
@data_option("Dataset for calibration and gate [the dataset on the weights' card].")
@recipe_options(*EXPORT, "seed")
@option("--output", default="exports", type=click.Path(), help="Folder for the files")
@retry_option
@store_option
@json_option
@click.pass_context
def command(ctx: click.Context, /, as_json: bool, **given: Any) -> None:
    """Write MODEL as gated TFLite and ONNX files, without training it further.

    A file that fails its gate is named .rejected, and the exit code is 1.
    """
    from zoo.api.runs import export
    from zoo.cli.results import show_run
    from zoo.report.progress import StepProgress

    settings: Settings = ctx.obj
    with StepProgress(quiet=as_json) as progress:
        run = export(on_step=progress, registry=settings.registry(), **recipe_values(given))
    show_run(ctx, run, as_json)
