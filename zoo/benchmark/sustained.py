"""A long run at full load, in windows: each is looked at by itself, so that nothing is averaged."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.benchmark.noise import disturbances
from zoo.benchmark.process_result import Window, counting
from zoo.benchmark.statistics import median_of_processes, percentile
from zoo.benchmark.tiers import Tier
from zoo.execution.protocol import BenchRun
from zoo.results.measurements import Phase, Samples, Sustained

#: Samples of one window that are kept, evenly spread: 30 minutes of a small network are 10^8.
MOST_KEPT = 4096
#: A run may become longer by this share, to replace windows that were disturbed.
MOST_EXTRA = 0.1
#: How far the medians of the end's two halves may be apart in a steady state.
FLAT = 0.02
_MS = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class LongRun:
    """What a long run in one process found out.

    Attributes:
        run: All windows that count, as if they were one.
        parts: The kept samples of each window that counts.
        noise: Why the run as a whole cannot be trusted; empty when it can.
    """

    run: BenchRun
    windows: tuple[Window, ...]
    parts: Samples
    noise: tuple[str, ...]


def windows_of(tier: Tier) -> int:
    """How many windows a long run has at least."""
    return max(1, math.ceil(tier.seconds / tier.window_seconds))


def run_sustained(
    bench: Callable[[], BenchRun],
    tier: Tier,
    *,
    threads: int,
    cores: int | None,
    progress: Callable[[], None],
) -> LongRun:
    """Measures window after window without a pause.

    A disturbed window does not count; the run goes on for as much longer, within limits. What
    heat does to the processor is no disturbance here: it is what is looked for.
    """
    wanted = windows_of(tier)
    spare = math.ceil(wanted * MOST_EXTRA)
    runs: list[BenchRun] = []
    windows: list[Window] = []
    parts: list[NDArray[np.int64]] = []
    elapsed = 0.0
    while len(parts) < wanted and len(windows) < wanted + spare:
        run = bench()
        # The first inference and the warm-up are those of the beginning.
        noise = disturbances(run, threads=threads, cores=cores, heat_counts=False)
        every = max(1, math.ceil(len(run.samples) / MOST_KEPT))
        windows.append(
            Window(
                start_seconds=elapsed,
                seconds=run.wall_seconds,
                runs=len(run.samples) * run.repeats,
                p50_ns=percentile(run.samples, 0.5).value,
                p90_ns=percentile(run.samples, 0.9).value,
                every=every,
                noise=noise,
            )
        )
        elapsed += run.wall_seconds
        runs.append(replace(run, samples=run.samples[:0]))
        if not noise:
            parts.append(run.samples[::every])
        if len(windows) <= wanted:
            progress()
    missing = wanted - len(parts)
    reasons = dict.fromkeys(reason for window in windows for reason in window.noise)
    few = tuple(reasons)[:3] if missing else ()
    noise = (f"{missing} of {wanted} windows were disturbed", *few) if missing else ()
    if not parts:  # Nothing is quiet: what there is, is shown, and marked.
        parts = [np.asarray([int(window.p50_ns)], np.int64) for window in windows]
        windows = [
            replace(window, every=window.runs // run.repeats)
            for window, run in zip(windows, runs, strict=True)
        ]
    return LongRun(
        run=_merged(runs, parts), windows=tuple(windows), parts=Samples(tuple(parts)), noise=noise
    )


def _merged(runs: Sequence[BenchRun], parts: Sequence[NDArray[np.int64]]) -> BenchRun:
    """Windows as one run: counters add up, the ends are those of the first and the last."""
    first, last = runs[0], runs[-1]
    sums: dict[str, Any] = {
        name: _total([getattr(run, name) for run in runs])
        for name in (
            *("wall_seconds", "cpu_seconds", "involuntary_switches", "steal_seconds"),
            *("throttled_seconds", "thermal_throttles"),
        )
    }
    return replace(
        first,
        samples=np.concatenate(parts),
        floors_met=all(run.floors_met for run in runs),
        spin_after_ns=last.spin_after_ns,
        load_average=(*first.load_average[:1], *last.load_average[-1:]),
        peak_memory_bytes=max(run.peak_memory_bytes for run in runs),
        busy_mhz=(*first.busy_mhz[:1], *last.busy_mhz[-1:]),
        energy=tuple(row for run in runs for row in run.energy),
        repeats=max(run.repeats for run in runs),
        clock_gap_seconds=max((run.clock_gap_seconds for run in runs), key=abs),
        **sums,
    )


def _total(counted: Sequence[float | None]) -> float | None:
    told = [value for value in counted if value is not None]
    return sum(told) if len(told) == len(counted) else None


def summarized(windows: Sequence[Window], tier: Tier) -> Sustained:
    """Beginning and end of a long run, apart.

    Args:
        windows: All of them, in order.
        tier: Says how much of the run is its beginning, and how much its end.
    """
    total = windows[-1].start_seconds + windows[-1].seconds
    first = [w for w in windows if w.start_seconds < tier.first_seconds] or [windows[0]]
    # Of a run that is shorter than both, the end begins where the beginning ends.
    start = max(total - tier.steady_seconds, first[-1].start_seconds + first[-1].seconds)
    steady = [w for w in windows if w.start_seconds >= start - 1e-6] or [windows[-1]]
    middle = len(steady) // 2
    halves = [counting(part) for part in (steady[:middle], steady[middle:]) if part]
    medians = [median(w.p50_ns for w in half) for half in halves]
    return Sustained(
        first=_phase(first),
        steady=_phase(steady),
        flat=max(medians) <= (1.0 + FLAT) * min(medians),
        windows=tuple(
            {
                "start_seconds": round(w.start_seconds, 3),
                "p50_ms": w.p50_ns * _MS,
                "p90_ms": w.p90_ns * _MS,
                "noise": list(w.noise),
            }
            for w in windows
        ),
        kept_every=tuple(w.every for w in counting(windows)),
    )


def _phase(windows: Sequence[Window]) -> Phase:
    counted = counting(windows)
    p50 = median_of_processes([w.p50_ns for w in counted])
    return Phase(
        seconds=sum(w.seconds for w in counted),
        runs=sum(w.runs for w in counted),
        p50_ms=p50.value * _MS,
        p50_low_ms=p50.low * _MS,
        p50_high_ms=p50.high * _MS,
        p90_ms=median(w.p90_ns for w in counted) * _MS,
        windows=len(counted),
        disturbed=sum(bool(w.noise) for w in windows),
    )
