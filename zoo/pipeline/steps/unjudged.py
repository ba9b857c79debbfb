"""Steps on files that no gate has judged: latency and memory of networks before their training.

Neither depends on the values of weights, so that what a device cannot take is known before hours
are spent on training it. Such files are never handed out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.artifacts.artifact import open_unaltered
from zoo.common.errors import Unsupported, UsageError
from zoo.contracts.device import DeviceKind
from zoo.contracts.plugin import Plugin
from zoo.execution.runtimes import distributions_of
from zoo.pipeline.recipe import RecipeBench
from zoo.pipeline.steps.bench import DeviceStep, time_file
from zoo.pipeline.steps.export import ExportStep
from zoo.pipeline.steps.origin import DataStep
from zoo.pipeline.steps.step import NOT_IN_KEY, Outcome, Step, StepContext
from zoo.registry import Registry
from zoo.results.measurements import Measurement

#: Kinds of their records; no table of latencies takes them for files that can be shipped.
SCREEN, ARENA = "screen", "arena"


@dataclass(frozen=True, kw_only=True)
class TensorArena:
    """The memory that a microcontroller's interpreter allocates for a file.

    Attributes:
        bytes: Of the tensor arena.
        version: Of the interpreter.
    """

    bytes: int
    version: str


@dataclass(frozen=True, kw_only=True, eq=False)
class UnjudgedBenchStep(DeviceStep[Measurement]):
    """The latency of an exported file on one device.

    Attributes:
        export: Made the file.
    """

    export: ExportStep
    options: RecipeBench
    result_type = Measurement

    @property
    def needs(self) -> tuple[Step[Any], ...]:
        return (self.export,)

    def run(self, context: StepContext) -> Outcome[Measurement]:
        device, source = self.place.reached(), _file_of(context, self.export)
        return time_file(self.origin.registry, device, source, self.options, context)


@dataclass(frozen=True, kw_only=True, eq=False)
class ArenaStep(DataStep[TensorArena]):
    """The tensor arena of an exported file.

    Attributes:
        export: Made the file.
        kind: Measures it.
    """

    export: ExportStep
    kind: DeviceKind = field(metadata=NOT_IN_KEY)
    result_type = TensorArena

    @property
    def needs(self) -> tuple[Step[Any], ...]:
        return (self.export,)

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        registry, format = self.origin.registry, self.export.id.format
        kind = registry.devices.provider(self.kind.name)
        return (registry.exporters.provider(format), kind)

    @property
    def distributions(self) -> tuple[str, ...]:
        return distributions_of(self.origin.registry, self.kind)

    def run(self, context: StepContext) -> Outcome[TensorArena]:
        import numpy as np

        artifact = open_unaltered(self.origin.registry, _file_of(context, self.export))
        given = artifact.contents.inputs[0]
        assert self.kind.arena is not None
        # Of no inputs, the arena alone is measured.
        none = np.zeros((0, *given.shape), given.dtype)
        found = self.kind.arena(artifact.path, none)
        if found.bytes is None:
            raise Unsupported(
                f"{artifact.path.name} does not run on microcontrollers", why=found.problem
            )
        return Outcome(result=TensorArena(bytes=found.bytes, version=found.version))


def _file_of(context: StepContext, export: ExportStep) -> Path:
    made = context.before.of(export)
    return made.folder / made.result.file


def measures_arena(registry: Registry, format: str | None) -> DeviceKind:
    """The kind of device that measures the tensor arena of files, of any format for None.

    Raises:
        UsageError: None does.
    """
    kinds = [kind for kind in registry.devices if kind.arena]
    fitting = [kind for kind in kinds if format is None or format in kind.formats]
    if not fitting:
        known = ", ".join(dict.fromkeys(name for kind in kinds for name in kind.formats))
        raise UsageError(
            f"nothing here measures the tensor arena of {format or 'any'} files",
            fix=f"--format {known}" if known else "zoo plugins list says which plugins are broken",
        )
    return fitting[0]
