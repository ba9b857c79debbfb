"""Steps on devices: time a file through the agent, or analyse it for a device never timed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.benchmark.cells import cells_of, time_cells
from zoo.benchmark.tiers import tier_named
from zoo.common.errors import ZooError
from zoo.contracts.plugin import Plugin
from zoo.execution.device import Device
from zoo.execution.offline_analysis import OfflineAnalysis, analyse_file
from zoo.execution.runtimes import distributions_of, running_plugins
from zoo.pipeline.recipe import RecipeBench
from zoo.pipeline.steps.origin import DataStep
from zoo.pipeline.steps.step import NOT_IN_KEY, FinishedSteps, Outcome, Result, Step, StepContext
from zoo.registry import Registry
from zoo.results.measurements import Measurement

if TYPE_CHECKING:
    from zoo.pipeline.steps.gate import GateStep


@dataclass(frozen=True, kw_only=True)
class StepDevice:
    """A device, and which machine it is today; or why that cannot be told.

    Attributes:
        machine: Stands for the machine and the runtimes installed there.
    """

    device: Device = field(metadata=NOT_IN_KEY)
    machine: str
    kind: str
    options: Mapping[str, Any]
    problem: ZooError | None = field(default=None, metadata=NOT_IN_KEY)

    @classmethod
    def of(cls, device: Device) -> StepDevice:
        """Asks the device; one that does not answer costs its own steps alone, later."""
        problem = None
        try:
            machine = device.fingerprint()
        except ZooError as error:
            # Whatever it turns out to be, no result is known of it.
            machine, problem = secrets.token_hex(8), error
        return cls(
            device=device,
            machine=machine,
            kind=device.kind.name,
            options=dict(device.options),
            problem=problem,
        )

    def reached(self) -> Device:
        """The device.

        Raises:
            ZooError: It did not answer.
        """
        if self.problem is not None:
            raise self.problem
        return self.device


@dataclass(frozen=True, kw_only=True, eq=False)
class PlacedStep(Step[Result]):
    """A step on or for one device."""

    place: StepDevice
    #: Alone while it times; its key depends on what is installed here.
    exclusive = True


@dataclass(frozen=True, kw_only=True, eq=False)
class DeviceStep(DataStep[Result], PlacedStep[Result]):
    """One file, on or for one device."""

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        registry, format = self.origin.registry, self.id.format
        running = running_plugins(registry, self.place.device.kind, format)
        return (registry.exporters.provider(format), *running)

    @property
    def distributions(self) -> tuple[str, ...]:
        return distributions_of(self.origin.registry, self.place.device.kind)


@dataclass(frozen=True, kw_only=True, eq=False)
class JudgedFileStep(DeviceStep[Result]):
    """One file that passed its gate, on or for one device."""

    gate: GateStep

    @property
    def needs(self) -> tuple[Step[Any], ...]:
        return (self.gate,)

    def file(self, context: StepContext) -> Path:
        """The file that passed its gate."""
        judged = context.before.of(self.gate)
        return judged.folder / judged.result.of_part(self.id.part).file


@dataclass(frozen=True, kw_only=True, eq=False)
class AnalysisStep(JudgedFileStep[OfflineAnalysis]):
    """The offline analysis of one file for one device."""

    result_type = OfflineAnalysis

    def needless(self, before: FinishedSteps) -> str:
        format, device = self.gate.id.format, self.place.device
        if before.of(self.gate).passed and format not in device.kind.formats:
            return f"{device.name!r} takes no {format} files"
        return ""

    def run(self, context: StepContext) -> Outcome[OfflineAnalysis]:
        record = analyse_file(self.origin.registry, self.place.reached(), self.file(context))
        return Outcome(
            result=record,
            status="passed" if record.passed else "rejected",
            reason="; ".join(record.faults),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class BenchStep(JudgedFileStep[Measurement]):
    """The latency of one file on one device."""

    options: RecipeBench
    result_type = Measurement

    def run(self, context: StepContext) -> Outcome[Measurement]:
        device = self.place.reached()
        return time_file(self.origin.registry, device, self.file(context), self.options, context)


def time_file(
    registry: Registry, device: Device, source: Path, options: RecipeBench, context: StepContext
) -> Outcome[Measurement]:
    """The latency of a file on a device, by its preferred runtime.

    Raises:
        ZooError: The file does not run there.
    """
    cells = cells_of(registry, [source], [], [options.threads], context.children)
    (timed,) = time_cells(
        registry,
        device,
        [replace(cell, profile=options.profile) for cell in cells],
        tier_named(options.tier),
        # Of the last part the end of the step tells.
        progress=lambda done, total: (
            context.emit({"event": "progress", "done": done, "total": total})
            if done < total
            else None
        ),
        children=context.children,
    )
    if isinstance(timed.result, ZooError):
        raise timed.result
    measurement, samples = timed.result
    return Outcome(result=measurement, samples=samples.encode())
