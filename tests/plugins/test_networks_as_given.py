"""Inputs and outputs of foreign networks by the names, order and axes of their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from free_sizes import FLOAT, detector, node, written

from zoo.contracts import GivenNetwork
from zoo.plugins.keras_files.opening import network_of
from zoo.plugins.onnx_files.opening import open_onnx
from zoo.plugins.tflite_files.opening import open_network
from zoo.plugins.tflite_files.saved_model import open_saved_model

for module in ("tensorflow", "onnxruntime"):
    pytest.importorskip(module)

EXAMPLES = np.random.default_rng(1).random((3, 6, 5), dtype=np.float32)


def agrees(given: GivenNetwork, inputs: Any) -> dict[str, tuple[int, ...]]:
    """Shapes by name, once the converted network is seen to answer as its own framework does."""
    import keras

    own = given.run({given.inputs[0].name: inputs})
    made = keras.tree.flatten(given.model(inputs, training=False))
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
    given = open_onnx(detector(tmp_path / "net.onnx")).as_given.with_shape((3, 16, 16))
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
    thin = open_onnx(path).as_given.with_shape((1, 7))
    assert agrees(thin, EXAMPLES[:, :1, :1].repeat(7, 2)) == {"y": (1, 1)}


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
