"""Step: a trained network is thinned out while it is fine-tuned."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.common.progress import Event
from zoo.contracts.training import Training
from zoo.data.opening import check_task, open_dataset
from zoo.models.loading import Subject, load_model
from zoo.pipeline.job import check_training
from zoo.pipeline.steps.trained_weights import written
from zoo.registry import PluginSettings, load_registry
from zoo.training.pruning import (
    Pruner,
    PruningTrainer,
    prunable,
    pruned_task,
    ramp_epochs,
    sparsity,
)


def prune(
    *,
    model: str,
    share: float,
    data: str,
    options: dict[str, Any],
    seed: int,
    folder: str,
    checkpoint: str | None,
    plugins: PluginSettings,
    emit: Callable[[Event], None],
) -> dict[str, Any]:
    """Fine-tunes with ever more weights at zero, and writes the weights with their card.

    Args:
        model: The weights file.
        share: Of the weights of each kernel that is zero in the end, 0 to 1.
        data: What to fine-tune on.
        options: A `Training` as a dictionary.
        seed: Of the order of examples.
        folder: Where to write.
        checkpoint: Folder for going on after an interruption.
        plugins: Which plugins to look for.
        emit: Receives progress.

    Returns:
        A `TrainingResult` as a dictionary, with the measured ``sparsity`` beside it.

    Raises:
        UsageError: There is nothing to prune.
    """
    from keras.utils import set_random_seed

    started = time.perf_counter()
    registry = load_registry(plugins)
    loaded = load_model(Subject(model=model, plugins=plugins))
    training = Training.model_validate(options)
    options_of_task = check_training(training, loaded.variant, loaded.task)
    training = training.model_copy(update={"task": options_of_task})
    emit({"event": "stage", "text": f"reading {data}"})
    check_task(registry, data, loaded.task.name, loaded.card.model_id)
    dataset = open_dataset(registry, data)
    set_random_seed(seed)
    batches = math.ceil(len(dataset.splits["train"]) / training.batch_size)
    pruner = Pruner(prunable(loaded.network), share, ramp_epochs(training.epochs) * batches)
    emit({"event": "stage", "text": "training"})
    trainer = PruningTrainer(
        loaded.network,
        pruned_task(loaded.task, pruner),
        loaded.preprocessing,
        training,
        seed=seed,
        folder=Path(checkpoint) if checkpoint else None,
        emit=emit,
    )
    trainer.fit(dataset)
    reached = sparsity(loaded.network)
    result = written(
        trainer,
        loaded,
        loaded.variant,
        dataset,
        Path(folder),
        hyperparameters=loaded.card.hyperparameters,
        recipe={"pruning": {"share": share, "reached": reached}},
        seconds=time.perf_counter() - started,
    )
    return {**result, "sparsity": reached}
