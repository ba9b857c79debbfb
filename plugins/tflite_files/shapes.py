"""Operators that move values: shapes, slices, joins, padding, products of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from .graph import Array, Operator
from .logic import looked_up
from .network import BatchElsewhere, Building, Convert, WithoutBatch


def reshape(building: Building, operator: Operator) -> Any:
    """RESHAPE, SQUEEZE and EXPAND_DIMS: what they make is known."""
    shape = building.result(operator)
    if not shape:
        raise building.refused(operator, "it makes one number of a batch")
    before, value = building.shape(operator), building.value(operator.inputs[0])
    if _swapped(before, shape) and isinstance(value, BatchElsewhere):
        return value.tensor
    given = building.tensor(operator)

    def reshaped() -> Any:
        return building.reshaped(given, shape, operator.name)

    if before[:1] == (1,) and _swapped(before, shape):
        return BatchElsewhere(given, reshaped)
    if before == (1, *shape) and shape[0] != 1:
        return WithoutBatch(given, reshaped)
    return reshaped()


def _swapped(before: tuple[int, ...], behind: tuple[int, ...]) -> bool:
    """Whether the first two sides are exchanged, and one of them is the batch of 1."""
    sides = len(before) > 1 and {*before[:2]} != {1} and 1 in before[:2]
    return sides and (before[1], before[0], *before[2:]) == behind


def transpose(building: Building, operator: Operator) -> Any:
    """TRANSPOSE of sides behind the first."""
    order = building.needed(operator, 1, "the order of its sides").tolist()
    if order[0] != 0:
        raise building.refused(operator, "it moves the side of the batch")
    return building.layers.Permute(order[1:], name=building.unique(operator.name))(
        building.tensor(operator)
    )


def concatenate(building: Building, operator: Operator) -> Any:
    """CONCATENATION, of constants, too."""
    rank = len(building.result(operator))
    axis = building.axis(operator, operator.options.axis, rank)
    places = range(len(operator.inputs))
    like = next(n for n in places if building.constant(operator, n) is None)
    given = []
    for number in places:
        constant = building.constant(operator, number)
        given.append(
            building.tensor(operator, number)
            if constant is None
            else _repeated(building, constant, building.tensor(operator, like), axis)
        )
    return building.layers.Concatenate(axis=axis, name=building.unique(operator.name))(given)


def _repeated(building: Building, constant: Array, like: Any, axis: int) -> Any:
    """A constant for each example of a batch."""
    thin = like[tuple(slice(0, 1) if side == axis else slice(None) for side in range(axis + 1))]
    zeros = building.ops.zeros_like(thin)
    return building.ops.add(zeros, constant.astype(np.float32))


def pack(building: Building, operator: Operator) -> Any:
    """PACK of tensors; of those of all steps along the first side, as unrolled layers have it."""
    result = building.result(operator)
    given = [building.tensor(operator, number) for number in range(len(operator.inputs))]
    if operator.options.axis in (0, -len(result)) and building.shape(operator)[:1] == (1,):
        steps = building.ops.stack(given, axis=1)
        return (
            steps
            if len(given) == 1
            else BatchElsewhere(steps, lambda: building.axis(operator, 0, 1))
        )
    axis = building.axis(operator, operator.options.axis, len(result))
    return building.ops.stack(given, axis=axis)


def unpack(building: Building, operator: Operator) -> Any:
    """UNPACK along a side; into steps along the first, as unrolled layers have it."""
    shape, value = building.shape(operator), building.value(operator.inputs[0])
    along_first = operator.options.axis in (0, -len(shape))
    if along_first and isinstance(value, BatchElsewhere):
        given, axis = value.tensor, 1
    elif along_first and shape[:2] == (1, 1):
        given, axis = building.tensor(operator), 1
    else:
        given = building.tensor(operator)
        axis = building.axis(operator, operator.options.axis, len(given.shape))
    before = (slice(None),) * axis
    return [given[(*before, number)] for number in range(len(operator.outputs))]


def split(building: Building, operator: Operator) -> Any:
    """SPLIT of (axis, input), and SPLIT_V of (input, sizes, axis)."""
    first = operator.kind == "SPLIT"
    given = building.tensor(operator, 1 if first else 0)
    number = int(building.needed(operator, 0 if first else 2, "its axis").reshape(-1)[0])
    axis = building.axis(operator, number, len(given.shape))
    sizes = [building.result(operator, n)[axis] for n in range(len(operator.outputs))]
    ends = np.cumsum(sizes).tolist()
    before = (slice(None),) * axis
    return [given[(*before, slice(end - size, end))] for size, end in zip(sizes, ends, strict=True)]


def slice_(building: Building, operator: Operator) -> Any:
    """SLICE of (input, begins, sizes)."""
    given, shape = building.tensor(operator), building.shape(operator)
    begins = building.needed(operator, 1, "its begins").tolist()
    sizes = building.needed(operator, 2, "its sizes").tolist()
    parts = [
        slice(begin, side if size < 0 else begin + size)
        for begin, size, side in zip(begins, sizes, shape, strict=True)
    ]
    return _cut(building, operator, given, parts)


def strided_slice(building: Building, operator: Operator) -> Any:
    """STRIDED_SLICE of (input, begins, ends, strides), with its masks."""
    given, options = building.tensor(operator), operator.options
    what = ("its begins", "its ends", "its strides")
    numbers = [building.needed(operator, n, text).tolist() for n, text in enumerate(what, 1)]
    if options.ellipsisMask or options.newAxisMask or getattr(options, "offset", False):
        raise building.refused(operator, "it has an ellipsis, a new side or offsets")
    parts: list[Any] = []
    for place, (begin, end, stride) in enumerate(zip(*numbers, strict=True)):
        if options.shrinkAxisMask >> place & 1:
            parts.append(begin)
            continue
        low = None if options.beginMask >> place & 1 else begin
        high = None if options.endMask >> place & 1 else end
        parts.append(slice(low, high, stride))
    return _cut(building, operator, given, parts)


def _cut(building: Building, operator: Operator, given: Any, parts: list[Any]) -> Any:
    """A part of each example."""
    first, count = parts[0], building.shape(operator)[0]
    whole = isinstance(first, slice) and range(*first.indices(count)) == range(count)
    if not whole:
        raise building.refused(operator, "it chooses among the examples of a batch")
    return given[(slice(None), *parts[1:])]


def gather(building: Building, operator: Operator) -> Any:
    """GATHER of (input, constant indices), or of a constant table and indices."""
    if building.constant(operator, 0) is not None:
        return looked_up(building, operator)
    given = building.tensor(operator)
    indices = building.needed(operator, 1, "its indices")
    if operator.options.batchDims:
        raise building.refused(operator, "it has indices of their own for each example")
    axis = building.axis(operator, operator.options.axis, len(given.shape))
    return building.ops.take(given, indices, axis=axis)


def tile(building: Building, operator: Operator) -> Any:
    """TILE of sides behind the first."""
    times = building.needed(operator, 1, "its repetitions").tolist()
    if times[0] != 1:
        raise building.refused(operator, "it repeats the examples of a batch")
    return building.ops.tile(building.tensor(operator), times)


def pad(building: Building, operator: Operator) -> Any:
    """PAD, PADV2 and MIRROR_PAD."""
    given = building.tensor(operator)
    amounts = [tuple(pair) for pair in building.needed(operator, 1, "its amounts").tolist()]
    if amounts[0] != (0, 0):
        raise building.refused(operator, "it adds examples to the batch")
    if operator.kind == "MIRROR_PAD":
        mode = "symmetric" if operator.options.mode else "reflect"
        return building.ops.pad(given, amounts, mode=mode)
    value = 0.0
    if operator.kind == "PADV2":
        value = float(building.needed(operator, 2, "its value").reshape(-1)[0])
    if value == 0 and len(amounts) == 4 and amounts[3] == (0, 0):
        layer = building.layers.ZeroPadding2D(
            tuple(amounts[1:3]), name=building.unique(operator.name)
        )
        return layer(given)
    return building.ops.pad(given, amounts, mode="constant", constant_values=value)


def depth_to_space(building: Building, operator: Operator) -> Any:
    """DEPTH_TO_SPACE."""
    return building.ops.depth_to_space(building.tensor(operator), int(operator.options.blockSize))


def space_to_depth(building: Building, operator: Operator) -> Any:
    """SPACE_TO_DEPTH."""
    return building.ops.space_to_depth(building.tensor(operator), int(operator.options.blockSize))


def matmul(building: Building, operator: Operator) -> Any:
    """BATCH_MATMUL; one with a constant matrix is a dense layer."""
    options = operator.options
    kernel = building.constant(operator, 1)
    if kernel is not None and kernel.ndim == 2 and not options.adjX:
        kernel = kernel.T if options.adjY else kernel
        layer = building.layers.Dense(
            kernel.shape[1], use_bias=False, name=building.unique(operator.name)
        )
        return building.weighted(layer, building.tensor(operator), [kernel], operator)
    given, both = iter(building.alike(operator)), []
    for number, turned in enumerate((options.adjX, options.adjY)):
        constant = building.constant(operator, number)
        one, library = (next(given), building.ops) if constant is None else (constant, np)
        both.append(library.swapaxes(one, -1, -2) if turned else one)
    return building.ops.matmul(*both)


CONVERTERS: dict[str, Convert] = {
    **dict.fromkeys(("RESHAPE", "SQUEEZE", "EXPAND_DIMS"), reshape),
    **dict.fromkeys(("PAD", "PADV2", "MIRROR_PAD"), pad),
    **dict.fromkeys(("SPLIT", "SPLIT_V"), split),
    "TRANSPOSE": transpose,
    "CONCATENATION": concatenate,
    "PACK": pack,
    "UNPACK": unpack,
    "SLICE": slice_,
    "STRIDED_SLICE": strided_slice,
    "GATHER": gather,
    "TILE": tile,
    "DEPTH_TO_SPACE": depth_to_space,
    "SPACE_TO_DEPTH": space_to_depth,
    "BATCH_MATMUL": matmul,
}
