"""What steps that train without a recipe of their own write: weights, card, result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from zoo.common.versions import versions_of
from zoo.contracts import Dataset, Variant
from zoo.contracts.plugin import Plugin
from zoo.contracts.training import Training
from zoo.networks.card import Card, write_card
from zoo.networks.loading import LoadedModel
from zoo.networks.retasking import task_on_card
from zoo.networks.sources.graph import foreign_metadata
from zoo.networks.weights import save_weights
from zoo.pipeline.steps.decoding import chosen_decoding
from zoo.pipeline.steps.origin import DataStep
from zoo.pipeline.steps.step import NOT_IN_KEY, Outcome, StepContext, StepId
from zoo.results.records import TrainingResult
from zoo.training.trainer import Trainer

_TRAIN = StepId(kind="train")
Trained = TypeVar("Trained", bound=TrainingResult)


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainStep(DataStep[Trained]):
    """A training that begins with, or learns from, finished weights.

    Attributes:
        origin: The network that is trained, and the data.
        checkpoints: Folder for going on after an interruption.
    """

    id: StepId = _TRAIN
    label: str
    model: Path = field(metadata=NOT_IN_KEY)
    sha256: str
    training: Training
    seed: int
    checkpoints: Path = field(metadata=NOT_IN_KEY)
    distributions = ("tensorflow", "keras", "numpy", "pillow")

    @property
    def name(self) -> str:
        return f"train {self.label}"

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        return self.origin.plugins

    @property
    def checkpoint(self) -> Path:
        """Where an interrupted training goes on."""
        return self.checkpoints / self.key

    def call(
        self, context: StepContext, function: Callable[..., Trained], **arguments: Any
    ) -> Outcome[Trained]:
        """Trains in a child process by `function`; `arguments` are its own."""
        return Outcome(
            result=context.call(
                function,
                model=self.model,
                data=self.origin.data,
                training=self.training,
                seed=self.seed,
                folder=context.folder,
                checkpoint=self.checkpoint,
                plugins=self.origin.registry.settings,
                **arguments,
            )
        )


def write_trained_weights(
    trainer: Trainer,
    parent: LoadedModel,
    variant: Variant,
    dataset: Dataset,
    folder: Path,
    *,
    hyperparameters: Mapping[str, Any],
    recipe: Mapping[str, Any],
    seconds: float,
) -> TrainingResult:
    """Writes ``<variant>.<tag>.safetensors`` with its card, under the parent's tag.

    Args:
        trainer: After `fit`.
        parent: What the training began from, or learnt from.
        variant: Of the network that was trained.
        dataset: What it was trained on.
        folder: Where to write.
        hyperparameters: Beyond those of the variant.
        recipe: What the card tells beside the training options.
        seconds: Time it took.
    """
    tag = parent.card.tag
    weights = folder / f"{variant.name}.{tag}.safetensors"
    options = trainer.options.model_dump(mode="json")
    came = parent.card.network if variant == parent.variant else None
    metadata = foreign_metadata(trainer.network, came, parent.preprocessing, parent.card.classes)
    sha256 = save_weights(trainer.network, weights, trainer.companion, metadata)
    card = Card(
        variant=variant.name,
        tag=tag,
        dataset=dataset.name,
        dataset_hash=dataset.content_hash,
        classes=parent.card.classes,
        licence=dataset.licence,
        sha256=sha256,
        hyperparameters=dict(hyperparameters),
        preprocessing=None
        if parent.preprocessing == variant.preprocessing and came is None
        else parent.preprocessing,
        recipe={"seed": trainer.seed, "training": options, **recipe},
        parent=parent.card.model_id,
        versions=versions_of(("tensorflow", "keras", "numpy")),
        task=task_on_card(parent.architecture, variant),
        network=came,
        decoding=chosen_decoding(parent.task, trainer.network, parent.preprocessing, dataset),
        backbone=parent.card.backbone if variant == parent.variant else None,
    )
    write_card(weights.with_name(f"{card.model_id}.toml"), card)
    return TrainingResult(
        model_id=card.model_id,
        parent=card.parent,
        dataset=dataset.name,
        metric_name=trainer.metric_name,
        higher_is_better=trainer.task.higher_is_better,
        epochs=tuple(trainer.epochs),
        best_epoch=trainer.best_epoch,
        weights=weights.name,
        weights_sha256=sha256,
        options=options,
        seconds=seconds,
        notes=tuple(trainer.notes),
        ended=trainer.ended,
    )
