"""ONNX files in half precision, but for the normalization of their raw input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zoo.common.optional_imports import require

from .quantization import first_arithmetic, simplified


def to_float16(model: Any) -> Any:
    """Halves weights and arithmetic; input, normalization and output stay float32.

    Half precision ends at 65,504 and has three digits: of an air pressure in pascals nothing would
    be left to normalize.

    ONNX Runtime's own tool, which ships with the runtime that runs the file. On a processor
    without half-precision kernels, the runtime itself computes in float32 between casts.
    """
    tool = require("onnxruntime.transformers.float16")
    model = simplified(model)
    apart = _take_normalization(model)
    _divide_where_exact(model.graph)
    halved = tool.convert_float_to_float16(model, keep_io_types=True)
    _put_back(halved.graph, apart)
    ordered = require("onnxruntime.transformers.onnx_model").OnnxModel(halved)
    ordered.topological_sort()  # the tool puts the casts of inputs last
    return ordered.model


def _take_normalization(model: Any) -> Any:
    """Takes the first arithmetic out of a model; its results become inputs of the model.

    Returns:
        A graph of what was taken: nodes, constants, the model's own inputs, and what is known of
        the results.
    """
    onnx = require("onnx")
    graph, apart = model.graph, onnx.GraphProto()
    names = set(first_arithmetic(graph))
    apart.node.extend(node for node in graph.node if node.name in names)
    made = {name for node in apart.node for name in node.output}
    apart.input.extend(graph.input)
    known = {v.name: v for v in onnx.shape_inference.infer_shapes(model).graph.value_info}
    apart.value_info.extend(known[name] for name in sorted(made & known.keys()))
    if made - known.keys():  # a result of the model itself
        del apart.node[:], apart.value_info[:]
        return apart
    rest = [node for node in graph.node if node.name not in names]
    read = {name for node in rest for name in node.input}
    used = {name for node in apart.node for name in node.input}
    for tensor in [t for t in graph.initializer if t.name in used]:
        apart.initializer.append(tensor)
        if tensor.name not in read:
            graph.initializer.remove(tensor)
            continue
        # The same constant is halved for others.
        apart.initializer[-1].name += "_float32"
        for node in apart.node:
            node.input[:] = [f"{i}_float32" if i == tensor.name else i for i in node.input]
    _keep(graph.node, lambda node: node.name not in names)
    _keep(graph.value_info, lambda value: value.name not in made)
    _keep(graph.input, lambda value: value.name in read)
    graph.input.extend(known[name] for name in sorted(made & read))
    return apart


def _divide_where_exact(graph: Any) -> None:
    """Replaces products with a constant that half precision rounds by quotients with an exact one.

    Converters write a division by 6 as a product with 1/6, which is a 4,096th less in half
    precision: of each hard swish, one after the other. A network with eleven of them came to 44 dB
    by that alone.
    """
    onnx = require("onnx")
    import numpy as np

    tensors = {t.name: t for t in graph.initializer if t.data_type == onnx.TensorProto.FLOAT}
    added: dict[str, str] = {}
    for node in graph.node:
        constants = [name for name in node.input if name in tensors]
        if node.op_type != "Mul" or len(constants) != 1 or node.input[0] == node.input[1]:
            continue
        (name,) = constants
        if name not in added:
            values = onnx.numpy_helper.to_array(tensors[name])
            inverse = _inverse(values)
            if inverse is None or np.array_equal(values.astype(np.float16), values):
                continue
            added[name] = f"{name}_inverse"
            graph.initializer.append(onnx.numpy_helper.from_array(inverse, added[name]))
        (other,) = (given for given in node.input if given != name)
        node.op_type = "Div"
        node.input[:] = [other, added[name]]
    read = {value.name for value in graph.output}.union(_read(graph))
    _keep(graph.initializer, lambda tensor: tensor.name in read or tensor.name not in added)


def _read(graph: Any) -> Iterator[str]:
    """Names that the nodes of a graph read, and those of graphs within it."""
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _read(inner)


def _inverse(values: Any) -> Any:
    """What to divide by in place of multiplying, if half precision holds it exactly, else None."""
    import numpy as np

    if not values.size or not np.all(values):
        return None
    with np.errstate(over="ignore"):
        halved = (1 / values.astype(np.float64)).astype(np.float16).astype(np.float32)
    exact = np.isfinite(halved).all() and np.all(halved)
    return halved if exact and np.array_equal(np.float32(1) / halved, values) else None


def _put_back(graph: Any, apart: Any) -> None:
    """Undoes `_take_normalization`."""
    graph.node.extend(apart.node)
    graph.initializer.extend(apart.initializer)
    graph.value_info.extend(apart.value_info)
    del graph.input[:]
    graph.input.extend(apart.input)


def _keep(field: Any, wanted: Any) -> None:
    kept = [item for item in field if wanted(item)]
    del field[:]
    field.extend(kept)
