"""From a recipe to the steps that carry it out, each with its content address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.contracts.precision import BASELINE, TRAINABLE
from zoo.data.opening import dataset_fingerprint
from zoo.pipeline.engine import Step
from zoo.pipeline.job import Job
from zoo.pipeline.planning.budgets import budget_step
from zoo.pipeline.planning.common import cell_name
from zoo.pipeline.planning.examining import examine_step
from zoo.pipeline.planning.files import export_step, gate_step
from zoo.pipeline.planning.timing import Place, bench_step
from zoo.pipeline.planning.training import evaluate_step, finetune_step, qat_step


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Which parts of the whole job a command wants."""

    export: bool = True
    bench: bool = True


def make_plan(job: Job, checkpoints: Path, parts: Parts) -> list[Step]:
    """The steps of a job in the order in which they are told."""
    fingerprint = dataset_fingerprint(job.registry, job.recipe.data)
    train = finetune_step(job, fingerprint, checkpoints)
    reference = evaluate_step(job, fingerprint, train)
    steps = [train, reference]
    if not parts.export:
        return steps
    gates: list[Step] = []
    for exporter in job.exporters:
        twin: Step | None = None
        for precision in job.precisions:
            export = export_step(job, exporter, precision, fingerprint, train)
            judge = gate_step(job, exporter, precision, export, reference, twin)
            if precision == BASELINE.name:
                twin = judge
            steps += [export, judge]
            gates.append(judge)
    if job.recipe.qat.enabled:
        trained = _qat_steps(job, fingerprint, train, checkpoints, reference, gates)
        steps += trained
        gates += [step for step in trained if step.kind == "gate"]
    formats = {
        f"gate {cell_name(exporter.name, precision, trained=trained)}": exporter
        for exporter in job.exporters
        for precision in job.precisions
        for trained in (False, True)
    }
    if parts.bench:
        places = [Place.of(device) for device in job.devices]
        for place in places:
            if place.device.kind.analysis:
                steps += [examine_step(job, formats[g.name], g, place) for g in gates]
                continue
            timings = [bench_step(job, formats[g.name], g, place) for g in gates]
            steps += timings
            if job.recipe.budgets.get(place.device.name):
                pairs = zip(gates, timings, strict=True)
                steps += [budget_step(job, judge, timing, place) for judge, timing in pairs]
    return steps


def _qat_steps(
    job: Job,
    fingerprint: str,
    train: Step,
    checkpoints: Path,
    reference: Step,
    gates: Sequence[Step],
) -> list[Step]:
    """The training for integers, and its files, beside the calibrated ones."""
    by_name = {gate.name: gate for gate in gates}
    calibrated = {
        e.name: by_name[f"gate {cell_name(e.name, TRAINABLE.name)}"] for e in job.trained_exporters
    }
    learn = qat_step(job, fingerprint, train, checkpoints, list(calibrated.values()))
    evaluate = evaluate_step(job, fingerprint, train, learn)
    steps = [learn, evaluate]
    for exporter in job.trained_exporters:
        before = calibrated[exporter.name]
        export = export_step(job, exporter, TRAINABLE.name, fingerprint, train, learn, before)
        twin = by_name.get(f"gate {cell_name(exporter.name, BASELINE.name)}")
        judge = gate_step(job, exporter, TRAINABLE.name, export, reference, twin, evaluate, before)
        steps += [export, judge]
    return steps
