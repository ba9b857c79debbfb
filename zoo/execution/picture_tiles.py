"""Pictures of any size for networks that make pictures of one size: tiles, put together again.

Tiles overlap, and what lies at an inner edge of one is taken from its neighbour: there a network
sees nothing beyond the edge.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from threading import Lock
from typing import TYPE_CHECKING, cast

import numpy as np

from zoo.common.errors import BadData, ZooError
from zoo.contracts import Preprocessing, Task
from zoo.contracts.preprocessing import Sample
from zoo.execution.sample_outputs import SampleOutputs

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: A larger picture is refused: enlarged by three, it takes a gigabyte in the end.
MOST_PIXELS = 1 << 25
#: Pixels at each inner edge of a tile that its neighbour gives: this share of its side.
_MARGIN = 8


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """One sample as tiles.

    Attributes:
        first: Number of its first tile.
        places: Top and left of each tile.
        size: Height and width of the picture; None where it is answered as it is.
    """

    first: int
    places: tuple[tuple[int, int], ...] = ((0, 0),)
    size: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class PictureTiles:
    """Samples cut to a network's size.

    Attributes:
        samples: Tiles, and what needs no cutting.
        decode: From outputs of tiles to pictures, uint8: that of the task.
        notes: What was done, for users.
    """

    samples: Sequence[Sample]
    plans: tuple[_Plan, ...]
    sides: tuple[int, int]
    decode: Callable[[Array], Array]
    notes: tuple[str, ...] = ()
    _pictures: dict[int, Array] = field(default_factory=dict)

    @property
    def take(self) -> Callable[[Sequence[int], Array], None] | None:
        """Puts outputs of tiles in their places, so that nobody holds them; None: nothing is cut.

        A function of the numbers of samples and their outputs, (samples, height, width, channels).
        """
        return self._take if self.notes else None

    def _take(self, numbers: Sequence[int], outputs: Array) -> None:
        for number, tile in zip(numbers, self.decode(outputs), strict=True):
            own = bisect_right(self.plans, number, key=lambda plan: plan.first) - 1
            plan = self.plans[own]
            if plan.size is None:
                self._pictures[own] = tile
                continue
            scale = tile.shape[0] // self.sides[0]
            if own not in self._pictures:
                height, width = (side * scale for side in plan.size)
                self._pictures[own] = np.zeros((height, width, tile.shape[2]), tile.dtype)
            _place(self._pictures[own], tile, plan.places[number - plan.first], scale, self.sides)

    def joined(self, answered: SampleOutputs) -> SampleOutputs:
        """Of the samples that were cut: pictures of their own sizes, uint8, of what `take` took."""
        if not self.notes:
            return answered
        firsts = [plan.first for plan in self.plans]
        failed: dict[int, str] = {}
        for tile, why in answered.problems:
            failed.setdefault(bisect_right(firsts, tile) - 1, why)
        kept = [number for number in sorted(self._pictures) if number not in failed]
        pictures = [self._pictures[number] for number in kept]
        self._pictures.clear()
        return replace(
            answered,
            # Of several sizes: a list, which is read one by one.
            outputs=cast("Array", pictures) if pictures else None,
            kept=tuple(kept),
            problems=tuple(failed.items()),
        )


def _place(
    whole: Array, tile: Array, place: tuple[int, int], scale: int, sides: tuple[int, int]
) -> None:
    """Puts a tile into a picture.

    In order: each tile covers what lies too near an edge of those before.
    """
    margins = [side // _MARGIN * scale for side in sides]
    skipped = [margin if at else 0 for at, margin in zip(place, margins, strict=True)]
    down, right = place[0] * scale + skipped[0], place[1] * scale + skipped[1]
    part = tile[skipped[0] :, skipped[1] :][: whole.shape[0] - down, : whole.shape[1] - right]
    whole[down : down + part.shape[0], right : right + part.shape[1]] = part


def picture_tiles(
    task: Task, preprocessing: Preprocessing, samples: Sequence[Sample]
) -> PictureTiles:
    """Cuts pictures of other sizes where the task puts tiles together; else leaves them alone.

    Args:
        task: Of the network.
        preprocessing: Of the network; of other kinds than pictures nothing is cut.
        samples: To be answered.
    """
    sides = (getattr(preprocessing, "height", 0), getattr(preprocessing, "width", 0))
    if not task.tiled or preprocessing.shown_as != "picture" or not all(sides):
        plans = tuple(_Plan(first=number) for number in range(len(samples)))
        return PictureTiles(samples=samples, plans=plans, sides=sides, decode=task.decode)

    last = _LastPicture(samples, sides)
    tiles: list[Sample] = []
    plans_made, cut = [], 0
    for number, sample in enumerate(samples):
        own, plan = _tiles_of(sample, partial(last.padded, number), len(tiles), sides)
        tiles += own
        plans_made.append(plan)
        cut += plan.size is not None
    overlap = 2 * (sides[1] // _MARGIN)
    notes = (
        f"{cut} of {len(samples)} pictures {'is' if cut == 1 else 'are'} not of {sides[1]}×"
        f"{sides[0]} pixels: cut into tiles of that size, which overlap by {overlap}, and put "
        "together again",
    )
    return PictureTiles(
        samples=tiles,
        plans=tuple(plans_made),
        sides=sides,
        decode=task.decode,
        notes=notes if cut else (),
    )


class _LastPicture:
    """Holds one picture, since tiles are read in order, by several threads."""

    def __init__(self, samples: Sequence[Sample], sides: tuple[int, int]) -> None:
        self._samples, self._sides = samples, sides
        self._lock = Lock()
        self._held: tuple[int, Array] | None = None

    def padded(self, number: int) -> Array:
        """The picture of a sample, as large as a tile at least."""
        with self._lock:
            if self._held is None or self._held[0] != number:
                self._held = None
                picture = self._samples[number].read()
                down, right = (
                    max(0, side - own)
                    for side, own in zip(self._sides, picture.shape[:2], strict=True)
                )
                edges = ((0, down), (0, right), (0, 0))
                self._held = number, np.pad(picture, edges, mode="edge")
            return self._held[1]


def _tiles_of(
    sample: Sample, padded: Callable[[], Array], first: int, sides: tuple[int, int]
) -> tuple[list[Sample], _Plan]:
    whole = _Plan(first=first)
    try:
        picture = sample.read()
    except (ZooError, OSError):  # said of it where it is read again
        return [sample], whole
    if picture.ndim != 3 or picture.shape[:2] == sides:
        return [sample], whole
    size = (picture.shape[0], picture.shape[1])
    if size[0] * size[1] > MOST_PIXELS:
        return [Sample(name=sample.name, read=partial(_refuse, size))], whole
    places = tuple(product(_starts(size[0], sides[0]), _starts(size[1], sides[1])))
    tiles = [Sample(name=sample.name, read=partial(_cut, padded, place, sides)) for place in places]
    return tiles, _Plan(first=first, places=places, size=size)


def _cut(padded: Callable[[], Array], place: tuple[int, int], sides: tuple[int, int]) -> Array:
    (top, left), (height, width) = place, sides
    return padded()[top : top + height, left : left + width].copy()


def _starts(length: int, side: int) -> list[int]:
    """Where tiles begin along one axis; the last ends where the picture does."""
    if length <= side:
        return [0]
    step = max(1, side - 2 * (side // _MARGIN))
    return [*range(0, length - side, step), length - side]


def _refuse(size: tuple[int, int]) -> Array:
    raise BadData(
        f"{size[1]}×{size[0]} pixels are too many",
        why=f"{size[1]}×{size[0]} are {size[0] * size[1] / 1e6:.1f} million pixels, and at most "
        f"{MOST_PIXELS / 1e6:.1f} million are answered: cut the picture into parts",
    )
