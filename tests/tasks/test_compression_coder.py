"""Coding of whole numbers: back number by number, near the entropy, and damage is seen."""

from __future__ import annotations

import dataclasses
import itertools
import re
from typing import Any

import numpy as np
import pytest
from scipy import integrate

from zoo.common.errors import BadData, BadFile
from zoo.tasks.image_compression.bd_rate import bd_rate
from zoo.tasks.image_compression.coder import CodeCoder
from zoo.tasks.image_compression.counting import counted_tables
from zoo.tasks.image_compression.symbol_tables import (
    BITS,
    TOTAL,
    Channel,
    SymbolTables,
    Table,
    parse_tables,
)

SPREADS = (0.05, 0.7, 3.0, 40.0)


def laplace(seed: int) -> Any:
    values = np.random.default_rng(seed).laplace(0, SPREADS, (40, 8, 8, len(SPREADS)))
    return np.rint(values).astype(np.int16)


@pytest.fixture(scope="module")
def codes() -> Any:
    return laplace(1)


@pytest.fixture(scope="module")
def tables(codes: Any) -> SymbolTables:
    return counted_tables(codes)


def decoded_in_words(tables: SymbolTables, coded: bytes, shape: tuple[int, ...]) -> Any:
    """A second decoder, of one picture in Python's integers, from the format's description."""
    escaped, state = int.from_bytes(coded[2:4], "little"), int.from_bytes(coded[4:8], "little")
    end = len(coded) - 2 * escaped
    words = iter(np.frombuffer(coded[8:end], "<u2").tolist())
    others = iter(np.frombuffer(coded[end:], "<i2").tolist())
    rows, columns, channels = shape
    found: dict[tuple[int, ...], int] = {}
    far: dict[tuple[int, ...], int] = {}
    for y, x, c in itertools.product(range(rows), range(columns), range(channels)):
        left, above = (y, x - 1, c), (y - 1, x, c)
        left, above = (left if x else above), (above if y else left)
        pl, pu, p0 = tables.channels[c].guess
        guess = (pl * found.get(left, 0) + pu * found.get(above, 0) + p0 + 32) // 64
        base, wl, wu, *before = tables.channels[c].weights
        total = base + wl * far.get(left, 0) + wu * far.get(above, 0)
        total += sum(w * far[y, x, c - k] for k, w in enumerate(before, 1))
        table = tables.tables[sum(limit <= total for limit in tables.limits)]
        slot, start, symbol = state % TOTAL, 0, 0
        while start + table.frequencies[symbol] <= slot:
            start += table.frequencies[symbol]
            symbol += 1
        last = symbol == len(table.frequencies) - 1
        found[y, x, c] = next(others) if last else table.low + symbol + guess
        far[y, x, c] = min(abs(found[y, x, c] - guess), 255)
        state = table.frequencies[symbol] * (state >> BITS) + slot - start
        if state < 1 << 16:
            state = (state << 16) | next(words)
    assert next(words, None) is None
    assert next(others, None) is None
    return np.array([*found.values()], np.int16).reshape(shape)


def entropy(codes: Any) -> float:
    """Bits of codes whose numbers' shares are known for each channel, and nothing else."""
    bits = 0.0
    for number in range(codes.shape[-1]):
        counts = np.unique(codes[..., number], return_counts=True)[1]
        bits -= float((counts * np.log2(counts / counts.sum())).sum())
    return bits


def spent(coded: list[bytes]) -> int:
    """Bits, but for the headers: a state of 4 bytes is in them, and not all of its bits count."""
    return 8 * sum(len(one) - 8 for one in coded)


def test_codes_come_back_and_take_hardly_more_than_their_entropy(tables: Any) -> None:
    """Of other codes than those that were counted, which nothing is known of but their spread."""
    codes = laplace(2)
    coder = CodeCoder(tables)
    coded = coder.encode(codes)
    assert np.array_equal(coder.decode(coded, codes.shape[1:]), codes)
    assert entropy(codes) - 32 * len(coded) < spent(coded) < 1.08 * entropy(codes)


def test_numbers_that_are_like_their_neighbours_take_less() -> None:
    """Slopes are guessed from the left and above; busy cells are told from calm ones."""
    draw = np.random.default_rng(3)
    busy = np.where(draw.random((40, 8, 8, 1)) < 0.2, 9.0, 0.1)
    details = np.rint(draw.laplace(0, busy, (40, 8, 8, 6)))
    slope = np.rint(np.cumsum(draw.normal(0, 3, (40, 8, 8, 1)), axis=2))
    codes = np.concatenate([slope, details], axis=-1).astype(np.int16)
    tables = counted_tables(codes)
    coder = CodeCoder(tables)
    coded = coder.encode(codes)
    assert np.array_equal(coder.decode(coded, codes.shape[1:]), codes)
    assert spent(coded) < 0.8 * entropy(codes)
    # Without weights all numbers have one table, and none is guessed.
    blind = dataclasses.replace(
        tables, channels=tuple(Channel(guess=(0, 0, 0), weights=(300, 0, 0)) for _ in range(7))
    )
    assert spent(CodeCoder(blind).encode(codes)) > 1.5 * spent(coded)


