"""TFLite files whose weights have four bits, made from files that have eight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.contracts import ExportRequest
from zoo.contracts.exporter import Written

from ..quantization.four_bits import (
    BLOCK,
    IN_BLOCKS,
    LEAST_WEIGHTS,
    Array,
    packed,
    quantize,
    remark,
)
from ..shared.layer_mapping import layer_names, layers_of, operators_of
from .schema import kind_of, operators, read_model, schema, serialize

#: The operators whose kernels take weights of four bits, as their second input.
_KINDS = frozenset({"FULLY_CONNECTED", "CONV_2D"})
#: Those whose weights may have a scale for each block.
_IN_BLOCKS = frozenset({"FULLY_CONNECTED"})
_WEIGHTS = 1


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Weights that may have four bits: a constant, and what reads it."""

    graph: Any
    tensor: Any
    kinds: frozenset[str]
    results: tuple[str, ...]


def written_in_four_bits(data: bytes, request: ExportRequest) -> tuple[bytes, Written]:
    """The file with weights of four bits wherever LiteRT multiplies by such.

    Weights with fewer than `LEAST_WEIGHTS` elements stay as they are, and so do those of other
    operators and of layers that are to be kept: eight bits.

    Args:
        data: A file with 8-bit weights, one scale for each output channel.
        request: Of the file; in `IN_BLOCKS`, rows of dense layers that are made of whole blocks
            have a scale for each block.

    Raises:
        Unsupported: No weights can have four bits.
    """
    model, found = read_model(data), operators(data)
    own = operators_of(request.keep, found, request.model, "TFLite")
    blocks: dict[int | None, set[str]] = {}
    for place in _places(model, frozenset(operator.key for operator in own)):
        values = _real(model, place.tensor)
        rows = values.reshape(len(values), -1)
        fits = request.precision == IN_BLOCKS and place.kinds <= _IN_BLOCKS
        block = BLOCK if fits and rows.shape[1] % BLOCK == 0 else None
        _store(model, place, rows, block)
        blocks.setdefault(block, set()).update(place.results)
    of_each = zip(found, layers_of(found, request.model), strict=True)
    layers = {operator.key: own for operator, own in of_each}
    named = {
        block: [n for n in layer_names(request.model) if any(n in layers.get(r, ()) for r in made)]
        for block, made in blocks.items()
    }
    return serialize(model, len(data)), Written(remarks=(remark(named, request.precision),))


def _places(model: Any, kept: frozenset[str]) -> list[_Place]:
    """Constants of 8 bits that nothing but the weights' input of such operators reads."""
    readers: dict[tuple[int, int], dict[str, str]] = {}
    barred: set[int] = set()
    for number, graph in enumerate(model.subgraphs):
        barred |= {graph.tensors[int(place)].buffer for place in graph.outputs}
        for operator in graph.operators or []:
            kind = kind_of(model, operator)
            reads = () if operator.inputs is None else map(int, operator.inputs)
            for position, place in enumerate(reads):
                if place < 0:
                    continue
                fits = kind in _KINDS and position == _WEIGHTS
                if fits and _result(graph, operator) not in kept:
                    readers.setdefault((number, place), {})[_result(graph, operator)] = kind
                else:
                    barred.add(graph.tensors[place].buffer)
    found = []
    for (number, place), own in readers.items():
        graph = model.subgraphs[number]
        tensor = graph.tensors[place]
        stored = model.buffers[tensor.buffer].data
        small = stored is None or len(stored) < LEAST_WEIGHTS
        if tensor.type != schema().TensorType.INT8 or small or tensor.buffer in barred:
            continue
        kinds = frozenset(own.values())
        found.append(_Place(graph=graph, tensor=tensor, kinds=kinds, results=tuple(own)))
    return found


def _result(graph: Any, operator: Any) -> str:
    return str(graph.tensors[int(operator.outputs[0])].name.decode())


def _real(model: Any, tensor: Any) -> Array:
    numbers = np.asarray(model.buffers[tensor.buffer].data, np.uint8).view(np.int8)
    values = numbers.reshape(tuple(map(int, tensor.shape))).astype(np.float32)
    scale = np.asarray(tensor.quantization.scale, np.float32)
    return values * scale.reshape(-1, *[1] * (values.ndim - 1))


def _store(model: Any, place: _Place, rows: Array, block: int | None) -> None:
    tensor, types = place.tensor, schema()
    small = quantize(rows, block)
    model.buffers[tensor.buffer].data = packed(small.numbers)
    tensor.type = types.TensorType.INT4
    told = types.QuantizationParametersT()
    if block is None:
        told.scale = small.scales[:, 0]
        told.zeroPoint = np.zeros(len(rows), np.int64)
        told.quantizedDimension = 0
    else:
        told.detailsType = types.QuantizationDetails.BlockwiseQuantization
        told.details = types.BlockwiseQuantizationT()
        told.details.blockSize = block
        told.details.zeroPoints = -1
        told.details.scales = _add_scales(model, place, small.scales)
    tensor.quantization = told


def _add_scales(model: Any, place: _Place, scales: Array) -> int:
    types = schema()
    buffer, tensor = types.BufferT(), types.TensorT()
    buffer.data = np.frombuffer(scales.astype(np.float16).tobytes(), np.uint8)
    tensor.name = place.tensor.name + b"/scales"
    tensor.shape = np.asarray(scales.shape, np.int32)
    tensor.type = types.TensorType.FLOAT16
    tensor.buffer = len(model.buffers)
    tensor.hasRank = True
    model.buffers.append(buffer)
    place.graph.tensors.append(tensor)
    return len(place.graph.tensors) - 1
