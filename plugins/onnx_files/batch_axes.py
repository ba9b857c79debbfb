"""The axis of an ONNX network's inputs and outputs that is the batch, where it is not the first."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from .preparing import inputs_of, shape_of


def batch_axes(model: Any, states: Mapping[str, str]) -> dict[str, int]:
    """The batch of inputs, and of outputs that are states, by name, where it is not the first axis.

    PyTorch's recurrent layers have states of (layers, batch, …), and by default series of (steps,
    batch, …). Files that are made here have a batch of one: where the graph was saved for one, each
    side of one can be it.

    Args:
        model: The proto.
        states: Inputs, and the outputs that give them at the next step.
    """
    inputs = inputs_of(model)
    shapes = {one.name: shape_of(one) for one in inputs}
    if not states or not all(shapes.values()):
        return {}
    firsts = {shape[0] for shape in shapes.values()}
    free = any(None in shapes[name] for name in states if name in shapes)
    # Of two axes, the first is the batch: (4, 1) is four examples of one value.
    ones = [
        {axis for axis, side in enumerate(shape) if side == 1 and len(shape) > 2}
        for shape in shapes.values()
    ]
    if firsts <= {None} or (firsts == {1} and not free):
        return {}
    if len(firsts) == 1 and not free and not set.intersection(*ones):
        return {}  # a batch of several
    symbol = _shared_symbol(inputs)
    axes = {}
    for one in inputs:
        shape, symbols = shapes[one.name], _symbols(one)
        if symbol in symbols:
            axes[one.name] = symbols.index(symbol)
        elif one.name in states or (free and shape[0] is not None):
            axes[one.name] = _first(shape, None, default=_first(shape, 1))
        else:
            axes[one.name] = 0 if shape[0] is None else _first(shape, 1)
    axes |= {out: axes[into] for into, out in states.items() if into in axes}
    return {name: axis for name, axis in axes.items() if axis}


def axis_of_one(shape: Sequence[int]) -> int:
    """The batch of what a network gives for a batch of one: the first axis, or else one of one."""
    return _first(tuple(shape), 1)


def behind(axis: int, rank: int) -> tuple[int, ...]:
    """All other axes."""
    return tuple(other for other in range(rank) if other != axis)


def _first(shape: Sequence[int | None], side: int | None, default: int = 0) -> int:
    return shape.index(side) if side in shape else default


def _symbols(value: Any) -> list[str]:
    return [side.dim_param for side in value.type.tensor_type.shape.dim]


def _shared_symbol(inputs: Sequence[Any]) -> str | None:
    """The name that all inputs have for a free side; of several the first of the last input."""
    named: list[Collection[str]] = [[name for name in _symbols(one) if name] for one in inputs]
    shared = set(named[0]).intersection(*named[1:])
    return next((name for name in named[-1] if name in shared), None)
