"""``zoo bench`` on a device that nothing is timed on: its files examined, and into the store."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.clock import utc_now
from zoo.contracts import Device
from zoo.errors import UsageError, ZooError
from zoo.keys import step_key
from zoo.measurement.examination import ExaminationRecord, examine_file
from zoo.pipeline import OnStep
from zoo.records import StepRecord, as_plain
from zoo.registry import Registry
from zoo.store import Store

RUN = "bench"
KIND = "examine"


@dataclass(frozen=True, kw_only=True)
class Examined:
    """One file.

    Attributes:
        file: As the user named it.
        record: None when it could not be examined.
        error: Why it could not.
    """

    file: Path
    record: ExaminationRecord | None = None
    error: ZooError | None = None


def refuse_timing_options(device: Device, threads: Sequence[int], runtime: str | None) -> None:
    """Options of timing say nothing where nothing is timed.

    Raises:
        UsageError: Names the one that was given.
    """
    given = "--threads" if tuple(threads) != (1,) else "--runtime" if runtime is not None else ""
    if given:
        raise UsageError(
            f"{given} means nothing for {device.name!r}",
            why=f"devices of kind {device.kind.name!r} are analyses: nothing is timed there",
            fix=f"leave {given} out",
        )


def examine_files(
    registry: Registry,
    device: Device,
    files: Sequence[Path],
    store_url: str | None,
    on_step: OnStep,
) -> list[Examined]:
    """Examines files one after the other; one that cannot be examined costs itself alone."""
    store = Store(store_url)
    started = time.perf_counter()
    on_step(RUN, {"event": "start", "kind": RUN})
    try:
        examined = []
        for number, file in enumerate(files, 1):
            examined.append(_examined(registry, device, file, store))
            on_step(RUN, {"event": "progress", "done": number, "total": len(files)})
    finally:
        store.close()
    seconds = time.perf_counter() - started
    good = all(each.record is not None and each.record.passed for each in examined)
    status = "passed" if good else "rejected"
    on_step(RUN, {"event": "end", "status": status, "seconds": seconds, "cached": False})
    return examined


def _examined(registry: Registry, device: Device, file: Path, store: Store) -> Examined:
    try:
        record = examine_file(registry, device, file)
    except ZooError as error:
        store.append(RUN, _step(device, file, error))
        return Examined(file=file, error=error)
    store.append(RUN, _step(device, file, record))
    return Examined(file=file, record=record)


def _step(device: Device, file: Path, found: ExaminationRecord | ZooError) -> StepRecord:
    """What the store keeps; a failure is a record too."""
    failed = isinstance(found, ZooError)
    passed = not failed and found.passed
    return StepRecord(
        step=f"{KIND} {file.name} {device.name}",
        kind=KIND,
        key=step_key(KIND, {"file": str(file), "device": device.name, "at": time.time_ns()}),
        status="passed" if passed else "failed" if failed else "rejected",
        reason=str(found) if isinstance(found, ZooError) else "; ".join(found.faults),
        created=utc_now(),
        result=found.as_dict() if isinstance(found, ZooError) else as_plain(found),
    )
