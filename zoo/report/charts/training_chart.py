"""Training curves: loss and metric, training against validation, the best epoch marked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.common.optional_imports import require
from zoo.report.charts.svg import BLUE, INK, MUTED, ORANGE, Chart, draw, is_narrow
from zoo.results import formatting as fmt
from zoo.results.records import TrainingResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from zoo.report.view import Rows

_SIZE, _NARROW = (460, 290), 270


def training_charts(training: TrainingResult, name: str = "training") -> tuple[Chart, ...]:
    """The loss and the metric over the epochs; nothing is drawn for figures that are not finite.

    Args:
        training: What was trained.
        name: What the charts' identifiers begin with: each is unique in its page.
    """
    epochs = training.epochs
    loss = _chart(
        f"{name}-loss",
        "Loss",
        training,
        [epoch.loss for epoch in epochs],
        [epoch.validation_loss for epoch in epochs],
    )
    share = fmt.names_share(training.metric_name)
    per = 100.0 if share else 1.0
    quality = _chart(
        f"{name}-metric",
        fmt.heading(training.metric_name),
        training,
        [None if epoch.metric is None else per * epoch.metric for epoch in epochs],
        [per * epoch.validation_metric for epoch in epochs],
        unit=" %" if share else "",
    )
    return (loss, quality)


def _chart(
    name: str,
    heading: str,
    training: TrainingResult,
    train: Sequence[float | None],
    validation: Sequence[float],
    unit: str = "",
) -> Chart:
    numbers = [epoch.epoch for epoch in training.epochs]
    both = list(zip(numbers, train, validation, strict=True))
    measured = [(n, [v for v in values if v is not None]) for n, *values in both]
    broken = [n for n, values in measured if not all(map(math.isfinite, values))]
    known = [value for _, values in measured for value in values if math.isfinite(value)]
    if not known:
        why = "not a finite number in any epoch" if numbers else "recorded for no epoch"
        return Chart("", f"{heading} was {why}, so there is no curve.")
    caption = _caption(heading, training, both, unit)
    if broken:
        caption += f" It was not a finite number in {_epochs(broken)}."
    best = training.best_epoch if training.best_epoch in numbers else None

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        if any(value is not None for value in train):
            _line(axes, numbers, train, ORANGE, "training", dashed=True)
        _line(axes, numbers, validation, BLUE, "validation", dashed=False)
        _scale(axes, numbers, known, unit)
        axes.grid(visible=False, axis="x")
        axes.set_xlabel("epoch")
        if best is not None:
            _mark(axes, best, validation[numbers.index(best)])
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(-0.02, 1.0),
            ncols=2 if is_narrow(figure) else 3,
            handlelength=1.6,
        )

    wide, narrow = draw(name, caption, _SIZE, paint, _NARROW)
    return Chart(wide, caption, _table(heading, both, unit), narrow)


def _table(heading: str, both: Sequence[tuple[int, float | None, float]], unit: str) -> Rows:
    def text(value: float | None) -> str:
        return fmt.number(value, 4) + (unit if value is not None else "")

    rows = [(str(number), text(train), text(validation)) for number, train, validation in both]
    return ("epoch", f"{heading}, training", f"{heading}, validation"), rows, "rrr"


def _line(
    axes: Axes,
    x: Sequence[int],
    y: Sequence[float | None],
    colour: str,
    label: str,
    *,
    dashed: bool,
) -> None:
    finite = [v if v is not None and math.isfinite(v) else math.nan for v in y]
    axes.plot(
        x,
        finite,
        color=colour,
        label=label,
        linestyle=(0, (4, 2)) if dashed else "-",
        marker="o" if len(x) <= 30 else "",
        markersize=4,
    )


def _mark(axes: Axes, best: int, value: float) -> None:
    axes.axvline(best, color=MUTED, linewidth=1, linestyle=(0, (2, 3)), zorder=1)
    if math.isfinite(value):
        axes.plot(
            [best],
            [value],
            marker="o",
            markersize=9,
            markerfacecolor="none",
            markeredgecolor=INK,
            linestyle="",
            label=f"best epoch: {best}",
        )


def _scale(axes: Axes, numbers: Sequence[int], known: Sequence[float], unit: str) -> None:
    ticker = require("matplotlib.ticker")
    if min(known) > 0 and max(known) / min(known) > 50:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0)))
    else:
        axes.yaxis.set_major_locator(ticker.MaxNLocator(5))
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:.4g}{unit}"))
    axes.yaxis.set_minor_formatter(ticker.NullFormatter())
    if len(numbers) == 1:
        axes.set_xticks(numbers)
    else:
        axes.xaxis.set_major_locator(ticker.MaxNLocator(8, integer=True))
        space = 0.03 * (numbers[-1] - numbers[0])
        axes.set_xlim(numbers[0] - space, numbers[-1] + space)


def _caption(
    heading: str,
    training: TrainingResult,
    both: Sequence[tuple[int, float | None, float]],
    unit: str,
) -> str:
    for number, train, validation in both:
        if number == training.best_epoch:
            learnt = (
                "" if train is None else f"{fmt.number(train, 4)}{unit} on the training split, "
            )
            return (
                f"{heading} by epoch. At the best epoch, {number} of {len(both)}: "
                f"{learnt}{fmt.number(validation, 4)}{unit} on the validation split."
            )
    return f"{heading} by epoch, {fmt.count(len(both), 'epoch')}."


def _epochs(numbers: Sequence[int]) -> str:
    shown = [str(number) for number in numbers[:8]]
    if len(numbers) > len(shown):
        shown.append(f"{len(numbers) - len(shown)} more")
    return f"epoch {shown[0]}" if len(shown) == 1 else f"epochs {fmt.listed(shown)}"
