"""From the records of a run to what people look at: rows, remarks, sample images."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from zoo.card import read_card
from zoo.contracts import Dataset, FileContents, ImagePreprocessing, Metric, Preprocessing
from zoo.measurement.records import Measurement
from zoo.pipeline import Finished
from zoo.plan import EVALUATE, FINETUNE
from zoo.records import Evaluation, GateResult, StepRecord, TrainingResult
from zoo.report.remarks import remarks
from zoo.report.view import ArtifactRow, Picture, RunView, SampleImage
from zoo.run import Run
from zoo.steps.common import REFERENCE, open_dataset
from zoo.steps.gate import OUTPUTS

if TYPE_CHECKING:
    from zoo.contracts.task import Array

_GATE = TypeAdapter(GateResult)
_CONTENTS = TypeAdapter(FileContents)
_MEASUREMENT = TypeAdapter(Measurement)
_TRAINING = TypeAdapter(TrainingResult)
_EVALUATION = TypeAdapter(Evaluation)
_SAMPLES = 12
#: Real examples of a gallery, at most.
_PICTURED = 48


def rows_of(run: Run) -> tuple[ArtifactRow, ...]:
    """One row for each file that the run made or failed to make."""
    rows = []
    float_bytes: dict[str, int] = {}
    for exporter in run.job.exporters:
        for precision in run.job.precisions:
            cell = f"{exporter.name} {precision}"
            export = run.finished[f"export {cell}"].record
            gate = run.finished[f"gate {cell}"].record
            name = f"{run.job.model_id}.{precision}{exporter.suffix}"
            bench = _first_bench(run, cell)
            row = _row(name, exporter.name, precision, export, gate, bench, float_bytes)
            rows.append(row)
    return tuple(rows)


def _first_bench(run: Run, cell: str) -> StepRecord | None:
    for device in run.job.devices:
        found = run.finished.get(f"bench {cell} {device.name}")
        if found is not None:
            return found.record
    return None


def _row(
    name: str,
    format: str,
    precision: str,
    export: StepRecord,
    gate: StepRecord,
    bench: StepRecord | None,
    float_bytes: dict[str, int],
) -> ArtifactRow:
    if gate.status not in ("passed", "rejected") or gate.result is None:
        broken = export if export.status != "passed" else gate
        return ArtifactRow(
            file=name,
            format=format,
            precision=precision,
            verdict=broken.status,
            reason=_one_line(broken.reason),
        )
    judged = _GATE.validate_python(gate.result)
    contents = _CONTENTS.validate_python((export.result or {})["contents"])
    if precision == "float32":
        float_bytes[format] = judged.model_bytes
    twin = float_bytes.get(format)
    timed = None
    verdict, reason = gate.status, gate.reason
    if bench is not None and bench.status == "passed" and bench.result is not None:
        timed = _MEASUREMENT.validate_python(bench.result)
    elif bench is not None and bench.status == "failed":
        reason = f"not timed: {_one_line(bench.reason)}"
    return ArtifactRow(
        file=judged.file,
        format=format,
        precision=precision,
        verdict=verdict,
        reason=reason,
        bytes=judged.bytes,
        size_ratio=twin / judged.model_bytes if twin and precision != "float32" else None,
        accuracy=judged.evaluation.metrics[0],
        drop_points=judged.drop,
        agreement=judged.network.agreement,
        max_abs=judged.network.max_abs,
        sqnr_db=judged.network.sqnr_db,
        ssim=judged.network.ssim,
        integer_share=contents.integer_share,
        p50_ms=timed.p50_ms if timed else None,
        p90_ms=timed.p90_ms if timed else None,
        p50_low=timed.p50_low_ms if timed else None,
        p50_high=timed.p50_high_ms if timed else None,
        runtime=timed.runtime if timed else judged.evaluation.runtime,
        threads=timed.threads if timed else None,
        quiet=timed.quiet if timed else None,
        checks=judged.checks,
    )


def _one_line(reason: str) -> str:
    """An error's three sentences, as a table has room for."""
    return "; ".join(line.strip() for line in reason.splitlines())


def view_of(run: Run, command: str) -> RunView:
    """Everything the report shows; reads the test images and outputs."""
    rows = rows_of(run)
    training = _TRAINING.validate_python(run.finished[FINETUNE].record.result)
    evaluated = run.finished[EVALUATE].record
    reference = None
    confusions: dict[str, Any] = {}
    if evaluated.status == "passed" and evaluated.result is not None:
        plain = {k: v for k, v in evaluated.result.items() if k != "preprocessing"}
        reference = _EVALUATION.validate_python(plain)
        _add_confusion(confusions, run.job.model_id, reference.details)
    for gate in _gates(run):
        result = gate.record.result or {}
        _add_confusion(confusions, result["file"], result["evaluation"]["details"])
    dataset = open_dataset(run.job.registry, run.job.recipe.data)
    return RunView(
        title=f"{run.job.model_id}",
        model_id=run.job.model_id,
        parent=training.parent,
        dataset=dataset.name,
        created=max((step.created for step in run.steps), default=""),
        command=command,
        rows=rows,
        training=training if training.epochs else None,
        reference=reference,
        confusions=confusions,
        samples=_samples(run, dataset) if reference is not None else (),
        sketches=_sketches(run, training),
        galleries=_galleries(run, dataset) if reference is not None else (),
        classes=dataset.classes,
        environment=_environment(run),
        remarks=remarks(rows),
        next_commands=next_commands(run),
        steps=run.steps,
    )


