"""Graphs of TensorFlow functions as further parts of a TFLite file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from zoo.common.optional_imports import require

from .schema import code_of, kind_of, read_model


def converted(build: Callable[[Any], Any], sides: list[int], name: str) -> Any:
    """A function of one float32 tensor by itself, as a `ModelT`.

    Args:
        build: Takes the tensor; returns one, or several in their order.
        sides: Of the tensor.
        name: Of the tensor.
    """
    tf = require("tensorflow")
    signature = [tf.TensorSpec(sides, tf.float32, name=name)]
    function = tf.function(build, signature, autograph=False)
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], function
    )
    return read_model(bytes(converter.convert()))


def graft(content: Any, own: Any, known: Mapping[int, int], prefix: str) -> dict[int, int]:
    """Adds a model's tensors and, behind all others, its operators to another model.

    Args:
        content: The `ModelT` that grows.
        own: The `ModelT` whose graph is added.
        known: Tensors of `own` that are there already: place in `own` → place in `content`.
        prefix: Names of the added tensors begin with it and a slash.

    Returns:
        Where each tensor of `own` now is, -1 for none among them.
    """
    graph, added = content.subgraphs[0], own.subgraphs[0]
    buffers = len(content.buffers)
    content.buffers += own.buffers
    places = {**known, -1: -1}
    for place, tensor in enumerate(added.tensors):
        if place in places:
            continue
        places[place] = len(graph.tensors)
        tensor.name = f"{prefix}/".encode() + tensor.name
        tensor.buffer += buffers
        graph.tensors.append(tensor)
    for operator in added.operators:
        version = own.operatorCodes[operator.opcodeIndex].version
        operator.opcodeIndex = code_of(content, kind_of(own, operator), version)
        operator.inputs = [places[int(place)] for place in operator.inputs]
        operator.outputs = [places[int(place)] for place in operator.outputs]
        graph.operators.append(operator)
    return places
