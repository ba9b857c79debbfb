"""Step: a file that loses too much gets another try, its worst layers kept from its precision.

Layers are ranked by what a network's own outputs lose. A file that prepares inputs or decodes
outputs itself is written once layers were chosen by files without these parts, which are the same
whatever they are.
"""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.analysis.layer_comparison import compare_layers
from zoo.analysis.mixed_precision import (
    EXAMPLES,
    FloatLayerSearch,
    MixedCandidate,
    SearchCallbacks,
    remark,
    search,
)
from zoo.artifacts import closeness
from zoo.artifacts.artifact import Artifact, embed, open_artifact, require_manifest
from zoo.artifacts.file_task import task_of
from zoo.artifacts.gate import compare_outputs
from zoo.artifacts.reference_outputs import EXPECTED
from zoo.common.errors import Unsupported, ZooError
from zoo.common.files import copy_with_side_files, sha256_of, size_with_side_files
from zoo.contracts import Comparison, Dataset, LayerComparison, Precision, Task, Truth
from zoo.contracts.plugin import Plugin
from zoo.contracts.precision import BASELINE, CALIBRATIONS
from zoo.data.opening import open_dataset
from zoo.execution.device import Device
from zoo.execution.runner import choose_runtime, host_device, run_file
from zoo.execution.runtimes import running_plugins
from zoo.pipeline.steps.export import ExportParameters, ExportStep
from zoo.pipeline.steps.step import NOT_IN_KEY, Outcome, Step, StepContext
from zoo.registry import Registry
from zoo.results.records import Attempt, Export
from zoo.tasks.quality import loss_between, loss_unit

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Inputs on which layers are compared.
_COMPARED = 64


def can_repair(registry: Registry, format: str, precision: str) -> bool:
    """Whether a file of this format and precision can be compared and made anew."""
    exporter = registry.exporters.get(format)
    makes_twin = BASELINE.name in exporter.precisions
    return precision in exporter.mixes and exporter.compare_layers is not None and makes_twin


@dataclass(frozen=True, kw_only=True, eq=False)
class RepairStep(ExportStep):
    """A file of small integers; where it loses too much, the cheapest of others that does not.

    Attributes:
        max_drop: Points that may be lost; None for the task's limit.
        twin: Writes the float file of the same format, with which layers are compared; None where
            none is asked for.
    """

    max_drop: float | None
    twin: ExportStep | None = field(default=None, metadata=NOT_IN_KEY)
    early = 2

    @property
    def judge(self) -> Device:
        """Where files are measured."""
        return host_device(self.origin.registry)

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        running = running_plugins(self.origin.registry, self.judge.kind, self.id.format)
        return (*super().plugins, *running)

    @property
    def waits_for(self) -> tuple[Step[Any], ...]:
        # Without that file this step makes one like it, so that no result depends on it.
        return (*super().waits_for, *(() if self.twin is None else (self.twin,)))

    def run(self, context: StepContext) -> Outcome[Export]:
        asked = replace(self.asked, end_to_end=False)
        session = RepairSession(step=self, context=context, asked=asked)
        callbacks = SearchCallbacks(
            make=session.make,
            compare=session.compare,
            tell=session.tell,
            precision=self.origin.registry.precision(self.asked.precision),
        )
        try:
            found = search(callbacks, self.asked.keep)
            return Outcome(result=session.finish(found))
        finally:
            for folder in context.folder.glob("try-*"):
                shutil.rmtree(folder, ignore_errors=True)


