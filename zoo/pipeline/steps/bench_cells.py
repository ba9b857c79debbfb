"""Steps of ``zoo bench`` that workers perform: the files, and the times of all on one device."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from zoo.artifacts.artifact import open_unaltered
from zoo.benchmark.candidate import Candidate
from zoo.benchmark.cells import CellResult, fitting_dataset, time_cells, with_tools
from zoo.benchmark.journal import Journal
from zoo.benchmark.scheduling import AskedCells
from zoo.benchmark.tiers import tier_named
from zoo.common.errors import BadFile, ZooError
from zoo.common.files import copy_with_side_files, sha256_of
from zoo.common.worker import RemoteFailure, flatten
from zoo.contracts.plugin import Plugin
from zoo.execution.runtimes import distributions_of, running_plugins
from zoo.pipeline.steps.bench import PlacedStep
from zoo.pipeline.steps.step import NOT_IN_KEY, Outcome, Planned, Step, StepContext
from zoo.registry import Registry
from zoo.results.measurements import Measurement, Samples


@dataclass(frozen=True, kw_only=True)
class BenchFile:
    """A file to be timed.

    Attributes:
        name: Of the file itself.
        sha256: Of its bytes, and of its side files'.
        path: Where it lies on the machine of the command; empty on others.
    """

    name: str
    sha256: str
    path: str = field(default="", metadata=NOT_IN_KEY)

    @classmethod
    def of(cls, registry: Registry, path: Path) -> BenchFile:
        """A file of this machine.

        Raises:
            ZooError: It cannot be read.
        """
        digest = _content(path, open_unaltered(registry, path).companions)
        return cls(name=path.name, sha256=digest, path=str(path))


def _content(path: Path, companions: Sequence[str]) -> str:
    parts = [sha256_of(path), *(sha256_of(path.parent / name) for name in sorted(companions))]
    return hashlib.sha256(" ".join(parts).encode("ascii")).hexdigest()


@dataclass(frozen=True, kw_only=True)
class BenchFiles:
    """So many files in a step's folder."""

    count: int


@dataclass(frozen=True, kw_only=True, eq=False)
class BenchFilesStep(Step[BenchFiles]):
    """Files of a command, kept so that workers can be given them."""

    files: tuple[BenchFile, ...]
    registry: Registry = field(metadata=NOT_IN_KEY)
    result_type = BenchFiles

    def run(self, context: StepContext) -> Outcome[BenchFiles]:
        for file, target in zip(self.files, self.paths(context.folder), strict=True):
            source = Path(file.path)
            companions = open_unaltered(self.registry, source).companions
            target.parent.mkdir()
            copy_with_side_files(source, target, companions)
            if _content(target, companions) != file.sha256:
                raise BadFile(
                    f"{source} changed while it was sent to a worker",
                    fix="leave it alone meanwhile, and type the command again",
                )
        return Outcome(result=BenchFiles(count=len(self.files)))

    def paths(self, folder: Path) -> list[Path]:
        """The copies, in the order of the command; two may have one name."""
        return [folder / str(n) / Path(file.name).name for n, file in enumerate(self.files)]


@dataclass(frozen=True, kw_only=True)
class TimedCell:
    """What came of one cell.

    Attributes:
        file: Its place among the files.
        samples: In base64; empty of a failure.
        error: What it failed of; None where it was timed.
    """

    file: int
    runtime: str
    threads: int
    batch: int | None
    shapes: Mapping[str, tuple[int, ...]]
    kept: bool
    reached: bool
    measurement: Measurement | None = None
    samples: str = ""
    error: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, timed: CellResult, files: list[Path]) -> TimedCell:
        """A cell of a worker."""
        candidate, result = timed.candidate, timed.result
        outcome: dict[str, Any]
        if isinstance(result, ZooError):
            outcome = {"error": asdict(flatten(result)), "reached": timed.reached}
        else:
            measurement, samples = result
            packed = base64.b64encode(samples.encode()).decode("ascii")
            outcome = {"measurement": measurement, "samples": packed, "reached": True}
        return cls(
            file=files.index(candidate.path),
            runtime=candidate.runtime,
            threads=candidate.threads,
            batch=candidate.batch,
            shapes={name: tuple(shape) for name, shape in candidate.shapes.items()},
            kept=timed.kept,
            **outcome,
        )

    def result(self, files: list[Path], key: str, *, kept: bool) -> CellResult:
        """The cell at the command, whose files have their own paths there."""
        candidate = Candidate(
            path=files[self.file],
            runtime=self.runtime,
            threads=self.threads,
            batch=self.batch,
            shapes=self.shapes,
        )
        result: Any
        if self.measurement is None:
            result = RemoteFailure(**(self.error or {})).error()
        else:
            result = self.measurement, Samples.decode(base64.b64decode(self.samples))
        return CellResult(
            candidate=candidate,
            result=result,
            kept=kept or self.kept,
            reached=self.reached,
            key=key,
        )


@dataclass(frozen=True, kw_only=True)
class TimedCells:
    """All cells on one device."""

    cells: tuple[TimedCell, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class BenchCellsStep(PlacedStep[TimedCells]):
    """The times of files on one device, whose processes take turns.

    Attributes:
        asked: How they are timed.
        fresh: Whether to measure anew what an unfinished command has kept.
        order: Tells one command from a later one that asks the same, and measures anew.
        plan: What another machine makes the same step from.
    """

    files: BenchFilesStep
    asked: AskedCells
    order: str
    fresh: bool = field(metadata=NOT_IN_KEY)
    plan: str = field(metadata=NOT_IN_KEY)
    result_type = TimedCells

    @property
    def planned(self) -> Planned | None:
        return Planned(text=self.plan, registry=self.files.registry)

    @property
    def needs(self) -> tuple[Step[Any], ...]:
        return (self.files,)

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        registry, kind = self.files.registry, self.place.device.kind
        found = []
        for file in self.files.files:
            exporter = registry.exporter_for(Path(file.name))
            if exporter is not None:
                found += [registry.exporters.provider(exporter.name)]
                found += running_plugins(registry, kind, exporter.name)
        return tuple(found)

    @property
    def distributions(self) -> tuple[str, ...]:
        return distributions_of(self.files.registry, self.place.device.kind)

    def run(self, context: StepContext) -> Outcome[TimedCells]:
        registry, device = self.files.registry, self.place.reached()
        files = self.files.paths(context.before.of(self.files).folder)
        asked = replace(self.asked, files=tuple(map(str, files)))
        cells = with_tools(registry, device, asked.cells(registry, context.children))
        name, journal = asked.accuracy, Journal()
        timed = time_cells(
            registry,
            device,
            cells,
            tier_named(asked.tier),
            children=context.children,
            dataset=None if name is None else fitting_dataset(registry, name, cells),
            journal=journal,
            fresh=self.fresh,
            watch=lambda number, stage: context.emit(
                {"event": "cell", **asdict(stage), "cell": number}
            ),
        )
        if not any(isinstance(one.result, ZooError) for one in timed):
            journal.forget(one.key for one in timed)
        found = tuple(TimedCell.of(one, files) for one in timed)
        return Outcome(result=TimedCells(cells=found))
