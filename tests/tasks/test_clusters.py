"""Intervals and tests for shares whose trials come in clusters."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from zoo.common.proportions import mcnemar_p, wilson_interval
from zoo.tasks.clusters import clustered_interval, sign_flip_p


def width(interval: tuple[float, float]) -> float:
    return interval[1] - interval[0]


def test_steps_that_go_together_count_as_one() -> None:
    """Sequences that are right or wrong as a whole: as many trials as sequences."""
    counts = np.full(60, 10)
    right = np.where(np.arange(60) < 45, 10, 0)
    low, high = clustered_interval(right, counts, 0.95)
    expected = wilson_interval(45, 60)
    assert low == pytest.approx(expected[0], abs=0.005)
    assert high == pytest.approx(expected[1], abs=0.005)
    independent = wilson_interval(450, 600)
    assert width((low, high)) > 2.8 * width(independent)


def test_independent_steps_lose_nothing() -> None:
    random = np.random.default_rng(3)
    counts = random.integers(5, 20, 400)
    right = random.binomial(counts, 0.8)
    found = width(clustered_interval(right, counts, 0.95))
    independent = width(wilson_interval(int(right.sum()), int(counts.sum())))
    assert independent <= found * (1 + 1e-9)
    assert found < 1.15 * independent


def test_it_covers_the_truth_about_as_often_as_it_says() -> None:
    """Sequences with a quality of their own; the plain interval covers far too seldom."""
    random = np.random.default_rng(5)
    covered = plain = 0
    for _ in range(400):
        counts = random.integers(5, 30, 80)
        right = random.binomial(counts, random.beta(4, 1, 80))
        low, high = clustered_interval(right, counts, 0.95)
        covered += low <= 0.8 <= high
        low, high = wilson_interval(int(right.sum()), int(counts.sum()))
        plain += low <= 0.8 <= high
    assert covered / 400 > 0.91
    assert plain / 400 < 0.8


@pytest.mark.parametrize("right", [0, 7])
def test_without_variance_each_sequence_counts_once(right: int) -> None:
    found = clustered_interval(np.full(20, right), np.full(20, 7), 0.95)
    assert found == pytest.approx(wilson_interval(20 if right else 0, 20))
    assert 0 <= found[0] < found[1] <= 1


def test_sequences_without_a_step_count_for_nothing() -> None:
    right, counts = np.array([3, 1, 2]), np.array([4, 4, 3])
    padded = clustered_interval(np.append(right, 0), np.append(counts, 0), 0.95)
    assert padded == clustered_interval(right, counts, 0.95)


def test_signs_of_ones_are_mcnemars_coins() -> None:
    for lost, gained in ((0, 0), (3, 1), (8, 0), (5, 5), (1, 9)):
        differences = np.array([-1] * lost + [1] * gained + [0] * 30)
        assert sign_flip_p(differences) == pytest.approx(mcnemar_p(lost, gained))


def test_few_differences_are_tried_in_every_pattern() -> None:
    differences = np.array([-5, -2, 1, -3])
    sums = [abs(np.dot(s, differences)) for s in itertools.product((-1, 1), repeat=4)]
    assert sign_flip_p(differences) == np.mean([s >= 9 for s in sums])


def test_many_differences_are_drawn_and_always_the_same() -> None:
    one_sided = -np.ones(40, np.int64)
    assert sign_flip_p(one_sided) == sign_flip_p(one_sided) < 0.001
    assert sign_flip_p(np.tile([1, -1], 20)) == 1.0


def test_one_broken_sequence_proves_nothing_however_long_it_is() -> None:
    assert sign_flip_p(np.array([-60, 0, 0, 0])) == 1.0
