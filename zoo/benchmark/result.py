"""From what the processes found out to the record of one measurement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

from zoo.benchmark.process_result import ProcessResult
from zoo.benchmark.profile import energy_of
from zoo.benchmark.statistics import (
    QuantileEstimate,
    early_stopping,
    median_of_processes,
    percentile,
)
from zoo.benchmark.sustained import summarized
from zoo.benchmark.tiers import Tier
from zoo.execution.device import Device
from zoo.results.measurements import Measurement, OutputCheck, Profile, Samples, Sustained
from zoo.results.records import Evaluation

_MS = 1e-6
_MB = 1e-6
#: Fewest samples that have a 99th percentile.
_LEAST_FOR_P99 = 100


def measurement_of(
    device: Device,
    tier: Tier,
    processes: Sequence[ProcessResult],
    *,
    file: str,
    reference: bool,
    sha256: str,
    placement: dict[str, Any],
    answers: OutputCheck | None,
    accuracy: Evaluation | None,
    profile: Profile | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
) -> tuple[Measurement, Samples]:
    """One record, and every kept sample.

    Args:
        device: Where they ran.
        tier: How carefully it was measured.
        processes: In the order they ran.
        file: Name of the file.
        reference: Whether it is the network before its export, and no exported file.
        sha256: Of its bytes.
        placement: What really executed the operations.
        answers: How they compare with the host's.
        accuracy: On the device, if it was asked for.
        profile: What each operator takes, if it was asked for.
        shapes: Of the inputs, where the file leaves sizes open.
    """
    if processes[0].run.summary is not None:
        return _tool_measurement(device, tier, processes, file, sha256), Samples(())
    samples = Samples(tuple(part for p in processes for part in p.samples.processes))
    together = np.concatenate(samples.processes)
    sustained = summarized(processes[0].windows, tier) if processes[0].windows else None
    p50, p90, interval = _percentiles(samples, sustained)
    p99 = percentile(together, 0.99) if len(together) >= _LEAST_FOR_P99 else None
    stopping = early_stopping(together)
    first = processes[0]
    noise = tuple(dict.fromkeys(reason for p in processes for reason in p.noise))
    measurement = Measurement(
        file=file,
        reference=reference,
        sha256=sha256,
        device=device.name,
        device_fingerprint=str(first.about.get("fingerprint")),
        runtime=first.loaded.runtime,
        runtime_version=first.loaded.runtime_version,
        api=first.loaded.api,
        threads=first.loaded.threads,
        delegate=str(placement.get("name")),
        placement=placement,
        tier=tier.name,
        processes=len(processes),
        inputs=first.run.inputs,
        load_ms=median(p.loaded.load_ns for p in processes) * _MS,
        first_ms=median(p.run.first_ns for p in processes) * _MS,
        p50_ms=p50.value * _MS,
        p50_low_ms=p50.low * _MS,
        p50_high_ms=p50.high * _MS,
        p90_ms=p90.value * _MS,
        p90_low_ms=p90.low * _MS,
        p90_high_ms=p90.high * _MS,
        p99_ms=None if p99 is None else p99.value * _MS,
        p99_low_ms=None if p99 is None else p99.low * _MS,
        p99_high_ms=None if p99 is None else p99.high * _MS,
        p90_stopping_ms=None if stopping is None else stopping * _MS,
        interval=interval,
        runs=sum(p.inferences for p in processes),
        seconds=sum(p.run.wall_seconds for p in processes),
        floors_met=all(p.run.floors_met for p in processes),
        peak_memory_mb=max(p.run.peak_memory_bytes for p in processes) * _MB,
        memory_before_mb=median(p.loaded.memory_before_bytes for p in processes) * _MB,
        quiet=not noise,
        noise=noise,
        environment={
            **first.about,
            "device": {"kind": device.kind.name, "address": device.address},
            "processes": [_counters(p) for p in processes],
        },
        created=max(p.created for p in processes),
        clock=device.clock,
        answers=answers,
        sustained=sustained,
        accuracy=accuracy,
        batch=first.loaded.batch,
        examples_per_second=first.loaded.batch * len(together) / (float(together.sum()) * 1e-9),
        energy=energy_of(row for p in processes for row in p.run.energy),
        profile=profile,
        shapes=dict(shapes or {}),
        inferences_per_sample=max(p.run.repeats for p in processes),
        dispatch_ms=median(told) * _MS if (told := _dispatches(processes)) else None,
    )
    return measurement, samples


def _tool_measurement(
    device: Device, tier: Tier, processes: Sequence[ProcessResult], file: str, sha256: str
) -> Measurement:
    """Medians over the processes of a vendor's tool; None for what one of them did not tell."""
    summaries = tuple(p.run.summary for p in processes if p.run.summary is not None)
    first, told = processes[0], summaries[0]
    noise = tuple(dict.fromkeys(reason for p in processes for reason in p.noise))
    peaks = [s.peak_memory_mb for s in summaries if s.peak_memory_mb is not None]
    placement = {"delegated": told.delegated, "operators": told.operations}
    return Measurement(
        file=file,
        sha256=sha256,
        device=device.name,
        device_fingerprint="",
        runtime=first.loaded.runtime,
        runtime_version=first.loaded.runtime_version,
        api=first.loaded.api,
        threads=first.loaded.threads,
        delegate=told.delegate or "not told",
        placement={**placement, "partitions": told.partitions},
        tier=tier.name,
        processes=len(processes),
        inputs={"source": first.loaded.runtime},
        load_ms=_median([s.init_ms for s in summaries]),
        first_ms=_median([s.first_ms for s in summaries]),
        p50_ms=_median([s.median_ms for s in summaries]),
        interval="none: single times are not kept",
        runs=sum(s.runs for s in summaries),
        seconds=sum(s.runs * s.mean_ms for s in summaries) * 1e-3,
        floors_met=True,
        peak_memory_mb=max(peaks, default=None),
        quiet=not noise,
        noise=noise,
        environment={
            **first.about,
            "device": {"kind": device.kind.name, "address": device.address},
            "processes": [
                {
                    "created": p.created,
                    "attempts": p.attempts,
                    "noise": list(p.noise),
                    "condition": [dict(condition.readings) for condition in p.conditions],
                }
                for p in processes
            ],
        },
        created=max(p.created for p in processes),
        clock=device.clock,
        summaries=summaries,
    )


