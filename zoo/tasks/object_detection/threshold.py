"""The probability from which on a box is shown, and what is right and wrong there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.tasks.object_detection.decoding import LEAST_SCORE, above, objects, pairs

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: A box is right from this intersection over union with a true one of its class on.
RIGHT_OVERLAP = 0.5


def right_of(detections: Array, boxes: Array) -> list[tuple[int, int]]:
    """Which detections of a picture are right, each with its true box; the most probable first.

    Args:
        detections: Rows of detections that are no padding.
        boxes: Rows of true boxes that are no padding.
    """
    return pairs(detections, boxes, RIGHT_OVERLAP)


def best_threshold(detections: Array, labels: Array) -> float | None:
    """The one with the largest F1 over all boxes of a split; None where nothing is right.

    Args:
        detections: (pictures, most, 6).
        labels: (pictures, most boxes, 5).
    """
    import numpy as np

    scores, right, true = [], [], 0
    for found, boxes in zip(detections, labels, strict=True):
        own, real = objects(found), objects(boxes)
        hits = {place for place, _ in right_of(own, real)}
        scores += own[:, 1].tolist()
        right += [place in hits for place in range(len(own))]
        true += len(real)
    if not any(right):
        return None
    order = np.argsort(-np.asarray(scores), kind="stable")
    sorted_scores = np.asarray(scores)[order]
    hits_so_far = np.cumsum(np.asarray(right)[order])
    f1 = 2 * hits_so_far / (np.arange(1, len(order) + 1) + true)
    # Of equal probabilities all are shown, or none.
    last = np.append(sorted_scores[1:] != sorted_scores[:-1], True)
    best = int(np.argmax(np.where(last, f1, -1.0)))
    below = sorted_scores[best + 1] if best + 1 < len(order) else LEAST_SCORE
    return float(f"{(sorted_scores[best] + below) / 2:.4g}")


def mistakes(detections: Array, labels: Array, threshold: float) -> Array:
    """Of each picture the true boxes that are missed and the boxes that are wrong, int64 (., 2)."""
    import numpy as np

    counts = []
    for found, boxes in zip(detections, labels, strict=True):
        own, real = above(found, threshold), objects(boxes)
        hits = len(right_of(own, real))
        counts.append((len(real) - hits, len(own) - hits))
    return np.asarray(counts, np.int64).reshape(-1, 2)
