"""Graphs of TensorFlow functions as further parts of an ONNX file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zoo.common.optional_imports import require

from .conversion import names_of_old_numpy
from .options import NEWEST
from .quantization import simplified


def converted(
    model: Any, build: Callable[[Any], Any], sides: list[int], name: str, prefix: str
) -> Any:
    """A function of one float32 tensor as an `onnx.GraphProto`.

    Args:
        model: The model that it is to become a part of, whose operator set it has.
        build: Takes the tensor; returns one, or several in their order.
        sides: Of the tensor.
        name: Of the tensor.
        prefix: All names begin with it and a slash.
    """
    onnx, tf, tf2onnx = require("onnx"), require("tensorflow"), require("tf2onnx")
    opset = next(one.version for one in model.opset_import if one.domain in ("", "ai.onnx"))
    signature = [tf.TensorSpec(sides, tf.float32, name=name)]
    function = tf.function(build, signature, autograph=False)
    with names_of_old_numpy():
        made, _ = tf2onnx.convert.from_function(function, signature, opset=min(opset, NEWEST))
    # Weights of four bits bring a network to one that the converter does not write.
    if opset > NEWEST:
        made = onnx.version_converter.convert_version(made, opset)
    return onnx.compose.add_prefix(simplified(made), f"{prefix}/").graph
