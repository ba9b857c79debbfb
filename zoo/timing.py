"""``zoo bench``: files against each other on devices, and into the results store."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from zoo.artifact import Artifact, open_unaltered
from zoo.clock import utc_now
from zoo.contracts import Dataset, Device
from zoo.device_accuracy import accuracy_judge
from zoo.errors import UnknownName, ZooError
from zoo.examining import examine_files, refuse_timing_options
from zoo.expected_answers import CheckAnswers, answers_check
from zoo.files import sha256_of
from zoo.isolation import Children
from zoo.keys import step_key
from zoo.measurement.bench import Candidate, Stage, measure_interleaved
from zoo.measurement.examination import ExaminationRecord
from zoo.measurement.journal import Journal
from zoo.measurement.records import Measurement, Samples
from zoo.measurement.tiers import Tier, tier_named
from zoo.named_devices import device_named, runtime_on
from zoo.pipeline import OnStep
from zoo.records import StepRecord, as_plain
from zoo.registry import Registry
from zoo.running import value_range_of
from zoo.store import Store

RUN = "bench"
#: Begins the run of what users gave a tag of their own.
TAGGED = "bench:"
OnTiming = Callable[["Timing"], None]


@dataclass(frozen=True, kw_only=True)
class Timing:
    """One file with one runtime and number of threads on one device.

    Attributes:
        file: As the user named it.
        threads: For one inference.
        device: Name of the device.
        runtime: Of the agent; None where the device could not tell which it has.
        measurement: None when it failed.
        error: Why it failed; None when it did not.
        kept: Whether an unfinished bench had measured it already.
        batch: Examples in one inference, as asked; None left it to the file.
        examination: What was found out for a device that nothing is timed on; else None.
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

    @property
    def refused(self) -> bool:
        """Whether an examination found that the file cannot be used there."""
        return self.examination is not None and not self.examination.passed


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What is asked: a file, how to run it, and where.

    Attributes:
        artifact: The file.
        runtime: Of the agent; None for the preferred one that the device has.
        threads: For one inference.
        check: Of its answers there.
        batch: Examples in one inference; None leaves it to the file.
        profile: Whether to find out what each operator takes.
    """

    artifact: Artifact
    runtime: str | None
    threads: int
    check: CheckAnswers
    batch: int | None = None
    profile: bool = False


@dataclass(kw_only=True)
class _Place:
    """One device and what is to be measured there."""

    device: Device
    cells: list[Cell]
    first: int
    timings: list[Timing] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    reached: bool = False


@dataclass(kw_only=True, eq=False)
class _Terms:
    """What all devices of one call share."""

    registry: Registry
    tier: Tier
    store: Store
    tag: str | None
    dataset: Dataset | None
    journal: Journal
    fresh: bool
    children: Children
    on_step: OnStep
    on_timing: OnTiming | None


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
        },
    )
    devices = [device for device in devices if device.kind.examine is None]
    if not devices:
        return examined
    children = Children()
    cells = [
        replace(cell, batch=count, profile=profile)
        for cell in _cells(
            registry, files, _listed(runtime), list(dict.fromkeys(threads)), children
        )
        for count in (dict.fromkeys(batch) or [None])
    ]
    dataset = None if accuracy is None else _dataset(registry, accuracy, cells)
    terms = _Terms(
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
        _Place(device=where, cells=cells, first=number * len(cells))
        for number, where in enumerate(devices)
    ]
    started = time.perf_counter()
    on_step(RUN, {"event": "start", "kind": "bench"})
    on_step(RUN, {"event": "cells", "cells": _plain_cells(places)})
    try:
        _measure_all(terms, places)
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


def _cells(
    registry: Registry,
    files: Sequence[Path],
    runtimes: Sequence[str],
    threads: Sequence[int],
    children: Children,
) -> list[Cell]:
    """Every file with each runtime that runs it and each number of threads.

    Raises:
        UnknownName: A runtime that runs none of the files, or a file that none of them runs.
    """
    cells: list[Cell] = []
    used: set[str] = set()
    for path in dict.fromkeys(files):
        artifact = open_unaltered(registry, path)
        known = artifact.exporter.all_runtimes
        fitting: list[str | None] = [name for name in runtimes if name in known]
        used.update(name for name in runtimes if name in known)
        if runtimes and not fitting:
            raise UnknownName(f"runtime of {artifact.exporter.name}", runtimes[0], known)
        check = answers_check(registry, artifact, children=children)
        cells += [
            Cell(artifact=artifact, runtime=name, threads=count, check=check)
            for name in (fitting or [None])
            for count in threads
        ]
    for name in runtimes:
        if name not in used:
            raise UnknownName("runtime of these files", name, used)
    return cells


def _dataset(registry: Registry, name: str, cells: Sequence[Cell]) -> Dataset:
    """The dataset that quality is measured on, once it is known to fit every file."""
    from zoo.steps.common import open_dataset

    dataset = open_dataset(registry, name)
    for cell in cells:
        accuracy_judge(registry, cell.artifact, dataset)
    return dataset


def _plain_cells(places: Sequence[_Place]) -> list[dict[str, Any]]:
    """What is to be measured, for whoever shows it."""
    return [
        {
            "file": cell.artifact.path.name,
            "device": place.device.name,
            "runtime": cell.runtime,
            "threads": cell.threads,
            "batch": cell.batch,
        }
        for place in places
        for cell in place.cells
    ]


def _measure_all(terms: _Terms, places: Sequence[_Place]) -> None:
    """Measures on all devices: those with processors of their own at the same time.

    An interruption ends the agents; what is done is recorded before it goes on its way.
    """
    here = [place for place in places if not place.device.kind.remote]
    groups = [[place] for place in places if place.device.kind.remote] + ([here] if here else [])
    progress = _Progress(terms, places)

    def measure(group: Sequence[_Place]) -> None:
        for place in group:
            _measure_place(terms, place, progress)

    with ThreadPoolExecutor(max_workers=len(groups), thread_name_prefix="zoo-bench") as pool:
        futures: list[Future[None]] = [pool.submit(measure, group) for group in groups]
        try:
            wait(futures)
        finally:
            terms.children.stop_all()
            wait(futures)
    for future in futures:
        future.result()


def _measure_place(terms: _Terms, place: _Place, progress: _Progress) -> None:
    """Measures on one device and records what came of it."""
    found: dict[int, tuple[Candidate, tuple[Measurement, Samples] | ZooError]] = {}
    ready: list[tuple[int, Candidate]] = []
    kept: set[int] = set()
    for number, cell in enumerate(place.cells):
        if terms.children.stopping:
            return
        try:
            candidate = _candidate(terms, place.device, cell)
        except ZooError as error:
            progress.failed(place, number)
            found[number] = (_nowhere(cell), error)
        else:
            place.keys.append(candidate.key(place.device, terms.tier, sha256_of(candidate.path)))
            ready.append((number, candidate))
    if terms.fresh:
        terms.journal.forget(place.keys)

    def watch(stage: Stage) -> None:
        number = ready[stage.place][0]
        if stage.kept == stage.total:
            kept.add(number)
        progress.stage(place, number, stage)

    if ready:
        try:
            results: Sequence[tuple[Measurement, Samples] | ZooError] = measure_interleaved(
                place.device,
                [candidate for _, candidate in ready],
                tier=terms.tier,
                watch=watch,
                journal=terms.journal,
                children=terms.children,
            )
            place.reached = True
        except ZooError as error:
            results = [error] * len(ready)
            for number, _ in ready:
                progress.failed(place, number)
        for (number, candidate), result in zip(ready, results, strict=True):
            found[number] = (candidate, result)
    for number in sorted(found):
        candidate, result = found[number]
        if isinstance(result, ZooError) and terms.children.stopping:
            continue  # The interruption ended it: nothing is wrong with it.
        timing = keep(terms.store, place.device, candidate, result, terms.tag, number in kept)
        place.timings.append(timing)
        if terms.on_timing is not None:
            terms.on_timing(timing)


def _nowhere(cell: Cell) -> Candidate:
    """A cell that could not become a candidate, for its record."""
    return Candidate(
        path=cell.artifact.path,
        runtime=cell.runtime or "",
        threads=cell.threads,
        batch=cell.batch,
    )


def _candidate(terms: _Terms, device: Device, cell: Cell) -> Candidate:
    judge = None
    if terms.dataset is not None:
        judge = accuracy_judge(terms.registry, cell.artifact, terms.dataset)
    return Candidate(
        path=cell.artifact.path,
        runtime=_runtime_there(cell.artifact, device, cell.runtime),
        threads=cell.threads,
        batch=cell.batch,
        profile=cell.profile,
        value_range=value_range_of(cell.artifact),
        check=cell.check,
        judge=judge,
        judged_on="" if terms.dataset is None else terms.dataset.content_hash,
    )


def _runtime_there(artifact: Artifact, device: Device, runtime: str | None) -> str:
    if runtime is None:
        return runtime_on(artifact.exporter, device)
    if runtime not in device.runtimes():
        raise ZooError(
            f"{runtime!r} is not installed on {device.name!r}",
            fix=f"`zoo devices doctor {device.name}` shows the runtimes that are there",
        )
    return runtime


class _Progress:
    """How far all devices have come."""

    def __init__(self, terms: _Terms, places: Sequence[_Place]) -> None:
        self._terms = terms
        self._stages: dict[int, Stage] = {}
        self._lock = threading.Lock()
        self._cells = sum(len(place.cells) for place in places)

    def failed(self, place: _Place, number: int) -> None:
        """A cell that cannot be measured."""
        self.stage(place, number, Stage(place=number, doing="failed", done=0, total=0))

    def stage(self, place: _Place, number: int, stage: Stage) -> None:
        """Tells how far one cell, and with it the whole, has come."""
        with self._lock:
            self._stages[place.first + number] = stage
            cell = {**asdict(stage), "event": "cell", "cell": place.first + number}
            self._terms.on_step(RUN, cell)
            self._terms.on_step(RUN, self._whole())

    def _whole(self) -> dict[str, Any]:
        stages = self._stages.values()
        each = max(1, *(stage.total for stage in stages))
        # What failed counts as done: the others' end is what people wait for.
        done = sum(each if s.doing == "failed" else s.done for s in stages)
        kept = sum(s.kept for s in stages)
        return {"event": "progress", "done": done, "total": each * self._cells, "kept": kept}


def candidate_for(
    registry: Registry, device: Device, path: Path, threads: int, runtime: str | None
) -> Candidate:
    """What to measure of a file on a device.

    Raises:
        ZooError: No such file, or none that it can run there.
    """
    artifact = open_unaltered(registry, path)
    known = artifact.exporter.all_runtimes
    if runtime is not None and runtime not in known:
        raise UnknownName(f"runtime of {artifact.exporter.name}", runtime, known)
    return Candidate(
        path=path,
        runtime=_runtime_there(artifact, device, runtime),
        threads=threads,
        value_range=value_range_of(artifact),
        check=answers_check(registry, artifact),
    )


def keep(
    store: Store,
    device: Device,
    candidate: Candidate,
    result: tuple[Measurement, Samples] | ZooError,
    tag: str | None = None,
    kept: bool = False,
) -> Timing:
    """Appends one result to the store: a failure is a record too.

    A measurement that is there already, since an unfinished bench has recorded it, is not added
    again.
    """
    step = f"bench {candidate.path.name} {candidate.threads} {device.name}"
    run = RUN if tag is None else f"{TAGGED}{tag}"
    now = utc_now()
    timing = Timing(
        file=candidate.path,
        threads=candidate.threads,
        device=device.name,
        runtime=candidate.runtime or None,
        batch=candidate.batch,
        kept=kept,
    )
    if isinstance(result, ZooError):
        moment = {"file": str(candidate.path), "threads": candidate.threads, "at": time.time_ns()}
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
