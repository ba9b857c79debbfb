"""``zoo bench`` on devices of workers: the files of each device are one step of its worker."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from zoo.benchmark.candidate import Candidate, Stage
from zoo.benchmark.cells import Cell, CellResult
from zoo.benchmark.journal import Journal
from zoo.benchmark.scheduling import AskedCells
from zoo.common.cache_key import step_key
from zoo.common.errors import UsageError, ZooError
from zoo.common.files import ensure_writable
from zoo.common.progress import Event
from zoo.common.worker import Children
from zoo.execution.device import Device
from zoo.pipeline.engine import Pipeline
from zoo.pipeline.executors.bench_plan import bench_steps
from zoo.pipeline.executors.connection import connect
from zoo.pipeline.failures import first_failure
from zoo.pipeline.recipe import RecipeExecutor
from zoo.pipeline.step_cache import step_cache
from zoo.pipeline.steps.bench import StepDevice
from zoo.pipeline.steps.bench_cells import BenchCellsStep, BenchFile
from zoo.registry import Registry

#: Under these names a journal keeps what tells an unfinished command from a later one.
_COMMAND, _ORDER = "command", "order"


def timer_of(registry: Registry, asked: RecipeExecutor) -> WorkerTimer | None:
    """What times files on devices of an executor's workers; None for this machine.

    Raises:
        ZooError: The executor cannot be reached, or no worker fits.
    """
    registry.executor = connect(registry, asked)
    return None if registry.executor is None else WorkerTimer(registry=registry)


@dataclass(frozen=True, kw_only=True)
class WorkerTimer:
    """Times cells on devices that workers announce; a `zoo.benchmark.scheduling.CellTimer`."""

    registry: Registry

    def takes(self, device: Device) -> bool:
        """Whether a worker announces the device."""
        return device.name in self.registry.announced

    def time(
        self,
        asked: AskedCells,
        device: Device,
        cells: Sequence[Cell],
        *,
        fresh: bool,
        children: Children,
        watch: Callable[[int, Stage], None],
    ) -> list[CellResult]:
        """Has the worker of a device time all cells there.

        Raises:
            UsageError: One of them is a network before its export, which stays on this machine.
            ExecutorLost: The executor does not answer any more; the same command goes on.
        """
        if any(cell.reference is not None for cell in cells):
            raise UsageError(
                f"--reference times networks on devices of this machine, not on {device.name!r}",
                why="a worker of the executor has it",
                fix="leave out --reference, or name devices of this machine",
            )
        files = [Path(file) for file in asked.files]
        named = tuple(BenchFile.of(self.registry, path) for path in files)
        place, journal = StepDevice.of(device), Journal()
        about = {"files": [asdict(f) | {"path": ""} for f in named], "asked": _plain(asked)}
        machine = {"kind": place.kind, "options": place.options, "machine": place.machine}
        key = step_key("bench-command", {**about, "device": device.name, **machine})
        order = None if fresh else journal.noted(key, _COMMAND, _ORDER)
        if not isinstance(order, str):
            order = secrets.token_hex(8)
            journal.note(key, _COMMAND, _ORDER, order)
        plan = {**about, "device": device.name, "order": order, "fresh": fresh}
        kept, timing = bench_steps(self.registry, plan, named)
        pipeline = self._pipeline(timing, watch)
        with children.registered(pipeline.children.stop_all):
            records = pipeline.execute([kept, timing])
        if children.stopping:
            return []
        failed = next((record for record in records if record.status == "failed"), None)
        if failed is not None:
            error = first_failure(failed)
            return [_failed(cell, error) for cell in cells]
        ended = pipeline.finished.of(timing)
        cached = ended.record.cached
        found = [cell.result(files, key, kept=cached) for cell in ended.result.cells]
        errors = [one.result for one in found if isinstance(one.result, ZooError)]
        if errors:
            place_there = self._place_of(device)
            for told in errors:
                told.what = f"{place_there}: {told.what}"
            journal.forget([key])  # the same command tries again what failed
        return found

    def _place_of(self, device: Device) -> str:
        executor = self.registry.executor
        return device.name if executor is None else executor.place_of(device.name)

    def _pipeline(self, timing: BenchCellsStep, watch: Callable[[int, Stage], None]) -> Pipeline:
        def told(step: str, event: Event) -> None:
            if step == timing.name and event["event"] == "cell":
                values = {f.name: event[f.name] for f in fields(Stage) if f.name in event}
                watch(int(event["cell"]), Stage(**values))

        cache = step_cache()
        ensure_writable(cache.folder)
        return Pipeline(cache=cache, store=None, run="bench", on_step=told, retry=True)


def _plain(asked: AskedCells) -> dict[str, Any]:
    plain = asdict(asked)
    del plain["files"]
    return plain


def _failed(cell: Cell, error: ZooError) -> CellResult:
    candidate = Candidate(
        path=cell.artifact.path,
        runtime=cell.runtime or "",
        threads=cell.threads,
        batch=cell.batch,
        shapes=cell.given.shapes,
    )
    return CellResult(candidate=candidate, result=error)
