"""Training and validation batches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.common.errors import UsageError
from zoo.common.optional_imports import require
from zoo.contracts import Dataset, Preprocessing
from zoo.contracts.dataset import IGNORED
from zoo.contracts.training import Training
from zoo.contracts.training_objective import TrainingObjective
from zoo.data.preprocessing.augment import augment
from zoo.data.preprocessing.inputs import labels_for
from zoo.data.preprocessing.stream import Examples
from zoo.networks.inference_batches import MOST, inference_batch
from zoo.training import moving_averages
from zoo.training.even_batches import LEAST_EVEN, even_batches, needs_even_batches

if TYPE_CHECKING:
    from zoo.contracts.task import Array


class TrainingBatches:
    """Batches of the training and validation splits, epoch by epoch.

    Args:
        dataset: Training and validation split are read.
        preprocessing: Of the network.
        options: Of the training, sized for the training split.
        task: Knows how labels follow pictures, and what they weigh.
        seed: Of the order and of augmentation.
        model: The `keras.Model` that is validated; large ones get few examples at a time.
        even: Whether batches must be even though no layer of the model shows it.

    Attributes:
        examples: Of the training split.
        steps: Of one epoch.
        is_even: Whether batches have an even number of examples each.

    Raises:
        UsageError: Labels have no classes that could be balanced.
    """

    def __init__(
        self,
        dataset: Dataset,
        preprocessing: Preprocessing,
        options: Training,
        task: TrainingObjective,
        seed: int,
        model: Any = None,
        even: bool = False,
    ) -> None:
        self.options = options
        self.task = task
        self.seed = seed
        split = dataset.splits["train"]
        self.examples = len(split)
        self.steps = options.steps_per_epoch(self.examples)
        self._batch = options.with_batch_size_for(self.examples).batch_size or 1
        seen = preprocessing.training
        weights = None
        if options.class_weights == "balanced":
            weights = balanced_weights(task, labels_for(split, seen))
        self.is_even = even or (model is not None and needs_even_batches(model))
        self._most = MOST if model is None else inference_batch(model, compiled=True)
        self._train = Examples(split, seen, weights=weights)
        self._validation = Examples(dataset.splits["validation"], seen)
        self._held_out = len(dataset.splits["validation"])
        self._in_use = self._train if seen == preprocessing else Examples(split, preprocessing)
        self._shuffled: Any = None
        self._chosen: Any = None
        self._dtype = preprocessing.graph_dtype
        self._epoch = 0

    def train(self, epoch: int) -> Any:
        """Shuffled and augmented batches of one epoch, counted from 1."""
        self._epoch = epoch - 1
        # Building a stream costs as much as training on hundreds of small examples.
        if self._shuffled is None:
            names = self.options.augment
            self._shuffled = self._train.batches(
                batch=self._batch,
                shuffle_seed=self.seed,
                # The number of the epoch, counted from 0, is added.
                augment=augment(names, self.seed + 1, self.task.transform_labels)
                if names
                else None,
                epoch_now=lambda: self._epoch,
            )
            if self.is_even:
                self._shuffled = even_batches(self._shuffled)
        return self._shuffled

    def inputs(self, epoch: int) -> Iterator[Any]:
        """Batches of what the network takes in use: a few hundred of the training split.

        Others in each epoch, which is counted from 1; as they are, without augmentation.
        """
        self._epoch = epoch - 1
        tf = require("tensorflow")
        batch = max(self._batch, moving_averages.BATCH)
        if self._chosen is None:
            stream = self._in_use.batches(
                batch=batch, shuffle_seed=self.seed + 1, epoch_now=lambda: self._epoch
            )
            self._chosen = stream.take(math.ceil(moving_averages.EXAMPLES / batch))
        for values, *_ in self._chosen:
            yield tf.cast(values, self._dtype)

    def validation(self) -> Any:
        """Batches of the validation split in order."""
        return self._in_order

    @property
    def counts(self) -> tuple[int, int]:
        """Numbers of batches that `train` and `validation` have."""
        # An example alone is no even batch.
        alone = self.is_even and self.examples - (self.steps - 1) * self._batch < LEAST_EVEN
        return self.steps - alone, math.ceil(self._held_out / self._most)

    @cached_property
    def _in_order(self) -> Any:
        return self._validation.batches(batch=self._most)


def balanced_weights(task: TrainingObjective, labels: Array) -> Array:
    """Weights under which each class that occurs counts for the same, float32; their mean is 1.

    Args:
        task: Says which class a label stands for.
        labels: Of the training split, as outputs have them.

    Returns:
        Of the shape of the loss without the mean; 1 where there is no class.

    Raises:
        UsageError: They are no single classes.
    """
    classes = task.class_labels(labels)
    if classes is None:
        raise UsageError(
            f"the task {task.name!r} has no classes that could be balanced",
            why="its labels are not one class each",
            fix="leave --class-weights out",
        )
    real = classes[classes != IGNORED]
    counts = np.bincount(real)
    present = np.count_nonzero(counts)
    each = len(real) / (present * np.maximum(counts, 1))
    weights: Array = np.where(classes == IGNORED, 1.0, each[classes]).astype(np.float32)
    return weights
