"""The network in an ONNX file, by the onnx package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from .network import Array, Constant, Layer, Network, NotApplicable

#: Operators with weights: their kind, and where the weights are among the inputs.
KINDS = {
    "Conv": ("conv", 1),
    "ConvInteger": ("conv", 1),
    "ConvTranspose": ("transposed", 1),
    "Gemm": ("dense", 1),
    "MatMul": ("dense", 1),
    "MatMulInteger": ("dense", 1),
    "DynamicQuantizeMatMul": ("dense", 1),
    "LSTM": ("recurrent", 1),
    "DynamicQuantizeLSTM": ("recurrent", 1),
}
LSTMS = ("LSTM", "DynamicQuantizeLSTM")
#: Between an operator and the one that adds its bias.
PASSING = ("Cast", "Mul", "Reshape", "Squeeze", "QuantizeLinear", "DequantizeLinear")


class OnnxConstant(Constant):
    """An initializer, with those that hold its scale and zero point."""

    def __init__(
        self,
        network: OnnxNetwork,
        name: str,
        scale: str = "",
        zero: str = "",
        axis: int = 0,
    ) -> None:
        self._network, self.name = network, name
        self._scale, self._zero, self._axis = scale, zero, axis

    def stored(self) -> Array:
        found: Array = numpy_helper.to_array(self._network.initializers[self.name])
        return found

    def store(self, values: Array) -> None:
        self._network.replace(self.name, values)

    @property
    def scale(self) -> Array | None:
        if not self._scale:
            return None
        held = numpy_helper.to_array(self._network.initializers[self._scale])
        return np.asarray(held, np.float64).reshape(-1)

    @scale.setter
    def scale(self, values: Array) -> None:
        old = numpy_helper.to_array(self._network.initializers[self._scale])
        self._network.replace(self._scale, values.reshape(old.shape).astype(old.dtype))

    @property
    def zero(self) -> Array:
        if not self._zero:
            return np.zeros(1)
        held = numpy_helper.to_array(self._network.initializers[self._zero])
        return np.asarray(held, np.float64).reshape(-1)

    @property
    def axis(self) -> int:
        return self._axis


class OnnxNetwork(Network):
    def __init__(self, path: Path, classes: int) -> None:
        self.model = onnx.load(str(path))
        self.graph = self.model.graph
        self.initializers = {one.name: one for one in self.graph.initializer}
        self.classes = classes
        self.layers = self._layers()

    def save(self, path: Path) -> None:
        onnx.save(self.model, str(path))

    # What the graph is made of.

    def replace(self, name: str, values: Array) -> None:
        self.initializers[name].CopyFrom(
            numpy_helper.from_array(np.ascontiguousarray(values), name)
        )

    def _add_constant(self, name: str, values: Array) -> str:
        self.graph.initializer.append(numpy_helper.from_array(values, name))
        self.initializers[name] = self.graph.initializer[-1]
        return name

    def _maker(self, name: str) -> Any:
        return next((node for node in self.graph.node if name in node.output), None)

    def _readers(self, name: str) -> list[Any]:
        return [node for node in self.graph.node if name in node.input]

    def _constant(self, name: str) -> OnnxConstant | None:
        """An initializer, also behind the nodes that make it float."""
        if name in self.initializers:
            return OnnxConstant(self, name)
        node = self._maker(name) if name else None
        if node is None:
            return None
        if node.op_type == "DequantizeLinear" and node.input[0] in self.initializers:
            axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
            return OnnxConstant(self, *node.input[:3], axis=axis)
        if node.op_type in ("Cast", "Reshape", "Identity", "Transpose"):
            return self._constant(node.input[0])
        return None

    def _weights(self, node: Any) -> OnnxConstant | None:
        """The weights of an operator, with the scale that the file has for them."""
        place, name = KINDS[node.op_type][1], node.input
        if node.op_type in ("ConvInteger", "MatMulInteger"):
            if name[1] not in self.initializers:
                return None
            zero = name[3] if len(name) > 3 else ""
            rank = len(self.initializers[name[1]].dims)
            axis = 0 if node.op_type == "ConvInteger" else rank - 1
            return OnnxConstant(self, name[1], self._integer_scale(node), zero, axis)
        if node.op_type == "DynamicQuantizeMatMul":
            return OnnxConstant(self, name[1], name[2], name[3] if len(name) > 3 else "", 1)
        return self._constant(name[place])

    def _integer_scale(self, node: Any) -> str:
        """The initializer that the scale of the input is multiplied with, beside an operator."""
        cast = self._readers(node.output[0])[0]
        product = self._readers(cast.output[0])[0]
        scales = self._maker(next(i for i in product.input if i != cast.output[0]))
        return str(next(i for i in scales.input if i in self.initializers))

    def _bias(self, node: Any) -> OnnxConstant | None:
        if node.op_type in ("Conv", "ConvTranspose", "Gemm") and len(node.input) > 2:
            return self._constant(node.input[2])
        made = node.output[0]
        for _ in range(5):
            readers = self._readers(made)
            if len(readers) != 1:
                return None
            if readers[0].op_type == "Add":
                return self._constant(next(i for i in readers[0].input if i != made))
            if readers[0].op_type not in PASSING:
                return None
            made = readers[0].output[0]
        return None

    def _layers(self) -> list[Layer]:
        found, seen = [], set()
        for node in self.graph.node:
            if node.op_type not in KINDS:
                continue
            kind, weights = KINDS[node.op_type][0], self._weights(node)
            if weights is None or weights.name in seen:
                continue
            seen.add(weights.name)
            if kind == "recurrent":
                found += self._recurrent(node)
                continue
            rank, out, spatial = weights.stored().ndim, 0, ()
            if kind == "dense":
                turned = any(a.name == "transB" and a.i for a in node.attribute)
                out = 0 if turned else rank - 1
            elif kind == "transposed":
                out, spatial = 1, (2, 3)
            else:
                spatial = (2, 3)
            found.append(
                Layer(kind=kind, weights=weights, bias=self._bias(node), out=out, spatial=spatial)
            )
        return found

    def _recurrent(self, node: Any) -> list[Layer]:
        """Matrices of input and of state; those that are integers have their scales behind."""
        names, found = list(node.input), []
        for place in (1, 2):
            weights = self._constant(names[place])
            if weights is None:
                continue
            # W: (1, 4 × units, values); integers are stored the other way round.
            out = 1
            if node.op_type == "DynamicQuantizeLSTM":
                scale, zero = names[8 + 2 * (place - 1)], names[9 + 2 * (place - 1)]
                weights, out = OnnxConstant(self, names[place], scale, zero, 2), 2
            bias = self._constant(names[3]) if place == 1 and len(names) > 3 else None
            found.append(Layer(kind="recurrent", weights=weights, bias=bias, out=out))
        return found

    def _node(self, kind: str, inputs: list[str], outputs: list[str], **attributes: Any) -> Any:
        return helper.make_node(kind, inputs, outputs, **attributes)

    def _insert(self, node: Any, before: Any) -> None:
        at = next(n for n, one in enumerate(self.graph.node) if one is before or one == before)
        self.graph.node.insert(at, node)

    @staticmethod
    def _redirect(old: str, new: str, readers: list[Any]) -> None:
        for reader in readers:
            for place, name in enumerate(reader.input):
                if name == old:
                    reader.input[place] = new

    def _one_of(self, *kinds: str) -> Any:
        found = [node for node in self.graph.node if node.op_type in kinds]
        if not found:
            raise NotApplicable(f"the file has no {' or '.join(kinds)}")
        return found[len(found) // 2]

    @staticmethod
    def _set(node: Any, **attributes: Any) -> None:
        kept = [a for a in node.attribute if a.name not in attributes]
        del node.attribute[:]
        node.attribute.extend(kept)
        node.attribute.extend(
            helper.make_attribute(name, value)
            for name, value in attributes.items()
            if value is not None
        )

    # What is changed.

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
