"""Operators on whole numbers and truth values: comparisons, logic, lookups in tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.common.optional_imports import require

from .held import Constant, Held, broadcast
from .nodes import Made, Node, axis_of, converts

_COMPARISONS = {
    "Equal": "equal",
    "Greater": "greater",
    "GreaterOrEqual": "greater_equal",
    "Less": "less",
    "LessOrEqual": "less_equal",
}
_LOGIC = {"And": "logical_and", "Or": "logical_or", "Xor": "logical_xor"}
#: Types of ONNX' tensors that are real numbers, all of 32 bits here, truth values, and text.
_REAL, _TRUTH, _TEXT = (1, 10, 11, 16), 9, 8


def is_real(tensor: Any) -> bool:
    """Whether a Keras tensor or an array holds real numbers."""
    return str(tensor.dtype).startswith(("float", "bfloat"))


def alike(operands: list[Any]) -> list[Any]:
    """Operands of one function, constants among them in the type of the others."""
    kinds = [str(one.dtype) for one in operands if not isinstance(one, np.ndarray)]
    return [one.astype(kinds[0]) if isinstance(one, np.ndarray) else one for one in operands]


@converts("Cast", "CastLike")
def cast(node: Node) -> Made:
    """Whole numbers as real ones or truth values; of real numbers nothing changes."""
    held = node.held()
    own = is_real(held.tensor)
    if node.kind == "CastLike":
        like = node.value(1)
        real = is_real(like.tensor if isinstance(like, Held) else like)
        if real != own:
            node.refuse("it makes other numbers of the network's values")
        return held
    wanted = int(node.get("to", 1))
    if own and wanted not in _REAL:
        node.refuse(
            "it makes text of the network's values"
            if wanted == _TEXT
            else "it makes whole numbers or truth values of the network's values"
        )
    truth = str(held.tensor.dtype) == "bool"
    if wanted in _REAL:
        name = "" if own else "float32"
    elif wanted == _TRUTH:
        name = "" if truth else "bool"
    else:
        name = "int32" if truth else ""  # a wider or narrower type of the same numbers
    if not name:
        return held
    return held.holding(node.graph.function(require("keras.ops").cast, held.tensor, name))


@converts(*_COMPARISONS, *_LOGIC)
def compared(node: Node) -> Made:
    """Truth values."""
    operands, axes, rank = broadcast(node.graph, [node.value(0), node.value(1)])
    function = getattr(require("keras.ops"), {**_COMPARISONS, **_LOGIC}[node.kind])
    return Held(tensor=node.graph.function(function, *alike(operands)), axes=axes, rank=rank)


@converts("Not")
def negated(node: Node) -> Made:
    """The other truth values."""
    held = node.held()
    return held.holding(node.graph.function(require("keras.ops").logical_not, held.tensor))


def chosen(node: Node) -> Made:
    """One or the other, by truth values that depend on the input."""
    values = [node.value(place) for place in range(3)]
    (mask, *parts), axes, rank = broadcast(node.graph, values)
    ops, graph = require("keras.ops"), node.graph
    nothing = [isinstance(p, np.ndarray) and p.dtype.kind == "f" and not p.any() for p in parts]
    if any(nothing) and not isinstance(parts[nothing[0]], np.ndarray):
        # Integers keep the scale of a product; a choice has one scale with both of what it takes.
        kept = graph.function(ops.logical_not, mask) if nothing[0] else mask
        share = graph.function(ops.cast, kept, "float32")
        made = graph.function(ops.multiply, parts[nothing[0]], share)
        return Held(tensor=made, axes=axes, rank=rank)
    if not any(isinstance(value, Held) for value in values[1:]):
        parts = [part.astype(_narrow(part)) for part in parts]
    else:
        parts = alike(parts)
    made = graph.function(ops.where, mask, *parts)
    return Held(tensor=made, axes=axes, rank=rank)


def _narrow(values: Constant) -> str:
    return "float32" if values.dtype.kind == "f" else str(values.dtype)


def looked_up(node: Node, table: Constant, numbers: Held) -> Made:
    """Rows of a constant table, by numbers that depend on the input."""
    axis = axis_of(int(node.get("axis", 0)), table.ndim)
    if axis != 0 or table.ndim < 1:
        node.refuse("it looks up along another axis of its table than the first")
    if is_real(numbers.tensor):
        node.refuse("the numbers of the rows are computed as real numbers")
    axes = (*numbers.axes, *range(numbers.rank, numbers.rank + table.ndim - 1))
    rank = numbers.rank + table.ndim - 1
    if table.ndim == 2 and table.dtype.kind == "f":
        tensor = node.graph.weighted("Embedding", numbers.tensor, [table], *table.shape)
    else:
        values = table.astype(_narrow(table))
        ops = require("keras.ops")
        tensor = node.graph.function(ops.take, values, numbers.tensor, axis=0)
    return Held(tensor=tensor, axes=axes, rank=rank)
