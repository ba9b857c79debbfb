"""The Keras network that computes what a TFLite graph does, operator by operator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from zoo.common.errors import Unsupported, ZooError, first_line
from zoo.common.optional_imports import require
from zoo.networks.sources.graph import operations_of

from .graph import Array, Operator, TfliteGraph

#: A tensor as Keras has it, or a tensor that is still to be scaled.
Made = Any


class Scaled:
    """A tensor times a scale plus an offset, each a number or one for each channel.

    They become one layer, once it is known what follows.
    """

    def __init__(self, tensor: Any, scale: Array, offset: Array, name: str) -> None:
        self.tensor, self.scale, self.offset, self.name = tensor, scale, offset, name
        self._made: Any = None

    def made(self, unique: Callable[[str], str]) -> Any:
        """The scaled tensor."""
        if self._made is None:
            layer = require("keras.layers").Rescaling
            scale, offset = (
                values.item() if values.size == 1 else values.tolist()
                for values in (self.scale, self.offset)
            )
            self._made = layer(scale, offset, name=unique(self.name))(self.tensor)
        return self._made


class BatchElsewhere:
    """A tensor with its batch first, which is second in the file: steps of an unrolled layer."""

    def __init__(self, tensor: Any, folded: Callable[[], Any]) -> None:
        """Keeps the tensor.

        Args:
            tensor: (batch, …).
            folded: Gives what operators take for it that know no such tensors.
        """
        self.tensor, self._folded = tensor, folded

    def made(self, unique: Callable[[str], str]) -> Any:
        """The tensor as other operators take it."""
        return self._folded()


class WithoutBatch(BatchElsewhere):
    """A tensor with its batch first, which it has not in the file, where it is 1."""


class Building:
    """A Keras network in the making: what the operators so far have computed.

    Args:
        graph: Of the file.
        whole_numbers: As for `keras_network`.
    """

    def __init__(self, graph: TfliteGraph, whole_numbers: bool = False) -> None:
        self.graph, self.whole_numbers = graph, whole_numbers
        self.keras = require("keras")
        self.layers, self.ops = self.keras.layers, self.keras.ops
        self._values: dict[int, Made] = {}
        self._names: Counter[str] = Counter()

    def unique(self, name: str) -> str:
        """A layer's name that no other has."""
        self._names[name] += 1
        again = self._names[name] - 1
        return self.unique(f"{name}_{again}") if again else name

    def put(self, place: int, value: Made) -> None:
        """Sets what a tensor is."""
        self._values[place] = value

    def value(self, place: int) -> Made:
        """A tensor as Keras has it, as `Scaled` or `BatchElsewhere`."""
        return self._values[place]

    def tensor(self, operator: Operator, number: int = 0) -> Any:
        """An input of an operator as Keras has it."""
        place = operator.inputs[number]
        if place in self.graph.constants:
            raise self.refused(operator, f"its input {number} is a constant")
        value = self._values[place]
        return value.made(self.unique) if isinstance(value, Scaled | BatchElsewhere) else value

    def constant(self, operator: Operator, number: int) -> Array | None:
        """An input that does not depend on the network's; None if it does, or is left out."""
        if number >= len(operator.inputs):
            return None
        return self.graph.constants.get(operator.inputs[number])

    def needed(self, operator: Operator, number: int, what: str) -> Array:
        """A constant without which the operator cannot become a layer."""
        found = self.constant(operator, number)
        if found is None:
            raise self.refused(operator, f"{what} are computed, and not in the file")
        return found

    def optional(self, operator: Operator, number: int, what: str) -> Array | None:
        """A constant that may be left out; refuses one that is computed."""
        left_out = number >= len(operator.inputs) or operator.inputs[number] < 0
        return None if left_out else self.needed(operator, number, what)

    def shape(self, operator: Operator, number: int = 0) -> tuple[int, ...]:
        """Of an input, with the batch of one."""
        return self.graph.shapes[operator.inputs[number]]

    def result(self, operator: Operator, number: int = 0) -> tuple[int, ...]:
        """The shape of a result, with the batch of one."""
        return self.graph.shapes[operator.outputs[number]]

    def alike(self, operator: Operator) -> list[Any]:
        """The inputs that are no constants, with the same number of sides.

        TFLite adds sides in front of the first, which is the batch here: they come behind it.
        """
        numbers = [
            number
            for number, place in enumerate(operator.inputs)
            if place >= 0 and place not in self.graph.constants
        ]
        shapes = [self.shape(operator, number) for number in numbers]
        values = [self._values[operator.inputs[number]] for number in numbers]
        if apart := len({shape[:1] for shape in shapes}) > 1:
            shapes = [
                (1, *shape) if isinstance(value, WithoutBatch) else shape
                for value, shape in zip(values, shapes, strict=True)
            ]
        rank = max(map(len, shapes))
        uneven = any(len(shape) != rank for shape in shapes)
        if len({shape[:1] for shape in shapes}) > 1 or (uneven and shapes[0][:1] != (1,)):
            raise self.refused(operator, "it spreads one tensor over the examples of another")
        given = [
            value.tensor
            if apart and isinstance(value, WithoutBatch)
            else self.tensor(operator, number)
            for number, value in zip(numbers, values, strict=True)
        ]
        return [
            one
            if len(shape) == rank
            else self.reshaped(one, (1,) * (rank - len(shape)) + shape, f"{operator.name}_sides")
            for one, shape in zip(given, shapes, strict=True)
        ]

    def refused(self, operator: Operator, why: str, fix: str = "") -> Unsupported:
        """The error for an operator that cannot become layers."""
        return operator.refused(self.graph.origin, why, fix)

    def weighted(
        self, layer: Any, given: Any, weights: Sequence[Array | None], operator: Operator
    ) -> Any:
        """A layer's result, with weights of the file; those that are None do not exist."""
        made = layer(given)
        own = [np.asarray(value, np.float32) for value in weights if value is not None]
        if [value.shape for value in own] != [tuple(value.shape) for value in layer.weights]:
            raise self.refused(operator, "its weights do not fit its input")
        layer.set_weights(own)
        return made

    def reshaped(self, tensor: Any, shape: Sequence[int], name: str) -> Any:
        """A tensor in another shape, given with the batch of one."""
        whole = tuple(tensor.shape)
        if None not in whole[1:] and shape and shape[0] == 1 and whole[0] is None:
            if whole[1:] == tuple(shape[1:]):
                return tensor
            if np.prod(whole[1:]) == np.prod(shape[1:]):
                return self.layers.Reshape(tuple(shape[1:]), name=self.unique(name))(tensor)
        return self.ops.reshape(tensor, (-1, *shape[1:]))

    def axis(self, operator: Operator, axis: int, rank: int) -> int:
        """A side of a tensor by its number from the front; refuses that of the batch."""
        found = axis + rank if axis < 0 else axis
        if not 0 < found < rank:
            raise self.refused(operator, "it works across the examples of a batch")
        return found


