"""TensorFlow operators that tf2onnx lacks, written with ONNX operators; and what is left over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from zoo.common.errors import Unsupported
from zoo.common.optional_imports import require
from zoo.networks.layer_names import LayerNames

from .external_data import graphs_of

#: A handler of tf2onnx: (graph, node, name, further arguments).
Handler = Callable[[Any, Any, str, Any], None]


def _erfc(graph: Any, node: Any, name: str, _: Any) -> None:
    """1 − erf(x): the GELU of Keras is written with it."""
    one = _constant(graph, node, name, 1.0)
    error = graph.make_node("Erf", [node.input[0]])
    _replace(graph, node, graph.make_node("Sub", [one, error.output[0]]))


def _log1p(graph: Any, node: Any, name: str, _: Any) -> None:
    one = _constant(graph, node, name, 1.0)
    total = graph.make_node("Add", [node.input[0], one])
    _replace(graph, node, graph.make_node("Log", [total.output[0]]))


def _expm1(graph: Any, node: Any, name: str, _: Any) -> None:
    one = _constant(graph, node, name, 1.0)
    power = graph.make_node("Exp", [node.input[0]])
    _replace(graph, node, graph.make_node("Sub", [power.output[0], one]))


def _bits(graph: Any, node: Any, name: str, _: Any) -> None:
    """Written where the sign is read: ONNX does not look at the bits of a number."""


def _sign_bit(graph: Any, node: Any, name: str, _: Any) -> None:
    """Whether the sign bit is set, minus zero included: `keras.ops.argmax` asks for it.

    Other bits, and those of integers, are left: newer operator sets have the operator itself.
    """
    import numpy as np

    source, mask = node.inputs
    if source.type != "Bitcast" or not mask.is_const():
        return
    bits = mask.get_tensor_value(as_list=False)
    if bits.dtype.kind != "i" or (bits != np.iinfo(bits.dtype).min).any():
        return
    zero, one = (_constant(graph, source, name, number) for number in (0.0, 1.0))
    inverse = graph.make_node("Div", [one, source.input[0]])
    below = [
        graph.make_node("Less", [n, zero]).output[0] for n in (source.input[0], inverse.output[0])
    ]
    signed = graph.make_node("Or", below)
    to = graph.get_dtype(node.output[0])
    _replace(graph, node, graph.make_node("Cast", [signed.output[0]], attr={"to": to}))


def _real(graph: Any, node: Any, name: str, _: Any) -> None:
    part = _transformed(graph, node, name, 0)
    if part is not None:
        _replace(graph, node, part)


def _imaginary(graph: Any, node: Any, name: str, _: Any) -> None:
    part = _transformed(graph, node, name, 1)
    if part is not None:
        _replace(graph, node, part)


def _magnitude(graph: Any, node: Any, name: str, _: Any) -> None:
    parts = [_transformed(graph, node, name, part) for part in (0, 1)]
    if parts[0] is None:
        return
    squares = [graph.make_node("Mul", [part.output[0]] * 2).output[0] for part in parts]
    total = graph.make_node("Add", squares)
    _replace(graph, node, graph.make_node("Sqrt", [total.output[0]]))


def _transform(graph: Any, node: Any, name: str, _: Any) -> None:
    """Written where its real and imaginary parts are read: ONNX has no complex numbers."""


#: By the name of the TensorFlow operator.
_HANDLERS: Mapping[str, Handler] = {
    "Erfc": _erfc,
    "Log1p": _log1p,
    "Expm1": _expm1,
    "Bitcast": _bits,
    "BitwiseAnd": _sign_bit,
    "RFFT": _transform,
    "Real": _real,
    "Imag": _imaginary,
    "ComplexAbs": _magnitude,
}


def handlers() -> dict[str, tuple[Handler, list[Any]]]:
    """The handlers as tf2onnx takes them."""
    return {name: (handler, []) for name, handler in _HANDLERS.items()}


def refuse_leftovers(model: Any, layers: Sequence[str]) -> None:
    """Refuses a graph with operators of TensorFlow that have no ONNX operator.

    Args:
        model: As tf2onnx wrote it.
        layers: Names of all layers of the network, in its order.

    Raises:
        Unsupported: Names the operators and their layers.
    """
    onnx = require("onnx")
    (opset,) = (entry.version for entry in model.opset_import if not entry.domain)
    nodes = (node for graph in graphs_of(model) for node in graph.node if not node.domain)
    left = [node for node in nodes if not onnx.defs.has(node.op_type, opset)]
    if not left:
        return
    names = LayerNames(layers, [node.name for graph in graphs_of(model) for node in graph.node])
    kinds = sorted({node.op_type for node in left})
    owners = dict.fromkeys(name for node in left for name in names.of(node.name))
    where = f" (layer {', '.join(owners)})" if owners else _behind(model.graph, left[0], names)
    raise Unsupported(
        f"the converter has no ONNX operator for TensorFlow's {', '.join(kinds)}{where}",
        why="an ONNX file may hold standard operators only",
        fix="write that layer with other operations of keras.ops, or choose another format"
        if owners
        else "write what it computes with other operations of keras.ops, or choose another format",
    )


def _behind(graph: Any, node: Any, names: LayerNames) -> str:
    """The nearest layers before an operator that is of none, since it stands between layers."""
    makers = {made: one for one in graph.node for made in one.output}
    waiting, seen = [node], set[str]()
    while waiting:
        one = waiting.pop(0)
        if layers := names.of(one.name):
            return f" (operation {node.name}, behind the layer {', '.join(layers)})"
        fresh = [name for name in one.input if name in makers and name not in seen]
        seen.update(fresh)
        waiting += [makers[name] for name in fresh]
    return f" (operation {node.name})"


def _constant(graph: Any, node: Any, name: str, value: float) -> str:
    import numpy as np
    from tf2onnx import utils

    dtype = utils.map_onnx_to_numpy_type(graph.get_dtype(node.input[0]))
    made: str = graph.make_const(utils.make_name(name), np.array(value, dtype)).output[0]
    return made


def _transformed(graph: Any, node: Any, name: str, part: int) -> Any:
    """The real (0) or imaginary (1) part of a real Fourier transform, as a matrix product.

    None where the node reads something else, or frames longer than the transform.
    """
    import numpy as np
    from tf2onnx import utils

    source = node.inputs[0]
    if source.type != "RFFT" or not source.inputs[1].is_const():
        return None
    length = int(source.inputs[1].get_tensor_value(as_list=False).reshape(-1)[0])
    taken = graph.get_shape(source.input[0])[-1]
    if not 0 < taken <= length:
        return None
    angles = 2 * np.pi * np.outer(np.arange(taken), np.arange(length // 2 + 1)) / length
    matrix = (np.cos(angles), -np.sin(angles))[part]
    dtype = utils.map_onnx_to_numpy_type(graph.get_dtype(source.input[0]))
    constant = graph.make_const(utils.make_name(name), matrix.astype(dtype))
    return graph.make_node("MatMul", [source.input[0], constant.output[0]])


def _replace(graph: Any, old: Any, new: Any) -> None:
    """Puts one node in the place of another, with its shape and type."""
    graph.copy_shape(old.output[0], new.output[0])
    graph.copy_dtype(old.output[0], new.output[0])
    graph.replace_all_inputs(old.output[0], new.output[0])
    graph.remove_node(old.name)
