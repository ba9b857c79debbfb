"""Step: hold a measurement against budgets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.benchmark.compare.budgets import budgets_of
from zoo.benchmark.compare.judgement import Judgement, judge_all, reasons, worst
from zoo.pipeline.steps.step import Outcome, Step, StepContext
from zoo.results.measurements import Measurement

if TYPE_CHECKING:
    from zoo.pipeline.steps.bench import BenchStep
    from zoo.results.records import Status


@dataclass(frozen=True, kw_only=True)
class BudgetResult:
    """What the budgets of one file on one device came to.

    Attributes:
        device: Its name.
        judgements: One for each budget.
    """

    device: str
    judgements: tuple[Judgement, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class BudgetStep(Step[BudgetResult]):
    """Whether one file keeps the budgets of one device.

    Attributes:
        bench: Timed the file.
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
        return budget(
            self.limits,
            context.before.of(self.bench).result,
            size=context.before.of(self.bench.gate).result.bytes,
            device=self.id.device,
        )


def budget(
    limits: Mapping[str, str], timed: Measurement, *, size: int | None, device: str
) -> Outcome[BudgetResult]:
    """Judges each budget.

    Args:
        limits: Quantity → limit, as the recipe has them.
        timed: The measurement.
        size: Bytes of the file with its side files.
        device: Where it was timed.

    Returns:
        Rejected when a budget is exceeded, skipped when of one nothing can be told.
    """
    found = judge_all(budgets_of(limits), timed, size)
    statuses: dict[str, Status] = {"within": "passed", "over": "rejected"}
    return Outcome(
        result=BudgetResult(device=device, judgements=tuple(found)),
        status=statuses.get(worst(found), "skipped"),
        reason=reasons(found, device),
    )
