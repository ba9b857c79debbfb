"""Pictures of any size through networks of one size: as the whole picture would be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zoo.common.errors import BadData, Unsupported
from zoo.execution.picture_codes import code_grid, decode, encode
from zoo.tasks.image_compression.coded_file import CodedPictures
from zoo.tasks.image_compression.counting import counted_tables

SIDE, CELL = 32, 4
GRID = code_grid((SIDE, SIDE), (SIDE // CELL, SIDE // CELL, 2))


def stored() -> CodedPictures:
    return CodedPictures(counted_tables(np.zeros((1, 4, 4, 2), np.int16)))


def reached(values: Any) -> Any:
    """Each cell or pixel with its four neighbours; beyond the edge there is nothing."""
    padded = np.pad(values, ((0, 0), (1, 1), (1, 1), (0, 0)))
    beside = [padded[:, y : y + values.shape[1], x : x + values.shape[2]] for y, x in NEIGHBOURS]
    return sum(beside)


NEIGHBOURS = ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))


def encoder(pictures: Any) -> Any:
    """Sums of the pixels of a cell and of those around it, in two channels."""
    count, height, width, _ = pictures.shape
    grey = pictures[..., 0].astype(np.float64)
    cells = grey.reshape(count, height // CELL, CELL, width // CELL, CELL).sum(axis=(2, 4))
    near = reached(cells[..., None])
    return np.concatenate([near, -near + 0.2], axis=3).astype(np.float32)


def decoder(codes: Any) -> Any:
    near = reached(codes[..., :1]) / 60000
    return np.repeat(np.repeat(near, CELL, axis=1), CELL, axis=2).repeat(3, axis=3)


@pytest.mark.parametrize(
    "size", [(32, 32), (33, 32), (70, 101), (4, 200), (1, 1), (31, 64), (64, 128)]
)
def test_windows_make_what_the_whole_picture_would(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    code = encode(picture, GRID, stored(), encoder)
    whole = [max(SIDE, -(-side // CELL) * CELL) for side in size]
    added = [(0, own - side) for own, side in zip(whole, size, strict=True)]
    padded = np.pad(picture, (*added, (0, 0)), mode="edge")
    right = np.rint(encoder(padded[None]))[0].astype(np.int16)
    rows, columns = -(-size[0] // CELL), -(-size[1] // CELL)
    np.testing.assert_array_equal(code.cells, right[:rows, :columns])
    made = decode(code, GRID, decoder)
    assert made.shape == (*size, 3)
    cells = np.pad(
        code.cells, ((0, max(0, 8 - rows)), (0, max(0, 8 - columns)), (0, 0)), mode="edge"
    )
    expected = np.round(np.clip(decoder(cells[None].astype(np.float32)), 0, 1) * 255)[0]
    np.testing.assert_array_equal(made, expected[: size[0], : size[1]].astype(np.uint8))


def test_a_network_that_gives_no_numbers_is_told() -> None:
    picture = np.zeros((40, 40, 3), np.uint8)
    with pytest.raises(BadData, match="cannot be coded"):
        encode(picture, GRID, stored(), lambda given: encoder(given) * np.nan)
    code = encode(picture, GRID, stored(), encoder)
    with pytest.raises(BadData, match="cannot be decoded"):
        decode(code, GRID, lambda given: decoder(given) + np.inf)


def test_a_code_of_another_grid_is_refused() -> None:
    code = encode(np.zeros((40, 40, 3), np.uint8), GRID, stored(), encoder)
    other = code_grid((64, 64), (8, 8, 2))
    with pytest.raises(BadData, match="2 numbers for each 4×4 pixels, and the decoder takes 2"):
        decode(code, other, decoder)


@pytest.mark.parametrize("shape", [(16,), (8, 8), (7, 8, 2), (16, 8, 2)])
def test_codes_that_do_not_lie_over_a_picture_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(Unsupported, match="does not lie over a picture of 32×32 pixels"):
        code_grid((32, 32), shape)
