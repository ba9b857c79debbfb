"""The front end as the first part of a TFLite file."""

from __future__ import annotations

from typing import Any

from zoo.contracts import ExportRequest
from zoo.contracts.front_end import FRONT_END

from .grafting import converted, graft
from .schema import code_of, read_model, schema, serialize


def with_front_end(data: bytes, request: ExportRequest) -> bytes:
    """A file whose input is that of `ExportRequest.front_end`; itself where there is none.

    Whatever the precision of the network, the front end computes in float32, by built-in operators.
    """
    front = request.front_end
    if front is None:
        return data
    content = read_model(data)
    graph, behind = content.subgraphs[0], len(content.subgraphs[0].operators)
    given = _from_float(content, int(graph.inputs[0]))
    ready = len(graph.operators)
    record = front.preprocessing
    own = converted(front.build, [1, *record.input_shape], record.called)
    added = own.subgraphs[0]
    places = graft(content, own, {int(added.outputs[0]): given}, FRONT_END)
    # In the order in which they run: the front end, a conversion to integers, the network.
    network, between = graph.operators[:behind], graph.operators[behind:ready]
    graph.operators = [*graph.operators[ready:], *between, *network]
    graph.tensors[given].name = f"{FRONT_END}/{request.input_name}".encode()
    first = places[int(added.inputs[0])]
    graph.inputs = [first]
    graph.tensors[first].name = record.called.encode()
    entry = content.signatureDefs[0].inputs[0]
    entry.name, entry.tensorIndex = record.called.encode(), first
    return serialize(content, len(data))


def _from_float(content: Any, place: int) -> int:
    """The place of the real numbers that a tensor is made of: itself, or where it is quantized."""
    types, graph = schema(), content.subgraphs[0]
    tensor = graph.tensors[place]
    if tensor.type == types.TensorType.FLOAT32:
        return place
    real = types.TensorT()
    real.shape, real.type, real.hasRank = tensor.shape, types.TensorType.FLOAT32, True
    graph.tensors.append(real)
    operator = types.OperatorT()
    operator.opcodeIndex = code_of(content, "QUANTIZE")
    operator.inputs, operator.outputs = [len(graph.tensors) - 1], [place]
    operator.builtinOptionsType = types.BuiltinOptions.QuantizeOptions
    operator.builtinOptions = types.QuantizeOptionsT()
    graph.operators.append(operator)
    return len(graph.tensors) - 1
