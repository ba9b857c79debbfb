"""Distances of samples, against what can be computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.tasks.distances import (
    Moments,
    frechet,
    kernel_estimate,
    paired_rise,
    real_distances,
)

RANDOM = np.random.default_rng(5)


def normal(count: int, mean: float = 0.0, deviation: float = 1.0, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (mean + deviation * random.standard_normal((count, 6))).astype(np.float32)


def test_moments_are_those_of_numpy() -> None:
    sample = normal(357, mean=3.0)
    moments = Moments.of(sample)
    np.testing.assert_allclose(moments.mean, sample.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(moments.covariance, np.cov(sample.T), atol=1e-5)


def test_frechet_of_two_normal_distributions_is_the_closed_form() -> None:
    mean, one = np.zeros(2), np.eye(2)
    first = Moments(mean=mean, covariance=np.diag([1.0, 4.0]))
    second = Moments(mean=np.array([3.0, 0.0]), covariance=np.diag([9.0, 4.0]))
    # 3² between the means, (1 - 3)² between the deviations.
    assert frechet(first, second) == pytest.approx(9.0 + 4.0)
    assert frechet(first, first) == pytest.approx(0.0, abs=1e-9)
    turned = np.array([[0.6, -0.8], [0.8, 0.6]])
    covariance = turned @ np.diag([2.0, 8.0]) @ turned.T
    expected = 2.0 + 8.0 + 2.0 - 2.0 * (np.sqrt(2.0) + np.sqrt(8.0))
    found = frechet(Moments(mean=mean, covariance=covariance), Moments(mean=mean, covariance=one))
    assert found == pytest.approx(expected)


def test_more_of_the_same_is_at_the_floor_and_other_data_is_not() -> None:
    real, held_out = normal(3000, seed=1), normal(1000, seed=2)
    same = real_distances(real, normal(1000, seed=3), held_out)
    assert same.generated.low < same.held_out.value < same.generated.high
    assert same.ratio.low < 1.0 < same.ratio.high
    moved = real_distances(real, normal(1000, mean=0.5, seed=3), held_out)
    assert moved.generated.value == pytest.approx(6 * 0.25, rel=0.15)
    assert moved.generated.low < 6 * 0.25 < moved.generated.high
    assert moved.ratio.low > 10


def test_the_interval_covers_as_often_as_it_says() -> None:
    """Of 60 samples at a known distance, about 95 % of the intervals hold it."""
    covered = 0
    for seed in range(60):
        real, made = normal(1500, seed=2 * seed), normal(1500, 1.0, seed=2 * seed + 1)
        found = real_distances(real, made, real[:700]).generated
        covered += found.low <= 6.0 <= found.high
    assert covered >= 52


def test_a_paired_rise_is_seen_where_unpaired_intervals_are_too_wide() -> None:
    real, before = normal(2000, seed=1), normal(600, mean=0.4, seed=2)
    # About one more hundredth of a deviation away: far less than the sampling error.
    rise = paired_rise(real, before, before + np.float32(0.01))
    assert 0 < rise.low < rise.value < rise.high < 0.1
    assert paired_rise(real, before, before).value == 0
    fall = paired_rise(real, before, before - np.float32(0.01))
    assert fall.high < 0


def test_the_kernel_distance_is_unbiased_and_sees_a_shift() -> None:
    real = normal(2000, seed=1)
    same = kernel_estimate(real, normal(2000, seed=2))
    assert same.low < 0 < same.high
    moved = kernel_estimate(real, normal(2000, mean=0.5, seed=2))
    assert moved.low > 10 * same.high


def test_small_samples_have_an_interval_too() -> None:
    found = kernel_estimate(normal(40, seed=1), normal(40, seed=2))
    assert found.low < found.value < found.high
