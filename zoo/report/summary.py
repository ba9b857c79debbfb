"""From the records of a run to what people look at: rows, remarks, samples."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from zoo.artifacts.artifact import open_artifact, require_manifest
from zoo.common.clock import utc_now
from zoo.data.opening import open_dataset
from zoo.execution.offline_analysis import OfflineAnalysis
from zoo.pipeline.output_folder import RECIPE
from zoo.pipeline.rows import ArtifactRow, rows_of
from zoo.pipeline.run import Run
from zoo.pipeline.steps.qat import QAT
from zoo.pipeline.steps.step import StepId
from zoo.report.environment import environment_rows, versions_here
from zoo.report.remarks import noisy_again, remarks
from zoo.report.view import RunView
from zoo.results.records import TrainingResult

#: Times the epochs of a run whose network was weak, offered next.
LONGER = 3


def remarks_of(run: Run, rows: Sequence[ArtifactRow], *, commands: bool = True) -> tuple[str, ...]:
    """Findings on the files of a run, and on those that it need not make.

    Args:
        run: What ended.
        rows: Its files.
        commands: Whether a remark on noise holds the command that measures again.
    """
    wrong = run.training.result.wrong_record
    of_run = [f"{text[0].upper()}{text[1:]}." for text in (wrong, *run.job.left_out) if text]
    learnt = run.finished.get(QAT)
    if learnt is not None and learnt.record.needless:
        of_run.append(f"Quantization-aware training was {learnt.record.reason}.")
    return (*remarks(rows, str(run.folder) if commands else ""), *of_run, *run.remarks)


def analyses_of(run: Run) -> tuple[OfflineAnalysis, ...]:
    """What was found of the run's files for devices that nothing is timed on."""
    ended = (run.finished[step] for step in _steps(run, "examine"))
    return tuple(step.result for step in ended if step.judged)


def _steps(run: Run, kind: str) -> Iterator[StepId]:
    return (step for step in run.finished if step.kind == kind)


def view_of(run: Run, command: str) -> RunView:
    """Everything the report shows; reads test examples and outputs."""
    # Reads arrays, which the rows of a table need not wait for.
    from zoo.report.example_selection import samples_of, step_samples_of
    from zoo.report.generated_images import galleries_of, sample_images_of

    rows = rows_of(run)
    training, reference = run.training.result, run.evaluation.value
    details = {} if reference is None else {run.job.model_id: reference.details}
    details |= {gate.result.file: gate.result.evaluation.details for gate in run.gates}
    dataset = open_dataset(run.job.registry, run.job.recipe.data)
    return RunView(
        title=f"{run.job.model_id}",
        model_id=run.job.model_id,
        parent=training.parent,
        dataset=dataset.name,
        created=min(max((step.created for step in run.steps), default=""), utc_now()),
        command=command,
        rows=rows,
        training=training if training.epochs else None,
        quantization=_quantization(run),
        reference=reference,
        findings=run.findings,
        confusions={n: told["confusion"] for n, told in details.items() if "confusion" in told},
        curves={name: told for name, told in details.items() if "roc" in told},
        rates={name: told for name, told in details.items() if "curves" in told},
        samples=samples_of(run, dataset) if reference is not None else (),
        step_samples=step_samples_of(run, dataset) if reference is not None else (),
        sketches=sample_images_of(run, training),
        galleries=galleries_of(run, dataset) if reference is not None else (),
        classes=dataset.classes,
        examinations=analyses_of(run),
        environment=_environment(run),
        remarks=remarks_of(run, rows, commands=False),
        again=noisy_again(rows, str(run.folder)),
        next_commands=next_commands(run),
        steps=run.steps,
    )


def _quantization(run: Run) -> TrainingResult | None:
    """The training for integers; None when there was none."""
    learnt = run.finished.get(QAT)
    return None if learnt is None else learnt.value


def _environment(run: Run) -> dict[str, str]:
    """Where the latencies were taken, what made the files, and what wrote the page."""
    timed = [run.finished[step] for step in _steps(run, "bench")]
    where = next((environment_rows(one.result.environment) for one in timed if one.passed), {})
    return {**where, **_versions(run)} or versions_here()


def _versions(run: Run) -> dict[str, str]:
    """Packages that made the files, by format, as their manifests name them."""
    found = {}
    for gate in run.gates:
        if gate.result.passed and gate.result.format not in found:
            artifact = open_artifact(run.job.registry, run.folder / gate.result.files[0].file)
            versions = require_manifest(artifact).versions
            found[gate.result.format] = ", ".join(f"{k} {v}" for k, v in versions.items())
    return {f"{name} files made with": text for name, text in found.items()}


def next_commands(run: Run) -> tuple[str, ...]:
    """What a user would type after this run: by what came of it."""
    if run.weak:
        return _against_weakness(run)
    good = [gate.result for gate in run.gates if gate.result.passed]
    if not good:
        return (f"zoo evaluate {shlex.quote(str(run.weights))} --data {_data(run)}",)
    smallest = min(good, key=lambda result: result.bytes)
    quoted = [shlex.quote(str(run.folder / file.file)) for file in smallest.files]
    return (
        f"zoo bundle {quoted[0]}",
        f"zoo bench {' '.join(quoted)} --threads 1 --threads 2",
        f"zoo inspect {quoted[0]}",
    )


def _against_weakness(run: Run) -> tuple[str, ...]:
    """The same with more training, where it was trained at all; the data; other networks."""
    longer = LONGER * run.job.recipe.training.epochs
    recipe = shlex.quote(str(run.folder / RECIPE))
    trained = (f"zoo ship --recipe {recipe} --epochs {longer}",) if longer else ()
    return (*trained, f"zoo data {_data(run)}", "zoo list")


def _data(run: Run) -> str:
    return shlex.quote(run.job.recipe.data)
