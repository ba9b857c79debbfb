"""TFLite files are read as data, and become Keras networks that compute the same."""

from __future__ import annotations

import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from keras_makers import nearest_mean, opened
from tiny_networks import TFLITE, deployed, write

from zoo.common.errors import Unsupported
from zoo.contracts.outputs import CLASS_SCORES
from zoo.networks.card import read_card
from zoo.networks.sources.graph import graph_text, model_of

pytest.importorskip("ai_edge_litert")
from tflite_makers import _RANDOM, Function, _normal, _renamed, converted, rewritten, tf

from zoo.plugins.tflite_files import opening
from zoo.plugins.tflite_files.opening import network_of, open_network

keras = pytest.importorskip("keras")


def differences(content: bytes, *, count: int = 2, positive: bool = False) -> dict[str, float]:
    """By kind of operator and result, how far Keras is from LiteRT, as a share of the scale."""
    network = network_of(content, "net.tflite", {})
    model = model_of(graph_text(network.model), "net.tflite")
    for layer in network.model.layers:
        if layer.weights:
            model.get_layer(layer.name).set_weights(layer.get_weights())
    batch = _RANDOM.normal(size=(count, *network.inputs[0].shape[1:])).astype(np.float32)
    batch = np.abs(batch) + 0.1 if positive else batch
    made = model(batch, training=False)
    made = made if isinstance(made, list) else [made]
    makers = {place: one.kind for one in network.graph.operators for place in one.outputs}
    runner = opening.interpreter(content)
    runner.allocate_tensors()
    found = {}
    for number, (place, own) in enumerate(zip(network.graph.outputs, made, strict=True)):
        theirs = []
        for example in batch:
            runner.reset_all_variables()
            runner.set_tensor(network.graph.inputs[0], example[None])
            runner.invoke()
            theirs.append(runner.get_tensor(place)[0])
        scale = max(float(np.abs(theirs).max()), 1e-6)
        assert own.shape == np.shape(theirs)
        found[f"{number} {makers[place]}"] = float(np.abs(np.asarray(own) - theirs).max()) / scale
    return found


def of_images(x: Any) -> list[Any]:
    """Operators on (1, 6, 8, 4)."""
    nn, raw = tf.nn, tf.raw_ops
    small = tf.nn.relu6(nn.conv2d(x, _normal(3, 3, 4, 2), 2, "SAME") + _normal(2))
    resize = {"size": (9, 12), "half_pixel_centers": False}
    return [
        nn.conv2d(x, _normal(3, 2, 4, 5), 1, "VALID"),
        nn.conv2d(x, _normal(3, 3, 2, 4), 1, "SAME"),
        nn.conv2d(x, _normal(3, 3, 4, 2), 1, "SAME", dilations=2),
        nn.depthwise_conv2d(x, _normal(3, 3, 4, 2), (1, 2, 2, 1), "SAME") + _normal(8),
        nn.conv2d_transpose(x, _normal(3, 3, 2, 4), (1, 12, 16, 2), 2, "SAME"),
        nn.conv2d_transpose(x, _normal(3, 3, 2, 4), (1, 13, 17, 2), 2, "VALID") + _normal(2),
        small,
        tf.nn.relu(x[:, :, :6]) + _normal(6, 1),  # of columns, of which there are as many as rows
        nn.max_pool2d(x, 2, 2, "VALID"),
        nn.avg_pool2d(x, 3, 2, "SAME"),
        tf.reduce_mean(x, (1, 2)),
        tf.reduce_mean(x, (1, 2), keepdims=True) * x,
        tf.reduce_max(x, (1, 2)),
        tf.reduce_sum(x, -1),
        tf.pad(x, ((0, 0), (1, 2), (0, 1), (0, 0))),
        tf.pad(x, ((0, 0), (0, 0), (1, 0), (2, 1)), constant_values=-3.0),
        tf.pad(x, ((0, 0), (1, 1), (2, 0), (0, 0)), mode="REFLECT"),
        tf.pad(x, ((0, 0), (1, 1), (2, 0), (0, 0)), mode="SYMMETRIC"),
        tf.image.resize(x, (12, 16)),
        tf.image.resize(x, (9, 11)),
        raw.ResizeBilinear(images=x, align_corners=True, **resize),
        raw.ResizeBilinear(images=x, align_corners=False, **resize),
        raw.ResizeNearestNeighbor(images=x, align_corners=False, size=(12, 16)),
        raw.ResizeNearestNeighbor(images=x, align_corners=False, size=(9, 13)),
        raw.ResizeNearestNeighbor(images=x, align_corners=True, **resize),
        raw.ResizeNearestNeighbor(
            images=x, align_corners=False, half_pixel_centers=True, size=(37, 13)
        ),
        nn.depth_to_space(x, 2),
        nn.space_to_depth(x, 2),
        tf.reshape(x, (1, 12, 16)),
        tf.transpose(x, (0, 3, 1, 2)),
        tf.concat([x, x * 2.0], 3),
        x[:, 1:5:2, ::-1, 1],
        tf.slice(x, (0, 1, 2, 0), (1, 3, -1, 2)),
        tf.gather(x, (3, 0, 3), axis=3),
        *tf.split(x, 2, 3),
        *tf.split(x, (1, 3), 3),
        tf.stack([x, tf.exp(x)], 1),
        tf.tile(x, (1, 2, 1, 1)),
        nn.relu(x) + -_normal(1, 1, 4) * nn.relu(-x),
        nn.relu(x) + -_normal(6, 8, 4) * nn.relu(-x),
    ]


