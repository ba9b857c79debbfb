"""``zoo bench``: files against each other on one device, and into the results store."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.artifact import open_unaltered
from zoo.clock import utc_now
from zoo.contracts import Device
from zoo.errors import UnknownName, ZooError
from zoo.isolation import Children
from zoo.keys import step_key
from zoo.measurement.bench import Candidate, measure_interleaved
from zoo.measurement.records import Measurement, Samples
from zoo.measurement.tiers import tier_named
from zoo.named_devices import device_named, runtime_on
from zoo.pipeline import OnStep
from zoo.records import StepRecord, as_plain
from zoo.registry import Registry
from zoo.running import value_range_of
from zoo.store import Store

RUN = "bench"
#: Begins the run of what users gave a tag of their own.
TAGGED = "bench:"


@dataclass(frozen=True, kw_only=True)
class Timing:
    """One file with one number of threads.

    Attributes:
        file: As the user named it.
        threads: For one inference.
        measurement: None when it failed.
        error: Why it failed; None when it did not.
    """

    file: Path
    threads: int
    measurement: Measurement | None = None
    error: ZooError | None = None


def time_files(
    registry: Registry,
    files: Sequence[Path],
    *,
    device: str | None,
    threads: Sequence[int],
    tier: str,
    runtime: str | None,
    store_url: str | None,
    on_step: OnStep,
    tag: str | None = None,
) -> list[Timing]:
    """Times every file with every number of threads; their processes take turns.

    A file that fails while it is measured costs itself alone.

    Raises:
        ZooError: A file, device, tier or runtime that cannot be used; nothing was measured.
    """
    tier_named(tier)
    where = device_named(registry, device)
    candidates = [
        candidate_for(registry, where, path, count, runtime) for path in files for count in threads
    ]
    store = Store(store_url)
    children = Children()
    started = time.perf_counter()
    on_step(RUN, {"event": "start", "kind": "bench"})
    try:
        found = measure_interleaved(
            where,
            candidates,
            tier=tier,
            progress=lambda done, total: on_step(
                RUN, {"event": "progress", "done": done, "total": total}
            ),
            children=children,
        )
        timings = [
            keep(store, where, candidate, result, tag)
            for candidate, result in zip(candidates, found, strict=True)
        ]
    finally:
        children.stop_all()
        store.close()
    seconds = time.perf_counter() - started
    on_step(RUN, {"event": "end", "status": "passed", "seconds": seconds, "cached": False})
    return timings


def candidate_for(
    registry: Registry, device: Device, path: Path, threads: int, runtime: str | None
) -> Candidate:
    """What to measure of a file on a device.

    Raises:
        ZooError: No such file, or none that it can run there.
    """
    artifact = open_unaltered(registry, path)
    known = artifact.exporter.all_runtimes
    if runtime is not None and runtime not in known:
        raise UnknownName(f"runtime of {artifact.exporter.name}", runtime, known)
    if runtime is not None and runtime not in device.runtimes():
        raise ZooError(
            f"{runtime!r} is not installed on {device.name!r}",
            fix=f"`zoo devices doctor {device.name}` shows the runtimes that are there",
        )
    return Candidate(
        path=path,
        runtime=runtime or runtime_on(artifact.exporter, device),
        threads=threads,
        value_range=value_range_of(artifact),
    )


def keep(
    store: Store,
    device: Device,
    candidate: Candidate,
    result: tuple[Measurement, Samples] | ZooError,
    tag: str | None = None,
) -> Timing:
    """Appends one result to the store: a failure is a record too."""
    moment = {"file": str(candidate.path), "threads": candidate.threads, "at": time.time_ns()}
    key = step_key("bench", moment)
    step = f"bench {candidate.path.name} {candidate.threads} {device.name}"
    run = RUN if tag is None else f"{TAGGED}{tag}"
    now = utc_now()
    if isinstance(result, ZooError):
        store.append(
            run,
            StepRecord(
                step=step,
                kind="bench",
                key=key,
                status="failed",
                reason=str(result),
                created=now,
                result=result.as_dict(),
            ),
        )
        return Timing(file=candidate.path, threads=candidate.threads, error=result)
    measurement, samples = result
    plain = as_plain(measurement)
    store.append(
        run,
        StepRecord(step=step, kind="bench", key=key, status="passed", created=now, result=plain),
        samples.encode(),
    )
    return Timing(file=candidate.path, threads=candidate.threads, measurement=measurement)
