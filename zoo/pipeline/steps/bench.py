"""Step: time a file on a device, through the agent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.benchmark.cells import cells_of, time_cells
from zoo.benchmark.tiers import tier_named
from zoo.common.errors import ZooError
from zoo.execution.device import Device
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

    cells = cells_of(registry, [source], [], [threads], work.children)
    (timed,) = time_cells(
        registry,
        device,
        [replace(cell, profile=profile) for cell in cells],
        tier_named(tier),
        progress=lambda done, total: work.emit({"event": "progress", "done": done, "total": total}),
        children=work.children,
    )
    if isinstance(timed.result, ZooError):
        raise timed.result
    measurement, samples = timed.result
    return Outcome(result=as_plain(measurement), samples=samples.encode())
