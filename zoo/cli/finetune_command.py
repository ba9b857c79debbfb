"""``zoo finetune``."""

from __future__ import annotations

import shlex
from typing import Any

import click

from zoo.cli.options import (
    DATASETS,
    Settings,
    complete_model,
    data_option,
    examples,
    json_option,
    print_json,
    store_option,
    training_options,
)


@click.command(
    name="finetune",
    epilog=examples(
        "zoo finetune lenet5 --data digits",
        "zoo finetune resnet8 --data folder:photos --freeze backbone --augment flip",
        "zoo finetune resnet8 --data folder:photos --channels 3 --input-size 48",
        "zoo finetune resnet8 --data digits --freeze gradual --rate-factor 2.6",
        "zoo finetune resnet20 --data digits --from-scratch --epochs 20",
    ),
)
@click.argument("model", required=False, shell_complete=complete_model)
@data_option(required=False, help=DATASETS)
@training_options
@click.option(
    "--output", default="weights", type=click.Path(), help="Folder for the weights [weights]."
)
@store_option
@json_option
@click.pass_context
def command(ctx: click.Context, /, as_json: bool, output: str, **given: Any) -> None:
    """Train MODEL on a dataset, from its pretrained weights or from scratch.

    Writes a safetensors file and its card, with the accuracy measured on the whole test split. An
    interrupted training goes on where it stopped when the same command is typed again.
    """
    from zoo.api import finetune
    from zoo.cli.progress import StepProgress
    from zoo.cli.results import print_details, print_weights, run_as_json
    from zoo.cli.ship_command import recipe_options

    settings: Settings = ctx.obj
    with StepProgress(quiet=as_json) as progress:
        run = finetune(
            given.pop("model"),
            given.pop("data"),
            output=output,
            on_step=progress,
            registry=settings.registry(),
            **recipe_options(given),
        )
    if as_json:
        print_json(run_as_json(run))
    else:
        print_weights(run)
        click.echo(f"weights  {run.weights}")
        click.echo(f"next     zoo export {shlex.quote(str(run.weights))}")
    if settings.debug:
        print_details(run)
    if not run.passed:
        ctx.exit(1)
