"""``zoo optimize``."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import click

from zoo.cli.options import (
    Settings,
    complete_model,
    data_option,
    device_option,
    examples,
    json_option,
    option,
    print_json,
    split_commas,
    store_option,
)
from zoo.cli.recipe_options import recipe_options, recipe_values
from zoo.common.shown_text import without_passwords
from zoo.pipeline.recipe_fields import SEARCH


@click.command(
    name="optimize",
    epilog=examples(
        "zoo optimize resnet8.fashion_mnist --max-size 100kB --max-drop 0.5",
        "zoo optimize lenet5.fashion_mnist --max-latency 100us --format tflite",
        "zoo optimize resnet8.fashion_mnist --max-size 60kB --width 0.5,0.75 --budget-time 30min",
    ),
)
@click.argument("model", shell_complete=complete_model)
@data_option("Dataset for calibration, gate and training [the dataset on the weights' card].")
@click.option("--max-size", metavar="SIZE", help="Maximum size of the file: 300kB, 1.5MB, 64KiB.")
@click.option("--max-download", metavar="SIZE", help="Maximum size of the file after gzip.")
@click.option(
    "--max-latency", metavar="TIME", help="Maximum median latency on the device: 5ms, 800us."
)
@click.option(
    "--max-drop",
    type=float,
    help="Maximum loss of accuracy against MODEL, in percentage points; of an error, its maximum "
    "increase in per cent.",
)
@device_option("Device to time files on [this machine].")
@recipe_options("formats", "precisions", precision="all")
@click.option(
    "--width",
    multiple=True,
    metavar="FACTORS",
    help="Train narrower networks, such as 0.5,0.75; none: never [if nothing else fits].",
)
@click.option(
    "--prune",
    multiple=True,
    metavar="SHARES",
    help="Set this share of the weights to zero, such as 0.5,0.8; none: never "
    "[if nothing else fits, and --max-download is given].",
)
@option("--epochs", type=int, default=4, help="Epochs of each training")
@click.option(
    "--budget-time", metavar="TIME", help="Time budget, after which no new trial starts: 30min, 2h."
)
@click.option("--thorough", is_flag=True, help="Continue the search after a file meets all limits.")
@recipe_options(*SEARCH, "gate.allow_weak")
@option("--output", default="optimized", type=click.Path(), help="Parent of the search's folder")
@click.option("--no-report", is_flag=True, help="Write no report.html.")
@store_option
@json_option
@click.pass_context
def command(ctx: click.Context, /, as_json: bool, no_report: bool, **given: Any) -> None:
    """Search for a file of MODEL within limits on size, latency and accuracy.

    Tries formats and precisions first, then calibration methods and layers kept in float, and
    trains narrower or pruned networks only if nothing else fits. Every file passes the gate and is
    timed. Of the files that meet all limits, the fastest is chosen. The exit code is 1 when there
    is none, or when its network is weak. Running the same command again repeats no work.
    """
    from zoo.api.searches import optimize
    from zoo.cli.search_results import print_search
    from zoo.pipeline.search.optimize import as_json as search_as_json
    from zoo.report.progress import StepProgress

    settings: Settings = ctx.obj
    allow_weak = given.pop("allow_weak")
    for name in ("width", "prune"):
        given[name] = _factors(given[name])
    with StepProgress(quiet=as_json) as progress:
        found = optimize(
            report=not no_report,
            command=without_passwords(shlex.join(["zoo", *sys.argv[1:]])),
            on_step=progress,
            registry=settings.registry(),
            **recipe_values(given),
        )
    if as_json:
        print_json(search_as_json(found))
    else:
        print_search(found)
    weak = any(finding.weak for finding in found.findings) and not allow_weak
    if found.best is None or weak:
        ctx.exit(1)


def _factors(texts: tuple[str, ...]) -> tuple[str, ...] | None:
    """None when the option was not given; nothing for ``none``."""
    values = split_commas(texts)
    if values == ("none",):
        return ()
    return values if texts else None
