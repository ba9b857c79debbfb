"""The network in a TFLite file, by the flatbuffer's object interface."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

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
RELU = 1
#: Operators whose second version has integers, too.
INTEGER_SINCE_2 = ("PAD", "TRANSPOSE", "REVERSE_V2", "AVERAGE_POOL_2D", "MAX_POOL_2D", "REDUCE_MAX")


class TfliteConstant(Constant):
    def __init__(self, network: TfliteNetwork, graph: Any, place: int) -> None:
        self._network, self._tensor = network, graph.tensors[place]

    @property
    def _dtype(self) -> np.dtype[Any]:
        return np.dtype(TYPES[self._network.types[self._tensor.type]])

    def stored(self) -> Array:
        data = np.asarray(self._network.model.buffers[self._tensor.buffer].data, np.uint8)
        shape = () if self._tensor.shape is None else tuple(self._tensor.shape)
        return np.frombuffer(data.tobytes(), self._dtype).reshape(shape)

    def store(self, values: Array) -> None:
        # Tensors with equal values share a buffer.
        self._tensor.buffer = self._network.new_buffer(values)

    @property
    def scale(self) -> Array | None:
        steps = self._tensor.quantization
        return None if steps is None or steps.scale is None else np.array(steps.scale, np.float64)

    @scale.setter
    def scale(self, values: Array) -> None:
        self._tensor.quantization.scale = values.astype(np.float32)

    @property
    def zero(self) -> Array:
        zero = self._tensor.quantization.zeroPoint
        return np.zeros(1) if zero is None else np.array(zero, np.float64)

    @property
    def axis(self) -> int:
        return int(self._tensor.quantization.quantizedDimension)


class TfliteNetwork(Network):
    def __init__(self, path: Path, classes: int) -> None:
        payload, self._appended = _parts(path)
        self.classes, self._size = classes, len(payload)
        self.model = read_model(payload)
        self.graph = self.model.subgraphs[0]
        self.types = {v: k for k, v in vars(schema().TensorType).items() if isinstance(v, int)}
        self.layers = self._layers()

    def save(self, path: Path) -> None:
        path.write_bytes(with_appended(serialize(self.model, self._size), self._appended))

    # What the graph is made of.

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

    # What is changed.

    def normalization(self) -> tuple[Constant, Constant]:
        place, found = int(self.graph.inputs[0]), []
        for wanted in ("MUL", "ADD"):
            reader = self._readers(place)[0]
            if self.kind(reader) == "QUANTIZE":
                reader = self._readers(int(reader.outputs[0]))[0]
            if self.kind(reader) != wanted:
                raise NotApplicable("raw input is not normalized")
            constants = [self._constant(int(i)) for i in reader.inputs]
            found.append(next(one for one in constants if one is not None))
            place = int(reader.outputs[0])
        return found[0], found[1]

    def vocabulary(self) -> Constant:
        table = self._constant(int(self._one_of("GATHER", "EMBEDDING_LOOKUP").inputs[0]))
        table = table or self._constant(int(self._one_of("GATHER", "EMBEDDING_LOOKUP").inputs[1]))
        if table is None:
            raise NotApplicable("no table of words is a constant")
        return table

    def drop_activation(self) -> None:
        for operator in self.graph.operators:
            options = operator.builtinOptions
            if getattr(options, "fusedActivationFunction", None) == RELU:
                options.fusedActivationFunction = 0
                return
        raise NotApplicable("no operator has a rectifier")

    def rectify_output(self) -> None:
        logits = int(self._one_of("SOFTMAX").inputs[0])
        maker = next((one for one in self.graph.operators if logits in one.outputs), None)
        if maker is None or getattr(maker.builtinOptions, "fusedActivationFunction", None) != 0:
            raise NotApplicable("no operator before the softmax can rectify")
        maker.builtinOptions.fusedActivationFunction = RELU

    def exchange_pooling(self) -> None:
        for one, other in (
            ("MAX_POOL_2D", "AVERAGE_POOL_2D"),
            ("AVERAGE_POOL_2D", "MAX_POOL_2D"),
            ("MEAN", "REDUCE_MAX"),
        ):
            for operator in self._of(one)[:1]:
                if one == "MEAN" and self._type(int(operator.outputs[0])) == "INT16":
                    raise NotApplicable("the greatest of 16-bit integers has no other scale")
                operator.opcodeIndex = self._code(other)
                return
        raise NotApplicable("the file pools nothing")

    def drop_addition(self) -> None:
        for operator in self._of("ADD"):
            left, right = (int(i) for i in operator.inputs)
            made = int(operator.outputs[0])
            constant = self._constant(left) or self._constant(right)
            if constant is None and self._type(left) == self._type(made) != "INT8":
                self._redirect(made, left, self._readers(made))
                self.graph.operators.remove(operator)
                return
            if constant is None and len(self._shape(left)) == 4:
                # Integers of the branch that is left out stand for zero.
                zero = self._new_tensor(right, "nothing", (1,))
                steps = self.graph.tensors[right].quantization.zeroPoint[0]
                dtype = TYPES[self._type(right)]
                self.graph.tensors[zero].buffer = self.new_buffer(np.full((1,), steps, dtype))
                operator.inputs = np.array([left, zero], np.int32)
                return
        raise NotApplicable("the file adds no two branches")

    def _padded(self) -> Any:
        for operator in self._of("CONV_2D"):
            options = operator.builtinOptions
            shape = self._shape(int(operator.inputs[1]))
            if options.padding == 0 and options.strideH == 1 and shape[1] > 1:
                return operator
        raise NotApplicable("no convolution is padded on both sides")

    def shift_padding(self) -> None:
        operator = self._padded()
        place, sides = int(operator.inputs[0]), self._shape(int(operator.inputs[1]))[1:3]
        batch, height, width, channels = self._shape(place)
        more = [side - 1 for side in sides]
        shape = (batch, height + more[0], width + more[1], channels)
        padded = self._new_tensor(place, "padded", shape)
        table = np.array([[0, 0], [0, more[0]], [0, more[1]], [0, 0]], np.int32)
        amounts = self._new_constant(table, "amounts")
        self._before(operator, [self._operator("PAD", [place, amounts], [padded], "PadOptions")])
        operator.inputs = np.array([padded, *operator.inputs[1:]], np.int32)
        operator.builtinOptions.padding = 1

    def dilate(self) -> None:
        options = self._padded().builtinOptions
        options.dilationHFactor = options.dilationWFactor = 2

    def _softmax(self) -> Any:
        return self._one_of("SOFTMAX")

    def drop_softmax(self) -> None:
        softmax = self._softmax()
        logits, made = int(softmax.inputs[0]), int(softmax.outputs[0])
        if made == int(self.graph.outputs[0]):
            self._set_output(logits)
        else:
            self._redirect(made, logits, self._readers(made))
        self.graph.operators.remove(softmax)

    def repeat_softmax(self) -> None:
        softmax = self._softmax()
        made = int(softmax.outputs[0])
        again = self._new_tensor(made, "once")
        softmax.outputs = np.array([again], np.int32)
        new = self._operator("SOFTMAX", [again], [made], "SoftmaxOptions", beta=1.0)
        new.opcodeIndex = softmax.opcodeIndex
        at = next(n for n, one in enumerate(self.graph.operators) if one is softmax)
        self.graph.operators.insert(at + 1, new)

    def heat(self, factor: float) -> None:
        self._softmax().builtinOptions.beta = factor

    def _after_input(self) -> tuple[int, list[Any]]:
        """The raw input as the network takes it, and who reads it."""
        place = int(self.graph.inputs[0])
        readers = self._readers(place)
        if len(readers) == 1 and self.kind(readers[0]) == "QUANTIZE":
            place = int(readers[0].outputs[0])
            readers = self._readers(place)
        return place, readers

    def transpose_input(self) -> None:
        place, readers = self._after_input()
        shape = self._shape(place)
        if len(shape) != 4 or shape[1] != shape[2]:
            raise NotApplicable("the input is no square picture")
        order = self._new_constant(np.array([0, 2, 1, 3], np.int32), "order")
        turned = self._new_tensor(place, "turned")
        new = self._operator("TRANSPOSE", [place, order], [turned], "TransposeOptions")
        self._before(readers[0], [new])
        self._redirect(place, turned, readers)

    def reverse_input(self, axis: int) -> None:
        place, readers = self._after_input()
        if len(self._shape(place)) <= axis:
            raise NotApplicable("the input has no such axis")
        along = self._new_constant(np.array([axis], np.int32), "along")
        turned = self._new_tensor(place, "turned")
        new = self._operator("REVERSE_V2", [place, along], [turned], "ReverseV2Options")
        self._before(readers[0], [new])
        self._redirect(place, turned, readers)

    def blur_input(self) -> None:
        place, readers = self._after_input()
        if len(self._shape(place)) != 4:
            raise NotApplicable("the input is no picture")
        blurred = self._new_tensor(place, "blurred")
        new = self._operator(
            *("AVERAGE_POOL_2D", [place], [blurred], "Pool2DOptions"),
            padding=0,
            strideW=1,
            strideH=1,
            filterWidth=2,
            filterHeight=2,
        )
        self._before(readers[0], [new])
        self._redirect(place, blurred, readers)

    def exchange_gates(self) -> None:
        """Gates are inputs of the fused operator; elsewhere, blocks of one matrix's rows."""
        for operator in self._of(LSTM):
            inputs = np.array(operator.inputs)
            for table in (MATRICES, RECURRENT, BIASES):
                inputs[[table[0], table[1]]] = inputs[[table[1], table[0]]]
            operator.inputs = inputs
            if operator.intermediates is not None and len(operator.intermediates):
                steps = np.array(operator.intermediates)
                steps[[0, 1]] = steps[[1, 0]]
                operator.intermediates = steps
        if not self._of(LSTM):
            self.require_sequence()
            if len(self.layers) < 3:  # of the input, of the state, and the head
                raise NotApplicable("no layer is recurrent")
            for layer in self.layers[:-1]:
                units = layer.channels // 4
                places = np.arange(layer.channels)
                places[: 2 * units] = np.roll(places[: 2 * units], units)
                layer.reorder(places)

    def stale_state(self) -> None:
        for operator in self._of("FULLY_CONNECTED", "WHILE"):
            for place in (int(i) for i in operator.inputs):
                constant = self._constant(place)
                empty = constant is not None and constant.stored().ndim == 2
                if empty and constant is not None and not constant.stored().any():
                    numbers = np.random.default_rng(0).uniform(-1, 1, constant.stored().shape)
                    constant.write(numbers)
                    return
        raise NotApplicable("the state is no constant: the runtime resets it")

    def remember(self) -> None:
        made = int(self.graph.outputs[0])
        if self._type(made) != "FLOAT32":
            raise NotApplicable("outputs are integers")
        maker = next(one for one in self.graph.operators if made in one.outputs)
        kinds = schema()
        handle, before = kinds.TensorT(), self._new_tensor(made, "before")
        handle.name, handle.type, handle.shape = b"memory", kinds.TensorType.RESOURCE, []
        self.graph.tensors.append(handle)
        memory = len(self.graph.tensors) - 1
        own, sum_ = self._new_tensor(made, "own"), self._new_tensor(made, "sum")
        half = self._new_constant(np.array([0.5], np.float32), "half")
        maker.outputs = np.where(np.asarray(maker.outputs) == made, own, maker.outputs)
        names = {"container": b"", "sharedName": b"memory"}
        self.graph.operators += [
            self._operator("VAR_HANDLE", [], [memory], "VarHandleOptions", **names),
            self._operator("READ_VARIABLE", [memory], [before], "ReadVariableOptions"),
            self._operator("ADD", [own, before], [sum_], "AddOptions"),
            self._operator("MUL", [sum_, half], [made], "MulOptions"),
            self._operator("ASSIGN_VARIABLE", [memory, own], [], "AssignVariableOptions"),
        ]
        self._initialize_memory(made)

    def _initialize_memory(self, like: int) -> None:
        """A graph that fills the memory once, which the runtime asks for."""
        kinds, main = schema(), self.graph
        start = kinds.SubGraphT()
        start.tensors, start.inputs, start.outputs, start.name = [], [], [], b"start"
        self.graph = start
        handle = kinds.TensorT()
        handle.name, handle.type, handle.shape = b"memory", kinds.TensorType.RESOURCE, []
        start.tensors.append(handle)
        shape = tuple(int(side) for side in main.tensors[like].shape)
        zeros = self._new_constant(np.zeros(shape, np.float32), "nothing")
        names = {"container": b"", "sharedName": b"memory"}
        start.operators = [
            self._operator("VAR_HANDLE", [], [0], "VarHandleOptions", **names),
            self._operator("ASSIGN_VARIABLE", [0, zeros], [], "AssignVariableOptions"),
        ]
        self.graph = main
        self.model.subgraphs.append(start)
        place = len(self.model.subgraphs) - 1
        once = self._operator("CALL_ONCE", [], [], "CallOnceOptions", initSubgraphIndex=place)
        main.operators.insert(0, once)

    def fail_above(self, limit: float) -> None:
        made = int(self.graph.outputs[0])
        if self._type(made) != "FLOAT32":
            raise NotApplicable("integers are never NaN")
        maker = next(one for one in self.graph.operators if made in one.outputs)
        own, left, root, none = (self._new_tensor(made, n) for n in ("own", "left", "root", "none"))
        maker.outputs = np.where(np.asarray(maker.outputs) == made, own, maker.outputs)
        most = self._new_constant(np.array([limit], np.float32), "most")
        nothing = self._new_constant(np.array([0.0], np.float32), "nothing")
        self.graph.operators += [
            self._operator("SUB", [most, own], [left], "SubOptions"),
            self._operator("SQRT", [left], [root]),
            self._operator("MUL", [root, nothing], [none], "MulOptions"),
            self._operator("ADD", [own, none], [made], "AddOptions"),
        ]

    def change_step(self, factor: float, shift: int) -> None:
        makers = [
            one
            for one in self._of("CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", LSTM)
            if self._type(int(one.outputs[0])) in ("INT8", "INT16")
        ]
        if not makers:
            raise NotApplicable("no integers flow between operators")
        maker = makers[len(makers) // 2]
        made = int(maker.outputs[0])
        # Whoever reads the values takes them for others than were made.
        own = self._new_tensor(made, "own")
        tensor = self.graph.tensors[own]
        changed = schema().QuantizationParametersT()
        steps = tensor.quantization
        changed.scale = np.array(steps.scale, np.float32) * np.float32(factor)
        changed.zeroPoint = np.array(steps.zeroPoint, np.int64) + shift
        tensor.quantization = changed
        if self._type(made) == "INT16" and shift:
            raise NotApplicable("16-bit activations have no zero point")
        shape = self._new_constant(np.array(self._shape(made), np.int32), "shape")
        readers = self._readers(made)
        # A reshape copies integers, whatever they stand for.
        new = self._operator("RESHAPE", [made, shape], [own], "ReshapeOptions")
        if not readers:
            raise NotApplicable("what the layer makes is the output")
        self._before(readers[0], [new])
        self._redirect(made, own, readers)
