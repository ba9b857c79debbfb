"""Mirroring, turning, shifting and scaling a batch of pictures, and the labels of their places."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from zoo.common.optional_imports import require
from zoo.contracts.dataset import IGNORED
from zoo.contracts.geometric_transform import GeometricTransform

_MAX_RADIANS = math.radians(10)
_MAX_SHIFT = 2 / 28
_MAX_ZOOM = 1.5


class AffineTransform(GeometricTransform):
    """A flip, a rotation about the centre, a shift, then a zoom of each picture, in one resampling.

    Args:
        draws: float32 in [0, 1), shape (4, batch).
        places: Of the zoom, likewise, shape (3, batch); None without one.
        chosen: Options.
        height: Of the pictures, in pixels.
        width: Likewise.
    """

    def __init__(
        self, draws: Any, places: Any, chosen: Sequence[str], height: int, width: int
    ) -> None:
        tf = require("tensorflow")
        self._size = height, width
        whole = not {"rotate", "zoom"} & {*chosen}
        zero = tf.zeros_like(draws[0])
        angle = (2 * draws[0] - 1) * _MAX_RADIANS if "rotate" in chosen else zero
        right = _whole_shift(draws[1], width) if "shift" in chosen else zero
        down = _whole_shift(draws[2], height) if "shift" in chosen else zero
        mirror = tf.where(draws[3] < 0.5, -1.0, 1.0) if "flip" in chosen else zero + 1.0
        # Mirroring and whole shifts land on pixels.
        self._whole = (mirror, right, down) if whole else None
        cos, sin = tf.cos(angle), tf.sin(angle)
        centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
        from_x, from_y = right + centre_x, down + centre_y
        # They lead from a place in the result back to one in the image: x' = a x + b y + c.
        self._rows = (
            (mirror * cos, -mirror * sin, mirror * (sin * from_y - cos * from_x) + centre_x),
            (sin, cos, -sin * from_x - cos * from_y + centre_y),
        )
        if places is not None:
            smaller = tf.exp((2 * places[0] - 1) * math.log(_MAX_ZOOM))
            x, y = places[1] * (width - 1), places[2] * (height - 1)
            (a, b, c), (d, e, f) = self._rows
            self._rows = (
                (a * smaller, b * smaller, (a * x + b * y) * (1 - smaller) + c),
                (d * smaller, e * smaller, (d * x + e * y) * (1 - smaller) + f),
            )

    def resampled(self, values: Any, interpolation: str, outside: float) -> Any:
        """Moves values, shape (batch, height, width, channels), of any height and width.

        Args:
            values: Of any type; of a smaller whole number than 32 bits only where pixels land on
                pixels.
            interpolation: ``NEAREST`` or ``BILINEAR``.
            outside: What comes in from outside.
        """
        tf = require("tensorflow")
        if self.lands_on_pixels(*values.shape[1:3]):
            return self._moved(values, outside)
        (a, b, c), (d, e, f) = self._rows
        height, width = values.shape[1:3]
        # Places of a coarser or finer grid lie between those of pixels.
        step_x, step_y = self._size[1] / width, self._size[0] / height
        off_x, off_y = (step_x - 1) / 2, (step_y - 1) / 2
        zero = tf.zeros_like(a)
        matrix = [
            a,
            b * (step_y / step_x),
            (a * off_x + b * off_y + c - off_x) / step_x,
            d * (step_x / step_y),
            e,
            (d * off_x + e * off_y + f - off_y) / step_y,
            zero,
            zero,
        ]
        return tf.raw_ops.ImageProjectiveTransformV3(
            images=values,
            transforms=tf.stack(matrix, axis=1),
            output_shape=[height, width],
            fill_value=float(outside),
            interpolation=interpolation,
            fill_mode="CONSTANT",
        )

    def lands_on_pixels(self, height: int, width: int) -> bool:
        """Whether each pixel of pictures of such a size comes from one: nothing to interpolate."""
        return self._whole is not None and (height, width) == self._size

    def _moved(self, values: Any, outside: float) -> Any:
        """Pixels gathered from their places: a third of the time of a resampling in colour."""
        tf = require("tensorflow")
        assert self._whole is not None
        mirror, right, down = (tf.cast(one, tf.int32)[:, None] for one in self._whole)
        height, width = self._size
        edge_y, edge_x = _most_shift(height), _most_shift(width)
        edges = [[0, 0], [edge_y, edge_y], [edge_x, edge_x], [0, 0]]
        framed = tf.pad(values, edges, constant_values=tf.cast(outside, values.dtype))
        rows = tf.range(height)[None] - down + edge_y
        columns = tf.range(width)[None] - right
        columns = tf.where(mirror < 0, width - 1 - columns, columns) + edge_x
        high, wide = height + 2 * edge_y, width + 2 * edge_x
        first = tf.range(tf.shape(values)[0])[:, None, None] * (high * wide)
        places = first + rows[:, :, None] * wide + columns[:, None, :]
        return tf.gather(tf.reshape(framed, (-1, values.shape[3])), places)

    def apply_to_map(self, labels: Any, outside: float = IGNORED) -> Any:
        """See `GeometricTransform.apply_to_map`."""
        tf = require("tensorflow")
        plain = len(labels.shape) == 3
        # The kernel takes no smaller whole numbers.
        small = labels.dtype in (tf.int8, tf.int16) and not self.lands_on_pixels(*labels.shape[1:3])
        values = tf.cast(labels, tf.int32) if small else labels
        moved = self.resampled(values[..., None] if plain else values, "NEAREST", outside)
        return tf.cast(moved[..., 0] if plain else moved, labels.dtype)

    def apply_to_points(self, points: Any) -> Any:
        """See `GeometricTransform.apply_to_points`."""
        tf = require("tensorflow")
        (a, b, c), (d, e, f) = self._rows
        inverse = tf.linalg.inv(tf.stack([tf.stack([a, b], -1), tf.stack([d, e], -1)], -2))
        flat = tf.reshape(points, (tf.shape(points)[0], -1, 2))
        moved = tf.einsum("bij,bpj->bpi", inverse, flat - tf.stack([c, f], -1)[:, None])
        return tf.reshape(moved, tf.shape(points))

    def apply_to_boxes(self, boxes: Any, least_visible: float = 0.25) -> Any:
        """See `GeometricTransform.apply_to_boxes`."""
        tf = require("tensorflow")
        height, width = self._size
        top, left, bottom, right = (boxes[..., n] for n in range(1, 5))
        corners = tf.stack(
            [tf.stack([left, right, left, right], -1), tf.stack([top, top, bottom, bottom], -1)], -1
        )
        size = tf.constant([width, height], tf.float32)
        moved = (self.apply_to_points(corners * size - 0.5) + 0.5) / size
        low, high = tf.reduce_min(moved, -2), tf.reduce_max(moved, -2)
        inside_low, inside_high = tf.clip_by_value(low, 0, 1), tf.clip_by_value(high, 0, 1)
        area = tf.reduce_prod(high - low, -1)
        visible = tf.reduce_prod(inside_high - inside_low, -1)
        kept = (boxes[..., 0] >= 0) & (visible > 0) & (visible >= least_visible * area)
        edges = tf.concat([inside_low[..., ::-1], inside_high[..., ::-1]], -1)
        rows = tf.concat([boxes[..., :1], edges], -1)
        return tf.where(kept[..., None], rows, tf.constant([-1.0, 0, 0, 0, 0]))


def _whole_shift(draw: Any, size: int) -> Any:
    tf = require("tensorflow")
    most = _most_shift(size)
    return tf.floor(draw * (2 * most + 1)) - most


def _most_shift(size: int) -> int:
    """Pixels by which pictures are shifted at most."""
    return max(1, round(size * _MAX_SHIFT))
