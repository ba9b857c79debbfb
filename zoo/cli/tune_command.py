"""``zoo tune``."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import click

from zoo.cli.options import (
    Settings,
    complete,
    complete_model,
    complete_values,
    examples,
    json_option,
    option,
    print_json,
    store_option,
)
from zoo.cli.recipe_options import recipe_option, recipe_options, recipe_values
from zoo.common.shown_text import without_passwords
from zoo.pipeline.recipe_fields import TRAINING


@click.command(
    name="tune",
    epilog=examples(
        "zoo tune resnet8 --data folder:photos --budget 40min",
        "zoo tune lenet5 --data digits --from-scratch --trials 40 --epochs 9 --then size",
        "zoo tune resnet8 --data digits --only --space learning_rate=1e-4..1e-1:log "
        "--space augment=none,shift,shift+rotate",
    ),
)
@click.argument("model", required=False, shell_complete=complete_model)
@click.option("--trials", type=int, help="Maximum number of trials [30 without --budget].")
@click.option("--budget", metavar="TIME", help="Time for all trainings: 40min, 2h.")
@click.option(
    "--space",
    multiple=True,
    metavar="NAME=RANGE",
    help="What a parameter may be: learning_rate=1e-4..1e-1:log, kernel=3,5,7; may be repeated "
    "[what network and training declare].",
)
@click.option("--only", is_flag=True, help="Vary nothing but what --space names.")
@click.option(
    "--objective",
    metavar="NAME",
    help="What validation decides by: loss, or its metric, such as accuracy [the metric].",
)
@click.option(
    "--then",
    metavar="FIGURE",
    shell_complete=complete_values("size", "latency@host"),
    help="Also find the front of quality against latency@DEVICE or size.",
)
@click.option(
    "--format", metavar="NAME", shell_complete=complete("format"), help="Of --then's files."
)
@click.option(
    "--precision",
    metavar="NAME",
    shell_complete=complete("precision"),
    help="Of --then's files [float32].",
)
@click.option("--no-prune", is_flag=True, help="Train every trial to its end.")
@recipe_options("data", *TRAINING)
@recipe_option
@option("--output", default="tuned", type=click.Path(), help="Parent of the search's folder")
@click.option("--no-report", is_flag=True, help="Write no report.html.")
@store_option
@json_option
@click.pass_context
def command(
    ctx: click.Context, /, as_json: bool, no_report: bool, no_prune: bool, **given: Any
) -> None:
    """Search for hyper-parameters of MODEL and its training.

    Every trial is a training like that of `zoo finetune`; those that fall behind are ended. The
    best is trained anew on three seeds beside the default, and the difference tested. Options of
    training set the default; what they set is not varied. The same command goes on after an
    interruption, and with more trials or a larger budget.
    """
    from zoo.api.searches import tune
    from zoo.cli.tuning_results import print_tuning
    from zoo.pipeline.search.tune import as_json as tuning_as_json
    from zoo.report.progress import StepProgress

    settings: Settings = ctx.obj
    with StepProgress(quiet=as_json) as progress:
        found = tune(
            report=not no_report,
            prune=not no_prune,
            command=without_passwords(shlex.join(["zoo", *sys.argv[1:]])),
            on_step=progress,
            registry=settings.registry(),
            **recipe_values(given),
        )
    if as_json:
        print_json(tuning_as_json(found))
    else:
        print_tuning(found)
