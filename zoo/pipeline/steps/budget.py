"""Step: hold a measurement against budgets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from zoo.benchmark.compare.budgets import budgets_of
from zoo.benchmark.compare.judgement import judge_all, reasons, worst
from zoo.results.measurements import Measurement

if TYPE_CHECKING:
    from zoo.pipeline.engine import Outcome
    from zoo.results.records import Status

_MEASUREMENT = TypeAdapter(Measurement)


def budget(
    limits: Mapping[str, str], timed: Mapping[str, Any], *, size: int | None, device: str
) -> Outcome:
    """Judges each budget.

    Args:
        limits: Quantity → limit, as the recipe has them.
        timed: The measurement, as a dictionary.
        size: Bytes of the file with its side files.
        device: Where it was timed.

    Returns:
        Rejected when a budget is exceeded, skipped when of one nothing can be told.
    """
    from zoo.pipeline.engine import Outcome

    found = judge_all(budgets_of(limits), _MEASUREMENT.validate_python(timed), size)
    statuses: dict[str, Status] = {"within": "passed", "over": "rejected"}
    return Outcome(
        result={"device": device, "judgements": [asdict(judgement) for judgement in found]},
        status=statuses.get(worst(found), "skipped"),
        reason=reasons(found, device),
    )
