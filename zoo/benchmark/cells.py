"""Cells of a benchmark (a file, a runtime, threads, a batch) and the one way to time them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from zoo.artifacts.artifact import Artifact, open_unaltered
from zoo.artifacts.value_range import value_range_of
from zoo.benchmark.candidate import Candidate, Stage
from zoo.benchmark.journal import Journal
from zoo.benchmark.keras_baseline import Reference, references_of
from zoo.benchmark.measure import NotTimed, Result, measure_interleaved
from zoo.benchmark.tiers import Tier
from zoo.benchmark.timed_inputs import Samples, TimedInputs, timed_inputs
from zoo.common.errors import UnknownName, UsageError, ZooError
from zoo.common.files import sha256_of
from zoo.common.worker import Children
from zoo.contracts import Dataset
from zoo.execution.accuracy import accuracy_measurement
from zoo.execution.device import Device
from zoo.execution.devices import runtime_on
from zoo.execution.expected_outputs import CheckOutputs, make_output_check
from zoo.execution.runtimes import is_tool, reference_runtime, refuse_unfit, runtimes_of
from zoo.registry import Registry


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What is asked: a file, how to run it, and where.

    Attributes:
        runtime: None for the one that the device prefers.
        check: Of its answers there; a reference brings one of its own.
        batch: Examples in one inference; None leaves it to the file.
        profile: Whether to find out what each operator takes.
        reference: Where the file's network before its export is meant, this network.
        given: The inputs that it is timed with.
    """

    artifact: Artifact
    runtime: str | None
    threads: int
    check: CheckOutputs | None
    batch: int | None = None
    profile: bool = False
    reference: Reference | None = None
    given: TimedInputs = field(default_factory=TimedInputs)

    @property
    def name(self) -> str:
        """What results call it."""
        return self.artifact.path.name if self.reference is None else self.reference.name


@dataclass(frozen=True, kw_only=True)
class CellResult:
    """One cell on one device.

    Attributes:
        result: The measurement with its samples, or why there is none.
        kept: Whether an unfinished bench had measured it already.
        reached: Whether the device was; it is not for a cell that it has no runtime for.
        key: By which a journal keeps its processes.
    """

    candidate: Candidate
    result: Result | ZooError
    kept: bool = False
    reached: bool = False
    key: str = ""


