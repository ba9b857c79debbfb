"""``zoo predict``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.cli.options import (
    PAGE_FILE,
    Settings,
    complete_model,
    data_option,
    examples,
    json_option,
    option,
    print_json,
)
from zoo.cli.recipe_options import recipe_options
from zoo.common import terminal

if TYPE_CHECKING:
    from zoo.results.predictions import Predictions

#: More examples than these are a table without pictures in the terminal.
_DRAWN = 4
#: More examples than these are counted, not listed one by one.
_LISTED = 40


@click.command(
    name="predict",
    epilog=examples(
        "zoo predict runs/lenet5.digits-88c47c3f photo.jpg",
        "zoo predict exports/resnet8.photos.int8.tflite holiday/ --html answers.html",
        "zoo predict lstm64.walk.int8.onnx monday.csv tuesday.csv --json",
        'zoo predict weights/text.reviews.safetensors "What a film!"',
    ),
)
@click.argument("target", metavar="FILE|MODEL|RUN", shell_complete=complete_model)
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=click.Path())
@option("--top", type=click.IntRange(1), default=5, help="Most classes to show for each input")
@data_option(
    "Dataset to open a network from elsewhere with [none: its own framework classifies the "
    "pictures]; for other networks, the dataset whose options name the columns of tables [the "
    "training dataset]."
)
@recipe_options("source")
@click.option(
    "--pictures",
    type=click.Path(file_okay=False),
    default=".",
    help="Folder for the pictures that a network makes [the working folder].",
)
@click.option(
    "--masks",
    type=click.Path(file_okay=False),
    help="Also write the mask of each picture as a PNG into this folder: values are classes.",
)
@click.option("--overwrite", is_flag=True, help="Replace pictures and masks of the same name.")
@click.option("--html", type=PAGE_FILE, help="Also write a page with the inputs here.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    target: str,
    inputs: tuple[str, ...],
    top: int,
    data: str | None,
    pictures: str,
    masks: str | None,
    overwrite: bool,
    html: str | None,
    as_json: bool,
    **source: Any,
) -> None:
    """Predict the class, labels, values or better picture of each INPUT.

    An INPUT is what the network takes: a picture, a folder of pictures, a .csv of a recording, a
    text, a .txt or .conll file, or an .npz file of arrays. It is read exactly as training examples
    are. Of a folder, the share of each class is printed, too. Pictures that a network makes are
    written as PNG, named after input and network; --masks does so with the classes of pixels.

    The exit code is 1 when an input could not be read; the others are answered all the same.
    """
    from zoo.api.predictions import predict
    from zoo.common.optional_imports import require_extra
    from zoo.report.prediction_pictures import refuse_written, write_masks, write_pictures
    from zoo.report.progress import StepProgress

    settings: Settings = ctx.obj
    if html is not None:
        require_extra("report")  # not after the work
    with StepProgress(quiet=as_json) as progress:
        found = predict(
            target,
            inputs,
            top=top,
            data=data,
            before=partial(
                refuse_written,
                pictures=Path(pictures),
                masks=None if masks is None else Path(masks),
                overwrite=overwrite,
            ),
            on_step=progress,
            registry=settings.registry(),
            **source,
        )
    written = write_pictures(found, Path(pictures), overwrite=overwrite)
    drawn = [] if masks is None else write_masks(found, Path(masks), overwrite=overwrite)
    if html is not None:
        from zoo.common.files import OTHER_FILE, write_text
        from zoo.report.pages.predictions import render

        write_text(Path(html), render(found), fix=OTHER_FILE)
    if as_json:
        files = {"pictures": written, "masks": drawn}
        told = {kind: [*map(str, paths)] for kind, paths in files.items() if paths}
        print_json({**found.plain(), **told})
    else:
        _print(found)
        for kind, paths in (("picture", written), ("mask   ", drawn)):
            for path in paths:
                terminal.echo(f"{kind}  {path}")
        if html is not None:
            terminal.echo(f"\npage     {html}")
    ctx.exit(1 if found.failed else 0)


def _print(found: Predictions) -> None:
    from zoo.cli.small_pictures import print_picture
    from zoo.cli.tables import print_table
    from zoo.report.drawn_answers import classes_of_boxes
    from zoo.report.prediction_text import answer_rows, count_rows, score_rows
    from zoo.report.quality import finding_lines
    from zoo.results.formatting import plain

    terminal.echo(plain(f"{found.subject}, by {found.runtime}"))
    for line in finding_lines(found.findings):
        terminal.echo(line)
    if len(found.examples) <= _DRAWN:
        classes = classes_of_boxes(found)
        for one in found.examples:
            terminal.echo()
            print_picture(one, found.preprocessing, classes)
            terminal.echo(plain(one.input))
            headings, rows, right = score_rows(one)
            print_table(headings, rows, right)
    else:
        terminal.echo()
        headings, rows, right = answer_rows(found.examples[:_LISTED])
        print_table(headings, rows, right)
        if len(found.examples) > _LISTED:
            more = len(found.examples) - _LISTED
            terminal.echo(f"and {more:,} more; --json and --html show them")
    if len(found.examples) > 1 and found.counts:
        terminal.echo()
        headings, rows, right = count_rows(found)
        print_table(headings, rows, right)
    for note in found.notes:
        terminal.echo_lines(f"note: {plain(note)}", err=True)
    for failed in found.failed:
        terminal.echo_lines(plain(f"not read: {failed.input}: {failed.why}"), err=True)
