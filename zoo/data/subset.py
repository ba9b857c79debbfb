"""A few examples of a split, as a split."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import UsageError
from zoo.contracts.dataset import Dataset, Split
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


def with_training_share(dataset: Dataset, share: float, seed: int) -> Dataset:
    """The dataset with part of its training split; validation and test stay whole.

    Classes keep their proportions, and each keeps one example at least. With the same seed a
    smaller share is part of a larger one, so that curves over shares differ in size alone.

    Args:
        dataset: As it was opened.
        share: Above 0 to 1; at 1 the dataset is returned as it is.
        seed: Of the drawing.

    Raises:
        UsageError: So few examples are left that a class has none, or fewer than two in all.
    """
    if share >= 1.0:
        return dataset
    split = dataset.splits["train"]
    groups, sizes = np.unique(strata(split.labels), return_inverse=True, return_counts=True)[1:]
    count, least = round(share * len(split)), max(len(sizes), 2)
    if count < least:
        raise UsageError(
            f"a share of {share:g} leaves {count} of {len(split):,} training examples",
            why=f"the training split has {len(sizes)} classes, each of which needs one"
            if least == len(sizes)
            else "nothing can be learnt from one",
            fix=f"give {least / len(split):.2g} or more",
        )
    shuffled = np.random.default_rng(seed).permutation(len(split))
    by_class = shuffled[np.argsort(groups[shuffled], kind="stable")]
    # Which one of its class an example is, as a part of the class: the first of each come first.
    turns = np.arange(len(split)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    order = by_class[np.argsort(turns / np.repeat(sizes, sizes), kind="stable")]
    places = np.sort(order[:count]).tolist()
    part = Split(
        labels=split.labels[places],
        read=lambda index: split.read(places[index]),
        content_hash=f"{split.content_hash}/share {share:g}/{seed}",
        identities=None if split.identities is None else [split.identities[p] for p in places],
        names=[split.names[place] for place in places] if len(split.names) else (),
    )
    return replace(dataset, splits={**dataset.splits, "train": part})
