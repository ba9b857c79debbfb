"""The entry of an ONNX file's network, in ONNX Runtime; see `zoo.contracts.NetworkEntry`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.optional_imports import require
from zoo.contracts.front_end import FRONT_END
from zoo.contracts.network_entry import FirstResult, NetworkEntry

from ..shared.entry_tensors import GraphStep, Kind, trace_entries
from .contents import _load
from .external_data import side_files
from .free_sides import fix_sizes
from .graph import OnnxGraph, session

Array = NDArray[Any]
_VALUES = frozenset(
    {"Mul", "Add", "Sub", "Div", "Min", "Max", "Pow", "Mod", "Abs", "Neg", "Sqrt", "Reciprocal"}
    | {"Exp", "Log", "Floor", "Ceil", "Round", "Sign", "Sin", "Cos", "Relu", "Clip", "Sigmoid"}
    | {"Tanh", "Elu", "LeakyRelu", "HardSwish", "HardSigmoid", "Gelu", "PRelu", "Selu", "Erf"}
    | {"ThresholdedRelu", "Softplus", "Softsign", "Where", "Not", "And", "Or", "Xor"}
)
_COMPARISONS = frozenset({"Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"})
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(_VALUES, "values"),
    **dict.fromkeys(_COMPARISONS, "comparison"),
    **dict.fromkeys(("Cast", "CastLike", "Identity", "Dropout"), "conversion"),
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear"), "conversion"),
    **dict.fromkeys(("Reshape", "Squeeze", "Unsqueeze", "Flatten"), "reshape"),
    "Transpose": "transpose",
    "Concat": "concatenate",
    "Pad": "pad",
    "Shape": "none",
}


def network_entry(path: Path, inputs: Array, results: bool) -> NetworkEntry:
    """Runs the operators up to the first layers; see `zoo.contracts.Exporter.network_entry`."""
    model = _load(path)
    side_files(model, path)
    fix_sizes(model, inputs)
    graph = _EntryGraph(model, path)
    raw = graph.inputs[0]
    entries, nodes = graph.behind_front_end()
    traces = trace_entries(
        [(name, graph.shape(name), None) for name in entries],
        [graph.step(node) for node in nodes],
        [value.name for value in model.graph.output],
    )
    results_of = traces.results(graph.is_float) if results else []
    given_by = [name for one in results_of for name in one.keys]
    # An input can be no output.
    inner = entries if entries[0] != raw.name else []
    wanted = dict.fromkeys((*traces.measured, *given_by, *inner))
    made = [name for name in wanted if name != raw.name]
    given = inputs.astype(graph.types[raw.name][0])
    found: dict[str, list[Array]] = {name: [] for name in made}
    if made:
        runtime = require("onnxruntime")
        level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
        running = session(graph.up_to(made), graph_optimization_level=level)
        for example in given:
            values = running.run(made, {raw.name: example[None]})
            for name, value in zip(made, values, strict=True):
                found[name].append(value)
    real = {name: graph.real(name, np.stack(values)) for name, values in found.items()}
    real[raw.name] = given.astype(np.float64)
    shape = graph.shape(entries[0])[1:]
    return NetworkEntry(
        tensors=tuple(
            traces.entry(name, name, real, shape)
            for name in traces.read
            if traces.found[name].origin == entries[0]
        ),
        results=tuple(
            one.record(str, lambda name: FirstResult(name=name, values=real[name]))
            for one in results_of
        ),
        made=real[inner[0]].reshape(-1, *shape) if inner else None,
    )


class _EntryGraph(OnnxGraph):
    """A file's graph, whose weights may lie beside it, as far as its entry is concerned."""

    def __init__(self, model: Any, path: Path) -> None:
        super().__init__(model)
        self._folder = path.parent
        self._fixed = {"", *self.constants}
        for node in self.nodes:
            if self._fixed.issuperset(node.input):
                self._fixed.update(node.output)

    def is_float(self, name: str) -> bool:
        """Whether a tensor is known to hold real numbers."""
        return name in self.types and self.types[name][0].startswith("float")

    def behind_front_end(self) -> tuple[list[str], list[Any]]:
        """The inputs and the nodes of the network itself."""
        front = [node for node in self.nodes if node.name.startswith(f"{FRONT_END}/")]
        network = [node for node in self.nodes if not node.name.startswith(f"{FRONT_END}/")]
        if not front:
            return [value.name for value in self.inputs], network
        return list(front[-1].output), network

    def step(self, node: Any) -> GraphStep[str]:
        """A node as far as it moves values."""
        reads = tuple(name for name in node.input if name not in self._fixed)
        made = node.output[0] if len(node.output) == 1 else ""
        kind: Kind = _KINDS.get(node.op_type, "layer")
        dtype, shape = self.types.get(made, ("", ()))
        axes: tuple[int, ...] = ()
        pads: tuple[tuple[int, int], ...] = ()
        if not dtype:
            kind = "none" if kind == "none" else "layer"
        elif kind == "transpose":
            given = self._attribute(node, "perm")
            axes = tuple(given) if given is not None else tuple(reversed(range(len(shape))))
        elif kind == "concatenate":
            axes = (int(self._attribute(node, "axis") or 0),)
            kind = kind if len(reads) == len(node.input) else "layer"
        elif kind == "pad":
            numbers = self._numbers(node.input[1])
            if numbers is None or len(node.input) > 3 or len(numbers) != 2 * len(shape):
                kind = "layer"
            else:
                sides = numbers.reshape(2, -1)
                pads = tuple((int(a), int(b)) for a, b in sides.T)
                kind = kind if (sides >= 0).all() else "layer"
        return GraphStep(
            kind=kind,
            name=node.op_type,
            reads=reads,
            makes=tuple(node.output),
            shape=shape,
            axes=axes,
            pads=pads,
            integers=self.mapping(node) if node.op_type == "QuantizeLinear" else None,
            half=dtype == "float16",
            whole=node.op_type == "Cast" and dtype.startswith(("int", "uint")),
        )

    def real(self, name: str, values: Array) -> Array:
        """A tensor's values as real numbers: those of a quantized one by its scale."""
        maker = self._maker(name)
        while maker is not None and maker.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            maker = self._maker(maker.input[0]) if maker.input else None
        integers = None if self.is_float(name) or maker is None else self.mapping(maker)
        return values.astype(np.float64) if integers is None else integers.real(values)

    def _maker(self, name: str) -> Any | None:
        place = self.producers.get(name)
        return None if place is None else self.nodes[place]

    def up_to(self, names: list[str]) -> Any:
        """The model without what its results, which these tensors become, do not need."""
        onnx = require("onnx")
        wanted, kept = list(names), set[str]()
        while wanted:
            name = wanted.pop()
            if name in kept:
                continue
            kept.add(name)
            maker = self._maker(name)
            wanted += () if maker is None else maker.input
        model = onnx.ModelProto(ir_version=self.model.ir_version)
        model.opset_import.extend(self.model.opset_import)
        model.graph.name = "entry"
        model.graph.input.extend(value for value in self.inputs if value.name in kept)
        model.graph.node.extend(n for n in self.nodes if kept.intersection(n.output))
        model.graph.initializer.extend(self._stored(n) for n in self.constants if n in kept)
        model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
        return model

    def _stored(self, name: str) -> Any:
        """A constant with its values, wherever they are."""
        onnx = require("onnx")
        tensor = self.constants[name]
        if not onnx.external_data_helper.uses_external_data(tensor):
            return tensor
        copied = onnx.TensorProto()
        copied.CopyFrom(tensor)
        onnx.external_data_helper.load_external_data_for_tensor(copied, str(self._folder))
        copied.ClearField("data_location")
        del copied.external_data[:]
        return copied

    def _numbers(self, name: str) -> Array | None:
        onnx = require("onnx")
        if name in self.constants:
            values: Array = onnx.numpy_helper.to_array(self._stored(name))
            return values
        maker = self._maker(name)
        if maker is not None and maker.op_type == "Constant":
            given = self._attribute(maker, "value")
            return None if given is None else onnx.numpy_helper.to_array(given)
        return None

    def _attribute(self, node: Any, name: str) -> Any:
        onnx = require("onnx")
        found = next((a for a in node.attribute if a.name == name), None)
        return None if found is None else onnx.helper.get_attribute_value(found)
