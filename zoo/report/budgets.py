"""Budgets of a run's files: in their rows, in the terminal's table, on the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from zoo.records import StepRecord
from zoo.report import format as fmt
from zoo.report.view import ArtifactRow

if TYPE_CHECKING:
    from zoo.verdicts.judgement import Judgement

_BADGES = {"within": "passed", "over": "rejected", "can't tell": "skipped"}


@dataclass(frozen=True, kw_only=True)
class BudgetLine:
    """One budget of one file as text.

    Attributes:
        file: Name of the file.
        device: Where it was timed.
        budget: ``p90<=20ms``.
        measured: What was found, in words.
        verdict: ``within``, ``over`` or ``can't tell``.
        badge: Class of the page's style sheet.
    """

    file: str
    device: str
    budget: str
    measured: str
    verdict: str
    badge: str


def with_budgets(row: ArtifactRow, steps: Sequence[StepRecord]) -> ArtifactRow:
    """A file's row with what its budgets came to: one that is over one may not be shipped."""
    found = [
        (str(step.result["device"]), judgement)
        for step in steps
        if step.result is not None and "judgements" in step.result
        for judgement in _judgements(step)
    ]
    reasons = [step.reason for step in steps if step.reason and step.result is not None]
    over = any(judgement.verdict == "over" for _, judgement in found)
    return replace(
        row,
        budgets=tuple(found),
        verdict="rejected" if over and row.verdict == "passed" else row.verdict,
        reason="; ".join(part for part in (row.reason, *reasons) if part),
    )


def of_budgets(row: ArtifactRow) -> str:
    """What a file's budgets came to, in a word."""
    verdicts = {judgement.verdict for _, judgement in row.budgets}
    found = next((v for v in ("over", "can't tell", "within") if v in verdicts), None)
    return found or fmt.MISSING


def budget_lines(rows: Sequence[ArtifactRow]) -> list[BudgetLine]:
    """Every budget of every file."""
    return [
        BudgetLine(
            file=row.file,
            device=device,
            budget=judgement.budget,
            measured=judgement.reason,
            verdict=judgement.verdict,
            badge=_BADGES[judgement.verdict],
        )
        for row in rows
        for device, judgement in row.budgets
    ]


def _judgements(step: StepRecord) -> tuple[Judgement, ...]:
    # Reads arrays' types, which a table without budgets need not wait for.
    from pydantic import TypeAdapter

    from zoo.verdicts.judgement import Judgement

    return TypeAdapter(tuple[Judgement, ...]).validate_python((step.result or {})["judgements"])
