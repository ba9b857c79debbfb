"""What tests of the engine share: plans of fake steps, and a way to run them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_steps import FakeStep, Told, named

from zoo.pipeline.engine import Pipeline
from zoo.pipeline.step_cache import StepCache
from zoo.pipeline.steps.step import Outcome, StepContext
from zoo.results.records import StepRecord


class Plan:
    """Steps whose work notes that it was done and leaves a file."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.steps: list[FakeStep] = []

    def add(
        self,
        name: str,
        *needs: str,
        key: str = "",
        after: tuple[str, ...] = (),
        exclusive: bool = False,
        failure_key: str = "",
        work: Callable[[StepContext], Any] | None = None,
    ) -> Plan:
        def perform(given: StepContext) -> Outcome:
            self.done.append(name)
            (given.folder / "file").write_text(name)
            found = work(given) if work is not None else None
            return found if isinstance(found, Outcome) else Outcome(result=Told(by=name))

        step = FakeStep(
            id=named(name),
            content=key or f"key-of-{name}",
            work=perform,
            need=tuple(map(named, needs)),
            wait=tuple(map(named, after)),
            alone=exclusive,
            kept=failure_key,
        )
        self.steps.append(step)
        return self


class Watcher:
    """Receives events; raises what it was given at the end of one step."""

    def __init__(self, stop_at: str = "", stop: BaseException | None = None) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.stop_at, self.stop = stop_at, stop

    def __call__(self, step: str, event: dict[str, Any]) -> None:
        self.events.append((step, event))
        if self.stop is not None and (step, event["event"]) == (self.stop_at, "end"):
            raise self.stop

    def of(self, kind: str) -> list[str]:
        return [step for step, event in self.events if event["event"] == kind]


@pytest.fixture
def run(tmp_path: Path):
    def execute(plan: Plan, **options: Any) -> list[StepRecord]:
        plan.done.clear()
        cache = StepCache(options.pop("cache", tmp_path / "cache"))
        options = {"store": None, "on_step": Watcher(), "cache": cache, **options}
        return Pipeline(run="run", **options).execute(plan.steps)

    return execute


def raising(error: BaseException) -> Callable[[StepContext], None]:
    def work(_: StepContext) -> None:
        raise error

    return work


def statuses(records: list[StepRecord]) -> dict[str, str]:
    return {record.step: record.status for record in records}


def chain() -> Plan:
    return Plan().add("a").add("b", "a").add("c", "b")
