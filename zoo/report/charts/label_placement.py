"""Puts a label beside each point of a chart so that labels cover neither each other nor points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
    figure.draw_without_rendering()
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
    boxes = [_edges([box for _, box in places]) for places in options]
    fixed = [
        _costs(places, own, index, marks, inside)
        for index, places, own in zip(named, options, boxes, strict=True)
    ]
    chosen: list[tuple[float, _Box] | None] = [None] * len(options)
    for _ in range(_PASSES):
        for index, places in enumerate(options):
            taken = [other[1] for i, other in enumerate(chosen) if other and i != index]
            costs = fixed[index] + 6.0 * sum(_overlaps(boxes[index], other) for other in taken)
            chosen[index] = places[int(costs.argmin())]
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


def _edges(boxes: Sequence[_Box]) -> Any:
    """Left, bottom, right and top edges of boxes, an array each."""
    edges = [(box.left, box.bottom, box.right, box.top) for box in boxes]
    return require("numpy").array(edges).T


def _overlaps(edges: Any, other: _Box) -> Any:
    """Areas that boxes share with another one."""
    numpy, (left, bottom, right, top) = require("numpy"), edges
    width = numpy.minimum(right, other.right) - numpy.maximum(left, other.left)
    height = numpy.minimum(top, other.top) - numpy.maximum(bottom, other.bottom)
    return numpy.maximum(width, 0.0) * numpy.maximum(height, 0.0)


def _gaps(edges: Any, other: _Box) -> Any:
    """Distances between boxes and another one; 0 where they touch."""
    numpy, (left, bottom, right, top) = require("numpy"), edges
    across = numpy.maximum(numpy.maximum(left - other.right, other.left - right), 0.0)
    up = numpy.maximum(numpy.maximum(bottom - other.top, other.bottom - top), 0.0)
    return numpy.hypot(across, up)


def _costs(
    places: Sequence[tuple[float, _Box]],
    edges: Any,
    index: int,
    marks: Sequence[_Box],
    inside: _Box,
) -> Any:
    """What each place costs, other labels aside."""
    numpy = require("numpy")
    others = [mark for i, mark in enumerate(marks) if i != index]
    own = _gaps(edges, marks[index])
    over_marks = sum(_overlaps(edges, mark) for mark in others)
    nearer = sum(numpy.maximum(own + _SPACE - _gaps(edges, mark), 0.0) for mark in others)
    left, bottom, right, top = edges
    outside = (right - left) * (top - bottom) - _overlaps(edges, inside)
    far = numpy.array([distance for distance, _ in places])
    return 6.0 * over_marks + 8.0 * outside + 8.0 * nearer + 4.0 * far


def _lead(axes: Axes, place: tuple[float, ...], box: _Box) -> None:
    end = (
        min(max(place[0], box.left), box.right),
        min(max(place[1], box.bottom), box.top),
    )
    to_data = axes.transData.inverted()
    (x0, y0), (x1, y1) = to_data.transform(place), to_data.transform(end)
    axes.plot([x0, x1], [y0, y1], color=MUTED, linewidth=0.8, zorder=2, scalex=False, scaley=False)
