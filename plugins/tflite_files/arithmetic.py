"""Operators on single values: sums, products, activations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from zoo.networks.sources.graph import added

from .graph import Array, Operator
from .logic import is_real, operands
from .network import Building, Convert, Scaled

#: Layers of Keras for two tensors of one rank.
_MERGING = {
    "ADD": "Add",
    "SUB": "Subtract",
    "MUL": "Multiply",
    "MAXIMUM": "Maximum",
    "MINIMUM": "Minimum",
}
_FUNCTIONS = {
    "ADD": "add",
    "SUB": "subtract",
    "MUL": "multiply",
    "DIV": "divide",
    "MAXIMUM": "maximum",
    "MINIMUM": "minimum",
    "POW": "power",
    "FLOOR_DIV": "floor_divide",
    "FLOOR_MOD": "mod",
}
#: Those that whole numbers are computed by as they are.
_EXACT = frozenset({"ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM"})
_SIMPLE = {
    "ABS": "abs",
    "SQRT": "sqrt",
    "RSQRT": "rsqrt",
    "EXP": "exp",
    "LOG": "log",
    "SQUARE": "square",
    "FLOOR": "floor",
    "CEIL": "ceil",
    "ROUND": "round",
    "SIGN": "sign",
    "SIN": "sin",
    "COS": "cos",
}
_ACTIVATIONS = {
    "LOGISTIC": "sigmoid",
    "TANH": "tanh",
    "HARD_SWISH": "hard_silu",
    "LOG_SOFTMAX": "log_softmax",
}


def _is_scale(values: Array, shape: tuple[int, ...]) -> bool:
    """Whether a constant is one number, or one for each channel."""
    channels = bool(shape) and values.size == shape[-1] == (values.shape or (0,))[-1]
    return values.ndim <= len(shape) and (values.size == 1 or channels)


def two(building: Building, operator: Operator) -> Any:
    """ADD, SUB, MUL, DIV, MAXIMUM, MINIMUM, POW of two tensors, or of one and a constant."""
    kind = operator.kind
    if not is_real(building, operator.outputs[0]):
        if kind not in _EXACT:
            raise building.refused(operator, "it computes on whole numbers")
        return getattr(building.ops, _FUNCTIONS[kind])(*operands(building, operator))
    constants = [building.constant(operator, number) for number in (0, 1)]
    if all(value is None for value in constants):
        given = building.alike(operator)
        if kind in _MERGING:
            layer = getattr(building.layers, _MERGING[kind])(name=building.unique(operator.name))
            return layer(list(added(*given)) if kind == "ADD" else given)
        return getattr(building.ops, _FUNCTIONS[kind])(*given)
    first = constants[0] is not None
    value = constants[0] if first else constants[1]
    assert value is not None
    shape = building.shape(operator, 1 if first else 0)
    if value.ndim == len(shape) and value.shape[0] > 1:
        raise building.refused(operator, "it gives a constant to each example of a batch")
    if _is_scale(value, shape) and (kind in ("ADD", "SUB", "MUL") or (kind == "DIV" and not first)):
        return _scaled(building, operator, value.reshape(-1).astype(np.float64), first)
    given = building.tensor(operator, 1 if first else 0)
    value = value.astype(np.float32)
    pair = (value, given) if first else (given, value)
    pair = added(*pair) if kind == "ADD" else pair
    return getattr(building.ops, _FUNCTIONS[kind])(*pair)


def _scaled(building: Building, operator: Operator, value: Array, first: bool) -> Scaled:
    """A sum, difference, product or quotient with a constant, joined to those before it."""
    place = operator.inputs[1 if first else 0]
    before = building.value(place)
    if not isinstance(before, Scaled):
        before = building.tensor(operator, 1 if first else 0)
        before = Scaled(before, np.ones(1), np.zeros(1), operator.name)
    scale, offset = before.scale, before.offset
    if operator.kind == "MUL":
        scale, offset = scale * value, offset * value
    elif operator.kind == "DIV":
        scale, offset = scale / value, offset / value
    elif operator.kind == "ADD":
        offset = offset + value
    else:
        scale, offset = (-scale, value - offset) if first else (scale, offset - value)
    return Scaled(before.tensor, scale, offset, operator.name)


def negative(building: Building, operator: Operator) -> Any:
    """NEG."""
    return building.layers.Rescaling(-1.0, name=building.unique(operator.name))(
        building.tensor(operator)
    )


def simple(building: Building, operator: Operator) -> Any:
    """A function of each value."""
    return getattr(building.ops, _SIMPLE[operator.kind])(building.tensor(operator))


def activation(building: Building, operator: Operator) -> Any:
    """An activation without parameters."""
    layer = building.layers.Activation(
        _ACTIVATIONS[operator.kind], name=building.unique(operator.name)
    )
    return layer(building.tensor(operator))


def relu(most: float | None) -> Convert:
    """RELU, RELU6 and RELU_0_TO_1."""

    def convert(building: Building, operator: Operator) -> Any:
        layer = building.layers.ReLU(most, name=building.unique(operator.name))
        return layer(building.tensor(operator))

    return convert


def clipped(building: Building, operator: Operator) -> Any:
    """RELU_N1_TO_1."""
    return building.ops.clip(building.tensor(operator), -1.0, 1.0)


def leaky(building: Building, operator: Operator) -> Any:
    """LEAKY_RELU."""
    slope = float(operator.options.alpha)
    layer = building.layers.LeakyReLU(negative_slope=slope, name=building.unique(operator.name))
    return layer(building.tensor(operator))


def elu(building: Building, operator: Operator) -> Any:
    """ELU."""
    return building.layers.ELU(name=building.unique(operator.name))(building.tensor(operator))


def prelu(building: Building, operator: Operator) -> Any:
    """PRELU; its slopes may be shared along sides."""
    slopes = building.needed(operator, 1, "its slopes")
    given = building.tensor(operator)
    sides = len(given.shape) - 1
    slopes = slopes.reshape(((1,) * sides + slopes.shape)[-sides:])
    shared = [n + 1 for n in range(sides) if slopes.shape[n] == 1 != given.shape[n + 1]]
    layer = building.layers.PReLU(shared_axes=shared or None, name=building.unique(operator.name))
    return building.weighted(layer, given, [slopes], operator)


def gelu(building: Building, operator: Operator) -> Any:
    """GELU, exact or by tanh."""
    given = building.tensor(operator)
    if operator.options.approximate:
        return building.ops.gelu(given, approximate=True)
    return building.ops.gelu(given, approximate=False)


def softmax(building: Building, operator: Operator) -> Any:
    """SOFTMAX along the last side."""
    given, beta = building.tensor(operator), float(operator.options.beta)
    if beta != 1.0:
        given = building.layers.Rescaling(beta, name=building.unique(f"{operator.name}_beta"))(
            given
        )
    return building.layers.Softmax(name=building.unique(operator.name))(given)


def squared_difference(building: Building, operator: Operator) -> Any:
    """SQUARED_DIFFERENCE."""
    constant = building.constant(operator, 1)
    given = building.alike(operator)
    one, other = given if constant is None else (*given, constant)
    return building.ops.square(building.ops.subtract(one, other))


def sum_of_all(building: Building, operator: Operator) -> Any:
    """ADD_N."""
    given = [building.tensor(operator, number) for number in range(len(operator.inputs))]
    return building.layers.Add(name=building.unique(operator.name))(given)


def unit_length(building: Building, operator: Operator) -> Any:
    """L2_NORMALIZATION along the last side."""
    given, ops = building.tensor(operator), building.ops
    squares = ops.sum(ops.square(given), axis=-1, keepdims=True)
    return ops.multiply(given, ops.rsqrt(ops.maximum(squares, 1e-12)))


_SINGLE: dict[str, Callable[[Building, Operator], Any]] = {
    "NEG": negative,
    "RELU": relu(None),
    "RELU6": relu(6.0),
    "RELU_0_TO_1": relu(1.0),
    "RELU_N1_TO_1": clipped,
    "LEAKY_RELU": leaky,
    "ELU": elu,
    "PRELU": prelu,
    "GELU": gelu,
    "SOFTMAX": softmax,
    "SQUARED_DIFFERENCE": squared_difference,
    "ADD_N": sum_of_all,
    "L2_NORMALIZATION": unit_length,
}
CONVERTERS: dict[str, Convert] = {
    **dict.fromkeys(_FUNCTIONS, two),
    **dict.fromkeys(_SIMPLE, simple),
    **dict.fromkeys(_ACTIVATIONS, activation),
    **_SINGLE,
}
