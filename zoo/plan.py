"""From a recipe to the steps that carry it out, each with its content address."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from zoo.artifact import TrainedReference
from zoo.contracts import Device, DeviceKind, Exporter
from zoo.contracts.exporter import CALIBRATED
from zoo.errors import ZooError
from zoo.files import sha256_of
from zoo.isolation import Limits, call
from zoo.job import Job
from zoo.keys import step_key
from zoo.limits import conversion_limits
from zoo.pipeline import Outcome, Step, Work
from zoo.qat.files import SUFFIX, Trained
from zoo.qat.need import PRECISION as QAT_PRECISION
from zoo.qat.need import needless
from zoo.running import judging_device
from zoo.steps.bench import bench
from zoo.steps.common import Subject, dataset_fingerprint
from zoo.steps.export import file_name
from zoo.steps.gate import gate
from zoo.steps.repair import can_repair, export_within_budget

_NETWORK = ("zoo.networks", "zoo.weights", "zoo.contracts.preprocessing")
_TRAINING = (
    *("zoo.training", "zoo.optimizer", "zoo.jit_trial", "zoo.layer_groups", "zoo.reshape"),
    *("zoo.fused_norm", "zoo.feed", "zoo.batch_progress"),
    *("zoo.steps.finetune", "zoo.data.augment", "zoo.data.stream"),
)
_DATA = tuple(
    f"zoo.data.{name}"
    for name in (
        *("inputs", "images", "series", "tokens", "latents"),
        *("splits", "hashing", "arrays", "rows", "image_files", "npz_arrays", "query", "tables"),
        *("recordings", "windows", "class_folders", "text_examples", "text_files"),
        *("conll_files", "hf_splits"),
    )
)
#: What tasks share; the file of the task itself comes from the registry.
_TASKS = tuple(
    f"zoo.tasks.{name}"
    for name in (
        *("classification", "proportions", "clusters"),
        *("adversarial", "frechet_metric", "features", "distances", "likeness"),
    )
)
_EXPORT = ("zoo.steps.export", "zoo.artifact", "zoo.data.calibration", "zoo.fitness")
#: What decides which layers of an integer file stay in float.
_REPAIR = (
    *("zoo.mixed", "zoo.culprits", "zoo.steps.repair", "zoo.steps.layers", "zoo.data.subset"),
    *("zoo.running", "zoo.gate", *_TASKS),
)
#: What decides a file's verdict and what travels with it.
_JUDGES = (
    *("zoo.gate", "zoo.steps.gate", "zoo.steps.keep_golden", "zoo.golden", "zoo.running"),
    "zoo.measurement.session",
)
_MEASUREMENT = tuple(
    f"zoo.measurement.{name}"
    for name in ("bench", "session", "statistics", "quietness", "tiers", "records", "process")
)
_QAT = (
    *(
        f"zoo.qat.{name}"
        for name in ("distillation", "files", "graph", "kernels", "layers", "logits")
    ),
    *("zoo.qat.lowering", "zoo.qat.network", "zoo.steps.qat"),
)
FINETUNE = "finetune"
EVALUATE = "evaluate keras"
QAT = "qat"
EVALUATE_QAT = "evaluate qat"


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Which parts of the whole job a command wants."""

    export: bool = True
    bench: bool = True


def cell_name(format: str, precision: str, *, trained: bool = False) -> str:
    """What steps of one file have in their names: ``tflite int8``, ``tflite int8 qat``."""
    return f"{format} {precision}{' qat' if trained else ''}"


def make_plan(job: Job, checkpoints: Path, parts: Parts) -> list[Step]:
    """The steps of a job in the order in which they are told."""
    fingerprint = dataset_fingerprint(job.registry, job.recipe.data)
    train = _finetune_step(job, fingerprint, checkpoints)
    reference = _evaluate_step(job, fingerprint, train)
    steps = [train, reference]
    if not parts.export:
        return steps
    gates: list[Step] = []
    for exporter in job.exporters:
        twin: Step | None = None
        for precision in job.precisions:
            export = _export_step(job, exporter, precision, fingerprint, train)
            judge = _gate_step(job, exporter, precision, export, reference, twin)
            if precision == "float32":
                twin = judge
            steps += [export, judge]
            gates.append(judge)
    if job.recipe.qat.enabled:
        trained = _qat_steps(job, fingerprint, train, checkpoints, reference, gates)
        steps += trained
        gates += [step for step in trained if step.kind == "gate"]
    if parts.bench:
        places = [_Place.of(device) for device in job.devices]
        steps += [_bench_step(job, judge, place) for place in places for judge in gates]
    return steps


