"""Calibration of ONNX graphs: tensor ranges and outputs, measured in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.optional_imports import require

from ..quantization.histograms import Histogram
from ..quantization.ranges import Range, range_of
from .graph import session

#: Operators whose result has the numbers of their input, and so its range.
_SAME_RANGE = frozenset(
    {"Reshape", "Squeeze", "Unsqueeze", "Transpose", "MaxPool", "Slice", "Gather", "Flatten"}
    | {"DepthToSpace", "SpaceToDepth", "Expand", "Identity", "Split"}
)


def observe_ranges(model: Any, samples: NDArray[Any]) -> dict[str, Histogram]:
    """Runs a float model on raw inputs (examples, …); returns histograms of its float tensors.

    Returns:
        What the input and each node's results held, by name of the tensor.
    """
    onnx = require("onnx")
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    kinds = _element_types(model)
    there = {value.name for value in model.graph.output}
    made = [name for node in model.graph.node for name in node.output if name]
    real = [name for name in made if kinds.get(name) == onnx.TensorProto.FLOAT]
    watched.graph.output.extend(
        onnx.helper.make_empty_tensor_value_info(name) for name in real if name not in there
    )
    running = session(watched)
    entry = running.get_inputs()[0]
    found = {name: Histogram() for name in real}
    if entry.type == "tensor(float)":
        found[entry.name] = Histogram()
    for sample in samples:
        values = running.run(real, {entry.name: sample[None]})
        for name, value in zip(real, values, strict=True):
            found[name].add(value)
        if entry.name in found:
            found[entry.name].add(sample)
    return found


def ranges(
    graph: Any, seen: Mapping[str, Histogram], method: str, *, integer_input: bool
) -> dict[str, Range]:
    """The range of each tensor that was seen, by a method.

    Args:
        graph: Where the tensors are.
        seen: From `observe_ranges`.
        method: One of `ranges.METHODS`.
        integer_input: Whether the input takes whole bytes, and so has their range.
    """
    found: dict[str, Range] = {}
    for value in graph.input:
        if value.name in seen:
            own = range_of(seen[value.name], method)
            found[value.name] = (0.0, 255.0) if integer_input else own
    for node in graph.node:
        sources = [name for name in node.input if name in found]
        for name in node.output:
            if name in seen and node.op_type in _SAME_RANGE and sources:
                found[name] = found[sources[0]]
            elif name in seen:
                found[name] = range_of(seen[name], method)
    return found


def compute_outputs(model: Any, inputs: NDArray[Any]) -> NDArray[Any]:
    """The outputs of a model for raw inputs (examples, …): float32 (examples, …)."""
    running = session(model)
    name = running.get_inputs()[0].name
    return np.array([running.run(None, {name: one[None]})[0][0] for one in inputs])


def _element_types(model: Any) -> dict[str, int]:
    graph = require("onnx").shape_inference.infer_shapes(model).graph
    known = [*graph.value_info, *graph.output, *graph.input]
    return {value.name: value.type.tensor_type.elem_type for value in known}
