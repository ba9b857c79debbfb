"""What the checks are given: one registered variant, found anew in each process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zoo.common.named_arrays import fields_of
from zoo.common.optional_imports import require
from zoo.contracts import Architecture, Preprocessing, Split, Task, Variant
from zoo.contracts.options import declared_options
from zoo.contracts.training import Training
from zoo.networks.building import build_companion, build_network, raw_model
from zoo.registry import PluginSettings, Registry, load_registry
from zoo.testing.synthetic import synthetic_examples, with_synthetic_statistics
from zoo.testing.verdict import NotTried

SEED = 1


@dataclass(frozen=True, kw_only=True)
class CandidateNetwork:
    """A variant by name, in a form that crosses process borders.

    Attributes:
        variant: Its name.
        plugins: Where it is found.
        data: Dataset whose labels it learns where none can be made up; None chooses a small one.
    """

    variant: str
    plugins: PluginSettings
    data: str | None = None

    def open(self) -> CheckedNetwork:
        """Discovers the plugins and finds the variant."""
        return CheckedNetwork(load_registry(self.plugins), self.variant, self.data)


class CheckedNetwork:
    """The records of a candidate, and networks made from them."""

    def __init__(self, registry: Registry, name: str, data: str | None = None) -> None:
        self.registry = registry
        self._data = data
        self.architecture: Architecture
        self.variant: Variant
        self.architecture, self.variant = registry.variant(name)
        found: Task = registry.tasks.get(self.variant.task)
        self.task = found.with_decoding(self.variant.decoded_with(self.variant.preprocessing))

    def network(self, classes: int | None = None, seed: int = SEED) -> Any:
        """A network with seeded random weights: normalized inputs to logits.

        Args:
            classes: None takes the record's.
            seed: Of the weights.
        """
        require("keras.utils").set_random_seed(seed)
        return build_network(self.architecture, self.variant, classes or self.variant.classes)

    def companion(self, network: Any) -> Any | None:
        """The second network of the training, under the seed of the first; mostly there is none."""
        classes = self.variant.classes
        return build_companion(self.architecture, self.variant, classes, network)

    def trainable(self, network: Any, learning_rate: float, companion: Any | None = None) -> Any:
        """The network with normalization and loss, ready for single steps with Adam.

        Args:
            network: From `network`.
            learning_rate: Of all steps.
            companion: From `companion`; None makes one if the family has it.
        """
        keras = require("keras")
        beside = companion or self.companion(network)
        make = self.task.trainee or raw_model
        model = make(network, self.preprocessing, *([beside] if beside else []))
        options = Training(task=declared_options(self.task.options, {}, self.task.name))
        self.task.compile(model, keras.optimizers.Adam(learning_rate), options)
        # The first step would make the optimizer's variables, and be traced a second time for that.
        model.optimizer.build(model.trainable_variables)
        return model

    @property
    def preprocessing(self) -> Preprocessing:
        """The record's, with what training would measure made up."""
        return with_synthetic_statistics(self.variant.preprocessing)

    def inputs(self, count: int) -> Any:
        """Raw inputs of the network, shape (count, …): examples, or noise."""
        import numpy as np

        from zoo.data.preprocessing.inputs import read_inputs

        own = self.variant.preprocessing
        if own.is_noise:
            split = Split(labels=np.zeros(count, np.int64), read=np.empty, content_hash="")
            # Noise follows from the number of an example, which itself is not read.
            return read_inputs(split, own)
        return self._synthetic(count, None, SEED)[0]

    @property
    def labels_are_classes(self) -> bool:
        """Whether labels can be made up: a class of each example, or of each of its steps.

        A task with a training step of its own reads such labels in its own way.
        """
        if len(self.task.outputs) > 1:
            return False
        single = (
            isinstance(self.variant.output_shape, tuple) and len(self.variant.output_shape) == 1
        )
        own_step = self.task.trainee is not None
        return own_step or self.task.stepwise or (self.task.one_choice and single)

    def examples(self, count: int, classes: int | None = None, seed: int = SEED) -> Any:
        """Raw inputs and labels to learn from, the same for the same seed.

        Synthetic ones (see `synthetic_examples`) where labels are classes; else the first of a
        dataset, with labels as Keras takes them: of several outputs a dictionary.

        Args:
            count: How many.
            classes: Synthetic labels run over so many classes; None takes the record's.
            seed: Of patterns and noise.

        Raises:
            NotTried: Labels cannot be made up, and no dataset at hand has them.
        """
        if self.labels_are_classes:
            return self._synthetic(count, classes, seed)
        inputs, labels = self._real_examples(count)
        fields = fields_of(labels)
        return inputs, labels if "" in fields else fields

    def _real_examples(self, count: int) -> Any:
        from zoo.data.opening import open_dataset
        from zoo.data.preprocessing.inputs import labels_for, read_inputs
        from zoo.data.subset import first_of
        from zoo.testing.exports import choose_data

        own = self.preprocessing.training
        name = choose_data(self.registry, self.task, self._data, self.variant.preprocessing)
        dataset = open_dataset(self.registry, name)
        if len(dataset.classes) != self.variant.classes and self.variant.has_head:
            raise NotTried(
                f"its labels cannot be made up, and {name} has {len(dataset.classes)} classes, "
                f"where its record has {self.variant.classes}"
            )
        train = dataset.splits["train"]
        first = first_of(train, count)
        return read_inputs(first, own), labels_for(first, own)

    def _synthetic(self, count: int, classes: int | None, seed: int) -> Any:
        own = self.preprocessing
        return synthetic_examples(
            own.training,
            count,
            classes or self.variant.classes,
            stepwise=self.task.stepwise,
            seed=seed,
        )
