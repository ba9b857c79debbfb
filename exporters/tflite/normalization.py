"""The normalization of a file in float32, whatever the precision of its network.

Half precision ends at 65,504 and has three digits; 16-bit integers, whose zero point is 0, have
steps of 3 for an air pressure of 101,325 Pa. Neither holds an offset that is large beside its
signal.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.optional_imports import require

from .schema import kind_of, read_model, schema, serialize

Array = NDArray[Any]
_ELEMENTWISE = frozenset({"MUL", "ADD", "SUB", "DIV"})
#: How a constant in half precision may differ from the real one.
_HALF, _LEAST = 2.0**-10, 2.0**-23
_MOST = float(np.finfo(np.float16).max)


@dataclass(frozen=True, kw_only=True, eq=False)
class EntryOperator:
    """An operator that adds a constant to raw input, or multiplies it by one.

    Attributes:
        operator: The `OperatorT`.
        kind: Its name in the schema, such as ``MUL``.
        inputs: Places of what it reads.
        constant: That of the constant.
        result: Place of what it makes.
        values: The constant's real numbers, as far as they are stored.
        scale: Of a constant of integers; 0 for real numbers.
    """

    operator: Any
    kind: str
    inputs: tuple[int, ...]
    constant: int
    result: int
    values: Array
    scale: float = 0.0


def entry_arithmetic(model: Any) -> list[EntryOperator]:
    """The operators of a `ModelT` that compute with raw input and a constant, in order.

    The input may have been converted to integers, and constants from half precision.
    """
    graph = model.subgraphs[0]
    stored = {
        place: place
        for place, tensor in enumerate(graph.tensors)
        if model.buffers[tensor.buffer].data is not None
    }
    reached = {int(index) for index in graph.inputs}
    found = []
    for operator in graph.operators:
        inputs = tuple(int(i) for i in operator.inputs if i >= 0)
        kind = kind_of(model, operator)
        raw = [i for i in inputs if i in reached]
        constants = [i for i in inputs if i in stored]
        if kind == "DEQUANTIZE" and constants:
            stored[int(operator.outputs[0])] = constants[0]
        elif kind == "QUANTIZE" and raw:
            reached.add(int(operator.outputs[0]))
        elif kind in _ELEMENTWISE and len(raw) == 1 and len(constants) == 1:
            tensor = graph.tensors[stored[constants[0]]]
            if tensor.type not in _real_types():
                continue  # Arithmetic of places, such as those of words in a table.
            result = int(operator.outputs[0])
            reached.add(result)
            values, scale = _numbers(model, tensor)
            found.append(
                EntryOperator(
                    operator=operator,
                    kind=kind,
                    inputs=inputs,
                    constant=constants[0],
                    result=result,
                    values=values,
                    scale=scale,
                )
            )
    return found


def first_arithmetic(data: bytes) -> list[str]:
    """Names of the results of those operators that add or multiply constants to raw input."""
    content = read_model(data)
    tensors = content.subgraphs[0].tensors
    return [tensors[step.result].name.decode() for step in entry_arithmetic(content)]


def with_real_normalization(data: bytes, model: Any) -> bytes:
    """The file, with the normalization of its raw input in float32.

    Args:
        data: Of a file in half precision, or with 16-bit activations and an input of real numbers.
        model: The `keras.Model` that it was made from.
    """
    content = read_model(data)
    graph = content.subgraphs[0]
    stored = _chain(content)
    real = _converted_entry(model) if stored else []
    steps = []
    for step, wanted in zip(stored, real, strict=False):
        if not _rounded(content, step, wanted):
            break  # merged with what follows
        steps.append((step, wanted[1]))
    if not steps:
        return data
    given = int(graph.inputs[0])
    for step, values in steps:
        constant = _added(content, step.constant, b"/float32", values)
        step.operator.inputs = [constant if i == step.constant else given for i in step.inputs]
        given = step.result
        if graph.tensors[given].type != schema().TensorType.FLOAT32:
            given = _added(content, step.result, b"/float32")
            step.operator.outputs = [given]
    last = steps[-1][0]
    if given != last.result:
        quantize = next(o for o in graph.operators if kind_of(content, o) == "QUANTIZE")
        behind = copy.copy(quantize)
        behind.inputs, behind.outputs = [given], [last.result]
        graph.operators.insert(graph.operators.index(last.operator) + 1, behind)
    _drop_unread(content)
    return serialize(content, len(data))


def _chain(content: Any) -> list[EntryOperator]:
    """The first arithmetic, as far as one operator alone reads the result of another."""
    graph = content.subgraphs[0]
    readers = [int(i) for operator in graph.operators for i in operator.inputs]
    results = {int(i) for i in graph.outputs}
    chain: list[EntryOperator] = []
    for step in entry_arithmetic(content):
        if chain and chain[-1].result not in step.inputs:
            break
        chain.append(step)
        if readers.count(step.result) != 1 or step.result in results:
            break
    return [step for step in chain if step.result not in results]


def _converted_entry(model: Any) -> list[tuple[str, Array]]:
    """Kinds and constants of the normalization's operators, as converted in float32."""
    keras, tf = require("keras"), require("tensorflow")
    layers = _leading_layers(model)
    if not layers:
        return []
    shape, dtype = tuple(model.inputs[0].shape), model.inputs[0].dtype
    given = values = keras.Input(batch_shape=shape, dtype=dtype)
    for layer in layers:
        values = layer(values)
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(given, values))
    content = read_model(bytes(converter.convert()))
    return [(step.kind, step.values) for step in entry_arithmetic(content)]


