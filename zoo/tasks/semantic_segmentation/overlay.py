"""Masks drawn over their pictures, each class in a colour of its own."""

from __future__ import annotations

import colorsys
from functools import lru_cache
from typing import TYPE_CHECKING

from zoo.contracts.dataset import IGNORED

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Neighbouring numbers of classes have colours this far apart on the circle: the golden section.
_TURN = 0.618034
#: Share of the colour of a class in what is drawn.
_OPAQUE = 0.55
#: What has no label is grey, what changed is white within a black grid.
_GREY, _WHITE, _BLACK = (128, 128, 128), (255, 255, 255), (0, 0, 0)
#: Smaller pictures are enlarged by a whole number until their longer side has as many pixels.
_LEAST = 128


@lru_cache(maxsize=8)
def colours(classes: int) -> Array:
    """The colour of each class, uint8 (classes, 3); that of the first is black."""
    import numpy as np

    found: list[tuple[int, ...]] = [_BLACK]
    for number in range(1, classes):
        hue = (number * _TURN) % 1.0
        value = 1.0 if number % 2 else 0.75
        found.append(tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.9, value)))
    return np.array(found[:classes], np.uint8)


def overlay(pixels: Array, mask: Array, classes: int, beside: Array | None = None) -> Array:
    """A picture with a mask over it.

    The first class, mostly the background, leaves the picture as it is. Where the mask differs from
    `beside`, a chequered pattern shows it.

    Args:
        pixels: uint8, (height, width, 1 or 3).
        mask: Classes, of any size, that spans the picture; `IGNORED` is grey.
        classes: How many.
        beside: Another mask of the same size; None marks nothing.

    Returns:
        uint8, (height, width, 3) of the picture, or of a multiple of it where it is small.
    """
    import numpy as np

    times = max(1, -(-_LEAST // max(*pixels.shape[:2], 1)))
    base = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
    base = base.repeat(times, axis=0).repeat(times, axis=1).astype(np.float64)
    height, width = base.shape[:2]
    rows = np.arange(height) * mask.shape[0] // height
    columns = np.arange(width) * mask.shape[1] // width
    own = mask.astype(np.int64)[rows[:, None], columns]
    drawn = np.where(
        (own > 0)[..., None],
        (1.0 - _OPAQUE) * base + _OPAQUE * colours(classes)[np.maximum(own, 0)],
        base,
    )
    drawn[own == IGNORED] = _GREY
    if beside is not None:
        changed = (mask != beside)[rows[:, None], columns]
        grid = (np.arange(height)[:, None] // 2 + np.arange(width) // 2) % 2 == 0
        drawn[changed & grid] = _WHITE
        drawn[changed & ~grid] = _BLACK
    picture: Array = np.round(drawn).astype(np.uint8)
    return picture
