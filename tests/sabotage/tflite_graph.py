"""What a TFLite file is made of, by the flatbuffer's object interface."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from zoo.exporters.quantization.four_bits import packed, unpacked
from zoo.exporters.tflite.contents import _parts, with_appended
from zoo.exporters.tflite.schema import kind_of, read_model, schema, serialize

from .network import Array, Constant, Layer, Network, NotApplicable

KINDS = {
    "CONV_2D": ("conv", 0, (1, 2)),
    "DEPTHWISE_CONV_2D": ("depthwise", 3, (1, 2)),
    "TRANSPOSE_CONV": ("transposed", 0, (1, 2)),
    "FULLY_CONNECTED": ("dense", 0, ()),
}
LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
#: The type whose integers share bytes, two in each.
PACKED = "INT4"
TYPES = {
    "FLOAT32": "float32",
    "FLOAT16": "float16",
    "INT8": "int8",
    "UINT8": "uint8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
}
#: Places of an LSTM's matrices and biases among its inputs, gate by gate: input, forget, cell, out.
MATRICES, RECURRENT, BIASES = (1, 2, 3, 4), (5, 6, 7, 8), (12, 13, 14, 15)
#: Operators whose second version has integers, too.
INTEGER_SINCE_2 = ("PAD", "TRANSPOSE", "REVERSE_V2", "AVERAGE_POOL_2D", "MAX_POOL_2D", "REDUCE_MAX")


class TfliteConstant(Constant):
    def __init__(self, network: TfliteGraph, graph: Any, place: int) -> None:
        self._network, self._tensor = network, graph.tensors[place]

        self._graph = graph

    @property
    def _dtype(self) -> str:
        return str(self._network.types[self._tensor.type])

    def stored(self) -> Array:
        data = np.asarray(self._network.model.buffers[self._tensor.buffer].data, np.uint8)
        shape = () if self._tensor.shape is None else tuple(self._tensor.shape)
        if self._dtype == PACKED:
            return unpacked(data, int(np.prod(shape))).reshape(shape)
        return np.frombuffer(data.tobytes(), TYPES[self._dtype]).reshape(shape)

    def store(self, values: Array) -> None:
        # Tensors with equal values share a buffer.
        data = packed(values) if self._dtype == PACKED else values
        self._tensor.buffer = self._network.new_buffer(data)

    def limits(self) -> tuple[int, int]:
        return (-7, 7) if self._dtype == PACKED else super().limits()

    @property
    def block(self) -> int | None:
        steps = self._tensor.quantization
        return None if steps is None or steps.details is None else int(steps.details.blockSize)

    def _scales_of_blocks(self) -> TfliteConstant:
        place = int(self._tensor.quantization.details.scales)
        return TfliteConstant(self._network, self._graph, place)

    @property
    def scale(self) -> Array | None:
        steps = self._tensor.quantization
        if self.block is not None:
            return self._scales_of_blocks().stored().astype(np.float64)
        return None if steps is None or steps.scale is None else np.array(steps.scale, np.float64)

    @scale.setter
    def scale(self, values: Array) -> None:
        if self.block is not None:
            self._scales_of_blocks().store(values.astype(np.float16))
            return
        self._tensor.quantization.scale = values.astype(np.float32)

    @property
    def zero(self) -> Array:
        zero = self._tensor.quantization.zeroPoint
        return np.zeros(1) if zero is None else np.array(zero, np.float64)

    @property
    def axis(self) -> int:
        return int(self._tensor.quantization.quantizedDimension)


class TfliteGraph(Network):
    def __init__(self, path: Path, classes: int) -> None:
        payload, self._appended = _parts(path)
        self.classes, self._size = classes, len(payload)
        self.model = read_model(payload)
        self.graph = self.model.subgraphs[0]
        self.types = {v: k for k, v in vars(schema().TensorType).items() if isinstance(v, int)}
        self.layers = self._layers()

    def save(self, path: Path) -> None:
        path.write_bytes(with_appended(serialize(self.model, self._size), self._appended))

    def kind(self, operator: Any) -> str:
        return kind_of(self.model, operator)

    def _of(self, *kinds: str, graph: Any = None) -> list[Any]:
        operators = (self.graph if graph is None else graph).operators
        return [one for one in operators if self.kind(one) in kinds]

    def _one_of(self, *kinds: str) -> Any:
        found = self._of(*kinds)
        if not found:
            raise NotApplicable(f"the file has no {' or '.join(kinds)}")
        return found[len(found) // 2]

    def _constant(self, place: int, graph: Any = None) -> TfliteConstant | None:
        """The constant at a place, also behind the operator that makes it float32."""
        graph = self.graph if graph is None else graph
        if place < 0:
            return None
        if self.model.buffers[graph.tensors[place].buffer].data is not None:
            return TfliteConstant(self, graph, place)
        makers = [one for one in self._of("DEQUANTIZE", graph=graph) if place in one.outputs]
        return self._constant(int(makers[0].inputs[0]), graph) if makers else None

    def _layers(self) -> list[Layer]:
        """Those of loops come first: what follows a loop is the head."""
        return [layer for one in reversed(self.model.subgraphs) for layer in self._layers_of(one)]

    def _layers_of(self, graph: Any) -> list[Layer]:
        found, seen = [], set()
        for operator in graph.operators:
            kind, places = self.kind(operator), [int(i) for i in operator.inputs]
            if kind in KINDS:
                name, out, spatial = KINDS[kind]
                number = 3 if kind == "TRANSPOSE_CONV" else 2
                bias = places[number] if len(places) > number else -1
                pairs = [(places[1], bias)]
            elif kind == LSTM:
                name, out, spatial = "recurrent", 0, ()
                pairs = [(places[w], places[b]) for w, b in zip(MATRICES, BIASES, strict=True)]
                pairs += [(places[w], -1) for w in RECURRENT]
            else:
                continue
            for weights, bias in pairs:
                own = self._constant(weights, graph)
                if own is None or weights in seen:  # a matrix of every step, or of two variables
                    continue
                seen.add(weights)
                found.append(
                    Layer(
                        kind=name,
                        weights=own,
                        bias=self._constant(bias, graph),
                        out=out,
                        spatial=spatial,
                    )
                )
        return found

    def new_buffer(self, values: Array) -> int:
        buffer = schema().BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        return len(self.model.buffers) - 1

    def _new_tensor(self, like: int, name: str, shape: tuple[int, ...] | None = None) -> int:
        """A tensor of the type and scale of another."""
        model, new = self.graph.tensors[like], schema().TensorT()
        new.name, new.type, new.quantization = name.encode(), model.type, model.quantization
        new.shape = model.shape if shape is None else np.array(shape, np.int32)
        self.graph.tensors.append(new)
        return len(self.graph.tensors) - 1

    def _new_constant(self, values: Array, name: str) -> int:
        new = schema().TensorT()
        kinds = {v: k for k, v in TYPES.items()}
        new.name = name.encode()
        new.type = getattr(schema().TensorType, kinds[values.dtype.name])
        new.shape, new.buffer = np.array(values.shape, np.int32), self.new_buffer(values)
        self.graph.tensors.append(new)
        return len(self.graph.tensors) - 1

    def _code(self, kind: str) -> int:
        """The place of an operator's code, which is added where there is none."""
        number = getattr(schema().BuiltinOperator, kind)
        for place, code in enumerate(self.model.operatorCodes):
            if max(code.builtinCode, code.deprecatedBuiltinCode) == number:
                return place
        code = schema().OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode = number, min(number, 127)
        code.version = 2 if kind in INTEGER_SINCE_2 else 1
        self.model.operatorCodes.append(code)
        return len(self.model.operatorCodes) - 1

    def _operator(
        self, kind: str, inputs: list[int], outputs: list[int], options: str = "", **fields: Any
    ) -> Any:
        new = schema().OperatorT()
        new.opcodeIndex = self._code(kind)
        new.inputs, new.outputs = np.array(inputs, np.int32), np.array(outputs, np.int32)
        if options:
            new.builtinOptionsType = getattr(schema().BuiltinOptions, options)
            new.builtinOptions = getattr(schema(), f"{options}T")()
            for name, value in fields.items():
                setattr(new.builtinOptions, name, value)
        return new

    def _readers(self, place: int) -> list[Any]:
        return [one for one in self.graph.operators if place in one.inputs]

    def _redirect(self, old: int, new: int, readers: list[Any]) -> None:
        for reader in readers:
            reader.inputs = np.where(np.asarray(reader.inputs) == old, new, reader.inputs)

    def _set_output(self, place: int) -> None:
        old = int(self.graph.outputs[0])
        self.graph.outputs = np.array([place], np.int32)
        for signature in self.model.signatureDefs or []:
            for entry in signature.outputs:
                if entry.tensorIndex == old:
                    entry.tensorIndex = place

    def _before(self, operator: Any, new: list[Any]) -> None:
        at = next(n for n, one in enumerate(self.graph.operators) if one is operator)
        self.graph.operators[at:at] = new

    def _type(self, place: int) -> str:
        return self.types[self.graph.tensors[place].type]

    def _shape(self, place: int) -> tuple[int, ...]:
        return tuple(int(side) for side in self.graph.tensors[place].shape)
