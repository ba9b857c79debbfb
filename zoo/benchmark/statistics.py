"""Percentiles of latencies, each with an interval that assumes nothing about their distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

CONFIDENCE = 0.95
#: Of MLPerf's early stopping.
STOPPING_CONFIDENCE = 0.99
RESAMPLES = 2000


@dataclass(frozen=True, kw_only=True)
class QuantileEstimate:
    """A figure and how far it can be trusted.

    Attributes:
        coverage: Least probability that the interval holds the true figure; below the wanted
            confidence when there were too few samples, None when it cannot be told.
    """

    value: float
    low: float
    high: float
    coverage: float | None


def percentile(
    samples: ArrayLike, quantile: float, confidence: float = CONFIDENCE
) -> QuantileEstimate:
    """A percentile with the interval between two order statistics.

    How many samples lie below the true percentile is binomial, whatever the distribution of
    latencies is; so ranks chosen from the binomial distribution enclose it with known
    probability. The figure is the smallest sample with at least `quantile` of all at or below.

    Args:
        samples: Independent measurements, in any order.
        quantile: 0.5 for the median.
        confidence: Wanted probability that the interval holds the true percentile.
    """
    ordered = np.sort(np.asarray(samples).ravel())
    count = len(ordered)
    if count == 0 or not 0.0 < quantile < 1.0:
        raise ValueError("a percentile needs samples and a quantile between 0 and 1")
    low, high, coverage = interval_ranks(count, quantile, confidence)
    # The tiny amount absorbs 0.9 * 10 = 9.000000000000001.
    rank = max(1, math.ceil(count * quantile - 1e-9))
    return QuantileEstimate(
        value=float(ordered[rank - 1]),
        low=float(ordered[low - 1]),
        high=float(ordered[high - 1]),
        coverage=coverage,
    )


def early_stopping(
    samples: ArrayLike, quantile: float = 0.9, confidence: float = STOPPING_CONFIDENCE
) -> float | None:
    """The estimate of a percentile that MLPerf Inference publishes for a single stream.

    It errs on the safe side: with at least `confidence`, the true percentile is no higher. Of all
    samples the t-th highest is taken, where t is the largest number of slow inferences that would
    still be too few, by chance, if more than ``1 - quantile`` of all were that slow. With few
    samples that is far above the percentile of the samples; with many it comes close to it.
    Source: MLPerf Inference Rules, "Early stopping"; `loadgen/early_stopping.cc`.

    Args:
        samples: Independent measurements, in any order.
        quantile: 0.9 for the 90th percentile.
        confidence: MLPerf's 99 %.

    Returns:
        None when there are too few samples: at least 64 are needed at 0.9, 662 at 0.99.
    """
    ordered = np.sort(np.asarray(samples).ravel())
    discarded = stopping_rank(len(ordered), quantile, confidence)
    return None if discarded is None else float(ordered[len(ordered) - discarded])


def stopping_rank(
    count: int, quantile: float = 0.9, confidence: float = STOPPING_CONFIDENCE
) -> int | None:
    """Which of `count` samples, counted from the highest (1), is MLPerf's estimate; None: none."""
    if count < 1 or not 0.0 < quantile < 1.0:
        return None
    first, masses = _binomial(count, 1.0 - quantile)
    # The largest t with P(B <= t) < 1 - confidence, where B of all inferences are slow.
    most = first + int(np.searchsorted(np.cumsum(masses), 1.0 - confidence, side="left")) - 1
    return most if most >= 1 else None


def interval_ranks(count: int, quantile: float, confidence: float) -> tuple[int, int, float]:
    """Ranks (from 1) of the two order statistics, and the coverage of what lies between.

    With too few samples the outermost ranks come back and the coverage says what they are worth.
    """
    first, masses = _binomial(count, quantile)
    cumulative = np.cumsum(masses)
    tail = (1.0 - confidence) / 2.0
    # P(B < low) <= tail and P(B >= high) <= tail, where B samples lie below the percentile.
    low = first + int(np.searchsorted(cumulative, tail, side="right"))
    high = first + int(np.searchsorted(cumulative, 1.0 - tail, side="left")) + 1
    low, high = max(1, min(low, count)), max(1, min(high, count))
    inside = masses[max(0, low - first) : max(0, high - first)]
    return low, high, min(1.0, float(inside.sum()))


def _binomial(count: int, quantile: float) -> tuple[int, NDArray[np.float64]]:
    """Probabilities of the values of a binomial variable that matter, and the first of them."""
    middle, spread = count * quantile, math.sqrt(count * quantile * (1.0 - quantile))
    first = max(0, math.floor(middle - 12.0 * spread - 12.0))
    last = min(count, math.ceil(middle + 12.0 * spread + 12.0))
    odds = math.log(quantile) - math.log1p(-quantile)
    start = (
        math.lgamma(count + 1.0)
        - math.lgamma(first + 1.0)
        - math.lgamma(count - first + 1.0)
        + first * math.log(quantile)
        + (count - first) * math.log1p(-quantile)
    )
    k = np.arange(first, last, dtype=np.float64)
    steps = np.log((count - k) / (k + 1.0)) + odds
    return first, np.exp(start + np.concatenate([[0.0], np.cumsum(steps)]))


def median_of_processes(
    figures: Sequence[float], confidence: float = CONFIDENCE, seed: int = 0
) -> QuantileEstimate:
    """Median of one figure per process, with a bootstrap interval over processes.

    Processes differ by more than their samples do (memory layout, neighbours), so they are what
    is drawn again. With three of them the interval is simply their range.
    """
    values = np.asarray(figures, np.float64)
    if len(values) == 0:
        raise ValueError("a median needs at least one process")
    if len(values) == 1:
        return QuantileEstimate(value=values[0], low=values[0], high=values[0], coverage=None)
    drawn = np.random.default_rng(seed).integers(0, len(values), (RESAMPLES, len(values)))
    medians = np.median(values[drawn], axis=1)
    tail = (1.0 - confidence) / 2.0
    return QuantileEstimate(
        value=float(np.median(values)),
        low=float(np.quantile(medians, tail, method="lower")),
        high=float(np.quantile(medians, 1.0 - tail, method="higher")),
        coverage=None,
    )
