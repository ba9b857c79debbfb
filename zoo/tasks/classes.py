"""Quality class by class: recalls, classes that are never answered, and classes that a file loses.

Answers and labels are class numbers, int64, (sequences, steps): the trials of one sequence are a
cluster, since they are no independent examples. Where examples are single, each is a sequence of
one step. `IGNORED` labels are no trials.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from zoo.common.proportions import mcnemar_p, wilson_interval
from zoo.contracts import Check, Metric
from zoo.contracts.baseline import AgainstBaseline
from zoo.contracts.dataset import IGNORED
from zoo.tasks.clusters import clustered_interval, sign_flip_p

if TYPE_CHECKING:
    from zoo.contracts.task import Array

CONFIDENCE = 0.95
SIGNIFICANCE = 0.05
#: A class counts as lost from this share of its answers on: integer files that are as good as
#: their network move some answers from one class to another.
_LOST_SHARE = 0.05


def share_interval(right: Array, counts: Array) -> tuple[float, float]:
    """The 95 % interval of a share, right and all trials of each sequence given, int64."""
    if (counts <= 1).all():
        return wilson_interval(int(right.sum()), int(counts.sum()), CONFIDENCE)
    return clustered_interval(right, counts, CONFIDENCE)


def recalls(
    chosen: Array, labels: Array, classes: tuple[str, ...], counted: str
) -> dict[str, Metric]:
    """The share of each class's trials that is right, with its interval.

    Args:
        chosen: Answered classes.
        labels: True classes.
        classes: Names.
        counted: What a trial is, in the singular.

    Returns:
        By name, in the order of the classes; without those that no trial belongs to.
    """
    found = {}
    for number, name in enumerate(classes):
        own = labels == number
        counts = own.sum(axis=1)
        total = int(counts.sum())
        if total == 0:
            continue
        right = (own & (chosen == number)).sum(axis=1)
        low, high = share_interval(right, counts)
        found[name] = Metric(
            name="recall",
            value=int(right.sum()) / total,
            low=low,
            high=high,
            count=total,
            counted=counted,
        )
    return found


def balanced_accuracy(recalls: Mapping[str, Metric]) -> Metric | None:
    """The mean of recalls, each class counting the same; None where there are none.

    Its interval is recovered from those of the recalls (square-and-add limits: Newcombe 1998,
    Statistics in Medicine 17; Zou & Donner 2008), which keeps it between 0 and 1.
    """
    found = list(recalls.values())
    if not found:
        return None
    mean = sum(one.value for one in found) / len(found)
    below = math.sqrt(sum((one.value - one.low) ** 2 for one in found)) / len(found)
    above = math.sqrt(sum((one.high - one.value) ** 2 for one in found)) / len(found)
    return Metric(
        name="balanced accuracy",
        value=mean,
        low=max(mean - below, 0.0),
        high=min(mean + above, 1.0),
        count=sum(one.count for one in found),
        counted=found[0].counted,
    )


def unanswered(chosen: Array, labels: Array, classes: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the classes that are never chosen, where chance does not explain it.

    A class as easy as the others would be missed throughout with the probability of as many
    mistakes in a row as sequences have it, by the lower end of the interval of the others' share;
    corrected for the number of classes.
    """
    real = labels != IGNORED
    found = []
    for number, name in enumerate(classes):
        own = labels == number
        if not own.any() or ((chosen == number) & real).any():
            continue
        others = real & ~own
        if not others.any():
            continue
        low, _ = share_interval((others & (chosen == labels)).sum(axis=1), others.sum(axis=1))
        independent = int(own.any(axis=1).sum())
        if (1.0 - low) ** independent * len(classes) < SIGNIFICANCE:
            found.append(name)
    return tuple(found)


def against_commonest(
    chosen: Array, labels: Array, classes: tuple[str, ...], own: Metric
) -> AgainstBaseline:
    """How much more often a network is right than who always answers the commonest class.

    A paired comparison: only trials that one of the two gets right tell them apart. The interval
    is that of the network's share of these.

    Args:
        chosen: Answered classes.
        labels: True classes.
        classes: Names.
        own: The network's share of right trials.
    """
    import numpy as np

    real = labels != IGNORED
    commonest = int(np.bincount(labels[real], minlength=len(classes)).argmax())
    counts, constant = real.sum(axis=1), real & (labels == commonest)
    right = real & (chosen == labels)
    total, base = int(counts.sum()), int(constant.sum())
    low, high = share_interval(constant.sum(axis=1), counts)
    gained, lost = (right & ~constant).sum(axis=1), (constant & ~right).sum(axis=1)
    apart = gained + lost
    ends: list[float] = []
    if apart.any():
        scale = 100.0 * int(apart.sum()) / total
        ends = [scale * (2.0 * end - 1.0) for end in share_interval(gained, apart)]
    perfect = (real & ~constant).sum(axis=1)
    return AgainstBaseline(
        answer=f"always {classes[commonest]!r}",
        metric=Metric(
            name=own.name,
            value=base / total,
            low=low,
            high=high,
            count=total,
            counted=own.counted,
        ),
        gain=100.0 * (own.value - base / total),
        low=ends[0] if ends else None,
        high=ends[1] if ends else None,
        better=bool(ends) and ends[0] > 0.0,
        tellable=bool(perfect.any()) and share_interval(perfect, perfect)[0] > 0.5,
    )


def class_loss(
    labels: Array, before: Array, after: Array, classes: tuple[str, ...], counted: str
) -> Check:
    """Whether a file loses a class: answers it, or gets it right, less often than its reference.

    Two paired tests per class, McNemar's exact one where trials are single and that of random
    signs where they come in sequences, both corrected for the number of classes (Bonferroni): on
    the trials that either answers so, and on those that truly are. A class is lost when chance does
    not explain what it loses, and the 95 % interval of that lies above 5 % of its trials.

    Args:
        labels: True classes.
        before: What the reference answers.
        after: What the file answers.
        classes: Names.
        counted: What a trial is, in the plural.
    """
    real = labels != IGNORED
    lost = []
    for number, name in enumerate(classes):
        for where, had in (
            ("answers it", real & (before == number)),
            ("gets it right", real & (labels == number) & (before == number)),
        ):
            has = real & (after == number)
            if where == "gets it right":
                has &= labels == number
            fewer, more = had & ~has, has & ~had
            change, base = int(fewer.sum()) - int(more.sum()), int(had.sum())
            if change <= _LOST_SHARE * base:
                continue
            net = fewer.sum(axis=1) - more.sum(axis=1)
            surely, _ = share_interval(net, had.sum(axis=1))
            if labels.shape[1] == 1:
                p_value = mcnemar_p(int(fewer.sum()), int(more.sum()))
            else:
                p_value = sign_flip_p(net)
            # Two one-sided tests for each class: twice the number of classes, half the p-value.
            if p_value * len(classes) < SIGNIFICANCE and surely > _LOST_SHARE:
                lost.append((p_value, f"{where} on {base - change} of {base} {counted}", name))
                break
    worst = sorted(lost)
    told = "; ".join(f"{name!r}: it {what}, p = {p:.2g}" for p, what, name in worst[:3])
    more_told = f"; and {len(worst) - 3} more" if len(worst) > 3 else ""
    return Check(
        name="classes",
        passed=not worst,
        value=told + more_told or f"none of {len(classes)} classes is lost",
        limit="no class surely loses more than 5 % of its answers",
        reason=f"a class is lost against the network it was made from: {told}{more_told}"
        if worst
        else "",
    )
