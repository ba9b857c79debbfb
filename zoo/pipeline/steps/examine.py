"""Step: examine a file for a device that nothing is timed on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo.execution.device import Device
from zoo.execution.examination import examine_file
from zoo.registry import Registry
from zoo.results.records import as_plain

if TYPE_CHECKING:
    from zoo.pipeline.engine import Outcome


def examine(registry: Registry, *, source: Path, device: Device) -> Outcome:
    """Examines one file; rejected when it cannot be used there."""
    from zoo.pipeline.engine import Outcome

    record = examine_file(registry, device, source)
    return Outcome(
        result=as_plain(record),
        status="passed" if record.passed else "rejected",
        reason="; ".join(record.faults),
    )
