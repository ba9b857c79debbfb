"""Weights in four bits: the integers from -7 to 7, with a scale for each group of weights.

-8 is left out: LiteRT's own kernels multiply it wrongly (lenet5 fell from 92.5 % to 73 % with it,
and lost nothing in XNNPACK).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import Unsupported

Array = NDArray[Any]
#: The precision in which rows of dense layers have a scale for each block.
IN_BLOCKS = "int4-blocks"
#: A layer with fewer weights stays as it is: it would save at most 3.5 KB, and what is small is
#: often what a network is sensitive to, such as its first convolution.
LEAST_WEIGHTS = 1024
#: Weights with a scale of their own in block-wise files.
BLOCK = 32
#: Shares of the largest weight of a group that its range may end at.
_ENDS = np.linspace(0.5, 1.0, 26)


@dataclass(frozen=True, kw_only=True, eq=False)
class SmallWeights:
    """Weights as integers and scales.

    Attributes:
        numbers: int8, shape (rows, groups, weights), from -7 to 7, or -127 to 127.
        scales: float32, shape (rows, groups).
    """

    numbers: Array
    scales: Array


def quantize(weights: Array, block: int | None = None, bits: int = 4) -> SmallWeights:
    """The integers nearest to weights, each group's range where its squared error is least.

    Args:
        weights: (rows, columns), real.
        block: Columns with a scale of their own, which must divide the columns; None for one scale
            for each row.
        bits: Of an integer.
    """
    rows, top = len(weights), 2 ** (bits - 1) - 1
    groups = weights.reshape(rows, -1, block or weights.shape[1]).astype(np.float32)
    most = np.abs(groups).max(axis=2)
    widest = np.where(most > 0, most / top, 1.0).astype(np.float32)
    least, scales = np.full(most.shape, np.inf), widest
    for end in _ENDS:
        tried = _storable(widest * np.float32(end), block)
        wide = tried[:, :, None]
        error = np.square(_nearest(groups, wide, top) * wide - groups).sum(axis=2, dtype=np.float64)
        better = error < least
        least = np.where(better, error, least)
        scales = np.where(better, tried, scales)
    return SmallWeights(numbers=_nearest(groups, scales[:, :, None], top), scales=scales)


def _storable(scales: Array, block: int | None) -> Array:
    """Scales as a file holds them, float32; those of blocks are in bfloat16 and float16 alike."""
    if block is None:
        return scales
    high = (scales.astype(np.float32).view(np.uint32) + 0x8000) & np.uint32(0xFFFF0000)
    half = np.clip(high.view(np.float32), 2.0**-24, 65504.0).astype(np.float16)
    return half.astype(np.float32)


def _nearest(groups: Array, scales: Array, top: int) -> Array:
    numbers: Array = np.clip(np.rint(groups / scales), -top, top).astype(np.int8)
    return numbers


def integers(numbers: Array, bits: int) -> Array:
    """Integers without a sign, the middle of whose range stands for 0; those of 4 bits in pairs."""
    shifted = (numbers.astype(np.int16) + 2 ** (bits - 1)).astype(np.uint8)
    return packed(shifted) if bits == 4 else shifted


def packed(numbers: Array) -> Array:
    """Two of them in each byte, the first in its low half; uint8, one dimension."""
    flat = numbers.reshape(-1).view(np.uint8) & 0x0F
    if len(flat) % 2:
        flat = np.append(flat, np.uint8(0))
    both: Array = flat[::2] | (flat[1::2] << 4)
    return both


def unpacked(data: Array, count: int) -> Array:
    """The first `count` integers of packed bytes: int8, one dimension."""
    pairs = np.asarray(data, np.uint8)
    numbers = np.stack([pairs & 0x0F, pairs >> 4], axis=1).reshape(-1)[:count].astype(np.int8)
    signed: Array = np.where(numbers > 7, numbers - 16, numbers).astype(np.int8)
    return signed


def remark(layers: Mapping[int | None, Sequence[str]], precision: str) -> str:
    """Which layers have weights of four bits.

    Args:
        layers: Size of blocks, None for one scale for each output channel → names of layers.
        precision: Of the file.

    Raises:
        Unsupported: None has.
    """
    if not layers:
        raise Unsupported(
            f"no weights of this network can be {precision}",
            why=f"convolutions and dense layers with {LEAST_WEIGHTS:,} weights or more can, unless "
            "they are kept from it",
            fix="choose the precision dynamic-int8, which is as small for such a network",
        )
    told = []
    for block, names in sorted(layers.items(), key=lambda one: one[0] or 0):
        scale = f"each {block} of them" if block else "each output channel"
        told.append(f"with a scale for {scale}: {', '.join(names)}")
    return f"Weights of 4 bits, {'; '.join(told)}. All others have 8 bits or more."
