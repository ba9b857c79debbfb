"""What is asked of a bench: files, each with runtimes, numbers of threads and of examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.artifacts.artifact import Artifact, open_unaltered, value_range_of
from zoo.benchmark.candidate import Candidate
from zoo.benchmark.keras_baseline import RUNTIME, Reference, references_of
from zoo.common.errors import UnknownName, ZooError
from zoo.common.worker import Children
from zoo.contracts import Dataset
from zoo.execution.accuracy import accuracy_judge
from zoo.execution.device import Device
from zoo.execution.devices import runtime_on
from zoo.execution.expected_outputs import CheckAnswers, answers_check
from zoo.registry import Registry


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What is asked: a file, how to run it, and where.

    Attributes:
        artifact: The file.
        runtime: Of the agent; None for the preferred one that the device has.
        threads: For one inference.
        check: Of its answers there; a reference brings one of its own.
        batch: Examples in one inference; None leaves it to the file.
        profile: Whether to find out what each operator takes.
        reference: Where the file's network before its export is meant, this network.
    """

    artifact: Artifact
    runtime: str | None
    threads: int
    check: CheckAnswers | None
    batch: int | None = None
    profile: bool = False
    reference: Reference | None = None

    @property
    def name(self) -> str:
        """What results call it."""
        return self.artifact.path.name if self.reference is None else self.reference.name


def cells_of(
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


def reference_cells(
    registry: Registry, cells: Sequence[Cell], threads: Sequence[int], children: Children
) -> list[Cell]:
    """The networks that the files came from, each with each number of threads."""
    artifacts = [cell.artifact for cell in cells]
    return [
        Cell(
            artifact=reference.artifact,
            runtime=RUNTIME,
            threads=count,
            check=None,
            reference=reference,
        )
        for reference in references_of(registry, artifacts, children)
        for count in threads
    ]


def fitting_dataset(registry: Registry, name: str, cells: Sequence[Cell]) -> Dataset:
    """The dataset that quality is measured on, once it is known to fit every file."""
    from zoo.data.opening import open_dataset

    dataset = open_dataset(registry, name)
    for cell in cells:
        accuracy_judge(registry, cell.artifact, dataset)
    return dataset


def nowhere(cell: Cell) -> Candidate:
    """A cell that could not become a candidate, for its record."""
    return Candidate(
        path=cell.artifact.path,
        runtime=cell.runtime or "",
        threads=cell.threads,
        batch=cell.batch,
        reference="" if cell.reference is None else cell.reference.name,
    )


def candidate_of(
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
        judge = accuracy_judge(registry, cell.artifact, dataset)
    return Candidate(
        path=cell.artifact.path,
        runtime=_runtime_there(cell.artifact, device, cell.runtime),
        threads=cell.threads,
        batch=cell.batch,
        profile=cell.profile,
        value_range=value_range_of(cell.artifact),
        check=cell.check,
        judge=judge,
        judged_on="" if dataset is None else dataset.content_hash,
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