def time_cells(
    registry: Registry,
    device: Device,
    cells: Sequence[Cell],
    tier: Tier,
    *,
    children: Children,
    dataset: Dataset | None = None,
    journal: Journal | None = None,
    fresh: bool = False,
    watch: Callable[[int, Stage], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
    all_or_none: bool = False,
) -> list[CellResult]:
    """Times cells on one device: their processes take turns, and one that fails costs itself.

    Args:
        registry: Finds tasks and runtimes.
        device: Where.
        cells: What.
        tier: How carefully.
        children: Registers the agents; once it stops, what is not done holds an error.
        dataset: Also measures the quality on its test split, on the device.
        journal: Keeps each process, and takes up those of a bench that was not finished.
        fresh: Whether to measure anew what that has kept.
        watch: Receives the number of a cell and how far it has come.
        progress: Receives how many parts of the whole are done, and how many there are.
        all_or_none: Whether no cell is of use without the others, as of `measure_interleaved`.
    """
    timed: dict[int, CellResult] = {}
    ready: list[tuple[int, Candidate]] = []
    kept: set[int] = set()

    def tell(number: int, stage: Stage) -> None:
        if stage.total and stage.kept == stage.total:
            kept.add(number)
        if watch is not None:
            watch(number, stage)

    def failed(number: int, candidate: Candidate, error: ZooError) -> None:
        tell(number, Stage(place=number, doing="failed", done=0, total=0))
        timed[number] = CellResult(candidate=candidate, result=error)

    for number, cell in enumerate(cells):
        if children.stopping:
            return []
        if cell.reference is not None:  # It may have to be written first, which takes a while.
            tell(number, Stage(place=number, doing="preparing", done=0, total=0))
        try:
            ready.append((number, _candidate(registry, device, cell, dataset)))
        except ZooError as error:
            failed(number, _unplaced_candidate(cell), error)
    if timed and all_or_none:
        other = cells[min(timed)].name
        for number, candidate in ready:
            failed(number, candidate, NotTimed(candidate.name, other))
        ready = []
    if not ready:
        return [timed[number] for number in sorted(timed)]
    keys = [c.key(device, tier, sha256_of(c.path)) for _, c in ready]
    if fresh and journal is not None:
        journal.forget(keys)
    try:
        results = measure_interleaved(
            device,
            [candidate for _, candidate in ready],
            tier=tier,
            watch=lambda stage: tell(ready[stage.place][0], stage),
            progress=progress,
            journal=journal,
            children=children,
            all_or_none=all_or_none,
        )
    except ZooError as error:
        for number, candidate in ready:
            failed(number, candidate, error)
    else:
        for (number, candidate), result, key in zip(ready, results, keys, strict=True):
            timed[number] = CellResult(
                candidate=candidate, result=result, kept=number in kept, reached=True, key=key
            )
    return [timed[number] for number in sorted(timed)]


def cells_of(
    registry: Registry,
    files: Sequence[Path],
    runtimes: Sequence[str],
    threads: Sequence[int],
    children: Children,
    *,
    shapes: Mapping[str, Sequence[tuple[int, ...]]] | None = None,
    samples: Samples | None = None,
    batch: int | None = None,
) -> list[Cell]:
    """Every file with each runtime that runs it, number of threads, and shape of its inputs.

    Args:
        registry: Finds formats and runtimes.
        files: What to time.
        runtimes: Names; none for the preferred one of each file.
        threads: Numbers of them.
        children: Registers the agents.
        shapes: Of inputs by name, where files leave sizes open.
        samples: Raw examples by input, in place of seeded numbers.
        batch: Examples in one inference, as asked.

    Raises:
        UnknownName: A runtime that runs none of the files, or a file that none of them runs.
        UsageError: A size of an input is not known.
    """
    cells: list[Cell] = []
    used: set[str] = set()
    artifacts = [open_unaltered(registry, path) for path in dict.fromkeys(files)]
    inputs = timed_inputs(artifacts, shapes or {}, samples, batch)
    for artifact, each in zip(artifacts, inputs, strict=True):
        known = runtimes_of(registry, artifact.exporter)
        fitting: list[str | None] = [name for name in runtimes if name in known]
        used.update(name for name in runtimes if name in known)
        if runtimes and not fitting:
            raise UnknownName(f"runtime of {artifact.exporter.name}", runtimes[0], known)
        for given in each:
            check = make_output_check(
                registry,
                artifact,
                shapes=given.sides,
                inputs=given.samples,
                limits=given.limits,
                children=children,
            )
            cells += [
                Cell(artifact=artifact, runtime=name, threads=count, check=check, given=given)
                for name in (fitting or [None])
                for count in threads
            ]
    for name in runtimes:
        if name not in used:
            raise UnknownName("runtime of these files", name, used)
    return cells


def reference_cells(
    registry: Registry, cells: Sequence[Cell], threads: Sequence[int], children: Children
) -> list[Cell]:
    """The networks that the files came from, each with each number of threads."""
    artifacts = [cell.artifact for cell in cells]
    return [
        Cell(
            artifact=reference.artifact,
            runtime=reference_runtime(registry),
            threads=count,
            check=None,
            reference=reference,
        )
        for reference in references_of(registry, artifacts, children)
        for count in threads
    ]


def fitting_dataset(registry: Registry, name: str, cells: Sequence[Cell]) -> Dataset:
    """The dataset that quality is measured on, once it is known to fit every file."""
    from zoo.data.opening import data_for_task, open_dataset

    tasks = {cell.artifact.manifest.task for cell in cells if cell.artifact.manifest is not None}
    for task in tasks if len(tasks) == 1 else ():
        name = data_for_task(registry, name, task)
    dataset = open_dataset(registry, name)
    for cell in cells:
        accuracy_measurement(registry, cell.artifact, dataset)
    return dataset


def with_tools(registry: Registry, device: Device, cells: Sequence[Cell]) -> list[Cell]:
    """The cells, with a vendor's tool for those that name no runtime, if the device has one."""
    tool = device.tool()
    if tool is None:
        return list(cells)
    return [
        replace(cell, runtime=tool.name)
        if cell.runtime is None and tool.name in runtimes_of(registry, cell.artifact.exporter)
        else cell
        for cell in cells
    ]


def check_tools(
    registry: Registry, cells: Sequence[Cell], agent_options: Mapping[str, Any]
) -> None:
    """Refuses what a vendor's tool cannot do.

    Args:
        registry: Knows which runtimes are tools.
        cells: Of all devices.
        agent_options: Options that only the agent knows, by name; those not given are false.

    Raises:
        UsageError: Some cells alone are timed by a tool, or such an option is given.
    """
    tools = [cell.runtime for cell in cells if cell.runtime and is_tool(registry, cell.runtime)]
    if not tools:
        return
    if len(tools) < len(cells):
        raise UsageError(
            f"{tools[0]} and the agent cannot be timed side by side: their figures are not alike",
            fix="name the devices in two commands, or one --runtime that all of them have",
        )
    for option in (name for name, given in agent_options.items() if given):
        raise UsageError(
            f"{tools[0]} has no option {option}",
            fix=f"leave {option} out, or name a runtime of the agent: --runtime …",
        )


def check_compared(registry: Registry, cells: Sequence[Cell]) -> None:
    """Refuses to compare what keeps no samples.

    Raises:
        UsageError: A vendor's tool is to time a cell.
    """
    for cell in cells:
        if cell.runtime is not None and is_tool(registry, cell.runtime):
            raise UsageError(
                f"{cell.runtime} keeps no single times, so no verdict compares its figures",
                fix="name a runtime of the agent, or leave out --runtime",
            )


def _unplaced_candidate(cell: Cell) -> Candidate:
    """A cell that could not become a candidate, for its record."""
    return Candidate(
        path=cell.artifact.path,
        runtime=cell.runtime or "",
        threads=cell.threads,
        batch=cell.batch,
        shapes=cell.given.shapes,
        reference="" if cell.reference is None else cell.reference.name,
    )


def _candidate(
    registry: Registry, device: Device, cell: Cell, dataset: Dataset | None
) -> Candidate:
    """What to measure of a cell on a device.

    Raises:
        ZooError: The device has no runtime for it, or not the one asked for.
    """
    if cell.reference is not None:
        return cell.reference.candidate(cell.threads, cell.batch, dataset)
    judge = None
    if dataset is not None:
        judge = accuracy_measurement(registry, cell.artifact, dataset)
    runtime = _available_runtime(cell.artifact, device, cell.runtime)
    refuse_unfit(registry, runtime, cell.artifact)
    tool = is_tool(registry, runtime)
    return Candidate(
        path=cell.artifact.path,
        runtime=runtime,
        tool=tool,
        threads=cell.threads,
        batch=cell.batch,
        profile=cell.profile,
        value_range=value_range_of(cell.artifact),
        inputs=cell.given.samples,
        limits=cell.given.limits,
        shapes=cell.given.shapes,
        check=None if tool else cell.check,
        judge=judge,
        judged_on="" if dataset is None else dataset.content_hash,
    )


def _available_runtime(artifact: Artifact, device: Device, runtime: str | None) -> str:
    if runtime is None:
        return runtime_on(artifact.exporter, device)
    if runtime not in device.runtimes():
        refusal = device.plugin_runtimes_there.get(runtime)
        raise ZooError(
            f"{runtime!r} is not installed on {device.name!r}",
            why=None if refusal is None else refusal.what,
            fix=f"type: zoo devices setup {device.name}"
            if runtime in device.setup_runtimes
            else f"`zoo devices doctor {device.name}` shows the runtimes that are there",
        )
    return runtime
