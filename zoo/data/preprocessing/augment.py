"""Random changes of training images, in TensorFlow, fast enough for a CPU.

Rotation, zoom, shift and flip are one affine transformation of each image. Chaining Keras' layers
would resample several times, which blurs more and takes two to three times as long.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, cast

from zoo.common.errors import UnknownName
from zoo.common.optional_imports import require
from zoo.contracts.geometric_transform import GeometricTransform
from zoo.data.preprocessing.affine_transform import AffineTransform
from zoo.data.preprocessing.colour_changes import DRAWS, recoloured

#: What each option does, for help texts.
OPTIONS = {
    "rotate": "up to 10 degrees either way, black around",
    "shift": "up to 2/28 of the size in whole pixels, black around",
    "zoom": "larger or smaller by up to 1.5 about any place, black around",
    "flip": "mirrors half of the images left to right",
    "colour": "brighter or darker by up to a quarter of the range, contrast by up to 2 either way, "
    "colours from grey to twice as strong, hues by up to 36 degrees",
    "erase": "fills a rectangle of 2-33 % with noise in half of the images",
}
#: Other names for options.
ALIASES = {"crop": "shift", "scale": "zoom", "color": "colour"}
#: Options that bring pixels, and what labels say of them, to other places.
MOVING = frozenset({"rotate", "shift", "zoom", "flip"})

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


def unmoved_note(names: Sequence[str], what: str) -> tuple[str, ...]:
    """Where options move pixels: that what is said of the whole picture does not follow.

    Args:
        names: Options.
        what: Is said of pictures: ``targets``.
    """
    moving = [name for name in augmentation_names(names) if name in MOVING]
    if not moving:
        return ()
    return (
        f"{what} stay as they are where pictures are moved (--augment {','.join(moving)}): right "
        "of a size or a colour, wrong of an angle, a place or a side",
    )


def augment(
    names: Sequence[str], seed: int, follow: Callable[[Any, GeometricTransform], Any] | None = None
) -> Callable[..., tuple[Any, Any]]:
    """Makes a function that changes each image of a batch at random.

    Args:
        names: Options, see `OPTIONS`; their order does not matter.
        seed: The n-th call of two functions made with the same seed draws the same numbers.
        follow: From labels and the transform of their pictures to labels that fit again; None
            leaves labels as they are.

    Returns:
        A function from pixels, shape (batch, height, width, channels), values 0-255, and labels to
        float32 pixels of the same shape and range, and labels. It works in `tf.data.Dataset.map`.
        A third argument, int64 of shape (2,), is what is added to the seed and the number of the
        call; without, calls are counted, and must not run in parallel.

    Raises:
        UnknownName: There is no such option.
    """
    chosen = augmentation_names(names)
    tf = require("tensorflow")
    with tf.device("CPU:0"):
        calls = tf.Variable(0, dtype=tf.int64, trainable=False)

    def apply(pixels: Any, labels: Any, key: Any = None) -> tuple[Any, Any]:
        values = pixels
        own = tf.constant(seed, tf.int64) + (0 if key is None else key[0])
        number = calls.assign_add(1) if key is None else key[1]
        draws = tf.random.stateless_uniform((9, tf.shape(values)[0]), tf.stack([own, number]))
        if MOVING & set(chosen):
            places = None
            if "zoom" in chosen:  # drawn apart: the others' numbers stay what they were
                places = tf.random.stateless_uniform(
                    (3, tf.shape(values)[0]), tf.stack([-1 - own, number])
                )
            transform = AffineTransform(draws[:4], places, chosen, *values.shape[1:3])
            if not transform.lands_on_pixels(*values.shape[1:3]):
                values = tf.cast(values, tf.float32)
            values = transform.resampled(values, "BILINEAR", 0.0)
            labels = labels if follow is None else follow(labels, transform)
        # Only now: bytes move faster.
        values = tf.cast(values, tf.float32)
        if "colour" in chosen:
            key_of_colours = tf.stack([-1 - own, -number])
            values = recoloured(
                values, tf.random.stateless_uniform((DRAWS, tf.shape(values)[0]), key_of_colours)
            )
        if "erase" in chosen:
            # Minus the number is a key that no other draw of this seed has.
            noise = tf.random.stateless_uniform(tf.shape(values), tf.stack([own, -number]))
            values = _erased(values, _rectangles(values, draws[4:]), noise * 255.0)
        return values, labels

    # AutoGraph would rewrite every function below, our imports included.
    return cast("Callable[..., tuple[Any, Any]]", tf.autograph.experimental.do_not_convert(apply))


def _erased(values: Any, where: Any, noise: Any) -> Any:
    """`noise` where `where` says so, else `values`."""
    tf = require("tensorflow")
    if values.shape[3] == 1:
        return tf.where(where, noise, values)
    # Of several channels, TensorFlow spreads a condition slowly, and multiplies fast.
    share = tf.cast(where, tf.float32)
    return values * (1.0 - share) + noise * share


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