def training_parts(job: Job) -> tuple[tuple[str, ...], list[str | None]]:
    """The modules, and the files of plugins, whose code decides what a training brings."""
    modules = (*_TRAINING, *_NETWORK, *_DATA, *_TASKS)
    return modules, [*_sources(job), _task_source(job), _data_source(job)]


def _sources(job: Job) -> list[str | None]:
    return [job.registry.variant_source(job.variant.name)]


def _finetune_step(job: Job, fingerprint: str, checkpoints: Path) -> Step:
    recipe = job.recipe
    parent = None if job.checkpoint is None else sha256_of(job.checkpoint.path)
    parameters = {
        "variant": job.variant.name,
        "parent": parent,
        "data": recipe.data,
        "fingerprint": fingerprint,
        "tag": job.tag,
        "training": recipe.training.model_dump(mode="json"),
        "hyperparameters": recipe.hyperparameters,
        "seed": recipe.seed,
        "depends": _depends(job),
    }
    modules, files = training_parts(job)
    key = step_key(
        "finetune",
        parameters,
        modules=modules,
        files=files,
        distributions=("tensorflow", "keras", "numpy", "pillow"),
    )

    def work(work: Work) -> Outcome:
        arguments = {
            "model": recipe.model if job.checkpoint is None else str(job.checkpoint.path),
            "data": recipe.data,
            "tag": job.tag,
            "options": parameters["training"],
            "hyperparameters": recipe.hyperparameters,
            "seed": recipe.seed,
            "folder": str(work.folder),
            "checkpoint": str(checkpoints / key),
            "plugins": job.registry.settings,
        }
        work.emit({"event": "stage", "text": "starting TensorFlow, once for all steps"})
        return _in_child("zoo.steps.finetune:finetune", arguments, work)

    return Step(name=FINETUNE, kind="finetune", key=key, work=work)


def _data_source(job: Job) -> str | None:
    return job.registry.datasets.provider(job.recipe.data.partition(":")[0]).source_file


def _device_sources(job: Job, kind: DeviceKind) -> list[str | None]:
    """The driver and what lies beside it: the programs that it starts on the device."""
    return _with_neighbours(job.registry.devices.provider(kind.name).source_file)


def _with_neighbours(source: str | None) -> list[str | None]:
    """A plugin's file and what lies beside it, which it may import."""
    return [] if source is None else [str(p) for p in sorted(Path(source).parent.glob("*.py"))]


def _task_source(job: Job) -> str | None:
    return job.registry.tasks.provider(job.variant.task).source_file


def _depends(job: Job) -> dict[str, str]:
    """What else decides how the task judges, by content."""
    depends = job.registry.tasks.get(job.variant.task).depends
    if depends is None:
        return {}
    begun = job.checkpoint is not None and not job.recipe.training.from_scratch
    own = job.checkpoint.preprocessing if job.checkpoint and begun else job.variant.preprocessing
    return dict(depends(own))


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
        e.name: by_name[f"gate {cell_name(e.name, QAT_PRECISION)}"] for e in job.trained_exporters
    }
    learn = _qat_step(job, fingerprint, train, checkpoints, list(calibrated.values()))
    evaluate = _evaluate_step(job, fingerprint, train, learn)
    steps = [learn, evaluate]
    for exporter in job.trained_exporters:
        before = calibrated[exporter.name]
        export = _export_step(job, exporter, QAT_PRECISION, fingerprint, train, learn, before)
        twin = by_name.get(f"gate {cell_name(exporter.name, 'float32')}")
        judge = _gate_step(job, exporter, QAT_PRECISION, export, reference, twin, evaluate, before)
        steps += [export, judge]
    return steps


def _qat_step(
    job: Job, fingerprint: str, train: Step, checkpoints: Path, calibrated: Sequence[Step]
) -> Step:
    recipe = job.recipe
    parameters = {
        "data": recipe.data,
        "fingerprint": fingerprint,
        "options": recipe.qat.model_dump(mode="json"),
        "target": asdict(job.target),
        "seed": recipe.seed,
    }
    key = step_key(
        "qat",
        parameters,
        needs=[train.key],
        modules=(*_TRAINING, *_QAT, *_NETWORK, *_DATA, *_TASKS),
        files=[*_sources(job), _task_source(job), _data_source(job)],
        distributions=("tensorflow", "keras", "numpy", "pillow"),
    )

    def work(work: Work) -> Outcome:
        arguments = {
            "subject": _subject(job, work),
            "data": recipe.data,
            "options": parameters["options"],
            "target": job.target.name,
            "seed": recipe.seed,
            "folder": str(work.folder),
            "checkpoint": str(checkpoints / key),
        }
        return _in_child("zoo.steps.qat:train", arguments, work)

    return Step(
        name=QAT,
        kind="finetune",
        key=key,
        work=work,
        needs=(train.name,),
        after=tuple(step.name for step in calibrated),
        needless=partial(needless, gates=[s.name for s in calibrated], limit=recipe.gate.max_drop),
    )


