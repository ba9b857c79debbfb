"""The sabotages of TFLite files."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.exporters.tflite.schema import schema

from .network import Constant, NotApplicable
from .tflite_graph import BIASES, LSTM, MATRICES, RECURRENT, TYPES, TfliteGraph

RELU = 1


class TfliteNetwork(TfliteGraph):
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

    def cut_above(self, limit: float) -> None:
        own, made = self._own_output("outputs are integers")
        most = self._new_constant(np.array([limit], np.float32), "most")
        self.graph.operators.append(
            self._operator("MINIMUM", [own, most], [made], "MaximumMinimumOptions")
        )

    def _own_output(self, otherwise: str) -> tuple[int, int]:
        """A tensor that the last operator gives in place of the output, and the output."""
        made = int(self.graph.outputs[0])
        if self._type(made) != "FLOAT32":
            raise NotApplicable(otherwise)
        maker = next(one for one in self.graph.operators if made in one.outputs)
        own = self._new_tensor(made, "own")
        maker.outputs = np.where(np.asarray(maker.outputs) == made, own, maker.outputs)
        return own, made

    def fail_above(self, limit: float) -> None:
        own, made = self._own_output("integers are never NaN")
        left, root, none = (self._new_tensor(made, n) for n in ("left", "root", "none"))
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
