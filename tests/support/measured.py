"""Measurements as the agent would have taken them, with medians that a test chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from zoo.benchmark.candidate import Candidate
from zoo.benchmark.compare.comparison import Side
from zoo.benchmark.measure import measure_interleaved
from zoo.common.errors import ZooError
from zoo.execution.device import Device
from zoo.results.measurements import Measurement, Samples

PLAIN = Measurement(
    file="net.tflite",
    sha256="0" * 64,
    device="host",
    device_fingerprint="f" * 16,
    runtime="litert",
    runtime_version="2.3.0",
    api="invoke",
    threads=1,
    delegate="XNNPACK",
    placement={"name": "XNNPACK"},
    tier="full",
    processes=5,
    inputs={"source": "seeded"},
    load_ms=10.0,
    first_ms=2.0,
    p50_ms=1.0,
    p50_low_ms=0.9,
    p50_high_ms=1.1,
    p90_ms=1.5,
    p90_low_ms=1.4,
    p90_high_ms=1.6,
    p99_ms=2.0,
    p99_low_ms=1.9,
    p99_high_ms=2.2,
    interval="bootstrap over processes",
    runs=1000,
    seconds=60.0,
    floors_met=True,
    peak_memory_mb=60.0,
    memory_before_mb=50.0,
    quiet=True,
    noise=(),
    environment={"python": "3.11.9"},
    created="2026-11-22T20:00:00+00:00",
)


def process(noise: Sequence[str] = (), spin: int = 1000, **condition: Any) -> dict[str, Any]:
    """What the record tells of one process."""
    return {
        "noise": list(noise),
        "load_ms": 10.0,
        "first_ms": 2.0,
        "spin_before_ns": spin,
        "spin_after_ns": spin,
        "condition": [condition, condition],
    }


def side(
    medians: Sequence[float],
    *,
    noisy: Sequence[int] = (),
    spin: int = 1000,
    origin: str = "bench",
    **changes: Any,
) -> Side:
    """One side of a comparison.

    Args:
        medians: Of the processes, in microseconds.
        noisy: Numbers of the processes that something disturbed.
        spin: Time of the fixed piece of work.
        origin: What recorded it.
        **changes: Of the measurement.
    """
    reason = ("the hypervisor took 50% of a core for others",)
    processes = [process(reason if n in noisy else (), spin) for n in range(len(medians))]
    measurement = replace(
        PLAIN,
        environment={**PLAIN.environment, "processes": processes},
        quiet=not noisy,
        noise=reason if noisy else (),
        processes=len(medians),
        p50_ms=float(np.median(medians)) / 1000.0,
    )
    samples = Samples(tuple(np.array([round(1000 * m)] * 3, np.int64) for m in medians))
    return Side(measurement=replace(measurement, **changes), samples=samples, origin=origin)


def measure(
    device: Device,
    path: Path,
    *,
    tier: str,
    timeout: float = 120.0,
    progress: Any = None,
    children: Any = None,
    **how: Any,
) -> tuple[Measurement, Samples]:
    """Times one file on one device, as a candidate alone."""
    (result,) = measure_interleaved(
        device,
        [Candidate(path=path, **how)],
        tier=tier,
        timeout=timeout,
        progress=progress,
        children=children,
    )
    if isinstance(result, ZooError):
        raise result
    return result
