"""``zoo ship``."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import click

from zoo.cli.options import (
    DATASETS,
    Settings,
    complete_device,
    complete_model,
    data_option,
    examples,
    export_options,
    json_option,
    print_json,
    retry_option,
    split_commas,
    store_option,
    training_options,
)
from zoo.common.errors import UsageError


@click.command(
    name="ship",
    epilog=examples(
        "zoo ship lenet5 --data digits",
        "zoo ship resnet8 --data folder:photos --format tflite --precision int8",
        "zoo ship --recipe photos.toml",
    ),
)
@click.argument("model", required=False, shell_complete=complete_model)
@data_option(required=False, help=DATASETS)
@export_options
@click.option(
    "--device",
    "devices",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_device,
    help="Where files are timed; may be repeated or comma-separated [this machine].",
)
@click.option(
    "--tier", help="How thoroughly to time: brief, smoke, quick, full, sustained [brief]."
)
@click.option("--threads", type=int, help="Threads of the runtime [1].")
@training_options
@click.option(
    "--output", default="runs", type=click.Path(), help="Parent of the run's folder [runs]."
)
@click.option("--no-report", is_flag=True, help="Write no report.html.")
@retry_option
@store_option
@json_option
@click.pass_context
def command(
    ctx: click.Context, /, as_json: bool, no_report: bool, output: str, **given: Any
) -> None:
    """Fine-tune MODEL on a dataset, export it, prove it, time it, report it.

    Writes TFLite and ONNX files in float32 and int8, each judged in the runtime it will be
    deployed on. The exit code is 1 when a file was rejected or a step failed, and 3 when it cannot
    be told whether a budget was kept. The same command again redoes nothing.
    """
    from zoo.api import ship
    from zoo.cli.progress import StepProgress
    from zoo.cli.results import print_details, print_run, run_as_json

    settings: Settings = ctx.obj
    with StepProgress(quiet=as_json) as progress:
        run = ship(
            given.pop("model"),
            given.pop("data"),
            output=output,
            report=not no_report,
            command=shlex.join(["zoo", *sys.argv[1:]]),
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
    if not run.settled:
        ctx.exit(3)


def recipe_options(given: dict[str, Any]) -> dict[str, Any]:
    """Command-line values as `zoo.pipeline.options.recipe_from` takes them."""
    from zoo.pipeline.options import parse_export_options, parse_hyperparameters

    options = dict(given)
    for name in ("formats", "precisions", "devices"):
        if name in options:
            options[name] = _names(name, options[name])
    options["keep"] = split_commas(options.pop("keep", None) or ()) or None
    options["export_options"] = parse_export_options(options.pop("export_options", None) or ())
    options["augment"] = split_commas(options["augment"]) or None if "augment" in options else None
    hyperparameters, task = options.get("hyperparameters"), options.pop("task_options", None)
    options["hyperparameters"] = parse_hyperparameters(hyperparameters or ())
    if task:
        options["task_options"] = parse_hyperparameters(task, "--task-option", "loss=hinge")
    return options


def _names(option: str, values: tuple[str, ...]) -> tuple[str, ...] | None:
    """None when the option was not given: an empty name must not mean all of them."""
    names = split_commas(values)
    if values and not names:
        raise UsageError(
            f"--{option.removesuffix('s')} names nothing", fix="name one, or leave it out"
        )
    return names or None
