"""What steps that train without a recipe of their own write: weights, card, result."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.common.versions import versions_of
from zoo.contracts import Dataset, Variant
from zoo.models.card import Card, write_card
from zoo.models.loading import LoadedModel
from zoo.models.weights import save_weights
from zoo.results.records import TrainingResult, as_plain
from zoo.training.trainer import Trainer


def written(
    trainer: Trainer,
    parent: LoadedModel,
    variant: Variant,
    dataset: Dataset,
    folder: Path,
    *,
    hyperparameters: Mapping[str, Any],
    recipe: Mapping[str, Any],
    seconds: float,
) -> dict[str, Any]:
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

    Returns:
        A `TrainingResult` as a dictionary.
    """
    tag = parent.card.tag
    weights = folder / f"{variant.name}.{tag}.safetensors"
    options = trainer.options.model_dump(mode="json")
    sha256 = save_weights(trainer.network, weights, trainer.companion)
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
        if parent.preprocessing == variant.preprocessing
        else parent.preprocessing,
        recipe={"seed": trainer.seed, "training": options, **recipe},
        parent=parent.card.model_id,
        versions=versions_of(("tensorflow", "keras", "numpy")),
    )
    write_card(weights.with_name(f"{card.model_id}.toml"), card)
    return as_plain(
        TrainingResult(
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
        )
    )
