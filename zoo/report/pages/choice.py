"""The page of ``zoo choose``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.files import write_text
from zoo.report.choice_text import (
    candidate_rows,
    course,
    curve_text,
    format_limits,
    out_rows,
    rung_rows,
    untrained_rows,
)
from zoo.report.choice_verdict import answer
from zoo.report.environment import versions_here
from zoo.report.headline import Headline, weak_kind, weakness

if TYPE_CHECKING:
    from zoo.pipeline.search.choice import Choice


def write_choice(path: Path, found: Choice, command: str) -> None:
    """Writes the page of a comparison of networks; needs the ``report`` extra."""
    write_text(path, render(found, command))


def render(found: Choice, command: str) -> str:
    """The whole page; every name in it is escaped."""
    from zoo.report.charts.choice_charts import curve_chart
    from zoo.report.charts.front_chart import front_charts
    from zoo.report.pages.rendering import render_page

    return render_page(
        "choice.html",
        found=found,
        again=command,
        headline=choice_headline(found),
        limits=format_limits(found),
        course=course(found),
        candidates=candidate_rows(found),
        out=out_rows(found),
        front=front_charts(found),
        curve=None if found.curve is None else curve_chart(found),
        curve_words=curve_text(found),
        rungs=rung_rows(found),
        untrained=untrained_rows(found),
        environment=versions_here(),
    )


def choice_headline(found: Choice) -> Headline:
    """The verdict; a choice that is a weak network says so."""
    text = answer(found)
    if found.best is None:
        return Headline("rejected", text)
    if weak := weakness(found.findings):
        return Headline(weak_kind(found.findings), f"{text} The chosen network {weak}.")
    return Headline("passed", text)
