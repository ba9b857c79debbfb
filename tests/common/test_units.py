"""Sizes, times and shares as people write them; everything else is refused with advice."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.common.errors import UsageError
from zoo.common.units import (
    SIZES,
    TIMES,
    bytes_of,
    milliseconds_of,
    parse_seconds,
    parse_shares,
    parse_size,
    seconds_of,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("300kB", 300_000),
        ("300 kB", 300_000),
        ("1.5MB", 1_500_000),
        ("64KiB", 65_536),
        ("1B", 1),
        ("0.5B", 1),
        (" 2GiB ", 2**31),
        ("100KB", 100_000),
    ],
)
def test_sizes(text: str, expected: int) -> None:
    assert parse_size(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5ms", 0.005),
        ("800us", 0.0008),
        ("800µs", 0.0008),
        ("800μs", 0.0008),
        ("1.5s", 1.5),
        ("30min", 1800.0),
        ("2h", 7200.0),
        ("100ns", 1e-7),
    ],
)
def test_times(text: str, expected: float) -> None:
    assert parse_seconds(text) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        *("", "kB", "300", "-1kB", "+1kB", "1e3kB", "nankB", "infkB", "0kB", "0.0MB", "1,5MB"),
        *("1.MB", ".5MB", "300kB300kB", "300\nkB", "1" * 30 + "kB", "5ms", "300kb", "300k"),
        "\N{FULLWIDTH DIGIT THREE}00kB",
    ],
)
def test_wrong_sizes_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_size(text)
    assert "--max-size" in refused.value.what
    assert refused.value.fix


@pytest.mark.parametrize("text", ["", "5", "5kB", "0ms", "-5ms", "5 m s", "5MS", "1e1s", "5:00"])
def test_wrong_times_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_seconds(text)


@pytest.mark.parametrize("amount", [0, -1, math.nan, math.inf, True, "0s", "soon", [1]])
def test_what_is_no_time_is_refused(amount: Any) -> None:
    with pytest.raises(UsageError, match="--budget"):
        seconds_of(amount, "--budget")


def test_example_is_of_the_size_that_the_option_has() -> None:
    with pytest.raises(UsageError) as limit:
        parse_seconds("0ms")
    with pytest.raises(UsageError) as budget:
        seconds_of("0s", "--budget")
    assert "5ms" in (limit.value.fix or "")
    assert "30min" in (budget.value.fix or "")
    assert "ms" not in (budget.value.fix or "")


def test_times_may_be_seconds() -> None:
    assert [seconds_of(given, "--budget") for given in (None, 3, 0.5, "2min")] == [
        *(None, 3.0, 0.5, 120.0)
    ]


def test_a_near_unit_is_offered() -> None:
    with pytest.raises(UsageError, match="did you mean 300kB"):
        parse_size("300kb")


@given(st.integers(1, 10**9), st.sampled_from(sorted(SIZES)), st.sampled_from(["", " ", "  "]))
def test_every_whole_size_is_read_as_it_is_written(count: int, unit: str, space: str) -> None:
    assert parse_size(f"{count}{space}{unit}") == count * SIZES[unit]


@given(st.decimals("0.001", "100000", places=3), st.sampled_from(sorted(TIMES)))
def test_every_time_is_read_as_it_is_written(count: object, unit: str) -> None:
    expected = float(str(count)) * float(TIMES[unit])
    assert parse_seconds(f"{count}{unit}") == pytest.approx(expected, rel=1e-9)


@given(st.text(max_size=12))
def test_no_text_breaks_the_parsers(text: str) -> None:
    for parse in (parse_size, parse_seconds):
        try:
            value = parse(text)
        except UsageError:
            continue
        assert value > 0
        assert math.isfinite(value)


@given(st.lists(st.floats(0.001, 0.999), min_size=1, max_size=5))
def test_shares_keep_their_order(values: list[float]) -> None:
    found = parse_shares([repr(v) for v in values], "--width", "0.5")
    assert found == tuple(dict.fromkeys(values))


@pytest.mark.parametrize("text", ["0", "1", "-0.5", "nan", "inf", "half", "", "0.5,0.75", "2"])
def test_wrong_shares_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--width"):
        parse_shares([text], "--width", "0.5,0.75")


@pytest.mark.parametrize("given", [0, -3, math.nan, math.inf, True, [1], "0kB", "0ms"])
def test_limits_below_anything_are_refused(given: Any) -> None:
    """A limit of nothing would be divided by, and one that is no number would be kept by all."""
    with pytest.raises(UsageError, match="--max-size"):
        bytes_of(given, "--max-size")
    with pytest.raises(UsageError, match="--max-latency"):
        milliseconds_of(given, "--max-latency")


def test_a_limit_beyond_all_real_numbers_is_refused() -> None:
    for limit in (bytes_of, milliseconds_of, seconds_of):
        with pytest.raises(UsageError, match="--max"):
            limit(10**400, "--max")


def test_limits_are_texts_or_figures() -> None:
    assert [bytes_of(given, "--max-size") for given in (None, 7, "1.5kB")] == [None, 7, 1500]
    told = [milliseconds_of(given, "--max-latency") for given in (None, 3, 0.5, "2us")]
    assert told == [None, 3.0, 0.5, 0.002]
