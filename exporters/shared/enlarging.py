"""Nearest-neighbour enlargement as one operator of files.

`UpSampling2D` → a resize, because Keras repeats rows and columns, which converters write as two
tilings between reshapes: tflite-micro has no TILE, and ONNX Runtime's quantizer leaves Tile in
float. Both give the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from zoo.common.optional_imports import require


@contextmanager
def enlarged_by_resizing(model: Any, *, divides: bool) -> Iterator[None]:
    """While the block runs, tracing the model writes its nearest `UpSampling2D` as resizes.

    Args:
        model: A Keras network.
        divides: Whether the format's resize finds a pixel's source by a division, which is exact,
            and not by the reciprocal of the factor, which rounds.
    """
    kind = require("keras").layers.UpSampling2D
    layers = [
        layer
        for layer in model._flatten_layers()
        if type(layer) is kind and layer.interpolation == "nearest"
    ]
    try:
        for layer in layers:
            layer.__dict__["call"] = _resizing(layer, divides)
        yield
    finally:
        for layer in layers:
            del layer.__dict__["call"]


def _resizing(layer: Any, divides: bool) -> Callable[[Any], Any]:
    """The call of a layer; its inputs are (batch, height, width, channels) or channels first."""
    tf = require("tensorflow")
    first = layer.data_format == "channels_first"
    # Centres of pixels keep rounding away from the edge between two. Reciprocals of powers of two
    # are exact, and more runtimes and compilers know the plain form.
    halves = not divides and any(factor & (factor - 1) for factor in layer.size)

    def call(inputs: Any) -> Any:
        pixels = tf.transpose(inputs, (0, 2, 3, 1)) if first else inputs
        known, found = pixels.shape[1:3], tf.shape(pixels)
        sides = [
            factor * (found[axis] if side is None else side)
            for axis, (side, factor) in enumerate(zip(known, layer.size, strict=True), start=1)
        ]
        made = tf.raw_ops.ResizeNearestNeighbor(
            images=pixels, size=sides, align_corners=False, half_pixel_centers=halves
        )
        return tf.transpose(made, (0, 3, 1, 2)) if first else made

    return call
