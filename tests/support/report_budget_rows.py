"""Records of budget steps for tests."""

from __future__ import annotations

from typing import Any

from zoo.results.records import StepRecord


def step(outcome: Any) -> StepRecord:
    """The record that a step leaves with this outcome."""
    return StepRecord(
        step="budget tflite int8 pi4",
        kind="budget",
        key="0" * 8,
        status=outcome.status,
        reason=outcome.reason,
        result=outcome.result,
    )
