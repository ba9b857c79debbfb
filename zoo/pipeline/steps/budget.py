"""Step: hold a measurement against budgets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.benchmark.compare.budgets import budgets_of
from zoo.benchmark.compare.judgement import Judgement, judge_all, reasons, worst
from zoo.pipeline.steps.step import Outcome, Step, StepContext

if TYPE_CHECKING:
    from zoo.pipeline.steps.bench import BenchStep
    from zoo.results.records import Status


@dataclass(frozen=True, kw_only=True)
class BudgetResult:
    """What the budgets of one file on one device came to."""

    device: str
    judgements: tuple[Judgement, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class BudgetStep(Step[BudgetResult]):
    """Whether one file keeps the budgets of one device.

    Attributes:
        limits: Quantity → limit, as the recipe has them.
    """

    bench: BenchStep
    limits: Mapping[str, str]
    result_type = BudgetResult
    #: Its key depends on the machine, as that of the timing does.
    exclusive = True

    @property
    def needs(self) -> tuple[Step[Any], ...]:
        return (self.bench, self.bench.gate)

    def run(self, context: StepContext) -> Outcome[BudgetResult]:
        """Rejected when a budget is exceeded, skipped when one cannot be told."""
        timed = context.before.of(self.bench).result
        size = context.before.of(self.bench.gate).result.bytes
        found = judge_all(budgets_of(self.limits), timed, size)
        statuses: dict[str, Status] = {"within": "passed", "over": "rejected"}
        return Outcome(
            result=BudgetResult(device=self.id.device, judgements=tuple(found)),
            status=statuses.get(worst(found), "skipped"),
            reason=reasons(found, self.id.device),
        )