def _trained(job: Job, work: Work) -> Trained:
    """What the training for integers made, as another step finds it."""
    weights = work.needs[QAT].folder / f"{job.model_id}{SUFFIX}"
    return Trained(weights=str(weights), target=job.target.name)


def _training_told(job: Job, work: Work) -> TrainedReference:
    result = work.needs[QAT].record.result or {}
    return TrainedReference(
        split=f"{job.recipe.data}/train",
        epochs=len(result["epochs"]),
        options=job.recipe.qat.model_dump(mode="json"),
        weights_sha256=result["weights_sha256"],
        notes=tuple(result["notes"]),
    )


def _subject(job: Job, work: Work) -> Subject:
    """The fine-tuned weights, as another step finds them."""
    weights = work.needs[FINETUNE].folder / f"{job.model_id}.safetensors"
    return Subject(model=str(weights), plugins=job.registry.settings)


def _evaluate_step(job: Job, fingerprint: str, train: Step, learnt: Step | None = None) -> Step:
    """Of the fine-tuned network; with `learnt`, of the one that was trained to be quantized."""
    before = [train] if learnt is None else [train, learnt]
    key = step_key(
        "evaluate",
        {
            "fingerprint": fingerprint,
            "data": job.recipe.data,
            "split": "test",
            "depends": _depends(job),
        },
        needs=[step.key for step in before],
        modules=("zoo.steps.evaluate", *_NETWORK, *_DATA, *_TASKS, *_qat_code(learnt)),
        files=[_task_source(job), _data_source(job)],
        distributions=("tensorflow", "keras"),
    )

    def work(work: Work) -> Outcome:
        arguments = {
            "subject": _subject(job, work),
            "data": job.recipe.data,
            "split": "test",
            "folder": str(work.folder),
            "card": str(work.folder / f"{job.model_id}.toml") if learnt is None else None,
            "trained": None if learnt is None else _trained(job, work),
        }
        return _in_child("zoo.steps.evaluate:evaluate_model", arguments, work)

    name = EVALUATE if learnt is None else EVALUATE_QAT
    needs = tuple(step.name for step in before)
    return Step(name=name, kind="evaluate", key=key, work=work, needs=needs)


def _qat_code(learnt: Step | None) -> tuple[str, ...]:
    return () if learnt is None else _QAT


def _export_step(
    job: Job,
    exporter: Exporter,
    precision: str,
    fingerprint: str,
    train: Step,
    learnt: Step | None = None,
    calibrated: Step | None = None,
) -> Step:
    """One file.

    With `learnt`, it is of the network that was trained to be quantized, and needless where
    `calibrated`, the gate of the same cell, found no loss above the limit.
    """
    recipe = job.recipe
    limits = conversion_limits(recipe.limits)
    source = job.registry.exporters.provider(exporter.name).source_file
    measured = precision in CALIBRATED
    # What will be trained to be quantized needs no layers in float.
    train_instead = recipe.qat.enabled and exporter in job.trained_exporters
    repairs = (
        recipe.export.repair == "auto"
        and not (train_instead and precision == QAT_PRECISION)
        and can_repair(job.registry, exporter.name, precision)
    )
    budget = {"max_drop": recipe.gate.max_drop, "depends": _depends(job)} if repairs else None
    local = judging_device(job.registry)
    key = step_key(
        "export",
        {
            "format": exporter.name,
            "precision": precision,
            "fingerprint": fingerprint,
            "recurrent": recipe.export.recurrent,
            # What a float file does not depend on must not have it made again.
            "keep": recipe.export.keep if measured else (),
            "repair": budget,
            "target": asdict(job.target),
            "options": job.export_options[exporter.name],
            "calibration": recipe.calibration.model_dump(mode="json") if measured else None,
            "seed": recipe.seed,
        },
        needs=[train.key] if learnt is None else [train.key, learnt.key],
        modules=(*_EXPORT, *_NETWORK, *_DATA, *(_REPAIR if repairs else ()), *_qat_code(learnt)),
        files=[
            *_with_neighbours(source),
            _data_source(job),
            *([_task_source(job), *_device_sources(job, local)] if repairs else ()),
        ],
        distributions=exporter.distributions,
    )

    def work(work: Work) -> Outcome:
        arguments = {
            "subject": _subject(job, work),
            "format": exporter.name,
            "precision": precision,
            "data": recipe.data,
            "recurrent": recipe.export.recurrent,
            "keep": recipe.export.keep,
            "target": job.target.name,
            "options": job.export_options[exporter.name],
            "calibration": recipe.calibration.model_dump(mode="json"),
            "seed": recipe.seed,
            "folder": str(work.folder),
            "trained": None if learnt is None else _trained(job, work),
            "training": None if learnt is None else _training_told(job, work),
        }
        if not repairs:
            return _in_child("zoo.steps.export:export", arguments, work, limits=limits)
        result = export_within_budget(
            job.registry, work, arguments, max_drop=recipe.gate.max_drop, limits=limits
        )
        return Outcome(result=result)

    name = f"export {cell_name(exporter.name, precision, trained=learnt is not None)}"
    # With more memory, what crashed for want of it may go well.
    failure_key = step_key("failure", {"limits": asdict(limits)}, needs=[key])
    if learnt is None or calibrated is None:
        return Step(
            name=name,
            kind="export",
            key=key,
            failure_key=failure_key,
            work=work,
            needs=(train.name,),
        )
    return Step(
        name=name,
        kind="export",
        key=key,
        failure_key=failure_key,
        work=work,
        needs=(train.name, learnt.name),
        after=(calibrated.name,),
        needless=partial(needless, gates=[calibrated.name], limit=recipe.gate.max_drop),
    )


