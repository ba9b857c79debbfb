"""ROC curves: the network's and its files', with the threshold's place on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.report.charts.svg import BLUE, GRID, MUTED, ORANGE, PHONE, Chart, draw
from zoo.results import formatting as fmt

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SIDE = 420.0
#: Curves of files that are drawn beside the network's.
_MOST = 1
_COLOURS = (BLUE, ORANGE)


def roc_chart(details: Mapping[str, Mapping[str, Any]], subject: str) -> Chart:
    """The curve of `subject`, and of the file that is farthest from it.

    Args:
        details: Of evaluations by subject, with ``roc``: points (false, true positive rate).
        subject: The network.
    """
    own = details[subject]
    others = {name: told for name, told in details.items() if name != subject}
    apart = {name: _apart(own, told) for name, told in others.items()}
    shown = [subject, *sorted(others, key=lambda name: -apart[name])[:_MOST]]

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=GRID, linewidth=1, zorder=1)
        for name, colour in zip(shown, _COLOURS, strict=False):
            points = details[name]["roc"]
            axes.plot(*zip(*points, strict=True), color=colour, label=fmt.plain(name, 40), zorder=2)
            if "at_threshold" in details[name]:
                x, y = details[name]["at_threshold"]
                axes.scatter([x], [y], s=46, color=colour, zorder=3)
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        axes.set_xlabel("false positive rate", color=MUTED)
        axes.set_ylabel("true positive rate", color=MUTED)
        axes.legend(loc="lower right", frameon=False, fontsize=11)

    rates = own.get("at_threshold")
    told = "No threshold was chosen."
    if rates:
        threshold, rule = fmt.number(float(own["threshold"])), fmt.plain(str(own.get("rule", "")))
        told = (
            f"The dot is the threshold {threshold}: it finds {rates[1]:.1%} of the anomalies, and "
            f"calls {rates[0]:.1%} of the normal examples one. Rule: {rule}."
        )
    wide, narrow = draw(
        "roc", f"ROC curve of {subject}. {told}", (_SIDE, _SIDE), paint, min(_SIDE, PHONE)
    )
    rows = [
        (fmt.plain(name), *(f"{rate:.4f}" for rate in details[name].get("at_threshold", ("", ""))))
        for name in details
        if "at_threshold" in details[name]
    ]
    table = ("file", "false positive rate", "true positive rate"), rows, "lrr"
    return Chart(wide, told, table if rows else None, narrow)


def _apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """The largest difference of two curves' true positive rates."""
    import numpy as np

    grid = np.linspace(0.0, 1.0, 201)
    first, second = (np.interp(grid, *np.array(told["roc"], float).T) for told in (one, other))
    return float(np.abs(first - second).max())
