"""``zoo ship``."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import click

from zoo.cli.options import (
    Settings,
    complete_model,
    examples,
    json_option,
    option,
    retry_option,
    store_option,
)
from zoo.cli.recipe_options import recipe_option, recipe_options, recipe_values
from zoo.common.shown_text import without_passwords
from zoo.pipeline.recipe_fields import WHOLE


@click.command(
    name="ship",
    epilog=examples(
        "zoo ship lenet5 --data digits",
        "zoo ship resnet8 --data folder:photos --format tflite --precision int8",
        "zoo ship --recipe photos.toml",
    ),
)
@click.argument("model", required=False, shell_complete=complete_model)
@recipe_options("data", *WHOLE)
@recipe_option
@option("--output", default="runs", type=click.Path(), help="Parent of the run's folder")
@click.option("--no-report", is_flag=True, help="Write no report.html.")
@retry_option
@store_option
@json_option
@click.pass_context
def command(ctx: click.Context, /, as_json: bool, no_report: bool, **given: Any) -> None:
    """Fine-tune MODEL on a dataset, export it, prove it, time it, report it.

    Writes TFLite and ONNX files in float32 and int8, each judged in the runtime it will be
    deployed on. The exit code is 1 when a file was rejected or a step failed, and 3 when it cannot
    be decided whether a budget was kept. Running the same command again repeats no work.
    """
    from zoo.api.runs import ship
    from zoo.cli.results import show_run
    from zoo.report.progress import StepProgress

    settings: Settings = ctx.obj
    with StepProgress(quiet=as_json) as progress:
        run = ship(
            report=not no_report,
            command=without_passwords(shlex.join(["zoo", *sys.argv[1:]])),
            on_step=progress,
            registry=settings.registry(),
            **recipe_values(given),
        )
    show_run(ctx, run, as_json)
    if not run.settled:
        ctx.exit(3)
