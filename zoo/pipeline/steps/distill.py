"""Step: a smaller network learns from a trained one; its weights are written with their card."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.common.progress import Event
from zoo.contracts.training import Training, check_training
from zoo.data.opening import check_task, open_dataset
from zoo.networks.building import build_companion, build_network
from zoo.networks.loading import Subject, load_model
from zoo.networks.retasking import variant_for
from zoo.pipeline.steps.step import Outcome, StepContext
from zoo.pipeline.steps.trained_weights import TrainStep, write_trained_weights
from zoo.registry import PluginSettings, load_registry
from zoo.results.records import TrainingResult
from zoo.training.distillation import TEACHER_SHARE, TEMPERATURE, can_distill, distillation_task
from zoo.training.target_units import in_units_of
from zoo.training.trainer import Trainer


@dataclass(frozen=True, kw_only=True, eq=False)
class DistillStep(TrainStep[TrainingResult]):
    """A smaller network that learns from a trained one.

    Attributes:
        hyperparameters: The student's, beyond its variant's.
    """

    hyperparameters: Mapping[str, Any]
    result_type = TrainingResult

    def run(self, context: StepContext) -> Outcome[TrainingResult]:
        given = {"variant": self.origin.variant, "hyperparameters": self.hyperparameters}
        return self.call(context, distill, **given)


def distill(
    *,
    model: Path,
    variant: str,
    hyperparameters: Mapping[str, Any],
    data: str,
    training: Training,
    seed: int,
    folder: Path,
    checkpoint: Path | None,
    plugins: PluginSettings,
    emit: Callable[[Event], None],
) -> TrainingResult:
    """Trains from random weights and writes ``<variant>.<tag>.safetensors`` and its card.

    Networks whose training is not a plain fit, such as generators, are trained from scratch by
    their own task instead; the card tells which it was.

    Args:
        model: The teacher's weights file; its preprocessing and classes are the student's.
        variant: The student's.
        hyperparameters: The student's, beyond its variant's.
        data: What to learn from.
        training: How.
        seed: Of everything random.
        folder: Where to write.
        checkpoint: Folder for going on after an interruption.
        plugins: Which plugins to look for.
        emit: Receives progress.
    """
    from keras.utils import set_random_seed

    started = time.perf_counter()
    registry = load_registry(plugins)
    teacher = load_model(Subject(model=str(model), plugins=plugins))
    architecture, found = registry.variant(variant)
    found = variant_for(registry, architecture, found, data)
    training = training.model_copy(update={"task": check_training(training, found, teacher.task)})
    emit({"event": "stage", "text": f"reading {data}"})
    check_task(registry, data, teacher.task.name, variant)
    dataset = open_dataset(registry, data)
    set_random_seed(seed)
    classes = len(teacher.card.classes)
    network = build_network(architecture, found, classes, hyperparameters, teacher.preprocessing)
    in_units_of(network, teacher.task, dataset)
    companion = build_companion(architecture, found, classes, network, hyperparameters)
    by_teacher = companion is None and can_distill(teacher.task, teacher.network)
    emit({"event": "stage", "text": "training"})
    trainer = Trainer(
        network,
        distillation_task(teacher.task, teacher.network) if by_teacher else teacher.task,
        teacher.preprocessing,
        training,
        seed=seed,
        folder=checkpoint,
        emit=emit,
        companion=companion,
    )
    if len(teacher.task.outputs) > 1 or not teacher.task.one_choice:
        note = (
            "the network learns from labels alone, and not from the larger one: what that answers "
            f"is no one choice between classes, but {', '.join(teacher.task.output_names)}"
        )
        trainer.notes.append(note)
        emit({"event": "note", "text": note})
    trainer.fit(dataset)
    how = {"teacher": teacher.card.model_id, "share": TEACHER_SHARE, "temperature": TEMPERATURE}
    return write_trained_weights(
        trainer,
        teacher,
        found,
        dataset,
        folder,
        hyperparameters=hyperparameters,
        recipe={"distillation": how} if by_teacher else {},
        seconds=time.perf_counter() - started,
    )
