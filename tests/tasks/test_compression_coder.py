"""Coding of whole numbers: back number by number, near the entropy, and damage is seen."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from zoo.common.errors import BadData, BadFile
from zoo.tasks.image_compression.bd_rate import bd_rate
from zoo.tasks.image_compression.coder import CodeCoder
from zoo.tasks.image_compression.symbol_tables import (
    BITS,
    TOTAL,
    SymbolTables,
    counted_tables,
    parse_tables,
)

SPREADS = (0.05, 0.7, 3.0, 40.0)


@pytest.fixture(scope="module")
def codes() -> Any:
    draw = np.random.default_rng(1)
    values = np.rint(draw.laplace(0, SPREADS, (40, 8, 8, len(SPREADS))))
    return values.astype(np.int16)


@pytest.fixture(scope="module")
def tables(codes: Any) -> SymbolTables:
    return counted_tables(codes)


def decoded_in_words(tables: SymbolTables, coded: bytes, shape: tuple[int, ...]) -> Any:
    """A second decoder, of one picture in Python's integers, from the format's description."""
    escaped, state = int.from_bytes(coded[2:4], "little"), int.from_bytes(coded[4:8], "little")
    end = len(coded) - 2 * escaped
    words = iter(np.frombuffer(coded[8:end], "<u2").tolist())
    others = iter(np.frombuffer(coded[end:], "<i2").tolist())
    found = []
    for place in range(math.prod(shape)):
        table = tables.channels[place % shape[-1]]
        slot, start, symbol = state % TOTAL, 0, 0
        while start + table.frequencies[symbol] <= slot:
            start += table.frequencies[symbol]
            symbol += 1
        last = symbol == len(table.frequencies) - 1
        found.append(next(others) if last else table.low + symbol)
        state = table.frequencies[symbol] * (state >> BITS) + slot - start
        if state < 1 << 16:
            state = (state << 16) | next(words)
    assert next(words, None) is None
    assert next(others, None) is None
    return np.array(found, np.int16).reshape(shape)


def test_codes_come_back_and_take_hardly_more_than_their_entropy(codes: Any, tables: Any) -> None:
    coder = CodeCoder(tables)
    coded = coder.encode(codes)
    assert np.array_equal(coder.decode(coded, codes.shape[1:]), codes)
    bits = 0.0
    for number, channel in enumerate(tables.channels):
        counts = np.unique(codes[..., number], return_counts=True)[1]
        bits -= float((counts * np.log2(counts / counts.sum())).sum())
        assert sum(channel.frequencies) == TOTAL
    spent = 8 * sum(len(one) - 8 for one in coded)
    # A state of 4 bytes is in the header, and not all of its bits are used.
    assert bits - 32 * len(coded) < spent < 1.01 * bits


def test_a_decoder_written_from_the_description_reads_the_same(codes: Any, tables: Any) -> None:
    strange = codes[:3].copy()
    strange[0, 0, 0, 1], strange[1, 7, 7, 0] = 32_767, -32_768
    for own, coded in zip(strange, CodeCoder(tables).encode(strange), strict=True):
        assert np.array_equal(decoded_in_words(tables, coded, own.shape), own)


def test_tables_are_whole_numbers_in_words(tables: SymbolTables) -> None:
    assert parse_tables(tables.text) == tables
    shares = [Fraction(f, TOTAL) for f in tables.channels[0].frequencies]
    assert sum(shares) == 1
    for text in ("", "0:1", "0:16384,x", f"40000:{TOTAL - 1},1", f"0:{TOTAL},0"):
        with pytest.raises(BadFile, match="channel 1 of the code"):
            parse_tables(text)


def test_far_numbers_are_coded_in_full() -> None:
    wide = np.zeros((2, 4, 4, 1), np.int16)
    wide[0, 0, 0, 0], wide[1, 1, 1, 0] = 20_000, -20_000
    tables = counted_tables(wide)
    assert len(tables.channels[0].frequencies) < 1_000
    coder = CodeCoder(tables)
    assert np.array_equal(coder.decode(coder.encode(wide), (4, 4, 1)), wide)


def test_damage_and_other_tables_are_refused(codes: Any, tables: Any) -> None:
    coder, shape = CodeCoder(tables), codes.shape[1:]
    (coded,) = coder.encode(codes[:1])
    for place in (0, 5, 9, len(coded) // 2):
        broken = bytearray(coded)
        broken[place] ^= 4
        with pytest.raises(BadFile, match="coded picture 1 cannot be decoded"):
            coder.decode([bytes(broken)], shape)
    for short in (coded[:-2], coded[:5], b""):
        with pytest.raises(BadFile, match="cannot be decoded"):
            coder.decode([short], shape)
    with pytest.raises(BadFile, match="other tables"):
        CodeCoder(counted_tables(codes[:5])).decode([coded], shape)
    with pytest.raises(BadData, match="4 channels"):
        CodeCoder(counted_tables(codes[..., :2])).encode(codes)


def test_bd_rate_is_what_rates_differ_by() -> None:
    anchor = [(0.1, 25.0), (0.3, 28.5), (0.8, 32.0), (1.7, 36.0), (2.6, 39.0)]
    assert bd_rate(anchor, anchor) == pytest.approx(0.0, abs=1e-9)
    assert bd_rate(anchor, [(0.8 * rate, psnr) for rate, psnr in anchor]) == pytest.approx(-20.0)
    assert bd_rate([(2 * rate, psnr) for rate, psnr in anchor], anchor) == pytest.approx(-50.0)
    # On a curve that is a line in log rate, a shift by one decibel is a factor known by hand.
    line = [(2 ** (db / 6), float(db)) for db in range(24, 43, 3)]
    moved = [(rate, db + 1.0) for rate, db in line]
    assert bd_rate(line, moved) == pytest.approx(100 * (2 ** (-1 / 6) - 1))
    with pytest.raises(BadData, match="3 rates"):
        bd_rate(anchor, anchor[:3])
    with pytest.raises(BadData, match="no quality"):
        bd_rate(anchor, [(rate, psnr + 30) for rate, psnr in anchor])
