"""Training and validation batches."""

from __future__ import annotations

from typing import Any

from zoo.contracts import Dataset, Preprocessing
from zoo.contracts.training import Training
from zoo.data.preprocessing.augment import augment
from zoo.data.preprocessing.stream import Examples

_VALIDATION_BATCH = 256


class TrainingBatches:
    """Batches of the training and validation splits, epoch by epoch."""

    def __init__(
        self, dataset: Dataset, preprocessing: Preprocessing, options: Training, seed: int
    ) -> None:
        self.options = options
        self.seed = seed
        self.examples = len(dataset.splits["train"])
        self._train = Examples(dataset.splits["train"], preprocessing)
        validation = Examples(dataset.splits["validation"], preprocessing)
        self._in_order = validation.batches(batch=_VALIDATION_BATCH)
        self._shuffled: Any = None
        self._epoch = 0

    def train(self, epoch: int) -> Any:
        """Shuffled and augmented batches of one epoch, counted from 1."""
        self._epoch = epoch - 1
        # Building a stream costs as much as training on hundreds of small examples; only the
        # augmentation has a seed in it.
        if self._shuffled is None or self.options.augment:
            names = self.options.augment
            self._shuffled = self._train.batches(
                batch=self.options.batch_size,
                shuffle_seed=self.seed,
                augment=augment(names, self.seed + epoch) if names else None,
                epoch_now=lambda: self._epoch,
            )
        return self._shuffled

    def validation(self) -> Any:
        """Batches of the validation split in order."""
        return self._in_order
