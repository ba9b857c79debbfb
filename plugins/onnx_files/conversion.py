"""An ONNX graph of batch 1 as a Keras network for any number of examples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from zoo.common.errors import Unsupported, first_line
from zoo.common.optional_imports import require

from . import convolutions, elementwise, logic, products, recurrent, resizing, shapes
from .batch_axes import axis_of_one, behind
from .held import Graph, Held, Value
from .nodes import CONVERTERS, Node
from .reading import CONTROL, control_flow

#: What usually stands behind a network, and makes choices of its outputs.
_BEHIND_NETWORKS = frozenset({"TopK", "ArgMax", "ArgMin", "NonMaxSuppression", "NonZero", "Unique"})
#: Where the functions lie that convert operators.
MODULES = (convolutions, elementwise, logic, products, recurrent, resizing, shapes)


def keras_network(
    model: Any,
    layouts: Sequence[tuple[int, ...]],
    origin: str,
    *,
    whole: bool = False,
    batch: Mapping[str, int] = MappingProxyType({}),
) -> Any:
    """A `keras.Model` that computes what the graph does.

    Args:
        model: From `prepared`: all shapes fixed, with a batch of one.
        layouts: The ONNX axes of each input in the order in which Keras is to take them.
        origin: Names the file in messages.
        whole: Whether to give all outputs, a list, with all their axes in ONNX' order.
        batch: The axis of outputs that is the batch, by name, where it is known.

    Raises:
        Unsupported: An operator has no equivalent; names it.
    """
    onnx, keras = require("onnx"), require("keras")
    graph, made = model.graph, Graph()
    values: dict[str, Value] = {
        tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer
    }
    inputs: list[Any] = []
    # Those that nothing reads may be missing among those of a simplified graph.
    for given, layout in zip(graph.input, layouts, strict=True):
        kind = onnx.helper.tensor_dtype_to_np_dtype(given.type.tensor_type.elem_type)
        # Examples with labels are real numbers, whatever the file takes.
        dtype = str(kind) if whole and kind.kind in "iub" else "float32"
        sides = [dim.dim_value for dim in given.type.tensor_type.shape.dim]
        shape = [sides[axis] for axis in layout]
        inputs.append(keras.Input(shape, dtype=dtype, name=made.names.of_input(len(inputs))))
        values[given.name] = Held(tensor=inputs[-1], axes=layout, rank=len(sides))
    versions = {entry.domain: entry.version for entry in model.opset_import}
    read = {name for proto in graph.node for name in proto.input if name}
    read |= {output.name for output in graph.output}
    for proto in graph.node:  # before the comparisons that they depend on
        if proto.op_type in CONTROL and proto.domain in ("", "ai.onnx"):
            raise control_flow(origin, proto.name or proto.output[0], proto.op_type)
    for proto in graph.node:
        _convert(proto, values, made, versions, read, origin)
    answers = []
    for output in graph.output:
        answer = values[output.name]
        if not isinstance(answer, Held):
            raise Unsupported(
                f"{origin}: what it answers does not depend on its input",
                why=f"its output {output.name} is a constant"
                if whole
                else "its output is a constant",
                fix="check how it was exported",
            )
        axis = batch.get(output.name, axis_of_one(answer.shape)) if whole else 0
        if (whole and not answer.rank) or (answer.rank and answer.shape[axis] != 1):
            raise Unsupported(
                f"{origin} gives outputs of shape {answer.shape} for one example",
                why="none of the axes of what it gives is the batch"
                if whole
                else "the first axis of what it gives is not the batch",
                fix="save it so that it gives one row for each example",
            )
        axes = behind(axis, answer.rank)
        answers.append(made.arranged(answer, axes) if whole else _answer(made, answer))
    takes = inputs if len(inputs) > 1 else inputs[0]
    return keras.Model(takes, answers if whole else answers[0], name="onnx")


def _answer(graph: Graph, held: Held) -> Any:
    """The output without its batch; if one axis alone has elements, without the others."""
    wide = [axis for axis, side in enumerate(held.shape) if side != 1]
    axes = wide if len(wide) == 1 and held.rank > 1 else list(range(1, held.rank))
    return graph.arranged(held, axes)


def _convert(
    proto: Any,
    values: dict[str, Value],
    graph: Graph,
    versions: dict[str, int],
    read: set[str],
    origin: str,
) -> None:
    onnx = require("onnx")
    name = proto.name or proto.output[0]
    convert = CONVERTERS.get(proto.op_type) if proto.domain in ("", "ai.onnx") else None
    operands = tuple(values[one] if one else None for one in proto.input)
    graph.names.of_node(name)
    if not any(isinstance(operand, Held) for operand in operands):
        made: Any = _folded(proto, operands, versions)
    elif proto.op_type == "Shape" and isinstance(operands[0], Held):
        made = np.asarray(operands[0].shape, np.int64)[_shape_part(proto)]
    elif proto.op_type == "Size" and isinstance(operands[0], Held):
        made = np.asarray(math.prod(operands[0].shape), np.int64)
    elif convert is None:
        raise _unknown(proto, name, origin)
    else:
        node = Node(
            kind=proto.op_type,
            name=name,
            version=versions.get("", 1),
            operands=operands,
            attributes={one.name: _attribute(onnx, one) for one in proto.attribute},
            results=sum(bool(one) for one in proto.output),
            used=tuple(one in read for one in proto.output),
            graph=graph,
            origin=origin,
        )
        try:
            made = convert(node)
        # Keras raises whatever its layers raise; numpy of shapes that do not fit.
        except (ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
            raise Unsupported(
                f"{origin}: the operator {proto.op_type} of {name!r} cannot be brought in",
                why=first_line(error),
                fix="save the network anew without it; or report it, with the file if you may",
            ) from error
        if any(node.used[len(made) if isinstance(made, tuple) else 1 :]):
            node.refuse("more of its results are read than the first")
    several = made if isinstance(made, tuple) else (made,)
    values.update(zip(proto.output, several, strict=False))


def _shape_part(proto: Any) -> slice:
    found = {one.name: one.i for one in proto.attribute}
    return slice(found.get("start"), found.get("end"))


def _attribute(onnx: Any, attribute: Any) -> Any:
    value = onnx.helper.get_attribute_value(attribute)
    if attribute.type == onnx.AttributeProto.TENSOR:
        return onnx.numpy_helper.to_array(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if attribute.type == onnx.AttributeProto.STRINGS:
        return [one.decode("utf-8", "replace") for one in value]
    return value


def _folded(proto: Any, operands: tuple[Any, ...], versions: dict[str, int]) -> tuple[Any, ...]:
    """What an operator makes of constants, computed by ONNX Runtime."""
    onnx, runtime = require("onnx"), require("onnxruntime")
    helper = onnx.helper
    feeds = {
        name: value for name, value in zip(proto.input, operands, strict=True) if value is not None
    }
    inputs = [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape
        )
        for name, value in feeds.items()
    ]
    outputs = [onnx.ValueInfoProto(name=name) for name in proto.output if name]
    graph = helper.make_graph([proto], "folded", inputs, outputs)
    imports = [helper.make_opsetid(domain, version) for domain, version in versions.items()]
    small = helper.make_model(graph, opset_imports=imports)
    small.ir_version = min(small.ir_version, 10)
    session = runtime.InferenceSession(
        small.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found = dict(zip([one.name for one in outputs], session.run(None, feeds), strict=True))
    return tuple(found.get(name) for name in proto.output)


def _unknown(proto: Any, name: str, origin: str) -> Unsupported:
    operator = f"{proto.domain}:{proto.op_type}" if proto.domain else proto.op_type
    return Unsupported(
        f"{origin}: the operator {operator} of {name!r} cannot be brought in",
        why="Keras has no layer that computes it"
        if not proto.domain
        else f"it is one of {proto.domain}, which Keras has no layers for",
        fix=f"save the network so that it ends in what {name!r} takes, and compute "
        f"{proto.op_type} of its outputs in your program"
        if proto.op_type in _BEHIND_NETWORKS
        else "save the network anew without it; docs/sources.md lists the operators that can be "
        "opened",
    )
