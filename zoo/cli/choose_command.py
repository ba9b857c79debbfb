"""``zoo choose``."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import click

from zoo.cli.options import (
    Settings,
    complete,
    complete_model,
    data_option,
    device_option,
    examples,
    json_option,
    option,
    print_json,
    store_option,
)
from zoo.cli.recipe_options import recipe_options, recipe_values
from zoo.common.errors import UsageError
from zoo.common.shown_text import without_passwords
from zoo.pipeline.recipe_fields import CHOICE


@click.command(
    name="choose",
    epilog=examples(
        "zoo choose --data folder:photos --device pi4 --max-latency 20ms --max-size 1MB "
        "--budget 1h",
        "zoo choose --data wav:commands --target mcu --max-arena 64kB",
        "zoo choose lenet5 resnet8 my.keras --data digits --max-latency 50us",
    ),
)
@click.argument("models", nargs=-1, shell_complete=complete_model, metavar="[MODEL]...")
@data_option("Dataset that the networks are to learn.")
@click.option(
    "--max-latency", metavar="TIME", help="Maximum median latency on the device: 5ms, 800us."
)
@click.option("--max-size", metavar="SIZE", help="Maximum size of the file: 300kB, 1.5MB, 64KiB.")
@click.option(
    "--max-arena", metavar="SIZE", help="Maximum tensor arena on a microcontroller: 64kB."
)
@device_option("Device to time files on [this machine].")
@click.option("--budget", metavar="TIME", help="Time for all trainings: 40min, 2h.")
@click.option(
    "--format",
    metavar="NAME",
    shell_complete=complete("format"),
    help="Of the files [the first that is installed].",
)
@recipe_options("precisions", precision="float32, int8")
@option("--finalists", type=int, default=3, help="Networks that are trained whole")
@option("--seeds", type=int, default=3, help="Seeds of each of these, at most")
@click.option("--no-curve", is_flag=True, help="Do not train the chosen one on parts of the data.")
@recipe_options(*CHOICE, "gate.allow_weak")
@option("--output", default="chosen", type=click.Path(), help="Parent of the search's folder")
@click.option("--no-report", is_flag=True, help="Write no report.html.")
@store_option
@json_option
@click.pass_context
def command(
    ctx: click.Context, /, as_json: bool, no_report: bool, no_curve: bool, **given: Any
) -> None:
    """Compare networks on your data and device, and choose one.

    Candidates are MODELs, or every network of the data's task. Each is exported untrained, timed
    and sized: what exceeds a limit is out. The others are trained on growing shares of the data,
    and the best few whole, on several seeds; their files are gated and timed. The chosen one is the
    best in validation that keeps every limit; the test split tells how it stands beside its rivals.
    The exit code is 1 when there is none, or when it is weak. The same command goes on after an
    interruption.
    """
    from zoo.api.searches import choose
    from zoo.cli.choice_results import print_choice
    from zoo.pipeline.search.choice import as_json as choice_as_json
    from zoo.report.progress import StepProgress

    settings: Settings = ctx.obj
    allow_weak = given.pop("allow_weak")
    if given["data"] is None:
        raise UsageError("networks are compared on data, and none are named", fix="--data DATASET")
    with StepProgress(quiet=as_json) as progress:
        found = choose(
            curve=not no_curve,
            report=not no_report,
            command=without_passwords(shlex.join(["zoo", *sys.argv[1:]])),
            on_step=progress,
            registry=settings.registry(),
            **recipe_values(given),
        )
    if as_json:
        print_json(choice_as_json(found))
    else:
        print_choice(found)
    weak = any(finding.weak for finding in found.findings) and not allow_weak
    if found.best is None or weak:
        ctx.exit(1)
