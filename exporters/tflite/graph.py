"""A TFLite file's main graph: operators by name, constants as numbers, and graphs made of it."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.optional_imports import require

from ..quantization.four_bits import unpacked
from ..quantization.quantization_error import IntegerMapping, StoredWeights
from .contents import _operator_name, _parts, _Tally, _text
from .free_sides import settle_sizes
from .schema import serialize

Array = NDArray[Any]
_FLOATS = ("FLOAT32", "FLOAT16")
#: Types of constants that are read as numbers.
_NUMBERS = ("float32", "float16", "int4", "int8", "uint8", "int16", "int32")
#: Which dimension of an operator's weights counts output channels; the first, as a rule.
_CHANNELS = {"DEPTHWISE_CONV_2D": -1}


@dataclass(frozen=True, kw_only=True)
class Operator:
    """One operator of the main graph; tensors by their place in the file.

    Attributes:
        kind: ``CONV_2D``.
        arithmetic: As in the file's contents: ``integer``, …, ``conversion``, ``structural``.
        name: Of its first output; empty when it has none.
        variables: Inputs that hold values and are neither constants nor states.
    """

    kind: str
    arithmetic: str
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    variables: tuple[int, ...]


class TfliteGraph:
    """The main graph of a file."""

    def __init__(self, path: Path) -> None:
        self._schema = require("ai_edge_litert.schema_py_generated")
        payload, _ = _parts(path)
        self.model = self._schema.ModelT.InitFromPackedBuf(payload, 0)
        settle_sizes(self.model, payload)
        self.graph = self.model.subgraphs[0]
        self._types = _names(self._schema.TensorType)
        self.operators = self._operators()
        self.producers = {out: n for n, op in enumerate(self.operators) for out in op.outputs}

    def _operators(self) -> tuple[Operator, ...]:
        codes = _names(self._schema.BuiltinOperator)
        tally = _Tally(self._types, self.model.buffers)
        found = []
        for operator in self.graph.operators or []:
            kind = _operator_name(self.model, operator, codes)
            inputs = _places(operator.inputs)
            outputs = _places(operator.outputs)
            found.append(
                Operator(
                    kind=kind,
                    arithmetic=tally.arithmetic(kind, operator, self.graph),
                    name=self.name(outputs[0]) if outputs else "",
                    inputs=inputs,
                    outputs=outputs,
                    variables=tuple(i for i in inputs if not self._is_fixed(i)),
                )
            )
        return tuple(found)

    def _is_fixed(self, place: int) -> bool:
        return place < 0 or self.is_constant(place) or bool(self.graph.tensors[place].isVariable)

    def is_constant(self, place: int) -> bool:
        """Whether a tensor's values are in the file."""
        return self.model.buffers[self.graph.tensors[place].buffer].data is not None

    def graph_name(self) -> str:
        """The main graph's name; that of its signature where it has none."""
        signatures = self.model.signatureDefs or []
        keys = [_text(one.signatureKey) for one in signatures if one.subgraphIndex == 0]
        return next(filter(None, [_text(self.graph.name), *keys]), "main")

    def name(self, place: int) -> str:
        """A tensor's name."""
        return _text(self.graph.tensors[place].name)

    def shape(self, place: int) -> tuple[int, ...]:
        """A tensor's static shape."""
        shape = self.graph.tensors[place].shape
        return () if shape is None else tuple(int(side) for side in shape)

    def dtype(self, place: int) -> str:
        """Numpy's name of a tensor's element type."""
        return self._types[self.graph.tensors[place].type].lower()

    def is_float(self, place: int) -> bool:
        """Whether a tensor holds real numbers."""
        return self._types[self.graph.tensors[place].type] in _FLOATS

    def integers(self, place: int) -> IntegerMapping | None:
        """How a tensor's integers stand for real numbers; None when they do not, or by channel."""
        quantization = self.graph.tensors[place].quantization
        scaled = quantization is not None and quantization.scale is not None
        if not scaled or len(quantization.scale) != 1 or self.is_float(place):
            return None
        if np.dtype(self.dtype(place)).kind not in "iu" or quantization.scale[0] <= 0:
            return None
        zeros = quantization.zeroPoint
        return IntegerMapping(
            scale=float(quantization.scale[0]),
            zero_point=0 if zeros is None else int(zeros[0]),
            dtype=self.dtype(place),
        )

    def constant_bytes(self, operator: Operator) -> dict[int, int]:
        """Bytes of an operator's constants, by buffer; those behind a conversion among them."""
        found = {}
        for place in (self.stored(i) for i in operator.inputs if i >= 0):
            if place is not None:
                buffer = self.graph.tensors[place].buffer
                found[buffer] = len(self.model.buffers[buffer].data)
        return found

    def weights(self, operator: Operator) -> StoredWeights:
        """An operator's largest constant."""
        axis = _CHANNELS.get(operator.kind, 0)
        stored = [p for i in operator.inputs[1:] if i >= 0 and (p := self.stored(i)) is not None]
        stored = [p for p in stored if len(self.shape(p)) > 1]
        if not stored:
            return StoredWeights(values=None, axis=axis)
        return self._constant(max(stored, key=lambda p: int(np.prod(self.shape(p)))), axis)

    def stored(self, place: int) -> int | None:
        """The constant that a tensor is, or is converted from."""
        if self.is_constant(place):
            return place
        maker = self.producers.get(place)
        if maker is None or self.operators[maker].arithmetic != "conversion":
            return None
        source = self.operators[maker].inputs[0]
        return source if self.is_constant(source) else None

    def _constant(self, place: int, axis: int) -> StoredWeights:
        tensor = self.graph.tensors[place]
        dtype = self.dtype(place)
        if dtype not in _NUMBERS:
            return StoredWeights(values=None, axis=axis)
        shape, data = self.shape(place), self._data(place)
        if self.is_float(place):
            values = np.frombuffer(data, dtype).reshape(shape)
            return StoredWeights(values=values.astype(np.float32), axis=axis)
        small = dtype == "int4"
        count = int(np.prod(shape))
        numbers = (
            unpacked(np.frombuffer(data, np.uint8), count) if small else np.frombuffer(data, dtype)
        )
        values = numbers.reshape(shape)
        bits = 4 if small else 8 * values.itemsize
        quantization = tensor.quantization
        if quantization is None:
            return StoredWeights(values=None, axis=axis)
        if quantization.details is not None:
            own = quantization.details
            scale = np.frombuffer(self._data(own.scales), np.float16).astype(np.float64)
            wide = np.repeat(scale.reshape(shape[0], -1), own.blockSize, axis=1).reshape(shape)
            real = (values * wide).astype(np.float32)
            return StoredWeights(values=real, axis=axis, scales=scale.size, bits=bits)
        if quantization.scale is None:
            return StoredWeights(values=None, axis=axis)
        sides = [1] * values.ndim
        if len(quantization.scale) > 1:
            sides[quantization.quantizedDimension] = len(quantization.scale)
        scale = np.asarray(quantization.scale, np.float64).reshape(sides)
        given = quantization.zeroPoint
        zero = np.zeros(sides) if given is None else np.asarray(given).reshape(sides)
        real = ((values - zero) * scale).astype(np.float32)
        return StoredWeights(values=real, axis=axis, scales=scale.size, bits=bits)

    def _data(self, place: int) -> bytes:
        return np.asarray(
            self.model.buffers[self.graph.tensors[place].buffer].data, np.uint8
        ).tobytes()

    def cut(self, places: set[int]) -> tuple[bytes, dict[int, int]]:
        """The graph with tensors cut: their readers get a new input in place of the tensor.

        Returns:
            A file without a manifest, and for each cut tensor the input that took its place.
        """
        model = copy.copy(self.model)
        graph = copy.copy(self.graph)
        graph.tensors = list(graph.tensors)
        fed: dict[int, int] = {}
        for place in sorted(places):
            twin = copy.copy(graph.tensors[place])
            # Its buffer is the empty one: it is an input.
            twin.name, twin.buffer = f"fed/{place}".encode(), 0
            fed[place] = len(graph.tensors)
            graph.tensors.append(twin)
        graph.operators = [copy.copy(operator) for operator in graph.operators]
        for operator in graph.operators:
            operator.inputs = [fed.get(i, i) for i in _places(operator.inputs)]
        graph.inputs = [*_places(graph.inputs), *fed.values()]
        return self._packed(model, graph), fed

    def numbers(self, place: int) -> Array | None:
        """A constant's whole numbers; None when it is none."""
        if place < 0 or not self.is_constant(place) or self.dtype(place) not in ("int32", "int64"):
            return None
        data = np.asarray(self.model.buffers[self.graph.tensors[place].buffer].data, np.uint8)
        return np.frombuffer(data.tobytes(), self.dtype(place)).reshape(self.shape(place))

    def options(self, operator: Operator) -> Any:
        """An operator's own options."""
        return self.graph.operators[self.operators.index(operator)].builtinOptions

    def up_to(self, places: set[int]) -> bytes:
        """The graph without what its results, which these tensors become, do not need."""
        wanted, kept = list(places), set[int]()
        while wanted:
            maker = self.producers.get(wanted.pop())
            if maker is not None and maker not in kept:
                kept.add(maker)
                wanted += self.operators[maker].inputs
        model, graph = copy.copy(self.model), copy.copy(self.graph)
        graph.operators = [self.graph.operators[number] for number in sorted(kept)]
        graph.outputs = sorted(places)
        self._drop_constants(model, {i for n in kept for i in self.operators[n].inputs if i >= 0})
        return self._packed(model, graph)

    def alone(self, operator: int) -> bytes:
        """One operator as a file: its variables are the inputs, its results the outputs."""
        own = self.operators[operator]
        model = copy.copy(self.model)
        graph = copy.copy(self.graph)
        graph.operators = [self.graph.operators[operator]]
        graph.inputs, graph.outputs = list(own.variables), list(own.outputs)
        self._drop_constants(model, {i for i in own.inputs if i >= 0})
        return self._packed(model, graph)

    def _drop_constants(self, model: Any, needed: set[int]) -> None:
        """Empties the buffers of all tensors but these, and those of the bodies of loops."""
        used = {self.graph.tensors[i].buffer for i in needed}
        used |= {t.buffer for other in model.subgraphs[1:] for t in other.tensors}
        empty = self._schema.BufferT()
        model.buffers = [b if n in used else empty for n, b in enumerate(model.buffers)]

    def _packed(self, model: Any, graph: Any) -> bytes:
        model.subgraphs = [graph, *model.subgraphs[1:]]
        model.signatureDefs, model.metadata, model.metadataBuffer = None, None, None
        return serialize(model)


def _places(values: Any) -> tuple[int, ...]:
    return () if values is None else tuple(int(value) for value in values)


def _names(enumeration: Any) -> dict[int, str]:
    return {v: k for k, v in vars(enumeration).items() if isinstance(v, int)}
