"""Pictures of any size through an encoder and a decoder that take one size.

Both see windows that overlap. The cells at the inner edges of an encoder's window are left to its
neighbours, so that each cell of the picture is stored once; the pixels of a decoder's likewise.
Networks of convolutions make so what they would make of the whole picture, but for what lies within
their reach of an edge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoo.common.errors import BadData, Unsupported
from zoo.contracts.stored_code import PictureCode, StoredCode

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Cells at each inner edge of a window that its neighbour gives: this share of its side.
_MARGIN = 4
#: Windows that are run at once.
_TOGETHER = 64


@dataclass(frozen=True, kw_only=True)
class CodeGrid:
    """How the code of one window lies over its pixels.

    Attributes:
        sides: Height and width of a window in pixels.
        cells: Rows and columns of its code.
        channels: Numbers of a cell.
    """

    sides: tuple[int, int]
    cells: tuple[int, int]
    channels: int

    @property
    def cell(self) -> int:
        """Side of a cell in pixels."""
        return self.sides[0] // self.cells[0]


def code_grid(sides: tuple[int, int], shape: tuple[int, ...]) -> CodeGrid:
    """How codes lie over pictures.

    Args:
        sides: Height and width of the pictures that a network takes.
        shape: Of its code, without the batch.

    Raises:
        Unsupported: The code has no rows and columns, or its cells are no squares.
    """
    if len(shape) == 3 and all(side % own == 0 for side, own in zip(sides, shape, strict=False)):
        made = CodeGrid(sides=sides, cells=(shape[0], shape[1]), channels=shape[2])
        if sides[1] // shape[1] == made.cell:
            return made
    told = "×".join(map(str, shape))
    raise Unsupported(
        f"a code of {told} numbers does not lie over a picture of {sides[1]}×{sides[0]} pixels",
        why="only a code of rows and columns, each number for the same square of pixels, can be "
        "put together for pictures of other sizes",
        fix="build the network of convolutions, with the channels of its code last",
    )


def encode(
    picture: Array, grid: CodeGrid, stored: StoredCode, answer: Callable[[Array], Array]
) -> PictureCode:
    """The code of a picture of any size.

    Args:
        picture: uint8, (height, width, channels).
        grid: Of the network.
        stored: Rounds codes.
        answer: The encoder: pictures, uint8, (windows, *sides, channels), to real numbers.

    Raises:
        BadData: The encoder gives NaN or infinity.
    """
    height, width = picture.shape[:2]
    cell = grid.cell
    rows, columns = (-(-side // cell) for side in (height, width))
    whole = max(rows, grid.cells[0]), max(columns, grid.cells[1])
    missing = whole[0] * cell - height, whole[1] * cell - width
    padded = np.pad(picture, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
    cells = np.zeros((*whole, grid.channels), np.int16)
    for places in _windows(whole, grid):
        given = np.stack(
            [
                padded[top * cell :, left * cell :][: grid.sides[0], : grid.sides[1]]
                for top, left in places
            ]
        )
        made = answer(given)
        if not np.isfinite(made).all():
            raise BadData("the picture cannot be coded", why="the encoder gives NaN or infinity")
        for place, own in zip(places, stored.rounded(made), strict=True):
            _put(cells, place, own, grid, 1)
    return PictureCode(cells=cells[:rows, :columns], cell=cell, height=height, width=width)


def decode(code: PictureCode, grid: CodeGrid, answer: Callable[[Array], Array]) -> Array:
    """The picture of a code, uint8, (height, width, channels).

    Args:
        code: Of a picture of any size.
        grid: Of the network.
        answer: The decoder: codes, float32, (windows, *cells, channels), to pictures from 0 to 1.

    Raises:
        BadData: The code has cells of another size or other channels; or the decoder gives NaN or
            infinity.
    """
    if code.cell != grid.cell or code.cells.shape[2] != grid.channels:
        raise BadData(
            f"the code has {code.cells.shape[2]} numbers for each {code.cell}×{code.cell} pixels, "
            f"and the decoder takes {grid.channels} for each {grid.cell}×{grid.cell}",
            fix="decode it with a file of the network that coded it",
        )
    rows, columns, _ = code.cells.shape
    missing = [max(0, own - side) for own, side in zip(grid.cells, (rows, columns), strict=True)]
    cells = np.pad(code.cells, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
    picture: Array | None = None
    for places in _windows((cells.shape[0], cells.shape[1]), grid):
        given = [cells[top:, left:][: grid.cells[0], : grid.cells[1]] for top, left in places]
        made = answer(np.stack(given).astype(np.float32))
        if not np.isfinite(made).all():
            raise BadData("the picture cannot be decoded", why="the decoder gives NaN or infinity")
        pixels = np.round(np.clip(made, 0.0, 1.0) * 255.0).astype(np.uint8)
        if picture is None:
            size = cells.shape[0] * grid.cell, cells.shape[1] * grid.cell
            picture = np.zeros((*size, pixels.shape[3]), np.uint8)
        for place, own in zip(places, pixels, strict=True):
            _put(picture, place, own, grid, grid.cell)
    assert picture is not None  # there is one window at least
    # A copy, so that what lies beyond the picture is not kept.
    return picture[: code.height, : code.width].copy()


def _windows(whole: tuple[int, int], grid: CodeGrid) -> Iterator[list[tuple[int, int]]]:
    """Top and left cell of each window, some at a time, row by row."""
    tops, lefts = (_starts(side, own) for side, own in zip(whole, grid.cells, strict=True))
    places = [(top, left) for top in tops for left in lefts]
    yield from (places[at : at + _TOGETHER] for at in range(0, len(places), _TOGETHER))


def _starts(length: int, side: int) -> list[int]:
    """First cell of each window along one axis; the last window ends where the picture does."""
    step = max(1, side - 2 * (side // _MARGIN))
    return [*range(0, length - side, step), length - side]


def _put(whole: Array, place: tuple[int, int], own: Array, grid: CodeGrid, scale: int) -> None:
    """Puts what one window gave into the whole, but for its inner edges at the top and left.

    In order, each window covers what lies too near the other edges of those before.
    """
    skipped = [
        side // _MARGIN * scale if at else 0 for at, side in zip(place, grid.cells, strict=True)
    ]
    top, left = (at * scale + skip for at, skip in zip(place, skipped, strict=True))
    part = own[skipped[0] :, skipped[1] :]
    whole[top : top + part.shape[0], left : left + part.shape[1]] = part
