"""The judgement of a network: its quality beside a baseline, class by class, and findings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zoo.common.proportions import wilson_interval
from zoo.common.shown_text import some_of
from zoo.contracts import Dataset, Metric, Task, Truth
from zoo.contracts.baseline import AgainstBaseline
from zoo.contracts.preprocessing import Coverage
from zoo.results import formatting as fmt
from zoo.results.records import (
    NO_BETTER,
    NO_BETTER_THAN_INPUT,
    Epoch,
    QualityFinding,
    TrainingResult,
)
from zoo.tasks.classes import balanced_accuracy

#: From this share of words on, what a network does not know decides its answers; so of texts that
#: are cut, what it does not see.
_UNREAD_SHARE = 1 / 3
#: Training is far above validation when the gap is surely larger than this share of examples.
_GAP = 0.1
#: Fewer epochs do not show that validation never moves.
_LEAST_EPOCHS = 3
#: Of a share in float32.
_ROUNDING = 1e-6
_NAMED = 5
#: From this share of the commonest class on, accuracy is mostly its own.
_MOSTLY = 0.5
#: Of data without labels.
_UNLABELLED = (
    QualityFinding(
        code="no-labels",
        text="no labels: how good the network's answers are was not measured, only that files give "
        "the same",
        fix="judge it on labelled data where its answers have a task of the zoo's",
        weak=False,
    ),
)


def quality_of(task: Task, answers: Any, truth: Truth) -> dict[str, Any]:
    """The fields of an `Evaluation` that tell how good answers are.

    Args:
        task: What the answers mean.
        answers: Decoded.
        truth: Of the same examples.
    """
    from zoo.data.preprocessing.inputs import kind_of  # imports numpy

    metrics = task.evaluate(answers, truth)
    coverage = kind_of(truth.preprocessing).coverage(truth.examples)
    baseline = task.baseline(answers, truth) if metrics else None
    recalls = dict(task.recalls(answers, truth))
    balanced = balanced_accuracy(recalls)
    findings = (
        *(
            _beside_baseline(task, metrics[0], baseline, recalls, balanced)
            if metrics
            else _UNLABELLED
        ),
        *_untested(recalls, truth),
        *_unanswered(task.unanswered(answers, truth), truth),
        *(
            QualityFinding(code=one.code, text=one.text, fix=one.fix)
            for one in task.weaknesses(answers, truth)
        ),
        *_unread(coverage),
    )
    return {
        "metrics": metrics,
        "details": dict(task.details(answers, truth)),
        "baseline": baseline,
        "recalls": recalls,
        "balanced": balanced,
        "findings": findings,
        "coverage": coverage,
    }


def loss_between(before: Sequence[Metric], after: Sequence[Metric]) -> float | None:
    """What the headline lost, in its `Metric.loss_unit`; None without labels."""
    return before[0].lost_by(after[0]) if before and after else None


def loss_unit(metrics: Sequence[Metric]) -> str:
    """What a loss of the headline is counted in: its `Metric.loss_unit`; points without labels."""
    return metrics[0].loss_unit if metrics else "points"


def gain_of(baseline: AgainstBaseline, own: Metric) -> str:
    """``+86.4 points (+82.1 to +89.0, 95 %)``: how much better the network is, in words."""
    unit = own.loss_unit
    if baseline.low is None or baseline.high is None or baseline.low >= baseline.high:
        return f"{fmt.plus_minus(baseline.gain, '.1f')} {unit}"
    ends = fmt.plus_minus_range(baseline.low, baseline.high, ".1f")
    return f"{fmt.plus_minus(baseline.gain, '.1f')} {unit} ({ends}, 95 %)"


def _beside_baseline(
    task: Task,
    own: Metric,
    baseline: AgainstBaseline | None,
    recalls: Mapping[str, Metric],
    balanced: Metric | None,
) -> Iterator[QualityFinding]:
    if baseline is None:
        yield QualityFinding(
            code="no-baseline",
            text=f"the task {task.name!r} has no baseline: nothing shows whether the network is "
            "better than something that looks at no input",
            fix="give the task a method `baseline`",
            weak=False,
        )
        return
    if baseline.better:
        return
    beside = (
        f"{own.name} {fmt.metric_value(own)} beside {fmt.metric_value(baseline.metric)} of "
        f"{baseline.answer}: {gain_of(baseline, own)}"
    )
    if len(recalls) == 1:
        yield QualityFinding(
            code="one-class-test",
            text=f"all that the network is judged on is of the class {next(iter(recalls))!r}: "
            "whether it separates classes cannot be measured",
            fix="judge it on examples of all classes",
        )
        return
    if not baseline.tellable and baseline.gain > 0:
        yield QualityFinding(
            code="too-few-to-tell",
            text=f"{fmt.count(own.count, own.counted)} cannot show whether the network is better "
            f"than its baseline ({beside})",
            fix="judge it on more examples",
            weak=False,
        )
        return
    common = baseline.metric.value > _MOSTLY
    if baseline.tellable and common and balanced and balanced.low > 1 / len(recalls):
        yield QualityFinding(
            code="commonest-class",
            text=f"the network is right no more often than its baseline ({beside}), but with each "
            f"class counting the same it is above chance: {balanced.name} "
            f"{fmt.metric_value(balanced)}",
            fix="weigh what mistakes cost: accuracy is that of the commonest class, mostly",
            weak=False,
        )
        return
    yield QualityFinding(
        code=NO_BETTER if baseline.chance else NO_BETTER_THAN_INPUT,
        text=f"the network is no better than its baseline ({beside})",
        fix="look at the labels and at the examples as the network reads them (`zoo data`), train "
        "for more epochs or at another --learning-rate, or add examples",
    )


def _untested(recalls: Mapping[str, Metric], truth: Truth) -> Iterator[QualityFinding]:
    names = [name for name in truth.classes if name not in recalls]
    if not recalls or not names:
        return
    yield QualityFinding(
        code="untested-class",
        text=f"{len(names)} of {len(truth.classes):,} classes "
        f"{'has' if len(names) == 1 else 'have'} no example that the network is judged on: "
        f"{_named(names)}",
        fix="add examples of such a class: nothing shows whether it was learnt",
        weak=False,
    )


def _named(names: Sequence[str]) -> str:
    return some_of([repr(name) for name in names], _NAMED)


def _unanswered(names: Sequence[str], truth: Truth) -> Iterator[QualityFinding]:
    if not names:
        return
    yield QualityFinding(
        code="never-answered",
        text=f"{len(names)} of {len(truth.classes):,} classes "
        f"{'is' if len(names) == 1 else 'are'} never answered: {_named(names)}",
        fix="add examples of such a class, or weigh classes equally in training",
    )


def _unread(coverage: Coverage | None) -> Iterator[QualityFinding]:
    if coverage is None:
        return
    if coverage.words and coverage.unknown >= _UNREAD_SHARE * coverage.words:
        yield QualityFinding(
            code="unknown-words",
            text=f"{coverage.unknown:,} of {coverage.words:,} words that the network is judged on "
            "are unknown to it",
            fix="train on texts of the same kind and language, or with a larger vocabulary",
        )
    if coverage.examples and coverage.longer >= _UNREAD_SHARE * coverage.examples:
        yield QualityFinding(
            code="longer-texts",
            text=f"{coverage.longer:,} of {coverage.examples:,} texts that the network is judged "
            f"on are longer than the {coverage.length} words that it takes: the rest is not read",
            fix="give it the part of each text that matters most, such as its beginning",
            weak=False,
        )


def training_findings(training: TrainingResult, dataset: Dataset) -> tuple[QualityFinding, ...]:
    """What the epochs of a training show of the network that it kept."""
    if not training.epochs:
        return ()
    best = next((e for e in training.epochs if e.epoch == training.best_epoch), training.epochs[-1])
    counts = {name: len(split) for name, split in dataset.splits.items()}
    return (
        *_far_above(training, best, counts["train"], counts["validation"]),
        *_never_moved(training, dataset),
    )


def _far_above(
    training: TrainingResult, best: Epoch, trained: int, validated: int
) -> Iterator[QualityFinding]:
    if best.metric is None or not fmt.names_share(training.metric_name):
        return
    own, held_out = best.metric, best.validation_metric
    if not (0.0 <= held_out <= own <= 1.0):
        return
    lower, _ = wilson_interval(own * trained, trained)
    _, upper = wilson_interval(held_out * validated, validated)
    # The lower limit of a difference of two shares (Newcombe 1998, Statistics in Medicine 17).
    gap = own - held_out - math.hypot(own - lower, upper - held_out)
    if gap <= _GAP:
        return
    yield QualityFinding(
        code="train-above-validation",
        text=f"{training.metric_name} in training is far above that in validation: "
        f"{fmt.share_of(own, trained)} against {fmt.share_of(held_out, validated)}, in epoch "
        f"{best.epoch}: the network overfits",
        fix="add examples, --augment, --dropout or --weight-decay, or take a smaller network",
    )


def _never_moved(training: TrainingResult, dataset: Dataset) -> Iterator[QualityFinding]:
    epochs = training.epochs
    values = {round(epoch.validation_metric, 9) for epoch in epochs}
    if len(epochs) < _LEAST_EPOCHS or len(values) > 1:
        return
    (value,) = values
    losses = [epoch.validation_loss for epoch in epochs]
    still = max(losses) - min(losses) <= 1e-6 * max(abs(max(losses)), 1e-12)
    if not still and not _like_constant(training.metric_name, value, dataset):
        return
    yield QualityFinding(
        code="validation-never-moved",
        text=f"{training.metric_name} in validation never moved in {len(epochs)} epochs",
        fix="try another --learning-rate, and look at the examples as the network reads them",
    )


def _like_constant(metric_name: str, value: float, dataset: Dataset) -> bool:
    """Whether a share in validation is no more than the same answer to every example reaches."""
    import numpy as np

    labels = dataset.splits["validation"].labels
    if labels.dtype.kind != "i" or not fmt.names_share(metric_name) or not 0.0 <= value <= 1.0:
        return False
    counts = np.bincount(labels[labels >= 0])
    return value <= float(counts.max() / counts.sum()) + _ROUNDING
