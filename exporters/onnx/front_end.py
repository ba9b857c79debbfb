"""The front end as the first part of an ONNX file."""

from __future__ import annotations

from typing import Any

from zoo.common.optional_imports import require
from zoo.contracts import ExportRequest
from zoo.contracts.front_end import FRONT_END

from .grafting import converted


def with_front_end(model: Any, request: ExportRequest) -> Any:
    """The model whose input is that of `ExportRequest.front_end`; itself where there is none.

    Whatever the precision of the network, the front end computes in float32.
    """
    front = request.front_end
    if front is None:
        return model
    onnx, graph = require("onnx"), model.graph
    constants = {tensor.name for tensor in graph.initializer}
    (given,) = (value for value in graph.input if value.name not in constants)
    record = front.preprocessing
    added = converted(model, front.build, [1, *record.input_shape], record.called, FRONT_END)
    before, made = given.name, f"{FRONT_END}/{given.name}"
    names = {added.input[0].name: record.called, added.output[0].name: made}
    for node in added.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for node in graph.node:
        node.input[:] = [made if name == before else name for name in node.input]
    network = [*graph.node]
    del graph.node[:]
    graph.node.extend([*added.node, *network])
    graph.initializer.extend(added.initializer)
    kept = [value for value in graph.input if value.name != before]
    given.name, added.input[0].name = made, record.called
    graph.value_info.append(given)
    del graph.input[:]
    graph.input.extend([added.input[0], *kept])
    onnx.checker.check_model(model)
    return model
