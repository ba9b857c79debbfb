"""A network in memory, with its checkpoint, card and task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zoo.common.errors import UsageError
from zoo.contracts import Architecture, ModelPart, Output, Preprocessing, Task, Variant
from zoo.networks.card import Card
from zoo.networks.checkpoints import Checkpoint, resolve
from zoo.networks.published.cache import sources_of
from zoo.networks.weights import load_network
from zoo.registry import PluginSettings, load_registry


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A reference to a model by names and paths, which can be passed to worker processes.

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
    def preprocessing(self) -> Preprocessing:
        """The card's, if it has one of its own."""
        return self.card.preprocessing or self.variant.preprocessing

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs: those of the task, or of the network where the task has none."""
        came = self.card.network
        if self.task.own_names and came is not None:
            return tuple(came.outputs)
        return self.task.output_names

    def outputs_of(self, part: ModelPart) -> tuple[str, ...]:
        """Names of the outputs of one of the files."""
        return part.outputs if self.task.several_files else self.output_names

    def records_of(self, part: ModelPart) -> tuple[Output, ...]:
        """The task's records of these outputs."""
        return tuple(output for output in self.task.outputs if output.name in part.outputs)

    def contents_of(self, part: ModelPart) -> tuple[str, ...]:
        """What each of these outputs holds (`Output.content`)."""
        told = {output.name: output.content for output in self.task.outputs}
        return tuple(told.get(name, "") for name in self.outputs_of(part))


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
        task=registry.tasks.get(variant.task).with_decoding(card.decoding),
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
