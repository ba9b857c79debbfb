"""Random changes of the brightness, contrast, saturation and hue of pictures, in TensorFlow."""

from __future__ import annotations

import math
from typing import Any

from zoo.common.optional_imports import require

#: Most that is added or taken away, as a share of the range.
_BRIGHTNESS = 0.25
#: Differences from the mean grow or shrink by up to this factor.
_CONTRAST = 2.0
#: Colours are up to so many times as strong, and down to grey.
_SATURATION = 2.0
#: Most that hues are turned, either way.
_HUE_DEGREES = 36.0
#: Draws that each picture takes.
DRAWS = 4


def recoloured(values: Any, draws: Any) -> Any:
    """Pictures in another light.

    All four are one linear change of the pixels: hue and saturation turn and stretch what is
    perpendicular to the axis of greys.

    Args:
        values: float32 from 0 to 255, (batch, height, width, channels). Hue and saturation are of
            three channels; others have brightness and contrast alone.
        draws: float32 in [0, 1), (`DRAWS`, batch).

    Returns:
        float32 from 0 to 255, of the shape of `values`.
    """
    tf = require("tensorflow")
    draws = draws[:, :, tf.newaxis, tf.newaxis]
    contrast = _CONTRAST ** (2.0 * draws[0] - 1.0)
    brightness = 255.0 * _BRIGHTNESS * (2.0 * draws[1] - 1.0)
    channels = values.shape[3]
    change = contrast * tf.eye(channels)
    if channels == 3:
        grey = tf.fill((3, 3), 1.0 / 3.0)
        turned = tf.constant([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])
        angle = math.radians(_HUE_DEGREES) * (2.0 * draws[3] - 1.0)
        colours = tf.cos(angle) * (tf.eye(3) - grey) + tf.sin(angle) / math.sqrt(3.0) * turned
        change = contrast * (grey + _SATURATION * draws[2] * colours)
    size = tf.shape(values)
    pixels = tf.reshape(values, (size[0], -1, channels))
    mean = tf.reduce_mean(pixels, axis=(1, 2), keepdims=True)
    changed = tf.matmul(pixels - mean, change, transpose_b=True) + mean + brightness
    return tf.reshape(tf.clip_by_value(changed, 0.0, 255.0), size)
