"""Layers that learn later, or slower, than the head: the groups of one training."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from zoo.common.errors import UsageError
from zoo.contracts.training import Training
from zoo.training.layer_groups import describe_groups, freeze, layer_groups, unfreeze_groups
from zoo.training.moving_averages import MovingAverages


class Thawing:
    """Freezes what `Training.freeze` says, and thaws groups of layers epoch by epoch.

    Args:
        network: The `keras.Model` whose layers these are.
        options: Of the training.
        backbone: Names of the layers that `Training.freeze` calls so; of none, all but the head.
    """

    def __init__(self, network: Any, options: Training, backbone: Collection[str]) -> None:
        self._network, self._options, self._backbone = network, options, backbone
        self._gradual = options.freeze == "gradual"
        self._groups: list[list[Any]] = []

    def freeze(self) -> None:
        """Freezes the layers that never learn."""
        freeze(self._network, self._options.freeze, self._backbone)

    @property
    def first_unfrozen_epoch(self) -> int:
        """The first epoch in which every layer is trainable."""
        return len(self._groups) if self._gradual else 0

    def group(self, model: Any, steps: int, averages: MovingAverages, task: str) -> str:
        """Divides the layers into groups for gradual unfreezing or rates by group.

        Args:
            model: The compiled model that is trained.
            steps: Of one epoch.
            averages: Of the training; those of a group begin when it is thawed.
            task: Its name, for messages.

        Returns:
            How they were divided, in words; empty where they were not.

        Raises:
            UsageError: The optimizer of the task has one rate for all layers.
        """
        options = self._options
        if options.epochs == 0 or (not self._gradual and options.factor == 1.0):
            return ""
        # No more groups than epochs: the last epoch trains them all.
        most = min(options.groups, options.epochs) if self._gradual else options.groups
        self._groups = layer_groups(self._network, most, self._backbone)
        if not hasattr(model.optimizer, "set_rates"):
            raise UsageError(
                f"the task {task!r} trains with an optimizer of its own",
                why="layers cannot learn at rates of their own there",
                fix="leave out --freeze gradual and --rate-factor",
            )
        model.optimizer.set_rates(
            (variable, options.factor**-number, number * steps if self._gradual else 0)
            for number, group in enumerate(self._groups)
            for layer in group
            for variable in layer.trainable_variables
        )
        if self._gradual:
            for number, group in enumerate(self._groups):
                for layer in group:
                    averages.set_first_step(layer, number * steps)
        return describe_groups(self._groups, options)

    def unfreeze(self, model: Any, number: int) -> None:
        """Makes the layers of epoch `number` of a `keras.Model` trainable."""
        if self._gradual:
            unfreeze_groups(self._network, self._groups, number)
            if number <= len(self._groups):
                model.make_train_function(force=True)
