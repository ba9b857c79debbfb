"""Multiply-adds of files, by arithmetic; files that compute in float where they should not."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_networks import FORMATS, ONNX, REGISTRY, TFLITE, Deployed, deployed, digits, write

from zoo.artifacts.gate import left_in_float, placement
from zoo.contracts import FileContents
from zoo.networks.building import layer_names
from zoo.networks.multiply_adds import count_multiply_adds

INT8 = REGISTRY.precision("int8")
CELLS = [(f, p) for f, exporter in FORMATS.items() for p in exporter.precisions]


def untrained(network: Any, inputs: np.ndarray) -> Deployed:
    import keras

    linear = keras.layers.Activation("linear", name="same")
    return deployed(network, lambda raw: raw, inputs[:40], inputs[40:42], linear)


@pytest.fixture(scope="module")
def pictures() -> Deployed:
    """Every kind of convolution and a dense layer; the widest does two thirds of the work."""
    import keras

    layers = keras.layers
    keras.utils.set_random_seed(4)
    pixels = keras.Input((8, 8, 1))
    x = layers.Conv2D(8, 3, strides=2, activation="relu", name="first")(pixels)
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = layers.Conv2D(32, 3, padding="same", activation="relu", name="wide")(x)
    x = layers.Conv2DTranspose(4, 3, strides=2, padding="same", name="up")(x)
    x = layers.Flatten(name="flatten")(layers.ReLU(name="relu")(x))
    network = keras.Model(pixels, layers.Dense(10, name="head")(x))
    return untrained(network, digits()[0][..., None])


def series(steps: int = 6) -> Deployed:
    import keras

    layers = keras.layers
    keras.utils.set_random_seed(4)
    rows = keras.Input((steps, 8))
    network = keras.Model(rows, layers.Dense(32)(layers.LSTM(40)(rows)))
    return untrained(network, digits()[0][:, :steps])


def work_of(contents: FileContents) -> dict[str, int]:
    return {kind: products for kind, products in contents.multiply_adds.items() if products}


@pytest.mark.parametrize(("format", "precision"), CELLS)
def test_multiply_adds_are_those_of_the_network(
    pictures: Deployed, tmp_path: Path, format: str, precision: str
) -> None:
    _, contents = write(FORMATS[format], pictures, tmp_path, precision)
    work = work_of(contents)
    assert sum(work.values()) == count_multiply_adds(pictures.model)
    if REGISTRY.precision(precision).arithmetic == "float":
        assert set(work) == {"float"}
    elif precision == "int8" and format == "onnx":
        # ONNX Runtime has no integer kernel for it, though the file holds its integers.
        assert contents.without_integer_kernel == {"ConvTranspose": work["float"]}
    elif REGISTRY.precision(precision).arithmetic == "integer":
        assert set(work) == {"integer"}
    else:
        assert work["hybrid"] > 0
    assert placement(contents, REGISTRY.precision(precision)).passed


@pytest.mark.parametrize(
    ("format", "precision", "form"),
    [
        ("tflite", "float32", "fused"),
        ("tflite", "int8", "fused"),
        ("tflite", "dynamic-int8", "while"),
        ("tflite", "int16x8", "unrolled"),
        ("onnx", "float32", "auto"),
        ("onnx", "int8", "auto"),
        ("onnx", "int8", "unrolled"),
    ],
)
def test_every_step_of_an_lstm_counts(
    tmp_path: Path, format: str, precision: str, form: str
) -> None:
    subject = series()
    _, contents = write(FORMATS[format], subject, tmp_path, precision, form)
    assert json.loads(json.dumps(asdict(contents)))["multiply_adds"] == contents.multiply_adds
    expected = count_multiply_adds(subject.model)
    if form == "unrolled":
        expected -= 40 * 160  # The first step's state is zero: its product is not in the file.
    assert sum(contents.multiply_adds.values()) == expected
    assert placement(contents, REGISTRY.precision(precision)).passed
    if (format, precision, form) == ("onnx", "int8", "auto"):
        assert set(contents.without_integer_kernel) == {"DynamicQuantizeLSTM"}


@pytest.mark.parametrize("format", FORMATS)
def test_one_convolution_of_several_in_float_is_found(
    pictures: Deployed, tmp_path: Path, format: str
) -> None:
    _, contents = write(FORMATS[format], pictures, tmp_path, "int8", keep=("wide",))
    assert contents.integer_operators > 1
    layers = layer_names(pictures.model)
    check = placement(contents, INT8, (), layers)
    assert not check.passed
    assert "--keep-float" in check.reason
    assert f"of {count_multiply_adds(pictures.model):,} multiply-adds are integer" in check.value
    # The same file is as it should be where somebody asked for that, and for nothing else.
    told = placement(contents, INT8, ("wide",), layers)
    assert told.passed
    assert "were kept in float on purpose (wide)" in told.value
    assert not placement(contents, INT8, ("head",), layers).passed


@pytest.mark.parametrize("format", FORMATS)
def test_a_small_part_in_float_passes_and_is_told(
    pictures: Deployed, tmp_path: Path, format: str
) -> None:
    _, contents = write(FORMATS[format], pictures, tmp_path, "int8", keep=("depthwise",))
    layers = layer_names(pictures.model)
    share = contents.float_products
    expected = sum(share.values()) / sum(contents.multiply_adds.values())
    assert 0 < expected < 0.1
    check = placement(contents, INT8, (), layers)
    assert check.passed
    told = f"{expected:.1%} (depthwise)"
    assert f", {told} stayed in float, which nobody asked for" in check.value
    assert left_in_float(contents, INT8, (), layers) == told
    # Asked for, it is told as that; and files of other precisions promise nothing of the kind.
    asked = placement(contents, INT8, ("depthwise",), layers)
    assert "nobody asked" not in asked.value
    assert left_in_float(contents, INT8, ("depthwise",), layers) == ""
    assert left_in_float(contents, REGISTRY.precision("dynamic-int8"), (), layers) == ""
    # What asks for one layer is no excuse for another.
    assert left_in_float(contents, INT8, ("wide",), layers) == told


@pytest.mark.parametrize("format", FORMATS)
def test_what_was_kept_on_purpose_excuses_nothing_else(
    pictures: Deployed, tmp_path: Path, format: str
) -> None:
    _, contents = write(FORMATS[format], pictures, tmp_path, "int8", keep=("wide", "head"))
    layers = layer_names(pictures.model)
    assert placement(contents, INT8, ("wide", "head"), layers).passed
    assert not placement(contents, INT8, ("head",), layers).passed


def test_transposed_convolutions_of_real_weights_have_no_excuse(
    pictures: Deployed, tmp_path: Path
) -> None:
    _, contents = write(ONNX, pictures, tmp_path, "int8", keep=("up",))
    assert contents.without_integer_kernel == {}
    assert not placement(contents, INT8).passed


def test_integer_counters_make_no_integer_file(tmp_path: Path) -> None:
    """A loop counts its turns in integers, whatever it multiplies."""
    _, contents = write(TFLITE, series(), tmp_path, "dynamic-int8", "while")
    assert contents.integer_operators > 0
    check = placement(contents, INT8)
    assert not check.passed
    assert "0.0% of" in check.value


def test_integer_weights_of_real_products_make_no_integer_file(
    pictures: Deployed, tmp_path: Path
) -> None:
    """Weights stay integers in the file, but what they multiply is not quantized any more."""
    import onnx

    path, honest = write(ONNX, pictures, tmp_path, "int8")
    model = onnx.load(path)
    constants = {tensor.name for tensor in model.graph.initializer}
    pairs = ("QuantizeLinear", "DequantizeLinear")
    dropped = [n for n in model.graph.node if n.op_type in pairs and n.input[0] not in constants]
    stands_for: dict[str, str] = {}
    for node in dropped:
        stands_for[node.output[0]] = stands_for.get(node.input[0], node.input[0])
        model.graph.node.remove(node)
    for node in model.graph.node:
        node.input[:] = [stands_for.get(name, name) for name in node.input]
    for value in model.graph.output:
        value.name = stands_for.get(value.name, value.name)
    onnx.save(model, path)
    contents = ONNX.inspect(path)
    assert contents.weight_types["int8"] == honest.weight_types["int8"]
    assert not placement(contents, INT8).passed
    # One operator in integers does not make up for the rest.
    assert not placement(replace(contents, integer_operators=1), INT8).passed


def test_the_exporter_tells_what_stays_in_float_beside_what_was_asked_for(tmp_path: Path) -> None:
    import keras
    from tiny_networks import write_and_tell

    layers = keras.layers
    noise = keras.Input((16,))
    x = layers.Reshape((4, 4, 8), name="reshape")(layers.Dense(128, name="project")(noise))
    x = layers.Conv2DTranspose(8, 4, strides=2, padding="same", activation="relu", name="up")(x)
    x = layers.Conv2DTranspose(1, 4, strides=2, padding="same", name="draw")(x)
    drawn = np.random.default_rng(0).normal(size=(80, 16)).astype(np.float32)
    subject = untrained(keras.Model(noise, x), drawn)
    _, contents, told = write_and_tell(TFLITE, subject, tmp_path, "int8", keep=("draw",))
    assert {"up", "draw"} <= {*told.kept}
    names = layer_names(subject.model)
    assert placement(contents, INT8, ("draw", *told.kept), names).passed
    assert not placement(contents, INT8, ("draw",), names).passed
