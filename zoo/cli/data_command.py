"""``zoo data``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from zoo.cli.options import Settings, complete_dataset, examples, json_option, print_json
from zoo.cli.recipe_options import recipe_options
from zoo.cli.tables import print_table, print_value
from zoo.common import terminal
from zoo.results.formatting import number

if TYPE_CHECKING:
    from zoo.data.summary import DatasetSummary
    from zoo.registry import Registry

#: More classes than this are counted, but not listed one by one.
_MOST_CLASSES = 20


@click.command(
    name="data",
    epilog=examples("zoo data", "zoo data digits", 'zoo data "csv:walk.csv?window=50"'),
)
@click.argument("dataset", required=False, shell_complete=complete_dataset)
@recipe_options("allow_leak")
@json_option
@click.pass_obj
def command(
    settings: Settings, dataset: str | None, allow_leak: bool | None, as_json: bool
) -> None:
    """Show what DATASET holds and how it is split, before any training; or list the kinds."""
    registry = settings.registry()
    if dataset is None:
        _list(registry, as_json)
        return
    from zoo.data.opening import answers_real_targets, judged_dataset
    from zoo.data.summary import summarize

    opened = judged_dataset(registry, dataset, allow_leak=bool(allow_leak))
    found = summarize(opened, answers_real_targets(registry, dataset, opened))
    if as_json:
        print_json(asdict(found))
    else:
        _print(found)


def _list(registry: Registry, as_json: bool) -> None:
    rows = [
        {
            "name": p.name + (f":{p.argument}" if p.argument else ""),
            "summary": p.summary,
            "tasks": list(p.tasks),
            "where": p.where,
        }
        for p in registry.datasets
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("dataset", "tasks", "what it is"),
        [(str(r["name"]), ", ".join(r["tasks"]), str(r["summary"])) for r in rows],
        prose=("tasks", "what it is"),
    )


def _print(found: DatasetSummary) -> None:
    shown = found.classes[:_MOST_CLASSES]
    more = f", … {len(found.classes) - len(shown)} more" if len(found.classes) > len(shown) else ""
    for name, text in (
        ("dataset", found.name),
        ("source", found.source),
        ("licence", found.licence),
        ("sha256", found.content_hash),
        ("example", found.example),
        (
            "targets" if found.ranges else "classes",
            f"{len(found.classes)}: {', '.join(shown)}{more}",
        ),
    ):
        print_value(name, str(text), 9)
    terminal.echo()
    few = shown if len(shown) == len(found.classes) else ()
    print_table(
        ("split", "examples", *few),
        [
            (split, f"{count:,}", *(_cell(found, split, name) for name in few))
            for split, count in found.examples.items()
        ],
        right="l" + "r" * (1 + len(few)),
    )
    if found.counted:
        terminal.echo(f"{found.counted} of each class")
    if found.sizes:
        told = "; ".join(
            f"{split}: {', '.join(f'{count:,} {size}' for size, count in own.items())}"
            for split, own in found.sizes.items()
        )
        terminal.echo(f"boxes by side (small below 10 %, large from 30 % of the picture's): {told}")
    if found.ranges:
        terminal.echo("of each target: least / mean / largest")
    if found.notes:
        terminal.echo()
    for note in found.notes:
        terminal.echo(f"- {note}")


def _cell(found: DatasetSummary, split: str, name: str) -> str:
    if not found.ranges:
        return f"{found.labels[split][name]:,}"
    return " / ".join(number(value) for value in found.ranges[split][name])