def of_values(x: Any) -> list[Any]:
    """Operators on positive values of (1, 5, 6)."""
    nn, other = tf.nn, tf.abs(x) + 0.5
    mean = tf.reduce_mean(x, 1)
    return [
        x + mean,
        tf.math.squared_difference(mean, x),
        tf.matmul(mean[:, None], x, transpose_b=True),
        x + other,
        x - other,
        x * other,
        x / other,
        tf.maximum(x, other - 0.3),
        tf.minimum(x, other - 0.7),
        (x * _normal(6) + _normal(6)) / 3.0,
        1.5 - x * 2.0,
        -x + _normal(1, 5, 6),
        2.0 / x,
        x / _normal(5, 1),
        tf.maximum(x, _normal(6)),
        x**1.7,
        x**other,
        tf.sqrt(x),
        tf.math.rsqrt(x),
        tf.exp(x),
        tf.math.log(x),
        tf.abs(x - 1.0),
        tf.square(x),
        tf.math.squared_difference(x, other),
        tf.sin(x),
        tf.cos(x),
        tf.floor(x * 3.0),
        nn.relu(x - 0.5),
        nn.relu6(x * 9.0),
        tf.clip_by_value(x - 1.0, -1.0, 1.0),
        nn.leaky_relu(x - 0.5, 0.3),
        nn.elu(x - 0.5),
        nn.sigmoid(x),
        nn.tanh(x),
        nn.gelu(x, approximate=True),
        x * nn.relu6(x + 3.0) / 6.0,
        nn.softmax(x * 2.0),
        nn.log_softmax(x),
        nn.l2_normalize(x, -1),
        tf.matmul(x, x, transpose_b=True),
        tf.matmul(x, _normal(6, 3)),
        tf.matmul(tf.reshape(x, (1, 30)), _normal(30, 4)) + _normal(4),
        tf.reshape(tf.matmul(tf.reshape(x, (5, 6)), _normal(6, 3)), (1, 15)),
        tf.concat([_normal(1, 2, 6), x], 1),
        tf.reduce_prod(x, 1),
        tf.expand_dims(x, 1),
        *tf.unstack(x, axis=1)[:2],
    ]


@pytest.mark.parametrize(
    ("function", "shape", "half"),
    [(of_images, (6, 8, 4), True), (of_values, (5, 6), False)],
    ids=["images in float16", "values"],
)
def test_operators_compute_the_same(function: Function, shape: tuple[int, ...], half: bool) -> None:
    apart = differences(converted(function, *shape, half=half), positive=function is of_values)
    assert {name: share for name, share in apart.items() if not share < 3e-6} == {}


def described(content: bytes, *labels: str) -> bytes:
    """A file whose metadata name its classes, and say that it takes grey pixels as they are."""
    from zoo.exporters.tflite.contents import with_appended
    from zoo.exporters.tflite.metadata import with_metadata

    request: Any = SimpleNamespace(
        task="image-classification",
        classes=labels,
        integer_input=True,
        input_name="image",
        input_names=(),
        output_names=("scores",),
        output_contents=(CLASS_SCORES,),
        axes=("height", "width", "channel"),
        sample_rate=0,
        name="net",
        precision="float32",
        licence="MIT",
        data_shapes={},
        model=SimpleNamespace(inputs=[SimpleNamespace(shape=(1, 8, 8, 1))]),
    )
    return with_appended(*with_metadata(content, request))


