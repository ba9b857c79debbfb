"""Tensors of an ONNX graph for one example, held by a Keras graph for any number of them.

A graph of batch 1 is converted as if each of its tensors had one more axis in front: the examples.
Which axis of it the author meant as the batch does not matter then, nor whether axes are mixed by a
reshape. An axis of one element need not be held, and the others may be held in any order: so a
transposition only names axes anew, and images stay channels-last from operator to operator.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from zoo.common.optional_imports import require

if TYPE_CHECKING:
    from collections.abc import Callable

Constant: TypeAlias = NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Shuffled:
    """One flat axis in the order in which its elements were held.

    Attributes:
        tensor: (examples, elements).
        order: The ONNX element that each of its elements is.
    """

    tensor: Any
    order: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Held:
    """A tensor of the ONNX graph.

    Attributes:
        tensor: A Keras tensor, (examples, …).
        axes: The ONNX axis of each of its other axes; those that are missing have one element.
        rank: Of the ONNX tensor.
        shuffled: The same elements without the transposition that ONNX' order takes.
    """

    tensor: Any
    axes: tuple[int, ...]
    rank: int
    shuffled: Shuffled | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the ONNX tensor, of one example."""
        sides = dict(zip(self.axes, self.tensor.shape[1:], strict=True))
        return tuple(sides.get(axis, 1) for axis in range(self.rank))

    def place(self, axis: int) -> int:
        """The axis of `tensor` that holds an ONNX axis."""
        return self.axes.index(axis) + 1

    def holding(self, tensor: Any) -> Held:
        """A Keras tensor with the axes of this one."""
        return Held(tensor=tensor, axes=self.axes, rank=self.rank)

    def relabelled(self, axes: Sequence[int], rank: int) -> Held:
        """The same elements under other axes."""
        return Held(tensor=self.tensor, axes=tuple(axes), rank=rank)


Value: TypeAlias = Held | Constant


class Names:
    """Names of layers: those of the nodes that they were made for, each once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._node = "input"

    def of_input(self, number: int) -> str:
        """The name of one of the network's inputs, by its place."""
        name = f"input_{number}" if number else "input"
        self._taken.add(name)
        return name

    def of_node(self, name: str) -> None:
        """From now on, layers are named after this node."""
        self._node = re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("_.-") or "node"

    def next(self, suffix: str = "") -> str:
        """A name that was not given before."""
        base = name = f"{self._node}_{suffix}" if suffix else self._node
        count = 0
        while name in self._taken:
            count += 1
            name = f"{base}_{count}"
        self._taken.add(name)
        return name