def _dispatches(processes: Sequence[ProcessResult]) -> list[float]:
    return [p.run.dispatch_ns for p in processes if p.run.dispatch_ns > 0]


def _median(values: Sequence[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return median(told) if len(told) == len(values) else None


def _percentiles(
    samples: Samples, sustained: Sustained | None
) -> tuple[QuantileEstimate, QuantileEstimate, str]:
    """Median and 90th percentile, and how their intervals came about."""
    if sustained is not None:
        end = sustained.steady.windows
        parts = samples.processes[-end:]
        p50, p90 = (
            median_of_processes([percentile(part, quantile).value for part in parts])
            for quantile in (0.5, 0.9)
        )
        return p50, p90, "bootstrap over the windows of the steady state"
    p50, p90 = _across_processes(samples, 0.5), _across_processes(samples, 0.9)
    alone = len(samples.processes) == 1
    return p50, p90, "order statistics" if alone else "bootstrap over processes"


def _across_processes(samples: Samples, quantile: float) -> QuantileEstimate:
    each = [percentile(process, quantile) for process in samples.processes]
    return each[0] if len(each) == 1 else median_of_processes([e.value for e in each])


def _counters(process: ProcessResult) -> dict[str, Any]:
    run = process.run
    return {
        "created": process.created,
        "p50_ms": float(np.median(run.samples)) * _MS,
        "load_ms": process.loaded.load_ns * _MS,
        "first_ms": run.first_ns * _MS,
        "runs": process.inferences,
        "inferences_per_sample": run.repeats,
        "clock_resolution_ns": run.clock_resolution_ns,
        "dispatch_ns": run.dispatch_ns,
        "attempts": process.attempts,
        "noise": list(process.noise),
        "warmup": run.warmup,
        "spin_before_ns": int(median(run.spin_before_ns)),
        "spin_after_ns": int(median(run.spin_after_ns)),
        "load_average": list(run.load_average),
        "busy_mhz": list(run.busy_mhz),
        "wall_seconds": run.wall_seconds,
        "cpu_seconds": run.cpu_seconds,
        "involuntary_switches": run.involuntary_switches,
        "steal_seconds": run.steal_seconds,
        "throttled_seconds": run.throttled_seconds,
        "thermal_throttles": run.thermal_throttles,
        "condition": [dict(condition.readings) for condition in process.conditions],
    }
