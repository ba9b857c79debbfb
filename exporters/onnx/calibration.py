"""Calibration of ONNX graphs: tensor ranges and outputs, measured in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.optional_imports import require

from ..quantization.histograms import Histogram
from ..quantization.ranges import Range, range_of, whole_range
from .graph import feeds, session

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
    found = {name: Histogram() for name in real}
    found |= {e.name: Histogram() for e in running.get_inputs() if e.type == "tensor(float)"}
    for fed in feeds(running, samples):
        values = running.run(real, fed)
        for name, value in zip((*real, *fed), (*values, *fed.values()), strict=True):
            if name in found:
                found[name].add(value)
    return found


def ranges(
    graph: Any,
    seen: Mapping[str, Histogram],
    method: str,
    *,
    integer_input: bool,
    whole: Collection[str] = (),
) -> dict[str, Range]:
    """The range of each tensor that was seen, by a method.

    Args:
        graph: Where the tensors are.
        seen: From `observe_ranges`.
        method: One of `ranges.METHODS`.
        integer_input: Whether the input takes whole bytes, and so has their range.
        whole: Names of inputs and outputs that hold whole numbers; see `whole_range`.
    """
    found: dict[str, Range] = {}
    whole = set(whole)
    for node in reversed(graph.node):
        if node.op_type in _SAME_RANGE and whole.intersection(node.output):
            whole.add(node.input[0])

    def own(name: str) -> Range:
        if name in whole:
            return whole_range(seen[name], method, symmetric=False)
        return range_of(seen[name], method)

    for value in graph.input:
        if value.name in seen:
            found[value.name] = (0.0, 255.0) if integer_input else own(value.name)
    for node in graph.node:
        sources = [name for name in node.input if name in found]
        for name in node.output:
            if name in seen and node.op_type in _SAME_RANGE and sources:
                found[name] = found[sources[0]]
            elif name in seen:
                found[name] = own(name)
    return found


def compute_outputs(model: Any, inputs: NDArray[Any]) -> list[NDArray[Any]]:
    """All outputs of a model for raw inputs (examples, …): float32 (examples, …)."""
    running = session(model)
    found = (running.run(None, fed) for fed in feeds(running, inputs))
    return [np.concatenate(one) for one in zip(*found, strict=True)]


def _element_types(model: Any) -> dict[str, int]:
    graph = require("onnx").shape_inference.infer_shapes(model).graph
    known = [*graph.value_info, *graph.output, *graph.input]
    return {value.name: value.type.tensor_type.elem_type for value in known}
