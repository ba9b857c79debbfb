"""The page of ``zoo optimize``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.files import write_text
from zoo.report.environment import versions_here
from zoo.report.headline import Headline, weak_kind, weakness
from zoo.report.search_text import answer, format_limits, rejected_points, search_columns

if TYPE_CHECKING:
    from zoo.pipeline.search.optimize import SearchResult


def write_search(path: Path, found: SearchResult, command: str) -> None:
    """Writes the page of a search; needs the ``report`` extra."""
    write_text(path, render(found, command))


def render(found: SearchResult, command: str) -> str:
    """The whole page; every name in it is escaped."""
    from zoo.report.charts.front_chart import front_charts
    from zoo.report.pages.rendering import render_page

    return render_page(
        "search.html",
        found=found,
        again=command,
        headline=search_headline(found),
        limits=format_limits(found),
        columns=search_columns(found),
        charts=front_charts(found),
        troubles=rejected_points(found),
        notes=found.notes,
        environment=versions_here(),
    )


def search_headline(found: SearchResult) -> Headline:
    """The answer; a file that is faithful to a weak network says so."""
    text = answer(found)
    if found.best is None:
        return Headline("rejected", text)
    if weak := weakness(found.findings):
        kind = weak_kind(found.findings)
        return Headline(kind, f"{text} It is faithful to a network that {weak}.")
    return Headline("passed", text)
