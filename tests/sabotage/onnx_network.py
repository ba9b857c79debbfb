"""The sabotages of ONNX files."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from .network import Constant, NotApplicable
from .onnx_graph import LSTMS, OnnxGraph


class OnnxNetwork(OnnxGraph):
    def normalization(self) -> tuple[Constant, Constant]:
        name, found = self.graph.input[0].name, []
        for wanted in ("Mul", "Add"):
            reader = self._readers(name)[0]
            if reader.op_type == "Cast":
                reader = self._readers(reader.output[0])[0]
            if reader.op_type != wanted:
                raise NotApplicable("raw input is not normalized")
            constants = [self._constant(one) for one in reader.input]
            found.append(next(one for one in constants if one is not None))
            name = reader.output[0]
        return found[0], found[1]

    def vocabulary(self) -> Constant:
        for node in self.graph.node:
            table = self._constant(node.input[0]) if node.op_type == "Gather" else None
            if table is not None and table.stored().ndim == 2:
                return table
        raise NotApplicable("the file has no table of words")

    def drop_activation(self) -> None:
        node = next((node for node in self.graph.node if node.op_type == "Relu"), None)
        if node is None:
            raise NotApplicable("no operator is a rectifier")
        node.op_type = "Identity"

    def rectify_output(self) -> None:
        softmax = self._one_of("Softmax")
        logits = softmax.input[0]
        self._insert(self._node("Relu", [logits], ["rectified"]), softmax)
        self._one_of("Softmax").input[0] = "rectified"

    def exchange_pooling(self) -> None:
        for one, other in (
            ("MaxPool", "AveragePool"),
            ("AveragePool", "MaxPool"),
            ("GlobalAveragePool", "GlobalMaxPool"),
            ("ReduceMean", "ReduceMax"),
        ):
            for node in [node for node in self.graph.node if node.op_type == one][:1]:
                node.op_type = other
                unknown = {"dilations", "storage_order"} if other == "AveragePool" else set()
                kept = [a for a in node.attribute if a.name not in {*unknown, "count_include_pad"}]
                del node.attribute[:]
                node.attribute.extend(kept)
                return
        raise NotApplicable("the file pools nothing")

    def drop_addition(self) -> None:
        for node in self.graph.node:
            if node.op_type == "Add" and all(self._constant(one) is None for one in node.input):
                del node.input[1]
                node.op_type = "Identity"
                return
        raise NotApplicable("the file adds no two branches")

    def _padded(self) -> tuple[Any, int]:
        """A convolution with the same padding on both sides, and the side of its kernel."""
        for node in self.graph.node:
            weights = self._weights(node) if node.op_type in ("Conv", "ConvInteger") else None
            if weights is None:
                continue
            given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            side = int(weights.stored().shape[2])
            stride = given.get("strides", [1, 1])[0]
            same = given.get("auto_pad") in (b"SAME_UPPER", b"SAME_LOWER")
            padded = same or set(given.get("pads", [0])) == {side // 2}
            if padded and stride == 1 and side > 1:
                return node, side
        raise NotApplicable("no convolution is padded on both sides")

    def shift_padding(self) -> None:
        node, side = self._padded()
        self._set(node, pads=[0, 0, side - 1, side - 1], auto_pad=None)

    def dilate(self) -> None:
        node, side = self._padded()
        self._set(node, pads=[side - 1] * 4, dilations=[2, 2], auto_pad=None)

    def drop_softmax(self) -> None:
        softmax = self._one_of("Softmax")
        self._set(softmax, axis=None)
        softmax.op_type = "Identity"

    def repeat_softmax(self) -> None:
        softmax = self._one_of("Softmax")
        made = softmax.output[0]
        softmax.output[0] = "once"
        at = next(n for n, one in enumerate(self.graph.node) if one == softmax)
        self.graph.node.insert(at + 1, self._node("Softmax", ["once"], [made], axis=-1))

    def _logits_type(self) -> Any:
        half = any(one.data_type == onnx.TensorProto.FLOAT16 for one in self.graph.initializer)
        return np.float16 if half else np.float32

    def heat(self, factor: float) -> None:
        softmax = self._one_of("Softmax")
        logits = softmax.input[0]
        constant = self._add_constant("heat", np.array(factor, self._logits_type()))
        softmax.input[0] = "hot"
        self._insert(self._node("Mul", [logits, constant], ["hot"]), softmax)

    def _input(self) -> tuple[str, list[int], list[Any]]:
        given = self.graph.input[0]
        shape = [one.dim_value for one in given.type.tensor_type.shape.dim]
        return given.name, shape, self._readers(given.name)

    def _change_input(self, kind: str, inputs: list[str], **attributes: Any) -> None:
        name, _, readers = self._input()
        self._redirect(name, "changed_input", readers)
        node = self._node(kind, [name, *inputs], ["changed_input"], **attributes)
        self.graph.node.insert(0, node)

    def _picture(self) -> list[int]:
        _, shape, _ = self._input()
        if len(shape) != 4 or 1 not in (shape.count(shape[2]) - 1, shape.count(shape[1]) - 1):
            raise NotApplicable("the input is no square picture")
        return shape

    def transpose_input(self) -> None:
        first = 1 if self._picture()[1] == self._picture()[2] else 2
        order = [0, 2, 1, 3] if first == 1 else [0, 1, 3, 2]
        self._change_input("Transpose", [], perm=order)

    def reverse_input(self, axis: int) -> None:
        _, shape, _ = self._input()
        if len(shape) <= axis:
            raise NotApplicable("the input has no such axis")
        if len(shape) == 4 and shape[1] != shape[2]:
            axis += 1  # channels come first
        least = np.iinfo(np.int64).min
        numbers = {"starts": -1, "ends": least, "axes": axis, "steps": -1}
        names = [self._add_constant(k, np.array([v], np.int64)) for k, v in numbers.items()]
        self._change_input("Slice", names)

    def blur_input(self) -> None:
        shape = self._picture()
        name, _, readers = self._input()
        if shape[1] != shape[2]:
            raise NotApplicable("channels come first")
        self._redirect(name, "blurred", readers)
        sides = {"kernel_shape": [2, 2], "strides": [1, 1], "auto_pad": "SAME_UPPER"}
        for node in reversed(
            [
                self._node("Transpose", [name], ["first"], perm=[0, 3, 1, 2]),
                self._node("AveragePool", ["first"], ["pooled"], **sides),
                self._node("Transpose", ["pooled"], ["blurred"], perm=[0, 2, 3, 1]),
            ]
        ):
            self.graph.node.insert(0, node)

    def exchange_gates(self) -> None:
        """ONNX has input, output, forget and cell in a row."""
        for layer in self.layers:
            if layer.kind != "recurrent":
                continue
            for constant, out in ((layer.weights, layer.out), (layer.bias, 1)):
                if constant is None:
                    continue
                values = constant.stored()
                blocks = np.split(values, 8 if constant is layer.bias else 4, axis=out)
                for start in range(0, len(blocks), 4):
                    blocks[start], blocks[start + 2] = blocks[start + 2], blocks[start]
                constant.store(np.concatenate(blocks, axis=out))
        if not any(layer.kind == "recurrent" for layer in self.layers):
            raise NotApplicable("no layer is recurrent")

    def stale_state(self) -> None:
        node = self._one_of(*LSTMS)
        recurrent = self._constant(node.input[2])
        assert recurrent is not None
        units = min(recurrent.stored().shape[1:])
        while len(node.input) < 7:
            node.input.append("")
        for place, name in ((5, "stale"), (6, "stale_cell")):
            numbers = np.random.default_rng(place).uniform(-1, 1, (1, 1, units))
            node.input[place] = self._add_constant(name, numbers.astype(self._logits_type()))

    def remember(self) -> None:
        raise NotApplicable("the runtime keeps nothing between two inputs")

    def _rename_output(self) -> tuple[str, str]:
        """What was made for the output gets another name; returns both."""
        name = self.graph.output[0].name
        node = self._maker(name)
        for place, made in enumerate(node.output):
            if made == name:
                node.output[place] = "own_output"
        return "own_output", name

    def fail_above(self, limit: float) -> None:
        own, name = self._rename_output()
        most = self._add_constant("most", np.array(limit, np.float32))
        nothing = self._add_constant("nothing", np.array(0.0, np.float32))
        self.graph.node.extend(
            [
                self._node("Sub", [most, own], ["left"]),
                self._node("Sqrt", ["left"], ["root"]),
                self._node("Mul", ["root", nothing], ["none"]),
                self._node("Add", [own, "none"], [name]),
            ]
        )

    def cut_above(self, limit: float) -> None:
        own, name = self._rename_output()
        most = self._add_constant("most", np.array(limit, np.float32))
        self.graph.node.append(self._node("Min", [own, most], [name]))

    def change_step(self, factor: float, shift: int) -> None:
        readers = [
            node
            for node in self.graph.node
            if node.op_type == "DequantizeLinear" and node.input[0] not in self.initializers
        ]
        if not readers:
            raise NotApplicable("no integers flow between operators")
        node = readers[len(readers) // 2]
        scale, zero = (numpy_helper.to_array(self.initializers[i]) for i in node.input[1:3])
        limits = np.iinfo(zero.dtype)
        moved = np.clip(zero.astype(np.int64) + shift, limits.min, limits.max).astype(zero.dtype)
        node.input[1] = self._add_constant("read_scale", (scale * factor).astype(scale.dtype))
        node.input[2] = self._add_constant("read_zero", moved)
