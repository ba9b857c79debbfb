"""Examples at a time for a Keras network that runs in Python, by the size of its activations."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from zoo.common.optional_imports import require

#: Most examples at a time.
MOST = 256
#: Bytes of activations at a time. A constant, and not a share of what is free now: outputs may
#: differ in the last bit with the number of examples, and must be the same every time.
_BYTES = 1 << 29
#: A compiled pass frees each activation after its last reader, and holds this share of them.
_SHARE_HELD = 4


def activation_bytes(model: Any) -> int:
    """Bytes of what all layers of a built `keras.Model` return for one example.

    Layers inside models are counted; what is inside other layers, and sizes left open, are not.
    """
    return sum(_bytes(tensor) for layer in model._flatten_layers() for tensor in _results(layer))


def inference_batch(model: Any, *, compiled: bool = False) -> int:
    """How many examples a model should be given at a time, 1 to `MOST`.

    A pass of a model that is called in Python holds the results of all layers until it ends: of
    MobileNetV2 95 MB for each picture.

    Args:
        model: A built `keras.Model`.
        compiled: Whether it runs as a TensorFlow function.
    """
    most = _BYTES * (_SHARE_HELD if compiled else 1)
    return max(1, min(MOST, most // max(activation_bytes(model), 1)))


def _results(layer: Any) -> Iterator[Any]:
    # Keras has no public name for the places where a layer is used in a graph of layers.
    for node in getattr(layer, "_inbound_nodes", ()):
        yield from node.output_tensors


def _bytes(tensor: Any) -> int:
    dtype = require("numpy").dtype(require("keras").backend.standardize_dtype(tensor.dtype))
    return int(dtype.itemsize) * prod(int(side or 1) for side in tensor.shape[1:])
