"""The fused batch normalization trains as Keras' own does."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from zoo.training.fused_batch_norm import fused_normalizations


def network(**options: Any) -> Any:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 5, 2))
    x = layers.Conv2D(3, 3, name="conv")(inputs)
    x = layers.BatchNormalization(momentum=0.7, name="norm", **options)(x)
    return keras.Model(inputs, layers.Dense(2)(layers.Flatten()(layers.ReLU()(x))))


def images(count: int = 4) -> Any:
    return tf.constant(np.random.default_rng(1).normal(3, 2, (count, 6, 5, 2)).astype("f4"))


def step(model: Any, inputs: Any) -> list[np.ndarray]:
    """Gradients and averages after one step."""

    @tf.function
    def run() -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.sin(model(inputs, training=True)))
        return tape.gradient(loss, model.trainable_variables)

    gradients = [gradient.numpy() for gradient in run()]
    return gradients + [variable.numpy() for variable in model.non_trainable_variables]


def kernels(model: Any) -> set[str]:
    """The operations of a traced training call."""
    traced = tf.function(lambda x: model(x, training=True)).get_concrete_function(images())
    return {operation.type for operation in traced.graph.get_operations()}


@pytest.mark.parametrize("count", [1, 4])
def test_gradients_and_averages_are_those_of_keras(count: int) -> None:
    expected = step(network(), images(count))
    model = network()
    with fused_normalizations(model):
        assert "FusedBatchNormV3" in kernels(model)
    model = network()
    with fused_normalizations(model):
        found = step(model, images(count))
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
    # The variance of a sample would be larger by n / (n - 1), which this must tell apart.
    elements = count * 4 * 3
    assert 1 / (elements - 1) > 1e-2
    np.testing.assert_allclose(found[-1], expected[-1], rtol=1e-5)


def test_the_layers_are_as_before_afterwards() -> None:
    model = network()
    with pytest.raises(RuntimeError), fused_normalizations(model):
        raise RuntimeError
    assert "call" not in vars(model.get_layer("norm"))
    assert "FusedBatchNormV3" not in kernels(model)


@pytest.mark.parametrize("options", [{"scale": False}, {"center": False}, {"axis": 2}])
def test_what_the_kernel_cannot_do_is_left_to_keras(options: dict[str, Any]) -> None:
    model = network(**options)
    with fused_normalizations(model):
        assert "FusedBatchNormV3" not in kernels(model)


def test_a_frozen_layer_uses_its_averages() -> None:
    model = network()
    model.get_layer("norm").trainable = False
    with fused_normalizations(model):
        assert "FusedBatchNormV3" not in kernels(model)


def test_models_inside_models_are_reached() -> None:
    inner = network()
    outer_input = keras.Input((6, 5, 2))
    outer = keras.Model(outer_input, inner(outer_input))
    with fused_normalizations(outer):
        assert "FusedBatchNormV3" in kernels(outer)
