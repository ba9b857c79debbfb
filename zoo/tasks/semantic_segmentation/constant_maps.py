"""The baseline of segmentation: masks that look at no picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.contracts import Truth
from zoo.contracts.baseline import AgainstBaseline
from zoo.tasks.ranking import Resampled
from zoo.tasks.semantic_segmentation.objective import METRIC
from zoo.tasks.semantic_segmentation.overlap import confusions, overlaps

if TYPE_CHECKING:
    from zoo.contracts.task import Array


def against_constant(answers: Array, truth: Truth) -> AgainstBaseline | None:
    """Masks beside one that is the same for all pictures.

    That is the commonest class, or the commonest of each place in the training split, whichever has
    the larger mean intersection over union; the difference has a paired bootstrap over pictures.

    Args:
        answers: Classes, (pictures, height, width).
        truth: Of the same pictures.

    Returns:
        None where no pixel has a class.
    """
    import numpy as np

    from zoo.data.preprocessing.inputs import labels_for

    size, labels = len(truth.classes), truth.labels
    own = confusions(labels, answers, size)
    if not own.sum():
        return None
    commonest = int(own.sum(axis=(0, 2)).argmax())
    told, one = f"always {truth.classes[commonest]!r}", np.full(labels.shape[1:], commonest)
    trivial = _of_constant(labels, one, size)
    if truth.training is not None:
        places = commonest_of_places(labels_for(truth.training, truth.preprocessing), size)
        if places.shape == one.shape:
            there = _of_constant(labels, places, size)
            if np.nanmean(overlaps(there)) > np.nanmean(overlaps(trivial)):
                told, trivial = "the commonest class of each place in training", there
    drawn = Resampled(len(labels), size)

    def gained(found: Array, weights: Array | None) -> Array:
        gain: Array = 100.0 * (overlaps(found, weights) - overlaps(trivial, weights))
        return gain

    gain = drawn.interval(lambda weights: gained(own, weights)).mean("gain")
    perfect = np.zeros_like(own)
    perfect[:, range(size), range(size)] = own.sum(axis=2)
    most = drawn.interval(lambda weights: gained(perfect, weights)).mean("gain")
    return AgainstBaseline(
        answer=told,
        metric=drawn.interval(lambda weights: overlaps(trivial, weights)).mean(METRIC),
        gain=gain.value,
        low=gain.low,
        high=gain.high,
        better=gain.low > 0.0,
        tellable=most.low > 0.0,
    )


def commonest_of_places(labels: Array, classes: int) -> Array:
    """The commonest class of each place, int64 (height, width); 0 where there is none.

    Args:
        labels: (pictures, height, width); `IGNORED` pixels do not count.
        classes: How many.
    """
    import numpy as np

    counts = np.stack([(labels == number).sum(axis=0) for number in range(classes)])
    found: Array = counts.argmax(axis=0)
    return found


def _of_constant(labels: Array, mask: Array, classes: int) -> Array:
    import numpy as np

    return confusions(labels, np.broadcast_to(mask, labels.shape), classes)
