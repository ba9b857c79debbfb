"""Successive halving, whole trainings, and the budget of time, with trainings that are made up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from choices import accuracy, score

from zoo.common.errors import EnvironmentFailed, UsageError, ZooError
from zoo.common.worker import flatten
from zoo.data.opening import open_dataset
from zoo.pipeline.options import recipe_from
from zoo.pipeline.search import rivals
from zoo.pipeline.search.choose import training_examples
from zoo.pipeline.search.choosing import Choosing
from zoo.pipeline.search.learning_curve import CurvePoint, curve_of
from zoo.pipeline.search.rivals import difference
from zoo.pipeline.search.rungs import Rung, rungs_of
from zoo.pipeline.search.scores import Score, Scoring, whole_seconds
from zoo.pipeline.search.time_budget import TimeBudget
from zoo.registry import load_registry

Value = Callable[[str, float, int], float]


class MadeUp(Scoring):
    """Trainings that take a second for each million multiply-adds, epoch and whole data."""

    def __init__(self, value: Value, seconds: float | None, bad: Sequence[str] = ()) -> None:
        runs = SimpleNamespace(
            budget=SimpleNamespace(seconds=seconds, left=seconds or float("inf")),
            reserve=0.0,
            on_step=lambda step, event: None,
        )
        super().__init__(runs=runs, metric="accuracy")  # type: ignore[arg-type]
        self.value, self.bad, self.made = value, bad, []  # type: ignore[var-annotated]
        self.error: ZooError | None = None
        self.begun: list[list[str]] = []

    def submitted(
        self, named: Mapping[str, Any], *, share: float, epochs: int, seed: int
    ) -> AbstractContextManager[None]:
        self.begun.append([f"{one.name} {share:g} {epochs} {seed}" for one in named.values()])
        return nullcontext()

    def score(
        self, recipe: Any, name: str, *, share: float = 1.0, epochs: int = 0, seed: int = 0
    ) -> Score | None:
        own, budget = recipe.name, self.runs.budget
        if own in self.bad:
            raise self.error or ZooError(f"{own} diverged", fix="--learning-rate 0.0001")
        took = recipe.multiply_adds / 1e6 * share * epochs
        if budget.left - took <= self.runs.reserve and budget.seconds is not None:
            return None
        budget.left -= took  # type: ignore[misc]
        self.made.append((own, share, epochs, seed))
        more = {"epochs": epochs, "made": epochs, "seconds": took}
        return score(self.value(own, share, seed), share, seed, **more)

    def right(self, recipe: Any, name: str, seed: int) -> Any:
        return None  # Of no mean over examples nothing can be said before the last seed.


def choosing(
    value: Value,
    names: str,
    *,
    seconds: float | None = None,
    bad: Sequence[str] = (),
    seeds: Sequence[int] = (0, 1, 2),
) -> Choosing:
    candidates = [
        SimpleNamespace(name=name, multiply_adds=1e6 * (place + 1), job=SimpleNamespace())
        for place, name in enumerate(names)
    ]
    for one in candidates:
        one.job.recipe = one
    notes: list[str] = []
    made = Choosing(
        scoring=MadeUp(value, seconds, bad),
        candidates=candidates,  # type: ignore[arg-type]
        epochs=9,
        seeds=seeds,
        note=notes.append,
    )
    made.told = notes  # type: ignore[attr-defined]
    return made


def by_letter(name: str, share: float, seed: int) -> float:
    return (ord(name) - ord("a")) / 30 + share / 10


def test_rungs_grow_while_networks_become_fewer() -> None:
    rungs = rungs_of(27, 3, 15, 10_000, 10)
    assert [rung.keep for rung in rungs] == [9, 3]
    assert [round(rung.share, 2) for rung in rungs] == [0.11, 0.33]
    assert [rung.epochs for rung in rungs] == [5, 9]
    cost = [n * r.share * r.epochs for n, r in zip((27, 9), rungs, strict=True)]
    whole = 27 * 15
    assert (sum(cost) + 3 * 15) / whole < 0.25


def test_small_data_are_not_divided_further_than_they_can_rank() -> None:
    assert [(r.share, r.keep) for r in rungs_of(27, 3, 15, 500, 10)] == [(0.4, 3)]
    assert [(r.share, r.keep) for r in rungs_of(27, 3, 15, 100, 10)] == [(1.0, 3)]
    assert [r.share for r in rungs_of(27, 3, 15, 1_700, 10)] == [0.3333], "188 would be too few"
    assert [r.share for r in rungs_of(27, 3, 15, 1_900, 10)] == [0.1111, 0.3333]
    assert [r.epochs for r in rungs_of(4, 3, 1, 500, 10)] == [1]
    assert [r.epochs for r in rungs_of(4, 3, 6, 1_257, 10)] == [3]


def test_few_networks_need_no_rungs() -> None:
    assert rungs_of(3, 3, 15, 10_000, 10) == ()


def test_the_best_go_on_and_are_trained_whole_on_every_seed() -> None:
    made = choosing(by_letter, "abcdefghi")
    rungs = rungs_of(9, 2, 9, 10_000, 10)
    best = made.halve(rungs)
    assert [one.name for one in best] == ["i", "h"]
    whole = made.train_whole(best)
    assert {name: [s.seed for s in own] for name, own in whole.items()} == {
        "i": [0, 1, 2],
        "h": [0, 1, 2],
    }
    assert all(s.share == 1.0 for own in whole.values() for s in own)
    order = [one[0] for one in made.scoring.made]  # type: ignore[attr-defined]
    assert order[:9] == list("abcdefghi"), "the smallest first"
    assert not made.stopped


def test_networks_of_a_rung_and_of_a_seed_begin_together() -> None:
    made = choosing(by_letter, "abc", seeds=(4, 5), bad="b")
    best = made.halve([Rung(share=0.5, epochs=3, keep=2)])
    made.train_whole(best)
    rung, first, second = made.scoring.begun  # type: ignore[attr-defined]
    assert rung == ["a 0.5 3 4", "b 0.5 3 4", "c 0.5 3 4"]
    assert first == ["c 1 9 4", "a 1 9 4"]
    assert second == ["c 1 9 5", "a 1 9 5"]


def test_a_distance_is_better_where_it_is_smaller() -> None:
    made = choosing(by_letter, "abcd")
    made.scoring.maximize = False
    assert [one.name for one in made.halve((Rung(share=0.3, epochs=3, keep=2),))] == ["a", "b"]


def test_one_that_fails_costs_itself() -> None:
    made = choosing(by_letter, "abcd", bad=("d",))
    best = made.halve((Rung(share=0.3, epochs=3, keep=2),))
    assert [one.name for one in best] == ["c", "b"]
    assert made.failed == {"d": "d diverged"}
    greedy = choosing(by_letter, "abcd", bad=("d",))
    greedy.scoring.error = flatten(MemoryError()).error()  # type: ignore[attr-defined]
    greedy.halve((Rung(share=0.3, epochs=3, keep=2),))
    assert greedy.failed == {"d": "the step ran out of memory"}
    with pytest.raises(ZooError, match="none of 2 networks could be trained") as caught:
        choosing(by_letter, "ab", bad=("a", "b")).halve((Rung(share=0.3, epochs=3, keep=1),))
    assert "a: a diverged; b: b diverged" in str(caught.value)
    with pytest.raises(ZooError, match="a diverged"):
        choosing(by_letter, "a", bad=("a",)).train_whole(choosing(by_letter, "a").candidates)
    assert caught.value.fix == "--learning-rate 0.0001"


def test_no_time_for_one_training_is_refused() -> None:
    with pytest.raises(UsageError, match="too short for one training") as caught:
        choosing(by_letter, "abcd", seconds=0.5).halve((Rung(share=0.3, epochs=3, keep=1),))
    assert "larger budget goes on" in str(caught.value)


def test_what_is_too_large_for_the_time_is_not_begun() -> None:
    made = choosing(by_letter, "abcdefghi", seconds=12.0)
    best = made.halve((Rung(share=0.3, epochs=3, keep=3),))
    assert made.stopped
    assert {one[0] for one in made.scoring.made} < set("abcdefghi")  # type: ignore[attr-defined]
    assert "were not trained" in made.told[0]  # type: ignore[attr-defined]
    assert best, "the best of those that were reached go on"


def test_time_that_ends_between_seeds_leaves_what_all_have() -> None:
    made = choosing(by_letter, "ab", seconds=50.0)
    whole = made.train_whole(made.candidates)
    assert made.stopped
    assert {len(own) for own in whole.values()} == {1}
    assert "the budget of time ended the whole trainings" in made.told[0]  # type: ignore[attr-defined]


def test_a_training_that_was_found_done_counts_for_what_it_took() -> None:
    step = SimpleNamespace(
        record=SimpleNamespace(seconds=30.0),
        folder=Path("f"),
        result=SimpleNamespace(
            metric_name="accuracy",
            higher_is_better=True,
            best_epoch=1,
            weights="w",
            processor_seconds=44.0,
            epochs=(SimpleNamespace(validation_metric=0.5, validation_loss=1.0),),
        ),
    )
    asked: list[Any] = []

    def train(recipe: Any, name: str, on_epoch: Any) -> Any:
        asked.append(recipe)
        return SimpleNamespace(step=step, seconds=0.0)

    budget = TimeBudget(seconds=40.0)
    runs = SimpleNamespace(budget=budget, train=train)
    recipe = recipe_from(model="lenet5", data="digits", share=0.5)
    found = Scoring(runs=runs).score(recipe, "a", share=0.5, epochs=3, seed=4)  # type: ignore[arg-type]
    assert found is not None
    assert 9.0 < budget.left <= 10.0
    assert (found.seconds, found.processor_seconds) == (30.0, 44.0)
    (own,) = asked
    assert (own.training.share, own.training.epochs, own.seed) == (0.25, 3, 4)
    assert whole_seconds(found, 15) == pytest.approx(30.0 * 15 / 0.5)


def test_a_rival_is_better_only_where_chance_does_not_explain_it() -> None:
    own, rival = [accuracy(0.90)] * 3, [accuracy(0.92)] * 3
    few = np.zeros(100)
    few[:2] = 100.0
    assert difference(own, rival, [few] * 3).verdict == "cannot tell"
    assert difference(own, rival, [np.tile(few, 20)] * 3).verdict == "better"
    assert difference(rival, own, [np.tile(-few, 20)] * 3).verdict == "worse"
    alone = difference(own[:1], rival[:1], [])
    assert (alone.low, alone.high, alone.verdict) == (None, None, "cannot tell")
    assert difference(own[:1], rival[:1], [np.tile(few, 20)]).verdict == "better"


def test_a_curve_helps_only_beyond_chance() -> None:
    def curve(*last: float, judged: int = 270) -> Any:
        points = [
            CurvePoint(share=0.5, examples=50, values=(0.90, 0.91, 0.90)),
            CurvePoint(share=1.0, examples=100, values=last),
        ]
        return curve_of(points, "accuracy", maximize=True, judged=judged)

    assert curve(0.95, 0.96, 0.95).verdict == "helps"
    assert curve(0.95, 0.96, 0.95).gain == pytest.approx(5.0)
    assert curve(0.95, 0.87, 0.92).verdict == "cannot tell"
    points = [CurvePoint(share=s, examples=9, values=(v,)) for s, v in ((0.5, 8.0), (1.0, 6.0))]
    fall = curve_of(points, "distance", maximize=False, judged=270)
    assert (fall.gain, fall.low, fall.verdict) == (2.0, None, "cannot tell")


def test_seeds_that_gain_the_same_few_examples_leave_something_to_chance() -> None:
    def curve(*last: float) -> Any:
        points = [
            CurvePoint(share=0.5, examples=105, values=(44 / 45,) * len(last)),
            CurvePoint(share=1.0, examples=210, values=last),
        ]
        return curve_of(points, "accuracy", maximize=True, judged=45)

    one_more = curve(1.0, 1.0)
    assert one_more.gain == pytest.approx(100 / 45)
    assert one_more.low < 0.0 < one_more.high
    assert one_more.verdict == "cannot tell"
    assert curve(1.0).low is None, "nothing is known of the chance in one training"
    same = curve(44 / 45, 44 / 45)
    assert same.low < 0.0 < same.high


def test_a_share_of_the_data_leaves_rungs_their_examples() -> None:
    pytest.importorskip("sklearn")
    digits = open_dataset(load_registry(), "digits")
    fifth = recipe_from(model="lenet5", data="digits", share=0.2)
    examples = training_examples(fifth, digits)
    assert 240 < examples < 265, "of 1,257"
    (rung,) = rungs_of(4, 3, 15, examples, 10)
    assert rung.share * examples == pytest.approx(200, abs=1), "so many at the least"


def test_finalists_are_evaluated_together_each_on_its_own_seeds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    quality = {"a, seed 0": 0.9, "a, seed 1": 0.8, "b, seed 0": 0.7}

    def evaluations(given: Any) -> Any:
        asked.extend(name for _, name in given)
        for recipe, name in given:
            assert name.endswith(f"seed {recipe.seed}")
            train = SimpleNamespace(folder=Path("t"), result=SimpleNamespace(weights="w"))
            result = SimpleNamespace(metrics=(accuracy(quality[name]),), baseline=None)
            yield train, SimpleNamespace(result=result)

    monkeypatch.setattr(rivals, "right_answers", lambda *given: None)
    runs: Any = SimpleNamespace(evaluations=evaluations, registry=None)
    recipes = {name: recipe_from(model="lenet5", data="digits") for name in "ab"}
    found, differences = rivals.tested(runs, "a", recipes, {"a": [0, 1], "b": [0]})
    assert asked == list(quality)
    values = {name: [one.value for one in own.metrics] for name, own in found.items()}
    assert values == {"a": [0.9, 0.8], "b": [0.7]}
    assert differences["b"].seeds == 1, "those that both have"
    assert differences["b"].gain == pytest.approx(-20.0)


@pytest.mark.parametrize("whole", [False, True], ids=["in a rung", "whole"])
def test_a_failure_of_the_machine_is_no_candidate_s(
    monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    made = choosing(by_letter, "abc")
    score = made.scoring.score

    def failing(recipe: Any, name: str, **given: Any) -> Score | None:
        if recipe.name == "b":
            raise EnvironmentFailed("the disk of /tmp is full")
        return score(recipe, name, **given)

    monkeypatch.setattr(made.scoring, "score", failing)
    train = made.train_whole if whole else made.halve
    given: Any = made.candidates if whole else [Rung(share=0.5, epochs=3, keep=2)]
    with pytest.raises(EnvironmentFailed, match="is full"):
        train(given)
    assert made.failed == {}
