"""What an ONNX file is made of, by the onnx package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from zoo.exporters.quantization.four_bits import integers

from .network import Array, Constant, Layer, Network, NotApplicable

#: Operators with weights: their kind, and where the weights are among the inputs.
KINDS = {
    "Conv": ("conv", 1),
    "ConvInteger": ("conv", 1),
    "ConvTranspose": ("transposed", 1),
    "Gemm": ("dense", 1),
    "MatMulNBits": ("dense", 1),
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
        network: OnnxGraph,
        name: str,
        scale: str = "",
        zero: str = "",
        axis: int = 0,
    ) -> None:
        self._network, self.name = network, name
        self._scale, self._zero, self._axis = scale, zero, axis

    @property
    def _packed(self) -> bool:
        return bool(self._network.initializers[self.name].data_type == onnx.TensorProto.INT4)

    def stored(self) -> Array:
        found: Array = numpy_helper.to_array(self._network.initializers[self.name])
        return found.astype(np.int8) if self._packed else found

    def store(self, values: Array) -> None:
        if self._packed:
            tensor = self._network.initializers[self.name]
            tensor.CopyFrom(helper.make_tensor(self.name, tensor.data_type, values.shape, values))
            return
        self._network.replace(self.name, values)

    def limits(self) -> tuple[int, int]:
        return (-7, 7) if self._packed else super().limits()

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


class BlocksConstant(OnnxConstant):
    """The weights of a `MatMulNBits`: (outputs, values), a scale for each block of a row."""

    def __init__(self, network: OnnxGraph, node: Any) -> None:
        super().__init__(network, node.input[1], node.input[2])
        told = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        self._outputs, self._columns = int(told["N"]), int(told["K"])
        self._bits, self._block = int(told["bits"]), int(told["block_size"])

    @property
    def block(self) -> int | None:
        return self._block

    def stored(self) -> Array:
        held = numpy_helper.to_array(self._network.initializers[self.name])
        flat = held.reshape(self._outputs, -1)
        if self._bits == 4:
            flat = np.stack([flat & 0x0F, flat >> 4], axis=2).reshape(self._outputs, -1)
        signed = flat.astype(np.int16) - 2 ** (self._bits - 1)
        return signed[:, : self._columns].astype(np.int8)

    def store(self, values: Array) -> None:
        old = self._network.initializers[self.name]
        whole = -(-self._columns // self._block) * self._block
        wide = np.zeros((self._outputs, whole), np.int8)
        wide[:, : self._columns] = values
        self._network.replace(self.name, integers(wide, self._bits).reshape(tuple(old.dims)))

    def limits(self) -> tuple[int, int]:
        most = 2 ** (self._bits - 1) - 1
        return -most, most

    @property
    def scale(self) -> Array | None:
        found = super().scale
        return None if found is None else found.reshape(self._outputs, -1)

    @scale.setter
    def scale(self, values: Array) -> None:
        old = numpy_helper.to_array(self._network.initializers[self._scale])
        self._network.replace(self._scale, values.reshape(old.shape).astype(old.dtype))


class OnnxGraph(Network):
    def __init__(self, path: Path, classes: int) -> None:
        self.model = onnx.load(str(path))
        self.graph = self.model.graph
        self.initializers = {one.name: one for one in self.graph.initializer}
        self.classes = classes
        self.layers = self._layers()

    def save(self, path: Path) -> None:
        onnx.save(self.model, str(path))

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
        if node.op_type == "MatMulNBits":
            return BlocksConstant(self, node)
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
        if node.op_type == "MatMulNBits" and len(node.input) > 5:
            return self._constant(node.input[5])
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
                out = 0 if turned or node.op_type == "MatMulNBits" else rank - 1
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
