"""Multiply-adds of an ONNX file's nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

Sides = tuple[int, ...]

#: Kind → place of the weights among the inputs.
_CONVOLUTIONS = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3, "FusedConv": 1}
_TRANSPOSED = {"ConvTranspose": 1, "QLinearConvTranspose": 3}
_PRODUCTS = frozenset(
    {"MatMul", "MatMulInteger", "QLinearMatMul", "FusedMatMul"}
    | {"DynamicQuantizeMatMul", "MatMulIntegerToFloat", "MatMulNBits"}
)
_GEMM = frozenset({"Gemm", "QGemm", "FusedGemm"})
_RECURRENT = frozenset({"LSTM", "GRU", "RNN", "DynamicQuantizeLSTM"})


def shapes_of(inferred: Any) -> dict[str, Sides]:
    """Name → static shape of a graph's tensors and constants, after inference."""
    found = {
        value.name: tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
        for value in (*inferred.input, *inferred.output, *inferred.value_info)
        if value.type.tensor_type.HasField("shape")
        and all(d.HasField("dim_value") for d in value.type.tensor_type.shape.dim)
    }
    return {**found, **{tensor.name: tuple(tensor.dims) for tensor in inferred.initializer}}


def multiply_adds(node: Any, shapes: Mapping[str, Sides]) -> int | None:
    """Products of values and weights in one run of a node, counted as in He et al. 2015.

    Element-wise products, pooling and activations are left out; a transposed convolution applies
    its kernel at each input position. None when the size of a tensor is not known.
    """
    work = _WORK.get(node.op_type)
    if work is None:
        return 0
    try:
        return work(node, shapes)
    except (KeyError, IndexError):
        return None


def _convolution(node: Any, shapes: Mapping[str, Sides]) -> int:
    weights = shapes[node.input[_CONVOLUTIONS[node.op_type]]]
    return prod(shapes[node.output[0]]) * prod(weights[1:])


def _transposed(node: Any, shapes: Mapping[str, Sides]) -> int:
    batch, _, *sides = shapes[node.input[0]]
    return batch * prod(sides) * prod(shapes[node.input[_TRANSPOSED[node.op_type]]])


def _product(node: Any, shapes: Mapping[str, Sides]) -> int:
    turned = any(a.name == "transA" and a.i for a in node.attribute)
    return prod(shapes[node.output[0]]) * shapes[node.input[0]][-2 if turned else -1]


def _recurrent(node: Any, shapes: Mapping[str, Sides]) -> int:
    steps, batch, _ = shapes[node.input[0]]
    return steps * batch * sum(prod(shapes[name]) for name in node.input[1:3])


_WORK: dict[str, Callable[[Any, Mapping[str, Sides]], int]] = {
    **dict.fromkeys(_CONVOLUTIONS, _convolution),
    **dict.fromkeys(_TRANSPOSED, _transposed),
    **dict.fromkeys(_PRODUCTS | _GEMM, _product),
    **dict.fromkeys(_RECURRENT, _recurrent),
}
