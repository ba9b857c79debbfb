"""Records of budget steps for tests."""

from __future__ import annotations

from pathlib import Path

from zoo.pipeline.steps.budget import BudgetResult
from zoo.pipeline.steps.step import FinishedStep, Outcome
from zoo.results.records import StepRecord, as_plain


def step(outcome: Outcome[BudgetResult]) -> FinishedStep[BudgetResult]:
    """What a step leaves with this outcome."""
    record = StepRecord(
        step="budget tflite int8 pi4",
        kind="budget",
        key="0" * 8,
        status=outcome.status,
        reason=outcome.reason,
        result=as_plain(outcome.result),
    )
    return FinishedStep(record=record, folder=Path(), value=outcome.result)
