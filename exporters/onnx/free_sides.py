"""ONNX files whose inputs keep free sides, each with its name as the dimension's parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.common.errors import Unsupported
from zoo.common.named_arrays import each_of
from zoo.common.optional_imports import require
from zoo.contracts import ExportRequest

_LOOPS = ("Loop", "Scan", "If")


def refuse_other_forms(request: ExportRequest, layers: Sequence[Any], channels_first: bool) -> None:
    """Refuses what a file with free sides cannot be.

    Args:
        request: Wants free sides.
        layers: The recurrent ones.
        channels_first: Whether the input is to have its channels before height and width.

    Raises:
        Unsupported: Names it.
    """
    if channels_first:
        raise Unsupported(
            "ONNX files with free sides have channels last",
            why="the transposition at their beginning fixes the sizes",
            fix="add --export-option onnx.layout=nhwc, or leave out --dynamic",
        )
    kinds = require("keras").layers
    for layer in layers:
        kind = type(layer).__name__
        if not isinstance(layer, kinds.LSTM) or request.calibration is not None:
            raise Unsupported(
                f"{layer.name}: with free sides ONNX files hold no {kind} in {request.precision}",
                why="its steps are written out one by one, so there is a fixed number of them",
                fix="leave out --dynamic"
                + (", or choose float32" if isinstance(layer, kinds.LSTM) else ""),
            )
    if layers and request.recurrent not in ("auto", "fused"):
        raise Unsupported(
            f"{layers[0].name}: recurrent layers of the form {request.recurrent!r} have a fixed "
            "number of steps",
            why="--dynamic asks for free sides",
            fix="leave out --recurrent, or --dynamic",
        )


def refuse_loops(model: Any, layers: Sequence[Any]) -> None:
    """Refuses recurrent layers that became loops.

    Raises:
        Unsupported: Names them.
    """
    found = next((node for node in model.graph.node if node.op_type in _LOOPS), None)
    if found is not None:
        names = ", ".join(layer.name for layer in layers) or found.name
        raise Unsupported(
            f"{names}: with free sides the converter makes the operator {found.op_type} of it",
            why="each of a loop's steps would be interpreted anew",
            fix="leave out --dynamic, or choose another format",
        )


def name_sides(model: Any, request: ExportRequest) -> None:
    """``(?, 32, ?)`` → ``(N, 32, W)``, so that programs can tell which sides are of one size."""
    for value in model.graph.input:
        names = request.free_sides.get(value.name)
        if names is None:  # a constant
            continue
        for side, name in zip(value.type.tensor_type.shape.dim, names, strict=True):
            if name:
                side.dim_param = name


def fix_sizes(model: Any, inputs: Any) -> None:
    """Gives free sides of a graph's inputs the sizes of examples: ``(N, 3, W)`` → ``(1, 3, 48)``.

    What looks at single tensors of a file can then tell the shape of each.

    Args:
        model: An `onnx.ModelProto`, whose inner shapes are known by inference alone.
        inputs: (examples, …), of several inputs by name, in the order of the graph's.
    """
    constants = {tensor.name for tensor in model.graph.initializer}
    given = [value for value in model.graph.input if value.name not in constants]
    open_sides = False
    for value, examples in zip(given, each_of(inputs[:1]), strict=False):
        for side, size in zip(value.type.tensor_type.shape.dim, examples.shape, strict=False):
            if not side.HasField("dim_value"):
                side.dim_value, open_sides = size, True
    if open_sides:
        del model.graph.value_info[:]
        for value in model.graph.output:
            for side in value.type.tensor_type.shape.dim:
                if not side.HasField("dim_value"):
                    side.Clear()