def test_metadata_give_normalization_and_classes(tmp_path: Path) -> None:
    inputs = keras.Input((8, 8, 1))
    ways = keras.Model(inputs, nearest_mean(inputs * (1 / 255)))
    outwards = ways.layers[-1]
    outwards.set_weights([value[..., ::-1] for value in outwards.get_weights()])
    content = converted(lambda x: ways(x), 8, 8, 1)
    file = tmp_path / "net.tflite"
    file.write_bytes(described(content, *"9876543210"))
    assert open_network(file).stated == "grey scale=1 mean=0 std=1"
    card = read_card(opened(file, tmp_path, source="tflite").with_suffix(".toml"))
    assert card.network is not None
    assert card.network.input.startswith("in its metadata: (pixel × 1 − 0) / 1, 9")
    assert "its outputs were put into the order of the data" in card.network.notes
    assert card.classes == tuple("0123456789")


@pytest.mark.slow
def test_recurrent_layers_compute_the_same(tmp_path: Path) -> None:
    inputs = keras.Input((5, 6))
    model = keras.Model(inputs, keras.layers.LSTM(3)(inputs))
    examples = _RANDOM.normal(size=(2, 5, 6)).astype(np.float32)
    linear = keras.layers.Activation("linear")
    path, _ = write(
        TFLITE, deployed(model, lambda raw: raw, examples, examples, linear), tmp_path, "float32"
    )
    network = open_network(path)
    assert "UNIDIRECTIONAL_SEQUENCE_LSTM" in {one.kind for one in network.graph.operators}
    np.testing.assert_allclose(network.model(examples), network.answers(examples), atol=1e-6)
    np.testing.assert_allclose(network.answers(examples), model(examples), atol=1e-6)

    def limited(flat: Any, schema: Any) -> None:
        for operator in flat.subgraphs[0].operators:
            if isinstance(operator.builtinOptions, schema.UnidirectionalSequenceLSTMOptionsT):
                operator.builtinOptions.cellClip = 0.5

    with pytest.raises(Unsupported, match="it limits its state"):
        _ = network_of(rewritten(path.read_bytes(), limited), "net.tflite", {}).model


def test_a_custom_operator_of_mediapipe_is_known() -> None:
    kernel, bias = _normal(2, 2, 3, 4), _normal(3)

    def transposed(x: Any) -> Any:
        return tf.nn.conv2d_transpose(x, kernel, (1, 8, 6, 3), 2, "SAME") + bias

    content = converted(transposed, 4, 3, 4)

    def change(model: Any, schema: Any) -> None:
        (operator,) = model.subgraphs[0].operators
        _, weights, given, values = operator.inputs
        operator.inputs = [given, weights, values]
        operator.builtinOptionsType, operator.builtinOptions = 0, None
        operator.customOptions = np.frombuffer(struct.pack("<iii", 1, 2, 2), np.uint8)
        _renamed("CUSTOM", b"Convolution2DTransposeBias")(model, schema)

    network = network_of(rewritten(content, change), "net.tflite", {})
    batch = _RANDOM.normal(size=(2, 4, 3, 4)).astype(np.float32)
    theirs = [transposed(batch[place : place + 1])[0] for place in range(2)]
    np.testing.assert_allclose(network.answers(batch), theirs, atol=1e-5)
    np.testing.assert_allclose(network.model(batch), theirs, atol=1e-5)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_unrolled_layers_have_their_steps_in_front(kind: str) -> None:
    """Three of them in each file: the batch of 1 is the second side of steps, or none."""
    layer = getattr(tf.keras.layers, kind)(5, unroll=True, return_sequences=True)
    content = converted(lambda x: tf.nn.softmax(layer(x)), 3, 4)
    network = network_of(content, "net.tflite", {})
    assert "UNPACK" in {one.kind for one in network.graph.operators}
    batch = _RANDOM.normal(size=(4, 3, 4)).astype(np.float32)
    np.testing.assert_allclose(network.model(batch), network.answers(batch), atol=1e-6)


def test_steps_in_front_that_are_joined_with_others_are_refused() -> None:
    def stacked(x: Any) -> Any:
        steps = tf.stack([x * 2.0, tf.tanh(x), x + 1.0], 0)  # (3, 1, 4)
        return tf.reduce_sum(tf.nn.relu(steps), 0)

    with pytest.raises(Unsupported, match=r"(?s)PACK .*works across the examples"):
        _ = network_of(converted(stacked, 4), "net.tflite", {}).model
