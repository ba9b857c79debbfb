"""Limits, the Pareto front, and the choice among points."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from zoo.pipeline.search.points import (
    SearchLimits,
    SearchPoint,
    dominates,
    keeps_limits,
    missed_limits,
    nearest_point,
    pareto_front,
    quickest_point,
)
from zoo.pipeline.search.search import Search, SearchOptions
from zoo.registry import PluginSettings, load_registry


def point(name: str, size: int, ms: float | None, drop: float | None, **given: Any) -> SearchPoint:
    values = {
        "stage": "precisions",
        "network": "net",
        "format": "tflite",
        "precision": "int8",
        "verdict": "passed",
        "p50_low_ms": ms,
        "p50_high_ms": ms,
        "download_bytes": size,
        **given,
    }
    return SearchPoint(name=name, bytes=size, p50_ms=ms, drop=drop, **values)


SMALL = point("small", 100, 3.0, 0.4)
QUICK = point("quick", 300, 1.0, 0.2)
GOOD = point("good", 900, 5.0, 0.0)
BEATEN = point("beaten", 400, 1.5, 0.3)
POINTS = [SMALL, QUICK, GOOD, BEATEN]


def test_the_front_holds_what_no_other_beats_the_quickest_first() -> None:
    assert [p.name for p in pareto_front(POINTS)] == ["quick", "small", "good"]


def test_a_rejected_or_untimed_file_is_never_on_the_front() -> None:
    rejected = point("rejected", 1, 0.1, 0.0, verdict="rejected")
    untimed = point("untimed", 1, None, 0.0)
    assert pareto_front([*POINTS, rejected, untimed]) == pareto_front(POINTS)
    assert quickest_point([rejected, untimed], SearchLimits()) is None


def test_the_download_counts_where_it_is_asked_about() -> None:
    thin = point("thin", 300, 1.2, 0.2, download_bytes=50)
    assert thin not in pareto_front([QUICK, thin])
    assert thin in pareto_front([QUICK, thin], download=True)


def test_of_the_points_within_all_limits_the_quickest_is_taken() -> None:
    assert quickest_point(POINTS, SearchLimits()) == QUICK
    assert quickest_point(POINTS, SearchLimits(max_bytes=200)) == SMALL
    assert quickest_point(POINTS, SearchLimits(max_drop=0.1)) == GOOD
    assert quickest_point(POINTS, SearchLimits(max_bytes=200, max_drop=0.1)) is None


def test_where_latencies_cannot_be_told_apart_the_smallest_is_taken() -> None:
    near = point("near", 150, 1.05, 0.3, p50_low_ms=0.95, p50_high_ms=1.2)
    assert quickest_point([QUICK, near], SearchLimits()) == near
    apart = point("apart", 150, 1.05, 0.3, p50_low_ms=1.01, p50_high_ms=1.2)
    assert quickest_point([QUICK, apart], SearchLimits()) == QUICK


def test_each_stage_takes_the_files_that_it_may_mend() -> None:
    """Layers are kept from weights of 4 bits, too; no method of calibration changes them."""
    bad = [
        point(precision, 100, 1.0, 5.0, precision=precision)
        for precision in ("float16", "dynamic-int8", "int8", "int16x8", "int4-weights")
    ]
    search = Search(
        bench=SimpleNamespace(registry=load_registry(PluginSettings(installed=False))),  # type: ignore[arg-type]
        network=SimpleNamespace(name="net"),  # type: ignore[arg-type]
        checkpoint=None,  # type: ignore[arg-type]
        limits=SearchLimits(max_drop=1.0),
        wishes=SearchOptions(formats=("tflite",)),
        points=bad,
    )
    assert [p.name for p in search._lossy("calibration")] == ["int8", "int16x8"]
    assert [p.name for p in search._lossy("mixed precision")] == ["int8", "int4-weights"]


def test_a_limit_is_kept_at_the_limit_itself() -> None:
    assert keeps_limits(
        SMALL, SearchLimits(max_bytes=100, max_ms=3.0, max_drop=0.4, max_download=100)
    )
    assert not keeps_limits(SMALL, SearchLimits(max_bytes=99))
    assert not keeps_limits(SMALL, SearchLimits(max_download=99))


def test_what_was_not_measured_keeps_no_limit() -> None:
    (miss,) = missed_limits(point("untimed", 1, None, 0.0), SearchLimits(max_ms=5.0, max_bytes=10))
    assert miss.what == "latency"
    assert miss.value is None


def test_misses_say_by_how_much_the_worst_first() -> None:
    found = missed_limits(GOOD, SearchLimits(max_bytes=300, max_ms=4.0, max_drop=0.5))
    assert [m.what for m in found] == ["size", "latency"]
    assert found[0].share == 2.0
    assert found[1].share == 0.25


def test_the_nearest_point_misses_least_and_may_be_shipped() -> None:
    limits = SearchLimits(max_bytes=50)
    assert nearest_point(POINTS, limits) == SMALL
    rejected = point("rejected", 51, 1.0, 2.0, verdict="rejected")
    assert nearest_point([*POINTS, rejected], limits) == SMALL
    assert nearest_point([rejected], limits) == rejected
    assert nearest_point([], limits) is None


numbers = st.integers(1, 5)


@given(st.lists(st.tuples(numbers, numbers, numbers), max_size=12))
def test_the_front_is_what_it_is_called(figures: list[tuple[int, int, int]]) -> None:
    points = [point(str(i), b, float(t), float(d)) for i, (b, t, d) in enumerate(figures)]
    kept = pareto_front(points)
    for one in points:
        beaten = any(dominates(other, one, download=False) for other in points)
        assert (one in kept) != beaten
    assert not points or kept


@given(st.lists(st.tuples(numbers, numbers, numbers), max_size=12), numbers, numbers, numbers)
def test_the_choice_keeps_every_limit_or_none_does(
    figures: list[tuple[int, int, int]], size: int, ms: int, drop: int
) -> None:
    points = [point(str(i), b, float(t), float(d)) for i, (b, t, d) in enumerate(figures)]
    limits = SearchLimits(max_bytes=size, max_ms=float(ms), max_drop=float(drop))
    chosen = quickest_point(points, limits)
    within = [p for p in points if keeps_limits(p, limits)]
    assert (chosen in within) if within else chosen is None
    if chosen is not None:
        assert chosen.p50_ms == min(p.p50_ms or 0.0 for p in within)