def _gate_step(
    job: Job,
    exporter: Exporter,
    precision: str,
    export: Step,
    reference: Step,
    twin: Step | None,
    origin: Step | None = None,
    calibrated: Step | None = None,
) -> Step:
    """One verdict.

    With `origin`, the evaluation of the network that was trained to be quantized, it is on a file
    of that network, which stands in for the one that `calibrated` judged.
    """
    options = job.recipe.gate
    local = judging_device(job.registry)
    key = step_key(
        "gate",
        {**options.model_dump(mode="json"), "depends": _depends(job)},
        needs=[export.key, *(step.key for step in (reference, twin, origin) if step is not None)],
        modules=(*_JUDGES, *_TASKS),
        files=[_task_source(job), *_device_sources(job, local)],
        distributions=(*exporter.distributions, *local.distributions),
    )
    file = file_name(job.model_id, precision, exporter, origin is not None)

    def work(work: Work) -> Outcome:
        before = work.needs[twin.name] if twin else None
        has_outputs = before is not None and before.record.status in ("passed", "rejected")
        evaluated = work.needs[reference.name]
        return gate(
            job.registry,
            work,
            source=work.needs[export.name].folder / file,
            data=job.recipe.data,
            reference=evaluated.folder,
            preprocessing=(evaluated.record.result or {})["preprocessing"],
            twin=before.folder if before is not None and has_outputs else None,
            max_drop=options.max_drop,
            parity_inputs=options.parity_inputs,
            trained=None if origin is None else work.needs[origin.name].folder,
        )

    return Step(
        name=f"gate {cell_name(exporter.name, precision, trained=origin is not None)}",
        kind="gate",
        key=key,
        work=work,
        needs=(export.name, reference.name, *([origin.name] if origin else [])),
        after=(twin.name,) if twin else (),
        replaces=calibrated.name if calibrated else "",
    )


@dataclass(frozen=True, kw_only=True)
class _Place:
    """A device, and which machine it is today; or why that cannot be told."""

    device: Device
    machine: str
    problem: ZooError | None = None

    @classmethod
    def of(cls, device: Device) -> _Place:
        """Asks the device; one that does not answer costs its own steps alone, later."""
        try:
            return cls(device=device, machine=device.fingerprint())
        except ZooError as error:
            # Whatever it turns out to be, no result is known of it.
            return cls(device=device, machine=secrets.token_hex(8), problem=error)


def _bench_step(job: Job, judge: Step, place: _Place) -> Step:
    options, device = job.recipe.bench, place.device
    key = step_key(
        "bench",
        {
            **options.model_dump(mode="json"),
            "device": device.name,
            "kind": device.kind.name,
            "options": dict(device.options),
            # A latency belongs to one machine and to the runtimes installed there.
            "machine": place.machine,
        },
        needs=[judge.key],
        modules=("zoo.steps.bench", *_MEASUREMENT),
        files=_device_sources(job, device.kind),
        distributions=device.kind.distributions,
    )

    def work(work: Work) -> Outcome:
        if place.problem is not None:
            raise place.problem
        judged = work.needs[judge.name]
        return bench(
            job.registry,
            work,
            source=judged.folder / str((judged.record.result or {})["file"]),
            device=device,
            tier=options.tier,
            threads=options.threads,
        )

    return Step(
        name=judge.name.replace("gate", "bench", 1) + f" {device.name}",
        kind="bench",
        key=key,
        work=work,
        needs=(judge.name,),
        exclusive=True,
    )


def _in_child(
    function: str, arguments: dict[str, Any], work: Work, limits: Limits | None = None
) -> Outcome:
    result = call(function, arguments, on_event=work.emit, limits=limits, children=work.children)
    return Outcome(result=result)
