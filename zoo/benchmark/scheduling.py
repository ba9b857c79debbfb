"""Devices that are timed on at the same time, or take turns, and how far all have come."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from zoo.benchmark.candidate import Stage
from zoo.benchmark.cells import Cell, CellResult, cells_of, time_cells
from zoo.benchmark.journal import Journal
from zoo.benchmark.tiers import Tier
from zoo.benchmark.timed_inputs import open_samples, parse_shapes
from zoo.benchmark.timing import RUN, Timing, record_result
from zoo.common.errors import ZooError
from zoo.common.progress import OnStep
from zoo.common.worker import Children
from zoo.contracts import Dataset
from zoo.execution.device import Device
from zoo.registry import Registry
from zoo.results.measurements import shape_text
from zoo.results.store import Store

OnTiming = Callable[[Timing], None]


@dataclass(frozen=True, kw_only=True)
class AskedCells:
    """Files and how they are timed, as a command says it.

    Attributes:
        files: Paths.
        runtimes: Names; none for the preferred one of each file.
        batch: Examples in one inference, each of these; none leaves it to the files.
        shape: As typed: ``NAME=1x3x48x320``.
        data: Dataset of samples; None for seeded numbers.
        accuracy: Dataset that the quality is measured on; None for none.
    """

    files: tuple[str, ...]
    runtimes: tuple[str, ...]
    threads: tuple[int, ...]
    tier: str
    batch: tuple[int, ...]
    shape: tuple[str, ...]
    data: str | None
    profile: bool
    accuracy: str | None

    def cells(self, registry: Registry, children: Children) -> list[Cell]:
        """Every file with each runtime, number of threads, shape and batch.

        Raises:
            ZooError: As of `cells_of`.
        """
        cells = cells_of(
            registry,
            [Path(file) for file in self.files],
            self.runtimes,
            self.threads,
            children,
            shapes=parse_shapes(self.shape),
            samples=None
            if self.data is None
            else open_samples(registry, self.data, max(self.batch, default=1)),
            batch=max(self.batch, default=None),
        )
        return self.batched(cells)

    def batched(self, cells: Sequence[Cell]) -> list[Cell]:
        """Cells with each batch, profiled if that is asked."""
        return [
            replace(cell, batch=count, profile=self.profile)
            for cell in cells
            for count in (self.batch or (None,))
        ]


class CellTimer(Protocol):
    """Times cells on devices that other machines reach."""

    def takes(self, device: Device) -> bool:
        """Whether another machine reaches the device, and not this one."""

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
        """As `zoo.benchmark.cells.time_cells`; what was asked says all of the cells."""


@dataclass(kw_only=True)
class DeviceQueue:
    """One device and what is to be measured there."""

    device: Device
    cells: list[Cell]
    first: int
    timings: list[Timing] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    reached: bool = False


@dataclass(kw_only=True, eq=False)
class BenchSettings:
    """What all devices of one call share."""

    registry: Registry
    asked: AskedCells
    tier: Tier
    store: Store
    tag: str | None
    dataset: Dataset | None
    journal: Journal
    fresh: bool
    children: Children
    on_step: OnStep
    on_timing: OnTiming | None
    elsewhere: CellTimer | None = None

    def is_elsewhere(self, device: Device) -> bool:
        """Whether another machine times files on the device."""
        return self.elsewhere is not None and self.elsewhere.takes(device)

    def apart(self, device: Device) -> bool:
        """Whether the device works by itself, or for another machine."""
        return device.kind.remote or self.is_elsewhere(device)


def cells_as_json(queues: Sequence[DeviceQueue]) -> list[dict[str, Any]]:
    """What is to be measured, for whoever shows it."""
    return [
        {
            "file": cell.name,
            "device": queue.device.name,
            "runtime": cell.runtime,
            "threads": cell.threads,
            "batch": cell.batch,
            "shape": shape_text(cell.given.shapes),
        }
        for queue in queues
        for cell in queue.cells
    ]


def measure_all(settings: BenchSettings, queues: Sequence[DeviceQueue]) -> None:
    """Measures on all devices: those with processors of their own at the same time.

    An interruption ends the agents; what is done is recorded before it goes on its way.
    """
    here = [queue for queue in queues if not settings.apart(queue.device)]
    groups = [[queue] for queue in queues if settings.apart(queue.device)]
    groups += [here] if here else []
    progress = _Progress(settings, queues)

    def measure(group: Sequence[DeviceQueue]) -> None:
        for queue in group:
            _measure_queue(settings, queue, progress)

    with ThreadPoolExecutor(max_workers=len(groups), thread_name_prefix="zoo-bench") as pool:
        futures: list[Future[None]] = [pool.submit(measure, group) for group in groups]
        try:
            wait(futures)
        finally:
            settings.children.stop_all()
            wait(futures)
    for future in futures:
        future.result()


def _measure_queue(settings: BenchSettings, queue: DeviceQueue, progress: _Progress) -> None:
    """Measures on one device and records what came of it."""
    for timed in _timed(settings, queue, progress):
        if isinstance(timed.result, ZooError) and settings.children.stopping:
            continue  # The interruption ended it: nothing is wrong with it.
        queue.reached |= timed.reached
        queue.keys.append(timed.key)
        timing = record_result(settings.store, queue.device, timed, settings.tag)
        queue.timings.append(timing)
        if settings.on_timing is not None:
            settings.on_timing(timing)


def _timed(settings: BenchSettings, queue: DeviceQueue, progress: _Progress) -> list[CellResult]:
    device, cells, children = queue.device, queue.cells, settings.children

    def watch(number: int, stage: Stage) -> None:
        progress.stage(queue, number, stage)

    if settings.elsewhere is not None and settings.is_elsewhere(device):
        return settings.elsewhere.time(
            settings.asked, device, cells, fresh=settings.fresh, children=children, watch=watch
        )
    return time_cells(
        settings.registry,
        device,
        cells,
        settings.tier,
        children=children,
        dataset=settings.dataset,
        journal=settings.journal,
        fresh=settings.fresh,
        watch=watch,
    )


class _Progress:
    """How far all devices have come."""

    def __init__(self, settings: BenchSettings, queues: Sequence[DeviceQueue]) -> None:
        self._settings = settings
        self._stages: dict[int, Stage] = {}
        self._lock = threading.Lock()
        self._cells = sum(len(queue.cells) for queue in queues)

    def stage(self, queue: DeviceQueue, number: int, stage: Stage) -> None:
        """Tells how far one cell, and with it the whole, has come."""
        with self._lock:
            self._stages[queue.first + number] = stage
            cell = {**asdict(stage), "event": "cell", "cell": queue.first + number}
            self._settings.on_step(RUN, cell)
            self._settings.on_step(RUN, self._whole())

    def _whole(self) -> dict[str, Any]:
        stages = self._stages.values()
        each = max(1, *(stage.total for stage in stages))
        # What failed counts as done: the others' end is what people wait for.
        done = sum(each if s.doing == "failed" else s.done for s in stages)
        kept = sum(s.kept for s in stages)
        return {"event": "progress", "done": done, "total": each * self._cells, "kept": kept}
