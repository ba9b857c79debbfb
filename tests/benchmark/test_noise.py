"""What counts as a disturbance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from zoo.benchmark.noise import disturbances, fastest_spin
from zoo.execution.protocol import BenchRun

QUIET = BenchRun(
    samples=np.array([1]),
    first_ns=1,
    warmup={},
    inputs={},
    floors_met=True,
    spin_before_ns=(1000, 1010, 1005),
    spin_after_ns=(1002, 1011, 1004),
    load_average=(1.0, 1.0),
    peak_memory_bytes=1,
    wall_seconds=2.0,
    cpu_seconds=1.99,
    involuntary_switches=20.0,
    steal_seconds=0.0,
    throttled_seconds=0.0,
)


def test_a_quiet_run() -> None:
    assert disturbances(QUIET, threads=1) == ()
    assert disturbances(QUIET, threads=1, baseline_ns=990) == ()
    assert fastest_spin(QUIET) == 1000


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"spin_after_ns": (1200, 1210, 1150)}, "changed by 19% while measuring"),
        ({"spin_before_ns": (1200, 1210, 1150)}, "changed by 20% while measuring"),
        (
            {"spin_before_ns": (1000, 1300, 1310), "spin_after_ns": (1290, 1300, 1310)},
            "took 30% longer than it can",
        ),
        ({"cpu_seconds": 1.7}, "waited for a processor 15% of the time"),
        ({"steal_seconds": 0.1}, "took 5% of a core"),
        ({"involuntary_switches": 3000.0}, "1500 times per second"),
        ({"throttled_seconds": 0.25}, "held the agent back for 0.25 s"),
        ({"busy_mhz": (1800.0, 1500.0)}, "the clock fell from 1800 to 1500 MHz"),
        ({"thermal_throttles": 2.0}, "heat held the processor back 2 times"),
    ],
)
def test_each_disturbance_has_its_words(changes: dict[str, object], reason: str) -> None:
    reasons = disturbances(replace(QUIET, **changes), threads=1)  # type: ignore[arg-type]
    assert len(reasons) == 1
    assert reason in reasons[0]


def test_a_runtime_that_hands_work_to_threads_of_its_own() -> None:
    switching = replace(QUIET, cpu_seconds=1.7, involuntary_switches=9000.0)
    assert len(disturbances(switching, threads=1)) == 2
    own = replace(switching, own_threads=True)
    assert disturbances(own, threads=1, cores=2) == ()
    loaded = replace(own, load_average=(2.0, 2.6))
    assert disturbances(loaded, threads=1, cores=2) == ("the load was 2.6 on 2 cores",)
    slower = replace(own, steal_seconds=0.1)
    assert "took 5% of a core" in disturbances(slower, threads=1)[0]


def test_a_machine_that_is_slow_throughout_needs_a_baseline() -> None:
    slow = replace(QUIET, spin_before_ns=(1500, 1510, 1520), spin_after_ns=(1500, 1510, 1520))
    assert disturbances(slow, threads=1) == ()
    assert "took 51% longer" in disturbances(slow, threads=1, baseline_ns=1000)[0]


def test_several_threads_may_wait_for_each_other() -> None:
    assert disturbances(replace(QUIET, cpu_seconds=1.0), threads=2) == ()


def test_one_slow_piece_is_no_disturbance() -> None:
    hiccup = replace(QUIET, spin_after_ns=(1002, 9000, 1004))
    assert disturbances(hiccup, threads=1) == ()


def test_waiting_for_an_accelerator_is_no_disturbance() -> None:
    waiting = replace(QUIET, cpu_seconds=0.1, involuntary_switches=5000.0)
    assert len(disturbances(waiting, threads=1)) == 2
    assert disturbances(replace(waiting, accelerated=True), threads=1) == ()


@pytest.mark.parametrize(
    ("gap", "words"), [(3600.0, "slept, or its clock was set forward"), (-2.5, "set back by 2.5")]
)
def test_clocks_that_disagree(gap: float, words: str) -> None:
    (reason,) = disturbances(replace(QUIET, clock_gap_seconds=gap), threads=1)
    assert words in reason


def test_load_tells_where_waiting_cannot() -> None:
    loaded = replace(QUIET, load_average=(2.1, 5.0))
    assert disturbances(loaded, threads=1, cores=4) == ()
    assert disturbances(loaded, threads=2, cores=8) == ()
    assert disturbances(loaded, threads=2, cores=4) == ("the load was 5.0 on 4 cores",)
    assert disturbances(loaded, threads=5, cores=4) == (), "that is our own"


def test_of_a_long_run_heat_is_no_disturbance_but_neighbours_are() -> None:
    hot = replace(QUIET, spin_after_ns=(2000, 2001), thermal_throttles=3.0, steal_seconds=0.2)
    assert len(disturbances(hot, threads=1)) == 4
    assert disturbances(hot, threads=1, heat_counts=False) == (
        "the hypervisor took 10% of a core for others",
    )


def test_a_clock_that_rises_or_is_not_told_is_none() -> None:
    for told in ((), (1800.0,), (1800.0, 1795.0), (1500.0, 1800.0)):
        assert disturbances(replace(QUIET, busy_mhz=told), threads=1) == ()
