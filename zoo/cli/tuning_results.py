"""What ``zoo tune`` prints."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from zoo.cli.tables import print_table
from zoo.common import terminal
from zoo.report.tuning_text import (
    answer,
    course,
    file_rows,
    importance_text,
    seed_rows,
    trial_rows,
)

if TYPE_CHECKING:
    from zoo.pipeline.search.tune import TuneResult


def print_tuning(found: TuneResult) -> None:
    """The verdict, then the trials, the best first."""
    terminal.echo(f"{found.model_id}: {answer(found)}")
    headings, rows, right = seed_rows(found)
    if rows:
        terminal.echo()
        print_table(headings, rows, right=right)
    terminal.echo()
    headings, rows, right = trial_rows(found)
    print_table(headings, rows, right=right, spare=("time",), prose=(headings[-1],))
    headings, rows, right = file_rows(found)
    if rows:
        terminal.echo()
        print_table(headings, rows, right=right, prose=(headings[-1],))
    terminal.echo(f"\n{course(found)}")
    if text := importance_text(found):
        terminal.echo(text)
    for note in found.notes:
        terminal.echo(f"- {note}")
    folder = found.folder
    terminal.echo(f"\nfolder   {folder}/")
    terminal.echo(f"study    {folder / 'study.journal'}")
    if (folder / "report.html").exists():
        terminal.echo(f"report   {folder / 'report.html'}")
    terminal.echo(f"next     zoo ship --recipe {shlex.quote(str(folder / 'recipe.toml'))}")
