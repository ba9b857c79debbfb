"""What a search looks like to its readers: cells, sentences, and the page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.files import write_text
from zoo.report.search_text import answer, format_limits, rejected_points, search_columns

if TYPE_CHECKING:
    from zoo.pipeline.search.optimize import SearchResult


def write_search(path: Path, found: SearchResult, command: str) -> None:
    """Writes the page of a search; needs the ``report`` extra."""
    from zoo.report.charts.front_chart import front_charts
    from zoo.report.pages.html import environment

    template = environment().get_template("search.html")
    page = template.render(
        found=found,
        command=command,
        answer=answer(found),
        limits=format_limits(found),
        columns=search_columns(found),
        charts=front_charts(found),
        troubles=rejected_points(found),
        notes=found.notes,
    )
    write_text(path, page)
