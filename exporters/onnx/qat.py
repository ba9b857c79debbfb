"""Integer ONNX files of quantization-aware trained networks."""

from __future__ import annotations

from typing import Any

from zoo.common.errors import ZooError
from zoo.common.optional_imports import require
from zoo.contracts import ExportRequest

from ..shared.integer_layout import scheme_of
from .quantization import first_arithmetic, only_weights, simplified, store_small, with_qdq_pairs

_MOVING = frozenset({"Squeeze", "Unsqueeze", "Reshape", "Transpose", "Flatten"})
_NEUTRAL = {"Add": 0, "Sub": 0, "Mul": 1, "Div": 1}
_PAIR = frozenset({"QuantizeLinear", "DequantizeLinear"})
Limits = dict[str, tuple[float, float]]


def with_trained_ranges(model: Any, request: ExportRequest) -> Any:
    """8-bit weights and activations in QDQ form, with the limits of the model's fake quantization.

    The converter writes fake quantization as a pair of QuantizeLinear and DequantizeLinear. The
    runtime requires such pairs around every operator, weights and biases included: its own tool
    puts them there, with the limits of the pairs that were taken out. What was not trained has
    ranges of real inputs.
    """
    assert request.calibration is not None  # the core never asks for int8 without
    trained = remove_qdq_pairs(model.graph)
    neutral = _neutral(model.graph)
    model = simplified(model)
    _pass_upwards(model.graph, trained)
    there = {name for node in model.graph.node for name in (*node.input, *node.output)}
    for name in [name for name in trained if name not in there]:
        source = name
        while source not in there and source in neutral:
            source = neutral[source]
        trained.setdefault(source, trained.pop(name))
    lost = sorted(set(trained) - there)
    if lost:
        raise ZooError(
            f"{len(lost)} trained ranges have no tensor in the ONNX file: {', '.join(lost[:3])}",
            why="the converter merged the operators around them",
            fix="export without --qat, or tell us: this is a defect",
        )
    if any(node.op_type == "LSTM" for node in model.graph.node):
        model = only_weights(model, ["LSTM"])
    store_small(model.graph, ["GRU"])
    kept = first_arithmetic(model.graph)
    from .calibration import observe_ranges, ranges

    seen = observe_ranges(model, request.calibration)
    measured = ranges(model.graph, seen, "minmax", integer_input=request.integer_input)
    return with_qdq_pairs(model, {**measured, **trained}, kept, scheme_of(request))


def _neutral(graph: Any) -> dict[str, str]:
    """Results that are what they were made of, which simplification leaves out, and that."""
    onnx = require("onnx")
    constants = {tensor.name: tensor for tensor in graph.initializer}
    found = {}
    for node in graph.node:
        nothing = _NEUTRAL.get(node.op_type)
        if nothing is not None and node.input[1] in constants:
            values = onnx.numpy_helper.to_array(constants[node.input[1]])
            if (values == nothing).all():
                found[node.output[0]] = node.input[0]
    return found


def _pass_upwards(graph: Any, limits: Limits) -> None:
    """Gives the inputs of operators that only move values the trained range of their output.

    The converter writes a global average as one operator that keeps the axes and another that
    takes them away, and the trained range is that of the latter.
    """
    for node in reversed(graph.node):
        if node.op_type in _MOVING and node.output[0] in limits:
            limits.setdefault(node.input[0], limits[node.output[0]])


def remove_qdq_pairs(graph: Any) -> Limits:
    """Removes QuantizeLinear and DequantizeLinear of activations, wherever they stand.

    The converter may have moved what only moves values between the two of a pair.

    Returns:
        Lowest and highest value by the tensor that was rounded.
    """
    onnx = require("onnx")
    constants = {tensor.name: tensor for tensor in graph.initializer}
    limits: Limits = {}
    stands_for: dict[str, str] = {}
    kept = []
    for node in graph.node:
        values = node.input[0] if node.input else ""
        source = stands_for.get(values, values)
        if node.op_type == "QuantizeLinear":
            pair = (onnx.numpy_helper.to_array(constants[name]) for name in node.input[1:3])
            scale, zero = (value.item() for value in pair)
            limits[source] = -zero * scale, (255 - zero) * scale
        if node.op_type in _PAIR and values not in constants:
            stands_for[node.output[0]] = source
            continue
        node.input[:] = [stands_for.get(name, name) for name in node.input]
        kept.append(node)
    renamed = {stands_for[v.name]: v.name for v in graph.output if v.name in stands_for}
    for node in kept:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    used = {name for node in kept for name in node.input}
    remaining = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(kept)
    graph.initializer.extend(remaining)
    return {renamed.get(name, name): values for name, values in limits.items()}
