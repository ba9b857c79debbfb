"""Operators that move elements: shapes, slices, joins, paddings, reductions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from zoo.common.optional_imports import require

from .held import Constant, Held
from .logic import looked_up
from .nodes import Made, Node, axes_of, axis_of, converts
from .windows import extended, padded


@converts("Transpose")
def transpose(node: Node) -> Made:
    """Other names of the axes: nothing is computed until an operator needs their order."""
    held = node.held()
    return node.graph.transposed(held, node.get("perm", list(range(held.rank))[::-1]))


@converts("Reshape", "Flatten")
def reshape(node: Node) -> Made:
    """Another shape of the same elements."""
    held = node.held()
    old = held.shape
    if node.kind == "Flatten":
        axis = int(node.get("axis", 1))
        axis += held.rank if axis < 0 else 0
        return node.graph.reshape(held, (math.prod(old[:axis]), math.prod(old[axis:])))
    wanted = node.numbers("shape", 1)
    if wanted is None:
        node.refuse("its shape is missing")
    if not node.get("allowzero", 0):
        wanted = [old[i] if side == 0 and i < held.rank else side for i, side in enumerate(wanted)]
    whole, known = math.prod(old), math.prod(side for side in wanted if side != -1)
    wanted = [whole // known if side == -1 and known else side for side in wanted]
    if math.prod(wanted) != whole:
        node.refuse(
            f"it makes {tuple(wanted)} of {old}, which is of another batch than one",
            fix="export it with a batch of one, or with a free batch",
        )
    return node.graph.reshape(held, wanted)


@converts("Squeeze")
def squeeze(node: Node) -> Made:
    """Without axes of one element."""
    held = node.held()
    given = node.numbers("axes", 1)
    gone = [i for i, side in enumerate(held.shape) if side == 1] if given is None else given
    gone = axes_of(gone, held.rank)
    kept = [axis for axis in held.axes if axis not in gone]
    tensor = node.graph.arranged(held, kept)
    labels = [axis - sum(lost < axis for lost in gone) for axis in kept]
    return Held(tensor=tensor, axes=tuple(labels), rank=held.rank - len(gone))


@converts("Unsqueeze")
def unsqueeze(node: Node) -> Made:
    """With further axes of one element."""
    held = node.held()
    given = node.numbers("axes", 1) or []
    rank = held.rank + len(given)
    new = set(axes_of(given, rank))
    old = [axis for axis in range(rank) if axis not in new]
    return held.relabelled([old[axis] for axis in held.axes], rank)


@converts("Expand", "Tile")
def expand(node: Node) -> Made:
    """Elements repeated along axes."""
    held = node.held()
    counts = [int(value) for value in node.weights(1).ravel()]
    rank = max(held.rank, len(counts))
    held = held.relabelled([axis + rank - held.rank for axis in held.axes], rank)
    counts = [1] * (rank - len(counts)) + counts
    if node.kind == "Expand":
        counts = [count if side == 1 else 1 for count, side in zip(counts, held.shape, strict=True)]
    more = [axis for axis in range(rank) if counts[axis] != 1 and axis not in held.axes]
    if more:
        held = node.graph.rearranged(held, sorted((*held.axes, *more)))
    if all(count == 1 for count in counts):
        return held
    repeats = [1, *(counts[axis] for axis in held.axes)]
    return held.holding(node.graph.function(require("keras.ops").tile, held.tensor, repeats))


@converts("Concat")
def concatenate(node: Node) -> Made:
    """Tensors one behind another; constants are added to zeros behind or before the others."""
    values = [node.value(place) for place in range(len(node.operands))]
    held = [value for value in values if isinstance(value, Held)]
    axis = axis_of(int(node.attributes["axis"]), held[0].rank)
    values = [value for value in values if value.shape[axis] != 0]
    widest = max(held, key=lambda value: len(value.axes))
    wide = {one for value in values for one, side in enumerate(value.shape) if side != 1}
    axes = (*widest.axes, *sorted({*wide, axis} - set(widest.axes)))
    ops = require("keras.ops")
    place = axes.index(axis) + 1
    tensors: list[Any] = []
    before = 0
    for value in values:
        if isinstance(value, Held):
            tensor = node.graph.arranged(value, axes)
            if before:
                tensor = _with_zeros(node, tensor, place, (before, 0))
            before = 0
            tensors.append(tensor)
        elif not tensors:
            before += value.shape[axis]
        else:
            tensors[-1] = _with_zeros(node, tensors[-1], place, (0, value.shape[axis]))
    made = tensors[0]
    if len(tensors) > 1:
        made = node.graph.function(ops.concatenate, tensors, axis=place)
    if len(held) < len(values):
        added = _held_constants(values, axes, axis)
        made = node.graph.function(ops.add, made, added)
    return Held(tensor=made, axes=axes, rank=widest.rank)


def _with_zeros(node: Node, tensor: Any, place: int, pads: tuple[int, int]) -> Any:
    every = [(0, 0)] * len(tensor.shape)
    every[place] = pads
    return node.graph.function(require("keras.ops").pad, tensor, every)


def _held_constants(values: list[Any], axes: tuple[int, ...], axis: int) -> Constant:
    """Constants in their places, and zeros where the others are."""
    parts = []
    for value in values:
        known = isinstance(value, np.ndarray)
        parts.append(value if known else np.zeros(value.shape))
    joined = np.concatenate(parts, axis=axis).astype(np.float32)
    missing = [one for one in range(joined.ndim) if one not in axes]
    return joined.transpose([*missing, *axes]).reshape([joined.shape[one] for one in axes])


@converts("Slice")
def slices(node: Node) -> Made:
    """Parts of axes."""
    held = node.held()
    starts, ends = node.numbers("starts", 1), node.numbers("ends", 2)
    if starts is None or ends is None:
        node.refuse("where it begins and ends is missing")
    axes = axes_of(node.numbers("axes", 3) or range(len(starts)), held.rank)
    steps = node.numbers("steps", 4) or [1] * len(starts)
    parts = {
        axis: slice(start, None if step < 0 and end < -held.shape[axis] else end, step)
        for axis, start, end, step in zip(axes, starts, ends, steps, strict=True)
    }
    return cut(node, held, parts)


def cut(node: Node, held: Held, parts: dict[int, slice]) -> Held:
    """Parts of axes, by numpy's slices."""
    where: list[Any] = [slice(None)] * (len(held.axes) + 1)
    for axis, part in parts.items():
        start, end, step = part.indices(held.shape[axis])
        if len(range(start, end, step)) == held.shape[axis] and step == 1:
            continue
        if not range(start, end, step):
            node.refuse("nothing is left by it")
        where[held.place(axis)] = slice(start, None if end < 0 else end, step)
    if all(part == slice(None) for part in where):
        return held
    made = node.graph.function(require("keras.ops").get_item, held.tensor, tuple(where))
    return held.holding(made)


