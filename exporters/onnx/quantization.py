"""Quantization of ONNX files: 8-bit weights, or 8-bit integers throughout."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.optional_imports import require
from zoo.contracts import ExportRequest, Target
from zoo.contracts.exporter import Written

from ..shared.integer_layout import scheme_of
from ..shared.layer_mapping import Operator, operators_of
from ..shared.not_finite import is_held, not_finite, stay_in_float
from ..shared.recurrent import reuse_folder
from .tensor_names import shorten

if TYPE_CHECKING:
    from ..quantization.ranges import Range

#: The operators whose inputs ONNX Runtime can quantize on the fly.
_DYNAMIC = ["MatMul", "Gemm", "Conv", "Gather", "LSTM"]
#: How tf2onnx ends the names of nodes that it adds.
_ADDED = re.compile(r"__\d+\Z")
#: Places of the weights among the inputs, where there are others than the second.
_WEIGHTS = {"GRU": (1, 2)}
_ELEMENTWISE = frozenset({"Mul", "Add", "Sub", "Div"})


def with_small_weights(model: Any) -> Any:
    """8-bit weights; ranges of activations are found while the file runs."""
    store_small(model.graph, ["ConvTranspose", "GRU"])
    return only_weights(simplified(model), _DYNAMIC)


def quantized(model: Any, request: ExportRequest) -> tuple[Any, Written]:
    """8-bit weights and activations in QDQ form, with the ranges of real inputs.

    LSTM and GRU, for which ONNX has no integer operator, get 8-bit weights; the former with ranges
    found while the file runs.

    Returns:
        The model, and what is to be told of it.
    """
    # Lists and help load this file, and must not wait for numpy.
    from ..quantization.method_search import choose_method
    from ..quantization.reuse import reused_histograms
    from .calibration import compute_outputs, observe_ranges, ranges

    assert request.calibration is not None  # the core never asks for int8 without
    real = model = simplified(model)
    own = operators_of(request.keep, operators(model.graph), request.model, "ONNX")
    kept = [operator.key for operator in own]
    if any(node.op_type == "LSTM" for node in model.graph.node):
        model = only_weights(model, ["LSTM"], kept)
    store_small(model.graph, ["GRU"], kept)
    kept += first_arithmetic(model.graph)
    samples = request.calibration
    seen = reused_histograms(
        reuse_folder(request), "histograms.npz", lambda: observe_ranges(model, samples)
    )
    broken = not_finite(seen.items())
    infinite, layers, told = stay_in_float(
        broken | _infinite_constants(model.graph),
        operators(model.graph),
        request.model,
        _integer_kinds(),
        kept,
    )
    kept += infinite
    seen = {name: held for name, held in seen.items() if name not in broken}

    whole = {one.name for one in model.graph.input} if request.whole_input else set()
    whole |= {one.name for one in model.graph.output} if request.whole_outputs else set()

    def build(method: str) -> Any:
        found = ranges(model.graph, seen, method, integer_input=request.integer_input, whole=whole)
        return with_qdq_pairs(model, found, kept, scheme_of(request))

    made, method, chosen = choose_method(
        request, build, compute_outputs, lambda inputs: compute_outputs(real, inputs)
    )
    return made, Written(remarks=(*told, *chosen), method=method, kept=layers)


def _integer_kinds() -> list[str]:
    """Kinds of operators that ONNX Runtime's tool can quantize."""
    registry = require("onnxruntime.quantization.registry")
    return sorted({*registry.QLinearOpsRegistry, *registry.QDQRegistry})


def _infinite_constants(graph: Any) -> set[str]:
    """Names of the constants that hold infinity."""
    onnx = require("onnx")
    real = (t for t in graph.initializer if t.data_type == onnx.TensorProto.FLOAT)
    return {t.name for t in real if not is_held(onnx.numpy_helper.to_array(t))}


def with_qdq_pairs(model: Any, found: Mapping[str, Range], kept: list[str], scheme: Target) -> Any:
    """Inserts quantize-dequantize pairs around every operator but those kept."""
    import numpy as np

    onnx, quantization = require("onnx"), require("onnxruntime.quantization")
    calibrate = require("onnxruntime.quantization.calibrate")
    # The tool changes what it is given.
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    kinds = quantization.QuantType
    limits = {n: (np.float32(low), np.float32(high)) for n, (low, high) in found.items()}
    dense = [] if scheme.per_channel_dense else dense_weights(model.graph)
    tool = require("onnxruntime.quantization.qdq_quantizer").QDQQuantizer(
        copy,
        scheme.per_channel,
        scheme.reduced_range,
        weight_qType=kinds.QInt8,
        activation_qType=kinds.QUInt8 if scheme.activations == "unsigned" else kinds.QInt8,
        tensors_range=calibrate.TensorsData(calibrate.CalibrationMethod.MinMax, limits),
        nodes_to_quantize=[],
        nodes_to_exclude=kept,
        op_types_to_quantize=_integer_kinds(),
        extra_options={
            "ActivationSymmetric": scheme.symmetric,
            "TensorQuantOverrides": {name: [{"quant_type": kinds.QInt8}] for name in dense},
        },
    )
    tool.quantize_model()
    tool.model.topological_sort()
    shorten(tool.model.model.graph)
    return tool.model.model


