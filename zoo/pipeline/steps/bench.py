"""Step: time a file on a device, through the agent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo.artifacts.artifact import open_unaltered, value_range_of
from zoo.benchmark.measure import measure
from zoo.execution.device import Device
from zoo.execution.devices import runtime_on
from zoo.execution.expected_outputs import answers_check
from zoo.registry import Registry
from zoo.results.records import as_plain

if TYPE_CHECKING:
    from zoo.pipeline.engine import Outcome, Work


def bench(
    registry: Registry,
    work: Work,
    *,
    source: Path,
    device: Device,
    tier: str,
    threads: int,
    profile: bool = False,
) -> Outcome:
    """Measures one file; the raw samples travel with the outcome."""
    from zoo.pipeline.engine import Outcome

    artifact = open_unaltered(registry, source)
    measurement, samples = measure(
        device,
        source,
        runtime=runtime_on(artifact.exporter, device),
        threads=threads,
        tier=tier,
        value_range=value_range_of(artifact),
        check=answers_check(registry, artifact, children=work.children),
        profile=profile,
        progress=lambda done, total: work.emit({"event": "progress", "done": done, "total": total}),
        children=work.children,
    )
    return Outcome(result=as_plain(measurement), samples=samples.encode())
