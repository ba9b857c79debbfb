"""Moving averages of batch normalizations follow the network, wherever the layers are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from zoo.training.fused_batch_norm import fused_normalizations
from zoo.training.moving_averages import MovingAverages, normalizations


class Own(layers.Layer):
    """A layer of one's own that holds a normalization in a list."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.parts = [layers.Dropout(0.5), layers.BatchNormalization(**options)]

    def call(self, inputs: Any, training: bool = False) -> Any:
        dropped = self.parts[0](inputs, training=training)
        return self.parts[1](dropped)


class OwnNormalization(layers.BatchNormalization):
    """A normalization of one's own."""

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        return super().call(inputs, training=training)


class OwnModel(keras.Model):
    """A model of one's own."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.norm = layers.BatchNormalization(**options)

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.norm(inputs, training=training)


def nested(**options: Any) -> Any:
    inner = keras.Input((6, 5, 3))
    return keras.Model(inner, layers.BatchNormalization(**options)(inner))


PLACES: dict[str, Callable[..., Any]] = {
    "plain": layers.BatchNormalization,
    "no scale": lambda **options: layers.BatchNormalization(scale=False, **options),
    "other axis": lambda **options: layers.BatchNormalization(axis=2, **options),
    "own class": OwnNormalization,
    "own layer": Own,
    "own model": OwnModel,
    "model inside": nested,
    "wrapped": lambda **options: layers.TimeDistributed(layers.BatchNormalization(**options)),
}


def network(place: str = "plain", momentum: float = 0.999) -> Any:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 5, 2))
    x = layers.Conv2D(3, 3, padding="same", name="conv")(inputs)
    x = PLACES[place](momentum=momentum)(x)
    model = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(layers.ReLU()(x))))
    model.compile(keras.optimizers.SGD(0.0), "mse")
    return model


def images(count: int = 64, seed: int = 1) -> Any:
    pixels = np.random.default_rng(seed).normal(3, 2, (count, 6, 5, 2)) * [1.0, 2.0]
    return tf.constant(pixels.astype("f4"))


def moments(model: Any, inputs: Any, axis: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """What averages should be: of the convolution's outputs on all inputs."""
    found = np.asarray(keras.Model(model.input, model.get_layer("conv").output)(inputs))
    axes = tuple(number for number in range(4) if number != axis)
    return found.mean(axes), found.var(axes)


def averages(model: Any) -> tuple[np.ndarray, np.ndarray]:
    (layer,) = normalizations(model)
    return layer.moving_mean.numpy(), layer.moving_variance.numpy()


@pytest.mark.parametrize("place", PLACES)
def test_averages_are_renewed_wherever_the_layer_is(place: str) -> None:
    model = network(place)
    mean, variance = moments(model, images(), axis=2 if place == "other axis" else 3)
    assert np.abs(averages(model)[0] - mean).max() > 0.1, "they are right from the start"
    with fused_normalizations(model), (following := MovingAverages(model)).growing_momenta():
        # Uneven batches: each example counts for the same.
        following.estimate(model, [images()[:40], images()[40:]])
    np.testing.assert_allclose(averages(model)[0], mean, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(averages(model)[1], variance, rtol=1e-3)
    # Nothing of the training is left behind.
    (layer,) = normalizations(model)
    assert layer.momentum == 0.999
    assert "call" not in vars(layer)


# In a layer of one's own stands dropout before it, and a wrapped one is called for every row.
@pytest.mark.parametrize("place", [p for p in PLACES if p not in ("own layer", "wrapped")])
def test_momentum_grows_with_the_steps_wherever_the_layer_is(place: str) -> None:
    def after(steps: int, *, growing: bool) -> np.ndarray:
        model = network(place)
        batches = np.concatenate([images(4).numpy()] * steps)

        def fit() -> None:
            model.fit(batches, np.zeros((4 * steps, 2)), 4, verbose=0, shuffle=False)

        if not growing:
            fit()
            return averages(model)[0]
        with fused_normalizations(model), MovingAverages(model).growing_momenta():
            fit()
        return averages(model)[0]

    mean, _ = moments(network(place), images(4), axis=2 if place == "other axis" else 3)
    assert np.abs(after(20, growing=False)).max() < 0.05 * np.abs(mean).max()
    np.testing.assert_allclose(after(20, growing=True), mean, rtol=1e-3)


def test_the_momentum_of_the_layer_is_the_limit() -> None:
    model = network(momentum=0.1)
    mean, _ = moments(model, images(4))
    with MovingAverages(model).growing_momenta():
        model.fit(np.concatenate([images(4)] * 2), np.zeros((8, 2)), 4, verbose=0, shuffle=False)
    np.testing.assert_allclose(averages(model)[0], mean * (1 - 0.1**2), rtol=1e-4)


def test_averages_of_a_pretraining_are_forgotten_as_well() -> None:
    model = network()
    (layer,) = normalizations(model)
    layer.moving_mean.assign([50.0, -50.0, 50.0])
    mean, _ = moments(model, images(4))
    with MovingAverages(model).growing_momenta():
        model.fit(np.concatenate([images(4)] * 20), np.zeros((80, 2)), 4, verbose=0)
    np.testing.assert_allclose(averages(model)[0], mean, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("place", ["plain", "own layer", "own model", "model inside", "wrapped"])
def test_frozen_layers_keep_their_averages(place: str) -> None:
    model = network(place)
    for layer in model.layers[:-1]:
        layer.trainable = False
    before = averages(model)
    following = MovingAverages(model)
    with fused_normalizations(model), following.growing_momenta():
        model.fit(images().numpy(), np.zeros((64, 2)), 4, verbose=0)
        following.estimate(model, [images()])
    for old, new in zip(before, averages(model), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_thawed_layer_counts_its_own_steps() -> None:
    model = network()
    following = MovingAverages(model)
    (layer,) = normalizations(model)
    following.set_first_step(layer, 1000)
    model.optimizer.iterations.assign(1000)
    mean, _ = moments(model, images(4))
    with following.growing_momenta():
        model.fit(images(4).numpy(), np.zeros((4, 2)), 4, verbose=0)
    np.testing.assert_allclose(averages(model)[0], 0.9 * mean, rtol=1e-4)
    # Counted from the first step, it would have moved by 9 in 1010.


def test_layers_thawed_later_are_renewed_then() -> None:
    model = network()
    (layer,) = normalizations(model)
    layer.trainable = False
    following = MovingAverages(model)
    with following.growing_momenta():
        following.estimate(model, [images()])
        assert not averages(model)[0].any()
        layer.trainable = True
        following.estimate(model, [images()])
    np.testing.assert_allclose(averages(model)[0], moments(model, images())[0], rtol=1e-3)


def test_dropout_is_off_where_averages_are_renewed() -> None:
    """As it is outside of training, where they are used."""
    model = network("own layer")
    with (following := MovingAverages(model)).growing_momenta():
        following.estimate(model, [images()])
    _, variance = moments(model, images())
    np.testing.assert_allclose(averages(model)[1], variance, rtol=1e-3)
