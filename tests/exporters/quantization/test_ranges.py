"""Histograms and the ranges that follow from them, against brute force and known cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from zoo.exporters.quantization.histograms import BINS, MOST_COUNTED, Histogram
from zoo.exporters.quantization.ranges import DECAY, METHODS, STEPS, range_of, whole_range

VALUES = arrays(
    np.float32,
    array_shapes(max_dims=3, max_side=12),
    elements=st.floats(-1e6, 1e6, width=32, allow_subnormal=False),
)


def seen(*examples: np.ndarray) -> Histogram:
    histogram = Histogram()
    for example in examples:
        histogram.add(example)
    return histogram


def squared_error(values: np.ndarray, low: float, high: float) -> float:
    """Of what an 8-bit grid with an exact 0 makes of the values."""
    step = (high - low) / STEPS
    zero = np.rint(-low / step)
    steps = np.clip(np.rint(values / step) + zero, 0, STEPS)
    return float(np.square((steps - zero) * step - values).mean())


@settings(deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=5))
def test_histogram_counts_every_value_where_it_lies(examples: list[np.ndarray]) -> None:
    histogram = seen(*examples)
    everything = np.concatenate([e.ravel() for e in examples]).astype(np.float64)
    assert (histogram.low, histogram.high) == (everything.min(), everything.max())
    assert histogram.counts.sum() == np.count_nonzero(everything)
    if histogram.limit:
        assert np.abs(everything).max() <= histogram.limit
        width = 2 * histogram.limit / BINS
        edges = histogram.edges
        for value in everything[everything != 0][:20]:
            near = histogram.counts[(edges[:-1] <= value + width) & (edges[1:] >= value - width)]
            assert near.sum() > 0


@settings(deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=4), st.sampled_from(sorted(METHODS)))
def test_every_range_holds_zero_and_stays_within_the_extremes(
    examples: list[np.ndarray], method: str
) -> None:
    histogram = seen(*examples)
    low, high = range_of(histogram, method)
    assert min(histogram.low, 0.0) <= low <= 0.0 <= high <= max(histogram.high, 0.0)
    if histogram.low < 0.0 or histogram.high > 0.0:
        assert np.isfinite(high - low)


def test_large_tensors_are_thinned_out_without_losing_a_channel() -> None:
    values = np.zeros((1, 128, 128, 16), np.float32)
    values[..., 15] = 3.0
    histogram = seen(values)
    counted = histogram.counts.sum()
    assert MOST_COUNTED / 16 * 0.5 < counted < MOST_COUNTED / 16 * 1.5
    assert histogram.high == 3.0


def test_minmax_takes_the_outlier_and_percentile_does_not() -> None:
    values = np.random.default_rng(0).normal(size=100_000).astype(np.float32)
    values[7] = 50.0
    parts = np.split(values, 20)
    histogram = seen(*parts)
    assert range_of(histogram, "minmax")[1] == 50.0
    low, high = range_of(histogram, "percentile")
    wanted = np.quantile(values, [0.00005, 0.99995])
    np.testing.assert_allclose([low, high], wanted, atol=4 * histogram.limit / BINS + 0.1)


def test_mse_errs_less_than_minmax_and_as_little_as_brute_force() -> None:
    random = np.random.default_rng(1)
    values = np.maximum(random.standard_t(4, size=200_000), 0).astype(np.float32)
    histogram = seen(*np.split(values, 50))
    chosen = squared_error(values, *range_of(histogram, "mse"))
    best = min(
        squared_error(values, 0.0, share * histogram.high) for share in np.linspace(0.1, 1, 91)
    )
    assert chosen < 0.95 * squared_error(values, *range_of(histogram, "minmax"))
    assert chosen < 1.01 * best


def test_mse_clips_each_side_by_itself() -> None:
    values = np.random.default_rng(2).uniform(-1, 1, 4_000_000).astype(np.float32)
    values[0] = 30.0
    low, high = range_of(seen(*np.split(values, 250)), "mse")
    assert low == pytest.approx(-1, abs=0.05)
    assert 0.9 < high < 5.0


def test_entropy_keeps_a_uniform_range_and_cuts_a_long_tail() -> None:
    random = np.random.default_rng(3)
    flat = random.uniform(0, 1, 400_000).astype(np.float32)
    assert range_of(seen(*np.split(flat, 50)), "entropy")[1] > 0.95
    tailed = np.abs(random.normal(size=400_000)).astype(np.float32)
    tailed[::40_000] = 20.0
    assert range_of(seen(*np.split(tailed, 50)), "entropy")[1] < 12.0


def test_moving_average_forgets_at_its_rate() -> None:
    quiet = [np.array([-1.0, 1.0], np.float32)] * 50
    loud = [np.array([-3.0, 5.0], np.float32)]
    low, high = range_of(seen(*quiet, *loud), "moving-average")
    assert (low, high) == pytest.approx((-1 - 2 * (1 - DECAY), 1 + 4 * (1 - DECAY)))
    # The first example is where the average starts.
    assert range_of(seen(*loud), "moving-average") == (-3.0, 5.0)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_tensor_of_zeros_has_the_empty_range(method: str) -> None:
    assert range_of(seen(np.zeros((2, 3), np.float32)), method) == (0.0, 0.0)
    assert range_of(Histogram(), method) == (0.0, 0.0)


@pytest.mark.parametrize("symmetric", [False, True])
def test_whole_numbers_have_steps_of_one_where_eight_bits_hold_them(symmetric: bool) -> None:
    few = seen(np.array([-76.3, 0.4, 73.9], np.float32))
    low, high = whole_range(few, "minmax", symmetric=symmetric)
    assert (high - low) / (STEPS - symmetric) == 1.0
    many = seen(np.array([-76.3, 0.4, 127.2], np.float32))
    assert whole_range(many, "minmax", symmetric=symmetric) == range_of(many, "minmax")
