"""What labels are when they are not the index of one class, and what to do then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData

_NOT_HERE = "datasets in files have one class per example"
_PLUGIN = "a plugin's dataset may have any labels: see the guide to plugins"
#: What serves numbers that are no index of a class.
PREDICT = "; if they are numbers to be predicted: npz:PATH?task=regression"
#: Fewer different numbers than this may be classes, however many examples there are.
_FEW = 20


def row_labels_error(name: str, array: NDArray[Any]) -> BadData:
    """The error for labels of two or more dimensions, shape (examples, …)."""
    shape = f"{name} has shape {array.shape}; labels have one dimension"
    if array.ndim != 2 or array.dtype.kind not in "uifb" or 0 in array.shape:
        return BadData(shape, why=_NOT_HERE, fix=_PLUGIN)
    values = array.astype(np.float64)
    sums = values.sum(axis=1)
    if np.isin(values, (0, 1)).all():
        return BadData(
            shape,
            why="they are one-hot rows",
            fix="turn one-hot rows into class indices with numpy.argmax(labels, axis=1); if "
            "several labels may be true of an example: npz:PATH?task=multi-label",
        )
    if (values >= 0).all() and np.allclose(sums, 1, atol=1e-3):
        return BadData(
            shape,
            why=f"they are probabilities of classes, and {_NOT_HERE}",
            fix="keep the likeliest alone, where that will do: numpy.argmax(labels, axis=1); or "
            "have the numbers themselves predicted: npz:PATH?task=regression",
        )
    return BadData(
        shape,
        why="they are whole numbers, several each",
        fix="if they are numbers to be predicted: npz:PATH?task=regression",
    )


def label_type_error(name: str, array: NDArray[Any]) -> BadData:
    """The error for labels that are no whole numbers, shape (examples,)."""
    what = f"{name} is of type {array.dtype}"
    why = "labels are whole numbers: the index of the class"
    if array.dtype.kind in "US":
        decoded = ".astype(str)" if array.dtype.kind == "S" else ""
        return BadData(
            what,
            why=f"{why}; these are words, such as {array[0].item()!r}" if array.size else why,
            fix=f"classes, y = numpy.unique(y{decoded}, return_inverse=True), and store both",
        )
    if array.dtype.kind in "fb":
        return BadData(
            what,
            why=why,
            fix=f"convert them: labels.astype(numpy.int64){PREDICT}",
        )
    return BadData(what, why=why, fix="number the classes from 0, as whole numbers")


def refuse_numbers(values: Sequence[str], rows: int, column: str) -> None:
    """Refuses a column of numbers to be predicted, which are no names of classes.

    Args:
        values: The different values of the column.
        rows: How many rows there are.
        column: What it is called.

    Raises:
        BadData: They are many different fractions, or whole numbers that hardly come again.
    """
    different = set(values)
    try:
        numbers = [float(text) for text in different]
    except ValueError:
        return
    whole = all(number.is_integer() for number in numbers)
    if len(different) < _FEW or (whole and len(different) * 3 < rows):
        return
    raise BadData(
        f"the column {column!r} has {len(different):,} different values in {rows:,} rows",
        why=f"they are numbers from {min(numbers):g} to {max(numbers):g}, to be predicted; classes "
        "are few names that come again and again",
        fix="name the column with the class: label=COLUMN; or have the numbers predicted: "
        "target=COLUMN",
    )
