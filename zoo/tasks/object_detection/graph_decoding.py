"""Decoding of detectors in TensorFlow, for files that return boxes.

The same answers as `decoding.decode` and `anchor_decoding.decode_anchors`, in float32 and of one
picture: the first of equal cells is the peak, what is equal stays in its order, and less probable
than `LEAST_SCORE` is no detection. The probability from which on boxes are shown stays outside.

Each function returns float32 tensors: edges (1, boxes, 4) as y_min, x_min, y_max, x_max; classes
and scores (1, boxes); and how many of them are boxes, (1,). They lie in front; zeros follow.
"""

from __future__ import annotations

from typing import Any

from zoo.common.optional_imports import require
from zoo.contracts.anchors import CODE_REACH, MOST_CANDIDATES, VARIANCES, Anchors
from zoo.tasks.object_detection.decoding import BOX_VALUES, LEAST_SCORE, MOST

#: Boxes of less area overlap with nothing, and all overlaps are more than the other.
_LEAST_AREA, _LEAST_OVERLAP = 1e-12, 1e-7


def centres_in_graph(outputs: Any) -> tuple[Any, Any, Any, Any]:
    """Detections of a grid of centres.

    Args:
        outputs: float32 tensor (1, rows, columns, classes + 4), from 0 to 1.
    """
    np, tf = require("numpy"), require("tensorflow")
    rows, columns, width = outputs.shape[1:]
    classes = width - BOX_VALUES
    scores = outputs[..., :classes]
    padded = tf.pad(scores, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=-1.0)
    # The largest of three cells beside each other, in the rows above and below as well.
    across = tf.nn.max_pool2d(padded, (1, 3), 1, "VALID")
    earlier = tf.maximum(across[:, :rows], padded[:, 1:-1, :columns])
    later = tf.maximum(across[:, 2:], padded[:, 1:-1, 2:])
    none = tf.zeros_like(scores)
    peaks = tf.where(scores > earlier, tf.where(scores >= later, scores, none), none)
    flat = tf.reshape(peaks, [-1])
    score, cell, label = _most_probable(flat, MOST, classes)
    grid = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), axis=-1)
    corners = ((grid.reshape(-1, 2) - 0.5) / (rows, columns)).astype(np.float32)
    own = tf.gather(tf.reshape(outputs[..., classes:], [-1, BOX_VALUES]), cell)
    steps = np.array([2 / rows, 2 / columns], np.float32)
    centre = tf.gather(tf.constant(corners), cell) + own[:, :2] * steps
    half = own[:, 2:] * own[:, 2:] * 0.5
    return _returned(_within(centre, half), label, score, score >= LEAST_SCORE)


def anchors_in_graph(outputs: Any, record: Anchors) -> tuple[Any, Any, Any, Any]:
    """Detections of anchors, those of each class suppressed by themselves.

    Args:
        outputs: float32 tensor (1, anchors, classes + 4), from 0 to 1.
        record: Where the anchors are.
    """
    np, tf = require("numpy"), require("tensorflow")
    anchors = tf.constant(record.boxes().astype(np.float32))
    values = tf.reshape(outputs, outputs.shape[1:])
    classes = values.shape[-1] - BOX_VALUES
    flat = tf.reshape(values[:, :classes], [-1])
    score, anchor, label = _most_probable(flat, MOST_CANDIDATES, classes)
    codes = (tf.gather(values[:, classes:], anchor) - 0.5) * (2 * CODE_REACH)
    base = tf.gather(anchors, anchor)
    centre = base[:, :2] + codes[:, :2] * base[:, 2:] * VARIANCES[0]
    half = base[:, 2:] * tf.exp(codes[:, 2:] * VARIANCES[1]) * 0.5
    edges = _within(centre, half)
    most = min(MOST, int(score.shape[0]))
    if record.overlap >= 1.0:  # nothing is suppressed
        return _returned(edges[:most], label[:most], score[:most], score[:most] >= LEAST_SCORE)
    # Ranks take the place of probabilities: of equal ones runtimes take any, and here the order is
    # known.
    ranks = np.linspace(1.0, 0.5, int(score.shape[0]), dtype=np.float32)
    chosen, number = tf.raw_ops.NonMaxSuppressionV4(
        boxes=_apart(edges, label, classes),
        scores=tf.where(score >= LEAST_SCORE, ranks, np.zeros_like(ranks)),
        max_output_size=most,
        # Some runtimes drop boxes that overlap by just so much, too.
        iou_threshold=np.nextafter(np.float32(max(record.overlap, _LEAST_OVERLAP)), np.float32(2)),
        score_threshold=0.25,
        pad_to_max_output_size=True,
    )
    kept = np.arange(most, dtype=np.float32) < tf.cast(number, tf.float32)
    return _returned(
        tf.gather(edges, chosen), tf.gather(label, chosen), tf.gather(score, chosen), kept
    )


def _apart(edges: Any, label: Any, classes: int) -> Any:
    """Edges moved so that boxes which do not suppress each other do not overlap, (boxes, 4).

    Those of each class lie in a square of their own; squares are laid out in rows, since farther
    from zero float32 is coarser. Boxes of no area, which overlap with nothing, have each a place of
    their own: LiteRT returns one again and again that does not overlap with itself.
    """
    np, tf = require("numpy"), require("tensorflow")
    across = int(np.ceil(np.sqrt(classes)))
    row = tf.floor((label + 0.5) / across)
    column = label - row * across
    moved = edges + 2.0 * tf.stack([row, column, row, column], axis=1)
    area = (moved[:, 2] - moved[:, 0]) * (moved[:, 3] - moved[:, 1])
    number = np.arange(int(edges.shape[0]), dtype=np.float32)
    alone = np.stack([-2 - 2 * number, 0 * number, -1 - 2 * number, 0 * number + 1], axis=1)
    return tf.where((area > _LEAST_AREA)[:, tf.newaxis], moved, alone)


def _most_probable(flat: Any, most: int, classes: int) -> tuple[Any, Any, Any]:
    """Probabilities, places and classes of the most probable values, the largest first.

    Args:
        flat: float32, (places * classes,).
        most: So many at most.
        classes: How many there are.
    """
    tf = require("tensorflow")
    score, number = tf.math.top_k(flat, min(most, int(flat.shape[0])))
    # In real numbers, which tell these apart far beyond any detector's size: a file of float32
    # then holds no integer arithmetic. A half keeps the division away from whole numbers.
    value = tf.cast(number, tf.float32)
    place = tf.floor((value + 0.5) / classes)
    return score, tf.cast(place, tf.int32), value - place * classes


def _within(centre: Any, half: Any) -> Any:
    """Edges within the picture, (boxes, 4)."""
    tf = require("tensorflow")
    edges = tf.concat([centre - half, centre + half], axis=1)
    return tf.minimum(tf.maximum(edges, 0.0), 1.0)


def _returned(edges: Any, label: Any, score: Any, kept: Any) -> tuple[Any, Any, Any, Any]:
    """What a file returns; `kept` says which are boxes, all of them in front."""
    tf = require("tensorflow")
    own = tf.cast(kept, tf.float32)
    return (
        (edges * own[:, tf.newaxis])[tf.newaxis],
        (label * own)[tf.newaxis],
        (score * own)[tf.newaxis],
        tf.reduce_sum(own, keepdims=True),
    )
