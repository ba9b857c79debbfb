"""Ranges from histograms, one function per calibration method.

Every range holds 0, which padding and the results of ReLU need exactly.

Sources:
    minmax, moving-average: Jacob et al. 2018, Quantization and Training of Neural Networks for
        Efficient Integer-Arithmetic-Only Inference, section 3.1.
    percentile: Wu et al. 2020, Integer Quantization for Deep Learning Inference, section 3.2.
    entropy: Migacz 2017, 8-bit Inference with TensorRT.
    mse: Nagel et al. 2021, A White Paper on Neural Network Quantization, section 2.3.1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .histograms import Histogram

Range = tuple[float, float]

#: Steps of an 8-bit grid.
STEPS = 255
#: Of the values other than 0, the share that stays inside.
PERCENTILE = 0.9999
#: Weight of the past at each example.
DECAY = 0.99
#: Shares of the extremes that are tried as limits.
SHARES = np.linspace(0.02, 1.0, 99)
#: Below these shares of the greatest magnitude, entropy would prefer a grid without its tail.
ENTROPY_SHARES = np.linspace(0.2, 1.0, 81)


def range_of(histogram: Histogram, method: str) -> Range:
    """The range of a tensor.

    Args:
        histogram: What it held.
        method: One of `METHODS`.

    Returns:
        Lower limit, at most 0.0, and upper limit, at least 0.0; neither beyond the extremes.
    """
    low, high = METHODS[method](histogram)
    return max(min(low, 0.0), min(histogram.low, 0.0)), min(
        max(high, 0.0), max(histogram.high, 0.0)
    )


def whole_range(histogram: Histogram, method: str, *, symmetric: bool) -> Range:
    """The range of whole numbers: one of 8 bits whose steps are 1, where it holds them.

    A rounded value is then a whole number, and whoever takes it gets that: other steps would round
    it twice.

    Args:
        histogram: What the tensor held.
        method: See `range_of`, which gives the range of others.
        symmetric: Whether zero points must be 0.
    """
    low, high = range_of(histogram, method)
    least = -127.0 if symmetric else -128.0
    return (least, 127.0) if least <= low and high <= 127.0 else (low, high)


def _extremes(histogram: Histogram) -> Range:
    return histogram.low, histogram.high


def _moving_average(histogram: Histogram) -> Range:
    if not histogram.lows:
        return 0.0, 0.0
    low, high = histogram.lows[0], histogram.highs[0]
    for least, most in zip(histogram.lows[1:], histogram.highs[1:], strict=True):
        low += (1 - DECAY) * (least - low)
        high += (1 - DECAY) * (most - high)
    return low, high


def _percentile(histogram: Histogram) -> Range:
    total = int(histogram.counts.sum())
    if total == 0:
        return _extremes(histogram)
    outside = (1 - PERCENTILE) / 2 * total
    below = np.cumsum(histogram.counts)
    above = np.cumsum(histogram.counts[::-1])[::-1]
    edges = histogram.edges
    first = int(np.argmax(below > outside))
    last = len(above) - 1 - int(np.argmax(above[::-1] > outside))
    return float(edges[first]), float(edges[last + 1])


def _least_squares(histogram: Histogram) -> Range:
    """The limits with the least expected square of rounding and clipping together."""
    if not histogram.counts.any():
        return _extremes(histogram)
    counts, edges = histogram.counts.astype(np.float64), histogram.edges
    centres = (edges[:-1] + edges[1:]) / 2
    lows, highs = SHARES * min(histogram.low, 0.0), SHARES * max(histogram.high, 0.0)
    below = np.array([_beyond(counts, limit - centres) for limit in lows])
    above = np.array([_beyond(counts, centres - limit) for limit in highs])
    step = (highs[None, :] - lows[:, None]) / STEPS
    inside = counts.sum() - below[:, None, 1] - above[None, :, 1]
    error = below[:, None, 0] + above[None, :, 0] + inside * step**2 / 12
    row, column = np.unravel_index(int(error.argmin()), error.shape)
    return float(lows[row]), float(highs[column])


def _beyond(counts: NDArray[np.float64], distance: NDArray[np.float64]) -> tuple[float, float]:
    """Sum of squares of what is cut off, and how many values that are."""
    cut = distance > 0
    return float((counts[cut] * distance[cut] ** 2).sum()), float(counts[cut].sum())


def _least_divergence(histogram: Histogram) -> Range:
    """The threshold with the least divergence between values and their integers."""
    if not histogram.counts.any():
        return _extremes(histogram)
    low, high = min(histogram.low, 0.0), max(histogram.high, 0.0)
    edges = histogram.edges
    best, chosen = np.inf, (low, high)
    for share in ENTROPY_SHARES[::-1]:
        threshold = share * max(-low, high)
        limits = max(low, -threshold), min(high, threshold)
        first = int(np.searchsorted(edges, limits[0], "right")) - 1
        last = int(np.searchsorted(edges, limits[1], "left"))
        divergence = _divergence(histogram.counts, max(first, 0), last)
        if divergence < best:
            best, chosen = divergence, limits
    return chosen


def _divergence(counts: NDArray[np.int64], first: int, last: int) -> float:
    """Kullback-Leibler divergence of bins `first` to `last` from what 8 bits leave of them."""
    inside = counts[first:last].astype(np.float64)
    wanted = inside.copy()
    wanted[0] += counts[:first].sum()
    wanted[-1] += counts[last:].sum()
    level = np.arange(len(inside)) * STEPS // len(inside)
    filled = inside > 0
    sums = np.bincount(level, inside, STEPS)
    sizes = np.bincount(level, filled, STEPS)
    left = np.where(filled, (sums / np.maximum(sizes, 1))[level], 0.0)
    if not left.any():
        return float("inf")
    p, q = wanted / wanted.sum(), left / left.sum()
    some = p > 0
    # Where nothing is left, an infinite divergence would forbid to cut a single value.
    return float((p[some] * np.log(p[some] / np.maximum(q[some], 1e-9))).sum())


METHODS: dict[str, Callable[[Histogram], Range]] = {
    "minmax": _extremes,
    "percentile": _percentile,
    "entropy": _least_divergence,
    "mse": _least_squares,
    "moving-average": _moving_average,
}
