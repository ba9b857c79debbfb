"""Fused activations that one runtime ignores, split into operators of their own."""

from __future__ import annotations

import copy
from typing import Any

from zoo.common.optional_imports import require

from .schema import code_of, serialize

#: The operator whose fused activation OpenVINO leaves out without a word: a ReLU behind a
#: transposed convolution is lost, and a generator draws something else.
#: https://github.com/openvinotoolkit/openvino/blob/master/src/frontends/tensorflow_lite/src/op/transpose_conv.cpp
OVERLOOKED = "TRANSPOSE_CONV"
_OPERATORS = ("RELU", "RELU_N1_TO_1", "RELU6")
#: The version of those operators that first has a type; the first version where it is not named.
_VERSIONS = {"INT8": 2, "INT16": 3}


def with_own_activations(data: bytes) -> bytes:
    """The file, with the activations of transposed convolutions behind them.

    Files with 8-bit activations stay as they are: their range ends where the activation does.
    """
    schema = require("ai_edge_litert.schema_py_generated")
    wanted = getattr(schema.BuiltinOperator, OVERLOOKED)
    root = schema.Model.GetRootAs(data, 0)
    codes = [root.OperatorCodes(i) for i in range(root.OperatorCodesLength())]
    if wanted not in {max(c.BuiltinCode(), c.DeprecatedBuiltinCode()) for c in codes}:
        return data
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    parted = sum(_split_activations(model, graph, wanted, schema) for graph in model.subgraphs)
    if not parted:
        return data
    return serialize(model, len(data))


def _split_activations(model: Any, graph: Any, wanted: int, schema: Any) -> int:
    """Splits fused activations off the operators of a graph; returns their number."""
    written: list[Any] = []
    before = len(graph.operators)
    for operator in graph.operators:
        written.append(operator)
        code = model.operatorCodes[operator.opcodeIndex]
        if max(code.builtinCode, code.deprecatedBuiltinCode) != wanted:
            continue
        activation = _activation(operator, schema)
        result = graph.tensors[operator.outputs[0]]
        if not activation or result.type == schema.TensorType.INT8:
            continue
        linear = copy.copy(result)
        linear.name = result.name + b"/linear"
        follower = schema.OperatorT()
        follower.inputs, follower.outputs = [len(graph.tensors)], list(operator.outputs)
        follower.opcodeIndex = _code(model, activation, result.type, schema)
        operator.outputs = [len(graph.tensors)]
        operator.builtinOptions.fusedActivationFunction = schema.ActivationFunctionType.NONE
        graph.tensors.append(linear)
        written.append(follower)
    graph.operators = written
    return len(written) - before


def _activation(operator: Any, schema: Any) -> str:
    """The operator that computes a fused activation; empty where there is none."""
    fused = getattr(operator.builtinOptions, "fusedActivationFunction", 0)
    kinds = {getattr(schema.ActivationFunctionType, name): name for name in _OPERATORS}
    return kinds.get(fused, "")


def _code(model: Any, name: str, type_number: int, schema: Any) -> int:
    """Where the model lists an operator, which is added if it does not."""
    kinds = {v: k for k, v in vars(schema.TensorType).items() if isinstance(v, int)}
    version = _VERSIONS.get(kinds[type_number], 1)
    return code_of(model, name, version)
