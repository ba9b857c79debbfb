"""``zoo list``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from zoo.cli.options import Settings, complete_model, examples, json_option, print_json
from zoo.cli.tables import human_count, print_table
from zoo.common import terminal

if TYPE_CHECKING:
    from zoo.networks.catalogue import ModelSummary

#: Things that other commands list.
_LISTED_BY = {"datasets": "data", "dataset": "data", "device": "devices", "target": "targets"}


@click.command(
    name="list",
    epilog=examples(
        "zoo list", 'zoo list "res*"', 'zoo list "*.fashion_mnist"', 'zoo list "timm:mobile*"'
    ),
)
@click.argument("pattern", default="*", shell_complete=complete_model)
@json_option
@click.pass_obj
def command(settings: Settings, pattern: str, as_json: bool) -> None:
    """List models whose name, family or model id matches PATTERN (* and ? are wild).

    Networks that sources know by name have patterns of their own: "keras:*", "timm:*".
    """
    from zoo.common.errors import UsageError
    from zoo.contracts.plugin import unknown_name
    from zoo.networks.catalogue import models
    from zoo.networks.sources.available import named_counts, named_networks
    from zoo.networks.sources.named import unknown_network

    registry = settings.registry()
    found = models(registry, pattern)
    named = [] if pattern == "*" else named_networks(registry, pattern)
    if not found and not named:
        from zoo.networks.checkpoints import model_ids

        listing = f"{pattern.partition(':')[0].lower()}:*"
        listings = named_counts(registry)
        if ":" in pattern and listing not in listings:
            raise UsageError(
                f"no networks are known by names such as {pattern!r}",
                fix=" or ".join(f'zoo list "{one}"' for one in sorted(listings))
                + " lists some; `zoo sources list` shows all that can be opened",
            )
        if listing in listings:
            known = [name for one in named_networks(registry) for name in (one.name, *one.also)]
            raise unknown_network("model", pattern, known, listing)
        from zoo.cli.main import COMMANDS

        if (other := _LISTED_BY.get(pattern.lower(), pattern.lower())) in COMMANDS:
            raise UsageError(
                f"zoo list lists models, and no model is called {pattern!r}",
                fix=f"did you mean: zoo {other}",
            )
        valid = [*model_ids(registry), *registry.architectures.names()]
        raise unknown_name("model", pattern, valid, registry.plugins)
    if as_json:
        print_json([*map(asdict, found), *map(asdict, named)])
        return
    if found:
        _print_models(found)
    if named:
        print_table(
            ("network", "parameters", "licence", "input"),
            [
                (one.name, human_count(one.parameters), one.licence, one.input)
                if one.parameters
                else (one.name, "", one.licence, one.input)
                for one in named
            ],
            right="lr",
            prose=("licence", "input"),
        )
    if pattern == "*" and (counts := named_counts(registry)):
        listed = ", ".join(
            f'{count:,} by zoo list "{known}"' for known, count in sorted(counts.items())
        )
        terminal.echo(f"\nand networks of other libraries: {listed}")


def _print_models(found: list[ModelSummary]) -> None:
    print_table(
        ("model", "family", "task", "input", "parameters", "multiply-adds", "licence", "weights"),
        [
            (
                row.name,
                row.architecture,
                row.task,
                "×".join(str(n) for n in row.input_shape),
                human_count(row.parameters),
                human_count(row.multiply_adds),
                row.licence,
                _weights(row),
            )
            for row in found
        ],
        right="llllrrll",
        spare=("family", "multiply-adds", "licence", "input", "parameters"),
        prose=("task", "weights"),
    )


def _weights(row: ModelSummary) -> str:
    """``fashion_mnist; not fetched: a1_in1k, tv_in1k``."""
    parts = [", ".join(row.weights)] if row.weights else []
    if row.not_fetched:
        parts.append(f"not fetched: {', '.join(row.not_fetched)}")
    return "; ".join(parts) or "none"
