"""Half an hour at full load, in windows: what counts, what is replaced, and when it is steady."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from device_kinds import kind_of
from hypothesis import given
from hypothesis import strategies as st

from zoo.benchmark.candidate import Candidate, Stage
from zoo.benchmark.measure import measure_interleaved
from zoo.benchmark.process_result import Window
from zoo.benchmark.sustained import MOST_KEPT, run_sustained, summarized, windows_of
from zoo.benchmark.tiers import TIERS, Tier
from zoo.contracts import Condition
from zoo.execution.device import Device
from zoo.execution.protocol import BenchRun

SHORT = Tier(
    name="short",
    runs=10,
    seconds=10.0,
    processes=1,
    warmup_seconds=0.0,
    limit_seconds=60.0,
    window_seconds=1.0,
    first_seconds=2.0,
    steady_seconds=4.0,
)


def run(nanoseconds: int, count: int = 10, **changes: Any) -> BenchRun:
    quiet = BenchRun(
        samples=np.full(count, nanoseconds, np.int64),
        first_ns=9,
        warmup={},
        inputs={"source": "seeded"},
        floors_met=True,
        spin_before_ns=(100, 101),
        spin_after_ns=(100, 101),
        load_average=(1.0, 1.0),
        peak_memory_bytes=1,
        wall_seconds=1.0,
        cpu_seconds=1.0,
        involuntary_switches=1.0,
        steal_seconds=0.0,
        throttled_seconds=0.0,
    )
    return replace(quiet, **changes)


def long_run(bench: Callable[[], BenchRun]) -> tuple[Any, list[None]]:
    told: list[None] = []
    found = run_sustained(bench, SHORT, threads=1, cores=2, progress=lambda: told.append(None))
    return found, told


def test_inferences_are_counted_where_the_clock_is_too_coarse_for_one() -> None:
    repeats = iter([3, 5, *[4] * 8])
    found, _ = long_run(lambda: run(1000, count=10, repeats=next(repeats)))
    assert [window.runs for window in found.windows] == [30, 50, *[40] * 8]
    assert found.run.repeats == 5


def test_beginning_and_end_are_told_apart() -> None:
    times = iter([1000, 1000, 1100, 1300, 1500, 1800, 2000, 2000, 2000, 2000])
    found, told = long_run(lambda: run(next(times)))
    assert len(told) == len(found.windows) == windows_of(SHORT) == 10
    assert found.noise == ()
    sustained = summarized(found.windows, SHORT)
    assert sustained.first.p50_ms == pytest.approx(0.001)
    assert sustained.steady.p50_ms == pytest.approx(0.002)
    assert (sustained.first.windows, sustained.steady.windows) == (2, 4)
    assert (sustained.slowdown, sustained.flat) == (pytest.approx(2.0), True)
    assert [w["start_seconds"] for w in sustained.windows] == list(map(float, range(10)))


def test_a_device_that_still_gets_slower_is_not_steady() -> None:
    times = iter(range(1000, 2000, 100))
    found, _ = long_run(lambda: run(next(times)))
    assert not summarized(found.windows, SHORT).flat


def test_a_disturbed_window_is_replaced() -> None:
    number = iter(range(20))
    found, told = long_run(lambda: run(1000, steal_seconds=0.5 * (next(number) == 8)))
    assert len(found.windows) == 11
    assert len(told) == 10, "people were promised ten"
    assert found.noise == ()
    assert len(found.parts.processes) == 10
    sustained = summarized(found.windows, SHORT)
    assert sustained.steady.disturbed == 1
    assert sustained.windows[8]["noise"] == ["the hypervisor took 50% of a core for others"]


def test_too_many_disturbed_windows_spoil_the_run() -> None:
    number = iter(range(20))
    found, _ = long_run(lambda: run(1000, steal_seconds=0.5 * (next(number) > 4)))
    assert len(found.windows) == 11
    assert found.noise == (
        "5 of 10 windows were disturbed",
        "the hypervisor took 50% of a core for others",
    )


def test_nothing_quiet_at_all_is_still_a_record_and_noisy() -> None:
    found, _ = long_run(lambda: run(1000, steal_seconds=0.5, repeats=7))
    assert found.noise[0] == "10 of 10 windows were disturbed"
    assert len(found.run.samples) == 11
    assert summarized(found.windows, SHORT).kept_every == (10,) * 11


def test_heat_is_the_finding_not_a_disturbance() -> None:
    hot = {"spin_after_ns": (300, 301), "thermal_throttles": 9.0, "busy_mhz": (2000.0, 1000.0)}
    found, _ = long_run(lambda: run(1000, **hot))
    assert found.noise == ()
    assert found.run.thermal_throttles == 90.0


@given(st.integers(1, 5 * MOST_KEPT))
def test_kept_samples_are_evenly_spread(count: int) -> None:
    samples = np.arange(count, dtype=np.int64) + 1
    one = replace(SHORT, seconds=1.0)
    found = run_sustained(
        lambda: run(1, samples=samples), one, threads=1, cores=None, progress=lambda: None
    )
    (kept,), (window,) = found.parts.processes, found.windows
    assert len(kept) <= MOST_KEPT
    assert len(kept) == -(-count // window.every)
    assert kept[0] == 1
    assert set(np.diff(kept)) <= {window.every}
    assert window.runs == count, "all are counted, and all decide the window's median"
    assert window.p50_ns == samples[(count + 1) // 2 - 1]


@given(st.lists(st.tuples(st.integers(1, 10**6), st.booleans()), min_size=1, max_size=40))
def test_any_run_has_a_beginning_and_an_end(rows: list[tuple[int, bool]]) -> None:
    windows = [
        Window(
            start_seconds=float(place),
            seconds=1.0,
            runs=3,
            p50_ns=ns,
            p90_ns=ns,
            every=1,
            noise=("busy",) if noisy else (),
        )
        for place, (ns, noisy) in enumerate(rows)
    ]
    sustained = summarized(windows, SHORT)
    for phase in (sustained.first, sustained.steady):
        assert phase.p50_low_ms <= phase.p50_ms <= phase.p50_high_ms
        assert phase.windows >= 1
    assert len(sustained.windows) == len(rows)


def test_a_long_run_by_an_agent(
    scripted: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setitem(TIERS, "short", SHORT)
    changes = """
    whole, CALLS = bench, [0]
    def bench(request):
        CALLS[0] += 1
        slow = 1000 if CALLS[0] <= 3 else 2000
        # The clock's resolution is measured in each window, so that counts differ.
        repeats = 1 if CALLS[0] <= 3 else 2
        return whole(request, samples={"count": 2, "data": packed(slow, slow)}, repeats=repeats)
    """
    transport = scripted(changes)
    kind = kind_of("scripted", methods={"connect": lambda driver: transport})
    net = tmp_path / "a.net"
    net.write_bytes(b"weights")
    left = iter((3_000_000, 2_900_000))
    gauge = {"battery_mv": 3900, "charged_by": []}
    monkeypatch.setattr(
        transport, "condition", lambda: Condition(readings={**gauge, "battery_uah": next(left)})
    )
    stages: list[Stage] = []
    ((measurement, samples),) = measure_interleaved(  # type: ignore[misc]
        Device(name="scripted", kind=kind),
        [Candidate(path=net, runtime="fake")],
        tier="short",
        watch=stages.append,
    )
    assert len((tmp_path / "starts").read_text()) == 1, "one process: it must not cool down"
    assert measurement.p50_ms == pytest.approx(0.002), "the steady state is the headline"
    assert measurement.sustained.first.p50_ms == pytest.approx(0.001)
    assert measurement.interval == "bootstrap over the windows of the steady state"
    assert (measurement.runs, len(samples.processes)) == (3 * 2 + 7 * 4, 10)
    assert measurement.environment["processes"][0]["runs"] == measurement.runs
    (energy,) = measurement.energy
    assert (energy.meter, energy.joules) == ("battery gauge", pytest.approx(1404.0))
    assert energy.mj_per_inference == pytest.approx(1404e3 / measurement.runs)
    assert [s.done for s in stages if s.doing == "timing"][-1] == 10
