"""Untrained candidates: built side by side where workers are, timed one after the other."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from choices import candidate
from fake_steps import FakeStep

from zoo.common.errors import EnvironmentFailed, ZooError
from zoo.pipeline.search import screening
from zoo.pipeline.search.screening import ChoiceLimits, Screened, ScreenedFile, Screening
from zoo.pipeline.search.time_budget import TimeBudget
from zoo.pipeline.search.training_runs import TrainingRuns
from zoo.pipeline.steps.step import FinishedSteps, StepId

NAMES = ("lenet5", "resnet8", "convnet28", "alexnet_small")


class Timing(FakeStep):
    """A step on a device."""


class Runs(TrainingRuns):
    """Builds that wait until as many as there is room for have begun, and timings that must not."""

    def __init__(self, room: int) -> None:
        workers = [SimpleNamespace(jobs=room)]
        executor = SimpleNamespace(workers=lambda: workers) if room > 1 else None
        super().__init__(
            registry=SimpleNamespace(  # type: ignore[arg-type]
                executor=executor, precision=lambda name: SimpleNamespace(weights="int8")
            ),
            store=None,  # type: ignore[arg-type]
            run="r",
            on_step=lambda *_: None,
            budget=TimeBudget(seconds=None),
        )
        self.together = threading.Barrier(room)
        self.timed: list[str] = []
        self.building = 0

    def execute(self, plan: Any, name: str, before: FinishedSteps | None = None) -> FinishedSteps:
        if before is None:
            self.building += 1
            self.together.wait(20)
            self.building -= 1
        else:
            assert self.building == 0
            self.timed.append(name)
        step = SimpleNamespace(record=SimpleNamespace(status="passed"))
        return FinishedSteps({one.id: step for one in plan})


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Any:
    place = SimpleNamespace(of=lambda device: SimpleNamespace(reached=lambda: device))
    monkeypatch.setattr(screening, "StepDevice", place)
    monkeypatch.setattr(screening, "PlacedStep", Timing)
    file = ScreenedFile(precision="int8", bytes=1_000, p50_ms=0.1)
    monkeypatch.setattr(Screening, "_file", lambda self, precision, finished: file)
    plan = [
        FakeStep(id=StepId(kind="finetune"), content="a"),
        Timing(id=StepId(kind="screen"), content="b"),
    ]
    monkeypatch.setattr(Screening, "_plan", lambda self, candidate: plan)

    def run(runs: Runs) -> list[Screened]:
        return Screening(
            runs=runs,
            exporter=SimpleNamespace(name="tflite"),  # type: ignore[arg-type]
            precisions=("int8",),
            device=SimpleNamespace(name="host"),  # type: ignore[arg-type]
            limits=ChoiceLimits(),
            arena=False,
            training=SimpleNamespace(),  # type: ignore[arg-type]
            show=lambda text: None,
        ).screen([candidate(name) for name in NAMES])

    return run


@pytest.mark.parametrize("room", [1, 2, 4])
def test_as_many_are_built_at_once_as_workers_take(screen: Any, room: int) -> None:
    runs = Runs(room)
    found = screen(runs)
    assert [one.candidate.name for one in found] == list(NAMES)
    assert all(one.fits for one in found)
    assert runs.timed == list(NAMES), "each after the other, and none while others are built"


def test_what_cannot_be_built_is_out_and_a_machine_that_fails_ends_all(
    screen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Screening._plan
    raised: list[ZooError] = [ZooError("it takes other inputs")]

    def refusing(self: Any, candidate: Any) -> Any:
        if candidate.name == "resnet8":
            raise raised[0]
        return plan(self, candidate)

    monkeypatch.setattr(Screening, "_plan", refusing)
    runs = Runs(1)
    out = next(one for one in screen(runs) if one.candidate.name == "resnet8")
    assert (out.fits, out.reason) == (False, "it takes other inputs")
    raised[0] = EnvironmentFailed("the disk of /tmp is full")
    with pytest.raises(EnvironmentFailed):
        screen(Runs(1))
