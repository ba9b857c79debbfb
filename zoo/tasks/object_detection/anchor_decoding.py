"""From the outputs of anchors to boxes; `zoo.contracts.anchors` has the rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.common.errors import BadFile
from zoo.contracts.anchors import CODE_REACH, MOST_CANDIDATES, VARIANCES, Anchors
from zoo.tasks.object_detection.decoding import (
    BOX_VALUES,
    LEAST_SCORE,
    MOST,
    no_detections,
    overlaps,
)

if TYPE_CHECKING:
    from zoo.contracts.task import Array


def decode_anchors(outputs: Array, record: Anchors) -> Array:
    """The detections of each picture, the most probable first.

    Args:
        outputs: float32, (examples, anchors, classes + 4), from 0 to 1.
        record: Where the anchors are.

    Returns:
        float32, (examples, 100, 6), as of `zoo.tasks.object_detection.decoding.decode`.

    Raises:
        BadFile: There are more or fewer anchors in the outputs.
    """
    import numpy as np

    anchors = record.boxes()
    if outputs.shape[1:-1] != (len(anchors),):
        raise BadFile(
            f"outputs of shape {outputs.shape} are not those of {len(anchors)} anchors",
            why="the file and its record of anchors do not belong together",
            fix="write the file again from its network",
        )
    found = no_detections(len(outputs))
    for picture, values in enumerate(np.nan_to_num(outputs.astype(np.float32), nan=0.0)):
        kept = _kept(values, anchors, record.overlap)
        found[picture, : len(kept)] = kept
    return found


def _kept(values: Array, anchors: Array, overlap: float) -> Array:
    import numpy as np

    scores = values[:, :-BOX_VALUES]
    anchor, label = np.nonzero(scores >= LEAST_SCORE)
    score = scores[anchor, label]
    # What is equal stays in its order.
    order = np.argsort(-score, kind="stable")[:MOST_CANDIDATES]
    anchor, label, score = anchor[order], label[order], score[order]
    edges = edges_of(values[anchor, -BOX_VALUES:].astype(np.float64), anchors[anchor])
    rows = np.column_stack([label, score, edges])
    return rows[_unsuppressed(label, edges, overlap)]


def edges_of(values: Array, anchors: Array) -> Array:
    """Edges within the picture, (boxes, 4): y_min, x_min, y_max, x_max.

    Args:
        values: Of each box, from 0 to 1, float64 (boxes, 4).
        anchors: Of each box, (boxes, 4).
    """
    import numpy as np

    codes = 2 * CODE_REACH * (values - 0.5)
    centre = anchors[:, :2] + codes[:, :2] * VARIANCES[0] * anchors[:, 2:]
    half = anchors[:, 2:] * np.exp(codes[:, 2:] * VARIANCES[1]) / 2
    edges: Array = np.clip(np.concatenate([centre - half, centre + half], axis=1), 0.0, 1.0)
    return edges


def _unsuppressed(label: Array, edges: Array, most: float) -> Array:
    """Places of boxes that overlap with no more probable one of their class by more than `most`."""
    import numpy as np

    dropped = np.zeros(len(label), bool)
    # Class by class: all at once is the square of all boxes.
    for own in np.unique(label):
        places = np.nonzero(label == own)[0]
        if len(places) == 1:
            continue
        near = overlaps(edges[places], edges[places]) > most
        gone = np.zeros(len(places), bool)
        for place in range(len(places)):
            if not gone[place]:
                gone[place + 1 :] |= near[place, place + 1 :]
        dropped[places] = gone
    kept: Array = np.nonzero(~dropped)[0][:MOST]
    return kept
