"""Layers that look at a whole batch, or draw for it, while it is divided among accelerators.

By themselves, batch normalizations would take the mean and variance of the part that their
accelerator has, and dropouts would draw the same numbers for each part: another training than
that of one accelerator, and the more so the smaller the parts. Here the sums of all parts are added
up before they are used (Zhang et al. 2018, arXiv:1803.08904, section 3.3), and each part takes its
own rows of the numbers that are drawn for the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from zoo.common.optional_imports import require
from zoo.contracts.whole_batch import whole_batch_sum
from zoo.training.moving_averages import normalizations


@contextmanager
def whole_batch_layers(model: Any) -> Iterator[None]:
    """Within the block, layers of a `keras.Model` train on batches as if these were undivided.

    Those of other classes than Keras' own batch normalization and dropout are left as they are.
    """
    kinds = require("keras").layers
    swapped: list[tuple[Any, Callable[..., Any]]] = [
        (layer, _normalization(layer, layer.call))
        for layer in normalizations(model)
        if type(layer) is kinds.BatchNormalization and not getattr(layer, "renorm", False)
    ]
    for layer in model._flatten_layers():
        if type(layer) is kinds.Dropout and layer.rate > 0:
            swapped.append((layer, _dropout(layer, layer.call)))
    for layer, call in swapped:
        layer.call = call
    try:
        yield
    finally:
        for layer, _ in swapped:
            del layer.call


def is_part() -> bool:
    """Whether what is computed now is a part of a divided batch."""
    replica = require("tensorflow").distribute.get_replica_context()
    return replica is not None and replica.num_replicas_in_sync > 1


def rows_before(size: Any) -> tuple[Any, Any]:
    """Where a part of a batch begins in it, and how many examples all parts have, int32 scalars.

    Args:
        size: Examples of this part, an int32 scalar.
    """
    tf = require("tensorflow")
    replica = tf.distribute.get_replica_context()
    number, count = replica.replica_id_in_sync_group, replica.num_replicas_in_sync
    # Real numbers: not every way of adding up between GPUs takes integers.
    sizes = whole_batch_sum(tf.one_hot(number, count) * tf.cast(size, tf.float32))
    before = tf.reduce_sum(tf.where(tf.range(count) < number, sizes, 0.0))
    return tf.cast(before, tf.int32), tf.cast(tf.reduce_sum(sizes), tf.int32)


def _normalization(layer: Any, plain: Callable[..., Any]) -> Callable[..., Any]:
    ops, tf = require("keras").ops, require("tensorflow")

    def call(inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if not (training and layer.trainable and is_part()):
            return plain(inputs, training=training, mask=mask)
        # Now: parts are computed in turns, which change at each sum over the batch.
        kept = layer.momentum
        dtype = require("keras").backend.result_type(inputs.dtype, "float32")
        values = ops.cast(inputs, dtype)
        axes, ones = layer._reduction_axes, tf.ones_like(values)
        counted = ones if mask is None else ones * ops.cast(ops.expand_dims(mask, -1), dtype)
        count = whole_batch_sum(tf.reduce_sum(counted, axes))
        mean = tf.math.divide_no_nan(whole_batch_sum(tf.reduce_sum(values * counted, axes)), count)
        shape = [1] * len(values.shape)
        shape[layer.axis] = -1
        apart = tf.square(values - tf.reshape(mean, shape)) * counted
        variance = tf.math.divide_no_nan(whole_batch_sum(tf.reduce_sum(apart, axes)), count)
        for average, value in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
            average.assign(ops.cast(average, dtype) * kept + value * (1.0 - kept))
        result = ops.batch_normalization(
            values,
            mean,
            variance,
            axis=layer.axis,
            offset=ops.cast(layer.beta, dtype) if layer.center else None,
            scale=ops.cast(layer.gamma, dtype) if layer.scale else None,
            epsilon=layer.epsilon,
        )
        return ops.cast(result, layer.compute_dtype)

    return call


def _dropout(layer: Any, plain: Callable[..., Any]) -> Callable[..., Any]:
    keras, tf = require("keras"), require("tensorflow")

    def call(inputs: Any, training: bool = False) -> Any:
        if not (training and is_part()):
            return plain(inputs, training=training)
        size = tf.shape(inputs)[0]
        start, whole = rows_before(size)
        rows = tf.ones(tf.concat([[whole], tf.shape(inputs)[1:]], axis=0), inputs.dtype)
        drawn = keras.random.dropout(
            rows, rate=layer.rate, noise_shape=layer.noise_shape, seed=layer.seed_generator
        )
        own = tf.minimum(start + tf.range(size), whole - 1)
        return inputs * tf.ensure_shape(tf.gather(drawn, own), inputs.shape)

    return call
