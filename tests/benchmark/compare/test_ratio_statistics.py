"""The intervals are exact: their counts, their coverage, their symmetries."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from zoo.benchmark.compare.ratio import (
    RECORDED,
    Ratio,
    paired_ratio,
    processes_needed,
    rank_sum_counts,
    signed_rank_counts,
    turns_needed,
    unpaired_ratio,
    verdict,
)

TIMES = st.floats(1e3, 1e9)
MANY = st.lists(TIMES, min_size=5, max_size=10)
TURNS = st.lists(st.tuples(TIMES, TIMES), min_size=9, max_size=13)


@pytest.mark.parametrize("turns", range(1, 9))
def test_signed_ranks_are_counted_as_by_hand(turns: int) -> None:
    ranks = range(1, turns + 1)
    sums = [
        sum(s * r for s, r in zip(signs, ranks, strict=True))
        for signs in itertools.product((0, 1), repeat=turns)
    ]
    assert signed_rank_counts(turns) == [sums.count(n) for n in range(max(sums) + 1)]


@pytest.mark.parametrize(("first", "second"), [(1, 1), (2, 3), (3, 3), (5, 2), (4, 4)])
def test_rank_sums_are_counted_as_by_hand(first: int, second: int) -> None:
    wrong = []
    for places in itertools.combinations(range(first + second), first):
        others = set(range(first + second)) - set(places)
        wrong.append(sum(p > o for p in places for o in others))
    assert rank_sum_counts(first, second) == [wrong.count(n) for n in range(first * second + 1)]


def test_how_much_evidence_it_takes() -> None:
    assert turns_needed(0.995) == 9, "2 of 2^9 is 0.4 %, 2 of 2^8 is 0.8 %"
    assert turns_needed(0.99) == 8
    assert processes_needed(5) == 5, "2 of 252 is 0.8 %"
    assert processes_needed(3) == 9, "2 of 220 is 0.9 %"
    assert processes_needed(1) is None, "not even a hundred"
    enough, fewer = np.arange(1.0, 6.0), np.arange(1.0, 5.0)
    assert unpaired_ratio(enough, enough + 9) is not None
    assert unpaired_ratio(enough, fewer + 9) is None
    assert paired_ratio(np.arange(1.0, 10.0), np.arange(2.0, 11.0)) is not None
    assert paired_ratio(np.arange(1.0, 9.0), np.arange(2.0, 10.0)) is None
    assert paired_ratio([], []) is None


@given(TURNS)
def test_turns_the_other_way_round_turn_the_ratio_round(turns: list[tuple[float, float]]) -> None:
    one, other = zip(*turns, strict=True)
    there, back = paired_ratio(one, other), paired_ratio(other, one)
    assert there is not None
    assert back is not None
    assert there.value == pytest.approx(1 / back.value)
    assert (there.low, there.high) == (pytest.approx(1 / back.high), pytest.approx(1 / back.low))
    assert there.low <= there.value <= there.high


@given(MANY, MANY)
def test_recordings_the_other_way_round_too(one: list[float], other: list[float]) -> None:
    there, back = unpaired_ratio(one, other), unpaired_ratio(other, one)
    assert there is not None
    assert back is not None
    assert (there.low, there.high) == (pytest.approx(1 / back.high), pytest.approx(1 / back.low))


@given(TURNS, st.floats(0.1, 10.0), st.floats(1e-3, 1e3))
def test_units_do_not_matter_and_factors_pass_through(
    turns: list[tuple[float, float]], factor: float, unit: float
) -> None:
    one, other = np.array(turns).T
    plain = paired_ratio(one, other)
    scaled = paired_ratio(one * unit, other * unit * factor)
    assert plain is not None
    assert scaled is not None
    assert scaled.low == pytest.approx(plain.low * factor, rel=1e-6)
    assert scaled.high == pytest.approx(plain.high * factor, rel=1e-6)


@given(MANY, MANY, st.randoms())
def test_the_order_of_recorded_processes_does_not_matter(one, other, random) -> None:
    before = unpaired_ratio(one, other)
    mixed = random.sample(one, len(one))
    assert unpaired_ratio(mixed, other) == before


@given(TURNS)
def test_one_wild_process_does_not_decide(turns: list[tuple[float, float]]) -> None:
    """A process that some neighbour made a thousand times slower moves no end to itself."""
    calm = [(1e6, 1e6 * (1 + 1e-4 * n)) for n in range(len(turns))]
    wild = [*calm[:-1], (1e6, 1e9)]
    assume(len(turns) >= 12)
    ratio = paired_ratio(*zip(*wild, strict=True))
    assert ratio is not None
    assert ratio.value < 1.01
    assert verdict(ratio) != "slower" or ratio.low < 1.01


@pytest.mark.parametrize("scatter", [0.003, 0.02, 0.2])
@pytest.mark.parametrize("form", ["paired", "unpaired"])
def test_intervals_hold_the_truth_as_often_as_they_say(scatter: float, form: str) -> None:
    """Heavy tails and all: the tests that are turned round assume no distribution."""
    random, inside, trials = np.random.default_rng(7), 0, 600
    for _ in range(trials):
        noise = scatter * random.standard_t(2, (2, 12))
        one, other = 1e6 * np.exp(noise[0]), 1.07e6 * np.exp(noise[1])
        if form == "paired":
            drift = np.exp(np.cumsum(random.normal(0, 0.05, 12)))
            ratio = paired_ratio(one * drift, other * drift)
        else:
            ratio = unpaired_ratio(one[:6], other[:6])
        assert ratio is not None
        assert ratio.coverage >= RECORDED
        inside += ratio.low <= 1.07 <= ratio.high
    # Three standard deviations below the least coverage.
    assert inside / trials >= 0.99 - 3 * math.sqrt(0.01 * 0.99 / trials)


def test_an_interval_too_narrow_would_be_noticed() -> None:
    """The same trial with the range of three processes, as a bootstrap would have it."""
    random, inside = np.random.default_rng(7), 0
    for _ in range(600):
        values = np.exp(0.02 * random.standard_t(2, 3))
        inside += values.min() <= 1.0 <= values.max()
    assert inside / 600 < 0.9


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (1.001, 1.02, "same"),  # a difference, and one that nobody cares about
        (0.99, 1.03, "same"),
        (0.99, 1.031, "can't tell"),
        (0.96, 1.0, "can't tell"),
        (1.0, 1.5, "can't tell"),
        (1.01, 1.05, "slower"),
        (0.9, 0.99, "faster"),
        (0.971, 1.0, "same"),
    ],
)
def test_verdicts_from_intervals(low: float, high: float, word: str) -> None:
    ratio = Ratio(value=low, low=low, high=high, coverage=0.99, processes=(12, 12), paired=True)
    assert verdict(ratio, 0.03) == word


@given(st.floats(0.5, 2.0), st.floats(0.5, 2.0), st.floats(0.001, 0.5))
def test_verdicts_turn_round_with_the_ratio(one: float, other: float, margin: float) -> None:
    low, high = sorted((one, other))
    assume(min(abs(low * (1 + margin) - 1), abs(high - 1 - margin)) > 1e-9)
    make: Any = {"coverage": 0.99, "processes": (12, 12), "paired": True}
    there = verdict(Ratio(value=low, low=low, high=high, **make), margin)
    back = verdict(Ratio(value=1 / low, low=1 / high, high=1 / low, **make), margin)
    turned = {"faster": "slower", "slower": "faster"}
    assert back == turned.get(there, there)
