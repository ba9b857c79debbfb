"""Step: a smaller network learns from a trained one; its weights are written with their card."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.common.progress import Event
from zoo.contracts.training import Training
from zoo.data.opening import check_task, open_dataset
from zoo.models.building import build_companion, build_network
from zoo.models.loading import Subject, load_model
from zoo.pipeline.job import check_training
from zoo.pipeline.steps.trained_weights import written
from zoo.registry import PluginSettings, load_registry
from zoo.training.distillation import TEACHER_SHARE, TEMPERATURE, taught, teachable
from zoo.training.trainer import Trainer


def teach(
    *,
    model: str,
    variant: str,
    hyperparameters: dict[str, Any],
    data: str,
    options: dict[str, Any],
    seed: int,
    folder: str,
    checkpoint: str | None,
    plugins: PluginSettings,
    emit: Callable[[Event], None],
) -> dict[str, Any]:
    """Trains from random weights and writes ``<variant>.<tag>.safetensors`` and its card.

    Networks whose training is not a plain fit, such as generators, are trained from scratch by
    their own task instead; the card tells which it was.

    Args:
        model: The teacher's weights file; its preprocessing and classes are the student's.
        variant: The student's.
        hyperparameters: The student's, beyond its variant's.
        data: What to learn from.
        options: A `Training` as a dictionary.
        seed: Of everything random.
        folder: Where to write.
        checkpoint: Folder for going on after an interruption.
        plugins: Which plugins to look for.
        emit: Receives progress.

    Returns:
        A `TrainingResult` as a dictionary.
    """
    from keras.utils import set_random_seed

    started = time.perf_counter()
    registry = load_registry(plugins)
    teacher = load_model(Subject(model=model, plugins=plugins))
    architecture, found = registry.variant(variant)
    training = Training.model_validate(options)
    training = training.model_copy(update={"task": check_training(training, found, teacher.task)})
    emit({"event": "stage", "text": f"reading {data}"})
    check_task(registry, data, teacher.task.name, variant)
    dataset = open_dataset(registry, data)
    set_random_seed(seed)
    classes = len(teacher.card.classes)
    network = build_network(architecture, found, classes, hyperparameters, teacher.preprocessing)
    companion = build_companion(architecture, found, classes, network, hyperparameters)
    by_teacher = companion is None and teachable(teacher.task, teacher.network)
    emit({"event": "stage", "text": "training"})
    trainer = Trainer(
        network,
        taught(teacher.task, teacher.network) if by_teacher else teacher.task,
        teacher.preprocessing,
        training,
        seed=seed,
        folder=Path(checkpoint) if checkpoint else None,
        emit=emit,
        companion=companion,
    )
    trainer.fit(dataset)
    how = {"teacher": teacher.card.model_id, "share": TEACHER_SHARE, "temperature": TEMPERATURE}
    return written(
        trainer,
        teacher,
        found,
        dataset,
        Path(folder),
        hyperparameters=hyperparameters,
        recipe={"distillation": how} if by_teacher else {},
        seconds=time.perf_counter() - started,
    )
