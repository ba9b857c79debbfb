"""The page of ``zoo explain``."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from zoo.analysis.layer_errors import layer_errors
from zoo.report.charts.layer_chart import byte_chart, error_chart, time_chart
from zoo.report.environment import versions_here
from zoo.report.headline import Headline, weak_kind, weakness
from zoo.report.layer_table import HEADINGS, RIGHT, rows
from zoo.report.pages.rendering import render_page
from zoo.results import formatting as fmt
from zoo.results.disturbances import worst_of_each

if TYPE_CHECKING:
    from zoo.analysis.explain import Explanation


def render(found: Explanation) -> str:
    """The whole page; every name in it is escaped."""
    unit = fmt.size_unit([found.file.bytes, found.twin.bytes])
    comparison = found.comparison
    return render_page(
        "explanation.html",
        found=found,
        headline=explanation_headline(found),
        sizes=(unit.with_symbol(found.file.bytes), unit.with_symbol(found.twin.bytes)),
        layers=(HEADINGS, rows(comparison), RIGHT),
        noise="; ".join(worst_of_each(comparison.noise)),
        again=f"zoo explain {shlex.quote(str(found.file.path))}",
        charts=[
            ("errors", "Error by layer", error_chart(layer_errors(comparison))),
            ("time", "Time by layer", time_chart(comparison)),
            ("bytes", "Bytes by layer", byte_chart(comparison)),
        ],
        environment={comparison.runtime: comparison.runtime_version, **versions_here()},
    )


def explanation_headline(found: Explanation) -> Headline:
    """What the file lost against its float twin, and whether something can be done about it."""
    lost = _lost(found)
    if weak := weakness(found.network):
        text = f"The network itself {weak}."
        return Headline(weak_kind(found.network), f"{text} {lost}".strip())
    if found.advice is None:
        return Headline("passed", f"{lost} No layer stands out.".strip())
    return Headline("weak", f"{lost} There is something to try.".strip())


def _lost(found: Explanation) -> str:
    mine, twin = found.file.metric, found.twin.metric
    if mine is None or twin is None:
        return ""
    change = mine.value - twin.value
    values = f"{fmt.metric_value(mine)} against {fmt.metric_value(twin)}"
    if change == 0:
        return f"The file has the {mine.name} of its float twin, {fmt.metric_value(mine)}."
    worse = (change < 0) == mine.higher_is_better
    amount = (
        f"{fmt.number(100 * abs(change), 2)} points {'worse' if worse else 'better'}"
        if fmt.is_share(mine)
        else (f"{fmt.number(abs(change), 2)} {mine.unit} " if mine.unit else "")
        + ("worse" if worse else "better")
    )
    return f"The file is {amount} than its float twin in {mine.name}: {values}."
