"""From a network's grid to boxes, and the forms in which boxes are kept.

The grid has a vector for each cell: a probability per class that an object's centre lies there,
then centre and sides of its box, all from 0 to 1:

* the centre's place in the picture is ``(cell - 0.5 + 2 * value) / cells``, down and across, so
  that it may lie half a cell outside of its cell,
* a side is ``value ** 2`` as a share of the picture's.

A cell is an object of a class where its probability is the largest of the 3x3 cells around it
(Zhou et al. 2019, arXiv:1904.07850); of equal ones the first. No boxes are suppressed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.contracts.prediction import MOST_BOXES

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Values of a cell behind its classes: the centre down and across, the height and the width.
BOX_VALUES = 4
#: Columns of a detection: the class, its probability, the edges.
COLUMNS = ("class", "score", "y_min", "x_min", "y_max", "x_max")
#: Less probable cells are no detections, whatever for.
LEAST_SCORE = 0.05
#: So many detections of a picture at most, the most probable.
MOST = MOST_BOXES
_NO_OBJECT = -1.0


def peaks(scores: Array) -> Array:
    """Where a probability is the largest around, bool of the same shape.

    Args:
        scores: (examples, rows, columns, classes).
    """
    import numpy as np

    padded = np.pad(scores, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-1.0)
    rows, columns = scores.shape[1:3]
    found = scores >= LEAST_SCORE
    for down in range(3):
        for across in range(3):
            beside = padded[:, down : down + rows, across : across + columns]
            # Integers are often equal: the first of equal ones, row by row, is the peak.
            earlier = (down, across) < (1, 1)
            found &= scores > beside if earlier else scores >= beside
    result: Array = found
    return result


def decode(grid: Array) -> Array:
    """The detections of each picture, the most probable first.

    Args:
        grid: float32, (examples, rows, columns, classes + 4), from 0 to 1.

    Returns:
        float32, (examples, 100, 6), see `COLUMNS`; behind the last one rows of class -1 and zeros.
        What is no number is no detection.
    """
    import numpy as np

    values = np.nan_to_num(grid.astype(np.float32), nan=0.0)
    rows, columns = grid.shape[1:3]
    classes = grid.shape[-1] - BOX_VALUES
    scores, boxes = values[..., :classes], values[..., classes:]
    found = no_detections(len(grid))
    places = np.nonzero(peaks(scores))
    score = scores[places]
    # By picture, then the most probable; what is equal stays in its order.
    order = np.lexsort((-score, places[0]))
    score = score[order]
    example, row, column, label = (place[order] for place in places)
    own = boxes[example, row, column]
    centre = np.stack(
        [(row - 0.5 + 2 * own[:, 0]) / rows, (column - 0.5 + 2 * own[:, 1]) / columns]
    )
    half = np.square(own[:, 2:]).T / 2
    edges = np.clip(np.concatenate([centre - half, centre + half]), 0.0, 1.0)
    first = np.searchsorted(example, np.arange(len(grid)))
    place = np.arange(len(example)) - first[example]
    kept = place < MOST
    told = np.stack([label.astype(np.float32), score, *edges], axis=1)
    found[example[kept], place[kept]] = told[kept]
    return found


def no_detections(examples: int) -> Array:
    """What is returned for pictures in which nothing is found, float32 (examples, 100, 6)."""
    import numpy as np

    found = np.zeros((examples, MOST, len(COLUMNS)), np.float32)
    found[..., 0] = _NO_OBJECT
    return found


def objects(boxes: Array) -> Array:
    """The rows of one picture that are no padding, (objects, columns)."""
    own: Array = boxes[boxes[:, 0] >= 0]
    return own


def above(detections: Array, threshold: float) -> Array:
    """Detections of one picture from this probability on, (objects, 6)."""
    own: Array = detections[(detections[:, 0] >= 0) & (detections[:, 1] >= threshold)]
    return own


def overlaps(one: Array, other: Array) -> Array:
    """Intersection over union of each box with each other one, float64 (boxes, other boxes).

    Args:
        one: Edges, (boxes, 4): y_min, x_min, y_max, x_max.
        other: Likewise.
    """
    import numpy as np

    one, other = one.astype(np.float64), other.astype(np.float64)
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = np.clip(high - low, 0.0, None).prod(axis=-1)
    areas = [np.clip(b[:, 2:] - b[:, :2], 0.0, None).prod(axis=-1) for b in (one, other)]
    union = areas[0][:, None] + areas[1][None] - shared
    share: Array = shared / np.maximum(union, 1e-12)
    return share


def pairs(one: Array, other: Array, least: float) -> list[tuple[int, int]]:
    """Boxes of the same class that overlap by at least `least`, each with one partner at most.

    Args:
        one: Rows whose first column is the class and whose last four are the edges; their order is
            that of choosing partners.
        other: Likewise.
        least: Intersection over union.
    """
    import numpy as np

    if not len(one) or not len(other):
        return []
    shares = overlaps(one[:, -4:], other[:, -4:])
    shares[one[:, 0][:, None] != other[:, 0][None]] = 0.0
    found = []
    for number in range(len(one)):
        best = int(np.argmax(shares[number]))
        if shares[number, best] >= least:
            found.append((number, best))
            shares[:, best] = 0.0
    return found


def shown(values: Any, digits: int = 2) -> str:
    """A probability as people read it: ``0.93``."""
    return f"{float(values):.{digits}f}"
