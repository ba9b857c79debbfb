from __future__ import annotations

import math
import re
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from report_views import accuracy

from zoo.contracts.task import Metric
from zoo.results import formatting as fmt

#: Estimate and both ends.
ENDS = r"([\d.]+) \(([\d.]+)–([\d.]+)\)"
FINITE = st.floats(min_value=-1e12, max_value=1e12, allow_nan=False)


def value_of(text: str) -> float:
    return float(text.replace(",", "").replace(fmt.MINUS, "-"))


@given(FINITE, st.integers(1, 6))
def test_a_number_keeps_its_significant_digits(value: float, digits: int) -> None:
    shown = value_of(fmt.number(value, digits))
    assert math.isclose(shown, value, rel_tol=0.5001 * 10.0 ** (1 - digits), abs_tol=0)


@given(st.floats(min_value=1e-4, max_value=1e12), st.integers(1, 6))
def test_a_number_is_never_shown_with_an_exponent_where_people_can_read_it(
    value: float, digits: int
) -> None:
    assert "e" not in fmt.number(value, digits)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0193, "0.0193"),
        (9.996, "10.0"),
        (127.4, "127"),
        (3888.2, "3,888"),
        (2.4e-7, "2.40e−7"),
        (-1.5, "−1.50"),
        (None, fmt.MISSING),
        (math.nan, "not a number"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
    ],
)
def test_numbers(value: float | None, text: str) -> None:
    assert fmt.number(value) == text


@given(st.floats(0, 1), st.integers(0, 3))
def test_a_share_reads_whole_only_when_it_is(value: float, decimals: int) -> None:
    shown = float(fmt.share(value, decimals))
    assert abs(shown - 100 * value) <= 10.0**-decimals
    assert (shown == 100) == (value == 1)
    assert (shown == 0) == (value == 0)


def test_a_share_just_below_one_is_not_rounded_up() -> None:
    assert fmt.share(0.99999) == "99.9"
    assert fmt.share(1.0) == "100"
    assert fmt.share(1e-9) == "0.1"
    assert fmt.share(None) == fmt.MISSING
    assert fmt.share(math.nan) == "not a number"


@given(st.integers(1, 20_000), st.data())
def test_the_short_interval_covers_the_record_s(count: int, data: st.DataObject) -> None:
    metric = accuracy(data.draw(st.integers(0, count)), count)
    slack = 10.0 ** -fmt.metric_decimals(count)
    shown, low, high = map(float, re.fullmatch(ENDS, fmt.metric_short(metric)).groups())
    assert low == pytest.approx(100 * metric.low, abs=slack)
    assert high == pytest.approx(100 * metric.high, abs=slack)
    assert 0 <= low <= shown <= high + slack <= 100 + slack
    assert abs(float(shown) - 100 * metric.value) <= slack


COUNTS = st.integers(1, 200_000)


@given(COUNTS, st.data())
def test_every_share_shown_is_that_of_one_count_alone(count: int, data: st.DataObject) -> None:
    """Neither rounding nor decimals make a share that no count of examples gives."""
    right = data.draw(st.integers(0, count))
    metric = accuracy(right, count)
    shown = [
        fmt.metric_value(metric).removesuffix(" %"),
        fmt.metric_short(metric).split(" ")[0],
        fmt.format_metric(metric).split("%")[0],
    ]
    assert {round(float(text) / 100 * count) for text in shown} == {right}
    assert fmt.share_of(right / count, count) == f"{right:,} of {count:,}"


def test_a_share_that_no_count_gives_is_of_no_count() -> None:
    assert fmt.share_of(0.129, 26) == "12.9 %"
    assert fmt.share_of(2 / 26, 26) == "2 of 26"


