"""What every step starts with: the records behind the names in a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.card import Card
from zoo.checkpoints import Checkpoint, resolve
from zoo.contracts import (
    AnyPreprocessing,
    Architecture,
    Dataset,
    Split,
    Task,
    Variant,
)
from zoo.data.series import stepwise_labels
from zoo.errors import UsageError
from zoo.registry import PluginSettings, Registry, load_registry
from zoo.sources.cache import sources_of
from zoo.weights import load_network

REFERENCE = "reference.npz"
#: The Keras model's outputs on some of the validation split, beside an exported file.
EXPECTED = "expected.npz"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model as a step sees it: plain names and paths that cross process borders.

    Attributes:
        model: Variant, model id, or path of a ``.safetensors`` file.
        plugins: Which plugins to look for.
    """

    model: str
    plugins: PluginSettings


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A checkpoint in memory."""

    architecture: Architecture
    variant: Variant
    task: Task
    checkpoint: Checkpoint
    card: Card
    network: Any

    @property
    def preprocessing(self) -> AnyPreprocessing:
        """The card's, if it has one of its own."""
        return self.card.preprocessing or self.variant.preprocessing


def open_dataset(registry: Registry, name: str) -> Dataset:
    """Opens ``name`` or ``name:argument``.

    Raises:
        UsageError: The argument is missing or superfluous.
    """
    provider_name, colon, argument = name.partition(":")
    provider = registry.datasets.get(provider_name)
    if provider.argument is not None and not argument:
        raise UsageError(
            f"dataset {provider_name!r} needs a {provider.argument}",
            fix=f"write {provider_name}:{provider.argument}",
        )
    if provider.argument is None and colon:
        raise UsageError(
            f"dataset {provider_name!r} takes nothing after a colon", fix=f"write {provider_name}"
        )
    return provider.open(argument or None)


def check_task(registry: Registry, data: str, task: str, subject: str) -> None:
    """Refuses a dataset whose examples do not fit the network's task."""
    name, _, argument = data.partition(":")
    provider = registry.datasets.get(name)
    tasks = provider.tasks if provider.tasks_of is None else provider.tasks_of(argument or None)
    if task not in tasks:
        raise UsageError(
            f"dataset {data!r} does not fit {subject!r}",
            why=f"the network's task is {task}; the dataset serves {', '.join(tasks)}",
            fix="`zoo list` shows the task of each model",
        )


def dataset_fingerprint(registry: Registry, name: str) -> str:
    """Changes when the dataset's content may have changed; quick."""
    provider_name, _, argument = name.partition(":")
    return registry.datasets.get(provider_name).fingerprint(argument or None)


def load_model(subject: Subject, hyperparameters: dict[str, Any] | None = None) -> LoadedModel:
    """Loads a checkpoint with its verified weights.

    Raises:
        UsageError: The variant has no weights.
    """
    registry = load_registry(subject.plugins)
    architecture, variant, checkpoint = resolve(registry, subject.model)
    if checkpoint is None:
        raise no_weights(architecture, variant)
    network, card, _ = load_network(checkpoint, hyperparameters=hyperparameters)
    return LoadedModel(
        architecture=architecture,
        variant=variant,
        task=registry.tasks.get(variant.task),
        checkpoint=checkpoint,
        card=card,
        network=network,
    )


def no_weights(architecture: Architecture, variant: Variant) -> UsageError:
    """The error for a variant without a packaged checkpoint."""
    official = list(sources_of(architecture, variant).values())
    train = f"train it: zoo finetune {variant.name} --data DATASET --from-scratch"
    return UsageError(
        f"{variant.name!r} has no packaged weights",
        why="only trained networks can be exported or evaluated",
        fix=f"name official ones: {', '.join(s.model_id for s in official)}" if official else train,
    )


def judged_split(dataset: Dataset, least: int) -> Split:
    """What files are compared on: the whole test split, first.

    A test split with fewer than `least` examples is followed by training examples: a comparison
    with the network needs real inputs, not unseen ones. Quality is measured on the test part alone.
    """
    test, train = dataset.splits["test"], dataset.splits["train"]
    count = len(test)
    if count >= least:
        return test
    extra = min(least - count, len(train))

    def read(index: int) -> Any:
        return test.read(index) if index < count else train.read(index - count)

    both = [test.labels, train.labels[:extra]]
    if test.labels.ndim > 1:
        # The longest sequence of each split decides how wide its labels are.
        widest = max(labels.shape[1] for labels in both)
        both = [stepwise_labels(labels, widest) for labels in both]
    return Split(
        labels=np.concatenate(both),
        read=read,
        content_hash=f"{test.content_hash}+{extra}:{train.content_hash}",
    )
