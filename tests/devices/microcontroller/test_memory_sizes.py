"""Sizes of memory as people write them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.devices.microcontroller.memory_sizes import format_size, parse_bytes


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("512KiB", 524_288),
        ("1 MiB", 1_048_576),
        ("1.5MiB", 1_572_864),
        ("64kB", 64_000),
        ("4096", 4096),
        ("2MB", 2_000_000),
        ("7B", 7),
    ],
)
def test_sizes(text: str, count: int) -> None:
    assert parse_bytes(text) == count


@given(st.text(max_size=12))
def test_any_text_is_a_size_or_an_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        found = parse_bytes(text)
        assert isinstance(found, int)
        assert found >= 0


@pytest.mark.parametrize("text", ["", "KiB", "1e9", "-4KiB", "1 GiB more", "½MiB", "1.KiB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="must be a number of bytes"):
        parse_bytes(text)


@given(st.integers(0, 1 << 38))
def test_words_are_read_back_nearly(count: int) -> None:
    read = parse_bytes(format_size(count))
    assert abs(read - count) <= count * 1e-3 + 1
