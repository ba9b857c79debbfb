"""The paired test of a search's best against the default."""

from __future__ import annotations

import math

import numpy as np
import pytest

from zoo.contracts import Metric
from zoo.pipeline.search.confirmation import SeedResult, compared


def metric(value: float, **changes: object) -> Metric:
    given = {"name": "accuracy", "low": 0.0, "high": 1.0, "count": 400, **changes}
    return Metric(value=value, **given)  # type: ignore[arg-type]


def results(*pairs: tuple[float, float]) -> list[SeedResult]:
    return [
        SeedResult(seed=n, default=metric(own), tuned=metric(other))
        for n, (own, other) in enumerate(pairs)
    ]


def test_seeds_alone_give_students_interval() -> None:
    found = compared(results((0.90, 0.92), (0.91, 0.92), (0.90, 0.93)), [])
    spread = np.std([2.0, 1.0, 3.0], ddof=1)
    assert found.gain == pytest.approx(2.0)
    assert found.high - found.gain == pytest.approx(4.303 * spread / math.sqrt(3), rel=1e-3)
    assert found.unit == "points"
    assert found.verdict == "no better", "three seeds that differ so much tell nothing"


def test_the_same_gain_on_every_seed_is_better() -> None:
    found = compared(results((0.90, 0.92), (0.91, 0.93), (0.90, 0.921)), [])
    assert found.verdict == "better"
    worse = compared(results((0.92, 0.90), (0.93, 0.91), (0.921, 0.90)), [])
    assert worse.verdict == "worse"


def test_few_examples_widen_the_interval() -> None:
    """Equal gains on all seeds, by two examples of a hundred: chance explains them."""
    gained = np.zeros(100)
    gained[:2] = 100.0
    found = compared(results((0.90, 0.92), (0.90, 0.92), (0.90, 0.92)), [gained] * 3)
    assert found.by_example
    assert found.gain == pytest.approx(2.0)
    assert found.low < 0 < found.high
    assert found.verdict == "no better"
    many = compared(results((0.90, 0.92), (0.90, 0.92), (0.90, 0.92)), [np.tile(gained, 20)] * 3)
    assert many.verdict == "better"


def test_no_difference_at_all_is_no_better() -> None:
    found = compared(results((0.9, 0.9), (0.8, 0.8), (0.7, 0.7)), [np.zeros(50)] * 3)
    assert found.gain == 0.0
    assert found.low == -found.high
    assert found.high == pytest.approx(2.008 * 100 / 52, rel=1e-3), "50 examples do not tell all"
    assert found.verdict == "no better"


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_handful_of_examples_tells_nothing(count: int) -> None:
    """All wrong before, all right after, on all seeds: no variance is seen, and there is one."""
    gained = np.full(count, 100.0)
    found = compared(results((0.0, 1.0), (0.0, 1.0), (0.0, 1.0)), [gained] * 3)
    assert found.low < 0 < found.gain == 100.0
    assert found.verdict == "no better"
    assert compared(results(*[(0.0, 1.0)] * 3), [np.full(30, 100.0)] * 3).verdict == "better"


def test_noise_is_called_better_about_as_rarely_as_promised() -> None:
    """Crossed effects of seeds and examples without a true difference: at most 2.5 % a side."""
    random = np.random.default_rng(0)
    called = 0
    for _ in range(1000):
        examples = random.normal(0, 20, 300)
        parts = [examples + random.normal(0, 1.5) + random.normal(0, 10, 300) for _ in range(3)]
        pairs = [(0.5, 0.5 + float(part.mean()) / 100) for part in parts]
        called += compared(results(*pairs), parts).verdict == "better"
    assert called <= 35


def test_a_distance_gains_by_falling() -> None:
    pairs = [(10.0, 8.0), (10.0, 8.1), (10.0, 7.9)]
    found = compared(
        [
            SeedResult(
                seed=n,
                default=metric(own, name="distance", higher_is_better=False),
                tuned=metric(other, name="distance", higher_is_better=False),
            )
            for n, (own, other) in enumerate(pairs)
        ],
        [],
    )
    assert found.unit == "%"
    assert found.gain == pytest.approx(20.0)
    assert found.verdict == "better"
