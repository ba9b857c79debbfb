"""Latencies of one file in one place over time, each with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.common.optional_imports import require
from zoo.report.charts.svg import BLUE, MUTED, Chart, draw, is_narrow
from zoo.results import formatting as fmt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from zoo.results.measurements import Measurement

_SIZE, _NARROW = (900, 300), 280


def trend_chart(name: str, found: Sequence[Measurement], verdicts: Sequence[str]) -> Chart:
    """The medians in the order in which they were taken.

    Args:
        name: Unique on the page.
        found: In that order; at least one has a median.
        verdicts: Of each against the one before; the first has none.
    """
    times = fmt.time_unit(m.p50_ms for m in found)

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        for place, m in enumerate(found):
            if m.p50_ms is None:
                continue
            colour = BLUE if m.verdict == "good" else MUTED
            if m.p50_low_ms is not None and m.p50_high_ms is not None:
                ends = [m.p50_low_ms / times.per, m.p50_high_ms / times.per]
                axes.plot([place, place], ends, color=colour, linewidth=1.5, zorder=2)
            face = colour if m.verdict == "good" else "none"
            y = m.p50_ms / times.per
            axes.scatter([place], [y], s=46, facecolor=face, edgecolor=colour, zorder=3)
        _axes(axes, found, times.symbol, 3 if is_narrow(figure) else 8)

    caption = (
        "Median latencies in the order in which they were taken, with their intervals; "
        "hollow marks were disturbed or too short."
    )
    rows = [
        (
            fmt.moment(m.created),
            times.text(m.p50_ms),
            fmt.time_interval(m.p50_low_ms, m.p50_high_ms, times),
            m.verdict,
            verdict or fmt.MISSING,
        )
        for m, verdict in zip(found, verdicts, strict=True)
    ]
    heads = ("when", f"median, {times.symbol}", "interval", "measurement", "against the one before")
    told = "; ".join(f"{when}: {value} {times.symbol}" for when, value, *_ in rows)
    wide, narrow = draw(name, f"{caption} {told}.", _SIZE, paint, _NARROW)
    return Chart(wide, caption, (heads, rows, "lrrll"), narrow)


def _axes(axes: Axes, found: Sequence[Measurement], unit: str, most: int) -> None:
    ticker = require("matplotlib.ticker")
    step = max(1, -(-len(found) // most))
    places = range(0, len(found), step)
    axes.set_xticks(places, [found[place].created[5:10] for place in places])
    axes.set_xlim(-0.5, len(found) - 0.5)
    axes.set_ylim(bottom=0)
    axes.set_ylabel(f"median latency, {unit}", labelpad=8)
    axes.yaxis.set_major_locator(ticker.MaxNLocator(5))
    axes.grid(visible=False, axis="x")