@given(st.integers(1, 30), st.floats(0, 1), st.floats(-1, 2), st.floats(-1, 2))
def test_no_interval_is_impossible_or_without_width(
    count: int, value: float, low: float, high: float
) -> None:
    """Whatever a task of others measures: a share's interval lies between 0 and 100."""
    # Beyond its own figure by less than the rounding of a sum, an end still holds it.
    assume(not 0 < max(low - value, value - high) < 1e-6)
    metric = Metric(name="accuracy", value=value, low=low, high=high, count=count)
    real = max(low, 0) < min(high, 1) and low <= value <= high
    texts = (fmt.metric_interval(metric), fmt.metric_short(metric), fmt.format_metric(metric))
    assert all((sign in text) == real for sign, text in zip(("to", " ", "("), texts, strict=True))
    for text in texts:
        figures = [float(figure) for figure in re.findall(r"[\d.]+", text.replace("95 %", ""))]
        assert all(0 <= figure <= 100.1 for figure in figures)


def test_intervals_that_are_none() -> None:
    alone = Metric(name="accuracy", value=1.0, low=1.0, high=1.0, count=12)
    assert fmt.metric_interval(alone) == fmt.MISSING
    assert (fmt.metric_short(alone), fmt.format_metric(alone)) == ("100", "100.00%")
    twelve = Metric(name="accuracy", value=1.0, low=0.7575, high=1.0, count=12)
    assert fmt.metric_short(twelve) == "100 (75.8–100)"
    beyond = Metric(name="accuracy", value=1.0, low=0.771, high=1.229, count=12)
    assert fmt.metric_short(beyond) == "100 (77.1–100)"
    assert fmt.format_metric(beyond) == "100.00% (77.10% – 100.00%, 95 %)"
    for low, high in ((2.0, 2.0), (None, 2.0), (2.0, math.inf), (3.0, 2.0)):
        assert fmt.interval_ends(low, high) is None
        assert fmt.time_interval(low, high, fmt.MILLISECONDS) == fmt.MISSING
    assert fmt.time_interval(1.0, 2.0, fmt.MILLISECONDS) == "1.00 to 2.00"


def test_metrics_that_are_not_shares_have_no_per_cent() -> None:
    metric = Metric(name="psnr", value=37.04, low=36.5, high=37.6, count=64)
    assert fmt.metric_value(metric) == "37.04"
    assert fmt.metric_interval(metric) == "36.50 to 37.60"
    assert fmt.metric_short(metric) == "37.04 ±0.56"
    assert fmt.named_value("psnr", 37.04) == "37.04"
    assert fmt.named_value("accuracy", 0.3125) == "31.25 %"
    assert fmt.named_value("accuracy", None) == fmt.MISSING
    assert fmt.metric_value(accuracy(351)) == "97.5 %"
    assert fmt.metric_value(accuracy(9751, 10_000)) == "97.51 %"
    assert {f(None) for f in (fmt.metric_value, fmt.metric_short, fmt.metric_interval)} == {
        fmt.MISSING
    }


@given(st.lists(st.one_of(st.none(), st.floats(1e-6, 1e6)), max_size=8))
def test_one_unit_serves_all_times_of_a_column(times: list[float | None]) -> None:
    unit = fmt.time_unit(times)
    for ms in times:
        if ms is not None:
            shown = value_of(unit.text(ms)) * unit.per
            assert math.isclose(shown, ms, rel_tol=0.00501)


def test_units() -> None:
    assert fmt.time_unit([0.019, 0.4]) is fmt.MICROSECONDS
    assert fmt.time_unit([0.019, 2.2]) is fmt.MICROSECONDS
    assert fmt.time_unit([0.019, 45.0]) is fmt.MILLISECONDS
    assert fmt.time_unit([0.5, 3.0]) is fmt.MILLISECONDS
    assert fmt.time_unit([1200.0, 4000.0]) is fmt.SECONDS
    assert fmt.time_unit([None, math.nan]) is fmt.MILLISECONDS
    assert fmt.size_unit([None]) is fmt.KILOBYTES
    assert fmt.size_unit([71_236, 250_412]).with_symbol(71_236) == "71.2 kB"
    assert fmt.size_unit([26_100_000, 102_400_000]).with_symbol(102_400_000) == "102 MB"
    assert fmt.MILLISECONDS.with_symbol(None) == fmt.MISSING


