"""Step: a trained network is thinned out while it is fine-tuned."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from zoo.common.progress import Event
from zoo.contracts.training import Training, check_training
from zoo.data.opening import check_task, open_dataset
from zoo.networks.loading import Subject, load_model
from zoo.pipeline.steps.step import Outcome, StepContext
from zoo.pipeline.steps.trained_weights import TrainStep, write_trained_weights
from zoo.registry import PluginSettings, load_registry
from zoo.results.records import PrunedTraining
from zoo.training.pruning import (
    Pruner,
    PruningTrainer,
    prunable,
    pruned_task,
    ramp_epochs,
    sparsity,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class PruneStep(TrainStep[PrunedTraining]):
    """A trained network with its smallest weights set to zero.

    Attributes:
        share: Of the weights of each kernel that is zero in the end, 0 to 1.
    """

    share: float
    result_type = PrunedTraining

    def run(self, context: StepContext) -> Outcome[PrunedTraining]:
        return self.call(context, prune, share=self.share)


def prune(
    *,
    model: Path,
    share: float,
    data: str,
    training: Training,
    seed: int,
    folder: Path,
    checkpoint: Path | None,
    plugins: PluginSettings,
    emit: Callable[[Event], None],
) -> PrunedTraining:
    """Fine-tunes with ever more weights at zero, and writes the weights with their card.

    Args:
        model: The weights file.
        share: Of the weights of each kernel that is zero in the end, 0 to 1.
        data: What to fine-tune on.
        training: How.
        seed: Of the order of examples.
        folder: Where to write.
        checkpoint: Folder for going on after an interruption.
        plugins: Which plugins to look for.
        emit: Receives progress.

    Raises:
        UsageError: There is nothing to prune.
    """
    from keras.utils import set_random_seed

    started = time.perf_counter()
    registry = load_registry(plugins)
    loaded = load_model(Subject(model=str(model), plugins=plugins))
    options_of_task = check_training(training, loaded.variant, loaded.task)
    training = training.model_copy(update={"task": options_of_task})
    emit({"event": "stage", "text": f"reading {data}"})
    check_task(registry, data, loaded.task.name, loaded.card.model_id)
    dataset = open_dataset(registry, data)
    set_random_seed(seed)
    batches = training.steps_per_epoch(len(dataset.splits["train"]))
    pruner = Pruner(prunable(loaded.network), share, ramp_epochs(training.epochs) * batches)
    emit({"event": "stage", "text": "training"})
    trainer = PruningTrainer(
        loaded.network,
        pruned_task(loaded.task, pruner),
        loaded.preprocessing,
        training,
        seed=seed,
        folder=checkpoint,
        emit=emit,
    )
    trainer.fit(dataset)
    reached = sparsity(loaded.network)
    result = write_trained_weights(
        trainer,
        loaded,
        loaded.variant,
        dataset,
        folder,
        hyperparameters=loaded.card.hyperparameters,
        recipe={"pruning": {"share": share, "reached": reached}},
        seconds=time.perf_counter() - started,
    )
    return PrunedTraining(**vars(result), sparsity=reached)
