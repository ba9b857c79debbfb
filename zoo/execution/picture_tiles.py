"""Pictures of any size for networks that make pictures of one size: tiles, put together again.

Tiles overlap, and what lies at an inner edge of one is taken from its neighbour: there a network
sees nothing beyond the edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np

from zoo.common.errors import BadData, ZooError
from zoo.contracts import Preprocessing, Task
from zoo.contracts.preprocessing import Sample
from zoo.execution.sample_outputs import SampleOutputs

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: More tiles of one picture would take gigabytes of outputs.
MOST_TILES = 4096
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
        notes: What was done, for users.
    """

    samples: Sequence[Sample]
    plans: tuple[_Plan, ...]
    sides: tuple[int, int]
    notes: tuple[str, ...] = ()

    def joined(self, answered: SampleOutputs) -> SampleOutputs:
        """Outputs of the samples that were cut: pictures of their own sizes."""
        if not self.notes:
            return answered
        given = () if answered.outputs is None else answered.outputs
        found = dict(zip(answered.kept, given, strict=True))
        problems = dict(answered.problems)
        kept, pictures, failed = [], [], []
        for number, plan in enumerate(self.plans):
            own = range(plan.first, plan.first + len(plan.places))
            lost = next((problems[tile] for tile in own if tile in problems), None)
            if lost is not None:
                failed.append((number, lost))
                continue
            kept.append(number)
            tiles = [found[tile] for tile in own]
            pictures.append(tiles[0] if plan.size is None else self._together(plan, tiles))
        return replace(
            answered,
            # Of several sizes: a list, which is read one by one.
            outputs=cast("Array", pictures) if pictures else None,
            kept=tuple(kept),
            problems=tuple(failed),
        )

    def _together(self, plan: _Plan, tiles: Sequence[Array]) -> Array:
        assert plan.size is not None
        scale = tiles[0].shape[0] // self.sides[0]
        height, width = (side * scale for side in plan.size)
        whole = np.zeros((height, width, tiles[0].shape[2]), tiles[0].dtype)
        margins = [side // _MARGIN * scale for side in self.sides]
        # In order: each tile covers what lies too near an edge of those before.
        for (top, left), tile in zip(plan.places, tiles, strict=True):
            skipped = [m if at else 0 for at, m in zip((top, left), margins, strict=True)]
            down, right = top * scale + skipped[0], left * scale + skipped[1]
            part = tile[skipped[0] :, skipped[1] :][: height - down, : width - right]
            whole[down : down + part.shape[0], right : right + part.shape[1]] = part
        return whole


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
        return PictureTiles(samples=samples, plans=plans, sides=sides)
    tiles: list[Sample] = []
    plans_made, cut = [], 0
    for sample in samples:
        own, plan = _tiles_of(sample, len(tiles), sides)
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
        samples=tiles, plans=tuple(plans_made), sides=sides, notes=notes if cut else ()
    )


def _tiles_of(sample: Sample, first: int, sides: tuple[int, int]) -> tuple[list[Sample], _Plan]:
    whole = _Plan(first=first)
    try:
        picture = sample.read()
    except (ZooError, OSError):  # said of it where it is read again
        return [sample], whole
    if picture.ndim != 3 or picture.shape[:2] == sides:
        return [sample], whole
    size = (picture.shape[0], picture.shape[1])
    places = [
        (top, left) for top in _starts(size[0], sides[0]) for left in _starts(size[1], sides[1])
    ]
    if len(places) > MOST_TILES:
        return [Sample(name=sample.name, read=partial(_refuse, size, len(places), sides))], whole
    missing = [max(0, side - own) for side, own in zip(sides, size, strict=True)]
    padded = np.pad(picture, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
    tiles = [
        Sample(
            name=sample.name,
            read=partial(np.copy, padded[top : top + sides[0], left : left + sides[1]]),
        )
        for top, left in places
    ]
    return tiles, _Plan(first=first, places=tuple(places), size=size)


def _starts(length: int, side: int) -> list[int]:
    """Where tiles begin along one axis; the last ends where the picture does."""
    if length <= side:
        return [0]
    step = max(1, side - 2 * (side // _MARGIN))
    return [*range(0, length - side, step), length - side]


def _refuse(size: tuple[int, int], count: int, sides: tuple[int, int]) -> Array:
    raise BadData(
        f"{size[1]}×{size[0]} pixels are too many",
        why=f"{size[1]}×{size[0]} pixels are {count:,} tiles of {sides[1]}×{sides[0]}, more than "
        f"{MOST_TILES:,}: export the network at a larger --input-size, or with --dynamic",
    )
