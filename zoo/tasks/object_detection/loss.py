"""The loss of a grid of centres: focal loss of probabilities, and overlap of boxes at centres.

The probabilities learn one at the cell of each centre, and less around it by a Gaussian, where
mistakes count for less (Law and Deng 2018, arXiv:1808.01244; Zhou et al. 2019, arXiv:1904.07850).
The box of such a cell learns by its generalized intersection over union (Rezatofighi et al. 2019,
arXiv:1902.09630), and by the distance of its four values.
"""

from __future__ import annotations

from typing import Any

from zoo.common.optional_imports import require
from zoo.tasks.object_detection.decoding import BOX_VALUES

#: Weights of the box's two parts beside the probabilities.
_OVERLAP, _DISTANCE = 2.0, 1.0
#: A Gaussian's deviation as a share of the side, and at least so many cells.
_SPREAD, _LEAST_SPREAD = 1 / 8, 0.35
#: Of the focal loss: how much sure cells are left out, and cells near a centre.
_SURE, _NEAR = 2.0, 4.0
_LEAST = 1e-6


def detection_loss(labels: Any, logits: Any) -> Any:
    """The loss of each picture.

    Args:
        labels: float32, (batch, most boxes, 5): class, y_min, x_min, y_max, x_max; class -1 is
            padding.
        logits: float32, (batch, rows, columns, classes + 4).

    Returns:
        float32, (batch,).
    """
    ops = require("keras").ops
    logits = ops.cast(logits, "float32")
    rows, columns = logits.shape[1:3]
    classes = logits.shape[-1] - BOX_VALUES
    real = ops.cast(labels[..., 0] >= 0, "float32")
    label = ops.cast(ops.maximum(labels[..., 0], 0.0), "int32")
    low, high = labels[..., 1:3], labels[..., 3:5]
    centre, side = (low + high) / 2, ops.maximum(high - low, _LEAST)
    cells = ops.convert_to_tensor([float(rows), float(columns)])
    cell = ops.clip(ops.floor(centre * cells), 0.0, cells - 1.0)

    heat = _heat(cell, side * cells, real, label, int(rows), int(columns), int(classes))
    scores = _focal(heat, logits[..., :classes])
    place = ops.cast(cell[..., 0] * columns + cell[..., 1], "int32")
    flat = ops.reshape(logits[..., classes:], (-1, rows * columns, BOX_VALUES))
    own = ops.sigmoid(ops.take_along_axis(flat, place[..., None], axis=1))
    boxes = _box_loss(own, centre, side, cell, cells) * real
    count = ops.maximum(ops.sum(real, axis=1), 1.0)
    return (ops.sum(scores, axis=(1, 2, 3)) + ops.sum(boxes, axis=1)) / count


def _heat(
    cell: Any, side: Any, real: Any, label: Any, rows: int, columns: int, classes: int
) -> Any:
    """The probabilities to be learnt: one at centres, a Gaussian around; (batch, …, classes)."""
    ops = require("keras").ops
    spread = ops.maximum(side * _SPREAD, _LEAST_SPREAD)
    down = ops.arange(rows, dtype="float32")[None, None] - cell[..., 0:1]
    across = ops.arange(columns, dtype="float32")[None, None] - cell[..., 1:2]
    tall = ops.exp(-ops.square(down / spread[..., 0:1]) / 2) * real[..., None]
    wide = ops.exp(-ops.square(across / spread[..., 1:2]) / 2)
    each = tall[..., :, None] * wide[..., None, :]  # (batch, boxes, rows, columns)
    batch = ops.shape(each)[0]
    number = ops.arange(batch, dtype="int32")[:, None] * classes + label
    most = ops.segment_max(
        ops.reshape(each, (-1, rows * columns)), ops.reshape(number, (-1,)), batch * classes
    )
    # What no box belongs to is minus infinity.
    heat = ops.reshape(ops.maximum(most, 0.0), (batch, classes, rows, columns))
    return ops.transpose(heat, (0, 2, 3, 1))


def _focal(heat: Any, logits: Any) -> Any:
    ops = require("keras").ops
    score = ops.sigmoid(logits)
    centre = ops.cast(heat >= 1.0 - _LEAST, "float32")
    hit = ops.power(1.0 - score, _SURE) * ops.softplus(-logits) * centre
    away = ops.power(1.0 - heat, _NEAR) * ops.power(score, _SURE) * ops.softplus(logits)
    return hit + away * (1.0 - centre)


def _box_loss(own: Any, centre: Any, side: Any, cell: Any, cells: Any) -> Any:
    """Of each box, (batch, boxes)."""
    ops = require("keras").ops
    middle = (cell - 0.5 + 2.0 * own[..., :2]) / cells
    sides = ops.square(own[..., 2:])
    lost = lost_overlap(
        middle - sides / 2, middle + sides / 2, centre - side / 2, centre + side / 2
    )
    wanted = ops.concatenate(
        [(centre * cells - cell + 0.5) / 2.0, ops.sqrt(ops.minimum(side, 1.0))], axis=-1
    )
    distance = ops.sum(ops.abs(own - wanted), axis=-1)
    return _OVERLAP * lost + _DISTANCE * distance


def lost_overlap(low: Any, high: Any, true_low: Any, true_high: Any) -> Any:
    """One minus the generalized intersection over union, from 0 to 2.

    Args:
        low: Upper left corners, (…, 2): down, across.
        high: Lower right corners, likewise.
        true_low: Of the true boxes.
        true_high: Of the true boxes.

    Returns:
        (…).
    """
    ops = require("keras").ops
    shared = ops.prod(
        ops.maximum(ops.minimum(high, true_high) - ops.maximum(low, true_low), 0.0), axis=-1
    )
    union = ops.prod(high - low, axis=-1) + ops.prod(true_high - true_low, axis=-1) - shared
    around = ops.prod(ops.maximum(high, true_high) - ops.minimum(low, true_low), axis=-1)
    overlap = shared / ops.maximum(union, _LEAST)
    return 1.0 - overlap + (around - union) / ops.maximum(around, _LEAST)
