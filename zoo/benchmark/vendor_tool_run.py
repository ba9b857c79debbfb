"""``zoo bench`` where a program of others times the files: its figures, kept under its name."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.artifacts.artifact import open_unaltered
from zoo.benchmark.tiers import tier_named
from zoo.benchmark.vendor_tool import ForeignMeasurement, measure_with
from zoo.common.cache_key import step_key
from zoo.common.clock import utc_now
from zoo.common.errors import UsageError, ZooError
from zoo.common.progress import OnStep, quiet
from zoo.contracts import ForeignBenchmark
from zoo.execution.device import Device
from zoo.execution.devices import device_named
from zoo.registry import Registry, load_registry
from zoo.results.records import StepRecord, as_plain
from zoo.results.store import Store

RUN = "bench"
KIND = "foreign-bench"


@dataclass(frozen=True, kw_only=True)
class ForeignTiming:
    """One file with one number of threads, as a program of others timed it.

    Attributes:
        file: As the user named it.
        threads: For one inference.
        measurement: None when it failed.
        error: Why it failed; None when it did not.
    """

    file: Path
    threads: int
    measurement: ForeignMeasurement | None = None
    error: ZooError | None = None


def timed_so(
    registry: Registry, devices: Sequence[str], runtimes: Sequence[str]
) -> tuple[str, list[str]]:
    """Which program of others times files there, if any does.

    Args:
        registry: Finds the devices.
        devices: Names; none for this machine.
        runtimes: Asked for by name; none for what the devices are set up with.

    Returns:
        The program's name, empty for none; and those of the devices that the agent times.
    """
    name, others = "", []
    for device in devices:
        benchmark = device_named(registry, device).benchmark()
        if benchmark is not None and (not runtimes or benchmark.name in runtimes):
            name = benchmark.name
        else:
            others.append(device)
    return name, others


def bench_by_others(
    files: Sequence[str | Path],
    *,
    device: str,
    threads: Sequence[int] = (1,),
    tier: str = "quick",
    store: str | None = None,
    on_step: OnStep = quiet,
    registry: Registry | None = None,
) -> list[ForeignTiming]:
    """Times files with the program of others that a device is set up with.

    Args:
        files: Files of a format that the program takes.
        device: Where.
        threads: Each file is timed with each of these.
        tier: ``brief``, ``smoke``, ``quick`` or ``full``.
        store: URL of the results store; None for the user's own.
        on_step: Receives progress.
        registry: None discovers plugins anew.

    Raises:
        ZooError: The device has no such program or cannot be reached, or a file or tier cannot be
            used.
    """
    registry = registry or load_registry()
    where = device_named(registry, device)
    benchmark = where.benchmark()
    if benchmark is None:
        raise UsageError(
            f"no program of others is supplied for {where.name!r}",
            fix="`zoo devices list` shows the options of its kind",
        )
    return _time_files(
        registry,
        benchmark,
        where,
        [Path(file) for file in files],
        threads=threads,
        tier=tier,
        store_url=store,
        on_step=on_step,
    )


def _time_files(
    registry: Registry,
    benchmark: ForeignBenchmark,
    device: Device,
    files: Sequence[Path],
    *,
    threads: Sequence[int],
    tier: str,
    store_url: str | None,
    on_step: OnStep,
) -> list[ForeignTiming]:
    """Times every file with every number of threads; a file that fails costs itself alone.

    Raises:
        ZooError: A file or tier that cannot be used, or a device that cannot be reached.
    """
    grade = tier_named(tier)
    for path in files:
        exporter = open_unaltered(registry, path).exporter
        if exporter.name not in benchmark.formats:
            raise UsageError(
                f"{benchmark.name} takes no {exporter.name} files: {path}",
                fix="name a runtime that does: --runtime "
                + " or --runtime ".join(exporter.all_runtimes),
            )
    candidates = [(path, count) for path in files for count in threads]
    store = Store(store_url)
    started = time.perf_counter()
    on_step(RUN, {"event": "start", "kind": "bench"})
    try:
        found = measure_with(benchmark, device, candidates, grade)
        timings = [
            _keep(store, device, path, count, result)
            for (path, count), result in zip(candidates, found, strict=True)
        ]
    finally:
        store.close()
    seconds = time.perf_counter() - started
    on_step(RUN, {"event": "end", "status": "passed", "seconds": seconds, "cached": False})
    return timings


def _keep(
    store: Store,
    device: Device,
    path: Path,
    threads: int,
    result: ForeignMeasurement | ZooError,
) -> ForeignTiming:
    """Appends one result to the store: a failure is a record too."""
    failed = isinstance(result, ZooError)
    moment = {"file": str(path), "threads": threads, "at": time.time_ns()}
    record = StepRecord(
        step=f"bench {path.name} {threads} {device.name}",
        kind=KIND,
        key=step_key(KIND, moment),
        status="failed" if failed else "passed",
        reason=str(result) if failed else "",
        created=utc_now(),
        result=result.as_dict() if isinstance(result, ZooError) else as_plain(result),
    )
    store.append(RUN, record)
    if isinstance(result, ZooError):
        return ForeignTiming(file=path, threads=threads, error=result)
    return ForeignTiming(file=path, threads=threads, measurement=result)
