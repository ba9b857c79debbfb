"""Boxes drawn into a picture."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.common.optional_imports import require
from zoo.tasks.object_detection.comparison import SAME_OVERLAP
from zoo.tasks.object_detection.decoding import pairs

if TYPE_CHECKING:
    from zoo.contracts.prediction import DecodedBox
    from zoo.contracts.task import Array

#: Smaller pictures are enlarged by a whole number, so that names are readable.
_SIDE = 192
_CHANGED = (230, 20, 20)
#: Length of a dash, and of the gap behind it, in pixels.
_DASH = 4


def draw(pixels: Array, boxes: Array, classes: Sequence[str], beside: Array | None = None) -> Array:
    """The picture with boxes and the names of their classes.

    Args:
        pixels: uint8, (height, width, 1 or 3).
        boxes: Rows whose first column is the class and whose last four are edges as shares.
        classes: Names.
        beside: Other boxes: those that are not among them are red, and those of them that are not
            here are red and dashed. None marks nothing.

    Returns:
        uint8, (height, width, 3) of the enlarged picture.
    """
    import numpy as np

    image, pen = require("PIL.Image"), require("PIL.ImageDraw")
    grey = pixels.shape[-1] == 1
    picture = image.fromarray(pixels[..., 0] if grey else pixels).convert("RGB")
    factor = max(1, round(_SIDE / max(picture.size)))
    picture = picture.resize((picture.width * factor, picture.height * factor))
    canvas = pen.Draw(picture)
    kept = {place for place, _ in pairs(boxes, boxes if beside is None else beside, SAME_OVERLAP)}
    if beside is not None:
        here = {other for _, other in pairs(boxes, beside, SAME_OVERLAP)}
        for place, box in enumerate(beside):
            if place not in here:
                _dashed(canvas, _corners(box, picture.size))
                _name(canvas, box, picture.size, classes, _CHANGED)
    for place, box in enumerate(boxes):
        same = beside is None or place in kept
        colour = _colour(int(box[0]), len(classes)) if same else _CHANGED
        canvas.rectangle(_corners(box, picture.size), outline=colour, width=2 if same else 3)
        _name(canvas, box, picture.size, classes, colour)
    return np.asarray(picture)


def _corners(box: Array, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom, in pixels."""
    width, height = size
    y_min, x_min, y_max, x_max = (float(edge) for edge in box[-4:])
    left, top = round(x_min * (width - 1)), round(y_min * (height - 1))
    return left, top, max(left, round(x_max * (width - 1))), max(top, round(y_max * (height - 1)))


def _name(
    canvas: Any, box: Array, size: tuple[int, int], classes: Sequence[str], colour: Any
) -> None:
    left, top, _, _ = _corners(box, size)
    place = (left + 3, max(top, 0) + 1)
    around = canvas.textbbox(place, classes[int(box[0])])
    canvas.rectangle(around, fill=colour)
    canvas.text(place, classes[int(box[0])], fill=(255, 255, 255))


def _dashed(canvas: Any, corners: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = corners
    for start in range(left, right + 1, 2 * _DASH):
        end = min(start + _DASH, right)
        canvas.line([(start, top), (end, top)], fill=_CHANGED, width=2)
        canvas.line([(start, bottom), (end, bottom)], fill=_CHANGED, width=2)
    for start in range(top, bottom + 1, 2 * _DASH):
        end = min(start + _DASH, bottom)
        canvas.line([(left, start), (left, end)], fill=_CHANGED, width=2)
        canvas.line([(right, start), (right, end)], fill=_CHANGED, width=2)


def _colour(label: int, classes: int) -> tuple[int, int, int]:
    """A dark colour of its own for each class; none is red, which marks what changed."""
    hue = 0.12 + 0.76 * label / max(classes - 1, 1)
    red, green, blue = colorsys.hsv_to_rgb(hue, 1.0, 0.65)
    return round(255 * red), round(255 * green), round(255 * blue)


def with_boxes(pixels: Array, boxes: Sequence[DecodedBox], classes: Sequence[str] = ()) -> Array:
    """`draw`, of decoded boxes.

    Args:
        pixels: As there.
        boxes: In the picture.
        classes: Of all pictures that are shown together, so that each has one colour in all.
    """
    import numpy as np

    names = list(dict.fromkeys([*classes, *(box.name for box in boxes)]))
    height, width = pixels.shape[:2]
    sides = (height, width, height, width)
    rows = [
        (
            names.index(box.name),
            *(
                box.edges
                if box.pixels is None
                else (edge / side for edge, side in zip(box.pixels, sides, strict=True))
            ),
        )
        for box in boxes
    ]
    return draw(pixels, np.asarray(rows, np.float64).reshape(-1, 5), names)
