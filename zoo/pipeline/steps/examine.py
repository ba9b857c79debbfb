"""Step: examine a file for a device that nothing is timed on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.execution.examination import ExaminationRecord, examine_file
from zoo.execution.runtimes import running_plugins
from zoo.pipeline.steps.bench import Place
from zoo.pipeline.steps.origin import Origin
from zoo.pipeline.steps.step import Ended, Outcome, Step, Work
from zoo.registry import Plugin

if TYPE_CHECKING:
    from zoo.pipeline.steps.gate import GateStep


@dataclass(frozen=True, kw_only=True, eq=False)
class ExamineStep(Step[ExaminationRecord]):
    """What is found of one file that passed its gate, for one device.

    Attributes:
        origin: What it is about.
        gate: Judged the file.
        place: The device.
    """

    origin: Origin
    gate: GateStep
    place: Place
    result_type = ExaminationRecord
    #: Its key depends on what is installed here, as that of a timing does.
    exclusive = True

    @property
    def needs(self) -> tuple[Step[Any], ...]:
        return (self.gate,)

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        registry, format = self.origin.registry, self.gate.id.format
        running = running_plugins(registry, self.place.device.kind, format)
        return (registry.exporters.provider(format), *running)

    @property
    def distributions(self) -> tuple[str, ...]:
        return self.place.device.kind.distributions

    def needless(self, before: Ended) -> str:
        format, device = self.gate.id.format, self.place.device
        if before.of(self.gate).passed and format not in device.kind.formats:
            return f"{device.name!r} takes no {format} files"
        return ""

    def run(self, work: Work) -> Outcome[ExaminationRecord]:
        device = self.place.reached()
        judged = work.before.of(self.gate)
        file = judged.folder / judged.result.of_part(self.id.part).file
        record = examine_file(self.origin.registry, device, file)
        return Outcome(
            result=record,
            status="passed" if record.passed else "rejected",
            reason="; ".join(record.faults),
        )
