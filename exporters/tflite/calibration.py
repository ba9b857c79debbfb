"""Calibration of TFLite files: tensor ranges measured in the runtime, set by a method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.named_arrays import each_of
from zoo.common.optional_imports import require

from ..quantization.histograms import Histogram
from ..quantization.ranges import Range, range_of, whole_range
from ..shared.not_finite import not_finite
from .runner import Runner
from .schema import kind_of, read_model, schema

#: Operators whose result has the numbers of their input, and so its range.
_SAME_RANGE = frozenset(
    {"RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "MAX_POOL_2D", "STRIDED_SLICE", "SLICE"}
    | {"UNPACK", "GATHER", "PAD", "MIRROR_PAD", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"}
    | {"DEPTH_TO_SPACE", "SPACE_TO_DEPTH", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "TILE"}
)
#: Operators with a range fixed by the quantizer, or measured with its inner tensors (fused LSTM).
_OWN_RANGE = frozenset({"SOFTMAX", "LOGISTIC", "TANH", "UNIDIRECTIONAL_SEQUENCE_LSTM"})


def observe_ranges(calibrated: bytes, samples: NDArray[Any]) -> dict[int, Histogram]:
    """Runs a float file on raw inputs (examples, …); returns histograms of its float tensors.

    Returns:
        What each operator's results, and the inputs, held, by index of the tensor.
    """
    runner, watched = Runner(calibrated), _measured(calibrated)
    found = {index: Histogram() for index in watched}
    for sample in samples:
        runner.run(sample[None])
        for index in watched:
            found[index].add(runner.value(index))
    return found


def _measured(calibrated: bytes) -> list[int]:
    """Tensors of real numbers that operators make or the file takes."""
    graph = read_model(calibrated).subgraphs[0]
    made = [int(i) for operator in graph.operators for i in operator.outputs]
    real = schema().TensorType.FLOAT32
    everything = [int(i) for i in graph.inputs] + made
    return [i for i in everything if graph.tensors[i].type == real]


def with_ranges(
    calibrated: bytes,
    seen: Mapping[int, Histogram],
    method: str,
    *,
    symmetric: bool,
    integer_input: bool,
    whole_input: bool = False,
    whole_outputs: bool = False,
) -> bytes:
    """The file with the ranges that a method gives.

    Args:
        calibrated: A float file with any range at each tensor that is to be integer.
        seen: From `observe_ranges`.
        method: One of `ranges.METHODS`.
        symmetric: Whether zero points must be 0.
        integer_input: Whether the input takes whole bytes, and so has their range.
        whole_input: See `zoo.contracts.ExportRequest`.
        whole_outputs: Likewise.
    """
    buffer = bytearray(calibrated)
    model = read_model(calibrated)
    graph = model.subgraphs[0]
    broken = not_finite(seen.items())
    ranges: dict[int, Range] = {}
    whole = {int(i) for i in graph.inputs} if whole_input else set()
    whole |= {int(i) for i in graph.outputs} if whole_outputs else set()
    for operator in reversed(graph.operators):
        if kind_of(model, operator) in _SAME_RANGE and int(operator.outputs[0]) in whole:
            whole.add(int(operator.inputs[0]))

    def own(index: int) -> Range:
        if index in whole:
            return whole_range(seen[index], method, symmetric=symmetric)
        return range_of(seen[index], method)

    for index in (int(i) for i in graph.inputs):
        if index in seen:
            # Applications hand over their bytes unchanged where a step of the input is 1.
            ranges[index] = (0.0, 255.0) if integer_input else own(index)
    for operator in graph.operators:
        kind = kind_of(model, operator)
        sources = [int(i) for i in operator.inputs if int(i) in ranges]
        for index in broken.intersection(map(int, operator.outputs)):
            # It stays in float, but the quantizer crashes on an infinite range, and may give a
            # finite one to the sources.
            lows, highs = zip((-1.0, 1.0), *(ranges[i] for i in sources), strict=True)
            ranges[index] = (min(lows), max(highs))
        if kind in _OWN_RANGE or broken.intersection(map(int, operator.outputs)):
            continue
        for index in (int(i) for i in operator.outputs):
            if kind in _SAME_RANGE:
                # A source without a range of ours keeps the quantizer's, as does the result.
                if sources:
                    ranges[index] = ranges[sources[0]]
            elif index in seen:
                ranges[index] = own(index)
    _write(buffer, ranges, symmetric=symmetric)
    return bytes(buffer)


def _write(buffer: bytearray, ranges: Mapping[int, Range], *, symmetric: bool) -> None:
    """In place: the calibrated file has room for a range wherever it needs one."""
    graph = schema().Model.GetRootAs(buffer, 0).Subgraphs(0)
    for index, (low, high) in ranges.items():
        quantization = graph.Tensors(index).Quantization()
        if quantization is None or quantization.MinLength() != 1 or high - low <= 0:
            continue
        if symmetric:
            step = max(-low, high) / 127
            low, high = -128 * step, 127 * step
        # Views: writing changes the buffer.
        quantization.MinAsNumpy()[0] = np.float32(low)
        quantization.MaxAsNumpy()[0] = np.float32(high)


def compute_outputs(data: bytes, inputs: NDArray[Any]) -> list[NDArray[Any]]:
    """All outputs of a file for raw inputs (examples, …): float32 (examples, …), by their names."""
    runtime = require("ai_edge_litert.interpreter")
    interpreter = runtime.Interpreter(model_content=data, num_threads=1)
    interpreter.allocate_tensors()
    entries = interpreter.get_input_details()
    # The quantizer has an order of its own.
    results = sorted(interpreter.get_output_details(), key=lambda one: str(one["name"]))
    taken = [_as_taken(v, entry) for v, entry in zip(each_of(inputs), entries, strict=True)]
    found: list[list[NDArray[Any]]] = [[] for _ in results]
    for number in range(len(inputs)):
        interpreter.reset_all_variables()
        for entry, values in zip(entries, taken, strict=True):
            interpreter.set_tensor(entry["index"], values[number : number + 1])
        interpreter.invoke()
        for one, result in zip(found, results, strict=True):
            one.append(interpreter.get_tensor(result["index"]))
    return [_as_real(np.concatenate(one), r) for one, r in zip(found, results, strict=True)]


def _as_taken(inputs: NDArray[Any], entry: Mapping[str, Any]) -> NDArray[Any]:
    scale, zero_point = entry["quantization"]
    if not scale:
        return inputs.astype(entry["dtype"])
    limits = np.iinfo(entry["dtype"])
    steps = np.rint(inputs / scale) + zero_point
    taken: NDArray[Any] = np.clip(steps, limits.min, limits.max).astype(entry["dtype"])
    return taken


def _as_real(values: NDArray[Any], result: Mapping[str, Any]) -> NDArray[Any]:
    scale, zero_point = result["quantization"]
    if not scale:
        return values
    real: NDArray[Any] = (values.astype(np.float32) - zero_point) * np.float32(scale)
    return real
