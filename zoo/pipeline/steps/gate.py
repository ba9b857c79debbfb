"""Step: run a file in its deployment runtime on the whole test split, and judge it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.artifacts.artifact import (
    REJECTED,
    GateReference,
    embed,
    require_manifest,
    with_gate_result,
)
from zoo.artifacts.file_chain import FileChain, chain_of, name_of_all
from zoo.artifacts.file_task import as_file_gives, record_checks, task_of
from zoo.artifacts.further_sizes import FurtherOutputs
from zoo.artifacts.gate import (
    chain_checks,
    compare_outputs,
    conversion_parity,
    left_in_float,
    preprocessing_parity,
    reasons,
    run_checks,
)
from zoo.artifacts.golden_samples import golden_name
from zoo.artifacts.normalization_in_file import NormalizationFinding, measure
from zoo.artifacts.reference_outputs import LEADING, REFERENCE, comparison_split
from zoo.common.files import (
    atomic_path,
    copy_with_side_files,
    sha256_of,
    size_with_side_files,
    write_bytes,
)
from zoo.contracts import Check, Precision, Split
from zoo.contracts.plugin import Plugin
from zoo.data.opening import open_dataset
from zoo.execution.chain_runner import combine_outputs, run_chain
from zoo.execution.device import Device
from zoo.execution.further_sizes import check_further
from zoo.execution.runner import choose_runtime, evaluation_of, host_device
from zoo.execution.runtimes import distributions_of, running_plugins
from zoo.pipeline.recipe import Gate
from zoo.pipeline.steps.free_sides import FURTHER, further_outputs, read_further
from zoo.pipeline.steps.keep_golden import KeptGolden, keep_golden
from zoo.pipeline.steps.origin import DataStep
from zoo.pipeline.steps.rounded_network import judged_beside_rounded
from zoo.pipeline.steps.step import NOT_IN_KEY, Outcome, Step, StepContext
from zoo.results.records import Evaluation, GatedFile, GateResult, QualityFinding
from zoo.tasks.quality import loss_between

if TYPE_CHECKING:
    from zoo.contracts.task import Array
    from zoo.pipeline.steps.evaluate import EvaluateStep
    from zoo.pipeline.steps.export import ExportStep

OUTPUTS = "outputs.npz"
_NORMALIZED_INPUTS = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class GateStep(DataStep[GateResult]):
    """The verdict on one file, or on all files of one model together.

    Attributes:
        exports: Made the files, in the order in which they run; one, mostly.
        twin: Judged the float32 file of the same format; None for that file itself.
        trained: Evaluated the network that was trained to be quantized, when the file is made from
            it: beside all else, the file must answer as that one does.
        calibrated: Judged the calibrated file, which such a file stands in for.
        options: What may be lost, and how many inputs are compared.
        budgets: Kept in the manifest; judged once the file is timed.
    """

    exports: tuple[ExportStep, ...] = field(metadata=NOT_IN_KEY)
    reference: EvaluateStep
    twin: GateStep | None = None
    trained: EvaluateStep | None = None
    calibrated: GateStep | None = field(default=None, metadata=NOT_IN_KEY)
    options: Gate
    budgets: Mapping[str, Mapping[str, str]]
    result_type = GateResult

    @property
    def export(self) -> ExportStep:
        """Made the file; of several, the first."""
        return self.exports[0]

    @property
    def judge(self) -> Device:
        """Where the file runs."""
        return host_device(self.origin.registry)

    @property
    def needs(self) -> tuple[Step[Any], ...]:
        rounded = [self.reference.train] if self._is_rounded else []
        return (*self.exports, self.reference, *rounded, *([self.trained] if self.trained else []))

    @property
    def _is_rounded(self) -> bool:
        """Whether the file is compared with the network whose weights are rounded so, too."""
        registry = self.origin.registry
        task = registry.tasks.get(self.origin.task)
        return task.beside_rounded(registry.precision(self.id.precision))

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
        from zoo.data.readers.hashing import array_hash

        registry = self.origin.registry
        evaluated = context.before.of(self.reference)
        twin = None if self.twin is None else context.before.of(self.twin)
        made = [context.before.of(export) for export in self.exports]
        chain = chain_of(registry, [one.folder / one.result.file for one in made])
        manifest = chain.manifest
        task, precision = task_of(registry, manifest), registry.precision(manifest.precision)
        dataset = open_dataset(registry, self.origin.data)
        device = self.judge
        runtime = choose_runtime(chain.first.exporter, device)
        examples = comparison_split(dataset, task.min_parity_inputs)
        by_file = run_chain(
            chain,
            runtime,
            device,
            examples,
            emit=context.emit,
            children=context.children,
            keep=task.condensed,
        )
        answered = combine_outputs(chain, by_file)
        expected, labels = _load(evaluated.folder / REFERENCE)
        expected = as_file_gives(registry, manifest, expected)
        compared = max(task.min_parity_inputs, self.options.parity_inputs or len(labels))
        steps = labels_for(examples, manifest.preprocessing)[:compared]
        found, rounding = answered.outputs[:compared], precision.rounding
        network = compare_outputs(task, expected[:compared], found, steps, rounding)
        twins = None
        if self.trained is not None:
            origin = _load(context.before.of(self.trained).folder / REFERENCE)[0][:compared]
            origin = as_file_gives(registry, manifest, origin)
            twins = compare_outputs(task, origin, found, steps, rounding)
        truth = truth_of(dataset, "test", manifest.preprocessing)
        expected = expected[: len(labels)]
        answered = replace(answered, outputs=answered.outputs[: len(labels)])
        checks = run_checks(
            task=task,
            precision=precision,
            static=(
                *chain_checks(chain, precision),
                *record_checks(task, chain, evaluated.result.decoding),
            ),
            parity=network,
            preprocessing=self._normalization(context, chain, examples),
            truth=truth,
            reference=expected,
            outputs=answered.outputs,
            max_drop=self.options.max_drop,
            baseline=None if twin is None or not twin.judged else _load(twin.folder / OUTPUTS)[0],
        )
        if twins is not None:
            checks = (*checks, conversion_parity(task, twins, precision))
        if manifest.free_sides:
            further = read_further(made[0].folder / FURTHER, manifest.free_sides)
            own = replace(precision, tolerances=task.tolerances(precision))
            found_there = check_further(
                chain.first, further, own, runtime, device, context.children
            )
            checks = (*checks, found_there)
        if self._is_rounded:
            subject = self.origin.weights(context.before.of(self.reference.train))
            beside = judged_beside_rounded(
                context, subject, self.origin.data, chain, task, precision, network, found, steps
            )
            checks = (*checks, beside)
        passed = all(check.passed for check in checks)
        evaluation = evaluation_of(task, chain.name, dataset, "test", truth, answered, OUTPUTS)
        with atomic_path(context.folder / OUTPUTS) as temporary, temporary.open("wb") as file:
            np.savez(file, outputs=answered.outputs, labels=labels)
        answer = GateReference(
            passed=passed,
            runtime=runtime,
            runtime_version=answered.runtime_version,
            checks=checks,
            metrics=evaluation.metrics,
            processor=answered.processor,
            outputs_sha256=array_hash(answered.outputs).hex(),
            calibration_error=task.calibration_error(answered.outputs, truth),
            findings=_each_once(
                evaluated.result,
                *([context.before.of(self.trained).result] if self.trained else []),
                evaluation,
            ),
        )
        golden = keep_golden(
            chain,
            precision,
            by_file,
            examples,
            labels,
            f"{self.origin.data}/test",
            device,
            context.children,
            task,
        )
        kept = further_outputs(chain.first, golden[0][0], runtime, device, context.children)
        files = self._write(context.folder, chain, answer, golden, kept)
        drop = loss_between(task.evaluate(task.answers(expected, truth), truth), evaluation.metrics)
        whole = files[0] if len(files) == 1 else _whole(files)
        result = GateResult(
            file=whole.file,
            format=manifest.format,
            precision=manifest.precision,
            passed=passed,
            checks=checks,
            evaluation=evaluation,
            network=network,
            preprocessing=evaluated.result.preprocessing,
            drop=drop,
            sha256=whole.sha256,
            bytes=whole.bytes,
            model_bytes=whole.model_bytes,
            side_files=whole.side_files,
            golden=whole.golden,
            parts=files if len(files) > 1 else (),
            left_in_float=_left_in_float(chain, precision),
        )
        return Outcome(
            result=result,
            status="passed" if passed else "rejected",
            reason=reasons(checks),
        )

    def _normalization(self, context: StepContext, chain: FileChain, examples: Split) -> Check:
        """The normalization in the file that takes examples, and in the network's own graph."""
        from zoo.data.preprocessing.inputs import read_inputs

        in_network = preprocessing_parity(context.before.of(self.reference).result.preprocessing)
        if not in_network.passed:
            return in_network
        origin = context.before.of(self.reference if self.trained is None else self.trained)
        count = range(min(_NORMALIZED_INPUTS, len(examples)))
        found: NormalizationFinding = context.call(
            measure,
            path=chain.first.path,
            plugins=self.origin.registry.settings,
            inputs=read_inputs(examples, chain.manifest.preprocessing, count),
            leading=origin.folder / LEADING,
        )
        if found.kind != "none":
            return found.check
        value = f"{found.check.value}; {in_network.value} in the network's own graph"
        return replace(in_network, value=value)

    def _write(
        self,
        folder: Path,
        chain: FileChain,
        answer: GateReference,
        golden: Sequence[KeptGolden],
        further: tuple[FurtherOutputs, ...],
    ) -> tuple[GatedFile, ...]:
        """Copies the files with the gate's answer, the names of all, and golden inputs."""
        suffix = "" if answer.passed else REJECTED
        references = chain.references([a.path.name + suffix for a in chain.artifacts])
        files = []
        for artifact, part, (record, beside) in zip(
            chain.artifacts, chain.names, golden, strict=True
        ):
            source = artifact.path
            target = folder / (source.name + suffix)
            side_files = artifact.contents.side_files
            copy_with_side_files(source, target, side_files)
            if beside is not None:
                write_bytes(folder / golden_name(source.name), beside)
            manifest = require_manifest(artifact)
            told = with_gate_result(manifest, answer, record, self.budgets, references, further)
            embed(artifact.exporter, target, told)
            files.append(
                GatedFile(
                    part=part,
                    file=target.name,
                    sha256=sha256_of(target),
                    bytes=size_with_side_files(target, side_files),
                    model_bytes=artifact.contents.payload_bytes,
                    side_files=side_files,
                    golden="" if beside is None else golden_name(source.name),
                )
            )
        return tuple(files)