@dataclass(kw_only=True)
class RepairSession:
    """The files that one step makes and measures."""

    step: RepairStep
    context: StepContext
    asked: ExportParameters
    made: int = 0
    unit: str = field(default_factory=lambda: loss_unit([]))
    expected: Array = field(init=False)

    @property
    def registry(self) -> Registry:
        """Finds exporter, task and device."""
        return self.step.origin.registry

    def tell(self, text: str) -> None:
        """Passes a stage on as progress."""
        self.context.emit({"event": "stage", "text": text})

    @cached_property
    def dataset(self) -> Dataset:
        """What files are measured on."""
        return open_dataset(self.registry, self.step.origin.data)

    def make(self, keep: tuple[str, ...]) -> MixedCandidate:
        """Writes and measures a file.

        Raises:
            ZooError: The first file cannot be made.
            Unsupported: One of the others cannot be made or measured.
        """
        first = self.made == 0
        self.made += 1
        folder = self.context.folder / f"try-{self.made}"
        try:
            asked = replace(self.asked, keep=keep)
            result = self._export(folder, asked, EXAMPLES if first else 0)
            path = folder / result.file
            if first:
                self._read_expected(folder)
                self._settle_method(path)
            attempt = self._measured(path, keep)
        except Unsupported:
            raise
        except ZooError as error:
            if first:
                raise
            raise Unsupported(f"this choice of layers does not work: {error.what}") from error
        return MixedCandidate(attempt=attempt, path=path, result=result)

    def _export(self, folder: Path, asked: ExportParameters, expected: int = 0) -> Export:
        folder.mkdir()
        reuse = self.context.folder / "try-shared"
        reuse.mkdir(exist_ok=True)
        return self.step.export(self.context, asked, folder, expected=expected, reuse=reuse)

    def _read_expected(self, folder: Path) -> None:
        import numpy as np

        with np.load(folder / EXPECTED, allow_pickle=False) as stored:
            self.expected = stored["outputs"]

    def _settle_method(self, path: Path) -> None:
        """The method of calibration that was best for the first file serves the others too."""
        calibration = require_manifest(open_artifact(self.registry, path)).calibration
        if calibration is not None and calibration.method in CALIBRATIONS:
            settled = self.asked.calibration.model_copy(update={"method": calibration.method})
            self.asked = replace(self.asked, calibration=settled)

    def _measured(self, path: Path, keep: tuple[str, ...]) -> Attempt:
        size = _size(open_artifact(self.registry, path))
        try:
            drop, reason = self._loss(path)
        except ZooError as error:
            if self.made > 1:
                raise
            # The gate, which needs the same runtime, will tell; there is nothing to search with.
            return Attempt(kept=keep, drop=None, bytes=size, good=True, reason=error.what)
        good = drop <= self.budget(path) and not reason
        return Attempt(kept=keep, drop=drop, bytes=size, good=good, reason=reason)

    def budget(self, path: Path) -> float:
        """Points that may be lost, or per cent by which a distance may rise."""
        if self.step.max_drop is not None:
            return self.step.max_drop
        manifest = require_manifest(open_artifact(self.registry, path))
        task = task_of(self.registry, manifest)
        return task.allowed_loss(self.registry.precision(manifest.precision))

    def _loss(self, path: Path) -> tuple[float, str]:
        """What a file loses on the validation split, and why it answers otherwise than Keras."""
        from zoo.data.preprocessing.inputs import labels_for
        from zoo.data.subset import subset

        artifact = open_artifact(self.registry, path)
        manifest = require_manifest(artifact)
        device = self.step.judge
        runtime = choose_runtime(artifact.exporter, device)
        examples = subset(self.dataset.splits["validation"], EXAMPLES)
        self.tell("measuring on the validation split")
        task = task_of(self.registry, manifest)
        answered = run_file(
            path,
            runtime,
            device,
            examples,
            manifest.preprocessing,
            emit=self.context.emit,
            children=self.context.children,
            keep=task.condensed,
        )
        labels = labels_for(examples, manifest.preprocessing)
        truth = Truth(
            labels=labels,
            classes=self.dataset.classes,
            examples=examples,
            # The test split is the gate's.
            held_out=subset(self.dataset.splits["train"], EXAMPLES),
            preprocessing=manifest.preprocessing,
        )
        before = task.evaluate(task.answers(self.expected, truth), truth)
        self.unit = loss_unit(before)
        after = task.evaluate(task.answers(answered.outputs, truth), truth)
        drop = loss_between(before, after) or 0.0
        precision = self.registry.precision(manifest.precision)
        return drop, loss_reasons(task, truth, self.expected, answered.outputs, precision)

    def compare(self, first: MixedCandidate) -> LayerComparison:
        """The first file and its float twin."""
        return self.context.call(
            compare_layers,
            self.step.limits,
            plugins=self.registry.settings,
            path=str(first.path),
            twin=str(self._float_twin()),
            data=self.step.origin.data,
            split="validation",
            samples=_COMPARED,
            seed=self.asked.seed,
            runs=0,
        )

    def _float_twin(self) -> Path:
        """The file of the step that writes it, or one that is made for this."""
        step = self.step.twin
        if step is not None and not step.asked.end_to_end:
            made = self.context.before.of(step)
            if made.record.status == "passed":
                return made.folder / made.result.file
        folder = self.context.folder / "try-float"
        made_here = self._export(folder, replace(self.asked, precision=BASELINE.name, keep=()))
        return folder / made_here.file

    def finish(self, found: FloatLayerSearch) -> Export:
        """Puts the chosen file where the step's files belong; its manifest tells of the search."""
        budget = self.budget(found.chosen.path)
        written = self._asked_for(found.chosen)
        chosen = open_artifact(self.registry, written.path)
        path = self.context.folder / chosen.path.name
        copy_with_side_files(chosen.path, path, chosen.companions)
        artifact = open_artifact(self.registry, path)
        manifest = require_manifest(artifact)
        count = min(EXAMPLES, len(self.dataset.splits["validation"]))
        text = remark(found, budget, self.unit, count)
        if text:
            told = replace(manifest, remarks=(*manifest.remarks, text))
            embed(artifact.exporter, path, told)
        return replace(
            written.result,
            attempts=found.attempts,
            remark=text,
            bytes=_size(artifact),
            sha256=sha256_of(path),
        )

    def _asked_for(self, chosen: MixedCandidate) -> MixedCandidate:
        """The chosen file, with a front end and a decoder where they are asked for."""
        if not self.step.asked.end_to_end:
            return chosen
        self.tell("writing the chosen file with all its parts")
        folder = self.context.folder / "try-whole"
        kept = chosen.attempt.kept
        result = self._export(folder, replace(self.asked, keep=kept, end_to_end=True))
        return replace(chosen, path=folder / result.file, result=result)


