"""Batches of even size for networks whose gradients oneDNN computes wrongly for odd ones.

oneDNN, by which TensorFlow computes convolutions on x86 processors, writes beyond its memory in the
gradient of a 1×1 convolution with a stride above 1, where the batch is odd and the input has fewer
than 16 channels, and the process dies (seen with TensorFlow 2.21 for batches of 1, 3, 5, 33 and 51
and for 2, 4, 8 and 12 channels; not for even batches, 16 channels, or kernels of 3×3).
"""

from __future__ import annotations

from typing import Any

from zoo.common.optional_imports import require
from zoo.networks.building import leaves

_FEWEST_CHANNELS = 16
#: Examples of a batch that is even and not empty, at least.
LEAST_EVEN = 2


def needs_even_batches(model: Any) -> bool:
    """Whether a `keras.Model` has a convolution that oneDNN cannot train with an odd batch."""
    kind = require("keras").layers.Conv2D
    return any(isinstance(layer, kind) and _is_narrow(layer) for layer in leaves(model))


def _is_narrow(layer: Any) -> bool:
    steps = max(layer.kernel_size) == 1 and max(layer.strides) > 1
    return bool(steps and layer.built and layer.kernel.shape[2] < _FEWEST_CHANNELS)


def even_batches(batches: Any) -> Any:
    """A `tf.data.Dataset` of batches, each without its last example where it is odd.

    Where examples are shuffled, another one is left out in each epoch.
    """
    tf = require("tensorflow")

    def cut(*batch: Any) -> Any:
        even = tf.shape(tf.nest.flatten(batch)[0])[0] // 2 * 2
        return tf.nest.map_structure(lambda values: values[:even], batch)

    def is_left(*batch: Any) -> Any:
        return tf.shape(tf.nest.flatten(batch)[0])[0] > 0

    return batches.map(cut).filter(is_left)
