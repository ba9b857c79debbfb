"""The page of ``zoo explain``: one file that needs no network, no script and no other file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.report.charts.layer_chart import byte_chart, error_chart, time_chart
from zoo.report.layer_table import HEADINGS, RIGHT, noise_line, rows
from zoo.report.pages.html import environment
from zoo.results import formatting as fmt

if TYPE_CHECKING:
    from zoo.analysis.explain import Explanation


def render(found: Explanation) -> str:
    """The whole page; every name in it is escaped."""
    page = environment().get_template("explanation.html")
    unit = fmt.size_unit([found.file.bytes, found.twin.bytes])
    return page.render(
        found=found,
        sizes=(unit.with_symbol(found.file.bytes), unit.with_symbol(found.twin.bytes)),
        headings=list(zip(HEADINGS, RIGHT, strict=True)),
        rows=rows(found.comparison),
        noise=noise_line(found.comparison),
        charts=[
            ("errors", "Error by layer", error_chart(found.comparison)),
            ("time", "Time by layer", time_chart(found.comparison)),
            ("bytes", "Bytes by layer", byte_chart(found.comparison)),
        ],
    )
