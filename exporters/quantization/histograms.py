"""Histograms of tensors over many examples, extended without recounting."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Enough that half of those between 0 and the greatest value, 2,048, are eight per 8-bit step.
BINS = 8192
#: Of one example's tensor at most so many values are counted; extremes are taken over all.
MOST_COUNTED = 16_384


class Histogram:
    """Counts of values in equal bins from ``-limit`` to ``limit``.

    A value beyond the limit doubles it as often as needed: bins then merge pairwise, so that no
    count is ever spread over bins by guesswork.

    Attributes:
        counts: int64, shape (BINS,); values of exactly 0, which every 8-bit grid holds, left out.
        limit: Upper edge of the last bin; 0.0 before the first value other than 0.
        lows: The least value of each example.
        highs: The greatest value of each example.
    """

    def __init__(self) -> None:
        self.counts: NDArray[np.int64] = np.zeros(BINS, np.int64)
        self.limit = 0.0
        self.lows: list[float] = []
        self.highs: list[float] = []

    @property
    def low(self) -> float:
        """The least value seen; 0.0 before any."""
        return min(self.lows, default=0.0)

    @property
    def high(self) -> float:
        """The greatest value seen; 0.0 before any."""
        return max(self.highs, default=0.0)

    @property
    def edges(self) -> NDArray[np.float64]:
        """Edges of the bins, float64, shape (BINS + 1,)."""
        return np.linspace(-self.limit, self.limit, BINS + 1)

    def add(self, values: NDArray[Any]) -> None:
        """Takes in one example's tensor of real numbers, any shape.

        Of one that holds NaN or infinity the extremes alone.
        """
        if values.size == 0:
            return
        self.lows.append(float(values.min()))
        self.highs.append(float(values.max()))
        most = max(-self.lows[-1], self.highs[-1])
        if most == 0.0 or not math.isfinite(most):
            return
        self._reach(most)
        flat = values.ravel()[:: _stride(values)].astype(np.float64)
        places = ((flat[flat != 0.0] / self.limit + 1.0) * (BINS // 2)).astype(np.int64)
        self.counts += np.bincount(np.clip(places, 0, BINS - 1), minlength=BINS)

    def _reach(self, most: float) -> None:
        if self.limit == 0.0:
            self.limit = most
        while self.limit < most:
            merged = self.counts.reshape(-1, 2).sum(axis=1)
            self.counts = np.zeros(BINS, np.int64)
            self.counts[BINS // 4 : BINS // 4 + BINS // 2] = merged
            self.limit *= 2.0


def _stride(values: NDArray[Any]) -> int:
    """Thins out large tensors, without ever leaving out the same channel."""
    stride = -(-values.size // MOST_COUNTED)
    while stride > 1 and math.gcd(stride, values.shape[-1]) > 1:
        stride += 1
    return stride
