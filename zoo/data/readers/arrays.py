"""Datasets whose examples lie in memory as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.contracts.dataset import Split
from zoo.data.readers.hashing import split_hash


def array_split(
    examples: NDArray[Any],
    labels: NDArray[np.int64],
    hashes: Sequence[bytes],
    indices: NDArray[np.int64] | None = None,
    name: str = "",
) -> Split:
    """A split that reads from an array.

    Args:
        examples: Shape (examples, …), images or series; made read-only, since every reader gets
            a view of it.
        labels: int64, shape (examples,).
        hashes: One digest per example.
        indices: The examples that belong to the split, int64; None means all.
        name: What the array is called where its examples are named; empty for no names.
    """
    examples.flags.writeable = False
    chosen = np.arange(len(examples)) if indices is None else indices
    chosen_labels = labels[chosen]

    def read(index: int) -> NDArray[Any]:
        example: NDArray[Any] = examples[chosen[index]]
        return example

    places = chosen.tolist()
    own = [hashes[i] for i in places]
    return Split(
        labels=chosen_labels,
        read=read,
        content_hash=split_hash(own, chosen_labels),
        identities=own,
        names=[f"{name}[{i}]" for i in places] if name else (),
    )
