"""The decoder as the last part of an ONNX file."""

from __future__ import annotations

from typing import Any

from zoo.common.errors import Unsupported
from zoo.common.optional_imports import require
from zoo.contracts import ExportRequest
from zoo.contracts.graph_decoder import DECODER

from .grafting import converted

_INPUT = "outputs"


def with_decoder(model: Any, request: ExportRequest) -> Any:
    """The model, its one output decoded by `ExportRequest.decoder`; itself where there is none.

    Whatever the precision of the network, the decoder computes in float32.

    Raises:
        Unsupported: The network has several outputs, or one that is not in float32.
    """
    if request.decoder is None:
        return model
    onnx = require("onnx")
    graph = model.graph
    if len(graph.output) != 1 or not _is_float(graph.output[0]):
        raise Unsupported(
            "a decoder takes one output of real numbers",
            why=f"this network's file returns {', '.join(one.name for one in graph.output)}",
            fix="leave out --end-to-end",
        )
    given = graph.output[0]
    sides = [dimension.dim_value for dimension in given.type.tensor_type.shape.dim]
    build = request.decoder.build
    own = converted(model, lambda outputs: [*build(outputs)], sides, _INPUT, DECODER)
    names = {own.input[0].name: given.name}
    names |= dict(zip((o.name for o in own.output), request.decoder.names, strict=True))
    for node in own.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    graph.node.extend(own.node)
    graph.initializer.extend(own.initializer)
    graph.value_info.append(given)
    del graph.output[:]
    for value in own.output:
        value.name = names[value.name]
        graph.output.append(value)
    onnx.checker.check_model(model)
    return model


def _is_float(value: Any) -> bool:
    return bool(value.type.tensor_type.elem_type == require("onnx").TensorProto.FLOAT)
