"""The judgement of a network as text: beside its baseline, class by class, and findings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zoo.contracts import Metric
from zoo.contracts.preprocessing import Coverage
from zoo.results import formatting as fmt
from zoo.results.records import Evaluation, QualityFinding
from zoo.tasks.quality import gain_of

#: Of many classes, so many with the lowest recalls are shown.
MOST_CLASSES = 12


@dataclass(frozen=True, kw_only=True)
class RecallLine:
    """One class; every field is text ready to show."""

    name: str
    right: str
    recall: str
    interval: str


@dataclass(frozen=True, kw_only=True)
class RecallLines:
    """The classes of an evaluation, those that are recognized least first.

    Attributes:
        lines: At most `MOST_CLASSES`.
    """

    lines: tuple[RecallLine, ...]
    left_out: int


def worst_recalls(evaluation: Evaluation | None) -> RecallLines:
    """The recall of each class, the lowest first."""
    recalls = {} if evaluation is None else evaluation.recalls
    ordered = sorted(recalls.items(), key=lambda pair: pair[1].value)
    lines = [
        RecallLine(
            name=fmt.plain(name),
            right=f"{round(metric.value * metric.count):,} of {metric.count:,}",
            recall=fmt.metric_value(metric),
            interval=fmt.metric_interval(metric),
        )
        for name, metric in ordered[:MOST_CLASSES]
    ]
    return RecallLines(lines=tuple(lines), left_out=len(ordered) - len(lines))


def quality_lines(
    evaluation: Evaluation, written: Callable[[Metric], str] = fmt.format_metric
) -> list[str]:
    """Every metric, then balanced accuracy, the baseline and unread words, a line each.

    Args:
        evaluation: Of the network.
        written: How a metric and its interval are shown.
    """
    lines = [f"{metric.name} {written(metric)}" for metric in evaluation.metrics[1:]]
    if evaluation.balanced is not None:
        lines.append(f"{evaluation.balanced.name} {written(evaluation.balanced)}")
    if evaluation.baseline is not None:
        beside = evaluation.baseline
        lines.append(
            f"baseline, {fmt.plain(beside.answer)}: {fmt.metric_value(beside.metric)}; "
            f"the network gains {gain_of(beside, evaluation.metrics[0])}"
        )
    return lines + _coverage_lines(evaluation.coverage)


def _coverage_lines(coverage: Coverage | None) -> list[str]:
    """The share of words that a network does not know, and of texts that it does not read whole."""
    if coverage is None or not coverage.words:
        return []
    share = fmt.share(coverage.unknown / coverage.words)
    lines = [f"unknown words {coverage.unknown:,} of {coverage.words:,} ({share} %)"]
    if coverage.longer:
        lines.append(
            f"cut {coverage.longer:,} of {coverage.examples:,} texts at {coverage.length} words"
        )
    return lines


def finding_lines(findings: Sequence[QualityFinding]) -> list[str]:
    """Two lines for each finding: what was found, and what to do."""
    return [
        line
        for finding in findings
        for line in (
            f"{'weak' if finding.weak else 'note'}: {fmt.plain(finding.text)}",
            f"  fix: {fmt.plain(finding.fix)}",
        )
    ]
