"""Within, over, can't tell: by the interval, and by whether the machine was quiet."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measured import PLAIN, process

from zoo.benchmark.compare.budgets import parse_budget
from zoo.benchmark.compare.judgement import exit_code, judge, reasons, worst
from zoo.results.measurements import Energy

NOISY = replace(PLAIN, quiet=False, noise=("the hypervisor took 50% of a core for others",))


def verdict(budget: str, measurement=PLAIN, size: int | None = 1000) -> str:
    return judge(parse_budget(budget), measurement, size).verdict


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        ("p90<=1.6ms", "within"),
        ("p90<=1.5ms", "can't tell"),  # inside 1.4 to 1.6
        ("p90<=1.4ms", "can't tell"),
        ("p90<=1.39ms", "over"),
        ("p50<=1.2ms", "within"),
        ("p50<=0.8ms", "over"),
        ("p99<=2.2ms", "within"),
        ("p99<=2.1ms", "can't tell"),
        ("load<=10ms", "within"),
        ("load<=9ms", "over"),
        ("first<=1ms", "over"),
        ("peak_memory<=60MB", "within"),
        ("peak_memory<=59.9MB", "over"),
        ("size<=1kB", "within"),
        ("size<=999B", "over"),
        ("energy<=1J", "can't tell"),
    ],
)
def test_the_interval_decides(budget: str, told: str) -> None:
    assert verdict(budget) == told


def test_a_disturbance_only_adds_time() -> None:
    assert verdict("p90<=1.6ms", NOISY) == "within"
    assert verdict("p90<=1.39ms", NOISY) == "can't tell"
    assert verdict("peak_memory<=59MB", NOISY) == "over", "memory is not time"
    assert verdict("size<=1B", NOISY) == "over"
    judged = judge(parse_budget("p90<=1ms"), NOISY, None)
    assert "the hypervisor took 50% of a core" in judged.reason


def test_what_was_not_measured_is_not_judged() -> None:
    few = replace(PLAIN, p99_ms=None, p99_low_ms=None, p99_high_ms=None, runs=64)
    assert "takes a hundred" in judge(parse_budget("p99<=1s"), few, None).reason
    older = replace(PLAIN, p99_low_ms=None, p99_high_ms=None)
    assert verdict("p99<=1s", older) == "can't tell"
    assert verdict("size<=1MB", size=None) == "can't tell"


def test_means_of_several_inferences_hide_the_slow_ones() -> None:
    coarse = replace(PLAIN, inferences_per_sample=26)
    for budget in ("p90<=1s", "p99<=1s", "p99<=1us"):
        judged = judge(parse_budget(budget), coarse, None)
        assert (judged.verdict, judged.value) == ("can't tell", None)
        assert "the mean of 26 inferences" in judged.reason
    assert verdict("p50<=1.2ms", coarse) == "within"


@pytest.mark.parametrize("clock", ["emulated", "estimated"])
def test_times_that_are_not_real_keep_and_exceed_nothing(clock) -> None:
    unreal = replace(PLAIN, clock=clock)
    for budget in ("p50<=9s", "p90<=1s", "p99<=1us", "load<=1s", "first<=1s"):
        judged = judge(parse_budget(budget), unreal, None)
        assert (judged.verdict, judged.value) == ("can't tell", None)
        assert clock in judged.reason
    assert verdict("size<=1MB", unreal) == "within", "a size is the same everywhere"


def test_load_and_first_have_the_range_of_the_processes() -> None:
    each = [process(), {**process(), "load_ms": 14.0}, {**process(), "load_ms": 9.0}]
    scattered = replace(PLAIN, environment={"processes": each})
    assert verdict("load<=14ms", scattered) == "within"
    assert verdict("load<=12ms", scattered) == "can't tell"
    assert verdict("load<=8ms", scattered) == "over"


def test_energy_is_that_of_the_largest_meter() -> None:
    package = Energy(meter="RAPL package-0", joules=9.0, mj_per_inference=9.0, watts=3.0)
    core = Energy(meter="RAPL core", joules=4.0, mj_per_inference=4.0, watts=1.5)
    metered = replace(PLAIN, energy=(package, core))
    assert verdict("energy<=9mJ", metered) == "within"
    assert verdict("energy<=8mJ", metered) == "over"
    assert verdict("energy<=8mJ", replace(metered, quiet=False)) == "can't tell"


def test_the_worst_decides_and_has_an_exit_code() -> None:
    good, bad, unclear = (
        judge(parse_budget(text), PLAIN, None) for text in ("p90<=2ms", "p90<=1ms", "p90<=1.5ms")
    )
    assert worst([good, unclear, bad]) == "over"
    assert worst([good, unclear]) == "can't tell"
    assert worst([]) == "within"
    assert exit_code([[good], []]) == 0
    assert exit_code([[good], [unclear]]) == 3
    assert exit_code([[unclear], [bad]]) == 1
    assert reasons([good], "host") == ""
    assert reasons([good, bad], "pi4").startswith("p90<=1ms on pi4: over: p90 is 1.5 ms (1.4 ms to")


@given(st.floats(1e-3, 1e6), st.floats(0, 0.5), st.floats(1e-3, 1e6), st.booleans())
def test_looser_limits_are_kept_by_more(
    p90: float, width: float, limit: float, quiet: bool
) -> None:
    m = replace(
        PLAIN, p90_ms=p90, p90_low_ms=p90 * (1 - width), p90_high_ms=p90 * (1 + width), quiet=quiet
    )
    order = ["over", "can't tell", "within"]
    tight, loose = verdict(f"p90<={limit:.9f}ms", m), verdict(f"p90<={2 * limit:.9f}ms", m)
    assert order.index(tight) <= order.index(loose)
    if not quiet:
        assert tight != "over"
