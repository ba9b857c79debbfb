"""The loss of anchors: focal loss of probabilities, and overlap of boxes where there is an object.

Each anchor that overlaps with a true box by at least a half learns it, and of each true box the
anchor that overlaps most (Liu et al. 2016, arXiv:1512.02325). All others learn that there is
nothing, but for those that overlap a little less. Most anchors are easy and count for little by
the focal loss (Lin et al. 2018, arXiv:1708.02002), in the place of a choice of hard ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.common.optional_imports import require
from zoo.contracts.anchors import CODE_REACH, VARIANCES
from zoo.tasks.object_detection.decoding import BOX_VALUES
from zoo.tasks.object_detection.loss import lost_overlap

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: An anchor learns a true box from this overlap on, and that there is nothing below the second.
_SAME, _OTHER = 0.5, 0.4
#: Of the focal loss: the share of objects, and how much sure anchors are left out.
_OBJECTS, _SURE = 0.25, 2.0
#: Weights of the box's two parts beside the probabilities.
_OVERLAP, _DISTANCE = 2.0, 0.5
_LEAST = 1e-6
#: Codes to be learnt stay within this share of what a sigmoid reaches.
_WITHIN = 0.98


def anchor_loss(labels: Any, logits: Any, anchors: Array) -> Any:
    """The loss of each picture.

    Args:
        labels: float32, (batch, most boxes, 5): class, y_min, x_min, y_max, x_max; class -1 is
            padding.
        logits: float32, (batch, anchors, classes + 4).
        anchors: Centre and sides, (anchors, 4).

    Returns:
        float32, (batch,).
    """
    keras = require("keras")
    ops = keras.ops
    logits = ops.cast(logits, "float32")
    own = ops.convert_to_tensor(anchors.astype("float32"))
    classes = logits.shape[-1] - BOX_VALUES
    real = labels[..., 0] >= 0
    match, positive, ignored = _matched(labels, real, own)
    wanted = ops.take_along_axis(labels, match[..., None], axis=1)  # (batch, anchors, 5)
    scores = _focal(wanted[..., 0], positive, ignored, logits[..., :classes], int(classes))
    boxes = _boxes(ops.sigmoid(logits[..., classes:]), wanted[..., 1:], own) * positive
    count = ops.maximum(ops.sum(positive, axis=1), 1.0)
    return (ops.sum(scores, axis=(1, 2)) + ops.sum(boxes, axis=1)) / count


def _matched(labels: Any, real: Any, own: Any) -> tuple[Any, Any, Any]:
    """The true box of each anchor, whether it learns it, and whether it learns nothing at all.

    Returns:
        int32, float32 and float32, each (batch, anchors).
    """
    ops = require("keras").ops
    low, high = own[:, :2] - own[:, 2:] / 2, own[:, :2] + own[:, 2:] / 2
    true_low, true_high = labels[..., None, 1:3], labels[..., None, 3:5]
    shared = ops.prod(
        ops.maximum(ops.minimum(high, true_high) - ops.maximum(low, true_low), 0.0), axis=-1
    )
    union = ops.prod(own[:, 2:], axis=-1) + ops.prod(true_high - true_low, axis=-1) - shared
    share = shared / ops.maximum(union, _LEAST)  # (batch, boxes, anchors)
    share = ops.where(real[..., None], share, -1.0)
    best = ops.argmax(share, axis=-1)
    forced = ops.one_hot(best, own.shape[0], dtype="float32") * ops.cast(real, "float32")[..., None]
    # A box that an anchor is the best of comes before any other.
    match = ops.cast(ops.argmax(share + 2.0 * forced, axis=1), "int32")
    most = ops.max(share + 2.0 * forced, axis=1)
    positive = ops.cast(most >= _SAME, "float32")
    ignored = ops.cast(most >= _OTHER, "float32") - positive
    return ops.stop_gradient(match), ops.stop_gradient(positive), ops.stop_gradient(ignored)


def _focal(label: Any, positive: Any, ignored: Any, logits: Any, classes: int) -> Any:
    ops = require("keras").ops
    place = ops.cast(ops.maximum(label, 0.0), "int32")
    target = ops.one_hot(place, classes, dtype="float32") * positive[..., None]
    score = ops.sigmoid(logits)
    hit = _OBJECTS * ops.power(1.0 - score, _SURE) * ops.softplus(-logits)
    away = (1.0 - _OBJECTS) * ops.power(score, _SURE) * ops.softplus(logits)
    return (target * hit + (1.0 - target) * away) * (1.0 - ignored)[..., None]


def _boxes(values: Any, edges: Any, own: Any) -> Any:
    """Of each anchor, (batch, anchors)."""
    ops = require("keras").ops
    codes = 2.0 * CODE_REACH * (values - 0.5)
    middle = own[:, :2] + codes[..., :2] * VARIANCES[0] * own[:, 2:]
    sides = own[:, 2:] * ops.exp(codes[..., 2:] * VARIANCES[1])
    low, high = edges[..., :2], edges[..., 2:]
    lost = lost_overlap(middle - sides / 2, middle + sides / 2, low, high)
    true_sides = ops.maximum(high - low, _LEAST)
    true = ops.concatenate(
        [
            ((low + high) / 2 - own[:, :2]) / own[:, 2:] / VARIANCES[0],
            ops.log(true_sides / own[:, 2:]) / VARIANCES[1],
        ],
        axis=-1,
    )
    reach = _WITHIN * CODE_REACH
    away = ops.abs(codes - ops.clip(true, -reach, reach))
    smooth = ops.where(away < 1.0, ops.square(away) / 2, away - 0.5)
    return _OVERLAP * lost + _DISTANCE * ops.sum(smooth, axis=-1)
