"""Integer ONNX files of a network that was trained to be quantized."""

from __future__ import annotations

from typing import Any

from zoo.contracts import ExportRequest
from zoo.errors import ZooError
from zoo.extras import require

from .onnx_quantization import _Samples, _through_files, simplified

_MOVING = frozenset({"Squeeze", "Unsqueeze", "Reshape", "Transpose", "Flatten"})
_PAIR = frozenset({"QuantizeLinear", "DequantizeLinear"})


def with_trained_ranges(model: Any, request: ExportRequest) -> Any:
    """8-bit weights and activations in QDQ form, with the limits of the model's fake quantization.

    The converter writes fake quantization as a pair of QuantizeLinear and DequantizeLinear. The
    runtime wants such pairs around every operator, weights and biases included: its own tool puts
    them there, with the scales of the pairs that were taken out.
    """
    quantization = require("onnxruntime.quantization")
    trained = take_out_pairs(model.graph)
    model = simplified(model)
    _pass_upwards(model.graph, trained)
    there = {name for node in model.graph.node for name in (*node.input, *node.output)}
    lost = sorted(set(trained) - there)
    if lost:
        raise ZooError(
            f"{len(lost)} trained ranges have no tensor in the ONNX file: {', '.join(lost[:3])}",
            why="the converter merged the operators around them",
            fix="export without --qat, or tell us: this is a defect",
        )

    def quantize(source: str, target: str) -> None:
        quantization.quantize_static(
            source,
            target,
            _Samples(request),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=request.target is None or request.target.per_channel,
            extra_options={
                "TensorQuantOverrides": {
                    name: [{"scale": scale, "zero_point": zero_point}]
                    for name, (scale, zero_point) in trained.items()
                }
            },
        )

    return _through_files(model, quantize)


def _pass_upwards(graph: Any, ranges: dict[str, tuple[Any, Any]]) -> None:
    """What only moves values gives them the range in which it got them: it must be the trained one.

    The converter writes a global average as one operator that keeps the axes and another that
    takes them away, and the trained range is that of the latter.
    """
    for node in reversed(graph.node):
        if node.op_type in _MOVING and node.output[0] in ranges:
            ranges.setdefault(node.input[0], ranges[node.output[0]])


def take_out_pairs(graph: Any) -> dict[str, tuple[Any, Any]]:
    """Removes QuantizeLinear and DequantizeLinear of activations, wherever they stand.

    The converter may have moved what only moves values between the two of a pair.

    Returns:
        Scale (float32) and zero point (uint8) by the tensor that was rounded.
    """
    onnx = require("onnx")
    constants = {tensor.name: tensor for tensor in graph.initializer}
    ranges: dict[str, tuple[Any, Any]] = {}
    stands_for: dict[str, str] = {}
    kept = []
    for node in graph.node:
        values = node.input[0] if node.input else ""
        source = stands_for.get(values, values)
        if node.op_type == "QuantizeLinear":
            scale, zero_point = (constants[name] for name in node.input[1:3])
            ranges[source] = tuple(onnx.numpy_helper.to_array(t) for t in (scale, zero_point))
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
    stored = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(kept)
    graph.initializer.extend(stored)
    return {renamed.get(name, name): values for name, values in ranges.items()}
