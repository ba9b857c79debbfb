"""The Pareto front: quality against latency and against size, with the limits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.common.optional_imports import require
from zoo.contracts import Metric
from zoo.pipeline.search.points import SearchPoint
from zoo.report.charts.label_placement import place_labels
from zoo.report.charts.svg import BAD, INK, MUTED, SERIES, Chart, draw, is_narrow
from zoo.report.search_text import CHOSEN, FRONT, FilesOfSearch, standing
from zoo.results import formatting as fmt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from zoo.report.view import Rows

_SIZE, _NARROW = (900, 420), 420
_SHAPES = ("o", "s", "D", "^")
_LOG_FROM = 8.0
#: Labels beyond this crowd the drawing: only the front is named then.
_MOST_LABELS, _FEW_LABELS = 12, 6


@dataclass(frozen=True)
class _Axis:
    """What one chart has along its horizontal axis."""

    name: str
    label: str
    value: Callable[[SearchPoint], float | None]
    limit: float | None


def _of_search(point: SearchPoint) -> str:
    """Beside a mark, without the format, which its colour tells."""
    return point.name.partition(" ")[2]


def front_charts(
    found: FilesOfSearch,
    label: Callable[[SearchPoint], str] = _of_search,
    reference: str = "before export",
    *,
    narrow: bool = True,
) -> tuple[Chart, ...]:
    """Two charts; one without drawing when nothing was timed.

    Args:
        found: The files.
        label: What stands beside a mark.
        reference: What the quality is that they are compared with.
        narrow: Whether to draw for phones, too; else they scroll.
    """
    points = [p for p in found.points if p.shippable and p.metric is not None and p.bytes]
    if not points or found.reference is None:
        return (Chart("", "No file passed its gate and was timed, so there is nothing to draw."),)
    times = fmt.time_unit(p.p50_ms for p in points)
    sizes = fmt.size_unit(p.bytes for p in points)
    limits = found.limits
    axes = (
        _Axis(
            "latency",
            f"median latency, {times.symbol}",
            lambda p: None if p.p50_ms is None else p.p50_ms / times.per,
            None if limits.max_ms is None else limits.max_ms / times.per,
        ),
        _Axis(
            "size",
            f"size of the file, {sizes.symbol}",
            lambda p: None if p.bytes is None else p.bytes / sizes.per,
            None if limits.max_bytes is None else limits.max_bytes / sizes.per,
        ),
    )
    drawings = (_Drawing(found, found.reference, points, axis, label, reference) for axis in axes)
    return tuple(drawing.chart(_NARROW if narrow else None) for drawing in drawings)


class _Drawing:
    def __init__(
        self,
        found: FilesOfSearch,
        reference: Metric,
        points: Sequence[SearchPoint],
        axis: _Axis,
        label: Callable[[SearchPoint], str],
        reference_label: str,
    ) -> None:
        self.label, self.reference_label = label, reference_label
        self.found = found
        self.reference = reference
        self.points = points
        self.axis = axis
        self.formats = list(dict.fromkeys(p.format for p in points))
        self.percent = fmt.is_share(reference)
        self.scale = 100.0 if self.percent else 1.0
        self.places = [(axis.value(p) or 0.0, self._quality(p)) for p in points]
        xs = [x for x, _ in self.places]
        self.logarithmic = min(xs) > 0 and max(xs) / min(xs) > _LOG_FROM

    def chart(self, height: float | None) -> Chart:
        """The drawing with its words; None of a height leaves out that for phones."""
        metric = fmt.heading(self.reference.name)
        named = "; ".join(
            f"{fmt.plain(p.name)}: {x:.4g}, {y:.4g}"
            for p, (x, y) in zip(self.points, self.places, strict=True)
        )
        words = [
            f"{metric} against {self.axis.label}. Filled marks: no other file is better in size, "
            f"latency and quality at once"
            f"{'' if self.found.best is None else '; the ring is the chosen file'}."
        ]
        if self._bounds():
            words.append("Dashed lines are the limits.")
        if self.logarithmic:
            words.append("The horizontal axis is logarithmic.")
        alt = f"{words[0]} {named}."
        wide, narrow = draw(f"front-{self.axis.name}", alt, _SIZE, self._paint, height)
        return Chart(wide, " ".join(words), self._table(), narrow)

    def _table(self) -> Rows:
        heads = ("file", fmt.plain(self.reference.name, 24), self.axis.label, "standing")
        rows = [
            (
                fmt.plain(p.name),
                fmt.metric_with_range(p.metric),
                fmt.number(x),
                standing(p, self.found),
            )
            for p, (x, _) in zip(self.points, self.places, strict=True)
        ]
        return heads, rows, "lrrl"

    def _quality(self, point: SearchPoint) -> float:
        value = point.metric.value if point.metric is not None else math.nan
        return self.scale * value

    def _bounds(self) -> tuple[float | None, float | None] | None:
        """The limits along both axes; None when neither was given."""
        drop = self.found.limits.max_drop
        floor = None
        if drop is not None and self.percent:
            floor = self.scale * self.reference.value - drop
        return (
            (self.axis.limit, floor) if self.axis.limit is not None or floor is not None else None
        )

    def _paint(self, figure: Figure) -> None:
        axes = figure.add_subplot()
        if self.logarithmic:
            axes.set_xscale("log")
        for point, (x, y) in zip(self.points, self.places, strict=True):
            self._mark(axes, point, x, y)
        for index, name in enumerate(self.formats):
            axes.scatter(
                [], [], s=50, color=SERIES[index % 4], marker=_SHAPES[index % 4], label=name
            )
        self._axes(axes, columns=2 if is_narrow(figure) else 4)
        self._limits(axes)
        shown = [
            (p, place)
            for p, place in zip(self.points, self.places, strict=True)
            if len(self.points) <= (_FEW_LABELS if is_narrow(figure) else _MOST_LABELS)
            or standing(p, self.found) in (CHOSEN, FRONT)
        ]
        most = 20 if is_narrow(figure) else 34
        place_labels(
            figure,
            axes,
            [place for _, place in shown],
            [6.0 for _ in shown],
            [fmt.plain(self.label(p), most) for p, _ in shown],
        )

    def _mark(self, axes: Axes, point: SearchPoint, x: float, y: float) -> None:
        index = self.formats.index(point.format)
        colour, shape = SERIES[index % 4], _SHAPES[index % 4]
        place = standing(point, self.found)
        filled = place in (CHOSEN, FRONT)
        axes.scatter(
            [x],
            [y],
            s=70,
            marker=shape,
            facecolor=colour if filled else "none",
            edgecolor=colour,
            linewidth=1.5,
            zorder=4,
        )
        if place == CHOSEN:
            axes.scatter(
                [x], [y], s=260, marker="o", facecolor="none", edgecolor=INK, linewidth=2, zorder=5
            )
        if point.metric is not None and point.metric.low <= point.metric.value:
            ends = [self.scale * point.metric.low, self.scale * point.metric.high]
            axes.plot([x, x], ends, color=colour, linewidth=1.0, alpha=0.35, zorder=2)

    def _limits(self, axes: Axes) -> None:
        across, floor = self._bounds() or (None, None)
        style: dict[str, Any] = {
            "color": BAD,
            "linewidth": 1.2,
            "linestyle": (0, (5, 3)),
            "zorder": 1,
        }
        low, high = axes.get_ylim()
        if floor is not None and floor > low - (high - low):
            axes.axhline(floor, **style)
        if across is not None:
            axes.axvline(across, **style)

    def _axes(self, axes: Axes, columns: int) -> None:
        ticker = require("matplotlib.ticker")
        metric = fmt.plain(self.reference.name, 24)
        axes.set_xlabel(self.axis.label, labelpad=8)
        axes.set_ylabel(f"{metric}, %" if self.percent else metric, labelpad=8)
        if self.logarithmic:
            axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0)))
        else:
            axes.xaxis.set_major_locator(ticker.MaxNLocator(6))
        axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:,.4g}"))
        axes.xaxis.set_minor_formatter(ticker.NullFormatter())
        axes.axhline(
            self.scale * self.reference.value,
            color=MUTED,
            linewidth=1,
            linestyle=(0, (2, 2)),
            zorder=1,
            label=self.reference_label,
        )
        axes.margins(x=0.14, y=0.16)
        axes.yaxis.set_major_locator(ticker.MaxNLocator(6))
        corner = (-0.02, 1.0)
        axes.legend(loc="lower left", bbox_to_anchor=corner, ncols=columns, handletextpad=0.4)
