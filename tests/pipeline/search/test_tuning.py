"""The loop of ``zoo tune``: when it ends, and what it does not train twice."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from zoo.common.errors import EnvironmentFailed, ZooError
from zoo.contracts import Choices, Interval
from zoo.pipeline.options import recipe_from
from zoo.pipeline.search.side_by_side import SideBySide, side_by_side
from zoo.pipeline.search.space import SearchedParameter
from zoo.pipeline.search.study import Study
from zoo.pipeline.search.time_budget import TimeBudget
from zoo.pipeline.search.tuning import Tuning

pytest.importorskip("optuna")

BATCH = SearchedParameter(
    name="batch_size", owner="training", range=Choices((8, 16, 32)), default=32
)
RATE = SearchedParameter(
    name="learning_rate", owner="training", range=Interval(1e-4, 1e-1, log=True), default=1e-3
)
EPOCHS = 9


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


class Trainings:
    """Trainings whose metric is known beforehand; notes which epochs were trained.

    Args:
        quality: Batch size → the metric of each epoch.
    """

    def __init__(self, quality: Callable[[Any], float], budget: TimeBudget | None = None) -> None:
        self.quality = quality
        self.budget = budget or TimeBudget(seconds=None)
        self.reserve, self.room = 0.0, 1
        self.trained: list[tuple[int, float]] = []

    def train(self, recipe: Any, name: str, on_epoch: Any) -> Any:
        value = self.quality(recipe.training)
        ended, epochs = "whole", []
        for number in range(1, EPOCHS + 1):
            figures = {"validation_metric": value * number, "validation_loss": 0.5}
            self.trained.append((recipe.training.batch_size, number))
            epochs.append(SimpleNamespace(**figures))
            if on_epoch(number, figures):
                ended = "stopped"
                break
        result = SimpleNamespace(epochs=epochs, best_epoch=len(epochs))
        return SimpleNamespace(ended=ended, seconds=1.0, step=SimpleNamespace(result=result))

    def side_by_side(self) -> AbstractContextManager[SideBySide]:
        return side_by_side(self.room, lambda: None)


def tuning_in(
    folder: Path, runs: Any, *space: SearchedParameter, prune: bool = True
) -> tuple[Tuning, list[str]]:
    folder.mkdir(exist_ok=True)
    options: dict[str, Any] = {"maximize": True, "epochs": EPOCHS, "seed": 0, "prune": prune}
    recipe = recipe_from(model="lenet5", data="digits", epochs=EPOCHS, batch_size=32)
    notes: list[str] = []
    study = Study(folder, "some", space, **options)
    return Tuning(runs=runs, study=study, recipe=recipe, loss=False, note=notes.append), notes


def test_a_search_ends_when_all_of_its_space_was_tried(tmp_path: Path) -> None:
    runs = Trainings(lambda training: 0.1 * math.log2(training.batch_size))
    tuning, notes = tuning_in(tmp_path, runs, BATCH)
    assert not tuning.search(None)
    assert notes == ["the space holds 3 different trials: all were tried"]
    assert {trial.values["batch_size"] for trial in tuning.study.trials()} == {8, 16, 32}
    again = Trainings(lambda training: 0.0)
    assert not tuning_in(tmp_path, again, BATCH)[0].search(30)
    assert again.trained == []


def test_as_many_trials_at_once_as_workers_take(tmp_path: Path) -> None:
    together = threading.Barrier(3)

    def quality(training: Any) -> float:
        together.wait(20)  # breaks where fewer than three run at once
        return float(training.learning_rate)

    runs = Trainings(quality)
    runs.room = 3
    tuning, _ = tuning_in(tmp_path, runs, RATE, prune=False)
    assert not tuning.search(6)
    trials = tuning.study.trials()
    assert [(t.number, t.state) for t in trials] == [(n, "complete") for n in range(6)]
    assert len({str(t.values) for t in trials}) == 6


@pytest.mark.parametrize("late", [0, 1])
def test_a_trial_that_ends_counts_beside_one_that_time_ended(tmp_path: Path, late: int) -> None:
    together = threading.Barrier(2)

    class Ended(Trainings):
        def train(self, recipe: Any, name: str, on_epoch: Any) -> Any:
            trained = super().train(recipe, name, on_epoch)
            if name == f"trial {late}":
                trained = SimpleNamespace(ended="out of time", seconds=1.0, step=None)
            if name in ("trial 0", "trial 1"):  # a third may begin before the late one has ended
                together.wait(20)
            return trained

    runs = Ended(lambda training: 0.5, TimeBudget(seconds=600.0))
    runs.room = 2
    tuning, notes = tuning_in(tmp_path, runs, RATE, prune=False)
    assert tuning.search(None)
    assert notes == [f"the budget of time ended the search in trial {late}"]
    assert {t.state for t in tuning.study.trials() if t.number != late} == {"complete"}


def test_trials_that_were_left_behind_go_on_each_once(tmp_path: Path) -> None:
    tuning, _ = tuning_in(tmp_path, Trainings(lambda training: 0.5), RATE, prune=False)
    first, second = tuning.study.next(), tuning.study.next([0])
    assert (first.number, second.number) == (0, 1)
    again, _ = tuning_in(tmp_path, Trainings(lambda training: 0.5), RATE, prune=False)
    taken = again.study.next()
    assert (taken.number, taken.values) == (0, first.values)
    assert again.study.next([0]).values == second.values
    assert not again.search(3)
    assert [t.state for t in again.study.trials()] == ["complete"] * 3


def test_a_failure_beside_others_costs_itself(tmp_path: Path) -> None:
    def quality(training: Any) -> float:
        if training.batch_size == 16:
            raise ZooError("it diverged")
        return 0.5

    runs = Trainings(quality)
    runs.room = 2
    tuning, notes = tuning_in(tmp_path, runs, BATCH, prune=False)
    tuning.search(12)
    states = {t.values["batch_size"]: t.state for t in tuning.study.trials()}
    assert states[16] == "failed"
    assert states[32] == "complete"
    assert any("failed: it diverged" in note for note in notes)


def test_what_fell_behind_is_not_trained_again(tmp_path: Path) -> None:
    runs = Trainings(lambda training: {8: -1.0, 16: -2.0}.get(training.batch_size, 0.1))
    tuning, _ = tuning_in(tmp_path, runs, BATCH)
    study = tuning.study
    while not any(trial.state == "pruned" for trial in study.trials()):
        tuning.search(len(study.trials()) + 1)
    fell = next(trial for trial in study.trials() if trial.state == "pruned")
    trained = len(runs.trained)
    running = study.next()
    running.values = dict(fell.values)
    assert tuning._run(running)
    assert len(runs.trained) == trained
    assert study.trials()[running.number].state == "pruned"
    assert study.trials()[running.number].epochs == fell.epochs


def test_a_value_that_is_no_number_fails_its_trial(tmp_path: Path) -> None:
    runs = Trainings(lambda training: 0.5 if training.batch_size == 32 else math.nan)
    tuning, notes = tuning_in(tmp_path, runs, BATCH, prune=False)
    assert not tuning.search(None)
    states = {trial.values["batch_size"]: trial.state for trial in tuning.study.trials()}
    assert states == {32: "complete", 8: "failed", 16: "failed"}
    assert "trial 1 failed: what validation measured is nan" in notes


def test_a_search_in_which_nothing_can_be_measured_says_so(tmp_path: Path) -> None:
    tuning, _ = tuning_in(tmp_path, Trainings(lambda training: math.nan), RATE, prune=False)
    with pytest.raises(ZooError, match="what validation measured is nan"):
        tuning.search(30)


def test_what_a_budget_ended_stays_ended(tmp_path: Path) -> None:
    """Overheads are no trainings: they are used up, too, when the same command is typed again."""
    budget = TimeBudget(seconds=100.0, _started=time.monotonic() - 200)
    first, notes = tuning_in(tmp_path, Trainings(lambda training: 0.5), RATE)
    first.search(1)
    runs = Trainings(lambda training: 0.5, budget)
    tuning, notes = tuning_in(tmp_path, runs, RATE)
    assert tuning.search(None)
    assert notes == ["the budget of time ended the search after 1 trial"]
    again = Trainings(lambda training: 0.5, TimeBudget(seconds=100.0))
    tuning, notes = tuning_in(tmp_path, again, RATE)
    assert tuning.search(None)
    assert again.trained == []
    larger = Trainings(lambda training: 0.5, TimeBudget(seconds=1000.0))
    tuning, _ = tuning_in(tmp_path, larger, RATE)
    assert not tuning.search(2)
    assert larger.trained


def test_a_failure_of_the_machine_ends_the_search_and_no_trial(tmp_path: Path) -> None:
    full = [True]

    def quality(training: Any) -> float:
        if training.batch_size != 32 and full:
            raise EnvironmentFailed("the disk of /tmp is full")
        return 0.5

    tuning, notes = tuning_in(tmp_path, Trainings(quality), BATCH, prune=False)
    with pytest.raises(EnvironmentFailed, match="is full"):
        tuning.search(None)
    assert [t.state for t in tuning.study.trials()] == ["complete", "running"]
    assert notes == []
    full.clear()
    again, _ = tuning_in(tmp_path, Trainings(quality), BATCH, prune=False)
    again.search(None)
    assert {t.state for t in again.study.trials()} == {"complete"}
    assert {t.values["batch_size"] for t in again.study.trials()} == {8, 16, 32}
