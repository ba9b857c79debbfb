"""Datasets whose images lie in memory as arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zoo.contracts.dataset import Split
from zoo.data.hashing import split_hash


def array_split(
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    hashes: Sequence[bytes],
    indices: NDArray[np.int64] | None = None,
) -> Split:
    """A split that reads from an array.

    Args:
        images: uint8, shape (examples, height, width, 1 or 3); made read-only, since every
            reader gets a view of it.
        labels: int64, shape (examples,).
        hashes: One digest per example.
        indices: The examples that belong to the split, int64; None means all.
    """
    images.flags.writeable = False
    chosen = np.arange(len(images)) if indices is None else indices
    chosen_labels = labels[chosen]

    def read(index: int) -> NDArray[np.uint8]:
        image: NDArray[np.uint8] = images[chosen[index]]
        return image

    return Split(
        labels=chosen_labels,
        read=read,
        content_hash=split_hash([hashes[i] for i in chosen.tolist()], chosen_labels),
    )
