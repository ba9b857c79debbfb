"""Axis denotations of inputs and outputs, as ONNX defines them.

A static axis has a size and therefore no name in ONNX; its meaning is given by its denotation,
https://github.com/onnx/onnx/blob/main/docs/DimensionDenotation.md, and to people by the
documentation of the tensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_BATCH, _CHANNEL, _FEATURE = "DATA_BATCH", "DATA_CHANNEL", "DATA_FEATURE"
_DENOTATIONS = {"channel": _CHANNEL, "time": "DATA_TIME"}
#: https://github.com/onnx/onnx/blob/main/docs/TypeDenotation.md
_IMAGE = "IMAGE"


def name_axes(graph: Any, axes: Sequence[str]) -> None:
    """Writes the denotations of the input's axes, and of the output's batch axis.

    Args:
        graph: An `onnx.GraphProto`.
        axes: Of the only input, the batch left out; empty where there are several.
    """
    constants = {tensor.name for tensor in graph.initializer}
    for value in graph.input:
        if value.name not in constants and axes:
            _denote(value, [_BATCH, *(_DENOTATIONS.get(axis, _FEATURE) for axis in axes)])
            value.doc_string = " × ".join(["batch", *axes])
            if {"height", "width"} <= {*axes}:
                value.type.denotation = _IMAGE
    for value in graph.output:
        _denote(value, [_BATCH])


def _denote(value: Any, denotations: list[str]) -> None:
    for dimension, denotation in zip(value.type.tensor_type.shape.dim, denotations, strict=False):
        dimension.denotation = denotation


def layout_of_image(value: Any) -> str:
    """``nhwc`` or ``nchw`` from the denotations; empty without any."""
    found = [dimension.denotation for dimension in value.type.tensor_type.shape.dim]
    if value.type.denotation != _IMAGE or len(found) != 4:
        return ""
    layouts = {
        (_BATCH, _FEATURE, _FEATURE, _CHANNEL): "nhwc",
        (_BATCH, _CHANNEL, _FEATURE, _FEATURE): "nchw",
    }
    return layouts.get(tuple(found), "")
