"""An ONNX model with a batch of one, fixed shapes, and its constants computed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from zoo.common.errors import BadFile, UsageError, first_line
from zoo.common.optional_imports import require

#: Of ONNX Runtime's own rewriting, what makes operators of its own.
_NOT_THESE = [
    "NchwcTransformer", "QuickGeluFusion", "FastGeluFusion", "BiasGeluFusion", "MatMulScaleFusion",
    "MatmulTransposeFusion", "GemmActivationFusion", "ConvActivationFusion", "AttentionFusion",
    "EmbedLayerNormFusion", "SkipLayerNormFusion", "BiasSoftmaxFusion", "BiasDropoutFusion",
]  # fmt: skip


def prepared(model: Any, origin: str) -> Any:
    """The model as ONNX Runtime simplifies it for one example: shapes are constants then.

    Args:
        model: Checked, with all its data in memory; its input's shape is changed.
        origin: Names the file in messages.

    Raises:
        UsageError: A side of its input is free.
        BadFile: ONNX Runtime cannot open it.
    """
    onnx = require("onnx")
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    (given,) = inputs_of(model)
    sides = given.type.tensor_type.shape.dim
    if sides:
        sides[0].dim_value = 1
    free = [place for place, side in enumerate(sides) if not side.HasField("dim_value")]
    if free or not sides:
        raise UsageError(
            f"{origin} takes inputs of shape {shape_of(given)}: their size is not in it",
            why="its graph can only be read for one size",
            fix="export it with a fixed size; the batch may stay free",
        )
    del model.graph.value_info[:]
    return _simplified(model, origin)


def inputs_of(model: Any) -> list[Any]:
    """What the graph takes; older files name constants among it."""
    constants = {tensor.name for tensor in model.graph.initializer}
    return [one for one in model.graph.input if one.name not in constants]


def shape_of(value: Any) -> tuple[int | None, ...]:
    """Of an input or output; None for a free side."""
    sides = value.type.tensor_type.shape.dim
    return tuple(side.dim_value if side.HasField("dim_value") else None for side in sides)


def _simplified(model: Any, origin: str) -> Any:
    runtime = require("onnxruntime")
    with tempfile.TemporaryDirectory(prefix="zoo-onnx-") as folder:
        options = runtime.SessionOptions()
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(Path(folder, "simplified.onnx"))
        options.log_severity_level = 4
        try:
            runtime.InferenceSession(
                model.SerializeToString(),
                options,
                providers=["CPUExecutionProvider"],
                disabled_optimizers=_NOT_THESE,
            )
        # ONNX Runtime's errors have no common class but this.
        except Exception as error:
            raise BadFile(
                f"{origin} cannot be opened by ONNX Runtime {runtime.__version__} for a batch of "
                "one",
                why=first_line(error),
                fix="export it with a batch of one, or with a free batch",
            ) from error
        return require("onnx").load(options.optimized_model_filepath)
