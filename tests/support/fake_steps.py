"""Steps without networks: plain functions do the work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from zoo.pipeline.steps.step import FinishedSteps, Outcome, Step, StepContext, StepId


@dataclass(frozen=True, kw_only=True)
class Told:
    """The result of a fake step."""

    by: Any = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class FakeStep(Step[Any]):
    """A step whose parts are all given; other steps are named by their ids."""

    work: Callable[[StepContext], Outcome[Any] | None] = lambda work: None
    content: str
    of: Any = Told
    alone: bool = False
    kept: str = ""
    need: tuple[StepId, ...] = ()
    wait: tuple[StepId, ...] = ()
    doubt: tuple[StepId, ...] = ()
    stands_for: StepId | None = None
    check: Callable[[], None] = lambda: None
    why_not: Callable[[FinishedSteps], str] = field(default=lambda before: "")

    def check_inputs(self) -> None:
        self.check()

    @property
    def name(self) -> str:
        return self.id.device if self.id.kind == "test" else str(self.id)

    @property
    def key(self) -> str:
        return self.content

    @property
    def failure_key(self) -> str:
        return self.kept

    @property
    def result_type(self) -> Any:
        return self.of

    @property
    def exclusive(self) -> bool:
        return self.alone

    @property
    def needs(self) -> tuple[Step[Any], ...]:
        return tuple(map(known, self.need))

    @property
    def after(self) -> tuple[Step[Any], ...]:
        return tuple(map(known, self.wait))

    @property
    def unless(self) -> tuple[Step[Any], ...]:
        return tuple(map(known, self.doubt))

    @property
    def replaces(self) -> Step[Any] | None:
        return None if self.stands_for is None else known(self.stands_for)

    def needless(self, before: FinishedSteps) -> str:
        return self.why_not(before)

    def run(self, work: StepContext) -> Outcome[Any]:
        found = self.work(work)
        return found if isinstance(found, Outcome) else Outcome(result=None)


def named(name: str) -> StepId:
    """The id of a step of the kind ``test``."""
    return StepId(kind="test", device=name)


def known(id: StepId) -> FakeStep:
    """Stands for the step of that id."""
    return FakeStep(id=id, content="")
