"""Whether the input of an ONNX graph has its channels first, by what the graph does with it."""

from __future__ import annotations

from typing import Any

#: Operators whose second axis is that of channels.
_CHANNELS = frozenset(
    {"Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"}
)
_CHANNELS |= {"BatchNormalization", "InstanceNormalization", "GroupNormalization", "Resize"}
_CHANNELS |= {"LpPool", "DepthToSpace", "SpaceToDepth", "Upsample"}
_MOST_STEPS = 200


def layout_of(model: Any, given: Any) -> tuple[int, ...]:
    """The axes of an input but the batch, with that of the channels last."""
    sides = given.type.tensor_type.shape.dim
    rank = len(sides)
    channels = _channel_axis(model, given.name, rank)
    if channels is None and rank == 4:
        first, last = (sides[place].dim_value for place in (1, 3))
        channels = 1 if first in (1, 3) and last not in (1, 3) else 3
    axes = range(1, rank)
    return tuple(axes) if channels is None else (*(a for a in axes if a != channels), channels)


def _channel_axis(model: Any, name: str, rank: int) -> int | None:
    """The axis of a tensor that a convolution behind it takes its channels from."""
    if rank not in (3, 4, 5):
        return None
    readers: dict[str, list[Any]] = {}
    for node in model.graph.node:
        for one in node.input:
            readers.setdefault(one, []).append(node)
    waiting = [(name, tuple(range(rank)))]
    for _ in range(_MOST_STEPS):
        if not waiting:
            return None
        current, axes = waiting.pop(0)
        for node in readers.get(current, []):
            if node.op_type in _CHANNELS and node.input[0] == current:
                return axes[1] if axes[1] != 0 else None
            if node.op_type == "Transpose":
                order = next((list(a.ints) for a in node.attribute), list(range(rank))[::-1])
                waiting.append((node.output[0], tuple(axes[place] for place in order)))
            elif node.op_type not in _MOVING and len(node.output) == 1:
                waiting.append((node.output[0], axes))
    return None


#: Operators behind which an axis is another one.
_MOVING = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Gather", "Shape", "MatMul"})
_MOVING |= {"Gemm", "Einsum", "ReduceMean", "ReduceSum", "ReduceMax", "LSTM", "GRU", "RNN"}
