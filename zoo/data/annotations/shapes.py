"""Polygons and run lengths as masks of any size: a pixel belongs to what its middle lies in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.data.annotations.records import Polygons, RunLengths

#: Most pixels of a mask in run lengths.
_MOST_PIXELS = 89_478_485


def drawn(
    shape: Polygons | RunLengths, picture: tuple[float, float], size: tuple[int, int]
) -> NDArray[np.bool_]:
    """A shape as a mask.

    Args:
        shape: In the coordinates of the picture.
        picture: Its height and width in these coordinates.
        size: Height and width of the mask.
    """
    if isinstance(shape, RunLengths):
        return sampled(decoded(shape), size)
    inside = np.zeros(size, np.bool_)
    scale = np.array([size[1] / picture[1], size[0] / picture[0]])
    for polygon in shape:
        inside |= _filled(polygon.astype(np.float64) * scale, size)
    return inside


def sampled(mask: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """The nearest value of a mask at each pixel of another size."""
    down, right = (
        np.minimum((2 * np.arange(wanted) + 1) * given // (2 * wanted), given - 1)
        for given, wanted in zip(mask.shape, size, strict=True)
    )
    values: NDArray[Any] = mask[down[:, None], right]
    return values


def _filled(points: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """By the even-odd rule: each row changes sides where an edge crosses its middle."""
    height, width = size
    middles = np.arange(height) + 0.5
    following = np.roll(points, -1, axis=0)
    crosses = (points[:, 1] <= middles[:, None]) != (following[:, 1] <= middles[:, None])
    row, edge = np.nonzero(crosses)
    start, end = points[edge], following[edge]
    along = (middles[row] - start[:, 1]) / (end[:, 1] - start[:, 1])
    place = start[:, 0] + along * (end[:, 0] - start[:, 0])
    column = np.clip(np.ceil(place - 0.5), 0, width).astype(np.int64)
    changes = np.bincount(row * (width + 1) + column, minlength=height * (width + 1))
    sides = changes.reshape(height, width + 1).cumsum(axis=1)[:, :width]
    inside: NDArray[np.bool_] = sides % 2 == 1
    return inside


def decoded(runs: RunLengths) -> NDArray[np.bool_]:
    """Run lengths as a mask of their own size."""
    values = np.zeros(len(runs.counts), np.bool_)
    values[1::2] = True
    height, width = runs.size
    return np.repeat(values, runs.counts).reshape(width, height).T


def run_lengths(counts: Any, size: Any) -> RunLengths | str:
    """Run lengths of COCO's JSON, compressed or not; or what is wrong with them."""
    whole = isinstance(size, Sequence) and len(size) == 2 and all(type(n) is int for n in size)
    if not whole or min(size) < 1 or size[0] * size[1] > _MOST_PIXELS:
        return f"its run lengths are of the size {size!r:.40}, which is none"
    if isinstance(counts, str):
        found = _uncompressed(counts)
    elif isinstance(counts, list) and all(type(n) is int for n in counts):
        found = counts
    else:
        found = None
    if found is None or any(n < 0 for n in found):
        return "its run lengths are no counts"
    if sum(found) != size[0] * size[1]:
        return (
            f"its run lengths add up to {sum(found):,} pixels, and {size[0]} x {size[1]} have "
            f"{size[0] * size[1]:,}"
        )
    return RunLengths(counts=np.array(found, np.int64), size=(size[0], size[1]))


def _uncompressed(text: str) -> list[int] | None:
    """COCO's own text form: five bits a letter, from the third number on differences."""
    found: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64 or shift > 50:
            return None
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        found.append(value + (found[-2] if len(found) > 2 else 0))
        value = shift = 0
    return None if shift else found