def _each_once(*evaluations: Evaluation) -> tuple[QualityFinding, ...]:
    """Their findings, each kind in the words of the first that has it."""
    found = [finding for evaluation in evaluations for finding in evaluation.findings]
    return tuple({finding.code: finding for finding in reversed(found)}.values())[::-1]


def _left_in_float(chain: FileChain, precision: Precision) -> str:
    """What no one asked to be in float, of every file."""
    found = [
        left_in_float(artifact.contents, precision, manifest.kept, manifest.layers)
        for artifact, manifest in zip(chain.artifacts, chain.manifests, strict=True)
    ]
    if len(found) == 1:
        return found[0]
    return "; ".join(
        f"{part}: {told}" for part, told in zip(chain.names, found, strict=True) if told
    )


def _whole(files: Sequence[GatedFile]) -> GatedFile:
    """Several files as one: a name for all, and sums; hashes are of single files alone."""
    return GatedFile(
        part="",
        file=name_of_all([file.file for file in files], [file.part for file in files]),
        sha256="",
        bytes=sum(file.bytes for file in files),
        model_bytes=sum(file.model_bytes for file in files),
    )


def _load(path: Path) -> tuple[Array, Array]:
    import numpy as np

    with np.load(path, allow_pickle=False) as stored:
        return stored["outputs"], stored["labels"]
