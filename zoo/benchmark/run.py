"""``zoo bench``: files against each other on devices, and into the results store."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import product
from pathlib import Path

from zoo.benchmark.cells import check_tools, fitting_dataset, reference_cells, with_tools
from zoo.benchmark.journal import Journal
from zoo.benchmark.scheduling import (
    AskedCells,
    BenchSettings,
    CellTimer,
    DeviceQueue,
    OnTiming,
    cells_as_json,
    measure_all,
)
from zoo.benchmark.tiers import tier_named
from zoo.benchmark.timing import RUN, Timing, keep_analysis
from zoo.common.errors import ZooError
from zoo.common.progress import OnStep, quiet
from zoo.common.worker import Children
from zoo.execution.backends import devices_on
from zoo.execution.device import Device
from zoo.execution.offline_analysis import (
    KIND,
    OfflineAnalysis,
    analyse_file,
    refuse_timing_options,
)
from zoo.registry import Registry, load_registry
from zoo.results.store import Store


def bench(
    files: Sequence[str | Path],
    *,
    device: str | Sequence[str] | None = None,
    threads: Sequence[int] = (1,),
    tier: str = "quick",
    runtime: str | Sequence[str] | None = None,
    backend: str | Sequence[str] | None = None,
    store: str | None = None,
    tag: str | None = None,
    fresh: bool = False,
    accuracy: str | None = None,
    batch: Sequence[int] = (),
    shape: Sequence[str] = (),
    data: str | None = None,
    profile: bool = False,
    reference: bool = False,
    on_step: OnStep = quiet,
    progress: bool | None = None,
    on_timing: OnTiming | None = None,
    registry: Registry | None = None,
    elsewhere: CellTimer | None = None,
) -> list[Timing]:
    """As `zoo.bench`, which describes the arguments; `elsewhere` times files on devices of workers.

    Without it, every device is one of this machine.

    Raises:
        ZooError: A file, device, tier or runtime that cannot be used, or the only device cannot
            be reached; nothing was measured.
    """
    registry = registry or load_registry()
    paths = [Path(file) for file in files]
    grade = tier_named(tier)
    names = [device] if device is None or isinstance(device, str) else list(dict.fromkeys(device))
    devices = devices_on(registry, names, _listed(backend))
    analysed = _analysed(
        registry,
        paths,
        [device for device in devices if device.kind.analysis],
        (store, tag, on_step, on_timing),
        {
            "--threads": tuple(threads) != (1,),
            "--runtime": bool(runtime),
            "--accuracy": accuracy is not None,
            "--batch": bool(batch),
            "--shape": bool(shape),
            "--data": data is not None,
            "--profile": profile,
            "--reference": reference,
        },
    )
    devices = [device for device in devices if not device.kind.analysis]
    if not devices:
        return analysed
    children = Children()
    counts = list(dict.fromkeys(threads))
    asked = AskedCells(
        files=tuple(str(path) for path in dict.fromkeys(paths)),
        runtimes=tuple(_listed(runtime)),
        threads=tuple(counts),
        tier=tier,
        batch=tuple(dict.fromkeys(batch)),
        shape=tuple(shape),
        data=data,
        profile=profile,
        accuracy=accuracy,
    )
    cells = asked.cells(registry, children)
    if reference:
        cells += asked.batched(reference_cells(registry, cells, counts, children))
    dataset = None if accuracy is None else fitting_dataset(registry, accuracy, cells)
    queues = [
        DeviceQueue(
            device=where, cells=with_tools(registry, where, cells), first=number * len(cells)
        )
        for number, where in enumerate(devices)
    ]
    check_tools(
        registry,
        [cell for queue in queues for cell in queue.cells],
        {
            "--accuracy": accuracy is not None,
            "--batch": bool(batch),
            "--shape": any(cell.given.shapes for cell in cells),
            "--data": data is not None,
            "--profile": profile,
            "--reference": reference,
        },
    )
    settings = BenchSettings(
        registry=registry,
        asked=asked,
        tier=grade,
        store=Store(store),
        tag=tag,
        dataset=dataset,
        journal=Journal(),
        fresh=fresh,
        children=children,
        on_step=on_step,
        on_timing=on_timing,
        elsewhere=elsewhere,
    )
    started = time.perf_counter()
    on_step(RUN, {"event": "start", "kind": "bench"})
    on_step(RUN, {"event": "cells", "cells": cells_as_json(queues)})
    try:
        measure_all(settings, queues)
    finally:
        settings.store.close(on_step)
    timings = [timing for queue in queues for timing in queue.timings]
    if all(timing.error is None for timing in timings):
        settings.journal.forget(key for queue in queues for key in queue.keys)
    failed = len(queues) == 1 and not queues[0].reached
    status = "failed" if failed else "passed"
    seconds = time.perf_counter() - started
    on_step(RUN, {"event": "end", "status": status, "seconds": seconds, "cached": False})
    if failed and timings[0].error is not None:
        raise timings[0].error
    return analysed + timings


def _analysed(
    registry: Registry,
    files: Sequence[Path],
    devices: Sequence[Device],
    settings: tuple[str | None, str | None, OnStep, OnTiming | None],
    given: Mapping[str, bool],
) -> list[Timing]:
    """Offline analyses, one after the other; a file that cannot be analysed costs itself alone."""
    store_url, tag, on_step, on_timing = settings
    for device in devices:
        refuse_timing_options(device, [option for option, there in given.items() if there])
    found: list[Timing] = []
    if not devices:
        return found
    store = Store(store_url)
    with ExitStack() as stack:
        stack.callback(store.close, on_step)
        for device, file in product(devices, files):
            step, started = f"{KIND} {file.name} {device.name}", time.perf_counter()
            on_step(step, {"event": "start", "kind": KIND})
            try:
                result: OfflineAnalysis | ZooError = analyse_file(registry, device, file)
            except ZooError as error:
                result = error
            timing = keep_analysis(store, device, file, result, tag)
            status = "failed" if timing.error else "rejected" if timing.refused else "passed"
            seconds = time.perf_counter() - started
            on_step(step, {"event": "end", "status": status, "seconds": seconds, "cached": False})
            found.append(timing)
            if on_timing is not None:
                on_timing(timing)
    return found


def _listed(names: str | Sequence[str] | None) -> list[str]:
    if names is None:
        return []
    return [names] if isinstance(names, str) else list(dict.fromkeys(names))
