"""Quality of the chosen network by share of the training data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.common.optional_imports import require
from zoo.report.charts.svg import BLUE, MUTED, Chart, draw
from zoo.results import formatting as fmt

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from zoo.pipeline.search.choice import Choice

_SIZE, _NARROW = (760.0, 320.0), 300.0


def curve_chart(found: Choice) -> Chart:
    """The learning curve: a mark for each seed, a line through the means."""
    curve = found.curve
    assert curve is not None
    share = fmt.names_share(found.metric)
    scale = 100.0 if share else 1.0
    name = f"validation {fmt.plain(found.metric, 24)}"
    label = f"{name}, %" if share else name
    counts = [point.examples for point in curve.points]

    def paint(figure: Figure) -> None:
        ticker = require("matplotlib.ticker")
        axes = figure.add_subplot()
        axes.set_xscale("log")
        means = [scale * point.mean for point in curve.points]
        axes.plot(counts, means, color=BLUE, linewidth=1.6, zorder=3, label="mean")
        for number, point in enumerate(curve.points):
            ys = [scale * value for value in point.values]
            axes.scatter(
                [point.examples] * len(ys),
                ys,
                s=42,
                facecolor="none",
                edgecolor=BLUE,
                zorder=4,
                label="one seed each" if number == 0 else None,
            )
        axes.set_xticks(counts)
        axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.xaxis.set_minor_locator(ticker.NullLocator())
        axes.yaxis.set_major_locator(ticker.MaxNLocator(6))
        axes.set_xlabel("training examples", labelpad=8)
        axes.set_ylabel(label, labelpad=8)
        axes.margins(x=0.08, y=0.16)
        axes.tick_params(colors=MUTED)
        axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2)

    caption = (
        f"{fmt.heading(label)} of {fmt.plain(found.chosen or '')}, trained whole on parts of the "
        "training split; the horizontal axis is logarithmic."
    )
    wide, narrow = draw("learning-curve", caption, _SIZE, paint, _NARROW)
    rows = [
        (
            f"{point.examples:,}",
            f"{fmt.share(point.share, 0)} %",
            ", ".join(fmt.named_value(found.metric, value, 1) for value in point.values),
            fmt.named_value(found.metric, point.mean, 1),
        )
        for point in curve.points
    ]
    heads = ("examples", "share", "seed by seed", "mean")
    return Chart(wide, caption, (heads, rows, "rrrr"), narrow)
