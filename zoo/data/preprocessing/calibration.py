"""Calibration inputs: real examples that set the ranges of quantized tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData, UsageError
from zoo.common.named_arrays import fields_of
from zoo.contracts.dataset import Split
from zoo.contracts.preprocessing import Preprocessing
from zoo.data.preprocessing.inputs import read_inputs
from zoo.data.readers.hashing import array_hash


def calibration_inputs(
    split: Split, preprocessing: Preprocessing, count: int, seed: int
) -> tuple[NDArray[Any], str]:
    """Draws examples balanced over classes, as far as each has enough.

    Args:
        split: Where to draw from, without replacement; the training split, as a rule.
        preprocessing: Of the network.
        count: How many; a smaller split gives all it has.
        seed: The same seed draws the same examples.

    Returns:
        Raw inputs as the graph takes them, shape (count, *input_shape), and the SHA-256 of their
        stored form in hexadecimal. Sequences come as they are: what the graph takes of them is a
        step with the states that occur there (`zoo.data.preprocessing.steps`).

    Raises:
        UsageError: `count` is not positive.
        BadData: The split is empty, or an example cannot be used.
    """
    if count < 1:
        raise UsageError(
            f"{count} calibration examples are too few", fix="ask for at least one, better 100"
        )
    if len(split) == 0:
        raise BadData(
            "there are no examples to calibrate with",
            why="the split is empty",
            fix="choose a dataset with training examples",
        )
    chosen = balanced_sample(strata(split.labels), count, seed)
    values = read_inputs(split, preprocessing, chosen.tolist())
    given = values if preprocessing.states else values.astype(preprocessing.graph_dtype)
    return given, array_hash(values).hex()


def with_other_classes(split: Split, other: Split) -> Split:
    """A split with the examples of another whose class it lacks; itself where there are none.

    Ranges that are measured on one class cut off what lies beyond it in the others.
    """
    mine, theirs = strata(split.labels), strata(other.labels)
    places = np.flatnonzero(~np.isin(theirs, mine)).tolist()
    if not places:
        return split
    count = len(split)
    return Split(
        labels=np.concatenate([split.labels, other.labels[places]]),
        read=lambda i: split.read(i) if i < count else other.read(places[i - count]),
        content_hash=f"{split.content_hash}/{other.content_hash}",
    )


def strata(labels: NDArray[Any]) -> NDArray[np.int64]:
    """The stratum of each example, int64, (examples,), for balanced sampling.

    Of labels that are several, the first that holds classes; of classes of many steps, the first
    step, as good a stratum as any; of numbers, one class for all.
    """
    for values in fields_of(labels).values():
        if values.dtype.kind == "i" and values.size:
            return values.reshape(len(values), -1)[:, 0].astype(np.int64)
    return np.zeros(len(labels), np.int64)


def balanced_sample(labels: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """Indices of examples drawn without replacement, class by class in turn.

    Args:
        labels: Class indices, int64, shape (examples,).
        count: How many; at most all.
        seed: Of the drawing.

    Returns:
        int64, shape (min(count, examples),). The counts of any two classes differ by at most
        one, unless a class ran out of examples.
    """
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    # Stable sorting keeps the drawn order within each class, so turns can be numbered off.
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    _, starts, sizes = np.unique(labels[by_class], return_index=True, return_counts=True)
    turns = np.arange(len(labels)) - np.repeat(starts, sizes)
    chosen = by_class[np.argsort(turns, kind="stable")][:count]
    return chosen.astype(np.int64)
