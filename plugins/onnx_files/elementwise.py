"""Operators that compute each element by itself: arithmetic and activations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.common.optional_imports import require
from zoo.networks.sources.graph import added

from .held import Constant, Held, Value, broadcast
from .logic import alike, chosen, is_real
from .nodes import Made, Node, converts

_BINARY = {
    "Add": "add",
    "Sub": "subtract",
    "Mul": "multiply",
    "Div": "divide",
    "Pow": "power",
    "Max": "maximum",
    "Min": "minimum",
    "Sum": "add",
    "Mean": "add",
    "PRelu": "",
}
#: Those that whole numbers are computed by as they are.
_EXACT = frozenset({"Add", "Sub", "Mul", "Max", "Min", "Sum", "Where"})
_UNARY = {
    "Abs": "abs",
    "Acos": "arccos",
    "Asin": "arcsin",
    "Atan": "arctan",
    "Ceil": "ceil",
    "Cos": "cos",
    "Cosh": "cosh",
    "Erf": "erf",
    "Exp": "exp",
    "Floor": "floor",
    "Log": "log",
    "Neg": "negative",
    "Reciprocal": "reciprocal",
    "Round": "round",
    "Sign": "sign",
    "Sin": "sin",
    "Sinh": "sinh",
    "Sqrt": "sqrt",
    "Tan": "tan",
}
_ACTIVATIONS = {
    "Mish": "mish",
    "Selu": "selu",
    "Sigmoid": "sigmoid",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Tanh": "tanh",
    "HardSwish": "hard_silu",
}


@converts("Identity", "Dropout")
def same(node: Node) -> Made:
    """Nothing while a network is used."""
    if node.kind == "Dropout" and isinstance(node.given(2), np.ndarray) and bool(node.given(2)):
        node.refuse("it drops values at random, outside of training too")
    return node.held()


@converts(*_UNARY)
def unary(node: Node) -> Made:
    """A function of `keras.ops`."""
    held = node.held()
    function = getattr(require("keras.ops"), _UNARY[node.kind])
    made = node.graph.function(function, held.tensor)
    return held.holding(made)


@converts(*_ACTIVATIONS)
def activation(node: Node) -> Made:
    """An activation with a name in Keras."""
    return _activated(node, node.held(), _ACTIVATIONS[node.kind])


def _activated(node: Node, held: Held, name: str) -> Held:
    return held.holding(node.graph.layer("Activation", held.tensor, name))


@converts("Relu", "LeakyRelu", "Elu", "Celu", "ThresholdedRelu")
def rectified(node: Node) -> Made:
    """Rectified values."""
    held = node.held()
    kind = "ReLU"
    options: dict[str, Any] = {}
    if node.kind == "LeakyRelu":
        kind, options = "LeakyReLU", {"negative_slope": float(node.get("alpha", 0.01))}
    elif node.kind == "Elu":
        kind, options = "ELU", {"alpha": float(node.get("alpha", 1.0))}
    elif node.kind == "Celu":
        made = node.graph.function(
            require("keras.ops").celu, held.tensor, float(node.get("alpha", 1.0))
        )
        return held.holding(made)
    elif node.kind == "ThresholdedRelu":
        made = node.graph.function(
            require("keras.ops").threshold, held.tensor, float(node.get("alpha", 1.0)), 0.0
        )
        return held.holding(made)
    return held.holding(node.graph.layer(kind, held.tensor, **options))


@converts("Gelu")
def gelu(node: Node) -> Made:
    """Exact or by the hyperbolic tangent."""
    held, keras = node.held(), require("keras")
    approximate = node.get("approximate", "none") == "tanh"
    made = node.graph.function(keras.ops.gelu, held.tensor, approximate=approximate)
    return held.holding(made)


@converts("Swish")
def swish(node: Node) -> Made:
    """X · sigmoid(alpha · x)."""
    held, keras = node.held(), require("keras")
    alpha = float(node.get("alpha", 1.0))
    if alpha == 1.0:
        return _activated(node, held, "silu")
    scaled = node.graph.function(keras.ops.multiply, held.tensor, alpha)
    gate = node.graph.layer("Activation", scaled, "sigmoid")
    return held.holding(node.graph.function(keras.ops.multiply, held.tensor, gate))


@converts("HardSigmoid")
def hard_sigmoid(node: Node) -> Made:
    """max(0, min(1, alpha · x + beta))."""
    held, keras = node.held(), require("keras")
    alpha, beta = float(node.get("alpha", 0.2)), float(node.get("beta", 0.5))
    if math.isclose(alpha, 1 / 6, rel_tol=1e-6) and beta == 0.5:
        return _activated(node, held, "hard_sigmoid")
    scaled = node.graph.layer("Rescaling", held.tensor, alpha, beta)
    return held.holding(node.graph.function(keras.ops.clip, scaled, 0.0, 1.0))


@converts("Where")
def where(node: Node) -> Made:
    """One or the other, by truth values; if they are constant, a mask."""
    if isinstance(node.given(0), Held):
        return chosen(node)
    mask = node.constant(0)
    if mask is None:
        node.refuse("its condition is missing")
    keras = require("keras")
    values = [node.value(1), node.value(2)]
    shape = np.broadcast_shapes(mask.shape, *(value.shape for value in values))
    masks = [np.broadcast_to(mask, shape[len(shape) - mask.ndim :]).astype(np.float32)]
    masks.append(1 - masks[0])
    parts: list[Value] = []
    for value, share in zip(values, masks, strict=True):
        if isinstance(value, np.ndarray):
            # Infinity where it is masked out would be no number.
            parts.append(np.where(share != 0, value, 0).astype(np.float32))
        else:
            parts.append(_two(node, value, share, keras.ops.multiply))
    return _two(node, parts[0], parts[1], keras.ops.add)


@converts("Clip")
def clip(node: Node) -> Made:
    """Limits; of 0 and more, a rectifier."""
    held = node.held()
    low = node.number("min", 1, None)
    high = node.number("max", 2, None)
    low = -math.inf if low is None or low < -3e38 else low
    high = math.inf if high is None or high > 3e38 else high
    if low == 0:
        most = None if high == math.inf else high
        return held.holding(node.graph.layer("ReLU", held.tensor, max_value=most))
    ops = require("keras.ops")
    tensor = held.tensor
    if low > -math.inf:
        tensor = node.graph.function(ops.maximum, tensor, low)
    if high < math.inf:
        tensor = node.graph.function(ops.minimum, tensor, high)
    return held.holding(tensor)


@converts("Softmax", "LogSoftmax")
def softmax(node: Node) -> Made:
    """Over one axis; before operator set 13 over it and all that follow."""
    held = node.held()
    axis = int(node.get("axis", -1 if node.version >= 13 else 1))
    axis += held.rank if axis < 0 else 0
    shape = held.shape
    axes = [axis] if node.version >= 13 else list(range(axis, held.rank))
    wide = [one for one in axes if shape[one] != 1] or [axes[-1]]
    if len(wide) > 1:
        rest = [one for one in held.axes if one not in wide]
        flat = node.graph.arranged(held, (*rest, *wide))
        sides = flat.shape[1:]
        flat = node.graph.reshaped(flat, (*sides[: len(rest)], math.prod(sides[len(rest) :])))
        made = _normalized(node, flat, -1)
        made = node.graph.reshaped(made, tuple(sides))
        return Held(tensor=made, axes=(*rest, *wide), rank=held.rank)
    if wide[0] not in held.axes:
        held = node.graph.rearranged(held, (*held.axes, wide[0]))
    place = held.place(wide[0])
    made = _normalized(node, held.tensor, -1 if place == len(held.axes) else place)
    return held.holding(made)


def _normalized(node: Node, tensor: Any, axis: int) -> Any:
    if node.kind == "Softmax":
        return node.graph.layer("Softmax", tensor, axis=axis)
    return node.graph.function(require("keras.ops").log_softmax, tensor, axis=axis)


@converts("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum", "Mean")
def arithmetic(node: Node) -> Made:
    """Two operands, or any number of them."""
    values = [node.value(place) for place in range(len(node.operands))]
    function = getattr(require("keras.ops"), _BINARY[node.kind])
    made = values[0]
    for other in values[1:]:
        made = _two(node, made, other, function)
    if node.kind == "Mean" and len(values) > 1:
        made = _two(node, made, np.asarray(1 / len(values)), require("keras.ops").multiply)
    return made


def _two(node: Node, one: Value, other: Value, function: Any) -> Value:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        node.refuse("all its operands are constants")
    for held, constant in ((one, other), (other, one)):
        if isinstance(held, Held) and isinstance(constant, np.ndarray):
            made = _with_bias(node, held, constant)
            if made is None:
                made = _rescaled(node, held, constant, first=held is one)
            if made is not None:
                return made
    operands, axes, rank = broadcast(node.graph, [one, other])
    if any(not isinstance(part, np.ndarray) and not is_real(part) for part in operands):
        if node.kind not in _EXACT:
            node.refuse("it computes on whole numbers")
        first, second = alike(operands)
    else:
        first, second = map(_plain, operands)
    if function is require("keras.ops").add:
        first, second = added(first, second)
    return Held(tensor=node.graph.function(function, first, second), axes=axes, rank=rank)


def _plain(operand: Any) -> Any:
    if not isinstance(operand, np.ndarray):
        return operand
    return float(operand.ravel()[0]) if operand.size == 1 else operand.astype(np.float32)


def _with_bias(node: Node, held: Held, constant: Constant) -> Held | None:
    """The layer before with a bias, if it is a dense one without, and one is added to it."""
    keras = require("keras")
    operation = held.tensor._keras_history.operation
    if node.kind != "Add" or not isinstance(operation, keras.layers.Dense) or operation.use_bias:
        return None
    bias = per_axis(held, constant, held.axes[-1]) if held.axes else None
    if bias is None:
        return None
    (before,) = operation._inbound_nodes[0].input_tensors
    weights = [operation.get_weights()[0], bias]
    return held.holding(node.graph.weighted("Dense", before, weights, operation.units))


def per_axis(held: Held, constant: Constant, axis: int) -> Constant | None:
    """A constant that differs along this axis alone, one number for each of its elements."""
    if constant.ndim > held.rank:
        return None
    shape = (1,) * (held.rank - constant.ndim) + constant.shape
    if any(side != 1 and place != axis for place, side in enumerate(shape)):
        return None
    return np.broadcast_to(constant.reshape(-1), (held.shape[axis],)).astype(np.float32)


def _rescaled(node: Node, held: Held, constant: Constant, *, first: bool) -> Held | None:
    """A normalization of the network's own input, which is told to be one."""
    keras = require("keras")
    if node.kind not in ("Add", "Sub", "Mul", "Div") or (node.kind in ("Sub", "Div") and not first):
        return None
    operation = held.tensor._keras_history.operation
    own = isinstance(operation, keras.layers.InputLayer) and is_real(held.tensor)
    if not held.axes or not (own or isinstance(operation, keras.layers.Rescaling)):
        return None
    values = per_axis(held, constant, held.axes[-1])
    if values is None:
        return None
    scale: Constant = np.ones(())
    offset: Constant = np.zeros(())
    tensor = held.tensor
    if not own:
        (tensor,) = operation._inbound_nodes[0].input_tensors
        if not isinstance(tensor._keras_history.operation, keras.layers.InputLayer):
            return None
        scale, offset = np.asarray(operation.scale, np.float64), np.asarray(operation.offset)
    exact = values.astype(np.float64)
    factor = {"Mul": exact, "Div": 1 / exact}.get(node.kind, np.float64(1.0))
    shift = {"Add": exact, "Sub": -exact}.get(node.kind, np.float64(0.0))
    made = node.graph.layer(
        "Rescaling", tensor, _list(scale * factor), _list(offset * factor + shift)
    )
    return held.holding(made)


def _list(values: Any) -> float | Sequence[float]:
    flat = np.ravel(values)
    same_number = bool(np.ptp(flat) == 0)
    return float(flat[0]) if same_number else [float(value) for value in flat]


@converts("PRelu")
def prelu(node: Node) -> Made:
    """Slopes by channel become those of a layer; they are shared by all other axes."""
    held, slopes = node.held(), node.weights(1)
    if held.rank > 2:
        held = node.graph.channels_last(held)
    shape = (1,) * (held.rank - slopes.ndim) + slopes.shape
    turned = slopes.reshape(shape).transpose([*_missing(held), *held.axes])
    turned = turned.reshape([shape[axis] for axis in held.axes])
    shared = [place + 1 for place, side in enumerate(turned.shape) if side == 1]
    made = node.graph.weighted("PReLU", held.tensor, [turned], shared_axes=shared)
    return held.holding(made)


def _missing(held: Held) -> list[int]:
    return [axis for axis in range(held.rank) if axis not in held.axes]
