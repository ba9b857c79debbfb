"""Files that take from 50 µs to half a second: one convolution over larger and larger images.

`write_ladder(folder)` makes each step as TFLite and as ONNX, with the same weights. The weights are
small (150 kB), so that what is timed is computing and not loading memory.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

CHANNELS = 64
#: Sides of the image; the time grows with their square: 50 µs to 500 ms at 100 GFLOP/s.
SIDES = (12, 36, 116, 368, 1164)


def write_ladder(folder: Path, sides: tuple[int, ...] = SIDES) -> list[Path]:
    """Writes the files, smallest first."""
    weights = np.random.default_rng(0).normal(0, 0.05, (CHANNELS, 3, 3, CHANNELS))
    values = weights.astype(np.float32)
    paths = []
    for side in sides:
        paths.append(_tflite(folder / f"conv{side}.tflite", side, values))
        paths.append(_onnx(folder / f"conv{side}.onnx", side, values))
    return paths


def _tflite(path: Path, side: int, weights: np.ndarray) -> Path:
    """A convolution; weights are (out, height, width, in)."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model, graph, node = schema.ModelT(), schema.SubGraphT(), schema.OperatorT()
    model.version, model.buffers, graph.tensors = 3, [schema.BufferT()], []
    image = (1, side, side, CHANNELS)
    zeros = np.zeros(CHANNELS, np.float32)
    for name, shape, values in (
        ("x", image, None),
        ("w", weights.shape, weights),
        ("b", (CHANNELS,), zeros),
        ("y", image, None),
    ):
        tensor, buffer = schema.TensorT(), schema.BufferT()
        if values is not None:
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        model.buffers.append(buffer)
        tensor.name, tensor.shape = name.encode(), list(shape)
        tensor.type, tensor.buffer = schema.TensorType.FLOAT32, len(model.buffers) - 1
        graph.tensors.append(tensor)
    graph.inputs, graph.outputs = [0], [3]
    options, code = schema.Conv2DOptionsT(), schema.OperatorCodeT()
    options.padding, options.strideW, options.strideH = schema.Padding.SAME, 1, 1
    options.dilationWFactor = options.dilationHFactor = 1
    code.version = 1
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CONV_2D
    node.inputs, node.outputs = [0, 1, 2], [3]
    node.builtinOptions = options
    node.builtinOptionsType = schema.BuiltinOptions.Conv2DOptions
    graph.operators, model.operatorCodes, model.subgraphs = [node], [code], [graph]
    # `litert-benchmark` runs signatures alone.
    signature, takes, gives = schema.SignatureDefT(), schema.TensorMapT(), schema.TensorMapT()
    takes.name, takes.tensorIndex, gives.name, gives.tensorIndex = b"x", 0, b"y", 3
    signature.inputs, signature.outputs = [takes], [gives]
    signature.signatureKey, signature.subgraphIndex = b"serving_default", 0
    model.signatureDefs = [signature]
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def _onnx(path: Path, side: int, weights: np.ndarray) -> Path:
    """The same, channels first."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    shape = [1, CHANNELS, side, side]
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"], kernel_shape=[3, 3], pads=[1, 1, 1, 1])],
        "conv",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.ascontiguousarray(weights.transpose(0, 3, 1, 2)), "w")],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), str(path))
    return path
