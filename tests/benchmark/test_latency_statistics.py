"""Intervals hold what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.benchmark.statistics import (
    QuantileEstimate,
    early_stopping,
    interval_ranks,
    median_of_processes,
    percentile,
    stopping_rank,
)

SAMPLES = st.lists(st.integers(1, 10**9), min_size=1, max_size=300)
QUANTILES = st.sampled_from([0.5, 0.9, 0.99])


@given(SAMPLES, QUANTILES)
def test_a_percentile_is_a_sample_inside_its_interval(samples: list[int], quantile: float) -> None:
    estimate = percentile(samples, quantile)
    assert {estimate.value, estimate.low, estimate.high} <= set(map(float, samples))
    assert estimate.low <= estimate.value <= estimate.high
    at_or_below = sum(s <= estimate.value for s in samples) / len(samples)
    below = sum(s < estimate.value for s in samples) / len(samples)
    assert at_or_below >= quantile - 1e-9
    assert below < quantile + 1e-9


@given(SAMPLES, QUANTILES, st.randoms())
def test_order_does_not_matter(samples: list[int], quantile: float, random: object) -> None:
    shuffled = list(samples)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert percentile(shuffled, quantile) == percentile(samples, quantile)


@given(st.integers(1, 400), st.floats(0.01, 0.99))
def test_coverage_is_the_binomial_one(count: int, quantile: float) -> None:
    low, high, coverage = interval_ranks(count, quantile, 0.95)
    assert 1 <= low <= high <= count
    masses = [
        math.comb(count, k) * quantile**k * (1 - quantile) ** (count - k) for k in range(count + 1)
    ]
    assert coverage == pytest.approx(sum(masses[low:high]), abs=1e-9)
    tail = 0.025 + 1e-9
    assert low == 1 or sum(masses[:low]) <= tail
    assert high == count or sum(masses[high:]) <= tail


def test_known_ranks() -> None:
    # Conover, Practical Nonparametric Statistics: n = 100 gives ranks 40 and 61 for the median.
    assert interval_ranks(100, 0.5, 0.95)[:2] == (40, 61)
    assert interval_ranks(3, 0.9, 0.95)[2] < 0.95, "three samples cannot hold a 90th percentile"


def test_many_samples() -> None:
    low, high, coverage = interval_ranks(4_000_000, 0.9, 0.95)
    spread = 1.96 * math.sqrt(4_000_000 * 0.9 * 0.1)
    assert 3_600_000 - low == pytest.approx(spread, rel=0.01)
    assert high - 3_600_000 == pytest.approx(spread, rel=0.01)
    assert coverage == pytest.approx(0.95, abs=0.001)


@pytest.mark.parametrize(("quantile", "count"), [(0.5, 64), (0.9, 64), (0.9, 1000)])
def test_intervals_hold_the_true_percentile(quantile: float, count: int) -> None:
    random = np.random.default_rng(4)
    # Latencies have a long tail; the 1-quantile function of this one is known.
    true = math.exp(0.8 * {0.5: 0.0, 0.9: 1.2815515655446004}[quantile])
    trials = 1000
    held = 0
    for _ in range(trials):
        estimate = percentile(np.exp(0.8 * random.normal(size=count)), quantile)
        held += estimate.low <= true <= estimate.high
    promised = interval_ranks(count, quantile, 0.95)[2]
    assert promised > 0.94
    assert held / trials > promised - 4 * math.sqrt(promised * (1 - promised) / trials)
    assert held / trials < promised + 4 * math.sqrt(promised * (1 - promised) / trials)


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="needs samples"):
        percentile([], 0.5)
    with pytest.raises(ValueError, match="between 0 and 1"):
        percentile([1], 1.0)
    with pytest.raises(ValueError, match="at least one process"):
        median_of_processes([])


@given(st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=12))
def test_median_of_processes(figures: list[float]) -> None:
    estimate = median_of_processes(figures)
    assert estimate == median_of_processes(figures), "seeded"
    assert estimate.value == np.median(figures)
    assert min(figures) <= estimate.low <= estimate.value <= estimate.high <= max(figures)
    if len(figures) == 3:
        assert (estimate.low, estimate.high) == (min(figures), max(figures))
    if len(figures) == 1:
        assert estimate == QuantileEstimate(
            value=figures[0], low=figures[0], high=figures[0], coverage=None
        )


def test_bootstrap_narrows_with_processes() -> None:
    random = np.random.default_rng(6)
    few = median_of_processes(random.normal(100, 5, 5).tolist())
    many = median_of_processes(random.normal(100, 5, 200).tolist())
    assert many.high - many.low < few.high - few.low
    assert many.low < 100.5
    assert many.high > 99.5


#: Least number of inferences for t slow ones at the 90th percentile, as MLPerf publishes them.
PUBLISHED = {1: 64, 2: 81, 3: 97, 5: 127, 10: 197}


@pytest.mark.parametrize(("rank", "least"), PUBLISHED.items())
def test_early_stopping_has_the_published_counts(rank: int, least: int) -> None:
    assert stopping_rank(least) == rank
    assert stopping_rank(least - 1) == (rank - 1 or None)


@pytest.mark.parametrize(("count", "discarded"), [(201, 9), (708, 51), (79_944, 7796)])
def test_early_stopping_discards_as_many_as_loadgen_tells_in_published_logs(
    count: int, discarded: int
) -> None:
    assert stopping_rank(count) == discarded + 1


def test_the_99th_percentile_needs_662() -> None:
    assert stopping_rank(661, 0.99) is None
    assert stopping_rank(662, 0.99) == 1


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=400))
def test_early_stopping_errs_on_the_safe_side(samples: list[int]) -> None:
    estimate = early_stopping(samples)
    assert (estimate is None) == (len(samples) < 64)
    if estimate is not None:
        assert estimate in samples
        assert estimate >= percentile(samples, 0.9).value
        rank = stopping_rank(len(samples)) or 0
        assert sum(s > estimate for s in samples) < rank <= sum(s >= estimate for s in samples)


@given(st.integers(64, 3000))
def test_so_few_slow_ones_would_be_rare(count: int) -> None:
    rank = stopping_rank(count) or 0

    def chance(most: int) -> float:
        """Of at most so many slow inferences, when one in ten is slow."""
        return float(
            sum(math.comb(count, k) * 9 ** (count - k) for k in range(most + 1)) / 10**count
        )

    assert chance(rank) < 0.01 <= chance(rank + 1)


def test_early_stopping_holds_in_99_of_100() -> None:
    random = np.random.default_rng(9)
    true = math.exp(0.8 * 1.2815515655446004)
    trials = 2000
    low = sum(
        (early_stopping(np.exp(0.8 * random.normal(size=200))) or 0.0) < true for _ in range(trials)
    )
    assert low / trials < 0.01 + 4 * math.sqrt(0.01 * 0.99 / trials)
