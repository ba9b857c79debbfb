"""Anchors: boxes in fixed places that a network shifts and resizes, and classifies each.

Liu et al., "SSD: Single Shot MultiBox Detector", 2016 (arXiv:1512.02325). Each cell of several maps
of features has an anchor for each of some shapes. The network returns a vector for each anchor: a
probability per class, then four values that move it, all from 0 to 1 (a half leaves it as it is):

* its centre moves by ``(value - 0.5)`` times its own sides, down and across,
* its sides are multiplied by ``exp(2 * (value - 0.5))``.

These are SSD's codes with variances of 0.1 and 0.2, from -5 to 5. Boxes of the same class that
overlap are suppressed: of two the more probable stays.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.common.errors import BadFile

if TYPE_CHECKING:  # lists and help must not wait for numpy
    from numpy.typing import NDArray

    Array = NDArray[Any]

#: Keys of what outputs of detectors are decoded with; of `HEAD` the value for anchors.
HEAD, ANCHORS, OVERLAP = "head", "anchors", "overlap"
OF_ANCHORS = "anchors"
#: So many of the most probable boxes are looked at, of all classes together.
MOST_CANDIDATES = 400
#: Codes reach so far to both sides, in the units of SSD.
CODE_REACH = 5.0
#: SSD's variances of centres and of sides.
VARIANCES = (0.1, 0.2)
#: Of two boxes of a class that overlap by more, the less probable is dropped.
USUAL_OVERLAP = 0.5
_RATIOS = (1.0, 2.0, 1 / 2, 3.0, 1 / 3)
#: More than any detector has; a record with more would fill the memory.
_MOST_ANCHORS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class AnchorMap:
    """The anchors of one map of features.

    Attributes:
        rows: Cells down.
        columns: Cells across.
        shapes: Height and width of the anchors of each cell, as shares of the picture.
    """

    rows: int
    columns: int
    shapes: tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class Anchors:
    """All anchors of a detector, in the order of its outputs: by map, row, column and shape.

    Attributes:
        maps: The maps of features, the finest first.
        overlap: Of two boxes of a class with a larger intersection over union one is dropped.
    """

    maps: tuple[AnchorMap, ...]
    overlap: float = USUAL_OVERLAP

    @classmethod
    def of_sizes(
        cls, sizes: Sequence[tuple[int, int]], smallest: float = 0.2, largest: float = 0.95
    ) -> Anchors:
        """SSD's scheme: one scale for each map, in equal steps, and six shapes in each cell.

        The shapes have ratios of 1, 2, 1/2, 3 and 1/3, and a square between this scale and the
        next.

        Args:
            sizes: Rows and columns of the maps, the finest first.
            smallest: Scale of the first map, as a share of the picture.
            largest: Scale of the last one.
        """
        step = (largest - smallest) / max(len(sizes) - 1, 1)
        scales = [smallest + step * number for number in range(len(sizes))] + [1.0]
        maps = []
        for number, (rows, columns) in enumerate(sizes):
            scale, between = scales[number], (scales[number] * scales[number + 1]) ** 0.5
            shapes = [(scale / ratio**0.5, scale * ratio**0.5) for ratio in _RATIOS]
            # What is recorded is what is computed with.
            rounded = tuple(
                (round(tall, 4), round(wide, 4)) for tall, wide in [*shapes, (between, between)]
            )
            maps.append(AnchorMap(rows=rows, columns=columns, shapes=rounded))
        return cls(maps=tuple(maps))

    @classmethod
    def read(cls, decoding: Mapping[str, float | str]) -> Anchors:
        """The anchors of a card or a manifest: `recorded`, read back.

        Raises:
            BadFile: They are missing, or written otherwise.
        """
        try:
            maps = tuple(_read_maps(str(decoding[ANCHORS])))
            overlap = float(decoding[OVERLAP])
            if sum(own.rows * own.columns * len(own.shapes) for own in maps) > _MOST_ANCHORS:
                raise ValueError(f"more than {_MOST_ANCHORS:,} anchors")
            if not 0.0 <= overlap <= 1.0:
                raise ValueError(f"an overlap of {overlap:g}")
            return cls(maps=maps, overlap=overlap)
        except (KeyError, ValueError) as error:
            raise BadFile(
                "the anchors of a detector cannot be read",
                why=f"its decoding has {dict(decoding)!r}: {error}",
                fix="write the file again from its network",
            ) from error

    def recorded(self) -> dict[str, float | str]:
        """For a card or a manifest: ``6x6: 0.2x0.2 0.1414x0.2828; 3x3: …``."""
        told = [
            f"{own.rows}x{own.columns}: {' '.join(f'{tall}x{wide}' for tall, wide in own.shapes)}"
            for own in self.maps
        ]
        return {HEAD: OF_ANCHORS, ANCHORS: "; ".join(told), OVERLAP: self.overlap}

    def boxes(self) -> Array:
        """Centre down and across, height and width of each anchor, float64 (anchors, 4)."""
        import numpy as np

        made = []
        for own in self.maps:
            rows, columns, shape = np.meshgrid(
                np.arange(own.rows),
                np.arange(own.columns),
                np.arange(len(own.shapes)),
                indexing="ij",
            )
            centre = [(rows + 0.5) / own.rows, (columns + 0.5) / own.columns]
            sides = np.moveaxis(np.asarray(own.shapes)[shape], -1, 0)
            made.append(np.stack([*centre, *sides], axis=-1).reshape(-1, 4))
        return np.concatenate(made)

    def facts(self) -> dict[str, Any]:
        """For programs of a bundle, as JSON."""
        maps = [
            {"rows": own.rows, "columns": own.columns, "shapes": [list(s) for s in own.shapes]}
            for own in self.maps
        ]
        return {"maps": maps, "overlap": self.overlap, "candidates": MOST_CANDIDATES}


def _read_maps(text: str) -> Iterator[AnchorMap]:
    for part in text.split(";"):
        size, _, shapes = part.partition(":")
        rows, columns = (int(side) for side in size.split("x"))
        pairs = [tuple(float(side) for side in shape.split("x")) for shape in shapes.split()]
        if min(rows, columns, len(pairs)) < 1:
            raise ValueError(f"no anchors in {part.strip()!r}")
        # A NaN is not, either.
        if not all(0.0 < side < math.inf for pair in pairs for side in pair):
            raise ValueError(f"anchors without a size in {part.strip()!r}")
        yield AnchorMap(
            rows=rows, columns=columns, shapes=tuple((tall, wide) for tall, wide in pairs)
        )
