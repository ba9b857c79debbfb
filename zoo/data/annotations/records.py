"""What annotation files say of pictures, before any picture is opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class RunLengths:
    """A mask as lengths of runs, column by column, that begin with what is not in it.

    Attributes:
        counts: Lengths, int64, whose sum is height x width.
        size: Height and width.
    """

    counts: NDArray[np.int64]
    size: tuple[int, int]


#: Polygons, each float32 (points, 2) of x and y; all together are the shape.
Polygons = tuple[NDArray[np.float32], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Thing:
    """One annotated object.

    Attributes:
        name: For messages: ``annotation 17 of instances.json``.
        label: Class index; `IGNORED` where the place must not be judged.
        box: y_min, x_min, y_max, x_max; None where there is none.
        shape: What of the picture it is; None where that is not said.
    """

    name: str
    label: int
    box: tuple[float, float, float, float] | None = None
    shape: Polygons | RunLengths | None = None


@dataclass(kw_only=True, eq=False)
class AnnotatedPicture:
    """A picture and what is in it.

    Attributes:
        path: Below the root, with ``/`` between parts.
        split: The split that it was given for, or None.
        things: Empty where nothing is in the picture.
        size: Height and width as the annotations state them, or None.
        mask: Path of a picture of its mask below the root, or nothing.
    """

    path: str
    split: str | None = None
    things: list[Thing] = field(default_factory=list)
    size: tuple[int, int] | None = None
    mask: str = ""


@dataclass(kw_only=True, eq=False)
class Annotations:
    """All that was read.

    Attributes:
        root: The folder, absolute.
        classes: Names; labels of things are indices into them.
        pictures: In order of their paths.
        in_pixels: Whether boxes and polygons are in pixels; else they are shares of the picture.
        entries: How many things were annotated, with those that are broken.
        broken: Things that cannot be used, and why.
        lost: Pictures that cannot be used, and why.
        notes: What else a user should know.
    """

    root: Path
    classes: tuple[str, ...] = ()
    pictures: list[AnnotatedPicture] = field(default_factory=list)
    in_pixels: bool = True
    entries: int = 0
    broken: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def real_number(value: Any) -> float | None:
    """A finite number; None for anything else, True and text among it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if np.isfinite(found) else None


def written_number(text: str) -> float | None:
    """The finite number of a text; None for any other, such as ``1_0``."""
    try:
        return real_number(float(text)) if text.isascii() and "_" not in text else None
    except ValueError:
        return None


def real_numbers(values: Any, count: int | None = None) -> list[float] | None:
    """Finite numbers, `count` of them; None for anything else."""
    if not isinstance(values, Sequence) or isinstance(values, str):
        return None
    found = [real_number(value) for value in values]
    numbers = [value for value in found if value is not None]
    return numbers if len(numbers) == len(found) and count in (None, len(found)) else None


def polygon_of(numbers: Sequence[float]) -> NDArray[np.float32] | str:
    """A polygon from x, y, x, y …, float32 (points, 2); or what is wrong with it."""
    if len(numbers) % 2:
        return f"a polygon has {len(numbers)} numbers, which are no pairs"
    points = np.array(numbers, np.float64).reshape(-1, 2)
    if len(points) < 3:
        return f"a polygon has {len(points)} point{'s' if len(points) != 1 else ''}, fewer than 3"
    if np.abs(points).max() > 1e6:
        return "a polygon reaches a million pixels away"
    return points.astype(np.float32)
