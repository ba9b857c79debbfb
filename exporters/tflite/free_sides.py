"""TFLite files whose inputs keep free sides, and begin with the sizes of the data."""

from __future__ import annotations

from typing import Any

from zoo.common.errors import Unsupported
from zoo.common.optional_imports import require
from zoo.contracts import ExportRequest

from ..shared.recurrent import recurrent_layers
from .schema import read_model, serialize


def refuse_free_sides(request: ExportRequest) -> None:
    """Refuses a network whose layers TFLite writes for one size alone.

    Raises:
        Unsupported: Names the layer.
    """
    layers = recurrent_layers(request.model) if request.free_sides else []
    if layers:
        raise Unsupported(
            f"{layers[0].name}: TFLite files hold a {type(layers[0]).__name__} of one number "
            "of steps and one batch",
            why="--dynamic asks for free sides",
            fix="choose --format onnx, or leave out --dynamic",
        )


def begin_with_sizes_of_data(content: Any, request: ExportRequest) -> None:
    """``(1, 1, 1, 3)`` of signature ``(-1, -1, -1, 3)`` → ``(1, 32, 48, 3)`` of the same signature.

    The converter leaves 1 in the place of each free side, and interpreters begin with these sizes:
    a program that resizes nothing could run the file at no useful one.

    Args:
        content: A `ModelT`, its inputs in the order of the request's.
        request: With free sides.
    """
    np, graph = require("numpy"), content.subgraphs[0]
    for place, (name, sides) in zip(graph.inputs, request.free_sides.items(), strict=True):
        tensor, shape = graph.tensors[int(place)], request.data_shapes[name]
        tensor.shape = np.asarray(shape, np.int32)
        signature = [-1 if side else own for side, own in zip(sides, shape, strict=True)]
        tensor.shapeSignature = np.asarray(signature, np.int32)


def at_sizes_of_data(data: bytes, request: ExportRequest) -> bytes:
    """A file just converted that can be run as it is; see `begin_with_sizes_of_data`."""
    if not request.free_sides:
        return data
    content = read_model(data)
    begin_with_sizes_of_data(content, request)
    return serialize(content, len(data))


def settle_sizes(content: Any, data: bytes) -> None:
    """Gives every tensor the shape that it has at the sizes of the data, and no free side.

    What looks at single tensors of a file can then cut its graph anywhere.

    Args:
        content: A `ModelT`; one without free sides stays as it is.
        data: The file that it was read from.
    """
    graph = content.subgraphs[0]
    if not any(
        tensor.shapeSignature is not None and (tensor.shapeSignature < 0).any()
        for tensor in (graph.tensors[int(place)] for place in graph.inputs)
    ):
        return
    np, module = require("numpy"), require("ai_edge_litert.interpreter")
    running = module.Interpreter(
        model_content=data,
        experimental_op_resolver_type=module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    running.allocate_tensors()
    running.invoke()  # some shapes are known only then
    shapes = {int(one["index"]): one["shape"] for one in running.get_tensor_details()}
    for place, tensor in enumerate(graph.tensors):
        if place in shapes and tensor.shapeSignature is not None:
            tensor.shape, tensor.shapeSignature = np.asarray(shapes[place], np.int32), None
