"""Results of ``zoo bench``, timed or analysed offline, and their place in the results store."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zoo.benchmark.cells import CellResult
from zoo.common.brief import Brief
from zoo.common.cache_key import step_key
from zoo.common.clock import utc_now
from zoo.common.errors import ZooError
from zoo.execution.device import Device
from zoo.execution.offline_analysis import KIND, OfflineAnalysis
from zoo.results.measurements import Measurement, shape_text
from zoo.results.records import StepRecord, as_plain
from zoo.results.store import Store

RUN = "bench"
#: Begins the run of what users gave a tag of their own.
TAGGED = "bench:"


@dataclass(frozen=True, kw_only=True, repr=False)
class Timing(Brief):
    """One file with one runtime and number of threads on one device.

    Attributes:
        file: As the user named it; of a reference, the model id.
        device: Where; empty for a file that could not be opened.
        runtime: Of the agent; None where the device could not tell which it has.
        measurement: None when it failed.
        error: Why it failed; None when it did not.
        kept: Whether an unfinished bench had measured it already.
        batch: Examples in one inference, as asked; None left it to the file.
        examination: The offline analysis, for a device that is never timed; else None.
        reference: Whether it is the network before its export, for files to be compared with.
        shape: Of its inputs, in words, where the file leaves sizes open; else empty.
    """

    file: Path
    threads: int
    device: str = ""
    runtime: str | None = None
    measurement: Measurement | None = None
    error: ZooError | None = None
    kept: bool = False
    batch: int | None = None
    examination: OfflineAnalysis | None = None
    reference: bool = False
    shape: str = ""

    @property
    def refused(self) -> bool:
        """Whether the offline analysis found that the file cannot be used there."""
        return self.examination is not None and not self.examination.passed


def record_result(
    store: Store, device: Device, timed: CellResult, tag: str | None = None
) -> Timing:
    """Appends one result to the store: a failure is a record too.

    A measurement that is there already, since an unfinished bench has recorded it, is not added
    again.
    """
    candidate, result, run = timed.candidate, timed.result, _run(tag)
    step = f"{RUN} {candidate.name} {candidate.threads} {device.name}"
    timing = Timing(
        file=Path(candidate.reference) if candidate.reference else candidate.path,
        reference=bool(candidate.reference),
        threads=candidate.threads,
        device=device.name,
        runtime=candidate.runtime or None,
        batch=candidate.batch,
        shape=shape_text(candidate.shapes),
        kept=timed.kept,
    )
    if isinstance(result, ZooError):
        store.append(run, _record(RUN, step, result))
        return replace(timing, error=result)
    measurement, samples = result
    plain = json.loads(json.dumps(as_plain(measurement)))
    record = _record(RUN, step, measurement, {"run": run, "measurement": plain})
    if store.samples(record.key) is None:
        store.append(run, record, samples.encode())
    return replace(timing, measurement=measurement)


def keep_analysis(
    store: Store, device: Device, file: Path, result: OfflineAnalysis | ZooError, tag: str | None
) -> Timing:
    """Appends one offline analysis to the store, or why there is none."""
    timing = Timing(file=file, threads=0, device=device.name)
    step = f"{KIND} {file.name} {device.name}"
    if isinstance(result, ZooError):
        store.append(_run(tag), _record(KIND, step, result))
        return replace(timing, error=result)
    store.append(_run(tag), _record(KIND, step, result, faults=result.faults))
    return replace(timing, examination=result)


def _run(tag: str | None) -> str:
    return RUN if tag is None else f"{TAGGED}{tag}"


def _record(
    kind: str,
    step: str,
    result: Measurement | OfflineAnalysis | ZooError,
    identity: Mapping[str, Any] | None = None,
    faults: Sequence[str] = (),
) -> StepRecord:
    """What the store keeps of one result; without an `identity` no two are the same."""
    failed = isinstance(result, ZooError)
    return StepRecord(
        step=step,
        kind=kind,
        key=step_key(kind, identity or {"step": step, "at": time.time_ns()}),
        status="failed" if failed else "rejected" if faults else "passed",
        reason=str(result) if failed else "; ".join(faults),
        created=utc_now(),
        result=result.as_dict() if isinstance(result, ZooError) else as_plain(result),
    )
