"""Inputs and outputs of foreign networks by the names, order and axes of their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from free_sizes import (
    FLOAT,
    detector,
    node,
    recurrent_layers,
    two_reader_samples,
    two_readers,
    written,
)

from zoo.contracts import BatchSecond, GivenNetwork
from zoo.plugins.keras_files.opening import network_of
from zoo.plugins.onnx_files.batch_axes import batch_axes
from zoo.plugins.onnx_files.opening import open_onnx
from zoo.plugins.tflite_files.opening import open_network
from zoo.plugins.tflite_files.saved_model import open_saved_model

for module in ("tensorflow", "onnxruntime"):
    pytest.importorskip(module)
onnx = pytest.importorskip("onnx")

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


@pytest.mark.parametrize(
    ("kind", "steps", "batch"),
    [("LSTM", 1, "n"), ("LSTM", 3, 1), ("GRU", 1, 1), ("GRU", 3, "n"), ("RNN", 1, "n")],
)
def test_states_with_the_batch_behind_their_layers(
    kind: str, steps: int, batch: int | str, tmp_path: Path
) -> None:
    """As PyTorch's recurrent layers have them; the numbers of each example stay its own."""
    names = ("h", "c") if kind == "LSTM" else ("h",)
    pairs = {name: f"{name}n" for name in names}
    network = open_onnx(recurrent_layers(tmp_path / "net.onnx", kind, steps, batch=batch))
    given = network.as_given.batch_first(pairs)
    assert isinstance(network.as_given, BatchSecond)
    first = None if batch == "n" else 1
    assert {one.name: one.shape for one in given.inputs} == {
        "x": (first, steps, 3),
        **dict.fromkeys(names, (first, 2, 4)),
    }
    random = np.random.default_rng(3)
    examples = [random.normal(size=(3, *side)) for side in ((steps, 3), (2, 4), (2, 4))]
    inputs = [one.astype(np.float32) for one in examples[: 1 + len(names)]]
    assert agrees(given, *inputs) == {
        "y": (steps, 8),
        **dict.fromkeys(pairs.values(), (2, 4)),
    }
    # What the states were is in the answers.
    own = given.run(dict(zip(("x", *names), inputs, strict=False)))
    other = given.run({"x": inputs[0], **dict.fromkeys(names, inputs[1][::-1])})
    assert not np.allclose(own["y"][0], other["y"][0], atol=1e-2)
    assert np.allclose(own["y"][1], other["y"][1], atol=1e-6) is (kind != "LSTM")


def test_which_side_is_the_batch(tmp_path: Path) -> None:
    """By its name, because it is free, or because it is 1; never guessed of a batch of several."""
    for number, (x, h, found) in enumerate(
        (
            (("n", 4), ("n", 8), {}),
            ((1, 4), (1, 8), {}),
            ((4, 1), (4, 1), {}),
            ((4, 3), (4, 8), {}),
            (("n", 4), (2, "n", 8), {"h": 1, "hn": 1}),
            ((1, 4), (2, 1, 8), {"h": 1, "hn": 1}),
            ((1, "n", 4), (1, "n", 8), {"x": 1, "h": 1, "hn": 1}),
            (("t", "n", 4), (2, "n", 8), {"x": 1, "h": 1, "hn": 1}),
            (("n", "t", 4), (2, "n", 8), {"h": 1, "hn": 1}),
            ((5, 1, 4), (2, 1, 8), {"x": 1, "h": 1, "hn": 1}),
        )
    ):
        nodes = [node("Identity", "x", "y"), node("Identity", "h", "hn")]
        sides = [("x", FLOAT, x), ("h", FLOAT, h)], [("y", FLOAT, x), ("hn", FLOAT, h)]
        model = onnx.load(written(tmp_path / f"{number}.onnx", nodes, *sides))
        assert batch_axes(model, {"h": "hn"}) == found, (x, h)
        assert batch_axes(model, {}) == {}


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


def test_a_layer_of_keras_that_gives_several_outputs(tmp_path: Path) -> None:
    """A shared layer, one output twice, and an input that is handed on: each has its own name."""
    import keras

    keras.utils.set_random_seed(0)
    one, other = keras.Input((6, 5), name="one"), keras.Input((6, 5), name="other")
    shared = keras.layers.Dense(2, name="shared")
    twins = network_of(keras.Model([one, other], [shared(one), shared(other)])).as_given
    assert agrees(twins, EXAMPLES, EXAMPLES[::-1]) == {"shared": (6, 2), "shared_1": (6, 2)}
    made = shared(one)
    again = network_of(keras.Model(one, [made, one, made])).as_given
    assert [tensor.name for tensor in again.outputs] == ["shared", "one_1", "shared_1"]


def test_tflite_and_saved_models_have_those_of_their_signature(
    keras_model: Any, tmp_path: Path
) -> None:
    import keras
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

    twice = keras.Model(keras_model.inputs, [keras_model.outputs[1]] * 2)
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(twice).convert())
    assert agrees(open_network(path).as_given, EXAMPLES) == {"output_0": (3,), "output_1": (3,)}


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
