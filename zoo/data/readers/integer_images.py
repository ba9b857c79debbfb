"""Operations on images in whole numbers, the same on every machine and in every version.

Libraries that resize change their results by a grey value now and then; what is made here keeps its
content hash.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Draws:
    """Whole numbers from a seed.

    Only the raw bits of numpy's PCG64 are used: numpy promises those, and not what its
    distributions make of them.

    Args:
        seed: Different ones give unrelated numbers.
    """

    def __init__(self, *seed: int) -> None:
        self._bits = np.random.PCG64(list(seed))

    def below(self, limit: int) -> int:
        """From 0 to `limit` - 1; `limit` is far below 2^32."""
        return (int(self._bits.random_raw()) >> 32) * limit >> 32

    def between(self, low: int, high: int) -> int:
        """From `low` to `high`, both included."""
        return low + self.below(high - low + 1)


def resized(values: NDArray[Any], height: int, width: int) -> NDArray[np.int32]:
    """Bilinear interpolation with weights of 8 bits, edges continued.

    Args:
        values: From 0 to 255, shape (any height, any width) or with channels behind.
        height: Of the result.
        width: Of the result.

    Returns:
        int32, 0 to 255, shape (height, width) or (height, width, channels).
    """
    wide = values.astype(np.int32)
    for axis, length in ((0, height), (1, width)):
        low, weight = _places(wide.shape[axis], length)
        high = np.minimum(low + 1, wide.shape[axis] - 1)
        shape = [1] * wide.ndim
        shape[axis] = length
        share = weight.reshape(shape)
        wide = np.take(wide, low, axis) * (256 - share) + np.take(wide, high, axis) * share
        wide = (wide + 128) >> 8
    return wide


def _places(given: int, wanted: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """For each place of the result the one before it, and the weight of the next in 256ths."""
    middles = (2 * np.arange(wanted) + 1) * given * 128 // wanted - 128
    middles = np.clip(middles, 0, 256 * (given - 1)).astype(np.int32)
    return middles >> 8, middles & 255


def block_means(values: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """The rounded mean of each square of `factor` pixels a side.

    Args:
        values: uint8, shape (height, width, channels), both multiples of `factor`.
        factor: From 1 to some hundreds.
    """
    height, width, channels = values.shape
    blocks = values.reshape(height // factor, factor, width // factor, factor, channels)
    sums = blocks.sum(axis=(1, 3), dtype=np.int64)
    means: NDArray[np.uint8] = ((sums + factor**2 // 2) // factor**2).astype(np.uint8)
    return means
