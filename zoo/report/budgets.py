"""Budgets of a run's files: in their rows, in the terminal's table, on the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.pipeline.rows import ArtifactRow
from zoo.results import formatting as fmt

if TYPE_CHECKING:
    pass

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
