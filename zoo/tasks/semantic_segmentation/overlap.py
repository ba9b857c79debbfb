"""Intersection over union of classes, by counts of pixels of each picture.

The intersection over union (Jaccard 1901) of a class is the number of pixels that are of it and
answered so, divided by the number that are one or the other, over all pictures of a split. Their
mean is over classes that the split has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.contracts.dataset import IGNORED

if TYPE_CHECKING:
    from zoo.contracts.task import Array


def confusions(labels: Array, chosen: Array, classes: int) -> Array:
    """Pixels of each true and answered class, int64 (pictures, classes, classes).

    Args:
        labels: Classes, (pictures, height, width); `IGNORED` pixels do not count.
        chosen: Answered classes, of the same shape.
        classes: How many.
    """
    import numpy as np

    found = np.empty((len(labels), classes, classes), np.int64)
    for place, (true, own) in enumerate(zip(labels, chosen, strict=True)):
        real = true != IGNORED
        pairs = true[real].astype(np.int64) * classes + own[real]
        found[place] = np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)
    return found


def overlaps(counts: Array, weights: Array | None = None) -> Array:
    """The intersection over union of each class, float64 (draws, classes).

    Args:
        counts: From `confusions`.
        weights: How often each picture counts, (draws, pictures); None counts each once.

    Returns:
        NaN of a class that no pixel is of.
    """
    import numpy as np

    weights = np.ones((1, len(counts))) if weights is None else weights
    right = np.einsum("pcc->pc", counts)
    true, answered = counts.sum(axis=2), counts.sum(axis=1)
    met, own, others = (weights @ each.astype(np.float64) for each in (right, true, answered))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Array = np.where(own > 0, met / (own + others - met), np.nan)
    return found
