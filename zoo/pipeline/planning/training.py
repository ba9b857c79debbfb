"""Steps that train and evaluate networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from zoo.artifacts.artifact import TrainedReference
from zoo.common.cache_key import step_key
from zoo.common.code_fingerprint import code_of
from zoo.common.files import sha256_of
from zoo.pipeline.engine import Outcome, Step, Work
from zoo.pipeline.job import Job
from zoo.pipeline.planning.code import depends_on, network_plugins
from zoo.pipeline.planning.common import EVALUATE, EVALUATE_QAT, FINETUNE, QAT, in_child, subject_of
from zoo.pipeline.planning.need import needless
from zoo.training.qat.files import SUFFIX, Trained


def finetune_step(job: Job, fingerprint: str, checkpoints: Path) -> Step:
    """The training of the network, from the checkpoint or from scratch."""
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
        "depends": depends_on(job),
    }
    key = step_key(
        "finetune",
        parameters,
        code=code_of(["zoo.pipeline.steps.finetune"], network_plugins(job)),
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
        return in_child("zoo.pipeline.steps.finetune:finetune", arguments, work)

    return Step(name=FINETUNE, kind="finetune", key=key, work=work)


def evaluate_step(job: Job, fingerprint: str, train: Step, learnt: Step | None = None) -> Step:
    """Of the fine-tuned network; with `learnt`, of the one that was trained to be quantized."""
    before = [train] if learnt is None else [train, learnt]
    key = step_key(
        "evaluate",
        {
            "fingerprint": fingerprint,
            "data": job.recipe.data,
            "split": "test",
            "depends": depends_on(job),
        },
        needs=[step.key for step in before],
        code=code_of(["zoo.pipeline.steps.evaluate"], network_plugins(job)),
        distributions=("tensorflow", "keras"),
    )

    def work(work: Work) -> Outcome:
        arguments = {
            "subject": subject_of(job, work),
            "data": job.recipe.data,
            "split": "test",
            "folder": str(work.folder),
            "card": str(work.folder / f"{job.model_id}.toml") if learnt is None else None,
            "trained": None if learnt is None else trained_by(job, work),
        }
        return in_child("zoo.pipeline.steps.evaluate:evaluate_model", arguments, work)

    name = EVALUATE if learnt is None else EVALUATE_QAT
    needs = tuple(step.name for step in before)
    return Step(name=name, kind="evaluate", key=key, work=work, needs=needs)


def qat_step(
    job: Job, fingerprint: str, train: Step, checkpoints: Path, calibrated: Sequence[Step]
) -> Step:
    """The training for integers; needless where no calibrated file lost too much."""
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
        code=code_of(["zoo.pipeline.steps.qat"], network_plugins(job)),
        distributions=("tensorflow", "keras", "numpy", "pillow"),
    )

    def work(work: Work) -> Outcome:
        arguments = {
            "subject": subject_of(job, work),
            "data": recipe.data,
            "options": parameters["options"],
            "target": job.target.name,
            "seed": recipe.seed,
            "folder": str(work.folder),
            "checkpoint": str(checkpoints / key),
        }
        return in_child("zoo.pipeline.steps.qat:train", arguments, work)

    return Step(
        name=QAT,
        kind="finetune",
        key=key,
        work=work,
        needs=(train.name,),
        after=tuple(step.name for step in calibrated),
        needless=partial(needless, gates=[s.name for s in calibrated], limit=recipe.gate.max_drop),
    )


def trained_by(job: Job, work: Work) -> Trained:
    """What the training for integers made, as another step finds it."""
    weights = work.needs[QAT].folder / f"{job.model_id}{SUFFIX}"
    return Trained(weights=str(weights), target=job.target.name)


def training_told(job: Job, work: Work) -> TrainedReference:
    """What the manifest of a file keeps of the training for integers."""
    result = work.needs[QAT].record.result or {}
    return TrainedReference(
        split=f"{job.recipe.data}/train",
        epochs=len(result["epochs"]),
        options=job.recipe.qat.model_dump(mode="json"),
        weights_sha256=result["weights_sha256"],
        notes=tuple(result["notes"]),
    )
