"""``zoo evaluate``."""

from __future__ import annotations

import click

from zoo.cli.options import (
    Settings,
    complete_model,
    data_option,
    examples,
    json_option,
    option,
    print_json,
)
from zoo.cli.recipe_options import recipe_options


@click.command(
    name="evaluate",
    epilog=examples(
        "zoo evaluate lenet5.fashion_mnist",
        "zoo evaluate weights/lenet5.digits.safetensors --split validation",
        "zoo evaluate exports/lenet5.digits.int8.tflite --data digits",
    ),
)
@click.argument("target", metavar="MODEL|FILE", shell_complete=complete_model)
@data_option("Dataset [the one the weights were trained on].")
@option("--split", default="test", help="train, validation or test")
@recipe_options("allow_leak")
@json_option
@click.pass_obj
def command(
    settings: Settings,
    target: str,
    data: str | None,
    split: str,
    allow_leak: bool | None,
    as_json: bool,
) -> None:
    """Measure the quality of a model, or of an exported file in its deployment runtime."""
    from zoo.api.files import evaluate
    from zoo.cli.progress import StepProgress
    from zoo.results.formatting import format_metric
    from zoo.results.records import as_plain

    with StepProgress(quiet=as_json) as progress:
        found = evaluate(
            target,
            data,
            split=split,
            allow_leak=bool(allow_leak),
            on_step=progress,
            registry=settings.registry(),
        )
    if as_json:
        print_json(as_plain(found))
        return
    click.echo(f"{found.subject} on {found.dataset} ({found.split}), by {found.runtime}")
    for metric in found.metrics:
        click.echo(
            f"  {metric.name}  {format_metric(metric)} on {metric.count:,} {metric.counted}s, "
            f"{found.seconds:.1f} s"
        )