def _add_confusion(confusions: dict[str, Any], subject: str, details: dict[str, Any]) -> None:
    if "confusion" in details:
        confusions[subject] = details["confusion"]


def _gates(run: Run) -> list[Finished]:
    return [
        f
        for f in run.finished.values()
        if f.record.kind == "gate" and f.record.status in ("passed", "rejected")
    ]


def _samples(run: Run, dataset: Any) -> tuple[SampleImage, ...]:
    """Test images, those first that the network or a file gets wrong."""
    import numpy as np

    from zoo.data.inputs import read_inputs

    if not run.job.registry.tasks.get(run.job.variant.task).chooses:
        return ()

    expected, labels = _load(run.finished[EVALUATE].folder / REFERENCE)
    expected = expected[: len(labels)]
    answers = {
        str((g.record.result or {})["file"]): _load(g.folder / OUTPUTS)[0] for g in _gates(run)
    }
    wrong = expected.argmax(-1) != labels
    for outputs in answers.values():
        wrong |= outputs.argmax(-1) != labels
    order = np.argsort(~wrong, kind="stable")
    half = _SAMPLES // 2
    chosen = [int(i) for i in [*order[: min(half, int(wrong.sum()))], *order[::-1]][:_SAMPLES]]
    chosen = list(dict.fromkeys(chosen))
    images = read_inputs(dataset.splits["test"], _preprocessing(run), chosen)
    return tuple(
        SampleImage(
            pixels=image,
            true_class=dataset.classes[int(labels[index])],
            reference=_choice(expected[index], dataset.classes),
            predictions={f: _choice(o[index], dataset.classes) for f, o in answers.items()},
        )
        for index, image in zip(chosen, images, strict=True)
    )


def _sketches(run: Run, training: TrainingResult) -> tuple[Picture, ...]:
    """What the network made after each epoch."""
    from zoo.data.image_files import read_image

    folder = run.finished[FINETUNE].folder
    return tuple(
        Picture(label=f"epoch {epoch}", pixels=read_image(folder / name))
        for epoch, name in training.sketches.items()
    )


def _galleries(run: Run, dataset: Dataset) -> tuple[Picture, ...]:
    """Real examples, and what network and files make of the same inputs."""
    from zoo.data.inputs import read_inputs

    draw = run.job.registry.tasks.get(run.job.variant.task).gallery
    if draw is None:
        return ()
    places = [(run.job.model_id, run.finished[EVALUATE].folder / REFERENCE)]
    places += [(str((g.record.result or {})["file"]), g.folder / OUTPUTS) for g in _gates(run)]
    made = [Picture(label=name, pixels=draw(_load(path)[0])) for name, path in places]
    own = _preprocessing(run).training
    if not isinstance(own, ImagePreprocessing):
        return tuple(made)
    test = dataset.splits["test"]
    images = read_inputs(test, own, range(min(_PICTURED, len(test))))
    real = Picture(label=f"{dataset.name}, real", pixels=draw(images / 255.0))
    return (real, *made)


def _preprocessing(run: Run) -> Preprocessing:
    """The card's, if it has one of its own."""
    own = read_card(run.weights.with_suffix(".toml")).preprocessing
    return own or run.job.variant.preprocessing


def _choice(output: Array, classes: tuple[str, ...]) -> tuple[str, float]:
    best = int(output.argmax())
    return classes[best], float(output[best])


def _load(path: Path) -> tuple[Array, Array]:
    import numpy as np

    with np.load(path, allow_pickle=False) as stored:
        return stored["outputs"], stored["labels"]


def _environment(run: Run) -> dict[str, str]:
    """Where the latencies were taken; empty when nothing was timed."""
    for step in run.steps:
        if step.kind == "bench" and step.status == "passed" and step.result is not None:
            environment = step.result.get("environment") or {}
            return {str(k): str(v) for k, v in environment.items() if v not in (None, "", [], {})}
    return {}


def next_commands(run: Run) -> tuple[str, ...]:
    """What a user would type after this run."""
    good = [f for f in run.files if not f.name.endswith(".rejected")]
    commands = []
    if good:
        smallest = min(good, key=lambda path: path.stat().st_size)
        quoted = shlex.quote(str(smallest))
        commands = [f"zoo inspect {quoted}", f"zoo bench {quoted} --threads 1 --threads 2"]
    data = shlex.quote(run.job.recipe.data)
    weights = shlex.quote(str(run.weights))
    commands.append(f"zoo evaluate {weights} --data {data}")
    return tuple(commands)


def metrics_of(result: dict[str, Any] | None) -> tuple[Metric, ...]:
    """The metrics in an evaluation's dictionary, the headline first."""
    return TypeAdapter(tuple[Metric, ...]).validate_python((result or {})["metrics"])
