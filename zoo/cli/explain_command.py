"""``zoo explain``."""

from __future__ import annotations

import shlex
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.cli.network_operands import network_options, one_file_each
from zoo.cli.options import (
    PAGE_FILE,
    Settings,
    complete_split,
    data_option,
    examples,
    json_option,
    option,
    store_option,
)
from zoo.cli.tables import print_table
from zoo.common import terminal

if TYPE_CHECKING:
    from zoo.analysis.explain import Explanation
    from zoo.report.graph_overlay import WrittenOverlay


@click.command(
    name="explain",
    epilog=examples(
        "zoo explain exports/resnet8.fashion_mnist.int8.tflite",
        "zoo explain net.int8.onnx --against net.float32.onnx --html why.html",
        "zoo explain my.keras --data digits --format tflite",
        "zoo explain net.int8.tflite --overlay overlays",
    ),
)
@click.argument("file", metavar="FILE|FOLDER|MODEL", type=click.Path())
@click.option(
    "--against", type=click.Path(), help="The float32 file [found beside FILE, by its manifest]."
)
@data_option("Dataset [the one the weights were trained on].")
@option(
    "--split",
    default="validation",
    help="train, validation or test",
    shell_complete=complete_split,
)
@option("--samples", type=int, default=64, help="Real inputs that both files run on")
@option(
    "--runs",
    type=click.IntRange(0, 100_000),
    default=50,
    help="Inferences over which operators are timed; 0 times nothing",
)
@network_options(one=True)
@store_option
@click.option("--html", type=PAGE_FILE, help="Also write a page with charts here.")
@click.option(
    "--overlay",
    type=click.Path(file_okay=False),
    help="Also write times and errors for Model Explorer into this folder.",
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    file: str,
    against: str | None,
    data: str | None,
    split: str,
    samples: int,
    runs: int,
    store: str | None,
    html: str | None,
    overlay: str | None,
    as_json: bool,
    **network: Any,
) -> None:
    """Explain, layer by layer, why FILE is larger, slower or worse than its float32 twin.

    The twin is the float32 file of the same weights in the same format.

    Both files run in their runtime with all tensors kept. The last line is a command to try, if
    there is one. The errors by layer go into the results store. Of a folder, each file in it that
    has a twin is explained. A network in the place of FILE (my.keras, a model id, weights) is
    exported first, with its twin, as by `zoo export`.
    """
    from zoo.analysis.explain import explain
    from zoo.artifacts.files_of_folder import damaged_files, files_with_twins, is_folder_of_files
    from zoo.cli.files_in_turn import in_turn
    from zoo.common.errors import UsageError
    from zoo.common.files import filled
    from zoo.common.optional_imports import require_extra
    from zoo.common.shown_text import printable
    from zoo.report.graph_overlay import FIX, refuse_other_files, write_overlays
    from zoo.report.progress import StepProgress

    if html is not None:
        require_extra("report")  # not after the work
    settings: Settings = ctx.obj
    registry = settings.registry()
    folder = is_folder_of_files(registry, file)
    names = [str(path) for path in files_with_twins(registry, Path(file))] if folder else [file]
    if len(names) > 1 and (html is not None or against is not None):
        raise UsageError(
            f"{file} holds {len(names)} files, and {'--against' if html is None else '--html'} is "
            "for one",
            fix=f"name one: {', '.join(map(printable, names))}",
        )
    damaged = damaged_files(registry, [file], names)
    sound = [name for name in names if name not in damaged]
    made = one_file_each(
        registry, sound, {"data": data, **network}, quiet=as_json, twin=True, own=["data"]
    )

    into = None if overlay is None else Path(overlay)
    if into is not None:
        refuse_other_files(into, [str(one) for one in made])
    written: dict[Path, list[WrittenOverlay]] = {}

    def explained(name: str) -> Explanation:
        if name in damaged:
            raise damaged[name]
        with StepProgress(quiet=as_json) as progress:
            found = explain(
                name,
                against=against,
                data=data,
                split=split,
                samples=samples,
                runs=runs,
                store=store,
                on_step=progress,
                registry=registry,
            )
        if html is not None:
            from zoo.common.files import OTHER_FILE, write_text
            from zoo.report.pages.explanation import render

            write_text(Path(html), render(found), fix=OTHER_FILE)
        if into is not None:
            written[found.file.path] = write_overlays(found, into)
        return found

    def told(found: Explanation) -> None:
        _print(found)
        if into is not None:
            _print_overlays(written[found.file.path], timed=runs > 0)

    def plain(found: Explanation) -> dict[str, Any]:
        if into is None:
            return found.plain()
        paths = [str(one.path) for one in written[found.file.path]]
        return {**found.plain(), "overlays": paths}

    with nullcontext() if into is None else filled(into, fix=FIX):
        _, code = in_turn(
            file if folder else made[0],
            [*damaged, *made],
            explained,
            print_one=told,
            plain=plain,
            as_json=as_json,
            debug=settings.debug,
        )
    if html is not None and not as_json:
        terminal.echo(f"\npage     {html}")
    ctx.exit(code)


def _print(found: Explanation) -> None:
    from zoo.report.layer_table import HEADINGS, PROSE, RIGHT, SPARE, noise_line, rows
    from zoo.report.quality import finding_lines

    terminal.echo(f"{found.file.path.name} against {found.twin.path.name}")
    terminal.echo(
        f"{found.comparison.examples} inputs of {found.data} ({found.split}), by "
        f"{found.comparison.runtime} {found.comparison.runtime_version}"
    )
    for line in finding_lines(found.network):
        terminal.echo(line)
    terminal.echo()
    noise = noise_line(found.comparison)
    print_table(HEADINGS, rows(found.comparison), right=RIGHT, spare=SPARE, prose=PROSE)
    if noise:
        terminal.echo(noise)
        terminal.echo(
            "measure again when nothing else runs here: "
            f"zoo explain {shlex.quote(str(found.file.path))}"
        )
    terminal.echo()
    for finding in found.findings:
        terminal.echo(f"- {finding}")
    for note in found.comparison.notes:
        terminal.echo(f"  {note}")
    if found.advice is None:
        terminal.echo("\ntry      nothing: no layer stands out")
        return
    terminal.echo(f"\ntry      {found.advice.command}")
    terminal.echo(f"         {found.advice.why}")


def _print_overlays(written: list[WrittenOverlay], *, timed: bool) -> None:
    from zoo.report.graph_overlay import TIMES

    terminal.echo()
    for one in written:
        terminal.echo(f"overlay  {one.path}{' (replaced)' * one.replaced}")
    if not timed:
        terminal.echo("         none of times: --runs 0 times nothing")
    elif not any(one.path.name.endswith(TIMES) for one in written):
        terminal.echo("         none of times: the runtime reports none")
