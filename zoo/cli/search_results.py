"""What ``zoo optimize`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.cli.tables import print_table
from zoo.common import terminal
from zoo.report.quality import finding_lines
from zoo.report.search_text import answer, format_limits, rejected_points, search_columns
from zoo.results import formatting as fmt

if TYPE_CHECKING:
    from zoo.pipeline.search.optimize import SearchResult


def print_search(found: SearchResult) -> None:
    """The Pareto front and everything else that was tried, the chosen file first."""
    columns = search_columns(found)
    terminal.echo(f"{found.model_id}: {columns.metric} {fmt.metric_value(found.reference)}")
    for line in finding_lines(found.findings):
        terminal.echo(line)
    terminal.echo(f"limits: {format_limits(found)}")
    terminal.echo()
    size, moment = columns.size_unit.symbol, columns.time_unit.symbol
    sign = " %" if columns.points else ""
    # What is a share has points in its heading already.
    delta = "Δ" if columns.points else f"Δ {columns.change_head.partition(', ')[2]}"
    headings = ["file", size, f"gzip {size}", f"p50 {moment}", f"{columns.metric}{sign}", delta]
    rows = [
        [c.name, c.size, c.download, c.latency, c.quality, c.change, c.standing, c.missed]
        for c in columns.cells
    ]
    print_table([*headings, "standing", "exceeds"], rows, right="lrrrrrll", spare=(headings[2],))
    if any(point.quiet is False for point in found.points):
        terminal.echo("~ measured while the host was not quiet")
    for point, reason in rejected_points(found):
        terminal.echo(f"\n{point.verdict}: {point.name}: {reason}")
    for point in found.points:
        if point.note:
            terminal.echo(f"\n{point.name}: {point.note}")
    if found.notes:
        terminal.echo()
    for note in found.notes:
        terminal.echo(f"- {note}")
    terminal.echo(f"\n{answer(found)}")
    terminal.echo(f"folder   {found.folder}/")
    if found.file is not None:
        terminal.echo(f"file     {found.file}")
    if (found.folder / "report.html").exists():
        terminal.echo(f"report   {found.folder / 'report.html'}")
