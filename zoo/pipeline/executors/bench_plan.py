"""The plan of ``zoo bench`` on one device of a worker, as data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from zoo.benchmark.scheduling import AskedCells
from zoo.execution.devices import device_named
from zoo.pipeline.steps.bench import StepDevice
from zoo.pipeline.steps.bench_cells import BenchCellsStep, BenchFile, BenchFilesStep
from zoo.pipeline.steps.step import StepId
from zoo.registry import Registry

#: The key of a plan that times files; others hold a recipe and a scope.
BENCH = "bench"


def bench_steps(
    registry: Registry, plan: Mapping[str, Any], files: Sequence[BenchFile] = ()
) -> tuple[BenchFilesStep, BenchCellsStep]:
    """The steps of a bench on one device, from its plan.

    Args:
        registry: Finds the device.
        plan: As `WorkerTimer.time` makes it.
        files: With their paths, at the command alone.
    """
    named = tuple(files) or tuple(BenchFile(**file) for file in plan["files"])
    kept = BenchFilesStep(id=StepId(kind="files"), files=named, registry=registry)
    device = device_named(registry, plan["device"])
    timing = BenchCellsStep(
        id=StepId(kind="bench", device=device.name),
        place=StepDevice.of(device),
        files=kept,
        asked=asked_of(plan),
        order=plan["order"],
        fresh=plan["fresh"],
        plan=json.dumps({BENCH: dict(plan)}),
    )
    return kept, timing


def asked_of(plan: Mapping[str, Any]) -> AskedCells:
    """How the files of a plan are timed; without the files."""
    return _ASKED.validate_python({**plan["asked"], "files": ()})


_ASKED = TypeAdapter(AskedCells)
