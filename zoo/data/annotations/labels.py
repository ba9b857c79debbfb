"""Labels of annotated pictures: rows of boxes, and masks that are drawn once and kept."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import ZooError
from zoo.common.files import atomic_path, write_text
from zoo.common.paths import cache_folder
from zoo.contracts.dataset import IGNORED
from zoo.data.annotations.masks import BadMask, read_mask
from zoo.data.annotations.records import AnnotatedPicture, RunLengths, Thing
from zoo.data.annotations.shapes import drawn, sampled

#: So far beyond the picture an edge may lie, in pixels or as a share: annotators' roundings.
_PIXELS, _SHARE = 1.0, 0.005
_VERSION = 2
_PADDING = (-1.0, 0.0, 0.0, 0.0, 0.0)


def box_rows(
    picture: AnnotatedPicture, size: tuple[int, int], in_pixels: bool
) -> tuple[list[tuple[float, ...]], list[str]]:
    """The boxes of a picture as `Split.labels` has them, without padding; and what is wrong.

    Args:
        picture: As it was annotated.
        size: Its height and width.
        in_pixels: Whether its boxes are in pixels.
    """
    rows: list[tuple[float, ...]] = []
    problems = []
    scale = (*size, *size) if in_pixels else (1, 1, 1, 1)
    for thing in picture.things:
        if thing.label == IGNORED:
            continue
        if thing.box is None:
            problems.append(f"{thing.name} has no box")
            continue
        edges = [edge / side for edge, side in zip(thing.box, scale, strict=True)]
        if problem := _problem(edges, size):
            problems.append(f"{thing.name}: its box {problem} of {picture.path}")
            continue
        rows.append((thing.label, *(min(max(edge, 0.0), 1.0) for edge in edges)))
    return rows, problems


def _problem(edges: Sequence[float], size: tuple[int, int]) -> str | None:
    top, left, bottom, right = edges
    if not (bottom > top and right > left):
        return "has no area, in the picture"
    down, across = (max(_PIXELS / side, _SHARE) for side in size)
    if min(top + down, left + across, 1 + down - bottom, 1 + across - right) < -1e-9:
        shown = ", ".join(f"{edge:.3g}" for edge in edges)
        return f"(top, left, bottom, right: {shown} of the sides) reaches out of the picture,"
    inside = [min(max(edge, 0.0), 1.0) for edge in edges]
    if not (inside[2] > inside[0] and inside[3] > inside[1]):
        return "lies outside of the picture,"
    return None


def padded(rows: Sequence[Sequence[tuple[float, ...]]]) -> NDArray[np.float32]:
    """Boxes of all pictures, float32 (pictures, most boxes, 5)."""
    most = max(1, max(map(len, rows), default=1))
    boxes = np.tile(np.array(_PADDING, np.float32), (len(rows), most, 1))
    for number, own in enumerate(rows):
        if own:
            boxes[number, : len(own)] = own
    return boxes


def drawn_mask(
    picture: AnnotatedPicture, given: tuple[int, int], in_pixels: bool, size: tuple[int, int]
) -> tuple[NDArray[np.int16], list[str]]:
    """A mask from polygons and run lengths: class 0 is the background.

    What is small is drawn over what is large.

    Args:
        picture: As it was annotated.
        given: Height and width of the picture.
        in_pixels: Whether polygons are in pixels.
        size: Height and width of the mask.
    """
    mask = np.zeros(size, np.int16)
    problems: list[str] = []
    shapes: list[tuple[int, Thing, NDArray[np.bool_]]] = []
    for thing in picture.things:
        if thing.shape is None:
            if thing.label != IGNORED:
                problems.append(f"{thing.name} has a box alone, and no outline")
        elif isinstance(thing.shape, RunLengths) and thing.shape.size != given:
            problems.append(
                f"{thing.name}: its run lengths are of {thing.shape.size[0]} x "
                f"{thing.shape.size[1]} pixels, and {picture.path} has {given[0]} x {given[1]}"
            )
        else:
            inside = drawn(thing.shape, given if in_pixels else (1, 1), size)
            shapes.append((int(inside.sum()), thing, inside))
    for _, thing, inside in sorted(shapes, key=lambda shape: -shape[0]):
        mask[inside] = IGNORED if thing.label == IGNORED else thing.label + 1
    return mask, problems


def stored_mask(
    root: Path,
    picture: AnnotatedPicture,
    given: tuple[int, int],
    table: Mapping[int, int],
    size: tuple[int, int],
) -> tuple[NDArray[np.int16], list[str]]:
    """A mask from a picture of it.

    Args:
        root: The folder.
        picture: Whose mask.
        given: Its height and width.
        table: Class index of each value.
        size: Height and width of the mask.
    """
    nothing = np.full(size, IGNORED, np.int16)
    try:
        values = read_mask(root / picture.mask)
    except BadMask as error:
        return nothing, [f"{picture.mask}: {error}"]
    if values.shape != given:
        return nothing, [
            f"{picture.mask} has {values.shape[0]} x {values.shape[1]} pixels, and {picture.path} "
            f"{given[0]} x {given[1]}"
        ]
    known, places = np.unique(values, return_inverse=True)
    strange = [int(value) for value in known if int(value) not in table]
    if strange:
        few = ", ".join(map(str, strange[:5])) + (", …" if len(strange) > 5 else "")
        return nothing, [f"{picture.mask} has values without a class: {few}"]
    labels = np.array([table[int(value)] for value in known], np.int16)
    return sampled(labels[places.reshape(values.shape)], size), []


def kept_masks(
    key: str,
    pictures: Sequence[AnnotatedPicture],
    classes: int,
    size: tuple[int, int],
    draw: Callable[[int], tuple[NDArray[np.int16], list[str]]],
) -> tuple[NDArray[np.int8] | NDArray[np.int16], list[list[str]]]:
    """The mask of each picture, and its problems; remembered in the cache folder.

    Args:
        key: Everything that decides what they are.
        pictures: In their order.
        classes: How many there are.
        size: Height and width of the masks.
        draw: Makes that of a picture by its place.
    """
    name = hashlib.sha256(f"{_VERSION} {size} {key}".encode("utf-8", "surrogatepass")).hexdigest()
    folder = cache_folder() / "masks"
    stored, told = folder / f"{name}.npy", folder / f"{name}.json"
    shape = (len(pictures), *size)
    try:
        masks = np.load(stored, mmap_mode="r")
        problems = json.loads(told.read_text(encoding="utf-8"))
        if masks.shape == shape and len(problems) == len(pictures):
            return masks, problems
    except (OSError, ValueError):
        pass  # Not remembered, or damaged: drawn anew.
    made = np.empty(shape, np.int8 if classes < 127 else np.int16)
    problems = []
    for number in range(len(pictures)):
        made[number], own = draw(number)
        problems.append(own)
    # A failure costs the time of drawing them once more, and nothing else.
    with contextlib.suppress(ZooError, OSError):
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(stored) as temporary, temporary.open("wb") as file:
            np.save(file, made)
        write_text(told, json.dumps(problems))
    return made, problems