class Graph:
    """The Keras graph that grows: layers and functions with names of their nodes."""

    def __init__(self) -> None:
        self.names = Names()

    def layer(
        self, kind: str, tensor: Any, *arguments: Any, suffix: str = "", **options: Any
    ) -> Any:
        """What a layer of Keras makes of a tensor."""
        made = getattr(require("keras.layers"), kind)
        return made(*arguments, name=self.names.next(suffix), **options)(tensor)

    def weighted(
        self,
        kind: str,
        tensor: Any,
        weights: Sequence[Constant],
        *arguments: Any,
        states: Sequence[Any] = (),
        **options: Any,
    ) -> Any:
        """What a layer of Keras with these weights makes of a tensor, and of a layer's states."""
        layer = getattr(require("keras.layers"), kind)(
            *arguments, name=self.names.next(), **options
        )
        made = layer(tensor, list(states)) if states else layer(tensor)
        layer.set_weights([np.asarray(values, np.float32) for values in weights])
        return made

    def function(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """What a function of `keras.ops` makes of tensors."""
        made = function(*arguments, **options)
        made._keras_history.operation.name = self.names.next()
        return made

    def arranged(self, held: Held, axes: Sequence[int]) -> Any:
        """The tensor with exactly these ONNX axes, in this order."""
        if held.axes == tuple(axes):
            return held.tensor
        shape = held.shape
        wanted = [axis for axis in axes if shape[axis] != 1]
        kept = [axis for axis in held.axes if shape[axis] != 1]
        if sorted(wanted) != sorted(kept):
            raise ValueError(f"axes {kept} cannot be arranged as {wanted}")
        tensor = held.tensor
        if kept != wanted:
            idle = [axis for axis in held.axes if shape[axis] == 1]
            order = [held.place(axis) for axis in (*wanted, *idle)]
            tensor = self.layer("Permute", tensor, order, suffix="permute")
        sides = tuple(shape[axis] for axis in axes)
        return self.reshaped(tensor, sides)

    def reshaped(self, tensor: Any, sides: tuple[int, ...]) -> Any:
        """The tensor with other sides, of the same elements in the same order."""
        if tuple(tensor.shape[1:]) == sides:
            return tensor
        return self.layer("Reshape", tensor, sides, suffix="reshape")

    def rearranged(self, held: Held, axes: Sequence[int]) -> Held:
        """The same ONNX tensor, held with exactly these axes."""
        return Held(tensor=self.arranged(held, axes), axes=tuple(axes), rank=held.rank)

    def channels_last(self, held: Held) -> Held:
        """As convolutions take it: (examples, spatial …, channels)."""
        return self.rearranged(held, (*range(2, held.rank), 1))

    def transposed(self, held: Held, order: Sequence[int]) -> Held:
        """Axis i of the result is axis `order[i]`."""
        return held.relabelled([list(order).index(axis) for axis in held.axes], held.rank)

    def reshape(self, held: Held, shape: Sequence[int]) -> Held:
        """ONNX' reshape, which moves no more than it must.

        Axes are put into groups that are the same elements before and after. One that stays
        as it is may be held anywhere; those that are merged must be held side by side.
        """
        groups = _groups(held.shape, tuple(shape))
        old_shape, rank = held.shape, len(shape)
        group_of = {axis: place for place, (old, _) in enumerate(groups) for axis in old}
        order: list[int] = []
        for axis in held.axes:
            if old_shape[axis] != 1 and axis not in order:
                order += groups[group_of[axis]][0]
        axes = tuple(
            new
            for place in dict.fromkeys(group_of[axis] for axis in order)
            for new in groups[place][1]
        )
        sides = tuple(shape[axis] for axis in axes)
        made = self.reshaped(self.arranged(held, order), sides)
        shuffled = None
        moved = [axis for axis in held.axes if old_shape[axis] != 1]
        if len(axes) == 1 and moved != order:
            numbers = np.arange(math.prod(old_shape)).reshape(old_shape)
            turned = numbers.transpose([*moved, *sorted(set(range(held.rank)) - set(moved))])
            flat = self.reshaped(held.tensor, (numbers.size,))
            shuffled = Shuffled(tensor=flat, order=turned.reshape(-1))
        return Held(tensor=made, axes=axes, rank=rank, shuffled=shuffled)


def _groups(old: tuple[int, ...], new: tuple[int, ...]) -> list[tuple[list[int], list[int]]]:
    """The smallest groups of neighbouring axes, old and new, with the same number of elements."""
    before = [axis for axis, side in enumerate(old) if side != 1]
    after = [axis for axis, side in enumerate(new) if side != 1]
    groups = []
    while before or after:
        one, other = [before.pop(0)], [after.pop(0)]
        products = [old[one[0]], new[other[0]]]
        while products[0] != products[1]:
            if products[0] < products[1]:
                one.append(before.pop(0))
                products[0] *= old[one[-1]]
            else:
                other.append(after.pop(0))
                products[1] *= new[other[-1]]
        groups.append((one, other))
    return groups


def broadcast(graph: Graph, values: Sequence[Value]) -> tuple[list[Any], tuple[int, ...], int]:
    """Operands of one elementwise function: Keras tensors and arrays of the same axes.

    They are held as the largest of them is.

    Returns:
        The operands, the ONNX axes of the result, and its rank.
    """
    rank = max(_rank(value) for value in values)
    shifted = [
        value.relabelled([axis + rank - value.rank for axis in value.axes], rank)
        if isinstance(value, Held)
        else value.reshape((1,) * (rank - value.ndim) + value.shape)
        for value in values
    ]
    held = [value for value in shifted if isinstance(value, Held)]
    first = max(held, key=lambda value: (math.prod(value.shape), len(value.axes)))
    axes = list(first.axes)
    for axis in range(rank):
        if axis not in axes and any(value.shape[axis] != 1 for value in shifted):
            # Beside the axis that follows it.
            later = [place for place, known in enumerate(axes) if known > axis]
            axes.insert(later[0] if later else len(axes), axis)
    operands: list[Any] = []
    for value in shifted:
        if isinstance(value, Held):
            operands.append(graph.arranged(value, axes))
        else:
            missing = [axis for axis in range(rank) if axis not in axes]
            turned = value.transpose([*missing, *axes]).reshape([value.shape[a] for a in axes])
            operands.append(turned)
    return operands, tuple(axes), rank


def _rank(value: Value) -> int:
    return value.rank if isinstance(value, Held) else int(value.ndim)
