"""Random changes of training images, in TensorFlow, fast enough for a CPU.

Rotation, shift and flip are one affine transformation of each image. Chaining the three Keras
layers would resample three times, which blurs more and takes two to three times as long.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, cast

from zoo.common.errors import UnknownName
from zoo.common.optional_imports import require

#: What each option does, for help texts.
OPTIONS = {
    "rotate": "up to 10 degrees either way, black around",
    "shift": "up to 2/28 of the size in whole pixels, black around",
    "flip": "mirrors half of the images left to right",
    "erase": "fills a rectangle of 2-33 % with noise in half of the images",
}
#: Other names for options.
ALIASES = {"crop": "shift"}

_MAX_RADIANS = math.radians(10)
_MAX_SHIFT = 2 / 28
# Zhong et al. 2020, "Random Erasing Data Augmentation".
_ERASE_SHARE = 0.5
_ERASE_AREA = (0.02, 0.33)
_ERASE_ASPECT = (0.3, 3.3)


def augmentation_names(names: Sequence[str]) -> tuple[str, ...]:
    """The options that `names` mean, without aliases or repetitions, in order of `OPTIONS`.

    Raises:
        UnknownName: There is no such option.
    """
    meant = {ALIASES.get(name, name) for name in names}
    for name in names:
        if ALIASES.get(name, name) not in OPTIONS:
            raise UnknownName("augmentation", name, [*OPTIONS, *ALIASES])
    return tuple(name for name in OPTIONS if name in meant)


def augment(names: Sequence[str], seed: int) -> Callable[[Any], Any]:
    """Makes a function that changes each image of a batch at random.

    Args:
        names: Options, see `OPTIONS`; their order does not matter.
        seed: The n-th call of two functions made with the same seed draws the same numbers.

    Returns:
        A function from pixels, shape (batch, height, width, channels), values 0-255, to float32
        pixels of the same shape and range. It works in `tf.data.Dataset.map`; calls must not run
        in parallel, or their numbering is random.

    Raises:
        UnknownName: There is no such option.
    """
    chosen = augmentation_names(names)
    tf = require("tensorflow")
    with tf.device("CPU:0"):
        calls = tf.Variable(0, dtype=tf.int64, trainable=False)

    def apply(pixels: Any) -> Any:
        values = tf.cast(pixels, tf.float32)
        number = calls.assign_add(1)
        draws = tf.random.stateless_uniform((9, tf.shape(values)[0]), tf.stack([seed, number]))
        if {"rotate", "shift", "flip"} & set(chosen):
            values = _transformed(values, draws[:4], chosen)
        if "erase" in chosen:
            # Minus the number is a key that no other draw of this seed has.
            noise = tf.random.stateless_uniform(tf.shape(values), tf.stack([seed, -number]))
            values = tf.where(_rectangles(values, draws[4:]), noise * 255.0, values)
        return values

    # AutoGraph would rewrite every function below, our imports included.
    return cast("Callable[[Any], Any]", tf.autograph.experimental.do_not_convert(apply))


def _transformed(values: Any, draws: Any, chosen: Sequence[str]) -> Any:
    """Flips, then rotates about the centre, then shifts, in one resampling.

    Args:
        values: float32, shape (batch, height, width, channels).
        draws: float32 in [0, 1), shape (4, batch).
        chosen: Options.
    """
    tf = require("tensorflow")
    height, width = values.shape[1:3]
    zero = tf.zeros_like(draws[0])
    angle = (2 * draws[0] - 1) * _MAX_RADIANS if "rotate" in chosen else zero
    right = _whole_shift(draws[1], width) if "shift" in chosen else zero
    down = _whole_shift(draws[2], height) if "shift" in chosen else zero
    mirror = tf.where(draws[3] < 0.5, -1.0, 1.0) if "flip" in chosen else zero + 1.0
    cos, sin = tf.cos(angle), tf.sin(angle)
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    from_x, from_y = right + centre_x, down + centre_y
    # The matrix leads from a place in the result back to one in the image: x' = a x + b y + c.
    matrix = [
        mirror * cos,
        -mirror * sin,
        mirror * (sin * from_y - cos * from_x) + centre_x,
        sin,
        cos,
        -sin * from_x - cos * from_y + centre_y,
        zero,
        zero,
    ]
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=values,
        transforms=tf.stack(matrix, axis=1),
        output_shape=[height, width],
        fill_value=0.0,
        # Mirroring and whole shifts land on pixels: nothing to interpolate.
        interpolation="BILINEAR" if "rotate" in chosen else "NEAREST",
        fill_mode="CONSTANT",
    )


def _whole_shift(draw: Any, size: int) -> Any:
    tf = require("tensorflow")
    most = max(1, round(size * _MAX_SHIFT))
    return tf.floor(draw * (2 * most + 1)) - most


def _rectangles(values: Any, draws: Any) -> Any:
    """Where to erase: bool, shape (batch, height, width, 1); all False for half of the images.

    Args:
        values: float32, shape (batch, height, width, channels).
        draws: float32 in [0, 1), shape (5, batch).
    """
    tf = require("tensorflow")
    size_y, size_x = values.shape[1:3]
    area = (_ERASE_AREA[0] + draws[0] * (_ERASE_AREA[1] - _ERASE_AREA[0])) * (size_y * size_x)
    low, high = (math.log(aspect) for aspect in _ERASE_ASPECT)
    aspect = tf.exp(low + draws[1] * (high - low))
    height = tf.minimum(tf.sqrt(area * aspect), float(size_y))
    width = tf.minimum(tf.sqrt(area / aspect), float(size_x))
    chosen = draws[4] < _ERASE_SHARE
    rows = _within(draws[2] * (size_y - height), height, size_y) & chosen[:, tf.newaxis]
    columns = _within(draws[3] * (size_x - width), width, size_x)
    return (rows[:, :, tf.newaxis] & columns[:, tf.newaxis, :])[..., tf.newaxis]


def _within(start: Any, length: Any, size: int) -> Any:
    """Which of `size` pixel centres lie in each interval: bool, shape (batch, size)."""
    tf = require("tensorflow")
    centres = tf.range(size, dtype=tf.float32)[tf.newaxis] + 0.5
    start = start[:, tf.newaxis]
    return (centres >= start) & (centres < start + length[:, tf.newaxis])