def _size(artifact: Artifact) -> int:
    return size_with_side_files(artifact.path, artifact.contents.side_files)


def loss_reasons(
    task: Task, truth: Truth, expected: Array, outputs: Array, precision: Precision
) -> str:
    """Why the gate would refuse a file, beside what it loses on the whole; empty: nothing.

    Args:
        task: Judges.
        truth: Of the examples.
        expected: Outputs of the network.
        outputs: Of the file.
        precision: Of the file.
    """
    compared = compare_outputs(task, expected, outputs, truth.labels, precision.rounding)
    unsure = task.probability_checks(truth, expected, outputs, precision)
    # What is little beside all examples may be most of one class.
    before, after = (task.answers(made, truth) for made in (expected, outputs))
    by_class = task.class_loss(truth, before, after)
    checks = (*unsure, *(() if by_class is None else (by_class,)))
    found = (parity_reason(task, compared, precision), *(check.reason for check in checks))
    return "; ".join(filter(None, found))


def parity_reason(task: Task, found: Comparison, precision: Precision) -> str:
    """Why a file answers otherwise than its network, in figures as measured; empty: it does not.

    A margin decides, which is no figure to be shown.
    """
    if closeness.parity(task, _with_margin(found), precision).passed:
        return ""
    measured = closeness.parity(task, found, precision)
    few = f"{measured.value}, too near the limit for so few inputs ({measured.limit})"
    return measured.reason or few


def _with_margin(found: Comparison) -> Comparison:
    """One standard error less agreement: the gate asks on other examples, and must agree."""
    share = found.agreement
    error = math.sqrt(share * (1.0 - share) / max(found.count, 1))
    return replace(found, agreement=share - error)
