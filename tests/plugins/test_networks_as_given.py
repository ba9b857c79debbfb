"""Inputs and outputs of foreign networks by the names, order and axes of their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from free_sizes import FLOAT, detector, node, two_reader_samples, two_readers, written

from zoo.contracts import GivenNetwork
from zoo.plugins.keras_files.opening import network_of
from zoo.plugins.onnx_files.opening import open_onnx
from zoo.plugins.tflite_files.opening import open_network
from zoo.plugins.tflite_files.saved_model import open_saved_model

for module in ("tensorflow", "onnxruntime"):
    pytest.importorskip(module)

EXAMPLES = np.random.default_rng(1).random((3, 6, 5), dtype=np.float32)


def agrees(given: GivenNetwork, *inputs: Any) -> dict[str, tuple[int, ...]]:
    """Shapes by name, once the converted network is seen to answer as its own framework does."""
    import keras

    own = given.run({one.name: v for one, v in zip(given.inputs, inputs, strict=True)})
    model = given.model
    assert [one.dtype for one in model.inputs] == [str(values.dtype) for values in inputs]
    made = keras.tree.flatten(model(inputs[0] if len(inputs) == 1 else [*inputs], training=False))
    for tensor, values in zip(given.outputs, made, strict=True):
        assert np.allclose(values, own[tensor.name], atol=1e-5)
    return {name: values.shape[1:] for name, values in own.items()}


@pytest.fixture(scope="module")
def keras_model() -> Any:
    """``signal`` (6, 5) → ``second`` (6, 2) and ``first`` (3): not in the order of the alphabet."""
    import keras

    keras.utils.set_random_seed(0)
    x = keras.Input((6, 5), name="signal")
    hidden = keras.layers.Dense(4, activation="relu")(x)
    second = keras.layers.Dense(2, name="second")(hidden)
    first = keras.layers.Dense(3, name="first")(keras.layers.Flatten()(hidden))
    return keras.Model(x, [second, first])


def test_onnx_has_all_axes_in_its_own_order(tmp_path: Path) -> None:
    given = open_onnx(detector(tmp_path / "net.onnx")).as_given.with_shapes({"images": (3, 16, 16)})
    assert [(one.name, one.shape) for one in given.inputs] == [("images", (None, 3, 16, 16))]
    images = np.random.default_rng(2).random((3, 3, 16, 16), dtype=np.float32)
    assert agrees(given, images) == {"boxes": (4, 8, 8), "scores:0": (2, 8, 8)}
    # Axes with one element stay, and free ones are fixed.
    nodes = [node("ReduceMean", "x", "m", axes=[2], keepdims=1), node("Mul", "m two", "y")]
    path = written(
        tmp_path / "thin.onnx",
        nodes,
        [("x", FLOAT, ("n", 1, "length"))],
        [("y", FLOAT, ("n", 1, 1))],
        {"two": np.float32(2)},
    )
    thin = open_onnx(path).as_given.with_shapes({"x": (1, 7)})
    assert agrees(thin, EXAMPLES[:, :1, :1].repeat(7, 2)) == {"y": (1, 1)}


def test_onnx_with_several_inputs(tmp_path: Path) -> None:
    given = open_onnx(two_readers(tmp_path / "net.onnx")).as_given
    told = [(one.name, one.dtype) for one in given.inputs]
    assert told == [("pixels", "float32"), ("ids", "int64"), ("mask", "int32")]
    samples = two_reader_samples(3)
    inputs = [samples[name] for name, _ in told]
    assert agrees(given, *inputs) == {"score": (5,), "map": (4, 8, 8)}
    other = open_onnx(two_readers(tmp_path / "other.onnx", swapped=True)).as_given
    score, _ = other.model(inputs)
    assert not np.allclose(score, given.run(samples)["score"], atol=1e-3)


def test_keras_has_names_of_layers_or_keys(keras_model: Any) -> None:
    import keras

    given = network_of(keras_model).as_given
    assert [one.name for one in given.inputs] == ["signal"]
    assert agrees(given, EXAMPLES) == {"second": (6, 2), "first": (3,)}
    named = dict(zip(("zwei", "eins"), keras_model.outputs, strict=True))
    keyed = network_of(keras.Model(keras_model.inputs, named)).as_given
    assert agrees(keyed, EXAMPLES) == {"eins": (3,), "zwei": (6, 2)}
    row = keras.Sequential([keras.Input((6, 5), name="signal"), keras.layers.Dense(4, name="last")])
    given = network_of(row).as_given
    assert [one.name for one in given.inputs] == ["signal"]
    assert agrees(given, EXAMPLES) == {"last": (6, 4)}


def test_tflite_and_saved_models_have_those_of_their_signature(
    keras_model: Any, tmp_path: Path
) -> None:
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec((1, 6, 5), name="signal")])
    def serve(signal: Any) -> Any:
        second, first = keras_model(signal, training=False)
        return {"zwei": second, "eins": first}

    holder = tf.Module()
    holder.network, holder.serve = keras_model, serve
    tf.saved_model.save(holder, str(tmp_path / "saved"), signatures={"serving_default": serve})
    saved = open_saved_model(tmp_path / "saved").as_given
    assert agrees(saved, EXAMPLES) == {"eins": (3,), "zwei": (6, 2)}
    path = tmp_path / "net.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(keras_model).convert())
    given = open_network(path).as_given
    assert [one.name for one in given.inputs] == ["signal"]
    assert agrees(given, EXAMPLES) == {"output_0": (6, 2), "output_1": (3,)}


def test_several_inputs_of_keras_saved_models_and_tflite(tmp_path: Path) -> None:
    """Of Keras by layers; of the others by their signatures, whatever the converter makes of them.

    Rows are looked up by numbers of the network's, which Keras may count from the end.
    """
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    layers = keras.layers
    wide = keras.Input((6, 5), name="wide")
    ids = keras.Input((4,), dtype="int32", name="ids")
    words = layers.GlobalAveragePooling1D()(layers.Embedding(9, 3)(ids))
    seen = layers.Concatenate()([layers.Dense(2)(layers.Flatten()(wide)), words])
    network = keras.Model([wide, ids], layers.Dense(4, name="score")(seen))
    rows = np.array([[0, 8, 3, 3], [1, 2, 7, 0], [5, 5, 5, 6]], np.int32)
    given = network_of(network).as_given
    assert agrees(given, EXAMPLES, rows) == {"score": (4,)}

    @tf.function(
        input_signature=[
            tf.TensorSpec((1, 6, 5), name="wide"),
            tf.TensorSpec((1, 4), tf.int32, name="ids"),
        ]
    )
    def serve(wide: Any, ids: Any) -> Any:
        return {"score": network([wide, ids], training=False)}

    holder = tf.Module()
    holder.network, holder.serve = network, serve
    tf.saved_model.save(holder, str(tmp_path / "saved"), signatures={"serving_default": serve})
    saved = open_saved_model(tmp_path / "saved").as_given
    assert [one.name for one in saved.inputs] == ["ids", "wide"]
    assert agrees(saved, rows, EXAMPLES) == {"score": (4,)}
    path = tmp_path / "net.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(network).convert())
    lite = open_network(path).as_given
    own = {"ids": rows, "wide": EXAMPLES}
    assert agrees(lite, *(own[one.name] for one in lite.inputs)) == {"output_0": (4,)}
