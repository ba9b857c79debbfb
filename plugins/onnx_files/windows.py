"""Windows that slide over an image or series: their padding, by ONNX and by Keras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zoo.common.optional_imports import require

from .held import Graph, Held
from .nodes import Node


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Along each spatial axis.

    Attributes:
        sizes: Of the window, what dilation leaves out included.
        strides: Between two windows.
        dilations: Between two elements of a window.
        pads: Elements before and after the axis.
    """

    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]

    def are_same(self, sides: Sequence[int]) -> bool:
        """Whether Keras pads as much for ``same``."""
        return all(
            pad == _same(side, size, stride)
            for pad, side, size, stride in zip(
                self.pads, sides, self.sizes, self.strides, strict=True
            )
        )


def _same(side: int, size: int, stride: int) -> tuple[int, int]:
    whole = max((-(-side // stride) - 1) * stride + size - side, 0)
    return whole // 2, whole - whole // 2


def windows_of(node: Node, kernel: Sequence[int], sides: Sequence[int]) -> Windows:
    """The windows of a convolution or pooling over axes with these sides."""
    count = len(kernel)
    strides = tuple(map(int, node.get("strides", [1] * count)))
    dilations = tuple(map(int, node.get("dilations", [1] * count)))
    sizes = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))
    automatic = node.get("auto_pad", "NOTSET")
    if automatic in ("SAME_UPPER", "SAME_LOWER"):
        pads = [_same(*one) for one in zip(sides, sizes, strides, strict=True)]
        if automatic == "SAME_LOWER":
            pads = [(after, before) for before, after in pads]
    elif automatic == "VALID":
        pads = [(0, 0)] * count
    else:
        flat = list(map(int, node.get("pads", [0] * (2 * count))))
        pads = list(zip(flat[:count], flat[count:], strict=True))
        if min(flat) < 0:
            node.refuse("its padding is negative")
        if node.get("ceil_mode", 0):
            pads = [
                (before, after + _rest(side + before + after, size, stride, side + before))
                for (before, after), side, size, stride in zip(
                    pads, sides, sizes, strides, strict=True
                )
            ]
    return Windows(sizes=sizes, strides=strides, dilations=dilations, pads=tuple(pads))


def _rest(side: int, size: int, stride: int, begins: int) -> int:
    """What a last window needs that begins inside the axis or its padding before it."""
    count = -(-(side - size) // stride)
    if count * stride >= begins:
        count -= 1
    return max(count * stride + size - side, 0)


def padded(graph: Graph, held: Held, pads: Sequence[tuple[int, int]]) -> Any:
    """The tensor, (examples, spatial …, channels), with zeros around it."""
    if not any(map(any, pads)):
        return held.tensor
    kind = f"ZeroPadding{len(pads)}D"
    given = tuple(pads) if len(pads) > 1 else tuple(pads[0])
    return graph.layer(kind, held.tensor, given, suffix="pad")


def extended(graph: Graph, tensor: Any, pads: Sequence[tuple[int, int]]) -> Any:
    """The tensor with its outermost elements repeated: a maximum does not change by them."""
    ops = require("keras.ops")
    for place, (before, after) in enumerate(pads, start=1):
        first, last = (
            graph.function(ops.get_item, tensor, (*[slice(None)] * place, slice(begin, begin + 1)))
            for begin in (0, tensor.shape[place] - 1)
        )
        parts = [first] * before + [tensor] + [last] * after
        if len(parts) > 1:
            tensor = graph.function(ops.concatenate, parts, axis=place)
    return tensor
