"""What ``zoo choose`` prints."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from zoo.cli.tables import print_table
from zoo.common import terminal
from zoo.report.choice_text import (
    candidate_rows,
    course,
    curve_text,
    format_limits,
    out_rows,
    rung_rows,
)
from zoo.report.choice_verdict import answer
from zoo.report.quality import finding_lines

if TYPE_CHECKING:
    from zoo.pipeline.search.choice import Choice


def print_choice(found: Choice) -> None:
    """The verdict, then the networks, the chosen one first."""
    terminal.echo(answer(found))
    for line in finding_lines(found.findings):
        terminal.echo(line)
    terminal.echo(f"limits: {format_limits(found)}")
    headings, rows, right = candidate_rows(found)
    if rows:
        terminal.echo()
        print_table(headings, rows, right=right, prose=(headings[-1],), spare=(headings[-2],))
    headings, rows, right = out_rows(found)
    if rows:
        terminal.echo()
        print_table(headings, rows, right=right, prose=(headings[-1],))
    headings, rows, right = rung_rows(found)
    if rows:
        terminal.echo()
        print_table(headings, rows, right=right, spare=("time",))
    terminal.echo(f"\n{course(found)}")
    if text := curve_text(found):
        terminal.echo(text)
    for one in found.unfit:
        terminal.echo(f"- {one.name} was left out: {one.reason}")
    for note in found.notes:
        terminal.echo(f"- {note}")
    folder = found.folder
    terminal.echo(f"\nfolder   {folder}/")
    if (folder / "report.html").exists():
        terminal.echo(f"report   {folder / 'report.html'}")
    if found.chosen is not None:
        terminal.echo(f"next     zoo ship --recipe {shlex.quote(str(folder / 'recipe.toml'))}")
