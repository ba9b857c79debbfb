"""The trivial answer that a detector is measured beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.contracts import Truth
from zoo.tasks.object_detection.decoding import no_detections

if TYPE_CHECKING:
    from zoo.contracts.task import Array


def mean_boxes(truth: Truth) -> Array:
    """Of each class its mean box in training, as probable as it is frequent, on each picture."""
    import numpy as np

    learnt = truth.labels if truth.training is None else truth.training.labels
    boxes = learnt[learnt[..., 0] >= 0]
    counts = np.bincount(boxes[:, 0].astype(np.int64), minlength=len(truth.classes))
    found = no_detections(1)[0]
    for place, label in enumerate(np.argsort(-counts, kind="stable")[: len(found)]):
        if counts[label]:
            mean = boxes[boxes[:, 0] == label, 1:].mean(axis=0)
            found[place] = (label, counts[label] / len(boxes), *mean)
    return np.broadcast_to(found, (len(truth.labels), *found.shape)).copy()
