"""What the checks are given: one registered variant, found anew in each process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zoo.contracts import Architecture, LatentPreprocessing, Task, Variant
from zoo.extras import require
from zoo.networks import build_companion, build_network, raw_model
from zoo.recipe import Training, task_options
from zoo.registry import PluginSettings, Registry, load_registry

SEED = 1


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A variant by name, in a form that crosses process borders.

    Attributes:
        variant: As registered.
        plugins: Which plugins to look for.
    """

    variant: str
    plugins: PluginSettings

    def open(self) -> Subject:
        """Discovers the plugins and finds the variant."""
        return Subject(load_registry(self.plugins), self.variant)


class Subject:
    """The records of a candidate, and networks made from them.

    Attributes:
        registry: Where the records were found.
        architecture: The family.
        variant: The member that is checked.
        task: What its outputs mean.
    """

    def __init__(self, registry: Registry, name: str) -> None:
        self.registry = registry
        self.architecture: Architecture
        self.variant: Variant
        self.architecture, self.variant = registry.variant(name)
        self.task: Task = registry.tasks.get(self.variant.task)

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
        model = make(network, self.variant.preprocessing, *([beside] if beside else []))
        options = Training(task=task_options(self.task.options, {}, self.task.name))
        self.task.compile(model, keras.optimizers.Adam(learning_rate), options)
        return model

    def inputs(self, count: int) -> Any:
        """Raw inputs of the network, float32, shape (count, …): examples, or noise."""
        import numpy as np

        from zoo.data.latents import latent

        own = self.variant.preprocessing
        if isinstance(own, LatentPreprocessing):
            return np.stack([latent(own, index) for index in range(count)])
        return self.examples(count)[0]

    def examples(self, count: int, classes: int | None = None, seed: int = SEED) -> Any:
        """Synthetic raw examples and labels, the same for the same seed.

        Each class has a pattern of its own and each example its own noise, so that a network
        which can learn anything can learn these.

        Args:
            count: How many.
            classes: Labels run over so many classes; None takes the record's.
            seed: Of patterns and noise.

        Returns:
            float32, shape (count, …), whole numbers from 0 to 255; int64, shape (count,).
        """
        import numpy as np

        shape = self.variant.preprocessing.training.input_shape
        random = np.random.default_rng(seed)
        labels = np.arange(count, dtype=np.int64) % (classes or self.variant.classes)
        axes = np.stack(np.meshgrid(*(np.linspace(0, 1, n) for n in shape), indexing="ij"), -1)
        values = np.empty((count, *shape), np.float32)
        for index, label in enumerate(labels.tolist()):
            pattern = np.random.default_rng((seed, label))
            waves = np.sin(axes @ pattern.uniform(4, 40, len(shape)) + pattern.uniform(0, 6))
            # Multiples of irrational numbers keep any number of classes apart.
            bright, contrast = 50 + 155 * (label * 0.618034 % 1), 15 + 45 * (label * 0.414214 % 1)
            noise = random.normal(0, 8, shape)
            values[index] = np.clip(np.round(bright + contrast * waves + noise), 0, 255)
        return values, labels
