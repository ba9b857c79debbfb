"""Step: run a file in its deployment runtime on the whole test split, and judge it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.artifacts.artifact import (
    REJECTED,
    GateReference,
    embed,
    judged,
    open_unaltered,
    require_manifest,
)
from zoo.artifacts.gate import compare_outputs, conversion, judge, reasons
from zoo.artifacts.golden_samples import golden_name
from zoo.artifacts.reference_outputs import REFERENCE, judged_split
from zoo.common.files import atomic_path, copy_with_sides, sha256_of, size_with_sides, write_bytes
from zoo.contracts import Comparison
from zoo.data.opening import open_dataset
from zoo.execution.runner import choose_runtime, evaluation_of, judging_device, run_file
from zoo.pipeline.steps.keep_golden import keep_golden
from zoo.registry import Registry
from zoo.results.records import GateResult, as_plain

if TYPE_CHECKING:
    from zoo.contracts.task import Array
    from zoo.pipeline.engine import Outcome, Work

OUTPUTS = "outputs.npz"


def gate(
    registry: Registry,
    work: Work,
    *,
    source: Path,
    data: str,
    reference: Path,
    preprocessing: dict[str, Any],
    twin: Path | None,
    max_drop: float | None,
    parity_inputs: int | None,
    trained: Path | None = None,
    budgets: Mapping[str, Mapping[str, str]] | None = None,
) -> Outcome:
    """Judges one file.

    Args:
        registry: Finds exporter, task and device.
        work: Folder and progress of the step.
        source: The exported file.
        data: Dataset whose test split is used.
        reference: Folder of the Keras model's evaluation.
        preprocessing: `Comparison` of the normalization, as a dictionary.
        twin: Folder of the float32 file's gate; None for that file itself.
        max_drop: Points that may be lost; None for the task's limit.
        parity_inputs: Inputs compared one by one; None for all.
        trained: Folder of the evaluation of the network that was trained to be quantized, when
            the file is made from it: beside all else, the file must answer as that one does.
        budgets: Kept in the manifest; judged once the file is timed.
    """
    import numpy as np

    from zoo.data.preprocessing.inputs import labels_for, truth_of
    from zoo.pipeline.engine import Outcome

    artifact = open_unaltered(registry, source)
    manifest = require_manifest(artifact)
    task, precision = registry.tasks.get(manifest.task), registry.precision(manifest.precision)
    dataset = open_dataset(registry, data)
    device = judging_device(registry)
    runtime = choose_runtime(artifact.exporter, device)
    examples = judged_split(dataset, task.min_parity_inputs)
    answered = run_file(
        source,
        runtime,
        device,
        examples,
        manifest.preprocessing,
        emit=work.emit,
        children=work.children,
    )
    expected, labels = _load(reference / REFERENCE)
    compared = max(task.min_parity_inputs, parity_inputs or len(labels))
    steps = labels_for(examples, manifest.preprocessing)[:compared]
    network = compare_outputs(task, expected[:compared], answered.outputs[:compared], steps)
    twins = None
    if trained is not None:
        origin = _load(trained / REFERENCE)[0][:compared]
        twins = compare_outputs(task, origin, answered.outputs[:compared], steps)
    truth = truth_of(dataset, "test", manifest.preprocessing)
    expected = expected[: len(labels)]
    answered = replace(answered, outputs=answered.outputs[: len(labels)])
    checks = judge(
        task=task,
        precision=precision,
        contents=artifact.contents,
        parity=network,
        preprocessing=Comparison(**preprocessing),
        truth=truth,
        reference=expected,
        outputs=answered.outputs,
        max_drop=max_drop,
        twin=None if twin is None else _load(twin / OUTPUTS)[0],
        kept=manifest.kept,
        layers=manifest.layers,
    )
    if twins is not None:
        checks = (*checks, conversion(task, twins, precision))
    passed = all(check.passed for check in checks)
    evaluation = evaluation_of(task, source.name, dataset, "test", truth, answered, OUTPUTS)
    with atomic_path(work.folder / OUTPUTS) as temporary, temporary.open("wb") as file:
        np.savez(file, outputs=answered.outputs, labels=labels)
    target = work.folder / (source.name if passed else source.name + REJECTED)
    side_files = artifact.contents.side_files
    copy_with_sides(source, target, side_files)
    answer = GateReference(
        passed=passed,
        runtime=runtime,
        runtime_version=answered.runtime_version,
        checks=checks,
        metrics=evaluation.metrics,
    )
    golden, beside = keep_golden(
        artifact, precision, answered, examples, labels, f"{data}/test", device, work.children
    )
    if beside is not None:
        write_bytes(work.folder / golden_name(source.name), beside)
    embed(artifact.exporter, target, judged(manifest, answer, golden, budgets))
    headline = task.evaluate(task.decode(expected), truth)[0]
    result = GateResult(
        file=target.name,
        format=manifest.format,
        precision=manifest.precision,
        passed=passed,
        checks=checks,
        evaluation=evaluation,
        network=network,
        preprocessing=Comparison(**preprocessing),
        drop=headline.lost_by(evaluation.metrics[0]),
        sha256=sha256_of(target),
        bytes=size_with_sides(target, side_files),
        model_bytes=artifact.contents.payload_bytes,
        side_files=side_files,
        golden="" if beside is None else golden_name(source.name),
    )
    return Outcome(
        result=as_plain(result),
        status="passed" if passed else "rejected",
        reason=reasons(checks),
    )


def _load(path: Path) -> tuple[Array, Array]:
    import numpy as np

    with np.load(path, allow_pickle=False) as stored:
        return stored["outputs"], stored["labels"]
