"""What a file may lose though mAP hardly tells: one class of many, and how probable boxes are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.contracts import Check
from zoo.contracts.dataset import IGNORED
from zoo.results.formatting import plus_minus, plus_minus_range
from zoo.tasks import classes as by_class
from zoo.tasks.object_detection.average_precision import drawings, ends
from zoo.tasks.object_detection.comparison import SAME_OVERLAP
from zoo.tasks.object_detection.decoding import above, objects, pairs
from zoo.tasks.object_detection.threshold import right_of

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: What a true box that is not found is answered with: no class, and not what is left out.
_MISSED = IGNORED - 1
#: Boxes with a partner that a shift is measured on at least.
_LEAST_PAIRS = 20


def class_loss(
    labels: Array, before: Array, after: Array, classes: tuple[str, ...], threshold: float
) -> Check:
    """Whether a file finds the true boxes of a class less often than its reference.

    Of mAP one of 60 classes is 1.7 points at most: that a rare one is lost hides in it.

    Args:
        labels: True boxes, (pictures, most boxes, 5).
        before: Detections of the reference, (pictures, most, 6).
        after: Of the file.
        classes: Names.
        threshold: Least probability of boxes that are shown.
    """
    true = true_classes(labels)
    own, other = (_found(each, labels, true, threshold) for each in (before, after))
    return by_class.class_loss(true, own, other, classes, "boxes")


def true_classes(labels: Array) -> Array:
    """The class of each true box, int64 (pictures, most boxes); `IGNORED` where there is none."""
    import numpy as np

    # One place at least, where no picture has a box.
    numbers = labels[..., 0] if labels.shape[1] else np.full((len(labels), 1), -1.0)
    found: Array = np.where(numbers >= 0, numbers, IGNORED).astype(np.int64)
    return found


def _found(detections: Array, labels: Array, true: Array, threshold: float) -> Array:
    """The class of each true box that a shown one is right of, else `_MISSED`."""
    import numpy as np

    answers = np.full(true.shape, _MISSED, np.int64)
    for number, (found, boxes) in enumerate(zip(detections, labels, strict=True)):
        places = np.nonzero(boxes[:, 0] >= 0)[0]
        for _, place in right_of(above(found, threshold), objects(boxes)):
            answers[number, places[place]] = true[number, places[place]]
    return answers


def probability_shift(before: Array, after: Array, threshold: float, most: float) -> Check:
    """Whether the boxes of a file are less or more probable than the same ones of its network.

    The threshold was chosen by the network's probabilities: boxes of a file that are all less
    probable by a tenth are shown less often, and their order, which mAP measures, is the same.

    Boxes are the same that overlap by a half and are of one class. Those count whose mean of both
    probabilities is at least the threshold: a choice by one of them alone would favour it.

    Args:
        before: Detections of the network, (pictures, most, 6).
        after: Of the file, for the same pictures.
        threshold: Least probability of boxes that are shown.
        most: How far the sum of their probabilities may be off, per cent of the network's.
    """
    import numpy as np

    sums = np.zeros((len(before), 2))
    count = 0
    for number, (one, other) in enumerate(zip(before, after, strict=True)):
        own, found = objects(one), objects(other)
        for a, b in pairs(own, found, SAME_OVERLAP):
            if own[a, 1] + found[b, 1] >= 2 * threshold:
                sums[number] += own[a, 1], found[b, 1]
                count += 1
    limit = f"no significant change above {most:g} %"
    if count < _LEAST_PAIRS:
        told = f"{count} boxes in common are too few to tell"
        return Check(name="confidence", passed=True, value=told, limit=limit)
    shift = _change(sums.sum(axis=0))
    drawn = (sums[numbers].sum(axis=0) for numbers in drawings(len(sums)))
    low, high = ends([_change(one) for one in drawn if one[0]])
    # Written so that a NaN fails.
    passed = abs(shift) <= most or low <= 0.0 <= high
    told = f"{plus_minus(shift)} % ({plus_minus_range(low, high)}, 95 %)"
    return Check(
        name="confidence",
        passed=passed,
        value=f"{count:,} boxes in common: their probability changes by {told}",
        limit=limit,
        reason=""
        if passed
        else f"its boxes are {'less' if shift < 0 else 'more'} probable than the network's by "
        f"{abs(shift):.1f} %, and the threshold is the network's",
    )


def _change(sums: Array) -> float:
    return float(100.0 * (sums[1] / sums[0] - 1.0))
