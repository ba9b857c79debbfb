"""What labels are by their numbers: a class, real targets, or several labels that may all be true.

Each form has the tasks that it fits. Where numbers could be either, the form that is asked for with
``?task=`` counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData
from zoo.common.shown_text import printable

#: Names of tasks; also what ``?task=`` takes.
NUMBERS, LABELS = "regression", "multi-label"
ASKED = (NUMBERS, LABELS)
#: Eight bits from zero on leave a target two steps in its spread below this share of its size.
_NARROW = 1 / 128


def form_of(labels: Iterable[NDArray[Any]], asked: str | None) -> str | None:
    """The task that arrays of labels are for; None where they are classes, or cannot be told.

    Args:
        labels: Of each split, shape (examples,) or (examples, columns).
        asked: What the user asks for; None leaves it to the numbers.
    """
    if asked is not None:
        return asked
    found = {_form(array) for array in labels}
    # What a small split could also be says nothing against what another one must be.
    return next((form for form in (NUMBERS, LABELS) if form in found), None)


def _form(array: NDArray[Any]) -> str | None:
    if array.dtype.kind not in "uifb" or array.ndim not in (1, 2) or 0 in array.shape:
        return None
    values = array.astype(np.float64).reshape(len(array), -1)
    if values.shape[1] > 1 and np.isin(values, (0, 1)).all():
        # A class of each example, written as a row, is no set of labels.
        return None if (values.sum(axis=1) == 1).all() else LABELS
    if array.dtype.kind != "f" or (values == np.rint(values)).all():
        return None
    shares = values.shape[1] > 1 and (values >= 0).all()
    if shares and np.allclose(values.sum(axis=1), 1, atol=1e-3):
        return None  # probabilities of classes
    return NUMBERS


def targets(name: str, array: NDArray[Any], examples: int) -> NDArray[np.float32]:
    """Real targets as float32, (examples, targets).

    Raises:
        BadData: They are no finite numbers, or not as many as examples.
    """
    values = _columns(name, array, examples)
    with np.errstate(over="ignore"):
        found = values.astype(np.float32)
    wrong = np.argwhere(~np.isfinite(found))
    if len(wrong):
        row, column = wrong[0].tolist()
        raise BadData(
            f"{name} holds {values[row, column]} at index {(row, column)}",
            why="targets must be finite numbers in the range of float32",
            fix="repair the array, or leave these examples out",
        )
    return found


def marks(name: str, array: NDArray[Any], examples: int) -> NDArray[np.float32]:
    """Labels that are true, 1, or not, 0, as float32, (examples, labels).

    Raises:
        BadData: There are other numbers, or not as many rows as examples.
    """
    values = _columns(name, array, examples)
    wrong = np.argwhere(~np.isin(values, (0, 1)))
    if len(wrong):
        row, column = wrong[0].tolist()
        raise BadData(
            f"{name} holds {values[row, column]} at index {(row, column)}",
            why="a label is true, 1, or not, 0",
            fix="write 0 or 1; for real numbers: npz:PATH?task=regression",
        )
    return values.astype(np.float32)


def _columns(name: str, array: NDArray[Any], examples: int) -> NDArray[Any]:
    if array.dtype.kind not in "uifb" or array.ndim not in (1, 2) or 0 in array.shape:
        raise BadData(
            f"{name} is of type {array.dtype} and shape {array.shape}",
            why="targets and labels are numbers, (examples,) or (examples, columns)",
            fix="store one row for each example",
        )
    if len(array) != examples:
        raise BadData(
            f"{name} has {len(array)} labels for {examples} examples",
            fix="store one label per example",
        )
    return array.reshape(len(array), -1)


def names_for(
    given: NDArray[Any] | Sequence[str] | None, count: int, form: str, where: str
) -> tuple[str, ...]:
    """Names of targets or labels; those that nobody gave are numbered.

    Raises:
        BadData: They are not as many, are no text, or one stands twice.
    """
    what = "target" if form == NUMBERS else "label"
    if given is None:
        return (what,) if count == 1 else tuple(f"{what} {n}" for n in range(count))
    names = checked_names(given, what, where)
    if len(names) != count:
        raise BadData(
            f"{where} names {len(names)} {what}s, and there are {count}",
            fix="one name, a text, for each column",
        )
    return names


def checked_names(given: NDArray[Any] | Sequence[str], what: str, where: str) -> tuple[str, ...]:
    """Names of classes, targets or labels, as texts.

    Args:
        given: The names.
        what: One of them is called in messages.
        where: They stand.

    Raises:
        BadData: They are no list of texts, unprintable, or one stands twice.
    """
    kept = np.asarray(given)
    if kept.ndim != 1 or kept.dtype.kind != "U":
        raise BadData(
            f"{where} is of type {kept.dtype} and shape {kept.shape}",
            why=f"{what} names are a list of strings",
            fix='numpy.array(["cat", "dog"])',
        )
    names = tuple(map(str, kept.tolist()))
    uses = Counter(names)
    doubtful = [n for n in names if not n or printable(n) != n or uses[n] > 1]
    if doubtful:
        raise BadData(
            f"{doubtful[0]!r} is no usable {what} name",
            why="names must be printable and different from each other",
            fix=f"rename the {what}",
        )
    return names


def check_learnable(learnt: NDArray[np.float32], names: Sequence[str], form: str) -> list[str]:
    """Notes on targets and labels of a training split that hardly differ.

    Raises:
        BadData: One never does: nothing can be learnt of it.
    """
    notes = []
    for place, name in enumerate(names):
        column = learnt[:, place]
        if (column == column[0]).all():
            what = "target" if form == NUMBERS else "label"
            raise BadData(
                f"the {what} {name!r} is {column[0]:g} in each training example",
                why="nothing can be learnt of what never differs",
                fix="add examples where it is otherwise, or leave it out",
            )
        rare = int(min((column == 0).sum(), (column == 1).sum()))
        spread, size = float(column.std()), float(np.abs(column).mean(dtype=np.float64))
        if form == NUMBERS and spread < _NARROW * size:
            notes.append(
                f"the target {name!r} varies by {spread:.2g} around {size:.6g}: subtract what is "
                "always there, or files round much of the rest away"
            )
        if form == LABELS and rare < 10:
            notes.append(f"the label {name!r} differs in {rare} training examples alone")
    return notes
