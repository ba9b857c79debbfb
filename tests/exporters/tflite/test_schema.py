"""Packing of TFLite files: aligned constants, equal vectors once, names no longer than needed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from zoo.exporters.tflite.schema import ALIGNMENT, read_model, schema, serialize
from zoo.exporters.tflite.tensor_names import short_name, shorten


def model_with(constants, zero_points=0):
    """A model of constants alone, each of as many zero points."""
    tables = schema()
    model, graph = tables.ModelT(), tables.SubGraphT()
    model.version, model.buffers, graph.tensors = 3, [tables.BufferT()], []
    graph.inputs, graph.outputs, graph.operators = [], [], []
    for number, data in enumerate(constants):
        buffer, tensor = tables.BufferT(), tables.TensorT()
        buffer.data = np.frombuffer(data, np.uint8)
        tensor.name, tensor.buffer = f"t{number}".encode(), len(model.buffers)
        tensor.quantization = tables.QuantizationParametersT()
        tensor.quantization.zeroPoint = np.zeros(zero_points, np.int64)
        tensor.quantization.scale = np.full(zero_points, 0.5 + number, np.float32)
        model.buffers.append(buffer)
        graph.tensors.append(tensor)
    model.subgraphs = [graph]
    return model


@pytest.mark.parametrize("lengths", [[1, 2, 3], [17, 5, 64], [7] * 9])
def test_every_constant_is_aligned_and_kept(lengths):
    constants = [bytes([n + 1]) * length for n, length in enumerate(lengths)]
    data = serialize(model_with(constants))
    root = schema().Model.GetRootAs(data, 0)
    for number, constant in enumerate(constants, 1):
        assert root.Buffers(number).DataAsNumpy().tobytes() == constant
        offset = root.Buffers(number)._tab
        start = offset.Vector(offset.Offset(4))
        assert data[start : start + len(constant)] == constant
        assert start % ALIGNMENT == 0


def test_equal_vectors_are_stored_once_and_read_back():
    one, two = (serialize(model_with([b"a", b"b", b"c"], zero_points=n)) for n in (1000, 0))
    extra = len(one) - len(two)
    assert 8_000 + 3 * 4_000 <= extra < 8_200 + 3 * 4_000
    for tensor, number in zip(read_model(one).subgraphs[0].tensors, range(3), strict=True):
        assert tensor.quantization.zeroPoint.tolist() == [0] * 1000
        assert set(tensor.quantization.scale.tolist()) == {0.5 + number}


@pytest.mark.parametrize(
    ("name", "short"),
    [
        (
            "f_1/net_1/bn_1/batchnorm/add_1;f_1/net_1/bn_1/mul;f_1/net_1/conv_1/Squeeze",
            "bn_1/add_1;conv_1",
        ),
        ("f_1/net_1/conv_1/convolution", "conv_1/convolution"),
        ("tfl.quantize", "tfl.quantize"),
        ("f_1/net_1/add/x;f_1/net_1/other/y", "f_1/net_1/add/x;f_1/net_1/other/y"),
    ],
)
def test_short_names_still_tell_layers(name, short):
    assert short_name(name, {"bn", "conv"}) == short


def test_constants_are_called_after_their_layer():
    assert short_name("f_1/net_1/bn_1/add_1;f_1/net_1/conv_1/x", {"bn", "conv"}, True) == "bn_1"
    assert short_name("f_1/net_1/Const", {"bn", "conv"}, True) == "f_1/net_1/Const"


def test_names_stay_apart_and_outer_ones_stay(monkeypatch):
    monkeypatch.setattr("zoo.exporters.tflite.tensor_names.layer_names", lambda network: ["conv"])
    names = [b"f/conv_1/in", b"f/conv_1/out", b"f/conv_1/x", b"g/conv_1/x", b"conv_1/out"]
    tensors = [SimpleNamespace(name=name) for name in names]
    made = SimpleNamespace(outputs=[1, 2, 3, 4])
    graph = SimpleNamespace(tensors=tensors, inputs=[0], outputs=[1], operators=[made])
    shorten(graph, None)
    assert [t.name for t in tensors] == [*names[:2], b"conv_1/x", b"g/conv_1/x", b"conv_1/out"]
