"""Custom operators that a built-in one computes as well.

``Convolution2DTransposeBias`` of MediaPipe is a transposed convolution with a bias, which TFLite
had not when its networks were made: mediapipe/util/tflite of google-ai-edge/mediapipe.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from zoo.common.optional_imports import require

from .running import packed

_TRANSPOSED = b"Convolution2DTransposeBias"
#: The version of the built-in operator that has a bias.
_WITH_BIAS = 3
#: Padding as its options number it.
_SAME = 1


def with_built_in(model: Any, content: bytes) -> bytes:
    """A file whose known custom operators are built-in ones.

    Args:
        model: The schema's `ModelT` of it, which is changed.
        content: Its bytes; they come back where there is nothing to replace.
    """
    known = {
        place
        for place, code in enumerate(model.operatorCodes or [])
        if code.customCode == _TRANSPOSED
    }
    if not known:
        return content
    for graph in model.subgraphs:
        for operator in graph.operators:
            if operator.opcodeIndex in known:
                _replace(model, graph, operator)
    for place in known:
        code = model.operatorCodes[place]
        number = require("ai_edge_litert.schema_py_generated").BuiltinOperator.TRANSPOSE_CONV
        code.builtinCode = code.deprecatedBuiltinCode = number
        code.customCode, code.version = None, _WITH_BIAS
    return packed(model, len(content))


def _replace(model: Any, graph: Any, operator: Any) -> None:
    """Gives an operator the inputs and options of the built-in one."""
    schema = require("ai_edge_litert.schema_py_generated")
    given, weights, bias = (int(place) for place in operator.inputs)
    shape = np.asarray(graph.tensors[operator.outputs[0]].shape, "<i4")
    buffer, tensor = schema.BufferT(), schema.TensorT()
    buffer.data = np.frombuffer(shape.tobytes(), np.uint8)
    tensor.shape, tensor.type = np.array([len(shape)], np.int32), schema.TensorType.INT32
    tensor.name, tensor.buffer = b"result_shape", len(model.buffers)
    model.buffers.append(buffer)
    graph.tensors.append(tensor)
    operator.inputs = np.array([len(graph.tensors) - 1, weights, given, bias], np.int32)
    padding, width, height = struct.unpack("<iii", bytes(bytearray(operator.customOptions)[:12]))
    options = schema.TransposeConvOptionsT()
    options.padding = schema.Padding.SAME if padding == _SAME else schema.Padding.VALID
    options.strideW, options.strideH = width, height
    operator.builtinOptionsType = schema.BuiltinOptions.TransposeConvOptions
    operator.builtinOptions, operator.customOptions = options, None
