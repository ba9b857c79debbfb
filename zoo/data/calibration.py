"""Real examples from which a quantizer learns the range of every tensor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zoo.contracts.dataset import Split
from zoo.contracts.preprocessing import Preprocessing
from zoo.data.hashing import array_hash
from zoo.data.preprocessing import pixels
from zoo.errors import BadData, UsageError


def calibration_pixels(
    split: Split, preprocessing: Preprocessing, count: int, seed: int
) -> tuple[NDArray[np.float32], str]:
    """Draws examples, each class as often as the others while it lasts.

    Args:
        split: Where to draw from, without replacement; the training split, as a rule.
        preprocessing: What the network wants.
        count: How many; a smaller split gives all it has.
        seed: The same seed draws the same examples.

    Returns:
        Raw pixels, float32, shape (count, height, width, channels), values 0-255, and the
        SHA-256 of their uint8 form in hexadecimal.

    Raises:
        UsageError: `count` is not positive.
        BadData: The split is empty, or an example holds NaN, infinity or no image.
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
    values = pixels(split, preprocessing, balanced_sample(split.labels, count, seed).tolist())
    return values.astype(np.float32), array_hash(values).hex()


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
