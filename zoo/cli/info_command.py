"""``zoo info``."""

from __future__ import annotations

import shlex
from typing import Any

import click

from zoo.cli.options import Settings, complete_model, examples, json_option, print_json
from zoo.cli.tables import human_count, print_value
from zoo.common import terminal
from zoo.common.shown_text import abridged

_CLASSES_SHOWN = 20


@click.command(name="info", epilog=examples("zoo info lenet5", "zoo info timm:resnet18"))
@click.argument("model", shell_complete=complete_model)
@json_option
@click.pass_obj
def command(settings: Settings, model: str, as_json: bool) -> None:
    """Show everything known about MODEL: the network, its input, its weights."""
    from zoo.artifacts.not_weights import weights_of_exported_files
    from zoo.networks.catalogue import info

    registry = settings.registry()
    with weights_of_exported_files(registry, model):
        found = info(registry, model)
    if as_json:
        print_json(found)
        return
    if "fetched" in found:
        _print_named(found)
        return
    if "plugin" not in found:
        _print_foreign(found, model)
        return
    plugin = found["plugin"]
    rows = [
        ("model", found["name"]),
        ("family", f"{found['architecture']}: {found['summary']}"),
        ("source", found["source"]),
        ("task", found["task"]),
        ("parameters", f"{found['parameters']:,} ({human_count(found['parameters'])})"),
        ("multiply-adds", f"{found['multiply_adds']:,} for one input"),
        *found["input"].items(),
        ("licence", found["licence"]),
        ("plugin", f"{plugin['name']} of {plugin['distribution']} {plugin['version']}"),
    ]
    if found["hyperparameters"]:
        rows.append(
            ("built with", ", ".join(f"{k}={v}" for k, v in found["hyperparameters"].items()))
        )
    if found["backbone"]:
        fitting = ", ".join(found["backbone_weights"])
        told = f"; weights that fit: {fitting}" if fitting else ""
        rows.append(("backbone", f"that of {found['backbone']}{told}"))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print_value(name, str(value), width + 2)
    for model_id, card in found["cards"].items():
        _print_card(model_id, card)
    for official in found["official"]:
        if not official["fetched"]:
            _print_official(official)
    if not found["cards"] and not found["official"]:
        begin = "" if found["backbone_weights"] else "--from-scratch "
        terminal.echo(f"\nno packaged weights: zoo finetune {found['name']} {begin}--data DATASET")


def _print_foreign(found: dict[str, Any], model: str) -> None:
    rows = [
        ("file", found["file"]),
        ("source", found["source"]),
        ("sha256", found["sha256"]),
        *(("input", text) for text in found["inputs"]),
        *(("output", text) for text in found["outputs"]),
        ("parameters", f"{found['parameters']:,} ({human_count(found['parameters'])})"),
        ("layers", f"{len(found['layers'])}: {', '.join(found['layers'][:_CLASSES_SHOWN])}"),
    ]
    for name, text in rows:
        print_value(name, str(text), 12)
    terminal.echo(f"\nnext        zoo ship {shlex.quote(model)} --data DATASET")


def _print_named(found: dict[str, Any]) -> None:
    rows = [
        ("network", found["name"]),
        ("source", found["source"]),
        ("task", found["task"]),
        ("input", found["input"]),
        *([("parameters", human_count(count))] if (count := found["parameters"]) else []),
        *_of_weights(found),
        ("licence", found["licence"]),
        ("page", found["page"]),
        *(("remark", text) for text in found["remarks"]),
    ]
    for name, text in rows:
        print_value(name, str(text), 12)
    named = found["name"] if found["weights"] else f"{found['name']}?weights=FILE"
    terminal.echo(f"\nnext        zoo ship {shlex.quote(named)} --data DATASET --epochs 3")


def _of_weights(found: dict[str, Any]) -> list[tuple[str, str]]:
    if not found["weights"]:
        return [("weights", "none are published")]
    here = "here" if found["fetched"] else "not fetched"
    return [
        ("weights", f"{found['weights']} ({here})"),
        ("hash", found["hash"] or "SHA-256, recorded at first sight"),
    ]


def _print_official(official: dict[str, Any]) -> None:
    terminal.echo(f"\nofficial weights {official['model_id']} (not fetched)")
    terminal.echo(f"  from      {official['url']}")
    terminal.echo(f"  hash      {official['hash'] or 'SHA-256, recorded at first sight'}")
    terminal.echo(f"  licence   {official['licence']}")
    terminal.echo(f"  page      {official['page']}")
    terminal.echo(f"  fetch     zoo weights fetch {official['model_id']}")


def _print_card(model_id: str, card: dict[str, Any]) -> None:
    from zoo.contracts import Metric
    from zoo.results.formatting import format_metric, number

    terminal.echo(f"\nweights {model_id}")
    accuracy = card["accuracy"]
    if accuracy:
        figures = {name: accuracy[name] for name in ("value", "low", "high", "count")}
        measured = Metric(name=accuracy["metric"], **figures)
        basis = f"on {accuracy['count']:,} test {accuracy['counted']}s of {card['dataset']}"
        name = f"  {accuracy['metric']}"
        print_value(name, f"{format_metric(measured)} {basis}", max(len(name) + 2, 12))
    names = card["classes"]
    more = f" … {len(names):,} in all" if len(names) > _CLASSES_SHOWN else ""
    print_value("  classes", f"{', '.join(names[:_CLASSES_SHOWN])}{more}", 12)
    for name, text in card["input"].items():
        print_value(f"  {name}", text, 16)
    if "published" in card["recipe"]:
        terminal.echo(f"  from      {card['recipe']['published']['url']}")
    terminal.echo(f"  licence   {card['licence']}")
    if card["backbone"] is not None:
        origin = card["backbone"]
        told = f"begun with {origin['model_id']}, licence {origin['licence']}"
        print_value("  backbone", told, 12)
    for name, value in card.get("decoding", {}).items():
        print_value(
            f"  {name}", abridged(value) if isinstance(value, str) else number(value, 4), 12
        )
    terminal.echo(f"  sha256    {card['sha256']}")
