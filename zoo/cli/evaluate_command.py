"""``zoo evaluate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zoo.cli.options import (
    Settings,
    complete_model,
    complete_split,
    data_option,
    examples,
    json_option,
    option,
)
from zoo.cli.recipe_options import recipe_options
from zoo.common import terminal

if TYPE_CHECKING:
    from zoo.results.records import Evaluation


@click.command(
    name="evaluate",
    epilog=examples(
        "zoo evaluate lenet5.fashion_mnist",
        "zoo evaluate weights/lenet5.digits.safetensors --split validation",
        "zoo evaluate exports/lenet5.digits.int8.tflite --data digits",
        "zoo evaluate runs/lenet5.digits-88c47c3f",
    ),
)
@click.argument("target", metavar="MODEL|FILE|FOLDER", shell_complete=complete_model)
@data_option("Dataset [the one the weights were trained on].")
@option("--split", default="test", help="train, validation or test", shell_complete=complete_split)
@recipe_options("source", "allow_leak", "gate.allow_weak")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    target: str,
    data: str | None,
    split: str,
    input: str | None,
    classes: str | None,
    task: str | None,
    state: tuple[str, ...],
    allow_leak: bool | None,
    allow_weak: bool | None,
    as_json: bool,
) -> None:
    """Measure the quality of a model, or of an exported file in its deployment runtime.

    Of the FOLDER of a run or an export, each file is measured. The quality is compared with a
    baseline that ignores the input, and measured class by class. The exit code is 1 if the network
    is no better, or never predicts a class.
    """
    from zoo.api.files import evaluate
    from zoo.artifacts.files_of_folder import expanded_folders
    from zoo.cli.files_in_turn import in_turn
    from zoo.report.progress import StepProgress
    from zoo.results.records import as_plain

    settings: Settings = ctx.obj
    registry = settings.registry()

    def evaluated(name: str) -> Evaluation:
        with StepProgress(quiet=as_json) as progress:
            return evaluate(
                name,
                data,
                split=split,
                input=input,
                classes=classes,
                state=state,
                task=task,
                allow_leak=bool(allow_leak),
                on_step=progress,
                registry=registry,
            )

    each, code = in_turn(
        target,
        expanded_folders(registry, [target]),
        evaluated,
        print_one=_print,
        plain=as_plain,
        as_json=as_json,
        debug=settings.debug,
    )
    weak = any(finding.weak for found in each for finding in found.findings)
    ctx.exit(code or (1 if weak and not allow_weak else 0))


def _print(found: Evaluation) -> None:
    from zoo.cli.tables import print_table, print_value
    from zoo.report.quality import finding_lines, quality_lines, worst_recalls
    from zoo.results.formatting import format_metric

    terminal.echo(f"{found.subject} on {found.dataset} ({found.split}), by {found.runtime}")
    for line in finding_lines(found.findings):
        terminal.echo(line)
    for metric in found.metrics[:1]:
        basis = f"on {metric.count:,} {metric.counted}s, {found.seconds:.1f} s"
        name = f"  {metric.name}  "
        print_value(name, f"{format_metric(metric)} {basis}", len(name))
    for line in quality_lines(found):
        print_value("", line, 2)
    worst = worst_recalls(found)
    if worst.lines:
        terminal.echo()
        print_table(
            ("class", "right", "recall", "95 % interval"),
            [(line.name, line.right, line.recall, line.interval) for line in worst.lines],
            "lrrr",
            prose=("class",),
        )
    if worst.left_out:
        terminal.echo(f"and {worst.left_out:,} classes with higher recalls")
