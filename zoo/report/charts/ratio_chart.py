"""Ratios of latencies with their intervals, one line per file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.common.optional_imports import require
from zoo.report.charts.svg import BAD, BLUE, GRID, INK, MUTED, RIM, TEAL, Chart, draw, is_narrow
from zoo.results import formatting as fmt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from zoo.benchmark.compare.comparison import ComparedPair

_WIDTH = 900
_FRAME = 90
_ROW = 34
_COLOURS = {"slower": BAD, "faster": TEAL, "same": BLUE, "can't tell": MUTED}


def ratio_chart(pairs: Sequence[ComparedPair]) -> Chart:
    """Each pair's ratio with its interval; the band in the middle counts as the same."""
    shown = [pair for pair in pairs if pair.ratio is not None]
    if not shown:
        return Chart("", "No pair has an interval, so none is drawn.")
    margin = max(pair.margin for pair in shown)

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.set_xscale("log")
        axes.axvspan(1.0 / (1.0 + margin), 1.0 + margin, color=GRID, zorder=0)
        axes.axvline(1.0, color=MUTED, linewidth=1, zorder=1)
        for place, pair in enumerate(shown):
            ratio, colour = pair.ratio, _COLOURS[pair.verdict]
            assert ratio is not None
            axes.plot([ratio.low, ratio.high], [place, place], color=colour, zorder=2)
            axes.scatter([ratio.value], [place], s=46, color=colour, zorder=3)
        _name(axes, shown, above=is_narrow(figure))
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("times as long as the first")
        ends = [end for p in shown if p.ratio is not None for end in (p.ratio.low, p.ratio.high)]
        reach = max(2.0 * margin, *(abs(end - 1.0) if end > 1 else 1.0 / end - 1.0 for end in ends))
        axes.set_xlim(1.0 / (1.0 + 1.15 * reach), 1.0 + 1.15 * reach)
        ticker = require("matplotlib.ticker")
        axes.xaxis.set_major_locator(ticker.MaxNLocator(4 if is_narrow(figure) else 7))
        axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:.4g}"))
        axes.xaxis.set_minor_formatter(ticker.NullFormatter())
        axes.xaxis.set_minor_locator(ticker.NullLocator())

    caption = (
        f"Left of 1 is faster, right is slower; what lies within the grey band, {margin:.0%}, "
        "counts as the same. Lines are intervals."
    )
    told = "; ".join(f"{fmt.plain(p.second.measurement.file)}: {p.verdict}" for p in shown)
    alt = f"Ratios of latencies. {told}."
    height = _FRAME + _ROW * 1.4 * len(shown)
    wide, narrow = draw("ratio", alt, (_WIDTH, height), paint, height + _ROW * len(shown))
    rows = [
        (
            p.second.measurement.file,
            f"{p.ratio.value:.3f}",
            f"{p.ratio.low:.3f} to {p.ratio.high:.3f}",
            p.verdict,
        )
        for p in shown
        if p.ratio is not None
    ]
    table = ("file", "times as long as the first", "interval", "verdict"), rows, "lrrl"
    return Chart(wide, caption, table, narrow)


def _name(axes: Axes, shown: Sequence[ComparedPair], *, above: bool) -> None:
    """Names each line: beside the axis, or above the line where a page is narrow."""
    places = range(len(shown))
    files = [fmt.plain(pair.second.measurement.file, 40) for pair in shown]
    if not above:
        told = [f"{file}\n{pair.verdict}" for file, pair in zip(files, shown, strict=True)]
        axes.set_yticks(places, told, fontsize=12, color=INK)
        axes.set_ylim(len(shown) - 0.4, -0.6)
        return
    axes.set_yticks([])
    axes.set_ylim(len(shown) - 0.5, -0.8)
    for place, file, pair in zip(places, files, shown, strict=True):
        text = axes.annotate(
            f"{file}: {pair.verdict}", (0, place - 0.45), xycoords=("axes fraction", "data")
        )
        text.set(fontsize=12, color=INK, va="center")
        text.set_gid(f"{RIM}-{place}")
