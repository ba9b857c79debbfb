"""Shorter names of tensors; those of fused operators can outweigh the scales in small files."""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Sequence
from typing import Any

from zoo.common.optional_imports import require

from ..shared.layer_mapping import layer_names
from .schema import code_of, read_model, schema, serialize

#: Keras opens each layer's scope twice, and TensorFlow numbers the second.
_NUMBER = re.compile(r"_\d+\Z")


def name_outputs(content: Any, names: Sequence[str]) -> None:
    """Puts several outputs in this order and gives their tensors the signature's names.

    ``[StatefulPartitionedCall:1, StatefulPartitionedCall:0]`` → ``[class, age]``: runtimes that
    have no signatures find outputs by index and tensor name.

    Args:
        content: A `ModelT` with one signature.
        names: Of the signature's outputs.

    Where the converter made one tensor of two outputs, as a recurrent cell gives its state as its
    answer, the second gets one of its own.
    """
    graph = content.subgraphs[0]
    told = {
        entry.name.decode(): int(entry.tensorIndex) for entry in content.signatureDefs[0].outputs
    }
    places: list[int] = []
    for name in names:
        place = told[name]
        places.append(_copied(content, place) if place in places else place)
    graph.outputs = places
    for place, name in zip(places, names, strict=True):
        graph.tensors[place].name = name.encode()
    for entry in content.signatureDefs[0].outputs:
        entry.tensorIndex = places[names.index(entry.name.decode())]


def _copied(content: Any, place: int) -> int:
    """The place of a tensor of the same numbers, by a reshape that changes nothing."""
    np, types, graph = require("numpy"), schema(), content.subgraphs[0]
    made, sides, values = copy.copy(graph.tensors[place]), types.TensorT(), types.BufferT()
    shape = np.asarray(made.shape, np.int32)
    values.data = np.frombuffer(shape.tobytes(), np.uint8)
    sides.name, sides.shape = made.name + b"/sides", np.asarray(shape.shape, np.int32)
    sides.type, sides.buffer, sides.hasRank = types.TensorType.INT32, len(content.buffers), True
    content.buffers.append(values)
    graph.tensors += [sides, made]
    operator = types.OperatorT()
    operator.opcodeIndex = code_of(content, "RESHAPE")
    operator.inputs, operator.outputs = [place, len(graph.tensors) - 2], [len(graph.tensors) - 1]
    operator.builtinOptionsType = types.BuiltinOptions.ReshapeOptions
    operator.builtinOptions = types.ReshapeOptionsT()
    operator.builtinOptions.newShape = shape
    graph.operators.append(operator)
    return len(graph.tensors) - 1


def with_ordered_inputs(data: bytes, model: Any) -> bytes:
    """A file just converted, its graph's inputs in the order of the model's if there are several.

    ``[input_02, input_00, input_01]`` → ``[input_00, input_01, input_02]``: the converter has an
    order of its own.
    """
    if len(model.inputs) == 1:
        return data
    content = read_model(data)
    name_inputs(content, model, [tensor.name for tensor in model.inputs])
    return serialize(content, len(data))


def name_inputs(content: Any, model: Any, names: Sequence[str]) -> None:
    """Puts several inputs in this order, in the signature and in the graph, under these names.

    Args:
        content: A `ModelT` with one signature, whose inputs are called as those of the model.
        model: The Keras model that it was made from.
        names: Of its inputs, in their order.
    """
    signature, graph = content.signatureDefs[0], content.subgraphs[0]
    told = {entry.name.decode(): entry for entry in signature.inputs}
    signature.inputs = [told[tensor.name] for tensor in model.inputs]
    graph.inputs = [int(entry.tensorIndex) for entry in signature.inputs]
    for entry, name in zip(signature.inputs, names, strict=True):
        entry.name = graph.tensors[int(entry.tensorIndex)].name = name.encode()


def shorten(graph: Any, network: Any) -> None:
    """Shortens each name to the parts that identify the tensor and its layers, in place.

    A fused operator is named after every operator that went into it, each under the scopes of all
    models around its layer. What stays: the first of them from its layer on, and the other layers.

    Args:
        graph: A `SubGraphT`; names that its readers look up (inputs, outputs) stay.
        network: The Keras model that it computes.
    """
    layers = frozenset(layer_names(network))
    fixed = {int(place) for place in (*graph.inputs, *graph.outputs)}
    made = {int(place) for operator in graph.operators for place in operator.outputs}
    taken = {tensor.name for tensor in graph.tensors}
    for place, tensor in enumerate(graph.tensors):
        if place in fixed:
            continue
        name = short_name(tensor.name.decode(), layers, constant=place not in made).encode()
        if name not in taken:  # never two of one name
            taken.add(name)
            tensor.name = name


def short_name(name: str, layers: Collection[str], constant: bool = False) -> str:
    """``net_1/bn_1/x/add;net_1/conv_1/Squeeze`` → ``bn_1/add;conv_1``, a constant's ``bn_1``.

    A name without layers stays as it is.
    """
    first, *others = (_from_layer(part.split("/"), layers) for part in name.split(";"))
    said = [first[0]]
    for other in others:
        if other[0] not in said and _NUMBER.sub("", other[0]) in layers:
            said.append(other[0])
    if _NUMBER.sub("", first[0]) not in layers:
        return name
    return first[0] if constant else ";".join(["/".join((first[0], *first[1:][-1:])), *said[1:]])


def _from_layer(scopes: list[str], layers: Collection[str]) -> list[str]:
    """The scopes from the first that is a layer's; all of them where none is."""
    for place, scope in enumerate(scopes):
        if _NUMBER.sub("", scope) in layers or scope in layers:
            return scopes[place:]
    return scopes
