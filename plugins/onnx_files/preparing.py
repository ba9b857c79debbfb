"""An ONNX model with a batch of one, fixed shapes, and its constants computed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from zoo.common.errors import UsageError
from zoo.common.optional_imports import require

from .missing_kernels import not_opened
from .patterns import with_gelu

#: The first version of the format whose constants need not be inputs.
_CONSTANTS_ALONE = 4
#: Of ONNX Runtime's own rewriting, what makes operators of its own, or what is not wanted.
_NOT_THESE = [
    "NchwcTransformer", "QuickGeluFusion", "FastGeluFusion", "BiasGeluFusion", "MatMulScaleFusion",
    "MatmulTransposeFusion", "GemmActivationFusion", "ConvActivationFusion", "AttentionFusion",
    "EmbedLayerNormFusion", "SkipLayerNormFusion", "BiasSoftmaxFusion", "BiasDropoutFusion",
    # A batch normalization that is trained must not be in its convolution.
    "ConvBNFusion", "MatMul_BatchNormalization_Fusion",
]  # fmt: skip


def prepared(model: Any, origin: str, batch: Mapping[str, int] = MappingProxyType({})) -> Any:
    """The model as ONNX Runtime simplifies it for one example: shapes are constants then.

    Args:
        model: Checked, with all its data in memory; shapes of its inputs are changed.
        origin: Names the file in messages.
        batch: The axis of inputs that is the batch, by name, where it is not the first.

    Raises:
        UsageError: A side of an input is free.
        BadFile: ONNX Runtime cannot open it.
    """
    given = [type(one).FromString(one.SerializeToString()) for one in inputs_of(model)]
    for one in given:
        one.type.tensor_type.shape.dim[batch.get(one.name, 0)].dim_value = 1
        if None in shape_of(one):
            raise UsageError(
                f"{origin} takes inputs of shape {shape_of(one)}: their size is not in it",
                why="its graph can only be read for one size",
                fix="say it: --input 224x224, as HEIGHTxWIDTH; or export it with a fixed size",
            )
    del model.graph.value_info[:]
    # Constants among the inputs could be given others, so that nothing would be computed of them.
    del model.graph.input[:]
    model.graph.input.extend(given)
    model.ir_version = max(model.ir_version, _CONSTANTS_ALONE)
    _to_dense(model.graph)
    _to_float32(model)
    made = _simplified(model, origin)
    _without_unused(made.graph)
    with_gelu(made)
    return made


def inlined(model: Any) -> Any:
    """The model with its functions' operators in the place of their calls."""
    if not model.functions:
        return model
    return require("onnx.inliner").inline_local_functions(model)


def _to_dense(graph: Any) -> None:
    """Constants that are stored by their places that are not zero become whole ones."""
    numbers = require("onnx").numpy_helper
    for sparse in graph.sparse_initializer:
        values, places = numbers.to_array(sparse.values), numbers.to_array(sparse.indices)
        whole = np.zeros([*sparse.dims], values.dtype)
        whole[tuple(places.T) if places.ndim > 1 else np.unravel_index(places, whole.shape)] = (
            values
        )
        graph.initializer.append(numbers.from_array(whole, sparse.values.name))
    del graph.sparse_initializer[:]


def _without_unused(graph: Any) -> None:
    """Takes out the nodes that no output depends on."""
    read, kept = {output.name for output in graph.output}, []
    for node in reversed(graph.node):
        if read.intersection(node.output):
            kept.append(node)
            # A branch reads what stands around it, too.
            read.update(node.input, *(inner.input for inner in _inside(node)))
            read.update(out.name for a in node.attribute for out in a.g.output)
    del graph.node[:]
    graph.node.extend(reversed(kept))


def _inside(node: Any) -> Iterator[Any]:
    """The nodes of the graphs that are attributes of a node."""
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                yield inner
                yield from _inside(inner)


def _to_float32(model: Any) -> None:
    """Numbers of 16 and 64 bits become those of 32; Keras computes in these."""
    onnx = require("onnx")
    kinds = onnx.TensorProto
    others = (kinds.FLOAT16, kinds.BFLOAT16, kinds.DOUBLE)

    def changed(tensor: Any) -> None:
        if tensor.data_type in others:
            values = onnx.numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))

    graphs = [model.graph]
    for graph in graphs:  # which those of branches are added to
        for tensor in graph.initializer:
            changed(tensor)
        for value in (*graph.input, *graph.output, *graph.value_info):
            if value.type.tensor_type.elem_type in others:
                value.type.tensor_type.elem_type = kinds.FLOAT
        for node in graph.node:
            for attribute in node.attribute:
                changed(attribute.t)
                if node.op_type == "Cast" and attribute.name == "to" and attribute.i in others:
                    attribute.i = kinds.FLOAT
                if attribute.HasField("g"):
                    graphs.append(attribute.g)


def computes_in_half(model: Any) -> bool:
    """Whether a model computes in 16 bits, and does not only keep its weights in them."""
    kinds = require("onnx").TensorProto
    halves = (kinds.FLOAT16, kinds.BFLOAT16)
    kept = {tensor.name for tensor in model.graph.initializer if tensor.data_type in halves}
    return any(
        kept & set(node.input)
        if node.op_type != "Cast"
        else any(one.name == "to" and one.i in halves for one in node.attribute)
        for node in model.graph.node
    )


def inputs_of(model: Any) -> list[Any]:
    """What the graph takes; older files name constants among it."""
    constants = {tensor.name for tensor in model.graph.initializer}
    return [one for one in model.graph.input if one.name not in constants]


def shape_of(value: Any) -> tuple[int | None, ...]:
    """Of an input or output; None for a free side, for which older programs write 0 or -1."""
    sides = value.type.tensor_type.shape.dim
    return tuple(side.dim_value if side.dim_value > 0 else None for side in sides)


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
            raise not_opened(model, origin, error, of_one=True) from error
        return require("onnx").load(options.optimized_model_filepath)