@converts("Split")
def split(node: Node) -> Made:
    """An axis in several parts."""
    held = node.held()
    axis = axis_of(int(node.get("axis", 0)), held.rank)
    side = held.shape[axis]
    sizes = node.numbers("split", 1)
    if sizes is None:
        each = -(-side // node.results)
        sizes = [min(each, side - each * place) for place in range(node.results)]
    ends = np.cumsum(sizes).tolist()
    return tuple(
        cut(node, held, {axis: slice(end - size, end)})
        for end, size in zip(ends, sizes, strict=True)
    )


@converts("Gather")
def gather(node: Node) -> Made:
    """Elements of an axis by constant numbers, or rows of a constant table by others."""
    table, rows = node.given(0), node.given(1)
    if isinstance(table, np.ndarray) and isinstance(rows, Held):
        return looked_up(node, table, rows)
    held, numbers = node.held(), node.constant(1)
    if numbers is None:
        node.refuse("its indices are missing")
    axis = axis_of(int(node.get("axis", 0)), held.rank)
    side = held.shape[axis]
    flat = np.where(numbers < 0, numbers + side, numbers).ravel().astype(int)
    begin = int(flat[0])
    if np.array_equal(flat, np.arange(begin, begin + flat.size)):
        taken = cut(node, held, {axis: slice(begin, begin + flat.size)})
    else:
        ops, place = require("keras.ops"), held.place(axis)
        made = node.graph.function(ops.take, held.tensor, flat.tolist(), axis=place)
        taken = held.holding(made)
    shape = (*held.shape[:axis], *numbers.shape, *held.shape[axis + 1 :])
    return node.graph.reshape(taken, shape) if numbers.ndim != 1 else taken


@converts("DepthToSpace", "SpaceToDepth")
def between_depth_and_space(node: Node) -> Made:
    """Blocks of pixels as channels, and back."""
    held, block = node.held(), int(node.attributes["blocksize"])
    batch, channels, height, width = held.shape
    graph = node.graph
    if node.kind == "SpaceToDepth":
        apart = (batch, channels, height // block, block, width // block, block)
        turned = graph.transposed(graph.reshape(held, apart), (0, 3, 5, 1, 2, 4))
        return graph.reshape(
            turned, (batch, channels * block * block, height // block, width // block)
        )
    depth = channels // (block * block)
    if node.get("mode", "DCR") == "DCR":
        apart, order = (batch, block, block, depth, height, width), (0, 3, 4, 1, 5, 2)
    else:
        apart, order = (batch, depth, block, block, height, width), (0, 1, 4, 2, 5, 3)
    turned = graph.transposed(graph.reshape(held, apart), order)
    return graph.reshape(turned, (batch, depth, height * block, width * block))


@converts("Pad")
def pad(node: Node) -> Made:
    """Elements around the axes: constant ones, reflected ones, or the outermost repeated."""
    held = node.held()
    flat = node.numbers("pads", 1) or []
    value = node.number("value", 2, 0.0)
    given = node.given(3)
    axes = range(held.rank) if given is None else axes_of(node.numbers("axes", 3) or [], held.rank)
    count = len(flat) // 2
    sides = dict(zip(axes, zip(flat[:count], flat[count:], strict=True), strict=True))
    less = {
        axis: slice(max(-before, 0), held.shape[axis] - max(-after, 0))
        for axis, (before, after) in sides.items()
        if min(before, after) < 0
    }
    held = cut(node, held, less) if less else held
    more = {axis: (max(before, 0), max(after, 0)) for axis, (before, after) in sides.items()}
    new = [axis for axis, pads in more.items() if any(pads) and axis not in held.axes]
    if new:
        held = node.graph.rearranged(held, sorted((*held.axes, *new)))
    every = [(0, 0), *(more.get(axis, (0, 0)) for axis in held.axes)]
    if not any(map(any, every)):
        return held
    mode = node.get("mode", "constant")
    if mode == "edge":
        return held.holding(extended(node.graph, held.tensor, every[1:]))
    if mode not in ("constant", "reflect"):
        node.refuse(f"it pads by {mode}")
    spatial = len(every) - 2
    if mode == "constant" and not value and 1 <= spatial <= 3 and not any(every[-1]):
        return held.holding(padded(node.graph, held, every[1:-1]))
    options = {"constant_values": value} if mode == "constant" else {}
    made = node.graph.function(require("keras.ops").pad, held.tensor, every, mode=mode, **options)
    return held.holding(made)


_REDUCTIONS = {
    "ReduceMean": "mean",
    "ReduceSum": "sum",
    "ReduceMax": "max",
    "ReduceMin": "min",
    "ReduceProd": "prod",
    "ReduceL1": "sum",
    "ReduceL2": "sum",
    "ReduceSumSquare": "sum",
    "ReduceLogSumExp": "logsumexp",
}


@converts(*_REDUCTIONS)
def reduction(node: Node) -> Made:
    """One value for all elements of axes."""
    held, ops, graph = node.held(), require("keras.ops"), node.graph
    given = node.numbers("axes", 1)
    if not given and node.get("noop_with_empty_axes", 0):
        return held
    gone = axes_of(given or range(held.rank), held.rank)
    tensor = held.tensor
    if node.kind == "ReduceL1":
        tensor = graph.function(ops.absolute, tensor)
    elif node.kind in ("ReduceL2", "ReduceSumSquare"):
        tensor = graph.function(ops.square, tensor)
    places = [held.place(axis) for axis in gone if axis in held.axes]
    kept = [axis for axis in held.axes if axis not in gone]
    spatial = list(range(1, len(held.axes)))
    if node.kind in ("ReduceMean", "ReduceMax") and places == spatial and 1 <= len(spatial) <= 3:
        kind = "Average" if node.kind == "ReduceMean" else "Max"
        tensor = graph.layer(f"Global{kind}Pooling{len(spatial)}D", tensor)
    elif places:
        tensor = graph.function(getattr(ops, _REDUCTIONS[node.kind]), tensor, axis=places)
    if node.kind == "ReduceL2":
        tensor = graph.function(ops.sqrt, tensor)
    if node.get("keepdims", 1):
        return Held(tensor=tensor, axes=tuple(kept), rank=held.rank)
    labels = tuple(axis - sum(lost < axis for lost in gone) for axis in kept)
    return Held(tensor=tensor, axes=labels, rank=held.rank - len(gone))
