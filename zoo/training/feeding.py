"""How batches reach a model that is trained: whole, or divided among accelerators."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from zoo.training.batches import TrainingBatches
from zoo.training.divided_batches import DividedTraining, division_of
from zoo.training.fused_batch_norm import fused_normalizations


class Feeding:
    """Trains and validates a compiled `keras.Model` on the batches of a training.

    Args:
        model: The model.
        batches: Of the training.
        division: How they are divided; None where they are not.
    """

    def __init__(
        self, model: Any, batches: TrainingBatches, division: DividedTraining | None
    ) -> None:
        self._model, self._batches, self._division = model, batches, division

    @property
    def is_divided(self) -> bool:
        """Whether several accelerators have parts of each batch."""
        return self._division is not None

    def fit(self, number: int, callback: Any) -> dict[str, list[float]]:
        """Trains one epoch, counted from 1; returns what Keras says of it."""
        batches, model = self._batches.train(number), self._model
        given = {"verbose": 0, "shuffle": False, "callbacks": [callback]}
        if self._division is not None:
            batches = self._division.divided(batches)
            # One step too many would find no batch, and move the schedule of the learning rate.
            given["steps_per_epoch"] = self._batches.counts[0]
        history: dict[str, list[float]] = model.fit(batches, epochs=1, **given).history
        return history

    def evaluate(self) -> dict[str, float]:
        """Loss and metrics on the validation split."""
        batches, given = self._batches.validation(), {"verbose": 0, "return_dict": True}
        if self._division is not None:
            batches = self._division.divided(batches)
            given["steps"] = self._batches.counts[1]
        values: dict[str, float] = self._model.evaluate(batches, **given)
        return values


@contextmanager
def feeding(
    model: Any,
    batches: TrainingBatches,
    accelerators: Sequence[str],
    variables: Sequence[Any],
    note: Callable[[str], None],
) -> Iterator[Feeding]:
    """Within the block, a model is trained by quick steps, divided where there are several.

    Args:
        model: Compiled, and made on the accelerators.
        batches: Of the training.
        accelerators: Their names; of one or none nothing is divided.
        variables: All that the next epoch depends on.
        note: Receives what each accelerator did, in words.

    Raises:
        Unsupported: Divided, it would be another training.
    """
    division = division_of(model, accelerators, even=batches.is_even)
    if division is None:
        with fused_normalizations(model):
            yield Feeding(model, batches, None)
        return
    model.steps_per_execution = 1  # TensorFlow cannot divide batches inside a loop of its own
    batch = next(iter(batches.train(1)))
    with division.steps(batch):
        division.measure(batch, variables)
        yield Feeding(model, batches, division)
    note(division.describe())
