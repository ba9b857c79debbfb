"""ONNX graphs with producers and readers of tensors, and subgraphs cut from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import Unsupported
from zoo.common.named_arrays import each_of
from zoo.common.optional_imports import require

from ..quantization.quantization_error import IntegerMapping, StoredWeights
from .contents import BLOCKS_OPERATOR, _load, _shape, _Tally
from .external_data import tensor_bytes
from .free_sides import fix_sizes
from .work import shapes_of

Array = NDArray[Any]
#: Which dimension of an operator's weights counts output channels.
_CHANNELS = {"Conv": 0, "ConvInteger": 0, "ConvTranspose": 1, "LSTM": 1, "GRU": 1}
_CHANNELS["DynamicQuantizeLSTM"] = -1


def session(model: Any, path: Path | None = None, **options: Any) -> Any:
    """Opens a graph, or a file, in ONNX Runtime: one thread, on the processor.

    Args:
        model: An `onnx.ModelProto`; None opens `path`.
        path: A file.
        **options: Attributes of the session's options.
    """
    runtime = require("onnxruntime")
    runtime.disable_telemetry_events()  # where a caller imported it before the zoo
    settings = runtime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    settings.log_severity_level = 3
    for name, value in options.items():
        setattr(settings, name, value)
    source = str(path) if model is None else model.SerializeToString()
    return runtime.InferenceSession(source, settings, providers=["CPUExecutionProvider"])


def feeds(running: Any, samples: Array) -> Iterator[dict[str, Array]]:
    """What a session is fed for each raw input, by name; several are a structured array."""
    names = [value.name for value in running.get_inputs()]
    arrays = each_of(samples)
    for number in range(len(samples)):
        yield {
            name: values[number : number + 1] for name, values in zip(names, arrays, strict=True)
        }


class OnnxGraph:
    """The graph of a file."""

    def __init__(self, model: Any) -> None:
        onnx = require("onnx")
        self.model = model
        self.nodes = list(model.graph.node)
        self.places = {id(node): place for place, node in enumerate(self.nodes)}
        self.constants = {tensor.name: tensor for tensor in model.graph.initializer}
        self.inputs = [v for v in model.graph.input if v.name not in self.constants]
        self.producers = {out: n for n, node in enumerate(self.nodes) for out in node.output if out}
        self.readers: dict[str, list[Any]] = {}
        for node in self.nodes:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)
        inferred = onnx.shape_inference.infer_shapes(model).graph
        self._tally = _Tally(model.graph, shapes_of(inferred))
        #: Name → numpy's name of the element type, and the static shape.
        self.types: dict[str, tuple[str, tuple[int, ...]]] = {
            value.name: (
                str(onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)),
                _shape(value),
            )
            for value in (*inferred.value_info, *inferred.output, *inferred.input)
            if value.type.tensor_type.elem_type and -1 not in _shape(value)
        }

    @classmethod
    def read(cls, path: Path, inputs: Array) -> OnnxGraph:
        """The graph as it is in the file, free sides at the sizes of these inputs.

        Raises:
            Unsupported: Its weights lie in files beside it.
        """
        model = _load(path)
        if any(tensor.external_data for tensor in model.graph.initializer):
            raise Unsupported(
                f"the layers of {path} cannot be compared",
                why="its weights lie in files beside it, and graphs that are cut cannot read them",
                fix="compare the layers of a smaller network of the same family",
            )
        fix_sizes(model, inputs)
        return cls(model)

    @classmethod
    def folded(cls, path: Path, scratch: Path, inputs: Array) -> OnnxGraph:
        """The graph after ONNX Runtime's basic optimizations; `scratch` is a file to write."""
        level = require("onnxruntime").GraphOptimizationLevel.ORT_ENABLE_BASIC
        session(None, path, graph_optimization_level=level, optimized_model_filepath=str(scratch))
        model = _load(scratch)
        fix_sizes(model, inputs)
        return cls(model)

    def node_names(self) -> list[str]:
        """Each operator's name, different ones for all, made as Model Explorer's adapter does.

        Quantizers leave operators without names.
        """
        found: list[str] = []
        used: set[str] = set()
        numbers: Counter[str] = Counter()
        for node in self.nodes:
            wanted = name = node.name or "node"
            while name in used:
                numbers[wanted] += 1
                name = f"{wanted}_{numbers[wanted]}"
            used.add(name)
            found.append(name)
        return found

    def arithmetic(self, node: Any) -> str:
        """As in the file's contents: ``integer``, …, ``conversion``, ``structural``."""
        return self._tally.arithmetic(node)

    def shape(self, name: str) -> tuple[int, ...]:
        """A tensor's static shape."""
        return self.types[name][1]

    def integers(self, name: str) -> IntegerMapping | None:
        """The integers that a result is rounded to; None when it stays real."""
        quantize = self._quantizer(name)
        return None if quantize is None else self.mapping(quantize)

    def mapping(self, node: Any) -> IntegerMapping | None:
        """The integers of a QuantizeLinear or DequantizeLinear; None with scales by channel."""
        scale, zero = (self._numbers(i) for i in (*node.input[1:3], "")[:2])
        if len(node.input) < 3:
            zero = np.zeros(1, np.uint8)  # what the operator takes without one
        if scale is None or scale.size != 1 or zero is None or zero.dtype.kind not in "iu":
            return None
        return IntegerMapping(
            scale=float(scale.reshape(-1)[0]),
            zero_point=int(zero.reshape(-1)[0]),
            dtype=str(zero.dtype),
        )

    def result(self, name: str) -> str:
        """The float tensor in which a result arrives at its readers."""
        quantize = self._quantizer(name)
        if quantize is None:
            return name
        readers = self.readers.get(quantize.output[0], [])
        back = next((n.output[0] for n in readers if n.op_type == "DequantizeLinear"), None)
        return back or name

    def _quantizer(self, name: str) -> Any | None:
        readers = self.readers.get(name, [])
        return next((node for node in readers if node.op_type == "QuantizeLinear"), None)

    def _numbers(self, name: str) -> Array | None:
        tensor = self.constants.get(name)
        if tensor is None:
            return None
        values: Array = require("onnx").numpy_helper.to_array(tensor)
        return values

    def constants_of(self, node: Any) -> list[str]:
        """Names of the constants that a node reads, those behind a conversion among them."""
        found = []
        for name in node.input:
            if name in self.constants:
                found.append(name)
                continue
            maker = self.producers.get(name)
            if maker is not None and self.nodes[maker].op_type == "DequantizeLinear":
                found += [i for i in self.nodes[maker].input if i in self.constants]
        return found

    def constant_bytes(self, node: Any) -> dict[str, int]:
        """Bytes of a node's constants by name; scales of activations are none of its own."""
        return {name: tensor_bytes(self.constants[name]) for name in self.constants_of(node)}

    def weights(self, node: Any) -> StoredWeights:
        """A node's largest constant."""
        axis = _CHANNELS.get(node.op_type, -1)
        if node.op_type == "Gemm" and any(a.name == "transB" and a.i for a in node.attribute):
            axis = 0
        if node.op_type == BLOCKS_OPERATOR:
            return self._in_blocks(node)
        found: list[StoredWeights] = []
        for name in node.input[1:]:
            plain = self._numbers(name)
            if plain is not None and plain.ndim > 1 and plain.dtype.kind == "f":
                found.append(StoredWeights(values=plain.astype(np.float32), axis=axis))
            elif name in self.producers:
                found += self._dequantized(self.nodes[self.producers[name]], axis)
        return max(found, key=_size, default=StoredWeights(values=None, axis=axis))

    def _in_blocks(self, node: Any) -> StoredWeights:
        """Weights of few bits as (inputs, outputs), which a dense layer's are elsewhere."""
        told = {attribute.name: attribute.i for attribute in node.attribute}
        numbers, scales = (self._numbers(name) for name in node.input[1:3])
        bits, block = told["bits"], told["block_size"]
        if numbers is None or scales is None or bits not in (4, 8):
            return StoredWeights(values=None, axis=-1)
        flat = numbers.reshape(-1)
        if bits == 4:
            flat = np.stack([flat & 0x0F, flat >> 4], axis=1).reshape(-1)
        centred = flat.astype(np.float32).reshape(-1, block) - 2 ** (bits - 1)
        real = centred * scales.reshape(-1, 1).astype(np.float32)
        values = real.reshape(told["N"], -1)[:, : told["K"]].T
        return StoredWeights(values=values, axis=-1, scales=int(scales.size), bits=bits)

    def _dequantized(self, node: Any, channels: int) -> list[StoredWeights]:
        if node.op_type != "DequantizeLinear":
            return []
        values, scale, zero = (self._numbers(i) for i in (*node.input, "")[:3])
        if values is None or scale is None or values.ndim < 2:
            return []
        sides = [1] * values.ndim
        if scale.size > 1:
            axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
            sides[axis] = scale.size
        shift = 0 if zero is None else zero.astype(np.float64).reshape(sides)
        real = (values.astype(np.float64) - shift) * scale.astype(np.float64).reshape(sides)
        bits = 4 if "int4" in str(values.dtype) else 8 * values.itemsize
        real = real.astype(np.float32)
        return [StoredWeights(values=real, axis=channels, scales=int(scale.size), bits=bits)]

    def sources(self, node: Any, known: dict[int, int]) -> list[int]:
        """The computing operators behind a node's inputs."""
        found, seen = [], set()
        wanted = list(node.input)
        while wanted:
            maker = self.producers.get(wanted.pop(0))
            if maker is None or maker in seen:
                continue
            seen.add(maker)
            if maker in known:
                found.append(maker)
            else:
                wanted += self.nodes[maker].input
        return found

    def merged(self, name: str, ends: set[str]) -> list[Any]:
        """The nodes from those that made the tensors of `ends` up to the one that made `name`."""
        found: list[Any] = []
        wanted = [name]
        while wanted:
            maker = self.producers.get(wanted.pop())
            if maker is None or self.nodes[maker] in found:
                continue
            found.append(self.nodes[maker])
            wanted += [i for i in self.nodes[maker].input if i not in ends]
        return found

    def with_outputs(self, names: set[str]) -> Any:
        """The model with these tensors as its outputs, and no others."""
        onnx = require("onnx")
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        del model.graph.output[:], model.metadata_props[:]
        model.graph.output.extend(
            onnx.helper.make_empty_tensor_value_info(n) for n in sorted(names)
        )
        return model

    def cut(self, names: set[str], wanted: set[str]) -> tuple[Any, dict[str, str]]:
        """The model with tensors cut: their readers get a new input in place of the tensor.

        Args:
            names: Tensors to cut; ``NAME/fed`` is the input that takes the place of one.
            wanted: Tensors to keep as outputs, rounded as their readers get them.

        Returns:
            The model, and for each wanted tensor the output that holds it.
        """
        onnx = require("onnx")
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        del model.metadata_props[:]
        graph = model.graph
        kept = {}
        copies = []
        for name in sorted(wanted):
            quantize = self._quantizer(name)
            if quantize is None or self.result(name) == name or name not in names:
                kept[name] = self.result(name)
                continue
            # Its own rounding, since that of the graph now belongs to what is fed.
            kept[name] = f"{name}/own"
            scales = list(quantize.input[1:])
            make = onnx.helper.make_node
            copies.append(make("QuantizeLinear", [name, *scales], [f"{name}/own_q"]))
            copies.append(make("DequantizeLinear", [f"{name}/own_q", *scales], [kept[name]]))
        for node in graph.node:
            node.input[:] = [f"{i}/fed" if i in names else i for i in node.input]
        graph.node.extend(copies)
        for name in sorted(names):
            dtype = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(self.types[name][0]))
            value = onnx.helper.make_tensor_value_info(f"{name}/fed", dtype, self.shape(name))
            graph.input.append(value)
        del graph.output[:], graph.value_info[:]
        outputs = sorted(set(kept.values()))
        graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in outputs)
        return model, kept


def _size(weights: StoredWeights) -> int:
    return 0 if weights.values is None else weights.values.size
