"""The area under the ROC curve beside scikit-learn, and DeLong's variance beside its definition."""

from __future__ import annotations

import math

import numpy as np
import pytest

from zoo.tasks.auc import (
    Placements,
    area_interval,
    curve,
    paired_difference,
    youden_threshold,
)

Z = 1.959963984540054


def drawn(seed: int, positives: int = 40, negatives: int = 60, shift: float = 1.0):
    """Scores with ties of two detectors on the same examples, and which are positive."""
    random = np.random.default_rng(seed)
    positive = np.arange(positives + negatives) < positives
    common = random.normal(size=len(positive)) + shift * positive
    first, second = (np.round(common + random.normal(size=len(positive)) / 2, 1) for _ in range(2))
    return first, second, positive


def by_definition(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Structural components from all pairs (DeLong et al. 1988, equations 4 and 5)."""
    high, low = scores[positive][:, None], scores[~positive][None]
    wins = (high > low) + 0.5 * (high == low)
    return wins.mean(1), wins.mean(0)


@pytest.mark.parametrize("seed", range(6))
def test_area_and_components_are_those_of_all_pairs_and_of_scikit_learn(seed: int) -> None:
    scores, _, positive = drawn(seed)
    found = Placements.of(scores, positive)
    assert found.area == pytest.approx(
        pytest.importorskip("sklearn.metrics").roc_auc_score(positive, scores), abs=1e-12
    )
    rows, columns = by_definition(scores, positive)
    np.testing.assert_allclose(found.positives, rows, atol=1e-12)
    np.testing.assert_allclose(found.negatives, columns, atol=1e-12)


def test_the_paired_interval_is_that_of_the_covariance_matrix() -> None:
    first, second, positive = drawn(1)
    own = [by_definition(scores, positive) for scores in (first, second)]
    tens, ones = (np.cov([pair[n] for pair in own]) for n in range(2))
    whole = tens / positive.sum() + ones / (~positive).sum()
    variance = whole[0, 0] + whole[1, 1] - 2 * whole[0, 1]
    value, low, high = paired_difference(
        *(Placements.of(scores, positive) for scores in (first, second))
    )
    assert value == pytest.approx(own[1][0].mean() - own[0][0].mean(), abs=1e-12)
    assert (high - low) / 2 == pytest.approx(Z * math.sqrt(variance), rel=1e-9)
    assert paired_difference(*[Placements.of(first, positive)] * 2) == (0.0, 0.0, 0.0)


def test_the_interval_covers_the_truth_and_resembles_a_bootstrap() -> None:
    covered = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        positive = np.arange(110) < 30
        low, high = area_interval(Placements.of(random.normal(size=110) + positive * 1.2, positive))
        truth = 0.5 * (1 + math.erf(1.2 / 2.0))  # P(X > Y) of normals 1.2 apart
        covered += low <= truth <= high
    assert 181 <= covered <= 198  # 95 % of 200 within three standard errors
    scores, _, positive = drawn(3, 80, 120)
    random, areas = np.random.default_rng(0), []
    for _ in range(400):
        up = random.choice(np.flatnonzero(positive), 80)
        down = random.choice(np.flatnonzero(~positive), 120)
        own = np.concatenate([up, down])
        areas.append(Placements.of(scores[own], positive[own]).area)
    low, high = area_interval(Placements.of(scores, positive))
    assert [low, high] == pytest.approx(np.quantile(areas, [0.025, 0.975]), abs=0.02)


def test_ranks_without_a_mistake_have_an_interval_of_as_many_as_the_smaller_class() -> None:
    scores, positive = np.arange(30.0), np.arange(30) >= 25
    low, high = area_interval(Placements.of(scores, positive))
    assert high == 1.0
    assert 0.5 < low < 0.6  # Wilson's, of 5 out of 5
    with pytest.raises(ValueError, match="positives and negatives"):
        Placements.of(scores, positive & False)


@pytest.mark.parametrize("seed", range(4))
def test_the_threshold_is_the_best_of_all_cuts(seed: int) -> None:
    scores, _, positive = drawn(seed)
    threshold = youden_threshold(scores, positive)

    def gain(cut: float) -> float:
        return float((scores[positive] > cut).mean() - (scores[~positive] > cut).mean())

    assert threshold not in scores
    assert gain(threshold) == pytest.approx(max(map(gain, np.unique(scores))))


def test_the_curve_runs_from_corner_to_corner_and_has_its_area() -> None:
    scores, _, positive = drawn(2, 400, 600)
    points = np.array(curve(np.random.default_rng(0).normal(size=1000) / 9 + scores, positive))
    assert points[0].tolist() == [0, 0]
    assert points[-1].tolist() == [1, 1]
    assert len(points) <= 202
    assert (np.diff(points, axis=0) >= 0).all()
    exact = np.array(curve(scores, positive))
    assert np.trapezoid(exact[:, 1], exact[:, 0]) == pytest.approx(
        Placements.of(scores, positive).area, abs=1e-4
    )
