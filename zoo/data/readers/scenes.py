"""Pictures composed of cut-out items on photographs, with the boxes and masks of what is visible.

All arithmetic is in whole numbers (`zoo.data.readers.integer_images`), so a seed gives the same
pictures everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.common.optional_imports import require
from zoo.data.readers.integer_images import Draws, block_means, resized

#: Most items of a scene.
MOST_ITEMS = 5
#: One scene in so many has no item.
_EMPTY = 12
#: Sides of items, in per cent of the scene's side.
_SIDES = (25, 60)
#: Of each side of an item so many per cent stay in the picture; of all of it so many are visible.
_LEAST_INSIDE, _LEAST_VISIBLE = 60, 40
#: Grey values from here on are cloth; below them Fashion-MNIST has the noise of its scans.
_CLOTH = 16
#: Smaller specks beside an item are no part of it.
_SPECK = 8
#: Colours: each channel of an item keeps at least so many 255ths.
_LEAST_COLOUR = 96
_TRIES = 8
#: A pixel shows the item from this opacity on.
_OPAQUE = 128


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """A picture and what is visible in it.

    Attributes:
        pixels: uint8, shape (size, size, 3).
        items: For each pixel the number of the item that shows there, from 1; 0 is the photograph.
            uint8, shape (size, size).
        classes: Class index of each item, in the order of their numbers.
    """

    pixels: NDArray[np.uint8]
    items: NDArray[np.uint8]
    classes: tuple[int, ...]

    def mask(self) -> NDArray[np.int8]:
        """0 where the photograph shows, else 1 + class index; int8, shape (size, size)."""
        table = np.array([0, *(1 + label for label in self.classes)], np.int8)
        values: NDArray[np.int8] = table[self.items]
        return values

    def boxes(self) -> NDArray[np.float32]:
        """Class index, y_min, x_min, y_max, x_max as shares of the size; (`MOST_ITEMS`, 5)."""
        rows = np.tile(np.array([-1, 0, 0, 0, 0], np.float32), (MOST_ITEMS, 1))
        for number, label in enumerate(self.classes):
            shown = self.items == number + 1
            down, right = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
            edges = np.array([down[0], right[0], down[-1] + 1, right[-1] + 1], np.float64)
            rows[number] = [label, *(edges / len(self.items))]
        return rows


def compose(
    seed: Sequence[int],
    size: int,
    photographs: Sequence[NDArray[np.uint8]],
    item: Callable[[int], tuple[NDArray[np.uint8], int]],
    items: int,
) -> Scene:
    """Makes one scene.

    Args:
        seed: Of this scene.
        size: Side in pixels.
        photographs: uint8, shape (height, width, 3).
        item: Grey picture, uint8, (height, width), and class index of each item.
        items: How many there are to choose from.
    """
    draws = Draws(*seed)
    pixels = _background(photographs[draws.below(len(photographs))], size, draws)
    shown = np.zeros((size, size), np.uint8)
    classes: list[int] = []
    areas: list[int] = []
    wanted = 0 if draws.below(_EMPTY) == 0 else draws.between(1, MOST_ITEMS)
    for _ in range(wanted):
        grey, label = item(draws.below(items))
        cloth, alpha = _scaled(grey, size, draws)
        colour = np.array([draws.between(_LEAST_COLOUR, 255) for _ in range(3)])
        whole = [*areas, int((alpha >= _OPAQUE).sum())]
        for _ in range(_TRIES):
            place = _place(alpha.shape, size, draws)
            opacity = _pasted(alpha, place, size)
            after = np.where(opacity >= _OPAQUE, len(whole), shown).astype(np.uint8)
            counts = np.bincount(after.reshape(-1), minlength=len(whole) + 1)[1:]
            if bool((100 * counts >= _LEAST_VISIBLE * np.array(whole)).all()):
                front = _pasted(cloth, place, size)[..., None] * colour // 255
                share = opacity[..., None]
                pixels = ((front * share + pixels * (255 - share) + 127) // 255).astype(np.uint8)
                shown, areas = after, whole
                classes.append(label)
                break
    return Scene(pixels=pixels, items=shown, classes=tuple(classes))


def cut_out(grey: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """An item without the empty margin around it, and its silhouette.

    Args:
        grey: A picture on black, shape (height, width).

    Returns:
        Grey values, and a silhouette of 0 and 255 whose holes are filled; both uint8, of one shape.
    """
    image = require("scipy.ndimage")
    parts, _ = image.label(image.binary_fill_holes(grey >= _CLOTH))
    sizes = np.bincount(parts.reshape(-1))
    sizes[0] = 0
    kept = (sizes >= _SPECK)[parts] if sizes.max() >= _SPECK else parts > 0
    down, right = np.flatnonzero(kept.any(axis=1)), np.flatnonzero(kept.any(axis=0))
    if not len(down):  # nothing is bright enough: all of it
        return grey, np.full_like(grey, 255)
    box = slice(down[0], down[-1] + 1), slice(right[0], right[-1] + 1)
    return grey[box], np.where(kept, 255, 0).astype(np.uint8)[box]


def _scaled(
    grey: NDArray[np.uint8], size: int, draws: Draws
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """An item at a random size, mirrored or not, and its opacity with soft edges."""
    cloth, silhouette = cut_out(grey)
    if draws.below(2):
        cloth, silhouette = cloth[:, ::-1], silhouette[:, ::-1]
    side = max(1, size * draws.between(*_SIDES) // 100)
    height, width = (max(1, side * own // max(cloth.shape)) for own in cloth.shape)
    return resized(cloth, height, width), resized(silhouette, height, width)


def _place(shape: tuple[int, ...], size: int, draws: Draws) -> tuple[int, int]:
    """Top and left edge of an item, some of which may lie outside."""
    beyond = [side * (100 - _LEAST_INSIDE) // 100 for side in shape]
    top, left = (
        draws.between(-out, size - side + out) for side, out in zip(shape, beyond, strict=True)
    )
    return top, left


def _pasted(patch: NDArray[np.int32], place: tuple[int, int], size: int) -> NDArray[np.int32]:
    """The patch at its place in a scene of zeros, cut where it leaves it."""
    whole = np.zeros((size, size), np.int32)
    top, left = place
    inside = patch[max(0, -top) : size - top, max(0, -left) : size - left]
    down, right = max(0, top), max(0, left)
    whole[down : down + inside.shape[0], right : right + inside.shape[1]] = inside
    return whole


def _background(photograph: NDArray[np.uint8], size: int, draws: Draws) -> NDArray[np.uint8]:
    """A square of a photograph at one of its sizes: up to three times as coarse."""
    height, width, _ = photograph.shape
    factor = min(height, width) // size
    if factor:
        factor = draws.between(1, min(3, factor))
    side = size * factor or min(height, width)
    top, left = draws.between(0, height - side), draws.between(0, width - side)
    square = photograph[top : top + side, left : left + side]
    if factor:
        return block_means(square, factor)
    return resized(square, size, size).astype(np.uint8)
