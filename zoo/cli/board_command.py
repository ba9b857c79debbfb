"""``zoo board``."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.cli.options import Settings, examples, json_option, option, print_json, store_option
from zoo.common import terminal
from zoo.common.shown_text import printable


@click.command(
    name="board",
    epilog=examples("zoo board", "zoo board --output public"),
)
@option("--output", default="site", type=click.Path(), help="Folder of the site")
@store_option
@json_option
@click.pass_obj
def command(settings: Settings, output: str, store: str | None, as_json: bool) -> None:
    """Write the pages of models, leaderboards and runs as files.

    They need no server: open index.html, or publish the folder. Beside each page lies what it says
    as JSON.
    """
    from zoo.common.optional_imports import require_extra

    require_extra("report")
    from zoo.report.progress import StepProgress
    from zoo.results import formatting as fmt
    from zoo.results.formatting import size_text
    from zoo.server.board_files import write_site

    with StepProgress(quiet=as_json) as progress:
        written = write_site(settings.registry(), Path(output), store=store, on_step=progress)
    if as_json:
        print_json(
            {
                "folder": str(written.folder),
                "pages": written.pages,
                "files": written.files,
                "bytes": written.bytes,
            }
        )
        return
    size = size_text(written.bytes)
    terminal.echo(f"{fmt.count(written.pages, 'page')}, {size} in {printable(str(written.folder))}")
    terminal.echo(f"open     {printable(str(written.folder / 'index.html'))}")
