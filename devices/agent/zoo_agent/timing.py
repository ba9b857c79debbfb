"""Latency of a loaded file: warm-up, samples of single invocations, and how quiet it was."""

from __future__ import annotations

import base64
import gc
import os
import statistics
import zlib
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .arrays import decode
from .common import AgentError, Json, clock
from .energy import Meter, energy_meters
from .machine import busy_mhz, counters, peak_memory, spin
from .running import fill, prepare, seeded_inputs

if TYPE_CHECKING:
    from .runtimes.base import Model

#: Power sensors are read at most so often, between inferences.
POWER_EVERY_NS = 100_000_000
#: Clocks that differ by more, in seconds and as a share of the time, did not tick alike.
CLOCK_GAP, CLOCK_SHARE = 0.25, 0.02


def warm_up(model: Model, limit: float) -> Json:
    """Runs until the slope over five windows is flat, at most `limit` seconds."""
    reset, invoke = model.reset, model.invoke
    began, runs, stable = clock(), 0, False
    windows: list[float] = []
    while not stable and clock() - began < limit * 1e9:
        window: list[int] = []
        opened = clock()
        # Who loses the processor right here for longer than a window still runs once in it.
        while not window or clock() - opened < 2_000_000:
            reset()
            started = clock()
            invoke()
            window.append(clock() - started)
        runs += len(window)
        windows.append(statistics.median(window))
        if len(windows) >= 5:
            last = windows[-5:]
            slope = sum((place - 2) * value for place, value in enumerate(last)) / 10
            stable = abs(slope) * 4 < 0.02 * statistics.mean(last)
    return {"runs": runs, "seconds": (clock() - began) / 1e9, "stable": stable}


def sample(
    model: Model, min_runs: int, min_seconds: float, max_seconds: float, meters: Sequence[Meter]
) -> array[int]:
    """Durations of single invocations, each of a fresh sequence; the collector sleeps."""
    powers = [meter for meter in meters if not meter.counts]
    reset, invoke = model.reset, model.invoke
    durations = array("q")
    keep, now = durations.append, clock
    began = now()
    floor, limit = began + int(min_seconds * 1e9), began + int(max_seconds * 1e9)
    look = began + POWER_EVERY_NS if powers else limit
    gc.disable()
    try:
        while True:
            reset()
            started = now()
            invoke()
            ended = now()
            keep(ended - started)
            if ended >= look and powers:
                for meter in powers:
                    meter.look()
                look = now() + POWER_EVERY_NS
            if ended >= limit or (ended >= floor and len(durations) >= min_runs):
                return durations
    finally:
        gc.enable()


def bench(model: Model, request: Json) -> Json:
    """First run, warm-up and raw samples of single invocations, and how quiet it was."""
    if request.get("inputs") is not None:
        fill(model, prepare(model, [decode(packed) for packed in request["inputs"]]), 0)
        used: Json = {"source": "supplied"}
    else:
        seed, (low, high) = int(request.get("seed", 0)), request.get("range") or (0.0, 1.0)
        limits = request.get("limits") or []
        model.write(seeded_inputs(model, seed, low, high, limits))
        used = {"source": "seeded", "seed": seed, "range": [low, high]}
        used.update({"limits": limits} if any(limits) else {})
    model.reset()
    started = clock()
    model.invoke()
    first_ns = clock() - started
    warm = warm_up(model, float(request.get("warmup_seconds", 1.0)))
    gc.collect()  # here, where the time of sampling does not count it
    # Read before the samples pile up, which belong to the agent and not to the file.
    peak = peak_memory()
    load_average, spin_before, mhz, before = os.getloadavg(), spin(), busy_mhz(), counters()
    min_runs, min_seconds = int(request["min_runs"]), float(request["min_seconds"])
    max_seconds = float(request.get("max_seconds", max(60.0, 10 * min_seconds)))
    meters = energy_meters()
    for meter in meters:
        meter.look()
    durations = sample(model, min_runs, min_seconds, max_seconds, meters)
    for meter in meters:
        meter.look()
    after, mhz, spin_after = counters(), mhz + busy_mhz(), spin()
    elapsed = {name: after[name] - before[name] for name in after}
    check_clock(durations, elapsed["wall_seconds"])
    energy = [meter.used(elapsed["wall_seconds"], len(durations)) for meter in meters]
    raw = np.frombuffer(durations, np.int64).astype("<i8").tobytes()
    return {
        "samples": {"count": len(durations), "data": base64.b64encode(zlib.compress(raw)).decode()},
        "first_ns": first_ns,
        "warmup": warm,
        "inputs": used,
        "floors_met": len(durations) >= min_runs and elapsed["wall_seconds"] >= min_seconds,
        "spin_before_ns": spin_before,
        "spin_after_ns": spin_after,
        "load_average": [load_average[0], os.getloadavg()[0]],
        "peak_memory_bytes": peak,
        "energy": [told for told in energy if told is not None],
        "clock_gap_seconds": clock_gap(elapsed),
        "busy_mhz": mhz,
        **elapsed,
    }


def check_clock(durations: array[int], wall: float) -> None:
    """Refuses samples that no inference can have taken."""
    least, total = min(durations), sum(durations) * 1e-9
    if least < 0:
        raise AgentError("ClockFault", f"the clock went back: an inference took {least} ns")
    if least == 0:
        still = sum(1 for duration in durations if duration == 0)
        share = f"{still} of {len(durations)} inferences took no time at all"
        raise AgentError("ClockFault", f"the clock is too coarse: {share}")
    if total > wall * 1.01 + 1e-3:
        raise AgentError("ClockFault", f"{total:.3g} s of samples in {wall:.3g} s of sampling")


def clock_gap(elapsed: dict[str, float]) -> float:
    """Seconds by which another clock differs from that of the samples; 0 when it is like it."""
    wall = elapsed["wall_seconds"]
    gaps = [elapsed[name] - wall for name in ("calendar_seconds", "awake_or_not_seconds")]
    worst = max(gaps, key=abs)
    return worst if abs(worst) > max(CLOCK_GAP, CLOCK_SHARE * wall) else 0.0
