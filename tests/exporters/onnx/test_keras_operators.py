"""What Keras computes comes out of ONNX files: operators, shapes, and tensors that layers hold."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import onnx
import pytest
from keras import layers, ops

from zoo.common.errors import Unsupported
from zoo.exporters.onnx.contents import _shape
from zoo.exporters.onnx.conversion import convert
from zoo.exporters.onnx.graph import session

SIDE, CHANNELS = 8, 4


class Held(layers.Layer):
    """Adds a constant tensor that is no variable."""

    def __init__(self) -> None:
        super().__init__()
        table = np.sin(np.arange(SIDE * CHANNELS)).reshape(SIDE, CHANNELS)
        self.table = ops.convert_to_tensor(table.astype(np.float32))

    def call(self, inputs: Any) -> Any:
        return inputs + self.table


def activations(x: Any) -> Any:
    x = ops.gelu(x, approximate=False) + ops.celu(x)
    return ops.log1p(ops.abs(x)) + ops.expm1(0.1 * x)


def attention(x: Any) -> Any:
    tokens = layers.Reshape((SIDE * SIDE, CHANNELS))(x)
    tokens = layers.MultiHeadAttention(2, 3)(tokens, tokens, use_causal_mask=True)
    tokens = layers.GroupQueryAttention(4, 4, 2)(tokens, tokens)
    scores = layers.Softmax(axis=1)(layers.Dense(2)(tokens))
    return ops.einsum("bnc,bnk->bkc", tokens, scores)


def grouped(x: Any) -> Any:
    x = layers.Conv2D(8, 3, groups=2, padding="same")(x)
    return layers.Conv1D(8, 3, groups=4)(layers.Reshape((SIDE * SIDE, 8))(x))


def held(x: Any) -> Any:
    return Held()(layers.Normalization(mean=[0.1, 0.2, 0.3, 0.4], variance=[1, 2, 3, 4])(x))


def moved(x: Any) -> Any:
    x = ops.flip(ops.roll(x, (2, 3), axis=(1, 2)), axis=2)
    return ops.one_hot(ops.argmax(x - 0.5, axis=-1), CHANNELS) * x


def spectra(x: Any) -> Any:
    real, imaginary = ops.stft(layers.Flatten()(x), 32, 16, 32)
    return ops.sqrt(ops.square(real) + ops.square(imaginary) + 1e-6) + real


def windows(x: Any) -> Any:
    """Windows of a shifted picture, as Swin cuts them."""
    x = ops.reshape(ops.roll(x, (-2, -2), (1, 2)), (-1, 2, 4, 2, 4, CHANNELS))
    x = ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, 16, CHANNELS))
    x = layers.MultiHeadAttention(2, 3)(x, x)
    return ops.reshape(x, (-1, 4, 16, CHANNELS))


def network(body: Callable[[Any], Any]) -> Any:
    keras.utils.set_random_seed(2)
    image = keras.Input((SIDE, SIDE, CHANNELS), batch_size=1, name="image")
    return keras.Model(image, body(image))


def asked_for(model: Any) -> Any:
    """What of an `ExportRequest` the converter reads."""
    return SimpleNamespace(
        model=model,
        recurrent="auto",
        output_names=("out",),
        input_name="image",
        input_names=(),
        free_sides={},
        options={},
    )


def converted(model: Any) -> Any:
    return convert(asked_for(model))[0]


@pytest.mark.parametrize(
    "body",
    [activations, attention, grouped, held, moved, spectra, windows],
    ids=lambda f: f.__name__,
)
def test_a_file_computes_what_keras_does(body: Callable[[Any], Any]) -> None:
    model = network(body)
    file = converted(model)
    image = np.random.default_rng(0).normal(size=(1, SIDE, SIDE, CHANNELS)).astype(np.float32)
    image[0, 0, 0] = [-0.0, 0.5, 0.5, -0.0]
    assert [value.name for value in file.graph.input] == ["image"]
    (found,) = session(file).run(None, {"image": image})
    expected = np.asarray(model(image, training=False))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-5 * max(1, np.abs(expected).max()))
    inferred = onnx.shape_inference.infer_shapes(file).graph
    assert not [value.name for value in inferred.value_info if -1 in _shape(value)]


def gru_forms(x: Any) -> Any:
    """Every form that the operator has, and three that it has not: 10 layers, 12 runs of them."""
    rows = layers.Reshape((SIDE, SIDE * CHANNELS))(x)
    both = layers.Bidirectional(layers.GRU(3, return_sequences=True, reset_after=False))(rows)
    back = layers.GRU(4, go_backwards=True, return_sequences=True, use_bias=False)(both)
    last, state = layers.GRU(4, return_state=True, activation="relu")(back)
    begun = layers.GRU(4, recurrent_activation="hard_sigmoid")(rows, initial_state=state)
    twice = layers.GRU(4, reset_after=False, use_bias=False, activation="linear")
    written_out = (
        layers.GRU(2, activation="gelu", name="gelu")(rows),
        layers.GRU(2, name="masked")(layers.Masking()(rows)),
        layers.RNN(layers.GRUCell(2), name="cell")(rows),
    )
    same = twice(back) + twice(0.5 * back)
    return layers.Concatenate()([last, state, begun, same, *written_out])


@pytest.mark.slow
def test_gru_is_one_operator_in_every_form() -> None:
    model = network(gru_forms)
    for weight in model.weights:  # biases are zeros at first, and would hide their order
        weight.assign(np.random.default_rng(1).normal(0, 0.5, weight.shape))
    file, remarks = convert(asked_for(model))
    kinds = [node.op_type for node in file.graph.node]
    assert (kinds.count("GRU"), kinds.count("Loop")) == (7, 0)
    assert sorted(remarks) == [
        "cell: its steps are written out, since the converter makes no ONNX operator of this RNN",
        "gelu: its steps are written out, since ONNX' GRU has no activation gelu",
        "masked: its steps are written out, since the GRU operator of ONNX has no mask",
    ]
    assert not [node.name for node in file.graph.node if "Cudnn" in node.name]
    for seed in range(3):
        image = np.random.default_rng(seed).normal(size=(1, SIDE, SIDE, CHANNELS))
        image[:, -2:] = 0  # masked rows
        (found,) = session(file).run(None, {"image": image.astype(np.float32)})
        expected = np.asarray(model(image.astype(np.float32), training=False))
        np.testing.assert_allclose(found, expected, atol=1e-5 * max(1, np.abs(expected).max()))


def test_what_the_converter_leaves_over_is_named_with_its_layer() -> None:
    import tensorflow as tf

    class Gamma(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return tf.math.lgamma(inputs + 3.0)

    model = network(lambda x: layers.Flatten()(Gamma(name="gamma_of_it")(x)))
    with pytest.raises(Unsupported, match=r"Lgamma \(layer gamma_of_it\)") as refusal:
        converted(model)
    assert "another format" in str(refusal.value.fix)


def test_what_stands_between_layers_is_named_with_the_layer_before_it() -> None:
    model = network(
        lambda x: ops.erfinv(ops.tanh(layers.Dense(2, name="dense_of_it")(layers.Flatten()(x))))
    )
    with pytest.raises(
        Unsupported, match=r"Erfinv \(operation .*Erfinv, behind the layer dense_of_it\)"
    ) as refusal:
        converted(model)
    assert "write what it computes" in str(refusal.value.fix)


def test_an_operator_of_a_later_operator_set_is_refused() -> None:
    """ONNX has BitwiseAnd since 18; files are of 17."""
    model = network(lambda x: ops.bitwise_and(ops.cast(x, "int32"), ops.cast(-x, "int32")))
    with pytest.raises(Unsupported, match="BitwiseAnd"):
        converted(model)
