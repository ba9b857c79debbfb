"""Step: run a file in its deployment runtime on the whole test split, and judge it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.artifacts.artifact import (
    REJECTED,
    GateReference,
    embed,
    open_unaltered,
    require_manifest,
    with_gate_result,
)
from zoo.artifacts.gate import (
    compare_outputs,
    conversion_parity,
    left_in_float,
    reasons,
    run_checks,
)
from zoo.artifacts.golden_samples import golden_name
from zoo.artifacts.reference_outputs import REFERENCE, comparison_split
from zoo.common.files import (
    atomic_path,
    copy_with_side_files,
    sha256_of,
    size_with_side_files,
    write_bytes,
)
from zoo.data.opening import open_dataset
from zoo.execution.device import Device
from zoo.execution.runner import choose_runtime, evaluation_of, host_device, run_file
from zoo.execution.runtimes import distributions_of, running_plugins
from zoo.pipeline.recipe import Gate
from zoo.pipeline.steps.keep_golden import keep_golden
from zoo.pipeline.steps.origin import Origin
from zoo.pipeline.steps.step import NOT_IN_KEY, Outcome, Step, StepContext
from zoo.registry import Plugin
from zoo.results.records import GateResult

if TYPE_CHECKING:
    from zoo.contracts.task import Array
    from zoo.pipeline.steps.evaluate import EvaluateStep
    from zoo.pipeline.steps.export import ExportStep

OUTPUTS = "outputs.npz"


@dataclass(frozen=True, kw_only=True, eq=False)
class GateStep(Step[GateResult]):
    """The verdict on one file.

    Attributes:
        origin: What it is about.
        export: Made the file.
        reference: Evaluated the Keras network.
        twin: Judged the float32 file of the same format; None for that file itself.
        trained: Evaluated the network that was trained to be quantized, when the file is made from
            it: beside all else, the file must answer as that one does.
        calibrated: Judged the calibrated file, which such a file stands in for.
        options: What may be lost, and how many inputs are compared.
        budgets: Kept in the manifest; judged once the file is timed.
    """

    origin: Origin
    export: ExportStep
    reference: EvaluateStep
    twin: GateStep | None = None
    trained: EvaluateStep | None = None
    calibrated: GateStep | None = field(default=None, metadata=NOT_IN_KEY)
    options: Gate
    budgets: Mapping[str, Mapping[str, str]]
    result_type = GateResult

    @property
    def judge(self) -> Device:
        """Where the file runs."""
        return host_device(self.origin.registry)

    @property
    def needs(self) -> tuple[Step[Any], ...]:
        return (self.export, self.reference, *([self.trained] if self.trained else []))

    @property
    def after(self) -> tuple[Step[Any], ...]:
        return () if self.twin is None else (self.twin,)

    @property
    def replaces(self) -> Step[Any] | None:
        return self.calibrated

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        running = running_plugins(self.origin.registry, self.judge.kind, self.id.format)
        return (*self.export.plugins, *running)

    @property
    def distributions(self) -> tuple[str, ...]:
        judge = distributions_of(self.origin.registry, self.judge.kind)
        return (*self.export.distributions, *judge)

    def run(self, context: StepContext) -> Outcome[GateResult]:
        import numpy as np

        from zoo.data.preprocessing.inputs import labels_for, truth_of

        registry = self.origin.registry
        made, evaluated = context.before.of(self.export), context.before.of(self.reference)
        twin = None if self.twin is None else context.before.of(self.twin)
        source = made.folder / made.result.file
        artifact = open_unaltered(registry, source)
        manifest = require_manifest(artifact)
        task, precision = registry.tasks.get(manifest.task), registry.precision(manifest.precision)
        dataset = open_dataset(registry, self.origin.data)
        device = self.judge
        runtime = choose_runtime(artifact.exporter, device)
        examples = comparison_split(dataset, task.min_parity_inputs)
        answered = run_file(
            source,
            runtime,
            device,
            examples,
            manifest.preprocessing,
            emit=context.emit,
            children=context.children,
        )
        expected, labels = _load(evaluated.folder / REFERENCE)
        compared = max(task.min_parity_inputs, self.options.parity_inputs or len(labels))
        steps = labels_for(examples, manifest.preprocessing)[:compared]
        network = compare_outputs(task, expected[:compared], answered.outputs[:compared], steps)
        twins = None
        if self.trained is not None:
            origin = _load(context.before.of(self.trained).folder / REFERENCE)[0][:compared]
            twins = compare_outputs(task, origin, answered.outputs[:compared], steps)
        truth = truth_of(dataset, "test", manifest.preprocessing)
        expected = expected[: len(labels)]
        answered = replace(answered, outputs=answered.outputs[: len(labels)])
        checks = run_checks(
            task=task,
            precision=precision,
            contents=artifact.contents,
            parity=network,
            preprocessing=evaluated.result.preprocessing,
            truth=truth,
            reference=expected,
            outputs=answered.outputs,
            max_drop=self.options.max_drop,
            twin=None if twin is None or not twin.judged else _load(twin.folder / OUTPUTS)[0],
            kept=manifest.kept,
            layers=manifest.layers,
        )
        if twins is not None:
            checks = (*checks, conversion_parity(task, twins, precision))
        passed = all(check.passed for check in checks)
        evaluation = evaluation_of(task, source.name, dataset, "test", truth, answered, OUTPUTS)
        with atomic_path(context.folder / OUTPUTS) as temporary, temporary.open("wb") as file:
            np.savez(file, outputs=answered.outputs, labels=labels)
        target = context.folder / (source.name if passed else source.name + REJECTED)
        side_files = artifact.contents.side_files
        copy_with_side_files(source, target, side_files)
        answer = GateReference(
            passed=passed,
            runtime=runtime,
            runtime_version=answered.runtime_version,
            checks=checks,
            metrics=evaluation.metrics,
        )
        golden, beside = keep_golden(
            artifact,
            precision,
            answered,
            examples,
            labels,
            f"{self.origin.data}/test",
            device,
            context.children,
        )
        if beside is not None:
            write_bytes(context.folder / golden_name(source.name), beside)
        embed(artifact.exporter, target, with_gate_result(manifest, answer, golden, self.budgets))
        headline = task.evaluate(task.decode(expected), truth)[0]
        result = GateResult(
            file=target.name,
            format=manifest.format,
            precision=manifest.precision,
            passed=passed,
            checks=checks,
            evaluation=evaluation,
            network=network,
            preprocessing=evaluated.result.preprocessing,
            drop=headline.lost_by(evaluation.metrics[0]),
            sha256=sha256_of(target),
            bytes=size_with_side_files(target, side_files),
            model_bytes=artifact.contents.payload_bytes,
            side_files=side_files,
            golden="" if beside is None else golden_name(source.name),
            left_in_float=left_in_float(
                artifact.contents, precision, manifest.kept, manifest.layers
            ),
        )
        return Outcome(
            result=result,
            status="passed" if passed else "rejected",
            reason=reasons(checks),
        )


def _load(path: Path) -> tuple[Array, Array]:
    import numpy as np

    with np.load(path, allow_pickle=False) as stored:
        return stored["outputs"], stored["labels"]
