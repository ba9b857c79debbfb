"""Multiply-adds of what a network really computes, whoever wrote its layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import pytest
from keras import layers, ops

from zoo.networks.multiply_adds import count_multiply_adds

SIDE, CHANNELS = 8, 4
STEPS = SIDE * SIDE


class Block(layers.Layer):
    """A convolution inside a layer of one's own."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = layers.Conv2D(6, 3, padding="same")

    def call(self, inputs: Any) -> Any:
        return ops.relu(self.inner(inputs))

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], 6)


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.block, self.flat, self.dense = Block(), layers.Flatten(), layers.Dense(5)

    def call(self, inputs: Any) -> Any:
        return self.dense(self.flat(self.block(inputs)))


def tokens(x: Any) -> Any:
    return layers.Reshape((STEPS, CHANNELS))(x)


def shared(x: Any) -> Any:
    dense = layers.Dense(CHANNELS)
    return dense(dense(x))


def with_state(x: Any) -> Any:
    _, *state = layers.LSTM(3, return_state=True)(tokens(x))
    return layers.LSTM(3)(tokens(x), initial_state=state)


def pictures(x: Any) -> Any:
    frames = layers.Reshape((2, SIDE, SIDE // 2, CHANNELS))(x)
    return layers.ConvLSTM2D(3, 3, padding="same")(frames)


BLOCK = STEPS * 9 * CHANNELS * 6
LSTM = STEPS * 4 * 3 * (CHANNELS + 3)
#: 2 heads of 3: queries, keys, values and outputs, and the two products of the attention.
ATTENTION = 4 * STEPS * CHANNELS * 6 + 2 * STEPS * STEPS * 6


@pytest.mark.parametrize(
    ("body", "products"),
    [
        (Block(), BLOCK),
        (Subclassed(), BLOCK + 6 * STEPS * 5),
        (lambda x: layers.MultiHeadAttention(2, 3)(tokens(x), tokens(x)), ATTENTION),
        (lambda x: ops.einsum("bnc,bmc->bnm", tokens(x), tokens(x)), STEPS * STEPS * CHANNELS),
        (lambda x: ops.einsum("...c,cd->...d", tokens(x), ops.ones((4, 5))), STEPS * 4 * 5),
        (layers.EinsumDense("abcd,de->abce", output_shape=(None, None, 7)), STEPS * 4 * 7),
        (lambda x: layers.Dot(axes=2)([tokens(x), tokens(x)]), STEPS * STEPS * CHANNELS),
        (lambda x: layers.TimeDistributed(layers.Conv1D(3, 1))(x), STEPS * CHANNELS * 3),
        (layers.Conv2D(8, 3, groups=2, padding="same"), STEPS * 9 * 2 * 8),
        (layers.Conv2D(8, 3, dilation_rate=3, padding="same"), STEPS * 9 * 4 * 8),
        (lambda x: layers.Conv1D(8, 3, dilation_rate=2, padding="causal")(tokens(x)), STEPS * 96),
        (layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"), STEPS * 9 * 8),
        (layers.SeparableConv2D(8, 3, padding="same"), STEPS * (9 * 4 + 4 * 8)),
        (layers.Conv2DTranspose(8, 3, strides=2, padding="same"), STEPS * 9 * 4 * 8),
        (shared, 2 * STEPS * CHANNELS * CHANNELS),
        (with_state, 2 * LSTM),
        (lambda x: layers.Bidirectional(layers.GRU(3))(tokens(x)), 2 * STEPS * 9 * (CHANNELS + 3)),
        (pictures, 2 * STEPS // 2 * 9 * (CHANNELS + 3) * 4 * 3),
    ],
    ids=lambda value: "" if isinstance(value, int) else getattr(value, "__name__", str(value)),
)
def test_products_of_a_network(body: Callable[[Any], Any], products: int) -> None:
    image = keras.Input((SIDE, SIDE, CHANNELS), name="image")
    assert count_multiply_adds(keras.Model(image, body(image))) == products


def test_masked_texts_and_looked_up_words() -> None:
    words = keras.Input((16,), dtype="int32")
    read = layers.LSTM(3)(layers.Embedding(100, CHANNELS, mask_zero=True)(words))
    assert count_multiply_adds(keras.Model(words, read)) == 16 * 4 * 3 * (CHANNELS + 3)


def test_a_sequence_of_layers_and_inputs_by_name() -> None:
    plain = keras.Sequential([keras.Input((CHANNELS,)), layers.Dense(5)])
    assert count_multiply_adds(plain) == CHANNELS * 5
    named = {name: keras.Input((CHANNELS,), name=name) for name in ("b", "a")}
    joined = layers.Dense(5)(layers.Concatenate()([named["a"], named["b"]]))
    assert count_multiply_adds(keras.Model(named, joined)) == 2 * CHANNELS * 5
