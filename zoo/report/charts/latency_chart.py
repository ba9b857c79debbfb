"""Quality against latency, one bubble per file, its area in proportion to the file's size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from zoo.common.optional_imports import require
from zoo.contracts.task import Metric
from zoo.pipeline.rows import ArtifactRow
from zoo.report.charts.label_placement import place_labels
from zoo.report.charts.svg import BAD, INK, MUTED, PAPER, SERIES, Chart, draw, is_narrow
from zoo.results import formatting as fmt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from zoo.report.view import Rows

_WIDE, _NARROW = (900, 440), 430

#: One shape per format besides one colour, so that neither is needed alone.
_SHAPES = ("o", "s", "D", "^")

#: Area of the largest bubble in square points.
_LARGEST = 900.0
_SMALLEST = 30.0

#: Beyond this ratio of the slowest to the fastest, latency is drawn on a logarithmic axis.
_LOG_FROM = 8.0

#: More labels than these crowd the drawing: only the front is named then.
_MOST_LABELS = 24


@dataclass(frozen=True)
class _Point:
    row: ArtifactRow
    ms: float
    metric: Metric


def latency_chart(rows: Sequence[ArtifactRow], reference: Metric | None) -> Chart:
    """The chart of files that have both a quality and a latency."""
    points = [
        _Point(row, row.p50_ms, row.accuracy)
        for row in rows
        if row.p50_ms is not None
        and row.timed
        and row.accuracy is not None
        and math.isfinite(row.p50_ms)
        and row.p50_ms > 0
        and math.isfinite(row.accuracy.value)
    ]
    if not points:
        return Chart("", "No file has both a quality and a latency, so they cannot be compared.")
    return _Drawing(points, reference).chart()


class _Drawing:
    def __init__(self, points: Sequence[_Point], reference: Metric | None) -> None:
        self.points = points
        self.reference = reference
        self.unit = fmt.time_unit(point.ms for point in points)
        self.formats = list(dict.fromkeys(point.row.format for point in points))
        self.percent = all(fmt.is_share(point.metric) for point in points)
        self.scale = 100.0 if self.percent else 1.0
        self.metric = fmt.plain(points[0].metric.name, 24)

    def chart(self) -> Chart:
        wide, narrow = draw("latency", self._alt(), _WIDE, self._paint, _NARROW)
        return Chart(wide, self._caption(), self._table(), narrow)

    def _table(self) -> Rows:
        unit = self.unit
        rows = [
            (
                p.row.file,
                fmt.metric_with_range(p.metric),
                unit.text(p.ms) + (" noisy" if p.row.quiet is False else ""),
                fmt.time_interval(p.row.p50_low, p.row.p50_high, unit),
                fmt.size_unit([p.row.bytes]).with_symbol(p.row.bytes),
            )
            for p in self.points
        ]
        heads = ("file", self.metric, f"median, {unit.symbol}", "95 % interval", "size")
        return heads, rows, "lrrrr"

    def _alt(self) -> str:
        found = (
            f"{fmt.plain(p.row.file)}: {fmt.metric_value(p.metric)}, {self.unit.with_symbol(p.ms)}"
            for p in self.points
        )
        return f"{self.metric} against median latency. {'; '.join(found)}."

    def _caption(self) -> str:
        better = "Up" if self.points[0].metric.higher_is_better else "Down"
        words = [
            f"{better} is better, left is faster; the area of a mark is the size of its file. "
            "Bars are 95 % intervals."
        ]
        if self._logarithmic():
            words.append("The latency axis is logarithmic.")
        if any(p.row.quiet is False for p in self.points):
            words.append("Dotted rims: the host was not quiet, do not rely on the latency.")
        if len(self.points) > _MOST_LABELS:
            words.append("Of so many, names stand at the files that no other beats in both.")
        if any(p.row.verdict != "passed" for p in self.points):
            words.append("Red crosses: files that may not be shipped.")
        return " ".join(words)

    def _logarithmic(self) -> bool:
        times = [point.ms for point in self.points]
        return max(times) / min(times) > _LOG_FROM

    def _paint(self, figure: Figure) -> None:
        # Where there is little room, the legend takes more lines.
        columns = 4 if not is_narrow(figure) else 2
        axes = figure.add_subplot()
        if self._logarithmic():
            axes.set_xscale("log")
        sizes = self._areas()
        self._bars(axes)
        self._marks(axes, sizes)
        for index, name in enumerate(self.formats):
            colour, shape = self._colour(index), self._shape(index)
            axes.scatter([], [], s=50, color=colour, marker=shape, label=fmt.plain(name, 20))
        self._reference(axes)
        self._axes(axes, columns)
        place_labels(
            figure,
            axes,
            [(p.ms / self.unit.per, self.scale * p.metric.value) for p in self.points],
            [math.sqrt(area) / 2 for area in sizes],
            [
                self._label(p, short=is_narrow(figure)) if id(p) in self._named else ""
                for p in self.points
            ],
        )

    @cached_property
    def _named(self) -> frozenset[int]:
        """Identities of the points with labels: all, or of many those that no other one beats."""
        if len(self.points) <= _MOST_LABELS:
            return frozenset(map(id, self.points))
        found, best = [], -math.inf
        sign = 1.0 if self.points[0].metric.higher_is_better else -1.0
        for point in sorted(self.points, key=lambda p: (p.ms, -sign * p.metric.value)):
            if point.row.verdict == "passed" and sign * point.metric.value > best:
                best = sign * point.metric.value
                found.append(id(point))
        return frozenset(found[:_MOST_LABELS])

    def _areas(self) -> list[float]:
        largest = max((p.row.bytes or 0 for p in self.points), default=0)
        if largest <= 0:
            return [80.0 for _ in self.points]
        return [max(_LARGEST * (p.row.bytes or 0) / largest, _SMALLEST) for p in self.points]

    def _colour(self, index: int) -> str:
        return SERIES[index % len(SERIES)]

    def _shape(self, index: int) -> str:
        return _SHAPES[index % len(_SHAPES)]

    def _bars(self, axes: Axes) -> None:
        for index, name in enumerate(self.formats):
            upright, level = [], []
            for point in (p for p in self.points if p.row.format == name):
                x, y = self._place(point)
                if metric := fmt.metric_ends(point.metric):
                    upright.append((x, *(self.scale * end for end in metric)))
                if times := fmt.interval_ends(point.row.p50_low, point.row.p50_high):
                    level.append((y, *(end / self.unit.per for end in times)))
            for draw_lines, lines in ((axes.vlines, upright), (axes.hlines, level)):
                if lines:
                    draw_lines(
                        *zip(*lines, strict=True),
                        color=self._colour(index),
                        linewidth=1.2,
                        alpha=0.45,
                        zorder=2,
                    )

    def _place(self, point: _Point) -> tuple[float, float]:
        return point.ms / self.unit.per, self.scale * point.metric.value

    def _marks(self, axes: Axes, areas: Sequence[float]) -> None:
        """The marks of all files; those that look alike are drawn at once, which is quicker."""
        alike: dict[tuple[int, bool], list[tuple[float, float, float]]] = {}
        centres: dict[bool, list[tuple[float, float]]] = {}
        for point, area in zip(self.points, areas, strict=True):
            look = self.formats.index(point.row.format), point.row.quiet is not False
            alike.setdefault(look, []).append((*self._place(point), area))
            centres.setdefault(point.row.verdict == "passed", []).append(self._place(point))
        for (index, quiet), marks in alike.items():
            x, y, sizes = zip(*marks, strict=True)
            given: dict[str, Any] = {"s": sizes, "marker": self._shape(index)}
            face: dict[str, Any] = {"facecolor": self._colour(index), "edgecolor": "none"}
            axes.scatter(x, y, **given, **face, alpha=0.35 if quiet else 0.12, zorder=3)
            rim: dict[str, Any] = {
                "facecolor": "none",
                "edgecolor": self._colour(index),
                "linewidth": 1.5,
            }
            axes.scatter(x, y, **given, **rim, linestyle="-" if quiet else (0, (1, 2)), zorder=4)
        for passed, places in centres.items():
            style: dict[str, Any] = (
                {"s": 6, "marker": "o", "color": INK, "edgecolor": PAPER}
                if passed
                else {"s": 60, "marker": "x", "color": BAD, "linewidth": 2}
            )
            axes.scatter(*zip(*places, strict=True), **style, zorder=5)

    def _reference(self, axes: Axes) -> None:
        if self.reference is not None and math.isfinite(self.reference.value):
            axes.axhline(
                self.scale * self.reference.value,
                color=MUTED,
                linewidth=1,
                linestyle=(0, (4, 3)),
                zorder=1,
                label="before export",
            )

    def _axes(self, axes: Axes, columns: int) -> None:
        ticker = require("matplotlib.ticker")
        axes.set_xlabel(f"median latency, {self.unit.symbol}", labelpad=8)
        axes.set_ylabel(f"{self.metric}, %" if self.percent else self.metric, labelpad=8)
        if self._logarithmic():
            axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0)))
        else:
            axes.xaxis.set_major_locator(ticker.MaxNLocator(6))
        axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:,.4g}"))
        axes.xaxis.set_minor_formatter(ticker.NullFormatter())
        axes.margins(x=0.14, y=0.16)
        low, high = axes.get_ylim()
        ticks = ticker.MaxNLocator(6).tick_values(low, high)
        # The margin reaches beyond 100 %, a label must not.
        shown = [t for t in ticks if low <= t <= high and not (self.percent and t > 100)]
        axes.set_yticks(shown, [f"{tick:.4g}" for tick in shown])
        axes.set_ylim(low, high)
        corner = (-0.02, 1.0)
        axes.legend(loc="lower left", bbox_to_anchor=corner, ncols=columns, handletextpad=0.4)

    def _label(self, point: _Point, *, short: bool) -> str:
        size = fmt.size_unit([point.row.bytes]).with_symbol(point.row.bytes, 2)
        trained = " qat" if point.row.trained else ""
        named = f"{fmt.plain(point.row.precision, 20)}{trained}"
        return named if short else f"{named} · {size}"
