"""TFLite files whose weights have four bits, made from files that have eight.

They are written here: litert-quantizer 0.11, which would do it, leaves the versions of operators
as they are, so that older runtimes load its files and answer with NaN or crash, and its ranges cost
a third more (mean distance of probabilities on Fashion-MNIST: lenet5 0.047 by its own, 0.036 by
these; resnet8 0.051 and 0.034).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.contracts import ExportRequest
from zoo.contracts.exporter import Written
from zoo.contracts.rounding import RoundingRequest

from ..quantization import rounded_weights
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
from .schema import code_of, kind_of, operators, read_model, schema, serialize

#: The operators whose kernels take weights of four bits, as their second input, with versions of
#: them that TensorFlow Lite 2.14 does not have: it has no such kernel, but would load the file.
_VERSIONS = {"FULLY_CONNECTED": 12, "CONV_2D": 8}
#: Those whose weights may have a scale for each block.
_IN_BLOCKS = frozenset({"FULLY_CONNECTED"})
_WEIGHTS = 1


@dataclass(frozen=True, kw_only=True)
class _Reader:
    """An operator that reads a constant."""

    graph: Any
    tensor: Any
    kind: str
    result: str
    operator: Any
    multiplies: bool


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
    kept = frozenset(operator.key for operator in own)
    blocks: dict[int | None, set[str]] = {}
    for readers in _by_buffer(model).values():
        if not _may_be_small(model, readers, kept):
            continue
        block = _store(model, readers, request.precision)
        blocks.setdefault(block, set()).update(reader.result for reader in readers)
        for reader in readers:
            code = model.operatorCodes[reader.operator.opcodeIndex]
            code.version = max(code.version, _VERSIONS[reader.kind])
            if block is not None:
                _split_activation(model, reader)
    of_each = zip(found, layers_of(found, request.model), strict=True)
    layers = {operator.key: own for operator, own in of_each}
    named = {
        block: [n for n in layer_names(request.model) if any(n in layers.get(r, ()) for r in made)]
        for block, made in blocks.items()
    }
    return serialize(model, len(data)), Written(remarks=(remark(named, request.precision),))


def round_weights(request: RoundingRequest) -> str:
    """Rounds the weights of a Keras network as a file holds them; see `Exporter.round_weights`."""
    return rounded_weights.round_weights(
        request, rounded_weights.Grid(block=_block, depthwise=False, first_eight=True)
    )


def _block(columns: int, dense: bool, precision: str) -> int | None:
    """The size of blocks; None where a row has one scale."""
    return BLOCK if dense and precision == IN_BLOCKS and columns % BLOCK == 0 else None


def _by_buffer(model: Any) -> dict[int, list[_Reader]]:
    """Every reader of each constant, a graph's results among them."""
    found: dict[int, list[_Reader]] = {}
    for graph in model.subgraphs:
        for reader in _readers(model, graph):
            if model.buffers[reader.tensor.buffer].data is not None:
                found.setdefault(reader.tensor.buffer, []).append(reader)
    return found


def _readers(model: Any, graph: Any) -> Iterator[_Reader]:
    tensors = graph.tensors
    for place in graph.outputs:
        yield _Reader(
            graph=graph,
            tensor=tensors[int(place)],
            kind="",
            result="",
            operator=None,
            multiplies=False,
        )
    for operator in graph.operators or []:
        kind = kind_of(model, operator)
        made = _places(operator.outputs)
        result = tensors[made[0]].name.decode() if made else ""
        for position, place in enumerate(_places(operator.inputs)):
            if place >= 0:
                yield _Reader(
                    graph=graph,
                    tensor=tensors[place],
                    kind=kind,
                    result=result,
                    operator=operator,
                    multiplies=kind in _VERSIONS and position == _WEIGHTS,
                )


def _places(values: Any) -> tuple[int, ...]:
    return () if values is None else tuple(map(int, values))


def _may_be_small(model: Any, readers: list[_Reader], kept: frozenset[str]) -> bool:
    """Whether a constant of 8 bits is large, and the weights of such operators alone."""
    first = readers[0].tensor
    if first.type != schema().TensorType.INT8:
        return False
    if len(model.buffers[first.buffer].data) < LEAST_WEIGHTS:
        return False
    # Equal bytes are stored once, though they may stand for other numbers.
    scales = {bytes(np.asarray(reader.tensor.quantization.scale)) for reader in readers}
    fits = all(reader.multiplies and reader.result not in kept for reader in readers)
    return fits and len(scales) == 1


def _store(model: Any, readers: list[_Reader], precision: str) -> int | None:
    """Stores a constant in four bits; returns the size of its blocks."""
    first, types = readers[0].tensor, schema()
    numbers = np.asarray(model.buffers[first.buffer].data, np.uint8).view(np.int8)
    scale = np.asarray(first.quantization.scale, np.float32)
    rows = numbers.reshape(int(first.shape[0]), -1) * scale.reshape(-1, 1)
    block = _block(rows.shape[1], {reader.kind for reader in readers} <= _IN_BLOCKS, precision)
    small = quantize(rows, block)
    model.buffers[first.buffer].data = packed(small.numbers)
    for graph, tensor in {id(r.tensor): (r.graph, r.tensor) for r in readers}.values():
        tensor.type = types.TensorType.INT4
        tensor.quantization = told = types.QuantizationParametersT()
        if block is None:
            told.scale = small.scales[:, 0]
            told.zeroPoint = np.zeros(len(rows), np.int64)
            continue
        told.detailsType = types.QuantizationDetails.BlockwiseQuantization
        told.details = types.BlockwiseQuantizationT()
        told.details.blockSize, told.details.zeroPoints = block, -1
        told.details.scales = _add_scales(model, graph, tensor, small.scales)
    return block


def _split_activation(model: Any, reader: _Reader) -> None:
    """Makes an operator of an activation that LiteRT's own kernel of blocks would leave out."""
    types, graph, options = schema(), reader.graph, reader.operator.builtinOptions
    names = {v: k for k, v in vars(types.ActivationFunctionType).items() if isinstance(v, int)}
    activation = names[options.fusedActivationFunction]
    if activation == "NONE":
        return
    options.fusedActivationFunction = types.ActivationFunctionType.NONE
    result = int(reader.operator.outputs[0])
    before = copy.copy(graph.tensors[result])
    before.name += b"/before"
    graph.tensors.append(before)
    reader.operator.outputs = [len(graph.tensors) - 1]
    added = types.OperatorT()
    added.opcodeIndex = code_of(model, activation)
    added.inputs, added.outputs = list(reader.operator.outputs), [result]
    graph.operators.insert(graph.operators.index(reader.operator) + 1, added)


def _add_scales(model: Any, graph: Any, tensor: Any, scales: Array) -> int:
    """Adds the scales of blocks as a constant; returns its place."""
    types = schema()
    buffer, constant = types.BufferT(), types.TensorT()
    buffer.data = np.frombuffer(scales.astype(np.float16).tobytes(), np.uint8)
    constant.name = tensor.name + b"/scales"
    constant.shape = np.asarray(scales.shape, np.int32)
    constant.type = types.TensorType.FLOAT16
    constant.buffer = len(model.buffers)
    constant.hasRank = True
    model.buffers.append(buffer)
    graph.tensors.append(constant)
    return len(graph.tensors) - 1
