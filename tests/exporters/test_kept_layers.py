"""Operators are told by the layers that they compute, and named layers stay in float."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_networks import FORMATS, ONNX, TFLITE, Deployed, answers_of, decibels, digits, write
from tiny_networks import deployed as deployed_network

from zoo.common.errors import UnknownName, Unsupported
from zoo.exporters.shared.layer_mapping import Operator, layer_names, layers_of, operators_of
from zoo.exporters.tflite.schema import operators as tflite_operators

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def images() -> Deployed:
    """Convolutions with batch norm, a branch, and layers whose names begin like others'."""
    import keras

    layers = keras.layers
    keras.utils.set_random_seed(4)
    pixels = keras.Input((8, 8, 1), name="inner")
    x = layers.Conv2D(8, 3, padding="same", name="conv")(pixels)
    x = layers.ReLU(name="relu")(layers.BatchNormalization(name="norm")(x))
    y = layers.Conv2D(8, 3, padding="same", activation="relu", name="conv_1")(x)
    x = layers.Add(name="sum")([x, y])
    x = layers.Dropout(0.1, name="dropout")(layers.Flatten(name="flatten")(x))
    network = keras.Model(pixels, layers.Dense(10, name="head")(x), name="net")
    pictures = digits()[0][..., None]
    scaled = layers.Rescaling(1 / 16, name="normalization")
    return deployed_network(network, scaled, pictures[:200], pictures[200:300])


def operator(name: str, reads: tuple[str, ...] = (), kind: str = "X") -> Operator:
    return Operator(key=name, kind=kind, names=(name,), reads=reads, makes=(name,))


def test_names_that_begin_alike_are_told_apart(images: Deployed) -> None:
    found = layers_of(
        [operator("net_1/conv_1/Relu"), operator("net_1/conv_1_1/Relu")], images.model
    )
    assert found == [{"conv"}, {"conv_1"}]


def test_fused_operators_have_all_their_layers(images: Deployed) -> None:
    fused = operator("net_1/relu_1/Relu;net_1/norm_1/add_1;net_1/conv_1/convolution")
    assert layers_of([fused], images.model) == [{"relu", "norm", "conv"}]


def test_nameless_operators_have_the_layers_between_their_neighbours(images: Deployed) -> None:
    chain = [
        operator("net_1/normalization_1/mul"),
        operator("Conv__1", ("net_1/normalization_1/mul",)),
        operator("net_1/relu_1/Relu", ("Conv__1",)),
        operator("Reshape__9", ("net_1/relu_1/Relu",)),
    ]
    found = layers_of(chain, images.model)
    assert found[1] == {"conv", "norm"}
    assert found[3] >= {"flatten"}


def test_layers_are_listed_in_the_order_in_which_they_compute(images: Deployed) -> None:
    names = layer_names(images.model)
    wanted = ["normalization", "conv", "norm", "relu", "conv_1", "sum", "flatten", "head"]
    assert [name for name in names if name in wanted] == wanted


def test_misspelt_and_idle_layers_are_refused(images: Deployed) -> None:
    with pytest.raises(UnknownName, match="did you mean 'head'"):
        operators_of(["heat"], [], images.model, "TFLite")
    made = [operator("net_1/head_1/MatMul")]
    with pytest.raises(Unsupported, match="no operator of the TFLite file") as refusal:
        operators_of(["dropout"], made, images.model, "TFLite")
    assert refusal.value.fix == "keep one of these: head"


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    ("keep", "islands"),
    [((), 0), (("conv_1",), 1), (("head",), 1), (("conv", "head"), 2)],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else None,
)
def test_kept_layers_are_float_and_the_others_are_not(
    images: Deployed, tmp_path: Path, format: str, keep: tuple[str, ...], islands: int
) -> None:
    path, contents = write(FORMATS[format], images, tmp_path, "int8", keep=keep, integer_input=True)
    multiplied = {"CONV_2D", "FULLY_CONNECTED", "Conv", "Gemm", "MatMul"}
    assert sum(kind in multiplied for kind in contents.float_islands) == islands
    assert contents.integer_operators > 2
    # The first convolution has 80 weights, the second 584, the dense layer 5,130.
    least = {0: 0, 1: 584 * 4, 2: 5130 * 4}[islands]
    assert contents.weight_types.get("float32", 0) >= least
    assert decibels(images.answers, answers_of(path, images.inputs)) > 20


@pytest.mark.parametrize("format", FORMATS)
def test_unknown_layers_are_refused_by_both_formats(
    images: Deployed, tmp_path: Path, format: str
) -> None:
    with pytest.raises(UnknownName, match="unknown layer 'flaten'"):
        write(FORMATS[format], images, tmp_path, "int8", keep=("flaten",))


def test_sixteen_bits_keep_nothing(images: Deployed, tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="cannot keep layers"):
        write(TFLITE, images, tmp_path, "int16x8", keep=("head",))


def test_transposed_convolutions_stay_float_together(tmp_path: Path) -> None:
    """The quantizer does not know them by their names."""
    import keras

    layers = keras.layers
    keras.utils.set_random_seed(5)
    noise = keras.Input((16,))
    x = layers.Reshape((4, 4, 8), name="reshape")(layers.Dense(128, name="project")(noise))
    x = layers.Conv2DTranspose(8, 4, strides=2, padding="same", activation="relu", name="up")(x)
    x = layers.Conv2DTranspose(1, 4, strides=2, padding="same", name="draw")(x)
    network = keras.Model(noise, x)
    drawn = np.random.default_rng(0).normal(size=(80, 16)).astype(np.float32)
    linear = layers.Activation("linear", name="same")
    subject = deployed_network(network, lambda raw: raw, drawn[:40], drawn[40:], linear)

    def kinds(keep: tuple[str, ...]) -> set[Any]:
        from ai_edge_litert import schema_py_generated as schema

        path, _ = write(TFLITE, subject, tmp_path, "int8", keep=keep)
        assert decibels(subject.answers, answers_of(path, subject.inputs)) > 20
        data = path.read_bytes()
        graph = schema.ModelT.InitFromPackedBuf(data, 0).subgraphs[0]
        types = {t.name.decode(): t.type for t in graph.tensors}
        made = [o for o in tflite_operators(data) if o.kind == "TRANSPOSE_CONV"]
        assert len(made) == 2
        return {types[o.key] for o in made}

    assert kinds(()) == {9}  # INT8
    assert kinds(("draw",)) == {0}  # FLOAT32


def test_lstm_can_be_kept(tmp_path: Path) -> None:
    import keras
    from tiny_networks import row_reader

    subject = row_reader(lambda rows: keras.layers.LSTM(16, name="memory")(rows), epochs=1)
    path, contents = write(TFLITE, subject, tmp_path, "int8", keep=("memory",))
    assert "UNIDIRECTIONAL_SEQUENCE_LSTM" in contents.float_islands
    assert decibels(subject.answers, answers_of(path, subject.inputs)) > 20
    path, contents = write(ONNX, subject, tmp_path, "int8", keep=("memory",))
    assert contents.operators["LSTM"] == 1
    assert decibels(subject.answers, answers_of(path, subject.inputs)) > 20
