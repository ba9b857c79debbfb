"""Operators on whole numbers and truth values: comparisons, logic, lookups in tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from .graph import Array, Operator
from .network import Building, Convert

_COMPARISONS = {
    "EQUAL": "equal",
    "NOT_EQUAL": "not_equal",
    "GREATER": "greater",
    "GREATER_EQUAL": "greater_equal",
    "LESS": "less",
    "LESS_EQUAL": "less_equal",
    "LOGICAL_AND": "logical_and",
    "LOGICAL_OR": "logical_or",
}


def is_real(building: Building, place: int) -> bool:
    """Whether a tensor holds real numbers."""
    return building.graph.dtypes[place].startswith("float")


def operands(building: Building, operator: Operator) -> list[Any]:
    """All inputs, of one number of sides; constants in their own type, real ones of 32 bits."""
    rank = max(len(building.shape(operator, n)) for n in range(len(operator.inputs)))
    found = []
    for number, place in enumerate(operator.inputs):
        constant = building.constant(operator, number)
        if constant is None:
            tensor, shape = building.tensor(operator, number), building.shape(operator, number)
            if len(shape) != rank:
                if shape[:1] != (1,):
                    raise building.refused(operator, "it spreads one tensor over examples")
                sides = (1,) * (rank - len(shape)) + shape
                tensor = building.reshaped(tensor, sides, f"{operator.name}_sides")
            found.append(tensor)
            continue
        if constant.ndim == rank and constant.shape[0] > 1:
            raise building.refused(operator, "it gives a constant to each example of a batch")
        found.append(constant.astype(np.float32) if is_real(building, place) else constant)
    return found


def compared(building: Building, operator: Operator) -> Any:
    """Truth values."""
    return getattr(building.ops, _COMPARISONS[operator.kind])(*operands(building, operator))


def negated(building: Building, operator: Operator) -> Any:
    """LOGICAL_NOT."""
    return building.ops.logical_not(building.tensor(operator))


def chosen(building: Building, operator: Operator) -> Any:
    """SELECT and SELECT_V2: one or the other, by truth values."""
    ops, (mask, *parts) = building.ops, operands(building, operator)
    nothing = [isinstance(p, np.ndarray) and p.dtype.kind == "f" and not p.any() for p in parts]
    if any(nothing) and not isinstance(parts[nothing[0]], np.ndarray):
        # Integers keep the scale of a product; a choice has one scale with both of what it takes.
        share = ops.cast(ops.logical_not(mask) if nothing[0] else mask, "float32")
        return ops.multiply(parts[nothing[0]], share)
    return ops.where(mask, *parts)


def cast(building: Building, operator: Operator) -> Any:
    """CAST of real numbers to such, and of whole ones and truth values to any."""
    place, made = operator.inputs[0], operator.outputs[0]
    own, wanted = (building.graph.dtypes[one] for one in (place, made))
    real = is_real(building, made)
    if is_real(building, place):
        if not real:
            raise building.refused(operator, f"it makes {wanted} of {own}")
        return building.value(place)
    if real and place in building.graph.inputs and not building.whole_numbers:
        return building.value(place)
    if not real and "bool" not in (own, wanted):
        return building.value(place)  # a wider or narrower type of the same numbers
    name = "float32" if real else "bool" if wanted == "bool" else "int32"
    return building.ops.cast(building.tensor(operator), name)


def looked_up(building: Building, operator: Operator) -> Any:
    """GATHER of a constant table, and EMBEDDING_LOOKUP: rows by numbers of the network's."""
    rows, table = (1, 0) if operator.kind == "GATHER" else (0, 1)
    values: Array = building.needed(operator, table, "the rows of its table")
    if operator.kind == "GATHER" and (operator.options.axis or operator.options.batchDims):
        raise building.refused(operator, "it looks up along another side than the first")
    numbers = building.tensor(operator, rows)
    if not building.shape(operator, rows):
        raise building.refused(operator, "it looks up one number of a batch")
    if values.ndim == 2 and is_real(building, operator.inputs[table]):
        layer = building.layers.Embedding(*values.shape, name=building.unique(operator.name))
        return building.weighted(layer, numbers, [values], operator)
    return building.ops.take(values, numbers, axis=0)


CONVERTERS: dict[str, Convert] = {
    **dict.fromkeys(_COMPARISONS, compared),
    **dict.fromkeys(("SELECT", "SELECT_V2"), chosen),
    "LOGICAL_NOT": negated,
    "CAST": cast,
    "EMBEDDING_LOOKUP": looked_up,
}
