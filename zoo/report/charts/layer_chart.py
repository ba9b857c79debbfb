"""Errors, times and bytes of a file beside its float twin's, one line for each layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from zoo.analysis.findings import layers_of
from zoo.common.optional_imports import require
from zoo.contracts import LayerComparison, OperatorRecord
from zoo.report.charts.svg import BLUE, INK, MUTED, ORANGE, Chart, draw, is_narrow
from zoo.report.layer_table import decibel_text
from zoo.results import formatting as fmt
from zoo.results.layer_errors import LayerError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from zoo.report.view import Rows

_Row = TypeVar("_Row")
_WIDTH = 900
_LINE = 22
_FRAME = 96
#: More layers than this would be a chart nobody reads: the worst are drawn.
_MOST = 60
#: Errors smaller than this look alike.
_TOP_DB = 80.0


def error_chart(layers: Sequence[LayerError], most: int = _MOST) -> Chart:
    """Signal to noise of each layer by itself, and of what has gathered up to it."""
    known = [r for r in layers if r.own_sqnr_db is not None and r.sqnr_db is not None]
    if not known:
        return Chart("", "No layer of the file has a counterpart in the float twin.")
    shown = _most(known, [-(r.own_sqnr_db or 0.0) for r in known], most)
    names = [r.layer for r in shown]

    def paint(figure: Figure) -> None:
        axes = _axes(figure, names)
        places = range(len(shown))
        own = [_capped(r.own_sqnr_db) for r in shown]
        gathered = [_capped(r.sqnr_db) for r in shown]
        axes.hlines(places, gathered, own, color=MUTED, linewidth=1, alpha=0.6)
        axes.plot(own, places, "o", color=BLUE, label="by itself, from the twin's inputs")
        axes.plot(gathered, places, "D", color=ORANGE, markersize=5, label="in the whole file")
        axes.set_xlim(min(0.0, *own, *gathered) - 2, _TOP_DB + 2)
        axes.set_xlabel("signal to noise, dB: more is better")
        _legend(axes, 1 if is_narrow(figure) else 2)

    caption = (
        "Each layer’s output against the float twin’s. Blue: what it adds by itself when it gets "
        "the twin’s values; orange: what has gathered on the way. The further left, the worse; "
        f"from {_TOP_DB:g} dB on all are drawn alike." + _left_out(known, shown, "worst")
    )
    rows = [
        (fmt.plain(r.layer), decibel_text(r.own_sqnr_db), decibel_text(r.sqnr_db)) for r in shown
    ]
    table = ("layer", "by itself, dB", "in the whole file, dB"), rows, "lrr"
    return _drawn("layer-errors", caption, len(shown), paint, table)


def time_chart(found: LayerComparison) -> Chart:
    """Microseconds of each layer in both files."""
    known = [r for r in found.operators if r.microseconds is not None]
    if not known:
        return Chart("", "Operators were not timed.")
    return _bars(
        "layer-times",
        known,
        [(r.microseconds or 0.0, r.twin_microseconds or 0.0) for r in known],
        "microseconds",
        "Median time of each operator; solid: this file, hollow: its float twin.",
    )


def byte_chart(found: LayerComparison) -> Chart:
    """Bytes of each layer's constants in both files."""
    known = [r for r in found.operators if r.weight_bytes or r.twin_weight_bytes]
    if not known:
        return Chart("", "Neither file holds constants.")
    return _bars(
        "layer-bytes",
        known,
        [(r.weight_bytes / 1000, r.twin_weight_bytes / 1000) for r in known],
        "kB of constants",
        "Weights, biases and scales of each layer; solid: this file, hollow: its float twin.",
    )


def _bars(
    name: str,
    records: Sequence[OperatorRecord],
    values: Sequence[tuple[float, float]],
    unit: str,
    caption: str,
) -> Chart:
    shown = _most(records, [max(pair) for pair in values])
    names = [layers_of(record) for record in shown]
    pairs = [values[list(records).index(record)] for record in shown]

    def paint(figure: Figure) -> None:
        axes = _axes(figure, names)
        places = range(len(shown))
        twins, own = [pair[1] for pair in pairs], [pair[0] for pair in pairs]
        axes.barh(places, twins, 0.7, color="none", edgecolor=MUTED, label="float twin")
        axes.barh(places, own, 0.36, color=BLUE, label="this file")
        axes.set_xlabel(unit)
        _legend(axes, 1 if is_narrow(figure) else 2)

    caption += _left_out(records, shown, "largest")
    rows = [
        (fmt.plain(name), fmt.number(own), fmt.number(twin))
        for name, (own, twin) in zip(names, pairs, strict=True)
    ]
    table = ("layer", f"this file, {unit}", f"float twin, {unit}"), rows, "lrr"
    return _drawn(name, caption, len(shown), paint, table)


def _drawn(
    name: str,
    caption: str,
    lines: int,
    paint: Callable[[Figure], None],
    table: Rows,
) -> Chart:
    height = _FRAME + _LINE * lines
    wide, narrow = draw(name, caption, (_WIDTH, height), paint, height + _LINE)
    return Chart(wide, caption, table, narrow)


def _most(records: Sequence[_Row], weights: Sequence[float], most: int = _MOST) -> list[_Row]:
    """Those with the greatest weights, in the file's order."""
    order = sorted(range(len(records)), key=lambda place: -weights[place])[:most]
    return [records[place] for place in sorted(order)]


def _axes(figure: Figure, names: Sequence[str]) -> Axes:
    axes: Axes = figure.add_subplot()
    longest = 14 if is_narrow(figure) else 40
    told = [fmt.plain(name, longest) for name in names]
    axes.set_yticks(range(len(told)), told, fontsize=12, color=INK)
    axes.xaxis.set_major_locator(require("matplotlib.ticker").MaxNLocator(5))
    axes.set_ylim(len(told) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    return axes


def _legend(axes: Axes, columns: int) -> None:
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=columns, handletextpad=0.4)


def _capped(value: float | None) -> float:
    return min(_TOP_DB, value if value is not None else _TOP_DB)


def _left_out(records: Sequence[_Row], shown: Sequence[_Row], which: str) -> str:
    if len(records) == len(shown):
        return ""
    return f" The {len(shown)} {which} of {len(records)} are shown."
