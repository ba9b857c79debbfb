"""Batch normalization in TensorFlow's fused kernel while a network is trained.

Keras computes it from a dozen operations, each of which reads and writes the whole feature map;
the fused kernel took a third off the time of a training step of a small residual network on a CPU.
It is the same arithmetic (Ioffe & Szegedy, arXiv:1502.03167), but for rounding, and but for the
averages of a layer that never saw data: their first steps count for more (`new_normalizations`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from zoo.common.optional_imports import require
from zoo.networks.building import leaves


def new_normalizations(model: Any) -> list[Any]:
    """The batch normalizations of a `keras.Model` whose averages still are zero and one.

    A momentum of 0.999, as in published networks, takes thousands of steps to replace these.
    Until then predictions outside of training are at chance, however well that goes.
    """
    return [layer for layer in leaves(model) if _fits(layer) and _is_new(layer)]


def _is_new(layer: Any) -> bool:
    mean, variance = layer.moving_mean.numpy(), layer.moving_variance.numpy()
    return bool((mean == 0).all() and (variance == 1).all())


@contextmanager
def fused_normalizations(model: Any, new: Collection[Any] = ()) -> Iterator[None]:
    """Within the block, the batch normalizations of a `keras.Model` train in the fused kernel.

    Inference and frozen layers are untouched, and so is every layer that the kernel cannot
    compute.

    Args:
        model: Compiled, if any layer is new.
        new: Layers whose averages replace their initial values in the first steps of the model's
            optimizer: momentum (1 + n) / (10 + n) in step n while that is less than their own, as
            TensorFlow's ``ExponentialMovingAverage`` does when it gets the number of updates.
    """
    young = {id(layer) for layer in new}
    swapped = [layer for layer in leaves(model) if _fits(layer)]
    for layer in swapped:
        steps = model.optimizer.iterations if id(layer) in young else None
        layer.call = _fused(layer, layer.call, steps)
    try:
        yield
    finally:
        for layer in swapped:
            del layer.call


def _fits(layer: Any) -> bool:
    keras = require("keras")
    if type(layer) is not keras.layers.BatchNormalization or not layer.built:
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


def _fused(layer: Any, plain: Callable[..., Any], steps: Any | None) -> Callable[..., Any]:
    """The layer's call; `steps` counts those of its training, if its momentum grows with them."""
    tf = require("tensorflow")

    def momentum() -> Any:
        if steps is None:
            return layer.momentum
        done = tf.cast(steps.value, tf.float32)
        return tf.minimum(layer.momentum, (1.0 + done) / (10.0 + done))

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
        kept = momentum()
        for average, value in (
            (layer.moving_mean, result.batch_mean),
            (layer.moving_variance, variance),
        ):
            average.assign(average * kept + value * (1.0 - kept))
        return result.y

    return call
