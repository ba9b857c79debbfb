"""A transposed convolution's activation is an operator of its own, which OpenVINO does not lose."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from shared_agents import answers
from tiny_networks import TFLITE, Deployed, answers_of, decibels, deployed, digits, write

from zoo.exporters.tflite.activations import with_own_activations

for module in ("tensorflow", "ai_edge_litert", "sklearn"):
    pytest.importorskip(module)

REAL = ["float32", "float16", "dynamic-int8", "int16x8"]


@pytest.fixture(scope="module")
def enlarger() -> Deployed:
    """Two transposed convolutions, from 8×8 to 16×16: a ReLU behind the first, none behind the
    other."""
    import keras

    images, _ = digits()
    keras.utils.set_random_seed(3)
    pixels = keras.Input((8, 8, 1))
    first = keras.layers.Conv2DTranspose(16, 4, strides=2, padding="same", use_bias=False)
    normed = keras.layers.ReLU()(keras.layers.BatchNormalization(center=True)(first(pixels)))
    second = keras.layers.Conv2DTranspose(1, 3, padding="same")
    network = keras.Model(pixels, second(normed))
    last = keras.layers.Activation("tanh")
    rescaling = keras.layers.Rescaling(1 / 8, -1.0)
    return deployed(network, rescaling, images[:200, ..., None], images[200:264, ..., None], last)


def fused(data: bytes) -> list[int]:
    """The activations fused into transposed convolutions, by TFLite's numbers."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(data, 0)
    wanted = schema.BuiltinOperator.TRANSPOSE_CONV
    codes = [max(c.builtinCode, c.deprecatedBuiltinCode) for c in model.operatorCodes]
    return [
        operator.builtinOptions.fusedActivationFunction
        for operator in model.subgraphs[0].operators
        if codes[operator.opcodeIndex] == wanted
    ]


@pytest.mark.parametrize("precision", REAL)
def test_it_stands_by_itself(enlarger: Deployed, tmp_path: Path, precision: str) -> None:
    path, contents = write(TFLITE, enlarger, tmp_path, precision)
    assert fused(path.read_bytes()) == [0, 0]
    assert (contents.operators["TRANSPOSE_CONV"], contents.operators["RELU"]) == (2, 1)
    assert decibels(enlarger.answers, answers_of(path, enlarger.inputs)) > 30


def test_8_bits_need_none(enlarger: Deployed, tmp_path: Path) -> None:
    path, contents = write(TFLITE, enlarger, tmp_path, "int8")
    assert "RELU" not in contents.operators
    assert fused(path.read_bytes()) == [1, 0], "the converter fuses no longer: this module can go"
    assert with_own_activations(path.read_bytes()) == path.read_bytes()


def test_answers_are_the_same_bit_by_bit(
    enlarger: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = write(TFLITE, enlarger, tmp_path, "float32")
    monkeypatch.setattr("zoo.exporters.tflite.export.with_own_activations", lambda data: data)
    (tmp_path / "before").mkdir()
    before, _ = write(TFLITE, enlarger, tmp_path / "before", "float32")
    assert fused(before.read_bytes()) == [1, 0]
    expected = answers_of(before, enlarger.inputs)
    np.testing.assert_array_equal(answers_of(path, enlarger.inputs), expected)


@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="openvino not installed")
@pytest.mark.parametrize("precision", REAL)
def test_openvino_keeps_it(enlarger: Deployed, tmp_path: Path, precision: str) -> None:
    path, _ = write(TFLITE, enlarger, tmp_path, precision)
    found = answers("openvino", path, enlarger.inputs)
    assert decibels(answers_of(path, enlarger.inputs), found) > 30
