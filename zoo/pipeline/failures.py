"""The errors of failed steps, as their records tell them."""

from __future__ import annotations

from zoo.common.errors import ZooError
from zoo.common.worker import RemoteFailure
from zoo.results.records import StepRecord


def first_failure(record: StepRecord) -> ZooError:
    """A failed step's error as it was raised."""
    result = record.result or {}
    return RemoteFailure(
        what=str(result.get("what") or record.reason),
        why=result.get("why"),
        fix=result.get("fix"),
        kind=str(result.get("type")),
        exit_code=int(result.get("exit_code") or 1),
        details=str(result.get("details") or ""),
    ).error()
