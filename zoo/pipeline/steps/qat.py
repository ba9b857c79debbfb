"""Step: train a network to be quantized, from its fine-tuned weights."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.common.errors import Unsupported
from zoo.common.optional_imports import require
from zoo.common.progress import Event
from zoo.contracts.training import Qat
from zoo.data.opening import check_task, open_dataset
from zoo.models.loading import Subject, load_model
from zoo.registry import load_registry
from zoo.results.records import TrainingResult, as_plain
from zoo.targets import target_named
from zoo.training.qat.distillation import distilling, hold_logits, training_of
from zoo.training.qat.files import SUFFIX, save
from zoo.training.qat.network import rounding
from zoo.training.trainer import Trainer


def train(
    *,
    subject: Subject,
    data: str,
    options: dict[str, Any],
    target: str,
    seed: int,
    folder: str,
    checkpoint: str | None,
    emit: Callable[[Event], None],
) -> dict[str, Any]:
    """Trains and writes ``<model id>.qat.safetensors`` into `folder`.

    Args:
        subject: The fine-tuned network; its weights stay as they are.
        data: Dataset whose training split is used.
        options: The recipe's ``qat`` table.
        target: Says what shares a scale.
        seed: Of the order of examples and of augmentation.
        folder: For the weights.
        checkpoint: Folder that an interrupted training goes on from; None keeps none.
        emit: Receives progress.

    Returns:
        A `TrainingResult` as a dictionary.

    Raises:
        Unsupported: The network has nothing to round, or is not trained on what it takes.
        ZooError: A model inside the network cannot be looked into.
    """
    started = time.perf_counter()
    qat = Qat.model_validate(options)
    training = training_of(qat)
    registry = load_registry(subject.plugins)
    # Two copies: one learns, the other is what it learns from.
    loaded, teacher = load_model(subject), load_model(subject)
    if loaded.preprocessing.training != loaded.preprocessing:
        raise Unsupported(
            f"quantization-aware training is not possible for {loaded.card.model_id!r}",
            why="it is trained on other inputs than it takes, which the twin could not learn from",
            fix="leave --qat out: int8 files are calibrated",
        )
    twin = rounding(
        loaded.network,
        loaded.preprocessing,
        loaded.task,
        target=target_named(registry, target),
    )
    notes = [
        f"{name} was not trained to be quantized: {reason}" for name, reason in twin.real.items()
    ]
    for note in notes:
        emit({"event": "note", "text": note})
    emit({"event": "stage", "text": f"reading {data}"})
    check_task(registry, data, loaded.task.name, loaded.card.model_id)
    dataset = open_dataset(registry, data)
    require("keras.utils").set_random_seed(seed)
    emit({"event": "stage", "text": "training"})
    hold_logits(twin, teacher.network, dataset.splits["validation"], loaded.preprocessing)
    task = distilling(loaded.task, teacher.network, chooses=twin.logits is not None)
    trainer = Trainer(
        twin.trained,
        task,
        loaded.preprocessing,
        training,
        seed=seed,
        folder=Path(checkpoint) if checkpoint else None,
        emit=emit,
    )
    trainer.fit(dataset)
    weights = Path(folder) / f"{loaded.card.model_id}{SUFFIX}"
    sha256 = save(twin, weights)
    return as_plain(
        TrainingResult(
            model_id=loaded.card.model_id,
            parent=loaded.card.model_id,
            dataset=dataset.name,
            metric_name=trainer.metric_name,
            higher_is_better=task.higher_is_better,
            epochs=tuple(trainer.epochs),
            best_epoch=trainer.best_epoch,
            weights=weights.name,
            weights_sha256=sha256,
            options=qat.model_dump(mode="json"),
            seconds=time.perf_counter() - started,
            notes=(*notes, *trainer.notes),
        )
    )
