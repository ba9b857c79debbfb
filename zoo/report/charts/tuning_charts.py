"""A search for hyper-parameters: its course, what decided, and all trials by parameter."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from zoo.common.optional_imports import require
from zoo.contracts.search_space import Interval, choice_text
from zoo.report.charts.svg import BLUE, GRID, INK, MUTED, ORANGE, RIM, Chart, draw, is_narrow
from zoo.report.tuning_text import differences, trial_rows
from zoo.results import formatting as fmt

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from zoo.pipeline.search.space import SearchedParameter
    from zoo.pipeline.search.study import StudiedTrial
    from zoo.pipeline.search.tune import TuneResult

_SIZE, _NARROW = (760.0, 340.0), 320.0
#: Axes of parallel coordinates for phones; more would not leave room for their names.
_AXES, _NARROW_AXES = 9, 4


def tuning_charts(found: TuneResult) -> tuple[Chart, ...]:
    """The course, the importances, the parallel coordinates, and the front where there is one."""
    charts = [_history(found), _importances(found), _parallel(found)]
    return (*charts, _front(found)) if found.files else tuple(charts)


def _scaled(found: TuneResult, value: float) -> float:
    return 100.0 * value if fmt.names_share(found.objective) else value


def _label(found: TuneResult) -> str:
    name = f"validation {fmt.plain(found.objective, 24)}"
    return f"{name}, %" if fmt.names_share(found.objective) else name


def _measured(found: TuneResult) -> list[tuple[StudiedTrial, float]]:
    return [(t, _scaled(found, t.value)) for t in found.trials if t.value is not None]


def _history(found: TuneResult) -> Chart:
    """The objective of each trial in their order, and the best so far."""
    known = _measured(found)
    if not known:
        return Chart("", "No trial measured anything, so there is no course to draw.")
    whole = [(t.number, v) for t, v in known if t.state == "complete"]
    rest = [(t.number, v) for t, v in known if t.state != "complete"]
    better = max if found.maximize else min
    so_far = [better(v for _, v in whole[: n + 1]) for n in range(len(whole))]

    def paint(figure: Figure) -> None:
        ticker = require("matplotlib.ticker")
        axes = figure.add_subplot()
        if whole:
            numbers, values = zip(*whole, strict=True)
            axes.step(numbers, so_far, where="post", color=MUTED, label="best so far")
            axes.scatter(numbers, values, s=42, color=BLUE, zorder=4, label="trained to the end")
        if rest:
            numbers, values = zip(*rest, strict=True)
            axes.scatter(
                numbers, values, s=42, facecolor="none", edgecolor=ORANGE, label="ended before"
            )
        for number, value in whole:
            if number == found.best:
                style: dict[str, Any] = {"facecolor": "none", "edgecolor": INK, "linewidth": 2}
                axes.scatter([number], [value], s=190, zorder=5, **style)
        axes.set_xlabel("trial")
        axes.set_ylabel(_label(found))
        axes.xaxis.set_major_locator(ticker.MaxNLocator(8, integer=True))
        axes.legend(
            loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2 if is_narrow(figure) else 3
        )

    caption = (
        f"{fmt.heading(_label(found))} by trial; the ring is the best. Trials that fell behind "
        "were ended before, at the value that they had."
    )
    wide, narrow = draw("history", caption, _SIZE, paint, _NARROW)
    return Chart(wide, caption, trial_rows(found), narrow)


def _importances(found: TuneResult) -> Chart:
    """The share of each parameter."""
    shares = sorted(found.importances.items(), key=lambda item: item[1])
    if not shares:
        return Chart("", "Too few trials came to their end to tell which parameter decided.")

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        names = [fmt.plain(name, 20) for name, _ in shares]
        axes.barh(names, [100 * share for _, share in shares], color=BLUE, height=0.6)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_xlabel("importance, %")

    caption = (
        "Share of each parameter in what set the best trials apart from the others, by PED-ANOVA "
        "(Watanabe et al. 2023); of few trials it is a hint alone."
    )
    height = 90.0 + 26.0 * len(shares)
    wide, narrow = draw("importance", caption, (_SIZE[0], height), paint, height)
    rows = [(name, fmt.share(share)) for name, share in reversed(shares)]
    return Chart(wide, caption, (("parameter", "importance, %"), rows, "lr"), narrow)


def _parallel(found: TuneResult) -> Chart:
    """Each trial as a line through its values, the best ones in colour."""
    known = _measured(found)
    if len(known) < 2:
        return Chart("", "There are too few trials to compare parameter by parameter.")
    order = sorted(found.space, key=lambda p: -found.importances.get(p.name, 0.0))
    values = [value for _, value in known]
    low, high = min(values), max(values)

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        shown = order[: _NARROW_AXES if is_narrow(figure) else _AXES]
        xs = range(len(shown) + 1)
        for trial, value in sorted(known, key=lambda item: item[1] * (1 if found.maximize else -1)):
            rank = (value - low) / (high - low) if high > low else 1.0
            good = rank if found.maximize else 1.0 - rank
            ys = [*(_place(p, trial.values[p.name]) for p in shown), rank]
            best = trial.number == found.best
            width, alpha = (2.6, 1.0) if best else (1.2, 0.12 + 0.6 * good**2)
            axes.plot(xs, ys, color=ORANGE if best else BLUE, alpha=alpha, linewidth=width)
        for x in xs:
            axes.axvline(x, color=GRID, linewidth=1, zorder=0)
        heads = [fmt.plain(p.name, 13).replace("_", "\n") for p in shown]
        axes.set_xticks(list(xs), [*heads, "objective"])
        for x, parameter in zip(xs, shown, strict=False):
            for place, text in _ticks(parameter):
                axes.text(x, place, f" {text}", color=MUTED, fontsize=10, gid=RIM, va="center")
        last = len(shown)
        for place, value in ((0.0, low), (1.0, high)):
            axes.text(last, place, f" {value:.4g}", color=MUTED, fontsize=10, gid=RIM, va="center")
        axes.set_yticks([])
        axes.grid(visible=False)
        axes.set_xlim(-0.1, last + 0.5)

    caption = (
        f"Each line is a trial through its values; the right axis is {_label(found)}. The best "
        "trial is orange, good ones are darker."
    )
    wide, narrow = draw("parallel", caption, _SIZE, paint, _NARROW)
    rows = [(str(t.number), f"{v:.4g}", differences(found, t)) for t, v in known]
    table = (("trial", _label(found), "departs from the default by"), rows, "rrl")
    return Chart(wide, caption, table, narrow)


def _place(parameter: SearchedParameter, value: Any) -> float:
    """Where a value lies on its axis, 0 to 1."""
    range = parameter.range
    if isinstance(range, Interval):
        scale = math.log if range.log else float
        low, high = scale(range.low), scale(range.high)
        return float((scale(value) - low) / (high - low))
    place = range.texts.index(choice_text(value))
    return place / max(len(range.texts) - 1, 1)


def _ticks(parameter: SearchedParameter) -> list[tuple[float, str]]:
    if isinstance(parameter.range, Interval):
        return [(0.0, f"{parameter.range.low:g}"), (1.0, f"{parameter.range.high:g}")]
    texts = parameter.range.texts
    return [(n / max(len(texts) - 1, 1), fmt.plain(t, 9)) for n, t in enumerate(texts)]


def _front(found: TuneResult) -> Chart:
    """Quality against size or latency of the files of different networks."""
    size = found.cost == "size"
    unit = (
        fmt.size_unit(p.bytes for p in found.files)
        if size
        else fmt.time_unit(p.p50_ms for p in found.files)
    )
    points = []
    for point in found.files:
        price = point.bytes if size else point.p50_ms
        if price is not None and point.verdict == "passed":
            points.append((point, price / unit.per, _scaled(found, point.value)))
    if not points:
        return Chart("", "No file passed its gate and was measured, so there is no front.")
    front = sorted((x, y) for point, x, y in points if point.on_front)

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.plot(*zip(*front, strict=True), color=MUTED, linewidth=1, zorder=1)
        for point, x, y in points:
            fill = BLUE if point.on_front else "none"
            axes.scatter([x], [y], s=60, facecolor=fill, edgecolor=BLUE, zorder=4)
            axes.annotate(
                str(point.trial), (x, y), xytext=(7, 5), textcoords="offset points", color=MUTED
            )
        axes.set_xlabel(f"{'size of the file' if size else 'median latency'}, {unit.symbol}")
        axes.set_ylabel(_label(found))
        axes.margins(x=0.15, y=0.2)

    caption = (
        f"{fmt.heading(_label(found))} against {fmt.plain(found.cost)} of different networks, by "
        "number of the trial. Filled marks: no other file is as good and takes less."
    )
    wide, narrow = draw("front", caption, _SIZE, paint, _NARROW)
    rows = [(str(p.trial), f"{y:.4g}", f"{x:.4g}") for p, x, y in points]
    return Chart(wide, caption, (("trial", _label(found), unit.symbol), rows, "rrr"), narrow)
