"""Trainings of a search on workers: begun together, taken in order, ended with their search."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from zoo.common.errors import ZooError
from zoo.pipeline.search.time_budget import TimeBudget
from zoo.pipeline.search.training_runs import TrainingRuns


class Runs(TrainingRuns):
    """Trainings that a test lets end."""

    def __init__(self, *jobs: int) -> None:
        workers = [SimpleNamespace(jobs=each) for each in jobs]
        executor = SimpleNamespace(workers=lambda: workers) if jobs else None
        super().__init__(
            registry=SimpleNamespace(executor=executor),  # type: ignore[arg-type]
            store=None,  # type: ignore[arg-type]
            run="r",
            on_step=lambda *_: None,
            budget=TimeBudget(seconds=None),
        )
        self.began: list[str] = []
        self.ended: list[str] = []
        self.may_end = threading.Event()

    def step(self, recipe: Any) -> Any:
        if recipe == "misfit":
            raise ZooError("it takes other inputs")
        return SimpleNamespace(key=recipe)

    def _train(self, step: Any, name: str, on_epoch: Any) -> Any:
        self.began.append(name)
        if name == "bad":
            raise ZooError("it diverged")
        with self._children.registered(self.may_end.set):
            assert self.may_end.wait(20)
        self.ended.append(name)
        return name


def asked(*names: str) -> list[Any]:
    return [(name, name) for name in names]


def watch(number: int, event: Any) -> bool:
    return False


def test_workers_train_side_by_side_and_in_order() -> None:
    runs = Runs(2, 1)
    assert runs.room == 3
    with runs.submitted(asked("a", "b", "misfit", "bad", "c"), watch):
        while len(runs.began) < 3:
            threading.Event().wait(0.01)
        assert runs.began[:2] == ["a", "b"]
        runs.may_end.set()
        assert runs.train("b", "b", watch) == "b"  # type: ignore[arg-type, comparison-overlap]
        with pytest.raises(ZooError, match="it diverged"):
            runs.train("bad", "bad", watch)  # type: ignore[arg-type]
        with pytest.raises(ZooError, match="it takes other inputs"):
            runs.train("misfit", "misfit", watch)  # type: ignore[arg-type]
        assert runs.train("c", "c", watch) == "c"  # type: ignore[arg-type, comparison-overlap]
    assert sorted(runs.began) == ["a", "b", "bad", "c"], "each once"


def test_what_nobody_takes_is_ended() -> None:
    runs = Runs(2)

    def interrupted() -> None:
        with runs.submitted(asked("a", "b", "c"), watch):
            while len(runs.began) < 2:
                threading.Event().wait(0.01)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert sorted(runs.ended) == ["a", "b"]
    assert "c" not in runs.began
    runs.may_end.set()
    assert runs.train("c", "c", watch) == "c"  # type: ignore[arg-type, comparison-overlap]


def test_this_machine_trains_one_after_the_other() -> None:
    runs = Runs()
    assert runs.room == 1
    with runs.submitted(asked("a", "b"), watch):
        assert runs.began == []
    with runs.side_by_side() as there:
        assert there.submit(len, "abc").done()
        with pytest.raises(TypeError):
            there.submit(len).result()
