"""From a job to the steps that carry it out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from zoo.common.files import sha256_of
from zoo.contracts import Exporter
from zoo.contracts.precision import BASELINE, TRAINABLE
from zoo.contracts.training import Calibration
from zoo.data.opening import dataset_fingerprint
from zoo.execution.offline_analysis import KIND
from zoo.pipeline.conversion_limits import conversion_limits
from zoo.pipeline.job import Job
from zoo.pipeline.recipe import Recipe
from zoo.pipeline.steps.bench import AnalysisStep, BenchStep, StepDevice
from zoo.pipeline.steps.budget import BudgetStep
from zoo.pipeline.steps.evaluate import EVALUATE, EVALUATE_QAT, VALIDATE, EvaluateStep
from zoo.pipeline.steps.export import ExportParameters, ExportStep
from zoo.pipeline.steps.finetune import FinetuneParameters, FinetuneStep
from zoo.pipeline.steps.gate import GateStep
from zoo.pipeline.steps.origin import Origin
from zoo.pipeline.steps.qat import QatStep
from zoo.pipeline.steps.repair import RepairStep, can_repair
from zoo.pipeline.steps.step import Step, StepId
from zoo.pipeline.steps.unjudged import ARENA, SCREEN, ArenaStep, UnjudgedBenchStep, measures_arena


@dataclass(frozen=True, kw_only=True)
class PlanScope:
    """Which parts of the whole job a command wants.

    Attributes:
        judged: Whether files pass a gate before they are timed; networks that have learnt nothing
            yet have none that could.
        arena: Whether the tensor arena of files that are not judged is measured.
        validated: Whether the network answers the validation split, and nothing else is done.
    """

    export: bool = True
    bench: bool = True
    judged: bool = True
    arena: bool = False
    validated: bool = False


def make_plan(job: Job, checkpoints: Path, scope: PlanScope) -> list[Step[Any]]:
    """The steps of a job in the order in which they are told."""
    train = _training(job, checkpoints, scope)
    if scope.validated:
        own = train.origin
        return [train, EvaluateStep(id=VALIDATE, origin=own, train=train, split="validation")]
    if not scope.judged:
        return [train, *_unjudged(job, train, scope)]
    reference = EvaluateStep(id=EVALUATE, origin=train.origin, train=train)
    steps: list[Step[Any]] = [train, reference]
    if not scope.export:
        return steps
    gates = [g for exporter in job.exporters for g in _gates(job, exporter, reference)]
    steps += _with_exports(gates)
    if job.recipe.qat.enabled:
        calibrated = [
            gate
            for gate in gates
            if gate.export.exporter in job.trained_exporters and gate.id.precision == TRAINABLE.name
        ]
        learn = _qat(job, train, calibrated, checkpoints)
        learnt = EvaluateStep(id=EVALUATE_QAT, origin=train.origin, train=train, learnt=learn)
        trained = [_trained_gate(gate, learn, learnt) for gate in calibrated]
        steps += [learn, learnt, *_with_exports(trained)]
        gates += trained
    return [*steps, *_device_steps(job, gates)] if scope.bench else steps


def _unjudged(job: Job, train: FinetuneStep, scope: PlanScope) -> Iterator[Step[Any]]:
    """The files of a network as they are exported, measured without a gate."""
    exports = [
        _export(job, exporter, precision, train, part, None)
        for exporter in job.exporters
        for precision in job.precisions_of(exporter)
        for part in job.parts
    ]
    yield from exports
    for export in exports if scope.arena else ():
        kind = measures_arena(job.registry, export.id.format)
        id = replace(export.id, kind=ARENA)
        yield ArenaStep(id=id, origin=train.origin, export=export, kind=kind)
    for place in map(StepDevice.of, job.devices if scope.bench else ()):
        for export in exports:
            yield UnjudgedBenchStep(
                id=replace(export.id, kind=SCREEN, device=place.device.name),
                origin=train.origin,
                export=export,
                place=place,
                options=job.recipe.bench,
            )


def _with_exports(gates: Sequence[GateStep]) -> Iterator[Step[Any]]:
    for gate in gates:
        yield from gate.exports
        yield gate


def _training(job: Job, checkpoints: Path, scope: PlanScope) -> FinetuneStep:
    recipe, task = job.recipe, job.registry.tasks.get(job.variant.task)
    begun = job.checkpoint
    own = job.variant.preprocessing if begun is None else begun.preprocessing
    parent = begun or job.backbone
    return FinetuneStep(
        origin=Origin(
            registry=job.registry,
            variant=job.variant.name,
            task=task.name,
            tag=job.tag,
            data=recipe.data,
            fingerprint=dataset_fingerprint(job.registry, recipe.data),
            depends=task.depends(own),
            planned=_as_text(recipe, scope),
        ),
        asked=FinetuneParameters(
            data=recipe.data,
            tag=job.tag,
            training=recipe.training,
            hyperparameters=recipe.hyperparameters,
            seed=recipe.seed,
            allow_leak=recipe.allow_leak,
        ),
        model=_weights(job) if begun is None else str(begun.path),
        parent=None if parent is None else sha256_of(parent.path),
        backbone=None if job.backbone is None else str(job.backbone.path),
        checkpoints=checkpoints,
        takes=None if begun is None else own,
        compared_on=task.min_parity_inputs if scope.export else 0,
    )


def _as_text(recipe: Recipe, scope: PlanScope) -> str:
    # Where steps are performed, and who is told of them, is not the plan's.
    plain = recipe.model_dump(mode="json", exclude_none=True, exclude={"executor", "track"})
    return json.dumps({"recipe": plain, "scope": asdict(scope)})


def _weights(job: Job) -> str:
    """What a worker finds the network by; of one from elsewhere its weights, which hold it."""
    return str(job.registry.opened.get(job.recipe.model, job.recipe.model))


def _gates(job: Job, exporter: Exporter, reference: EvaluateStep) -> Iterator[GateStep]:
    """One for each precision of a format, each with its exports."""
    twin: GateStep | None = None
    for precision in job.precisions_of(exporter):
        made = None if twin is None else twin.export
        gate = GateStep(
            id=StepId(kind="gate", format=exporter.name, precision=precision),
            origin=reference.origin,
            exports=tuple(
                _export(job, exporter, precision, reference.train, part, made) for part in job.parts
            ),
            reference=reference,
            twin=twin,
            # What a run may end with changes no verdict on a file.
            options=job.recipe.gate.model_copy(update={"allow_weak": False}),
            budgets=job.recipe.budgets,
        )
        if precision == BASELINE.name:
            twin = gate
        yield gate


def _export(
    job: Job,
    exporter: Exporter,
    precision: str,
    train: FinetuneStep,
    part: str,
    twin: ExportStep | None,
) -> ExportStep:
    recipe = job.recipe
    measured = job.registry.precision(precision).calibrated
    given: dict[str, Any] = {
        "id": StepId(kind="export", format=exporter.name, precision=precision, part=part),
        "origin": train.origin,
        "train": train,
        "asked": ExportParameters(
            format=exporter.name,
            precision=precision,
            data=recipe.data,
            # What a float file does not depend on must not have it made again.
            calibration=recipe.calibration if measured else Calibration(),
            seed=recipe.seed,
            target=job.target,
            recurrent=recipe.export.recurrent,
            keep=recipe.export.keep if measured or precision in exporter.mixes else (),
            options=job.export_options[exporter.name],
            part=part,
            dynamic=recipe.export.dynamic,
            end_to_end=recipe.export.end_to_end,
        ),
        "limits": conversion_limits(recipe.limits),
    }
    # What will be trained to be quantized needs no layers in float.
    trained = exporter in job.trained_exporters and precision == TRAINABLE.name
    # What a part loses shows in what the last one gives, which is not this step's to run.
    # Layers are ranked by what they lose at one size.
    own = trained or part or recipe.export.dynamic
    wanted = recipe.export.repair == "auto" and not own
    if wanted and can_repair(job.registry, exporter.name, precision):
        return RepairStep(**given, max_drop=recipe.gate.max_drop, twin=twin)
    return ExportStep(**given)


def _qat(
    job: Job, train: FinetuneStep, calibrated: Sequence[GateStep], checkpoints: Path
) -> QatStep:
    return QatStep(
        origin=train.origin,
        train=train,
        options=job.recipe.qat,
        target=job.target,
        seed=job.recipe.seed,
        calibrated=tuple(calibrated),
        max_drop=job.recipe.gate.max_drop,
        checkpoints=checkpoints,
        accelerators=job.recipe.training.accelerators,
    )


def _trained_gate(calibrated: GateStep, learn: QatStep, learnt: EvaluateStep) -> GateStep:
    """That of the file beside a calibrated one whose ranges are trained, with its export."""
    export = replace(
        calibrated.export,
        id=replace(calibrated.export.id, trained=True),
        learnt=learn,
        calibrated=calibrated,
    )
    return replace(
        calibrated,
        id=replace(calibrated.id, trained=True),
        exports=(export,),
        trained=learnt,
        calibrated=calibrated,
    )


def _device_steps(job: Job, gates: Sequence[GateStep]) -> Iterator[Step[Any]]:
    """What happens to each file on each device, one device after the other."""
    files = [(gate, part) for gate in gates for part in job.parts]
    for place in map(StepDevice.of, job.devices):
        if place.device.kind.analysis:
            yield from (AnalysisStep(**_at(place, *file, KIND)) for file in files)
            continue
        bench = job.recipe.bench
        timings = [BenchStep(**_at(place, *file, "bench"), options=bench) for file in files]
        yield from timings
        if limits := job.recipe.budgets.get(place.device.name):
            for timing in timings:
                yield BudgetStep(id=replace(timing.id, kind="budget"), bench=timing, limits=limits)


def _at(place: StepDevice, gate: GateStep, part: str, kind: str) -> dict[str, Any]:
    id = replace(gate.id, kind=kind, device=place.device.name, part=part)
    return {"id": id, "origin": gate.origin, "gate": gate, "place": place}
