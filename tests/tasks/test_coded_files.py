"""Coded files: back number by number, and whatever is wrong with one is said in a sentence."""

from __future__ import annotations

import re
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.artifacts.file_task import same_decoding
from zoo.common.errors import BadData, BadFile
from zoo.contracts.stored_code import PictureCode
from zoo.tasks.image_compression.coded_file import MOST_NUMBERS, MOST_PIXELS, CodedPictures
from zoo.tasks.image_compression.counting import counted_tables

pytest.importorskip("PIL")

CHANNELS, CELL = 5, 8


def some_code(height: int, width: int, spread: float = 2.0, seed: int = 0) -> PictureCode:
    sides = -(-height // CELL), -(-width // CELL)
    values = np.random.default_rng(seed).laplace(0, spread, (*sides, CHANNELS))
    cells = np.clip(np.rint(values), -32767, 32767).astype(np.int16)
    return PictureCode(cells=cells, cell=CELL, height=height, width=width)


@pytest.fixture(scope="module")
def files() -> CodedPictures:
    return CodedPictures(counted_tables(some_code(400, 400, seed=1).cells[None]))


@pytest.fixture(scope="module")
def content(files: CodedPictures) -> bytes:
    return files.packed(some_code(70, 90))


def sealed(content: bytes, **changes: bytes) -> bytes:
    """A file that somebody changed, and whose check sum fits."""
    made = bytearray(content)
    for place, own in changes.items():
        at = int(place.removeprefix("at"))
        made[at : at + len(own)] = own
    rest = zlib.crc32(made[24:], zlib.crc32(made[:20])).to_bytes(4, "little")
    return bytes(made[:20]) + rest + bytes(made[24:])


@given(
    st.integers(1, 90), st.integers(1, 90), st.sampled_from([0.01, 1.0, 60.0, 2e4]), st.integers(0)
)
@settings(deadline=None, max_examples=40)
def test_a_code_comes_back_number_by_number(
    height: int, width: int, spread: float, seed: int
) -> None:
    files = CodedPictures(counted_tables(some_code(64, 64, seed=1).cells[None]))
    code = some_code(height, width, spread, seed % 1000)
    back = files.unpacked(files.packed(code))
    np.testing.assert_array_equal(back.cells, code.cells)
    assert (back.height, back.width, back.cell) == (height, width, CELL)


def test_large_pictures_are_several_streams(files: CodedPictures) -> None:
    code = some_code(700, 1500, seed=2)
    content = files.packed(code)
    assert code.cells.size > 3 * 24_000
    np.testing.assert_array_equal(files.unpacked(content).cells, code.cells)


@given(st.data())
@settings(deadline=None, max_examples=150)
def test_no_damage_gets_through(data: Any) -> None:
    files = CodedPictures(counted_tables(some_code(64, 64, seed=1).cells[None]))
    whole = files.packed(some_code(30, 40))
    made = bytearray(whole)
    if data.draw(st.booleans()):
        made = made[: data.draw(st.integers(0, len(whole) - 1))]
    else:
        for _ in range(data.draw(st.integers(1, 3))):
            made[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    if bytes(made) == whole:
        return
    with pytest.raises(BadFile) as caught:
        files.unpacked(bytes(made), "a.ezp")
    assert "a.ezp" in caught.value.what


@given(st.integers(0, 200), st.binary(min_size=1, max_size=40))
@settings(deadline=None, max_examples=150)
def test_a_hostile_file_with_a_good_check_sum_is_refused_or_read(place: int, own: bytes) -> None:
    files = CodedPictures(counted_tables(some_code(64, 64, seed=1).cells[None]))
    whole = files.packed(some_code(30, 40))
    try:
        back = files.unpacked(sealed(whole, **{f"at{place % len(whole)}": own}))
    except BadFile:
        return
    assert back.cells.shape[2] == CHANNELS


@pytest.mark.parametrize(
    ("height", "width", "cell"), [(65535, 65535, 8), (8192, 8192, 1), (8192, 8192, 8), (0, 9, 8)]
)
def test_a_size_alone_takes_no_memory(
    files: CodedPictures, content: bytes, height: int, width: int, cell: int
) -> None:
    sides = height.to_bytes(2, "little") + width.to_bytes(2, "little")
    hostile = sealed(content, at7=bytes([cell]), at16=sides)
    tracemalloc.start()
    with pytest.raises(BadFile, match="cannot be decoded"):
        files.unpacked(hostile)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 4 << 20


def test_another_network_s_file_is_told_from_a_damaged_one(
    files: CodedPictures, content: bytes
) -> None:
    other = CodedPictures(counted_tables(some_code(400, 400, seed=9).cells[None]))
    with pytest.raises(BadFile, match="coded by another network"):
        other.unpacked(content)
    with pytest.raises(BadFile, match="version 2, and version 1 is read"):
        files.unpacked(sealed(content, at6=b"\x02"))
    with pytest.raises(BadFile, match=r"b\.png is no coded picture"):
        files.unpacked(b"\x89PNG" + content, "b.png")
    with pytest.raises(BadFile) as caught:
        files.unpacked(content + b"\0")
    assert "check sum" in str(caught.value.why)


def test_what_does_not_fit_is_not_written(files: CodedPictures) -> None:
    code = some_code(8, 8)
    for height, width in ((MOST_PIXELS // 1024 + 1, 1024), (1 << 16, 8)):
        large = PictureCode(cells=code.cells, cell=CELL, height=height, width=width)
        with pytest.raises(BadData, match="too large to be coded"):
            files.packed(large)
    assert MOST_NUMBERS >= 32 * MOST_PIXELS // CELL**2


def test_tables_are_told_apart_and_not_shown_whole() -> None:
    own, other = (counted_tables(some_code(40, 40, seed=n).cells[None]).text for n in (1, 2))
    (check,) = same_decoding(
        {"tables": own, "rule": "counted"}, {"tables": other, "rule": "counted"}
    )
    assert not check.passed
    assert re.fullmatch(r"tables of [\d,]+ characters, SHA-256 \w{12}, rule counted", check.value)
    assert check.value != check.limit


def test_what_is_said_of_a_picture(files: CodedPictures) -> None:
    given = np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)
    content = files.packed(some_code(30, 40))
    near = given ^ 1
    told = files.described(content, near, given)
    rate = 8 * len(content) / 1200
    assert told.answer.startswith(f"40×30 pixels in {len(content):,} bytes, {rate:.3g} bpp, PSNR")
    assert "PSNR 48.13 dB" in told.answer
    assert told.coded is not None
    assert told.coded.content == content
    assert files.described(content, near, None).coded is None


def test_a_picture_that_jpeg_cannot_hold_is_not_compared_with_it(files: CodedPictures) -> None:
    for width, compared in ((65_500, True), (65_501, False), (65_535, False)):
        given = np.full((1, width, 3), 70, np.uint8)
        content = files.packed(some_code(1, width))
        told = files.described(content, given, given).answer
        assert told.startswith(f"{width}×1 pixels in ")
        assert ("JPEG" in told) == compared
