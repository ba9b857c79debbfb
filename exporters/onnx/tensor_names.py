"""Shorter names for the quantizer's tensors, which can outweigh the scales in small files."""

from __future__ import annotations

from typing import Any

from zoo.common.optional_imports import require

_ENDS = {
    "QuantizeLinear": "_QuantizeLinear_Output",
    "DequantizeLinear": "_DequantizeLinear_Output",
}


def shorten(graph: Any) -> None:
    """Numbers the pairs, their scales, zero points and biases, in place; other names stay.

    Weights and results keep theirs, which identify the layers.
    """
    onnx = require("onnx")
    constants = {tensor.name for tensor in graph.initializer}
    biases = {t.name for t in graph.initializer if t.data_type == onnx.TensorProto.INT32}
    fixed = {value.name for value in (*graph.input, *graph.output)}
    pairs = [node for node in graph.node if node.op_type in _ENDS]
    renamed: dict[str, str] = {}
    for number, node in enumerate(pairs):
        letter = node.op_type[0].lower()
        node.name = f"{letter}{number}"
        for place, name in enumerate(node.input[1:]):
            if name in constants:
                renamed.setdefault(name, f"{'sz'[place]}{number}")
        (made,) = node.output
        if node.input[0] in biases:
            renamed[node.input[0]], renamed[made] = f"b{number}", f"{letter}{number}"
        elif made.endswith(_ENDS[node.op_type]) and made not in fixed:
            renamed[made] = f"{letter}{number}"
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    for tensor in graph.initializer:
        tensor.name = renamed.get(tensor.name, tensor.name)
    # Whoever loads the file infers shapes, but those behind operators of a runtime's own.
    foreign = {name for node in graph.node if node.domain for name in node.output}
    kept = [value for value in graph.value_info if value.name in foreign]
    del graph.value_info[:]
    graph.value_info.extend(kept)
