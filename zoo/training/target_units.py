"""Real targets in the units of the data, learnt as standardized ones.

Targets of thousands, or of thousandths, would need weights of the last layer as large or as small,
which the usual learning rates do not reach. So the last layer works in standardized units while it
learns, and is brought back to those of the data behind it: the network's own answers, and those of
each file, are in the units of the data, by the same layers as a classifier's.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from zoo.common.errors import Unsupported
from zoo.common.optional_imports import require
from zoo.contracts import Dataset
from zoo.contracts.geometric_transform import GeometricTransform
from zoo.contracts.training_objective import TargetUnits, TrainingObjective


def last_dense(network: Any) -> Any | None:
    """The dense layer without activation that gives the network's only output; None without."""
    keras = require("keras")
    output = network.output
    if isinstance(output, dict):
        return None
    layer = output._keras_history.operation
    plain = isinstance(layer, keras.layers.Dense) and layer.use_bias
    return layer if plain and layer.activation is keras.activations.linear else None


def in_units_of(network: Any, task: TrainingObjective, dataset: Dataset) -> None:
    """Brings a new, random last layer to the units of a dataset's targets, if it has such."""
    units = task.units(dataset.splits["train"].labels)
    if units is not None and last_dense(network) is not None:
        to_units(network, units)


@contextmanager
def learnt_units(
    network: Any, task: TrainingObjective, dataset: Dataset, epochs: int
) -> Iterator[tuple[Dataset, TrainingObjective, Callable[[Any], Any]]]:
    """Within the block the last layer works in standardized units; behind it, in those of the data.

    Args:
        network: Whose last layer that is; one that does not end in a dense layer stays as it is.
        task: Knows which targets have units.
        dataset: Brings their place and spread.
        epochs: Of 0 nothing is done.

    Yields:
        The dataset with the targets that are learnt; the task, whose labels follow moved pictures
        in those units; and what makes of a model to be trained one that answers like them.
    """
    units = task.units(dataset.splits["train"].labels) if epochs else None
    if units is None:
        yield dataset, task, lambda model: model
        return
    splits = {
        name: replace(split, labels=units.standardized(split.labels))
        for name, split in dataset.splits.items()
    }
    learnt, moving = replace(dataset, splits=splits), _moving_in_units(task, units)
    layer = last_dense(network)
    if layer is None:
        yield learnt, moving, lambda model: _standardized_outputs(model, units)
        return
    kernel, bias = layer.kernel.numpy(), layer.bias.numpy()
    layer.kernel.assign(kernel / units.spread)
    layer.bias.assign((bias - units.offset) / units.spread)
    yield learnt, moving, lambda model: model
    to_units(network, units)


def _moving_in_units(task: TrainingObjective, units: TargetUnits) -> TrainingObjective:
    """The task, whose `transform_labels` is given targets in the units of the data."""
    of_data, moving = task.transform_labels, copy.copy(task)

    def transform_labels(labels: Any, transform: GeometricTransform) -> Any:
        moved = of_data(labels * units.spread + units.offset, transform)
        return (moved - units.offset) / units.spread

    # Not `replace`: a task may be of a class whose fields are not those of its constructor.
    object.__setattr__(moving, "transform_labels", transform_labels)
    return moving


def to_units(network: Any, units: TargetUnits) -> None:
    """Brings the last layer from standardized units to those of the data."""
    layer = last_dense(network)
    assert layer is not None
    kernel, bias = layer.kernel.numpy(), layer.bias.numpy()
    layer.kernel.assign(kernel * units.spread)
    layer.bias.assign(bias * units.spread + units.offset)


def _standardized_outputs(model: Any, units: TargetUnits) -> Any:
    """What is trained, its outputs standardized.

    Raises:
        Unsupported: It is trained by steps of its own, which know nothing of that.
    """
    keras = require("keras")
    if type(model).__name__ not in ("Model", "Functional"):
        raise Unsupported(
            f"{model.name!r} cannot be trained in this way for real targets",
            why="its last layer is no dense one, whose units could be changed",
            fix="leave pruning and distillation out, or end the network in a dense layer",
        )
    return keras.Model(model.input, standardizing(units)(model.output))


def standardizing(units: TargetUnits) -> Any:
    """A layer from targets in the units of the data, (batch, …, targets), to standardized ones."""
    scale, offset = 1.0 / units.spread, -units.offset / units.spread
    layers = require("keras.layers")
    return layers.Rescaling(scale.tolist(), offset.tolist(), name="standardized")