def _leading_layers(model: Any) -> list[Any]:
    """Layers that scale and shift what nothing but they read of the input, in order."""
    scaling = (require("keras").layers.Rescaling, require("keras").layers.Normalization)
    found: list[Any] = []
    given = model.inputs[0]
    while True:
        users = [
            (operation, node)
            for operation in model.operations
            for node in operation._inbound_nodes
            if any(tensor is given for tensor in node.input_tensors)
        ]
        if len(users) != 1:
            return found
        operation, node = users[0]
        if isinstance(operation, scaling):
            found.append(operation)
            given = node.output_tensors[0]
        elif len(getattr(operation, "operations", ())) > 1 and len(operation.inputs) == 1:
            model, given = operation, operation.inputs[0]
        else:
            return found


def _rounded(content: Any, step: EntryOperator, wanted: tuple[str, Array]) -> bool:
    """Whether an operator is the real one, with a constant rounded as its type is stored."""
    kind, values = wanted
    stored = step.values
    if kind != step.kind or np.broadcast_shapes(stored.shape, values.shape) != stored.shape:
        return False
    if step.scale:
        return bool((np.abs(stored - values) <= step.scale).all())
    held = np.clip(values, -_MOST, _MOST)
    return bool((np.abs(stored - held) <= _HALF * np.abs(held) + _LEAST).all())


def _added(content: Any, like: int, ending: bytes, values: Array | None = None) -> int:
    """Adds a float32 tensor of the shape of another one; returns its place."""
    graph = content.subgraphs[0]
    tensor = copy.copy(graph.tensors[like])
    tensor.name += ending
    tensor.type, tensor.quantization, tensor.buffer = schema().TensorType.FLOAT32, None, 0
    if values is not None:
        buffer = schema().BufferT()
        whole = np.broadcast_to(values, _shape(tensor)).astype(np.float32)
        buffer.data = np.frombuffer(whole.tobytes(), np.uint8)
        tensor.buffer = len(content.buffers)
        content.buffers.append(buffer)
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _drop_unread(content: Any) -> None:
    """Removes conversions whose results nothing reads, and tensors that no operator has."""
    graph = content.subgraphs[0]
    read = {int(i) for operator in graph.operators for i in operator.inputs}
    read |= {int(i) for i in graph.outputs}
    conversions = ("QUANTIZE", "DEQUANTIZE")
    graph.operators = [
        operator
        for operator in graph.operators
        if kind_of(content, operator) not in conversions or int(operator.outputs[0]) in read
    ]
    had = {int(i) for i in (*graph.inputs, *graph.outputs)}
    for operator in graph.operators:
        had.update(int(i) for i in (*operator.inputs, *operator.outputs))
        had.update(int(i) for i in _inner(operator))
    kept = [place for place in range(len(graph.tensors)) if place in had]
    moved = {-1: -1, **{old: new for new, old in enumerate(kept)}}
    graph.tensors = [graph.tensors[place] for place in kept]
    graph.inputs = [moved[int(i)] for i in graph.inputs]
    graph.outputs = [moved[int(i)] for i in graph.outputs]
    for operator in graph.operators:
        operator.inputs = [moved[int(i)] for i in operator.inputs]
        operator.outputs = [moved[int(i)] for i in operator.outputs]
        operator.intermediates = [moved[int(i)] for i in _inner(operator)]
    for signature in content.signatureDefs or ():
        if signature.subgraphIndex == 0:
            for named in (*signature.inputs, *signature.outputs):
                named.tensorIndex = moved[named.tensorIndex]
    used = {tensor.buffer for other in content.subgraphs for tensor in other.tensors}
    used |= {entry.buffer for entry in content.metadata or ()}
    for place, buffer in enumerate(content.buffers):
        if place not in used:
            buffer.data = None


def _inner(operator: Any) -> Any:
    """Places of the tensors inside a fused operator."""
    return () if operator.intermediates is None else operator.intermediates


def _real_types() -> dict[int, type]:
    """Types of constants that stand for real numbers, with numpy's."""
    types = schema().TensorType
    return {
        types.FLOAT32: np.float32,
        types.FLOAT16: np.float16,
        types.INT16: np.int16,
        types.INT8: np.int8,
    }


def _numbers(model: Any, tensor: Any) -> tuple[Array, float]:
    """A constant's real numbers as they are stored, and its scale."""
    dtype = _real_types()[tensor.type]
    stored = np.frombuffer(bytes(model.buffers[tensor.buffer].data), dtype).astype(np.float64)
    stored = stored.reshape(_shape(tensor))
    if np.dtype(dtype).kind == "f":
        return stored, 0.0
    mapping = tensor.quantization
    scale = float(mapping.scale[0])
    zero = 0 if mapping.zeroPoint is None else int(mapping.zeroPoint[0])
    return (stored - zero) * scale, scale


def _shape(tensor: Any) -> tuple[int, ...]:
    """Of a tensor; a single number has none."""
    return () if tensor.shape is None else tuple(int(side) for side in tensor.shape)
