"""Trainings of a search: ordinary steps through the cache, each watched epoch by epoch."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from zoo.common.errors import ZooError
from zoo.common.paths import cache_folder
from zoo.common.progress import Event, OnStep
from zoo.common.worker import Children
from zoo.contracts.executor import ExecutorLost
from zoo.pipeline.engine import Pipeline
from zoo.pipeline.failures import first_failure
from zoo.pipeline.job import Job, make_job
from zoo.pipeline.plan import PlanScope, make_plan
from zoo.pipeline.recipe import Recipe
from zoo.pipeline.search.side_by_side import SideBySide, side_by_side
from zoo.pipeline.search.time_budget import TimeBudget
from zoo.pipeline.step_cache import step_cache
from zoo.pipeline.steps.finetune import FinetuneStep
from zoo.pipeline.steps.step import FinishedStep, FinishedSteps, Step
from zoo.registry import Registry
from zoo.results.records import NetworkEvaluation, TrainingResult
from zoo.results.store import Store

#: Told of each epoch (its number, and the event); returns whether to end the training.
OnEpoch = Callable[[int, Event], bool]
SCOPE = PlanScope(export=False, bench=False)
_VALIDATED = PlanScope(export=False, bench=False, validated=True)
#: Trainings side by side, however many workers there are.
_MOST = 64


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """How a training ended.

    Attributes:
        ended: ``whole``; ``stopped`` by who watched it; or by the budget of time.
        step: The finished step; None where it was ended before.
        seconds: That this attempt took.
    """

    ended: Literal["whole", "stopped", "out of time"]
    step: FinishedStep[TrainingResult] | None
    seconds: float


@dataclass(kw_only=True)
class TrainingRuns:
    """Carries out the trainings of a search.

    Attributes:
        store: Gets the records of those that came to their end.
        run: Name of the search in these records.
        budget: Ends a training once there is nothing left of it.
        reserve: Seconds of the budget that trainings leave for what follows.
    """

    registry: Registry
    store: Store
    run: str
    on_step: OnStep
    budget: TimeBudget
    reserve: float = 0.0
    checkpoints: Path = field(default_factory=lambda: cache_folder() / "checkpoints")
    _children: Children = field(default_factory=Children)
    _submitted: dict[str, Future[TrainingRun]] = field(default_factory=dict)

    def job(self, recipe: Recipe) -> Job:
        """The job of a recipe, every name found."""
        return make_job(recipe, self.registry)

    def step(self, recipe: Recipe) -> FinetuneStep:
        """The training of a recipe: the same step that `zoo finetune` makes of it."""
        step = make_plan(self.job(recipe), self.checkpoints, SCOPE)[0]
        assert isinstance(step, FinetuneStep)
        return step

    def train(self, recipe: Recipe, name: str, on_epoch: OnEpoch | None = None) -> TrainingRun:
        """Trains, or finds it trained; killed, it goes on after its last epoch.

        Args:
            recipe: What is trained.
            name: For progress.
            on_epoch: Watches it; epochs that were made before are told, too.

        Raises:
            ZooError: The training failed.
        """
        step = self.step(recipe)
        begun = self._submitted.get(step.key)
        return self._train(step, name, on_epoch) if begun is None else begun.result()

    def _train(self, step: FinetuneStep, name: str, on_epoch: OnEpoch | None) -> TrainingRun:
        self._children.refuse_start()
        watched = _Watched(self, name, on_epoch)
        began = time.monotonic()
        pipeline = self._pipeline(watched.told)
        watched.pipeline = pipeline
        with self._children.registered(watched.interrupt):
            (record,) = pipeline.execute([step])
        seconds = time.monotonic() - began
        if record.status == "passed":
            shutil.rmtree(self.checkpoints / step.key, ignore_errors=True)
            finished = pipeline.finished.of(step)
            for epoch in finished.result.epochs:
                event = {"epoch": epoch.epoch, "validation_metric": epoch.validation_metric}
                watched.see({**event, "validation_loss": epoch.validation_loss})
            ended: Any = "stopped" if watched.ended == "stopped" else "whole"
            # What is found in the cache took no time of this search's.
            spent = 0.0 if record.cached else seconds
            return TrainingRun(ended=ended, step=finished, seconds=spent)
        if not watched.ended:
            raise first_failure(record)
        if watched.ended == "stopped":
            shutil.rmtree(self.checkpoints / step.key, ignore_errors=True)
        return TrainingRun(ended=watched.ended, step=None, seconds=seconds)

    @property
    def room(self) -> int:
        """How many trainings go side by side: as many as the executor's workers take; here one.

        Raises:
            ExecutorLost: The executor does not answer any more.
        """
        executor = self.registry.executor
        if executor is None:
            return 1
        try:
            return max(1, sum(int(worker.jobs) for worker in executor.workers()))
        except ExecutorLost:
            raise
        except ZooError:  # all are gone; those that come again are waited for
            return 1

    @contextlib.contextmanager
    def side_by_side(self, most: int = _MOST) -> Iterator[SideBySide]:
        """Calls functions side by side, one for each worker.

        Without workers a call is made at once, and its end waited for. What still runs when the
        block ends is ended; trainings keep their checkpoints.

        Args:
            most: Calls side by side.
        """
        try:
            with side_by_side(min(self.room, most), self._children.stop_all) as there:
                yield there
        finally:
            self._children = Children()

    @contextlib.contextmanager
    def submitted(
        self, trainings: Sequence[tuple[Recipe, str]], on_epoch: OnEpoch
    ) -> Iterator[None]:
        """Begins trainings side by side on workers; in the block `train` takes them, in any order.

        Without workers it begins none.

        Args:
            trainings: Recipes, and their names for progress.
            on_epoch: Watches each.
        """
        if len(trainings) < 2 or self.room == 1:
            yield
            return
        with self.side_by_side(len(trainings)) as there:
            for recipe, name in trainings:
                with contextlib.suppress(ZooError):  # of one alone: `train` raises it again
                    step = self.step(recipe)
                    if step.key not in self._submitted:
                        self._submitted[step.key] = there.submit(self._train, step, name, on_epoch)
            try:
                yield
            finally:
                self._submitted.clear()

    def evaluate(
        self, recipe: Recipe, name: str, *, validation: bool = False
    ) -> tuple[FinishedStep[TrainingResult], FinishedStep[NetworkEvaluation]]:
        """Trains, and measures the quality on the test split.

        Args:
            recipe: What is trained.
            name: For progress.
            validation: Whether on the validation split instead.

        Raises:
            ZooError: One of them failed.
        """
        scope = _VALIDATED if validation else SCOPE
        plan = make_plan(self.job(recipe), self.checkpoints, scope)
        finished = self.execute(plan, name)
        train, evaluated = (finished.of(step) for step in plan[:2])
        for step in (train, evaluated):
            if not step.passed:
                raise first_failure(step.record)
        shutil.rmtree(self.checkpoints / plan[0].key, ignore_errors=True)
        return train, evaluated

    def execute(
        self, plan: Sequence[Step[Any]], name: str, before: FinishedSteps | None = None
    ) -> FinishedSteps:
        """Executes a plan, which ends with `side_by_side`.

        Args:
            plan: Its steps.
            name: For progress.
            before: Steps that have ended.

        Returns:
            All that have ended.

        Raises:
            EnvironmentFailed: The machine failed.
        """
        self._children.refuse_start()
        pipeline = self.pipeline(name)
        pipeline.finished.update(before or {})
        with self._children.registered(pipeline.children.stop_all):
            pipeline.execute(plan)
        return pipeline.finished

    def evaluations(
        self, asked: Sequence[tuple[Recipe, str]]
    ) -> Iterator[tuple[FinishedStep[TrainingResult], FinishedStep[NetworkEvaluation]]]:
        """`evaluate` for recipes and their names for progress, in order; on workers side by side.

        Raises:
            ZooError: One of them failed.
        """
        with self.side_by_side(len(asked)) as there:
            begun = (there.submit(self.evaluate, recipe, name) for recipe, name in asked)
            for one in begun if there.room == 1 else list(begun):
                yield one.result()

    def pipeline(self, name: str) -> Pipeline:
        """A pipeline whose steps are told under a name."""

        def told(step: str, event: Event) -> None:
            self.on_step(f"{name} · {step}", event)

        return self._pipeline(told)

    def _pipeline(self, on_step: OnStep) -> Pipeline:
        return Pipeline(
            cache=step_cache(), store=self.store, run=self.run, on_step=on_step, compares=True
        )


class _Watched:
    """Hands on what a training tells, and ends it when that is asked or time is up."""

    def __init__(self, runs: TrainingRuns, name: str, on_epoch: OnEpoch | None) -> None:
        self.runs, self.name, self.on_epoch = runs, name, on_epoch
        self.pipeline: Pipeline | None = None
        self.ended: Literal["", "stopped", "out of time"] = ""
        self.last = 0

    def told(self, step: str, event: Event) -> None:
        """Receives an event of the step, in the thread that waits for its process."""
        kind = event["event"]
        if self.ended:
            # Its process is being ended: how that looks is not how the training went.
            if kind == "end":
                hidden = {**event, "status": "skipped", "reason": "", "cached": False}
                self.runs.on_step(self.name, hidden)
            return
        self.runs.on_step(self.name, event)
        if kind == "epoch":
            self.see(event)
        elif kind == "earlier":
            for earlier in event["epochs"]:
                self.see(earlier)
        # After an epoch alone, which is saved by then: each attempt gets further than the last one.
        if kind == "epoch" and not self.ended and self._is_late():
            self._end("out of time")

    def see(self, event: Event) -> None:
        """An epoch with its figures, each once."""
        number = event["epoch"]
        if self.ended or self.on_epoch is None or number <= self.last:
            return
        self.last = number
        if self.on_epoch(number, event):
            self._end("stopped")

    def _is_late(self) -> bool:
        return self.on_epoch is not None and self.runs.budget.left <= self.runs.reserve

    def interrupt(self) -> None:
        """Ends it; what was trained is kept."""
        self._end("out of time")

    def _end(self, how: Literal["stopped", "out of time"]) -> None:
        self.ended = how
        if self.pipeline is not None:
            self.pipeline.children.stop_all()