@given(st.floats(-100, 100))
def test_a_change_has_the_sign_of_what_was_gained(drop: float) -> None:
    shown = fmt.change(drop)
    assert abs(value_of(shown) + drop) <= 0.00501
    assert shown.startswith("+") == (round(-drop, 2) > 0)
    assert "-" not in shown


def test_changes() -> None:
    assert fmt.change(0.278) == "−0.28"
    assert fmt.change(-0.5) == "+0.50"
    assert fmt.change(0.001) == "0.00"
    assert fmt.change(None) == fmt.MISSING
    assert fmt.change(math.nan) == "not a number"
    assert (fmt.signed(1200), fmt.signed(-3), fmt.signed(0)) == ("+1,200", "−3", "0")


@given(st.floats(0, 1e7))
def test_a_duration_never_shows_a_full_next_unit(seconds: float) -> None:
    text = fmt.duration(seconds)
    assert text not in ("1000 ms", "60.0 s")
    assert "60 s" not in text
    assert not text.endswith(" 60 min")


def test_durations() -> None:
    assert fmt.duration(0.071) == "71 ms"
    assert fmt.duration(14.2) == "14.2 s"
    assert fmt.duration(185) == "3 min 05 s"
    assert fmt.duration(7800) == "2 h 10 min"
    assert fmt.duration(math.nan) == fmt.MISSING


@given(st.text(), st.one_of(st.none(), st.integers(1, 20)))
def test_foreign_text_becomes_one_harmless_line(text: str, limit: int | None) -> None:
    line = fmt.plain(text, limit)
    assert not {unicodedata.category(c) for c in line} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert line == " ".join(line.split())
    if limit is not None:
        assert len(line) <= max(limit, 2)
    assert fmt.plain(line, limit) == line
    line.encode("utf-8")


def test_foreign_text_loses_direction_marks_and_escape_codes() -> None:
    assert fmt.plain("a\x1b[2Jb\u202ec\nd\udcff") == "a [2Jbc d"
    assert fmt.printable("what\n  why\x00") == "what\n  why "
    assert fmt.plain("abcdef", 4) == "abc…"


def test_words() -> None:
    assert fmt.moment("2026-11-22T12:04:11+00:00") == "2026-11-22 12:04 UTC"
    assert fmt.moment("2026-11-22T14:04:11+02:00") == "2026-11-22 12:04 UTC"
    assert fmt.moment("yesterday\n") == "yesterday"
    assert fmt.count(1, "file") == "1 file"
    assert fmt.count(2000, "file") == "2,000 files"
    assert fmt.listed(["a"]) == "a"
    assert fmt.listed(["a", "b", "c"]) == "a, b and c"
    assert fmt.heading("mAP at 0.5") == "mAP at 0.5"
    assert fmt.heading("mean IoU") == "Mean IoU"
    assert fmt.heading("") == ""
    assert fmt.tie_units("29 µs, 3.5 × and 95 %; 3 steps") == (
        "29\N{NO-BREAK SPACE}µs, 3.5\N{NO-BREAK SPACE}× and 95\N{NO-BREAK SPACE}%; 3 steps"
    )
    assert fmt.ratio(None) == fmt.MISSING


@pytest.mark.parametrize(
    ("value", "spec", "text"),
    [(1.25, ".2f", "+1.25"), (-13.6, ".1f", "−13.6"), (-0.001, ".2f", "+0.00"), (0, ".1f", "+0.0")],
)
def test_signed_figures_have_the_minus_of_the_pages(value, spec, text):
    assert fmt.plus_minus(value, spec) == text
    assert fmt.plus_minus_range(value, 2, spec).startswith(f"{text} to +2")
