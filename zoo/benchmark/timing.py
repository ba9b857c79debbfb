"""What came of timing a file, and its place in the results store."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path

from zoo.benchmark.cells import CellResult
from zoo.common.cache_key import step_key
from zoo.common.clock import utc_now
from zoo.common.errors import ZooError
from zoo.execution.device import Device
from zoo.execution.examination import ExaminationRecord
from zoo.results.measurements import Measurement
from zoo.results.records import StepRecord, as_plain
from zoo.results.store import Store

RUN = "bench"
#: Begins the run of what users gave a tag of their own.
TAGGED = "bench:"


@dataclass(frozen=True, kw_only=True)
class Timing:
    """One file with one runtime and number of threads on one device.

    Attributes:
        file: As the user named it; of a reference, the model id.
        threads: For one inference.
        device: Name of the device.
        runtime: Of the agent; None where the device could not tell which it has.
        measurement: None when it failed.
        error: Why it failed; None when it did not.
        kept: Whether an unfinished bench had measured it already.
        batch: Examples in one inference, as asked; None left it to the file.
        examination: What was found out for a device that nothing is timed on; else None.
        reference: Whether it is the network before its export, for files to be compared with.
    """

    file: Path
    threads: int
    device: str = ""
    runtime: str | None = None
    measurement: Measurement | None = None
    error: ZooError | None = None
    kept: bool = False
    batch: int | None = None
    examination: ExaminationRecord | None = None
    reference: bool = False

    @property
    def refused(self) -> bool:
        """Whether an examination found that the file cannot be used there."""
        return self.examination is not None and not self.examination.passed


def record_result(
    store: Store, device: Device, timed: CellResult, tag: str | None = None
) -> Timing:
    """Appends one result to the store: a failure is a record too.

    A measurement that is there already, since an unfinished bench has recorded it, is not added
    again.
    """
    candidate, result = timed.candidate, timed.result
    step = f"bench {candidate.name} {candidate.threads} {device.name}"
    run = RUN if tag is None else f"{TAGGED}{tag}"
    now = utc_now()
    timing = Timing(
        file=Path(candidate.reference) if candidate.reference else candidate.path,
        reference=bool(candidate.reference),
        threads=candidate.threads,
        device=device.name,
        runtime=candidate.runtime or None,
        batch=candidate.batch,
        kept=timed.kept,
    )
    if isinstance(result, ZooError):
        moment = {"file": str(timing.file), "threads": candidate.threads, "at": time.time_ns()}
        failure = StepRecord(
            step=step,
            kind="bench",
            key=step_key("bench", moment),
            status="failed",
            reason=str(result),
            created=now,
            result=result.as_dict(),
        )
        store.append(run, failure)
        return replace(timing, error=result)
    measurement, samples = result
    plain = as_plain(measurement)
    key = step_key("bench", {"run": run, "measurement": json.loads(json.dumps(plain))})
    if store.samples(key) is None:
        record = StepRecord(
            step=step, kind="bench", key=key, status="passed", created=now, result=plain
        )
        store.append(run, record, samples.encode())
    return replace(timing, measurement=measurement)
