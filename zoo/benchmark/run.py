"""``zoo bench``: files against each other on devices, and into the results store."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from zoo.benchmark.cells import cells_of, fitting_dataset, reference_cells
from zoo.benchmark.journal import Journal
from zoo.benchmark.scheduling import OnTiming, Place, Terms, measure_all, plain_cells
from zoo.benchmark.tiers import tier_named
from zoo.benchmark.timing import RUN, Timing
from zoo.common.progress import OnStep
from zoo.common.worker import Children
from zoo.execution.device import Device
from zoo.execution.devices import device_named
from zoo.execution.examine_files import examine_files, refuse_timing_options
from zoo.registry import Registry
from zoo.results.store import Store


def time_files(
    registry: Registry,
    files: Sequence[Path],
    *,
    device: str | Sequence[str] | None,
    threads: Sequence[int],
    tier: str,
    runtime: str | Sequence[str] | None,
    store_url: str | None,
    on_step: OnStep,
    tag: str | None = None,
    fresh: bool = False,
    accuracy: str | None = None,
    batch: Sequence[int] = (),
    profile: bool = False,
    reference: bool = False,
    on_timing: OnTiming | None = None,
) -> list[Timing]:
    """Times every file with every runtime and number of threads on every device.

    On one device, processes take turns. Devices with processors of their own measure at the same
    time, all others one after the other. A file that fails costs itself alone, and so does a
    device that is lost. What an unfinished bench has measured is not measured again.

    Args:
        registry: Finds devices, formats, tasks.
        files: What to time.
        device: Names; None for this machine.
        threads: For one inference.
        tier: Name of the grade of care.
        runtime: Names; each file takes those that run its format; None for the preferred one.
        store_url: Of the results store.
        on_step: Receives progress, and how far each cell has come.
        tag: A name for these results.
        fresh: Whether to measure anew what an unfinished bench has kept.
        accuracy: Also measures the quality on the test split of this dataset, on the device.
        batch: Examples in one inference, each of these; none leaves it to the files.
        profile: Also finds out what each operator takes.
        reference: Also times the networks that the files came from, before any export.
        on_timing: Receives each result once it is recorded.

    Raises:
        ZooError: A file, device, tier or runtime that cannot be used, or the only device cannot
            be reached; nothing was measured.
    """
    grade = tier_named(tier)
    names = [device] if device is None or isinstance(device, str) else list(dict.fromkeys(device))
    devices = [device_named(registry, name) for name in names]
    examined = _examined(
        registry,
        files,
        [device for device in devices if device.kind.examine is not None],
        (store_url, tag, on_step, on_timing),
        {
            "--threads": tuple(threads) != (1,),
            "--runtime": bool(runtime),
            "--accuracy": accuracy is not None,
            "--batch": bool(batch),
            "--profile": profile,
            "--reference": reference,
        },
    )
    devices = [device for device in devices if device.kind.examine is None]
    if not devices:
        return examined
    children = Children()
    counts = list(dict.fromkeys(threads))
    cells = cells_of(registry, files, _listed(runtime), counts, children)
    cells += reference_cells(registry, cells, counts, children) if reference else []
    cells = [
        replace(cell, batch=count, profile=profile)
        for cell in cells
        for count in (dict.fromkeys(batch) or [None])
    ]
    dataset = None if accuracy is None else fitting_dataset(registry, accuracy, cells)
    terms = Terms(
        registry=registry,
        tier=grade,
        store=Store(store_url),
        tag=tag,
        dataset=dataset,
        journal=Journal(),
        fresh=fresh,
        children=children,
        on_step=on_step,
        on_timing=on_timing,
    )
    places = [
        Place(device=where, cells=cells, first=number * len(cells))
        for number, where in enumerate(devices)
    ]
    started = time.perf_counter()
    on_step(RUN, {"event": "start", "kind": "bench"})
    on_step(RUN, {"event": "cells", "cells": plain_cells(places)})
    try:
        measure_all(terms, places)
    finally:
        terms.store.close()
    timings = [timing for place in places for timing in place.timings]
    if all(timing.error is None for timing in timings):
        terms.journal.forget(key for place in places for key in place.keys)
    failed = len(places) == 1 and not places[0].reached
    status = "failed" if failed else "passed"
    seconds = time.perf_counter() - started
    on_step(RUN, {"event": "end", "status": status, "seconds": seconds, "cached": False})
    if failed and timings[0].error is not None:
        raise timings[0].error
    return examined + timings


def _examined(
    registry: Registry,
    files: Sequence[Path],
    devices: Sequence[Device],
    terms: tuple[str | None, str | None, OnStep, OnTiming | None],
    given: Mapping[str, bool],
) -> list[Timing]:
    """Files on devices that nothing is timed on."""
    store_url, tag, on_step, on_timing = terms
    for device in devices:
        refuse_timing_options(device, [option for option, there in given.items() if there])
    found: list[Timing] = []
    for each in examine_files(registry, devices, files, store_url, tag, on_step) if devices else ():
        found.append(
            Timing(
                file=each.file,
                threads=0,
                device=each.device,
                examination=each.record,
                error=each.error,
            )
        )
        if on_timing is not None:
            on_timing(found[-1])
    return found


def _listed(names: str | Sequence[str] | None) -> list[str]:
    if names is None:
        return []
    return [names] if isinstance(names, str) else list(dict.fromkeys(names))
