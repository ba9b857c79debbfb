"""Finalists that need no further seed, with trainings and answers that are made up."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from choices import compared, score

from zoo.common.errors import ZooError
from zoo.pipeline.search.choice import as_json
from zoo.pipeline.search.choosing import Choosing
from zoo.pipeline.search.scores import Score, Scoring
from zoo.pipeline.search.seed_stopping import SeedStop, seed_stop
from zoo.report.choice_text import candidate_rows, seed_stop_text

N = 1000


def answers(*wrong: int) -> Any:
    """1 for each of `N` examples, 0 for some of them, by place."""
    found = np.ones(N)
    found[[*wrong]] = 0.0
    return found


#: Of `N` examples; those of two networks overlap in half.
BEST = answers(*range(40))
AHEAD_BY_CHANCE = answers(*range(20, 66))
BETWEEN = answers(*range(20, 84))
BEHIND = answers(*range(20, 180))


class Answering(Scoring):
    """Trainings that take no time, and answers that are made up."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        budget = SimpleNamespace(seconds=None, left=float("inf"))
        runs = SimpleNamespace(budget=budget, reserve=0.0, on_step=lambda step, event: None)
        super().__init__(runs=runs, metric="accuracy")  # type: ignore[arg-type]
        self.given = given
        self.made: list[tuple[str, int]] = []

    def submitted(self, named: Mapping[str, Any], **asked: Any) -> AbstractContextManager[None]:
        return nullcontext()

    def score(self, recipe: Any, name: str, **asked: Any) -> Score:
        own, seed = recipe.name, asked["seed"]
        self.made.append((own, seed))
        right = self._of(own, seed)
        return score(0.9 if right is None else float(right.mean()), 1.0, seed)

    def right(self, recipe: Any, name: str, seed: int) -> Any:
        found = self._of(recipe.name, seed)
        if found is None and "broken" in self.given:
            raise ZooError("the evaluation crashed")
        return found

    def _of(self, name: str, seed: int) -> Any:
        own = self.given[name]
        return own[seed] if isinstance(own, list) else own


def finals(given: Mapping[str, Any]) -> tuple[Choosing, dict[str, list[Score]]]:
    candidates: Any = [SimpleNamespace(name=n, multiply_adds=1e6) for n in given if n != "broken"]
    for one in candidates:
        one.job = SimpleNamespace(recipe=one)
    made = Choosing(
        scoring=Answering(given),
        candidates=candidates,
        epochs=9,
        seeds=(0, 1, 2),
        note=lambda text: None,
    )
    return made, made.train_whole(candidates)


def seeds_of(whole: Mapping[str, list[Score]]) -> dict[str, list[int]]:
    return {name: [one.seed for one in own] for name, own in whole.items()}


def test_one_that_is_clearly_behind_is_trained_once() -> None:
    made, whole = finals({"a": BEST, "b": BETWEEN, "c": BEHIND})
    assert seeds_of(whole) == {"a": [0, 1], "b": [0, 1], "c": [0]}
    assert {name: (one.reason, one.best, one.seeds) for name, one in made.seed_stops.items()} == {
        "b": ("worse", "a", 2),
        "c": ("worse", "a", 1),
    }
    assert made.best_first(whole) == ["a", "b", "c"]


def test_where_the_best_is_alone_it_is_trained_once_too() -> None:
    made, whole = finals({"b": BEHIND, "a": BEST})
    assert seeds_of(whole) == {"b": [0], "a": [0]}
    assert made.best_first(whole) == ["a", "b"]
    alone, whole = finals({"a": BEST})
    assert seeds_of(whole) == {"a": [0]}
    assert not alone.seed_stops


def test_what_no_seed_could_tell_apart_is_trained_once() -> None:
    made, whole = finals({"a": BEST, "b": AHEAD_BY_CHANCE})
    assert seeds_of(whole) == {"a": [0], "b": [0]}
    assert made.seed_stops["b"].reason == "indistinguishable"
    assert made.seed_stops["b"].low < 0.0 < made.seed_stops["b"].high


def test_trainings_that_vary_are_no_proof_until_several_seeds_agree() -> None:
    nearly = answers(*range(20, 70))
    other = [BETWEEN, nearly, BETWEEN]
    made, whole = finals({"a": [BEST, nearly, BEST], "b": other})
    assert seeds_of(whole)["b"][:2] == [0, 1]
    assert {one.reason for one in made.seed_stops.values()} <= {"indistinguishable"}
    assert seed_stop("a", [BEST] * 2, [BETWEEN] * 2) is not None


def test_who_was_left_behind_after_one_seed_never_passes_who_went_on() -> None:
    falling = [BEST, answers(*range(300)), answers(*range(300))]
    made, whole = finals({"a": falling, "b": AHEAD_BY_CHANCE, "c": BETWEEN})
    assert seeds_of(whole)["b"] == [0]
    assert made.best_first(whole)[0] == "c", "not b, which has the better mean of a single seed"
    assert made.best_first(whole)[-1] == "b"


@pytest.mark.parametrize("more", [{}, {"broken": True}], ids=["distance", "broken"])
def test_without_answers_all_seeds_are_trained(more: dict[str, Any]) -> None:
    made, whole = finals({"a": None, "b": None, **more})
    assert seeds_of(whole) == {"a": [0, 1, 2], "b": [0, 1, 2]}
    assert not made.seed_stops


def test_one_seed_must_be_clearer_than_several() -> None:
    assert seed_stop("a", [BEST], [BETWEEN]) is None
    after_three = seed_stop("a", [BEST] * 3, [BETWEEN] * 3)
    assert after_three is not None
    assert after_three.reason == "worse"
    assert after_three.high < 0.0
    far = seed_stop("a", [BEST], [BEHIND])
    assert far is not None
    assert (far.reason, far.examples, far.gain) == ("worse", N, pytest.approx(-12.0))


def test_the_table_and_the_json_say_why_one_was_trained_once() -> None:
    one = SeedStop(
        reason="worse", best="resnet8", seeds=1, gain=-9.0, low=-12.0, high=-6.0, examples=266
    )
    found = compared(seed_stops={"lenet5": one})
    words = "trained on 1 seed: clearly worse in validation"
    assert words in str(candidate_rows(found))
    assert words not in str(candidate_rows(compared()))
    told = {entry["name"]: entry for entry in as_json(found)["candidates"]}
    assert told["lenet5"]["seed_stop"]["reason"] == "worse"
    assert told["resnet8"]["seed_stop"] is None
    even = SeedStop(
        reason="indistinguishable", best="a", seeds=1, gain=-1.0, low=-3.0, high=1.0, examples=266
    )
    assert seed_stop_text(even) == "trained on 1 seed: more could not tell at n = 266 in validation"
