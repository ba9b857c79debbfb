"""Synthetic examples of every kind: patterns that a network which can learn anything can learn."""

from __future__ import annotations

from typing import Any

from zoo.contracts import Preprocessing


def with_synthetic_statistics(preprocessing: Preprocessing) -> Preprocessing:
    """The preprocessing as if a training split had been measured."""
    from zoo.data.preprocessing.inputs import kind_of

    record: Preprocessing = kind_of(preprocessing).with_synthetic_statistics()
    return record


def synthetic_examples(
    preprocessing: Preprocessing, count: int, classes: int, *, stepwise: bool, seed: int
) -> Any:
    """Raw inputs and labels, the same for the same seed.

    Returns:
        Raw inputs as the graph takes them, shape (count, *input_shape), and labels, int64: shape
        (count,), or (count, steps) with `IGNORED` where there is padding.
    """
    import numpy as np

    from zoo.data.preprocessing.inputs import kind_of

    if stepwise:
        steps = preprocessing.input_shape[0]
        # Every class comes, also in few examples, and no two examples are alike.
        labels = (np.arange(steps) + np.arange(count)[:, None] * 7) // 2 % classes
    else:
        labels = np.arange(count) % classes
    labels = labels.astype(np.int64)
    random = np.random.default_rng(seed)
    return kind_of(preprocessing).synthetic_examples(labels, classes, random, seed)
