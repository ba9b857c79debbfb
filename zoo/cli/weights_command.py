"""``zoo weights``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from zoo.cli.options import Settings, complete_model, examples, json_option, print_json
from zoo.cli.tables import human_bytes, print_table
from zoo.common import terminal
from zoo.common.errors import UsageError

#: Of a file of class names.
_MOST_BYTES = 16 << 20


@click.group(
    name="weights",
    epilog=examples("zoo weights list", "zoo weights fetch resnet18.a1_in1k", "zoo weights verify"),
)
def command() -> None:
    """List, fetch and verify official pretrained weights."""


@command.command(name="list", epilog=examples("zoo weights list", 'zoo weights list "resnet50.*"'))
@click.argument("pattern", default="*", shell_complete=complete_model)
@json_option
@click.pass_obj
def list_weights(settings: Settings, pattern: str, as_json: bool) -> None:
    """List official weights whose variant or model id matches PATTERN (* and ? are wild).

    Needs no network: "fetched" says which are on this machine.
    """
    from zoo.common.errors import UnknownName
    from zoo.networks.published.official import official_weights

    registry = settings.registry()
    rows = official_weights(pattern, registry=registry)
    if not rows and pattern != "*":
        known = official_weights(registry=registry)
        raise UnknownName("official weights", pattern, [row.model_id for row in known])
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    print_table(
        ("weights", "fetched", "licence", "verified by", "from"),
        [
            (
                row.model_id,
                "yes" if row.fetched else "no",
                row.licence,
                row.hash[:20] or "SHA-256 at first sight",
                row.url,
            )
            for row in rows
        ],
        spare=("from", "licence"),
        prose=("verified by",),
    )


@command.command(
    name="fetch",
    epilog=examples(
        "zoo weights fetch resnet18.a1_in1k",
        "zoo weights fetch resnet18 --from https://example.org/mine-1a2b3c4d.pth --tag mine",
    ),
)
@click.argument("model", shell_complete=complete_model)
@click.option(
    "--from",
    "origin",
    metavar="PATH_OR_URL",
    help="Convert this weights file instead: .safetensors, .pth, .h5; https://, hf://.",
)
@click.option("--tag", metavar="NAME", help="With --from: the weights are named VARIANT.NAME.")
@click.option(
    "--classes",
    type=click.Path(path_type=Path),
    help="With --from: class names, one per line [ImageNet's, or numbers].",
)
@click.option("--again", is_flag=True, help="Fetch and convert again what is on this machine.")
@json_option
@click.pass_obj
def fetch(
    settings: Settings,
    model: str,
    origin: str | None,
    tag: str | None,
    classes: Path | None,
    again: bool,
    as_json: bool,
) -> None:
    """Download, verify and convert the official weights MODEL, once.

    They are kept in the cache, and are used by their name like packaged ones. With --from, MODEL
    is a variant, and the weights are those of the given file.
    """
    from zoo.networks.published.official import fetch_weights
    from zoo.report.progress import StepProgress

    names = None if classes is None else _lines(classes)
    with StepProgress(quiet=as_json) as progress:
        checkpoint = fetch_weights(
            model,
            origin=origin,
            tag=tag,
            classes=names,
            again=again,
            on_step=progress,
            registry=settings.registry(),
        )
    card = checkpoint.card()
    size = checkpoint.path.stat().st_size
    if as_json:
        print_json(
            {
                "model_id": checkpoint.model_id,
                "path": checkpoint.path,
                "bytes": size,
                "sha256": card.sha256,
                "classes": len(card.classes),
                "published": card.recipe["published"],
            }
        )
        return
    terminal.echo(
        f"weights  {checkpoint.path} ({human_bytes(size)}, {len(card.classes):,} classes)"
    )
    terminal.echo(f"from     {card.recipe['published']['url']}")
    terminal.echo(f"sha256   {card.recipe['published']['sha256']} (of the published file)")
    terminal.echo(f"next     zoo finetune {checkpoint.model_id} --data DATASET")


@command.command(
    name="verify", epilog=examples("zoo weights verify", "zoo weights verify resnet18.a1_in1k")
)
@click.argument("model", required=False, shell_complete=complete_model)
@json_option
@click.pass_context
def verify(ctx: click.Context, model: str | None, as_json: bool) -> None:
    """Compare the SHA-256 of weights on this machine with their cards.

    MODEL is a variant or a model id; without it, all are read. The exit code is 1 when a file is
    damaged.
    """
    from zoo.networks.published.official import verify_weights

    settings: Settings = ctx.obj
    rows = verify_weights(model, registry=settings.registry())
    if as_json:
        print_json([asdict(row) for row in rows])
    else:
        print_table(
            ("weights", "state", "sha256"),
            [(row.model_id, "intact" if row.ok else "DAMAGED", row.sha256) for row in rows],
        )
        for row in rows:
            if not row.ok:
                terminal.echo(f"\n{row.path}")
                terminal.echo(f"  why: {row.problem}")
                terminal.echo(f"  fix: {row.fix}")
    if not all(row.ok for row in rows):
        ctx.exit(1)


def _lines(file: Path) -> list[str]:
    from zoo.common.files import read_file

    try:
        return read_file(file, _MOST_BYTES).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeError) as error:
        raise UsageError(
            f"the class names {file} cannot be read",
            why=error.strerror if isinstance(error, OSError) else str(error),
            fix="name a text file in UTF-8 with one name per line",
        ) from error
