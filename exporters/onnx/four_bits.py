"""ONNX files whose weights have four bits.

Dense layers become ONNX Runtime's `MatMulNBits`, which has weights in blocks alone and is as fast
as float (44 µs for lenet5, 47 in float32; behind a DequantizeLinear it takes 141). Convolutions
read theirs from a DequantizeLinear, which takes four bits from opset 21 on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from zoo.common.errors import Unsupported
from zoo.common.optional_imports import require
from zoo.contracts import ExportRequest
from zoo.contracts.rounding import RoundingRequest

from ..quantization import rounded_weights
from ..quantization.four_bits import (
    BLOCK,
    IN_BLOCKS,
    LEAST_WEIGHTS,
    Array,
    integers,
    packed,
    quantize,
    remark,
)
from ..shared.layer_mapping import layer_names, layers_of, operators_of
from .quantization import only_weights, operators, simplified, store_small

_DOMAIN = "com.microsoft"
#: The first one in which DequantizeLinear takes integers of four bits.
_OPSET = 21
_CONVOLUTION, _DENSE = "Conv", ("MatMul", "Gemm")
#: Sizes of blocks in files that are not block-wise: the one that takes the least room is taken.
_BLOCKS = (256, 128, 64, 32)


def written_in_four_bits(model: Any, request: ExportRequest) -> tuple[Any, tuple[str, ...]]:
    """The model with weights of four bits in convolutions and dense layers.

    Weights with fewer than `LEAST_WEIGHTS` elements stay as they are; layers that are to be kept
    have 8 bits, and so have other operators.

    Args:
        model: In float32.
        request: Of the file; in `IN_BLOCKS` blocks of dense layers have `BLOCK` weights.

    Returns:
        The model, and remarks.

    Raises:
        Unsupported: No weights can have four bits.
    """
    model = simplified(model)
    others = sorted({node.op_type for node in model.graph.node} & {"Gather", "LSTM"})
    if others:
        model = only_weights(model, others)
    store_small(model.graph, ["ConvTranspose", "GRU"])
    # The tool for weights of 8 bits gives dense layers other names.
    found = operators(model.graph)
    own = operators_of(request.keep, found, request.model, "ONNX")
    kept = {operator.key for operator in own}
    wanted = _large(model.graph)
    if any(kind == _CONVOLUTION for kind in wanted.values()):
        model = _in_newer_opset(model)
    blocks: dict[int | None, set[str]] = {}
    for node in [node for node in model.graph.node if node.name in wanted]:
        bits = 8 if node.name in kept else 4
        block = _replace(model, node, bits, request.precision)
        if bits == 4:
            blocks.setdefault(block, set()).add(node.name)
    of_each = zip(found, layers_of(found, request.model), strict=True)
    layers = {operator.key: own for operator, own in of_each}
    named = {
        block: [n for n in layer_names(request.model) if any(n in layers.get(m, ()) for m in made)]
        for block, made in blocks.items()
    }
    return model, (remark(named, request.precision),)


def round_weights(request: RoundingRequest) -> str:
    """Rounds the weights of a Keras network as a file holds them; see `Exporter.round_weights`."""
    return rounded_weights.round_weights(
        request, rounded_weights.Grid(block=_block, depthwise=True, first_eight=False)
    )


def _block(columns: int, dense: bool, precision: str) -> int | None:
    """The size of blocks; None for a convolution."""
    return _dense_block(columns, precision) if dense else None


def _dense_block(columns: int, precision: str) -> int:
    return BLOCK if precision == IN_BLOCKS else min(_BLOCKS, key=lambda size: _room(columns, size))


def _large(graph: Any) -> dict[str, str]:
    """Names and kinds of the nodes whose weights may have four bits."""
    sizes = {tensor.name: int(np.prod(tensor.dims)) for tensor in graph.initializer}
    return {
        node.name: node.op_type
        for node in graph.node
        if node.op_type in (_CONVOLUTION, *_DENSE)
        and sizes.get(node.input[1], 0) >= LEAST_WEIGHTS
        and _is_plain(_attributes(node))
    }


def _is_plain(attributes: Mapping[str, Any]) -> bool:
    """Whether a dense layer multiplies its input by its weights, and adds its bias, as they are."""
    factors = {attributes.get(name, 1) for name in ("alpha", "beta")}
    return factors == {1} and not attributes.get("transA")


def _in_newer_opset(model: Any) -> Any:
    onnx = require("onnx")
    try:
        return onnx.version_converter.convert_version(model, _OPSET)
    # The converter raises what its C++ code throws.
    except Exception as error:
        raise Unsupported(
            f"convolutions of this network cannot have weights of 4 bits in ONNX: {error}",
            why=f"they need opset {_OPSET}, which the graph cannot be brought to",
            fix="choose the precision dynamic-int8, or the format tflite",
        ) from error


def _replace(model: Any, node: Any, bits: int, precision: str) -> int | None:
    """Gives a node weights of few bits; returns the size of its blocks, None for a convolution."""
    onnx = require("onnx")
    name = node.input[1]
    stored = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    weights = onnx.numpy_helper.to_array(stored)
    if node.op_type == _CONVOLUTION:
        _dequantize(model.graph, node, weights, bits)
        block = None
    else:
        rows = weights if _attributes(node).get("transB") else weights.T
        block = _dense_block(rows.shape[1], precision)
        _multiply(model, node, rows, block, bits)
    if not any(name in other.input for other in model.graph.node):
        model.graph.initializer.remove(stored)
    return block


def _dequantize(graph: Any, node: Any, weights: Array, bits: int) -> None:
    """Puts a DequantizeLinear with a scale for each output channel before a convolution."""
    onnx = require("onnx")
    name = node.input[1]
    real = f"{name}_dequantized"
    if not any(real in other.output for other in graph.node):  # else of a layer that is used twice
        small = quantize(weights.reshape(len(weights), -1), bits=bits)
        kinds = onnx.TensorProto
        data = packed(small.numbers) if bits == 4 else small.numbers
        numbers = kinds(
            name=f"{name}_quantized",
            data_type=kinds.INT4 if bits == 4 else kinds.INT8,
            dims=weights.shape,
            raw_data=data.tobytes(),
        )
        scales = onnx.numpy_helper.from_array(small.scales[:, 0], f"{name}_scale")
        graph.initializer.extend([numbers, scales])
        make = onnx.helper.make_node
        graph.node.insert(
            0, make("DequantizeLinear", [numbers.name, scales.name], [real], real, axis=0)
        )
    node.input[1] = real


def _multiply(model: Any, node: Any, rows: Array, block: int, bits: int) -> None:
    """Turns a dense layer into a `MatMulNBits`."""
    onnx = require("onnx")
    outputs, columns = rows.shape
    many = -(-columns // block)
    wide = np.zeros((outputs, many * block), np.float32)
    wide[:, :columns] = rows
    small = quantize(wide, block, bits)
    # Numbers without a sign: 8, or 128, stands for 0.
    numbers = integers(small.numbers, bits).reshape(outputs, many, block * bits // 8)
    constants = {
        f"{node.input[1]}_in_{bits}_bits": numbers,
        f"{node.input[1]}_scale": small.scales.reshape(-1),
    }
    known = {tensor.name for tensor in model.graph.initializer}
    model.graph.initializer.extend(
        onnx.numpy_helper.from_array(values, name)
        for name, values in constants.items()
        if name not in known
    )
    inputs = [node.input[0], *constants]
    if len(node.input) > 2 and node.input[2]:
        inputs += ["", "", node.input[2]]
    _keep_shape(model, node.output[0])
    made = onnx.helper.make_node(
        "MatMulNBits",
        inputs,
        list(node.output),
        node.name,
        domain=_DOMAIN,
        K=columns,
        N=outputs,
        bits=bits,
        block_size=block,
    )
    node.CopyFrom(made)
    if all(one.domain != _DOMAIN for one in model.opset_import):
        model.opset_import.append(onnx.helper.make_opsetid(_DOMAIN, 1))


def _keep_shape(model: Any, name: str) -> None:
    """States a result's shape, which cannot be inferred behind an operator of another domain."""
    graph = model.graph
    if name in {value.name for value in (*graph.value_info, *graph.output)}:
        return
    inferred = require("onnx").shape_inference.infer_shapes(model).graph
    graph.value_info.extend(value for value in inferred.value_info if value.name == name)


def _room(columns: int, block: int) -> float:
    """Bytes of a row in blocks, each with its scale."""
    return -(-columns // block) * (block / 2 + 4)


def _attributes(node: Any) -> Mapping[str, Any]:
    helper = require("onnx").helper
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
