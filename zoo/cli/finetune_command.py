"""``zoo finetune``."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from zoo.cli.options import (
    Settings,
    complete_model,
    examples,
    json_option,
    option,
    store_option,
)
from zoo.cli.recipe_options import recipe_option, recipe_options, recipe_values
from zoo.common import terminal
from zoo.pipeline.recipe_fields import TRAINING

if TYPE_CHECKING:
    from zoo.pipeline.run import Run


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
@recipe_options("data", *TRAINING)
@recipe_option
@option("--output", default="weights", type=click.Path(), help="Folder for the weights")
@store_option
@json_option
@click.pass_context
def command(ctx: click.Context, /, as_json: bool, **given: Any) -> None:
    """Train MODEL on a dataset, from its pretrained weights or from scratch.

    Writes a safetensors file and its card, with the accuracy measured on the whole test split. An
    interrupted training goes on where it stopped when the same command is typed again.
    """
    from zoo.api.runs import finetune
    from zoo.cli.results import show_run
    from zoo.report.progress import StepProgress

    settings: Settings = ctx.obj
    with StepProgress(quiet=as_json) as progress:
        run = finetune(on_step=progress, registry=settings.registry(), **recipe_values(given))
    show_run(ctx, run, as_json, _print)


def _print(run: Run) -> None:
    from zoo.cli.results import print_weights

    print_weights(run)
    terminal.echo(f"weights  {run.weights}")
    terminal.echo(f"next     zoo export {shlex.quote(str(run.weights))}")
