"""The decoder as the last part of a TFLite file."""

from __future__ import annotations

from typing import Any

from zoo.common.errors import Unsupported
from zoo.contracts import ExportRequest
from zoo.contracts.graph_decoder import DECODER

from .grafting import converted, graft
from .schema import code_of, read_model, schema, serialize

_INPUT = "outputs"


def with_decoder(data: bytes, request: ExportRequest) -> bytes:
    """A file, its one output decoded by `ExportRequest.decoder`; itself where there is none.

    Whatever the precision of the network, the decoder computes in float32, by built-in operators.

    Raises:
        Unsupported: The network has several outputs.
    """
    if request.decoder is None:
        return data
    content = read_model(data)
    graph = content.subgraphs[0]
    if len(graph.outputs) != 1:
        raise Unsupported(
            "a decoder takes one output of real numbers",
            why=f"this network's file returns {', '.join(request.output_names)}",
            fix="leave out --end-to-end",
        )
    given = _in_float(content, int(graph.outputs[0]))
    sides = [int(side) for side in graph.tensors[given].shape]
    build = request.decoder.build
    own = converted(lambda outputs: [*build(outputs)], sides, _INPUT)
    _append(content, own, given, request.decoder.names)
    return serialize(content, len(data))


def _in_float(content: Any, place: int) -> int:
    """The place of a tensor's real numbers."""
    types, graph = schema(), content.subgraphs[0]
    tensor = graph.tensors[place]
    if tensor.type == types.TensorType.FLOAT32:
        return place
    real = types.TensorT()
    real.name, real.shape = tensor.name + b"/float", tensor.shape
    real.type, real.hasRank = types.TensorType.FLOAT32, True
    graph.tensors.append(real)
    operator = types.OperatorT()
    operator.opcodeIndex = code_of(content, "DEQUANTIZE")
    operator.inputs, operator.outputs = [place], [len(graph.tensors) - 1]
    operator.builtinOptionsType = types.BuiltinOptions.DequantizeOptions
    operator.builtinOptions = types.DequantizeOptionsT()
    graph.operators.append(operator)
    return len(graph.tensors) - 1


def _append(content: Any, own: Any, given: int, names: tuple[str, ...]) -> None:
    """Puts the graph of a model behind a tensor of another's; outputs get these names."""
    graph, added = content.subgraphs[0], own.subgraphs[0]
    places = graft(content, own, {int(added.inputs[0]): given}, DECODER)
    graph.outputs = [places[int(place)] for place in added.outputs]
    entries = []
    for place, name in zip(graph.outputs, names, strict=True):
        graph.tensors[place].name = name.encode()
        entry = schema().TensorMapT()
        entry.name, entry.tensorIndex = name.encode(), place
        entries.append(entry)
    content.signatureDefs[0].outputs = entries
