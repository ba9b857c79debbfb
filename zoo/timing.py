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
from zoo.examining import examine_files, refuse_timing_options
from zoo.isolation import Children
from zoo.keys import step_key
from zoo.measurement.bench import Candidate, measure_interleaved
from zoo.measurement.examination import ExaminationRecord
from zoo.measurement.records import Measurement, Samples
from zoo.measurement.tiers import tier_named
from zoo.named_devices import device_named, runtime_on
from zoo.pipeline import OnStep
from zoo.records import StepRecord, as_plain
from zoo.registry import Registry
from zoo.running import value_range_of
from zoo.store import Store

RUN = "bench"


@dataclass(frozen=True, kw_only=True)
class Timing:
    """One file with one number of threads.

    Attributes:
        file: As the user named it.
        threads: For one inference.
        measurement: None when it failed, or where nothing is timed.
        examination: What was found out for a device that nothing is timed on; else None.
        error: Why it failed; None when it did not.
    """

    file: Path
    threads: int
    measurement: Measurement | None = None
    error: ZooError | None = None
    examination: ExaminationRecord | None = None

    @property
    def refused(self) -> bool:
        """Whether an examination found that the file cannot be used there."""
        return self.examination is not None and not self.examination.passed


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
) -> list[Timing]:
    """Times every file with every number of threads; their processes take turns.

    A file that fails while it is measured costs itself alone.

    Raises:
        ZooError: A file, device, tier or runtime that cannot be used; nothing was measured.
    """
    tier_named(tier)
    where = device_named(registry, device)
    if where.kind.examine is not None:
        refuse_timing_options(where, threads, runtime)
        return [
            Timing(file=e.file, threads=0, examination=e.record, error=e.error)
            for e in examine_files(registry, where, files, store_url, on_step)
        ]
    candidates = [
        _candidate(registry, where, path, count, runtime) for path in files for count in threads
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
            _keep(store, where, candidate, result)
            for candidate, result in zip(candidates, found, strict=True)
        ]
    finally:
        children.stop_all()
        store.close()
    seconds = time.perf_counter() - started
    on_step(RUN, {"event": "end", "status": "passed", "seconds": seconds, "cached": False})
    return timings


def _candidate(
    registry: Registry, device: Device, path: Path, threads: int, runtime: str | None
) -> Candidate:
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


def _keep(
    store: Store,
    device: Device,
    candidate: Candidate,
    result: tuple[Measurement, Samples] | ZooError,
) -> Timing:
    """Appends one result to the store: a failure is a record too."""
    moment = {"file": str(candidate.path), "threads": candidate.threads, "at": time.time_ns()}
    key = step_key("bench", moment)
    step = f"bench {candidate.path.name} {candidate.threads} {device.name}"
    now = utc_now()
    if isinstance(result, ZooError):
        store.append(
            RUN,
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
        RUN,
        StepRecord(step=step, kind="bench", key=key, status="passed", created=now, result=plain),
        samples.encode(),
    )
    return Timing(file=candidate.path, threads=candidate.threads, measurement=measurement)
