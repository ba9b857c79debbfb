"""Budgets of files that were just timed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from zoo.artifacts.artifact import open_artifact
from zoo.benchmark.compare.budgets import Budget, parse_budgets
from zoo.benchmark.compare.judgement import Judgement, judge_all, worst
from zoo.benchmark.timing import Timing
from zoo.common.files import size_with_sides
from zoo.registry import Registry, load_registry


def judge_budgets(
    timings: Sequence[Timing],
    budgets: Iterable[str | Budget],
    *,
    registry: Registry | None = None,
) -> list[tuple[Judgement, ...]]:
    """Judges what `zoo.bench` returned.

    Args:
        timings: As they came.
        budgets: Such as ``p90<=20ms``, ``peak_memory<=30MB``; several with commas between.
        registry: Knows which other files belong to a file; None discovers plugins anew.

    Returns:
        For each timing one judgement per budget; none for a file that could not be timed, nor for
        a network before its export: budgets are of files.

    Raises:
        UsageError: A budget that is none.
    """
    asked = list(budgets)
    limits = (*parse_budgets(b for b in asked if isinstance(b, str)),)
    limits += tuple(b for b in asked if isinstance(b, Budget))
    sized = any(budget.quantity == "size" for budget in limits)
    found: list[tuple[Judgement, ...]] = []
    for timing in timings:
        if timing.measurement is None or timing.reference:
            found.append(())
            continue
        size = _size(registry or load_registry(), timing.file) if sized else None
        found.append(judge_all(limits, timing.measurement, size))
    return found


def exit_code(judged: Iterable[Iterable[Judgement]]) -> int:
    """0: all within; 1: one is over; 3: none is over, but one cannot be told."""
    return {"within": 0, "over": 1, "can't tell": 3}[worst(j for one in judged for j in one)]


def _size(registry: Registry, path: Path) -> int:
    return size_with_sides(path, open_artifact(registry, path).contents.side_files)