def dense_weights(graph: Any) -> list[str]:
    """Names of the constants that dense layers multiply by."""
    constants = {tensor.name for tensor in graph.initializer}
    dense = [node for node in graph.node if node.op_type in ("Gemm", "MatMul")]
    return sorted({node.input[1] for node in dense} & constants)


def simplified(model: Any) -> Any:
    """Constants folded and shapes inferred, in standard operators."""
    preprocess = require("onnxruntime.quantization.shape_inference").quant_pre_process
    # All shapes are static: symbolic inference would add nothing.
    return _through_files(model, lambda a, b: preprocess(a, b, skip_symbolic_shape=True))


def only_weights(model: Any, kinds: list[str], kept: Sequence[str] = ()) -> Any:
    """8-bit weights of these operators, but for the nodes kept; the rest as it is."""
    quantization = require("onnxruntime.quantization")

    def quantize(source: str, target: str) -> None:
        quantization.quantize_dynamic(
            source,
            target,
            op_types_to_quantize=kinds,
            nodes_to_exclude=list(kept),
            per_channel=True,
            weight_type=quantization.QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )

    return _through_files(model, quantize)


def _through_files(model: Any, work: Callable[[str, str], None]) -> Any:
    """ONNX Runtime's tools read and write files."""
    onnx = require("onnx")
    with tempfile.TemporaryDirectory(prefix="zoo-onnx-") as folder:
        source, target = (str(Path(folder) / name) for name in ("a.onnx", "b.onnx"))
        onnx.save(model, source)
        work(source, target)
        return onnx.load(target)


def first_arithmetic(graph: Any) -> list[str]:
    """Names of those nodes that add or multiply constants to raw input: they stay in float.

    Raw channels may differ a thousandfold: one scale over all of them would leave nothing of the
    smaller ones for the normalization to bring back. And ONNX Runtime's integer addition and
    multiplication are slow: on an x86 they took 22 of lenet5's 76 µs and 20 of resnet8's 101.
    """
    constants = {tensor.name for tensor in graph.initializer}
    reached = {value.name for value in graph.input} - constants
    names = []
    for node in graph.node:
        raw = [name for name in node.input if name in reached]
        constant = [name for name in node.input if name in constants]
        if node.op_type in _ELEMENTWISE and len(raw) == 1 and len(constant) == 1:
            reached.add(node.output[0])
            names.append(node.name)
    return names


def operators(graph: Any) -> list[Operator]:
    """The operators of a graph, in order, each known by its name."""
    constants = {tensor.name for tensor in graph.initializer}
    return [
        Operator(
            key=node.name,
            kind=node.op_type,
            # Of layers that were folded together, the constants may have kept the first one's name.
            names=()
            if _is_layout(node)
            else (node.name, *node.output, *constants.intersection(node.input)),
            reads=tuple(node.input),
            makes=tuple(node.output),
        )
        for node in graph.node
    ]


def _is_layout(node: Any) -> bool:
    """Whether tf2onnx put the node in between layers, named after some later one."""
    return node.op_type in ("Transpose", "Reshape") and bool(_ADDED.search(node.name))


def store_small(graph: Any, kinds: Sequence[str], kept: Sequence[str] = ()) -> None:
    """8-bit weights, per output channel, for operators without an 8-bit kernel.

    Their second axis is that of the output channels.

    Args:
        graph: Is changed.
        kinds: Types of operators.
        kept: Names of nodes that stay as they are.
    """
    stored = {tensor.name: tensor for tensor in graph.initializer}
    for node in [n for n in graph.node if n.op_type in kinds and n.name not in kept]:
        for place in _WEIGHTS.get(node.op_type, (1,)):
            tensor = stored.pop(node.input[place], None)
            if tensor is not None:
                _store_tensor(graph, tensor)
            real = f"{node.input[place]}_dequantized"
            if any(real in other.output for other in graph.node):  # of a layer that is used twice
                node.input[place] = real


def _store_tensor(graph: Any, tensor: Any) -> None:
    import numpy as np

    onnx = require("onnx")
    weights = onnx.numpy_helper.to_array(tensor)
    # (…, output channels, …); a channel of zeros may have any scale.
    most = np.abs(weights).max(axis=(0, *range(2, weights.ndim)))
    scale = np.where(most > 0, most / 127, 1).astype(np.float32)
    wide = scale.reshape(1, -1, *[1] * (weights.ndim - 2))
    parts = {
        "quantized": np.rint(weights / wide).astype(np.int8),
        "scale": scale,
        "zero_point": np.zeros(len(scale), np.int8),
    }
    named = {key: f"{tensor.name}_{key}" for key in parts}
    graph.initializer.remove(tensor)
    graph.initializer.extend(
        onnx.numpy_helper.from_array(values, named[key]) for key, values in parts.items()
    )
    real = f"{tensor.name}_dequantized"
    graph.node.insert(
        0, onnx.helper.make_node("DequantizeLinear", [*named.values()], [real], real, axis=1)
    )
