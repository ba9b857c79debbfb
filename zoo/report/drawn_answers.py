"""Answers about places in a picture, drawn into it: boxes, and masks with their colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.common.optional_imports import require
from zoo.contracts.prediction import DecodedMask, DecodedOutput
from zoo.results.predictions import Predictions
from zoo.tasks.object_detection.drawing import with_boxes
from zoo.tasks.semantic_segmentation.overlay import colours, overlay

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Longest side of a picture that a mask is drawn into.
_LARGEST = 512


def classes_of_boxes(found: Predictions) -> tuple[str, ...]:
    """The classes of all boxes that are shown together, in the order of the network's."""
    names = {box.name for one in found.examples for box in one.output.boxes or ()}
    known = [name for name in found.classes if name in names]
    return (*known, *sorted(names - {*known}))


def drawn_answer(pixels: Array, output: DecodedOutput, classes: Sequence[str] = ()) -> Array | None:
    """The picture with the answer in it; None where that is not about places.

    Args:
        pixels: As it was given, uint8, (height, width, 1 or 3).
        output: Of that picture.
        classes: From `classes_of_boxes`, where several pictures are shown together.

    Returns:
        uint8, (height, width, 3), of another size than was given.
    """
    if output.boxes is not None:
        return with_boxes(pixels, output.boxes, classes)
    if output.mask is None:
        return None
    import numpy as np

    image = require("PIL.Image").fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    image = image.convert("RGB")
    image.thumbnail((_LARGEST, _LARGEST))
    return overlay(np.asarray(image), output.mask.whole(_LARGEST), len(output.mask.names))


def legend(mask: DecodedMask) -> tuple[tuple[str, str], ...]:
    """Colour as ``#rrggbb`` and name of each class that a mask has, the largest first.

    The first class has no colour: it leaves the picture as it is.
    """
    palette = colours(len(mask.names))
    found = []
    for name in mask.pixels():
        place = mask.names.index(name)
        found.append(("#" + bytes(palette[place]).hex() if place else "", name))
    return tuple(found)
