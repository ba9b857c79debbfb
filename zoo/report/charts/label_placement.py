"""Puts a label beside each point of a chart so that labels cover neither each other nor points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import hypot
from typing import TYPE_CHECKING

from zoo.common.optional_imports import require
from zoo.report.charts.svg import INK, MUTED, RIM

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FONT = 12
_SPACE = 4.0
_PASSES = 4

#: Distances from the mark at which a place is tried, near ones first.
_DISTANCES = (0.0, 14.0, 30.0, 48.0, 70.0, 95.0)

#: Directions, the preferred ones first; y grows upwards.
_DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))


@dataclass(frozen=True)
class _Box:
    left: float
    bottom: float
    right: float
    top: float

    def overlap(self, other: _Box) -> float:
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)
        return width * height if width > 0 and height > 0 else 0.0

    def gap(self, other: _Box) -> float:
        """Distance between the two; 0 when they touch."""
        across = max(self.left - other.right, other.left - self.right, 0.0)
        return hypot(across, max(self.bottom - other.top, other.bottom - self.top, 0.0))

    @property
    def area(self) -> float:
        return (self.right - self.left) * (self.top - self.bottom)


def place_labels(
    figure: Figure,
    axes: Axes,
    points: Sequence[tuple[float, float]],
    radii: Sequence[float],
    labels: Sequence[str],
) -> None:
    """Labels every point; a far label gets a thin line to its point.

    Args:
        figure: Its layout is fixed by this call.
        axes: Where the points are.
        points: In data coordinates.
        radii: Of the marks, in points of 1/72 inch.
        labels: One per point; where it is empty, the point has none, and is not covered.
    """
    canvas = require("matplotlib.backends.backend_agg").FigureCanvasAgg(figure)
    canvas.draw()
    figure.set_layout_engine("none")
    frame = axes.get_window_extent()
    inside = _Box(frame.x0, frame.y0, frame.x1, frame.y1)
    places = [tuple(axes.transData.transform(point)) for point in points]
    marks = [_Box(x - r, y - r, x + r, y + r) for (x, y), r in zip(places, radii, strict=True)]
    texts = []
    named = [index for index, label in enumerate(labels) if label]
    for index in named:
        text = axes.annotate(labels[index], points[index], (0, 0), textcoords="offset points")
        text.set(fontsize=_FONT, color=INK, va="center", ha="center", zorder=7)
        text.set_gid(f"{RIM}-{index}")
        texts.append(text)
    extents = [text.get_window_extent(canvas.get_renderer()) for text in texts]
    options = [
        list(_candidates(places[index], radii[index], (extent.width, extent.height)))
        for index, extent in zip(named, extents, strict=True)
    ]
    chosen = _choose(options, named, marks, inside)
    for text, index, (distance, box) in zip(texts, named, chosen, strict=True):
        place = places[index]
        x, y = (box.left + box.right) / 2, (box.bottom + box.top) / 2
        text.set_position((x - place[0], y - place[1]))
        if distance > 0:
            _lead(axes, place, box)


def _choose(
    options: Sequence[Sequence[tuple[float, _Box]]],
    named: Sequence[int],
    marks: Sequence[_Box],
    inside: _Box,
) -> list[tuple[float, _Box]]:
    """One place per label: first one after the other, then each again in view of the rest."""
    # Marks stay where they are: what they cost a place is computed once.
    fixed = [
        [_cost(place, index, marks, inside) for place in places]
        for index, places in zip(named, options, strict=True)
    ]
    chosen: list[tuple[float, _Box] | None] = [None] * len(options)
    for _ in range(_PASSES):
        for index, places in enumerate(options):
            taken = [other[1] for i, other in enumerate(chosen) if other and i != index]
            costs = [
                cost + 6.0 * sum(box.overlap(other) for other in taken)
                for cost, (_, box) in zip(fixed[index], places, strict=True)
            ]
            chosen[index] = places[costs.index(min(costs))]
    return [place for place in chosen if place is not None]


def _candidates(
    place: tuple[float, ...], radius: float, shape: tuple[float, float]
) -> Iterator[tuple[float, _Box]]:
    for distance in _DISTANCES:
        reach = radius + _SPACE + distance
        for across, up in _DIRECTIONS:
            slant = 0.75 if across and up else 1.0
            x = place[0] + across * (reach * slant + shape[0] / 2)
            y = place[1] + up * (reach * slant + shape[1] / 2)
            yield (
                distance,
                _Box(x - shape[0] / 2, y - shape[1] / 2, x + shape[0] / 2, y + shape[1] / 2),
            )


def _cost(found: tuple[float, _Box], index: int, marks: Sequence[_Box], inside: _Box) -> float:
    """What a place costs, other labels aside."""
    distance, box = found
    over_marks = sum(box.overlap(mark) for i, mark in enumerate(marks) if i != index)
    outside = box.area - box.overlap(inside)
    own = box.gap(marks[index])
    nearer = sum(max(own + _SPACE - box.gap(m), 0) for i, m in enumerate(marks) if i != index)
    return 6.0 * over_marks + 8.0 * outside + 8.0 * nearer + 4.0 * distance


def _lead(axes: Axes, place: tuple[float, ...], box: _Box) -> None:
    end = (
        min(max(place[0], box.left), box.right),
        min(max(place[1], box.bottom), box.top),
    )
    to_data = axes.transData.inverted()
    (x0, y0), (x1, y1) = to_data.transform(place), to_data.transform(end)
    axes.plot([x0, x1], [y0, y1], color=MUTED, linewidth=0.8, zorder=2, scalex=False, scaley=False)