@pytest.mark.parametrize("shape", [(4,), (5, 4), (2, 3, 5, 4)])
def test_codes_need_not_be_cells_in_rows_and_columns(tables: Any, shape: tuple[int, ...]) -> None:
    codes = np.random.default_rng(0).integers(-9, 9, (3, *shape)).astype(np.int16)
    for own in (tables, counted_tables(codes)):
        coder = CodeCoder(own)
        assert np.array_equal(coder.decode(coder.encode(codes), shape), codes)


def test_a_decoder_written_from_the_description_reads_the_same(codes: Any, tables: Any) -> None:
    strange = codes[:3].copy()
    strange[0, 0, 0, 1], strange[1, 7, 7, 0] = 32_767, -32_768
    for own, coded in zip(strange, CodeCoder(tables).encode(strange), strict=True):
        assert np.array_equal(decoded_in_words(tables, coded, own.shape), own)


def test_tables_are_whole_numbers_in_words(tables: SymbolTables) -> None:
    assert parse_tables(tables.text) == tables
    for table in tables.tables:
        assert sum(table.frequencies) == TOTAL
    own = f"0:{TOTAL - 1},1"
    assert parse_tables(f"{own}||1,2,3:4,5,6").limits == ()
    for text, said in {
        "": "1 parts",
        "0:1||1,2,3:4,5,6": "table 1 add up to 1 ",
        "0:16384,x||1,2,3:4,5,6": "'16384,x' of table 1",
        f"400000:{TOTAL - 1},1||1,2,3:4,5,6": "begins at 400000",
        f"0:{TOTAL},0||1,2,3:4,5,6": "table 1 add up",
        f"{own};{own}||1,2,3:4,5,6": "0 limits do not part 2 tables",
        f"{own};{own};{own}|7,7|1,2,3:4,5,6": "2 limits do not part 3 tables",
        f"{own}||1,2:4,5,6": "channel 1 has 2 and 3 weights",
        f"{own}||1,2,3:4,5,6,7": "channel 1 has 3 and 4 weights",
        f"{own}||1,2,3:4,5": "channel 1 has 3 and 2 weights",
        f"{own}||1,2,3:4,5,6;1,2,30000:4,5,6": "channel 2 has a weight above",
        f"{own}||1,2,3": "'' of channel 1",
    }.items():
        with pytest.raises(BadFile, match=re.escape(said)):
            parse_tables(text)


def test_far_numbers_are_coded_in_full() -> None:
    wide = np.zeros((2, 4, 4, 1), np.int16)
    wide[0, 0, 0, 0], wide[1, 1, 1, 0] = 20_000, -20_000
    tables = counted_tables(wide)
    assert max(len(table.frequencies) for table in tables.tables) < 5_000
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


@pytest.mark.parametrize(
    ("guess", "low", "values"),
    [((0, 0, 0), 39_998, [39_999]), ((128, 0, 64), 0, [2**n - 1 for n in range(1, 20)])],
    ids=["a table of large numbers", "guesses that grow"],
)
def test_numbers_of_more_than_16_bits_are_refused_and_not_cut(
    guess: tuple[int, int, int], low: int, values: list[int]
) -> None:
    tables = SymbolTables(
        tables=(Table(low=low, frequencies=(8000, 8000, 384)),),
        limits=(),
        channels=(Channel(guess=guess, weights=(0, 0, 0)),),
    )
    codes = np.array(values).reshape(1, 1, -1, 1)
    (coded,) = CodeCoder(tables).encode(codes)
    with pytest.raises(BadFile) as caught:
        CodeCoder(tables).decode([coded], codes.shape[1:])
    assert "more than 16 bits" in str(caught.value.why)


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


@pytest.mark.parametrize("seed", range(8))
def test_bd_rate_is_that_of_another_implementation(seed: int) -> None:
    """Cubics in a scaled domain, integrated numerically, with logarithms to the base of ten."""
    random = np.random.default_rng(seed)
    curves = []
    for _ in range(2):
        count = random.integers(4, 9)
        rates = np.sort(random.uniform(0.05, 4, count))
        curves.append(list(zip(rates, np.sort(random.uniform(24, 42, count)), strict=True)))
    low = max(curve[0][1] for curve in curves)
    high = min(curve[-1][1] for curve in curves)
    means = []
    for curve in curves:
        rates, ratios = np.transpose(curve)
        cubic = np.polynomial.Polynomial.fit(ratios, np.log10(rates), 3)
        means.append(integrate.quad(cubic, low, high, epsabs=1e-12)[0] / (high - low))
    expected = 100 * (10 ** (means[1] - means[0]) - 1)
    assert bd_rate(*curves) == pytest.approx(expected, rel=1e-6)


def test_a_code_with_too_many_numbers_beyond_the_tables_is_refused() -> None:
    tables = SymbolTables(
        tables=(Table(low=0, frequencies=(8000, 8384)),),
        limits=(),
        channels=(Channel(guess=(0, 0, 0), weights=(0, 0, 0)),),
    )
    coder = CodeCoder(tables)
    codes = np.full((1, 1, 65_536, 1), 9, np.int16)
    with pytest.raises(BadData, match="65,536 numbers of a code are not in the tables"):
        coder.encode(codes)
    fits = codes[:, :, 1:]
    np.testing.assert_array_equal(coder.decode(coder.encode(fits), fits.shape[1:]), fits)