Convert = Callable[[Building, Operator], Any]


def keras_network(
    graph: TfliteGraph, converters: Mapping[str, Convert], *, whole_numbers: bool = False
) -> Any:
    """A `keras.Model` of inputs (batch, …).

    Args:
        graph: Of the file.
        whole_numbers: Whether inputs of whole numbers take such; else all are float32, as examples
            with labels are.
        converters: What makes layers of an operator, by its kind; it returns one tensor for each
            result.

    Raises:
        Unsupported: An operator has no layers that compute the same.
    """
    building = Building(graph, whole_numbers)
    activations = _activations(building)
    given: list[Any] = []
    for place in graph.inputs:
        shape = graph.shapes[place]
        if not shape or shape[0] != 1:
            raise Unsupported(
                f"{graph.origin} takes {shape[0] if shape else 'single'} examples at once: its "
                f"input {graph.names[place]} has the shape {shape}",
                why="networks are brought in by one example, whose first side is 1",
                fix="make the file with a batch of 1",
            )
        name = building.unique(f"input_{len(given)}")
        own = graph.dtypes[place]
        dtype = own if whole_numbers and not own.startswith("float") else "float32"
        given.append(building.keras.Input(shape[1:], dtype=dtype, name=name))
        building.put(place, given[-1])
    for operator in graph.operators:
        convert = converters.get(operator.kind)
        if convert is None:
            raise building.refused(operator, "no layers of Keras are known that compute it")
        made = _converted(building, convert, operator)
        fused = getattr(operator.options, "fusedActivationFunction", 0)
        if fused and operator.kind not in _OWN_ACTIVATION:
            if fused not in activations:
                raise building.refused(operator, "its activation is not known")
            made = [activations[fused](one, f"{operator.name}_activation") for one in made]
        for place, value in zip(operator.outputs, made, strict=True):
            building.put(place, value)
    outputs = []
    for place in graph.outputs:
        if place in graph.constants or place not in building._values:
            raise Unsupported(
                f"{graph.origin}: its output {graph.names[place]} does not depend on its input",
                why="it is a constant",
                fix="make the file without that output",
            )
        value = building.value(place)
        outputs.append(
            value.made(building.unique) if isinstance(value, Scaled | BatchElsewhere) else value
        )
    # Functions of Keras name themselves, and may meet a layer's name.
    for operation in {op: None for made in outputs for op in operations_of(made)}:
        if not isinstance(operation, building.layers.Layer):
            operation.name = building.unique(operation.name)
    single = len(given) == len(outputs) == 1
    return building.keras.Model(*((given[0], outputs[0]) if single else (given, outputs)))


#: Kinds whose activation is inside of what they compute.
_OWN_ACTIVATION = frozenset({"UNIDIRECTIONAL_SEQUENCE_LSTM"})


def _converted(building: Building, convert: Convert, operator: Operator) -> list[Made]:
    try:
        made = convert(building, operator)
    except ZooError:
        raise
    # A damaged file, or one of an unknown form: Keras and numpy raise whatever they find.
    except Exception as error:
        raise building.refused(operator, f"{type(error).__name__}: {first_line(error)}") from error
    return list(made) if isinstance(made, list | tuple) else [made]


def _activations(building: Building) -> dict[int, Callable[[Any, str], Any]]:
    """Fused activations by their number in the schema."""
    codes = require("ai_edge_litert.schema_py_generated").ActivationFunctionType
    layers, unique = building.layers, building.unique

    def plain(value: Made) -> Any:
        return value.made(unique) if isinstance(value, Scaled | BatchElsewhere) else value

    return {
        codes.RELU: lambda value, name: layers.ReLU(name=unique(name))(plain(value)),
        codes.RELU6: lambda value, name: layers.ReLU(6.0, name=unique(name))(plain(value)),
        codes.RELU_N1_TO_1: lambda value, name: building.ops.clip(plain(value), -1.0, 1.0),
        codes.TANH: lambda value, name: layers.Activation("tanh", name=unique(name))(plain(value)),
    }
