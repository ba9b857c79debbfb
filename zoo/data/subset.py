"""A few examples of a split, as a split."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.contracts.dataset import Split
from zoo.data.preprocessing.calibration import balanced_sample, strata
from zoo.data.readers.hashing import split_hash


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


def chosen(split: Split, indices: NDArray[np.int64], labels: NDArray[Any]) -> Split:
    """Some examples in a given order, with labels of their own.

    Args:
        split: Knows what each of its examples is by `identities`.
        indices: Which examples.
        labels: One for each of these.
    """
    places = indices.tolist()
    assert split.identities is not None
    identities = [split.identities[place] for place in places]
    return Split(
        labels=labels,
        read=lambda index: split.read(places[index]),
        content_hash=split_hash(identities, labels),
        identities=identities,
        names=[split.names[place] for place in places] if len(split.names) else (),
    )
