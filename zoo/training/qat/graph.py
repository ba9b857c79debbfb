"""The graph of a functional Keras model, with nested models inlined."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from zoo.common.errors import ZooError
from zoo.common.optional_imports import require


@dataclass(frozen=True, kw_only=True, eq=False)
class Node:
    """One call of one operation.

    Attributes:
        operation: A `keras.layers.Layer`, or another `keras.Operation`.
        arguments: Keras' record of the call.
        places: Which value stands for which symbolic tensor of that record.
        results: The values it makes.
    """

    operation: Any
    arguments: Any
    places: Mapping[int, int]
    results: tuple[int, ...]

    @property
    def inputs(self) -> tuple[int, ...]:
        """The values it takes, in the order of the call."""
        return tuple(self.places[id(t)] for t in self.arguments.keras_tensors)

    def call(self, values: Mapping[int, Any]) -> list[Any]:
        """Repeats the call on other tensors."""
        tensors = {key: values[value] for key, value in self.places.items() if value in values}
        args, kwargs = self.arguments.fill_in(tensors)
        flat: list[Any] = require("keras").tree.flatten(self.operation(*args, **kwargs))
        return flat


@dataclass(frozen=True, kw_only=True)
class Graph:
    """A flattened model.

    Attributes:
        nodes: In an order in which they can be computed.
        inputs: Values that are given.
        outputs: The output values.
    """

    nodes: tuple[Node, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def graph_of(model: Any) -> Graph:
    """Reads a functional or sequential `keras.Model`.

    Raises:
        ZooError: The model is neither, so that its operations cannot be seen.
    """
    keras = require("keras")
    reader = _Reader()
    model = _functional(model)
    inputs = {id(tensor): reader.new() for tensor in model.inputs}
    outputs = reader.read(model, dict(inputs))
    wanted = tuple(outputs[id(tensor)] for tensor in keras.tree.flatten(model.outputs))
    return Graph(nodes=tuple(reader.nodes), inputs=tuple(inputs.values()), outputs=wanted)


class _Reader:
    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._count = 0

    def new(self) -> int:
        self._count += 1
        return self._count

    def read(self, model: Any, known: dict[int, int]) -> dict[int, int]:
        """Adds the model's nodes; returns the value of each of its symbolic tensors."""
        keras = require("keras")
        for node in _in_order(model):
            operation = node.operation
            if isinstance(operation, keras.layers.InputLayer):
                continue
            given = {id(t): known[id(t)] for t in node.arguments.keras_tensors}
            if isinstance(operation, keras.Model):
                inner = _functional(operation)
                values = [known[id(t)] for t in node.arguments.keras_tensors]
                own = {id(t): v for t, v in zip(inner.inputs, values, strict=True)}
                made = self.read(inner, own)
                results = tuple(made[id(t)] for t in keras.tree.flatten(inner.outputs))
            else:
                results = tuple(self.new() for _ in node.outputs)
                self.nodes.append(
                    Node(
                        operation=operation,
                        arguments=node.arguments,
                        places=given,
                        results=results,
                    )
                )
            known.update({id(t): v for t, v in zip(node.outputs, results, strict=True)})
        return known


def _in_order(model: Any) -> Iterator[Any]:
    for depth in sorted(model._nodes_by_depth, reverse=True):
        yield from model._nodes_by_depth[depth]


def _functional(model: Any) -> Any:
    inner = getattr(model, "_functional", None) or model
    if not hasattr(inner, "_nodes_by_depth"):
        raise ZooError(
            f"the model {model.name!r} inside the network computes in a call() of its own",
            why="only models made of layers by keras.Model(inputs, outputs) can be looked into",
            fix="build it from layers, or leave quantization-aware training out",
        )
    return inner
