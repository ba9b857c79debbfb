"""``zoo bench`` on a device that nothing is timed on: its files examined, and into the store."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.common.cache_key import step_key
from zoo.common.clock import utc_now
from zoo.common.errors import UsageError, ZooError
from zoo.common.progress import OnStep
from zoo.execution.device import Device
from zoo.execution.devices import device_named
from zoo.execution.examination import ExaminationRecord, examine_file
from zoo.registry import Registry
from zoo.results.records import StepRecord, as_plain
from zoo.results.store import Store

RUN = "bench"
#: Begins the run of what users gave a tag of their own.
TAGGED = "bench:"
KIND = "examine"


@dataclass(frozen=True, kw_only=True)
class Examined:
    """One file for one device.

    Attributes:
        file: As the user named it.
        device: Name of the device.
        record: None when it could not be examined.
        error: Why it could not.
    """

    file: Path
    device: str
    record: ExaminationRecord | None = None
    error: ZooError | None = None


def refuse_timing_options(device: Device, given: Sequence[str]) -> None:
    """Options of timing say nothing where nothing is timed.

    Args:
        device: That files are examined for.
        given: Names of the options that were given.

    Raises:
        UsageError: Names the first.
    """
    if given:
        raise UsageError(
            f"{given[0]} means nothing for {device.name!r}",
            why=f"devices of kind {device.kind.name!r} are analyses: nothing is timed there",
            fix=f"leave {given[0]} out; limits of memory are options of the device "
            f"(zoo devices add NAME {device.kind.name} …)",
        )


def examine_files(
    registry: Registry,
    devices: Sequence[Device],
    files: Sequence[Path],
    store_url: str | None,
    tag: str | None,
    on_step: OnStep,
) -> Iterator[Examined]:
    """Examines files one after the other; one that cannot be examined costs itself alone."""
    store = Store(store_url)
    run = RUN if tag is None else f"{TAGGED}{tag}"
    try:
        for device in devices:
            for file in files:
                step, started = f"{KIND} {file.name} {device.name}", time.perf_counter()
                on_step(step, {"event": "start", "kind": KIND})
                examined = _examined(registry, device, file)
                record = _step(step, device, examined)
                store.append(run, record)
                seconds = time.perf_counter() - started
                on_step(
                    step,
                    {"event": "end", "status": record.status, "seconds": seconds, "cached": False},
                )
                yield examined
    finally:
        store.close(on_step)


def _examined(registry: Registry, device: Device, file: Path) -> Examined:
    try:
        record = examine_file(registry, device, file)
    except ZooError as error:
        return Examined(file=file, device=device.name, error=error)
    return Examined(file=file, device=device.name, record=record)


def _step(step: str, device: Device, examined: Examined) -> StepRecord:
    """What the store keeps; a failure is a record too."""
    key = step_key(KIND, {"file": str(examined.file), "step": step, "at": time.time_ns()})
    if examined.record is None:
        assert examined.error is not None
        return StepRecord(
            step=step,
            kind=KIND,
            key=key,
            status="failed",
            reason=str(examined.error),
            created=utc_now(),
            result=examined.error.as_dict(),
        )
    return StepRecord(
        step=step,
        kind=KIND,
        key=key,
        status="passed" if examined.record.passed else "rejected",
        reason="; ".join(examined.record.faults),
        created=utc_now(),
        result=as_plain(examined.record),
    )


def refuse_budgets(
    registry: Registry,
    devices: Sequence[str],
    budgets: Sequence[str],
    files: Sequence[str] = (),
    runtimes: Sequence[str] = (),
) -> None:
    """Budgets hold what the agent timed.

    Args:
        registry: Finds the devices.
        devices: By name.
        budgets: That were given.
        files: That are to be timed.
        runtimes: That were asked for; none leaves it to the files and devices.

    Raises:
        UsageError: Names the device that nothing is timed on, or the vendor's tool that would time.
    """
    for name in devices if budgets else ():
        device = device_named(registry, name)
        if device.kind.analysis:
            refuse_timing_options(device, ["--budget"])
        tool = device.tool()
        if tool is None or (runtimes and tool.name not in runtimes):
            continue
        formats = registry.runtimes.get(tool.name).formats
        exporters = (registry.exporter_for(Path(file)) for file in files)
        if any(exporter is not None and exporter.name in formats for exporter in exporters):
            raise UsageError(
                f"{tool.name} does not know --budget",
                fix="leave --budget out, or name a runtime of the agent: --runtime …",
            )


def refuse_untimed(registry: Registry, name: str | None) -> None:
    """A search ranks files by latencies.

    Raises:
        UsageError: Nothing is timed on that device.
    """
    device = device_named(registry, name)
    if device.kind.analysis:
        raise UsageError(
            f"nothing is timed on {device.name!r}, so no search can rank files there",
            why=f"devices of kind {device.kind.name!r} are analyses",
            fix="search with --max-size on a device that files are timed on, then examine what it "
            f"found: zoo bench FILE --device {device.name}",
        )
