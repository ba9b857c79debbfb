"""The boundary F score: how near the outlines of answered regions are to the true ones.

After Csurka, Larlus and Perronnin (BMVC 2013, "What is a good evaluation measure for semantic
segmentation?"): of each class in each picture the harmonic mean of the share of answered boundary
pixels with a true one near by, and of the share of true ones with an answered one near by. Near is
0.75 % of the picture's diagonal, at least one pixel.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from zoo.contracts.dataset import IGNORED

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Distance that counts as near, as a share of the diagonal.
_NEAR = 0.0075
#: Pictures that are looked at together.
_TOGETHER = 32
#: In place of a class, where there is no boundary.
_NONE = -2


def tolerance(height: int, width: int) -> int:
    """How far a boundary pixel may be from another that it stands for, in pixels."""
    return max(1, round(_NEAR * math.hypot(height, width)))


def boundary_scores(labels: Array, chosen: Array, classes: int) -> Array:
    """The F score of each class in each picture, float64 (pictures, classes).

    Args:
        labels: Classes, (pictures, height, width); pixels that are `IGNORED` have no boundary, and
            make none of others.
        chosen: Answered classes, of the same shape.
        classes: How many.

    Returns:
        NaN where neither has a boundary of the class, 0 where one alone has.
    """
    import numpy as np

    found = np.empty((len(labels), classes))
    for start in range(0, len(labels), _TOGETHER):
        some = slice(start, start + _TOGETHER)
        found[some] = _scores(labels[some].astype(np.int32), chosen[some].astype(np.int32), classes)
    return found


def mean_scores(scores: Array, weights: Array | None = None) -> Array:
    """The mean over pictures of each class, float64 (draws, classes).

    Args:
        scores: From `boundary_scores`.
        weights: As in `zoo.tasks.semantic_segmentation.overlap.overlaps`.

    Returns:
        NaN of a class without a boundary in any picture that counts.
    """
    import numpy as np

    weights = np.ones((1, len(scores))) if weights is None else weights
    known = ~np.isnan(scores)
    with np.errstate(invalid="ignore", divide="ignore"):
        means: Array = (weights @ np.where(known, scores, 0.0)) / (weights @ known)
    return means


def _scores(labels: Array, chosen: Array, classes: int) -> Array:
    import numpy as np

    chosen = np.where(labels == IGNORED, IGNORED, chosen)
    most = tolerance(*labels.shape[1:])
    true, own = (_outlines(each, most) for each in (labels, chosen))
    precision, answered = _matched(own, true, most, classes)
    recall, existing = _matched(true, own, most, classes)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision, recall = precision / answered, recall / existing
        scores = 2.0 * precision * recall / (precision + recall)
    scores = np.where((answered > 0) & (existing > 0), np.nan_to_num(scores), 0.0)
    found: Array = np.where((answered == 0) & (existing == 0), np.nan, scores)
    return found


def _outlines(maps: Array, margin: int) -> Array:
    """Boundary pixels as their class, all others as `_NONE`, in a margin of such.

    A pixel is on a boundary where one of its four neighbours is of another class.
    """
    import numpy as np

    edge = np.zeros(maps.shape, bool)
    for axis in (1, 2):
        ahead = tuple(slice(1, None) if place == axis else slice(None) for place in range(3))
        behind = tuple(slice(None, -1) if place == axis else slice(None) for place in range(3))
        first, second = maps[behind], maps[ahead]
        differs = (first != second) & (first != IGNORED) & (second != IGNORED)
        edge[behind] |= differs
        edge[ahead] |= differs
    sides = ((0, 0), (margin, margin), (margin, margin))
    padded: Array = np.pad(np.where(edge, maps, _NONE), sides, constant_values=_NONE)
    return padded


def _matched(outlines: Array, others: Array, most: int, classes: int) -> tuple[Array, Array]:
    """Boundary pixels near one of the same class in `others`, and all: (pictures, classes)."""
    import numpy as np

    pictures, _, width = outlines.shape
    places = np.flatnonzero(outlines != _NONE)
    own, there = outlines.reshape(-1)[places], others.reshape(-1)
    met = np.zeros(len(places), bool)
    for down in range(-most, most + 1):
        for right in range(-most, most + 1):
            if down * down + right * right <= most * most:
                met |= there[places + (down * width + right)] == own
    numbers = places // (outlines.shape[1] * width) * classes + own
    found, every = (
        np.bincount(some, minlength=pictures * classes).reshape(pictures, classes)
        for some in (numbers[met], numbers)
    )
    return found, every
