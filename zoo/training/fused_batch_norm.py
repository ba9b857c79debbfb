"""Batch normalization in TensorFlow's fused kernel while a network is trained.

Keras computes it from a dozen operations, each of which reads and writes the whole feature map;
the fused kernel took a third off the time of a training step of a small residual network on a CPU.
It is the same arithmetic (Ioffe & Szegedy, arXiv:1502.03167), but for rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from zoo.common.optional_imports import require
from zoo.training.moving_averages import normalizations


@contextmanager
def fused_normalizations(model: Any) -> Iterator[None]:
    """Within the block, the batch normalizations of a `keras.Model` train in the fused kernel.

    Inference and frozen layers are untouched, and so is every layer that the kernel cannot
    compute.
    """
    swapped = [layer for layer in normalizations(model) if _fits(layer)]
    for layer in swapped:
        layer.call = _fused(layer, layer.call)
    try:
        yield
    finally:
        for layer in swapped:
            del layer.call


def _fits(layer: Any) -> bool:
    keras = require("keras")
    if type(layer) is not keras.layers.BatchNormalization:
        return False
    axes = layer.input_spec.axes if layer.input_spec is not None else None
    return (
        layer.input_spec is not None
        and layer.input_spec.ndim == 4
        and list(axes or {}) in ([3], [-1])
        and layer.scale
        and layer.center
        and layer.compute_dtype == "float32"
        and not layer.synchronized
        and not getattr(layer, "renorm", False)
    )


def _fused(layer: Any, plain: Callable[..., Any]) -> Callable[..., Any]:
    tf = require("tensorflow")

    def call(inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if not (training and layer.trainable) or mask is not None:
            return plain(inputs, training=training, mask=mask)
        result = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=layer.gamma.value,
            offset=layer.beta.value,
            mean=[],
            variance=[],
            epsilon=layer.epsilon,
            is_training=True,
        )
        # The kernel's variance is that of a sample, n / (n - 1); Keras averages the plain one.
        count = tf.cast(tf.size(inputs) // inputs.shape[-1], tf.float32)
        variance = result.batch_variance * ((count - 1.0) / count)
        kept = layer.momentum
        for average, value in (
            (layer.moving_mean, result.batch_mean),
            (layer.moving_variance, variance),
        ):
            average.assign(average * kept + value * (1.0 - kept))
        return result.y

    return call
