"""From the records of a run to what people look at: rows, remarks, samples."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from zoo.contracts import Exporter, FileContents, Metric
from zoo.measurement.records import Measurement
from zoo.planning.common import EVALUATE, FINETUNE, QAT, cell_name
from zoo.qat.need import PRECISION as QAT_PRECISION
from zoo.records import Attempt, Evaluation, GateResult, StepRecord, TrainingResult
from zoo.report.budgets import with_budgets
from zoo.report.remarks import remarks
from zoo.report.view import ArtifactRow, RunView
from zoo.run import Run
from zoo.steps.common import open_dataset
from zoo.steps.export import file_name

_GATE = TypeAdapter(GateResult)
_CONTENTS = TypeAdapter(FileContents)
_ATTEMPTS = TypeAdapter(tuple[Attempt, ...])
_MEASUREMENT = TypeAdapter(Measurement)
_TRAINING = TypeAdapter(TrainingResult)
_EVALUATION = TypeAdapter(Evaluation)


def rows_of(run: Run) -> tuple[ArtifactRow, ...]:
    """One row for each file that the run made or failed to make."""
    rows = []
    float_bytes: dict[str, int] = {}
    for exporter, precision, trained in _cells(run):
        cell = cell_name(exporter.name, precision, trained=trained)
        export = run.finished[f"export {cell}"].record
        gate = run.finished[f"gate {cell}"].record
        if gate.needless:
            continue
        name = file_name(run.job.model_id, precision, exporter, trained)
        bench = _first_bench(run, cell)
        row = _row(name, exporter.name, precision, export, gate, bench, float_bytes)
        rows.append(with_budgets(replace(row, trained=trained), _budget_steps(run, cell)))
    return tuple(rows)


def _cells(run: Run) -> Iterator[tuple[Exporter, str, bool]]:
    """Format, precision, and whether its ranges were trained, of each file asked for."""
    for exporter in run.job.exporters:
        for precision in run.job.precisions:
            yield exporter, precision, False
            if precision == QAT_PRECISION and exporter in run.job.trained_exporters:
                yield exporter, precision, True


def remarks_of(run: Run, rows: Sequence[ArtifactRow]) -> tuple[str, ...]:
    """Findings on the files of a run, and on those that it need not make."""
    needless = run.finished[QAT].record if QAT in run.finished else None
    if needless is None or not needless.needless:
        return remarks(rows)
    return (*remarks(rows), f"Quantization-aware training was {needless.reason}.")


def _first_bench(run: Run, cell: str) -> StepRecord | None:
    for device in run.job.devices:
        found = run.finished.get(f"bench {cell} {device.name}")
        if found is not None:
            return found.record
    return None


def _budget_steps(run: Run, cell: str) -> list[StepRecord]:
    names = (f"budget {cell} {device.name}" for device in run.job.devices)
    return [run.finished[name].record for name in names if name in run.finished]


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
        ran_on=f"{timed.device}: {timed.ran_on}" if timed else "",
        energy=timed.energy if timed else (),
        profile=timed.profile if timed else None,
        quiet=timed.quiet if timed else None,
        checks=judged.checks,
        remark=_one_line((export.result or {}).get("remark", "")),
        attempts=_ATTEMPTS.validate_python((export.result or {}).get("attempts", ())),
    )


def _one_line(reason: str) -> str:
    """An error's three sentences, as a table has room for."""
    return "; ".join(line.strip() for line in reason.splitlines())


def view_of(run: Run, command: str) -> RunView:
    """Everything the report shows; reads test examples and outputs."""
    # Reads arrays, which the rows of a table need not wait for.
    from zoo.pictures import galleries_of, sketches_of
    from zoo.samples import judged, samples_of, step_samples_of

    rows = rows_of(run)
    training = _TRAINING.validate_python(run.finished[FINETUNE].record.result)
    evaluated = run.finished[EVALUATE].record
    reference = None
    confusions: dict[str, Any] = {}
    if evaluated.status == "passed" and evaluated.result is not None:
        plain = {k: v for k, v in evaluated.result.items() if k != "preprocessing"}
        reference = _EVALUATION.validate_python(plain)
        _add_confusion(confusions, run.job.model_id, reference.details)
    for gate in judged(run):
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
        quantization=_quantization(run),
        reference=reference,
        confusions=confusions,
        samples=samples_of(run, dataset) if reference is not None else (),
        step_samples=step_samples_of(run, dataset) if reference is not None else (),
        sketches=sketches_of(run, training),
        galleries=galleries_of(run, dataset) if reference is not None else (),
        classes=dataset.classes,
        environment=_environment(run),
        remarks=remarks_of(run, rows),
        next_commands=next_commands(run),
        steps=run.steps,
    )


def _quantization(run: Run) -> TrainingResult | None:
    """The training for integers; None when there was none."""
    record = run.finished[QAT].record if QAT in run.finished else None
    if record is None or record.status != "passed":
        return None
    return _TRAINING.validate_python(record.result)


def _add_confusion(confusions: dict[str, Any], subject: str, details: dict[str, Any]) -> None:
    if "confusion" in details:
        confusions[subject] = details["confusion"]


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
