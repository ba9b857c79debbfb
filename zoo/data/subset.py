"""A few examples of a split, as a split."""

from __future__ import annotations

import numpy as np

from zoo.contracts.dataset import Split
from zoo.data.preprocessing.calibration import balanced_sample, strata


def subset(split: Split, count: int, seed: int = 0) -> Split:
    """At most `count` examples, balanced over classes.

    Args:
        split: Where to draw from; returned as it is when it holds no more.
        count: How many.
        seed: The same seed draws the same examples, in the same order.
    """
    if len(split) <= count:
        return split
    chosen = np.sort(balanced_sample(strata(split.labels), count, seed)).tolist()
    return Split(
        labels=split.labels[chosen],
        read=lambda index: split.read(chosen[index]),
        content_hash=f"{split.content_hash}/{count}/{seed}",
    )


def first_of(split: Split, count: int) -> Split:
    """The first `count` examples."""
    return Split(
        labels=split.labels[:count],
        read=split.read,
        content_hash=f"{split.content_hash}/first {count}",
    )
