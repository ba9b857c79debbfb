"""Confusion matrices: the reference's, and what a file changes in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoo.report.charts.svg import BLUE, INK, MUTED, ORANGE, PHONE, Chart, draw
from zoo.report.view import Confusion, Rows
from zoo.results import formatting as fmt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]

#: Up to so many classes, cells carry their counts and axes the names of all classes.
_FEW = 16

#: Up to so many classes, the axes still carry all names.
_SOME = 40

#: Up to so many classes, a phone shows the whole matrix.
_PHONE = 10

#: CSS pixels of a side, and of text.
_SIDE, _TEXT = 460.0, 11.5

#: The strongest colour is so opaque: ink is well read on it, on a light and on a dark page.
_DEEPEST = 0.72

_PAIRS = 8
#: Cells in the table behind a chart, at most.
_LISTED = 100


@dataclass(frozen=True)
class Mistake:
    """One class taken for another."""

    true_class: str
    predicted: str
    count: int
    of: int


def matrix(confusion: Confusion, classes: Sequence[str]) -> Counts | None:
    """The counts as a square array; None when they do not fit the classes or are empty."""
    try:
        counts = np.asarray(confusion, np.int64)
    except (ValueError, TypeError, OverflowError):
        return None
    if counts.shape != (len(classes), len(classes)) or counts.size == 0:
        return None
    return counts if counts.min() >= 0 and counts.sum() > 0 else None


def confusion_chart(counts: Counts, classes: Sequence[str], subject: str) -> Chart:
    """The matrix, each row in shares of its true class."""
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    right = np.eye(len(classes), dtype=bool)
    # Mistakes are few: the square root and a floor make one in a hundred visible.
    strength = np.where(right, 0.9 * shares, 0.12 * (shares > 0) + 0.88 * np.sqrt(shares))
    caption = (
        f"{subject}: rows are true classes, columns predicted ones. Blue: right, orange: wrong; "
        "the stronger, the larger the share of its row."
    )
    predicted = np.flatnonzero(counts.sum(axis=0))
    if len(predicted) == 1:
        only = fmt.plain(classes[int(predicted[0])])
        caption += f" Every example was taken for “{only}”."
    hits = int(np.trace(counts))
    alt = f"Confusion matrix of {subject}: {hits} of {int(counts.sum())} examples are right."
    picture = _Picture(strength, right, lambda r, c: f"{counts[r, c]}" if counts[r, c] else "")
    return _chart("confusion", alt, picture, classes, (caption, "examples", counts))


def difference_chart(
    counts: Counts, reference: Counts, classes: Sequence[str], subject: str
) -> Chart:
    """What the file does more or less often than the reference."""
    change = counts - reference
    moved = int(np.abs(change).sum()) // 2
    if moved == 0:
        return Chart("", f"{subject} has exactly the reference's confusion matrix.")
    right = np.eye(len(classes), dtype=bool)
    better = (change > 0) == right
    strength = np.where(change == 0, 0.0, 0.3 + 0.5 * np.abs(change) / np.abs(change).max())
    gained = int(np.trace(change))
    caption = (
        f"{subject} minus the reference: {fmt.count(moved, 'example')} moved to another cell, "
        f"{fmt.signed(gained)} right answers on balance. Blue cells are changes for the "
        "better, orange ones for the worse."
    )
    picture = _Picture(
        strength, better, lambda r, c: fmt.signed(int(change[r, c])) if change[r, c] else ""
    )
    alt = f"Confusion matrix of {subject} minus the reference's: {moved} examples moved."
    return _chart("difference", alt, picture, classes, (caption, "change", change))


def moved_examples(counts: Counts, reference: Counts) -> int:
    """How many examples, at least, are in another cell."""
    return int(np.abs(counts - reference).sum()) // 2


def mistakes(counts: Counts, classes: Sequence[str]) -> tuple[Mistake, ...]:
    """The most frequent mistakes, the worst first."""
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:_PAIRS]
    rows, columns = np.unravel_index(order, wrong.shape)
    return tuple(
        Mistake(
            fmt.plain(classes[r], 40),
            fmt.plain(classes[c], 40),
            int(wrong[r, c]),
            int(counts[r].sum()),
        )
        for r, c in zip(rows.tolist(), columns.tolist(), strict=True)
        if wrong[r, c] > 0
    )


@dataclass(frozen=True)
class _Picture:
    strength: NDArray[np.float64]
    blue: NDArray[np.bool_]
    text: Callable[[int, int], str]


def _chart(
    name: str,
    alt: str,
    picture: _Picture,
    classes: Sequence[str],
    told: tuple[str, str, Counts],
) -> Chart:
    """The drawing; `told` is its caption, and what the cells count."""
    caption, what, cells = told
    many = len(classes)
    # Many classes get room for their names, and a page that is narrow scrolls.
    side = _SIDE if many <= _PHONE or many > _SOME else max(_SIDE, 150 + 15 * many)

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        # Colour by strength only, on nothing: right on a light and on a dark page.
        image = np.zeros((*picture.strength.shape, 4))
        image[..., :3] = np.where(picture.blue[..., None], _rgb(BLUE), _rgb(ORANGE))
        image[..., 3] = _DEEPEST * np.clip(picture.strength, 0, 1)
        axes.imshow(image, interpolation="none", aspect="equal")
        axes.spines[:].set_visible(False)
        axes.set_xlabel("predicted", labelpad=8)
        axes.set_ylabel("true class", labelpad=8)
        _ticks(axes, classes)
        if len(classes) <= _FEW:
            _lines(axes, len(classes))
            _counts(axes, picture)

    wide, narrow = draw(name, alt, (side, side), paint, PHONE if many <= _PHONE else None)
    return Chart(wide, caption, _table(what, cells, classes), narrow)


def _table(what: str, cells: Counts, classes: Sequence[str]) -> Rows:
    """The cells that hold something, the fullest first."""
    order = np.argsort(-np.abs(cells), axis=None, kind="stable")[:_LISTED]
    places = (divmod(int(place), len(classes)) for place in order)
    rows = [
        (fmt.plain(classes[r], 40), fmt.plain(classes[c], 40), f"{cells[r, c]:,}")
        for r, c in places
        if cells[r, c]
    ]
    return ("true class", "predicted", what), rows, "llr"


def _ticks(axes: Axes, classes: Sequence[str]) -> None:
    many = len(classes)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    if many > _SOME:
        every = range(0, many, 10 if many <= 200 else 100)
        axes.set_xticks(every, [str(i) for i in every])
        axes.set_yticks(every, [str(i) for i in every])
        axes.set_xlabel("predicted, index of the class")
        axes.set_ylabel("true class, index of the class")
        return
    names = [fmt.plain(name, 14) or "(no name)" for name in classes]
    upright = max(map(len, names)) > (3 if many > 6 else 8)
    axes.set_xticks(range(many), names, fontsize=_TEXT, rotation=90 if upright else 0)
    axes.set_yticks(range(many), names, fontsize=_TEXT)


def _lines(axes: Axes, many: int) -> None:
    for edge in range(many + 1):
        for line in (axes.axhline, axes.axvline):
            line(edge - 0.5, color=MUTED, linewidth=0.5, alpha=0.35)


def _counts(axes: Axes, picture: _Picture) -> None:
    many = len(picture.strength)
    for row in range(many):
        for column in range(many):
            text = picture.text(row, column)
            if text:
                axes.text(column, row, text, ha="center", va="center", fontsize=_TEXT, color=INK)


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
