"""Step: fine-tune a network and write its weights with their card."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from zoo.common.errors import UsageError
from zoo.common.optional_imports import require
from zoo.common.progress import Event
from zoo.common.versions import versions_of
from zoo.contracts import Dataset, Preprocessing
from zoo.contracts.accelerators import label_of
from zoo.contracts.plugin import Plugin
from zoo.contracts.training import Training, check_training
from zoo.data.opening import check_task, judged_dataset
from zoo.data.preprocessing.inputs import fitted, kind_of
from zoo.data.subset import with_training_share
from zoo.execution.runner import check_enough_classes
from zoo.networks.backbone_weights import backbone_checkpoint
from zoo.networks.backbones import backbone_layers, begin_on_backbone
from zoo.networks.building import build_companion, wrong_parameters
from zoo.networks.card import Card, write_card
from zoo.networks.checkpoints import Checkpoint, resolve
from zoo.networks.hyperparameters import check_hyperparameters
from zoo.networks.resizing import build_resized, check_resizing, load_resized, resized_preprocessing
from zoo.networks.retasking import task_on_card, variant_for
from zoo.networks.sources.graph import foreign_metadata
from zoo.networks.weights import load_companion, save_weights
from zoo.pipeline.steps.data_check import check_data
from zoo.pipeline.steps.decoding import chosen_decoding
from zoo.pipeline.steps.origin import DataStep
from zoo.pipeline.steps.step import NOT_IN_KEY, Outcome, StepContext, StepId
from zoo.registry import PluginSettings, load_registry
from zoo.results.records import TrainingResult
from zoo.training.accelerators import check_present, on_accelerators
from zoo.training.target_units import in_units_of
from zoo.training.trainer import Trainer
from zoo.training.untrained import without_zero_weights

FINETUNE = StepId(kind="finetune")


@dataclass(frozen=True, kw_only=True)
class FinetuneParameters:
    """What a training from a checkpoint, or from random weights, is to do.

    Attributes:
        allow_leak: Whether examples may be in two splits of the dataset.
    """

    data: str
    tag: str
    training: Training
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    allow_leak: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class FinetuneStep(DataStep[TrainingResult]):
    """The training of the network, from the checkpoint or from scratch.

    Attributes:
        model: Variant, or weights file, that it begins with.
        parent: SHA-256 of these weights, or of those of the backbone; None from scratch.
        backbone: The weights file that the backbone begins with; None where that is nothing apart.
        checkpoints: Folder for going on after an interruption.
        takes: What the weights take that it begins with; None from scratch.
        compared_on: So many real inputs the files that follow are compared on; 0 without files.
    """

    id: StepId = FINETUNE
    asked: FinetuneParameters
    model: str = field(metadata=NOT_IN_KEY)
    parent: str | None
    backbone: str | None = field(default=None, metadata=NOT_IN_KEY)
    checkpoints: Path = field(metadata=NOT_IN_KEY)
    takes: Preprocessing | None = field(default=None, metadata=NOT_IN_KEY)
    compared_on: int = field(default=0, metadata=NOT_IN_KEY)
    result_type = TrainingResult
    distributions = ("tensorflow", "keras", "numpy", "pillow")

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        return self.origin.plugins

    @property
    def worker_label(self) -> str:
        return label_of(self.asked.training.accelerators)

    def check_fit(self) -> None:
        """The data must fit the weights, and be enough for what follows.

        Raises:
            ZooError: They do not, or are too few.
        """
        check_data(
            self.origin.registry,
            self.origin.data,
            self.origin.registry.tasks.get(self.origin.task),
            self.takes,
            allow_leak=self.asked.allow_leak,
            least=self.compared_on,
        )

    def run(self, context: StepContext) -> Outcome[TrainingResult]:
        if names := self.asked.training.accelerators:
            context.call(check_present, names=names)
        context.emit({"event": "stage", "text": f"reading {self.origin.data}"})
        self.check_fit()
        context.emit({"event": "stage", "text": "starting TensorFlow, once for all steps"})
        return Outcome(
            result=context.call(
                finetune,
                asked=self.asked,
                model=self.model,
                backbone=self.backbone,
                folder=context.folder,
                checkpoint=self.checkpoints / self.key,
                plugins=self.origin.registry.settings,
            )
        )


def finetune(
    *,
    asked: FinetuneParameters,
    model: str,
    folder: Path,
    checkpoint: Path | None,
    plugins: PluginSettings,
    emit: Callable[[Event], None],
    backbone: str | None = None,
) -> TrainingResult:
    """Trains and writes ``<variant>.<tag>.safetensors`` and its card into `folder`.

    Args:
        asked: What to do.
        model: Variant, or weights file, to begin with.
        folder: Where to write.
        checkpoint: Folder for going on after an interruption; None keeps nothing.
        plugins: Which plugins to look for.
        emit: Receives progress.
        backbone: Weights file that the network's backbone begins with; None where that is nothing
            apart.
    """
    with on_accelerators(asked.training.accelerators):
        return _finetune(asked, model, folder, checkpoint, plugins, emit, backbone)


def _finetune(
    asked: FinetuneParameters,
    model: str,
    folder: Path,
    checkpoint: Path | None,
    plugins: PluginSettings,
    emit: Callable[[Event], None],
    backbone: str | None,
) -> TrainingResult:
    """As `finetune`, on the accelerators that were asked for."""
    started, used = time.perf_counter(), time.process_time()
    training, data, seed = asked.training, asked.data, asked.seed
    registry = load_registry(plugins)
    architecture, own, found = resolve(registry, model)
    variant = variant_for(registry, architecture, own, data)
    found = None if found is None else replace(found, variant=variant)
    task = registry.tasks.get(variant.task)
    training = training.model_copy(update={"task": check_training(training, variant, task)})
    emit({"event": "stage", "text": f"reading {data}"})
    dataset = judged_dataset(registry, data, allow_leak=asked.allow_leak)
    check_task(registry, data, task.name, variant.name)
    check_enough_classes(task, dataset)
    _check_augmentation(training, variant.preprocessing.training, variant.name)
    for note in dataset.notes:
        emit({"event": "note", "text": note})
    whole = len(dataset.splits["train"])
    dataset = with_training_share(dataset, training.share, seed)
    given = dict(asked.hyperparameters)
    if training.dropout is not None:
        given["dropout"] = training.dropout
    check_hyperparameters(architecture, given)
    check_resizing(variant, training)
    require("keras.utils").set_random_seed(seed)
    parent, licence, origin, told = None, dataset.licence, None, ""
    if backbone is not None:
        whose = backbone_checkpoint(registry, architecture, variant, given, backbone)
        about = (architecture, variant, len(dataset.classes), given, training)
        begun = begin_on_backbone(whose, *about)
        network, origin, told, new_head = begun.network, begun.origin, begun.summary, True
        preprocessing = fitted(begun.preprocessing, dataset)
        emit({"event": "note", "text": told})
    elif training.from_scratch:
        preprocessing = fitted(resized_preprocessing(variant.preprocessing, training), dataset)
        network = build_resized(architecture, variant, len(dataset.classes), given, preprocessing)
        new_head = True
    else:
        network, card, new_head, preprocessing = _pretrained(
            found, variant.name, dataset, given, training
        )
        parent, given = card.model_id, {**card.hyperparameters, **given}
        origin = card.backbone
        if not training.epochs and not new_head:
            licence = card.licence  # nothing is learnt from these data
    task = task.with_decoding(variant.decoded_with(preprocessing, given))
    if new_head and training.epochs == 0:
        without_zero_weights(network.trainable_weights)
    if new_head:
        in_units_of(network, task, dataset)
    companion = build_companion(architecture, variant, len(dataset.classes), network, given)
    if companion is not None and found is not None and not training.from_scratch:
        load_companion(companion, found)
    came = None if found is None else found.card().network
    same_shape = preprocessing.network_shape == variant.preprocessing.network_shape
    wrong_record = ""
    if came is None and same_shape and not given:
        wrong_record = wrong_parameters(network, variant, len(dataset.classes))
    if wrong_record:
        emit({"event": "note", "text": wrong_record})
    emit({"event": "stage", "text": "training"})
    trainer = Trainer(
        network,
        task,
        preprocessing,
        training,
        seed=seed,
        folder=checkpoint,
        emit=emit,
        companion=companion,
        sketches=folder,
        backbone=backbone_layers(registry, variant, network, given),
    )
    trainer.notes += [told] if told else []
    if training.share < 1.0:
        count = len(dataset.splits["train"])
        trainer.notes.append(f"learnt from {count:,} of {whole:,} training examples")
    trainer.fit(dataset)
    model_id = f"{variant.name}.{asked.tag}"
    weights = folder / f"{model_id}.safetensors"
    metadata = foreign_metadata(network, came, preprocessing, dataset.classes)
    sha256 = save_weights(network, weights, companion, metadata)
    card = Card(
        variant=variant.name,
        tag=asked.tag,
        dataset=dataset.name,
        dataset_hash=dataset.content_hash,
        classes=dataset.classes,
        licence=licence,
        sha256=sha256,
        hyperparameters=given,
        preprocessing=None
        if preprocessing == variant.preprocessing and came is None
        else preprocessing,
        recipe={"seed": seed, "training": trainer.options.model_dump(mode="json")},
        parent=parent or "",
        versions=versions_of(("tensorflow", "keras", "numpy")),
        task=task_on_card(architecture, variant),
        network=came,
        decoding=chosen_decoding(task, network, preprocessing, dataset),
        backbone=origin,
    )
    write_card(weights.with_name(f"{model_id}.toml"), card)
    return TrainingResult(
        model_id=model_id,
        parent=parent,
        dataset=dataset.name,
        metric_name=trainer.metric_name,
        higher_is_better=task.higher_is_better,
        sketches=trainer.sample_images_kept(),
        epochs=tuple(trainer.epochs),
        best_epoch=trainer.best_epoch,
        weights=weights.name,
        weights_sha256=sha256,
        options=trainer.options.model_dump(mode="json"),
        seconds=time.perf_counter() - started,
        processor_seconds=time.process_time() - used,
        notes=tuple(trainer.notes),
        ended=trainer.ended,
        wrong_record=wrong_record,
    )


def _check_augmentation(training: Training, preprocessing: Preprocessing, variant: str) -> None:
    if training.augment and not preprocessing.augmentable:
        raise UsageError(
            f"{variant!r} cannot be trained with --augment {','.join(training.augment)}",
            why=f"augmentations change images; it takes {preprocessing.input_name}",
            fix="leave --augment out",
        )


def _pretrained(
    found: Checkpoint | None,
    variant: str,
    dataset: Dataset,
    given: dict[str, Any],
    training: Training,
) -> tuple[Any, Card, bool, Any]:
    if found is None:
        raise UsageError(
            f"{variant!r} has no pretrained weights to start from",
            fix="train it with --from-scratch",
        )
    network, card, new_head, preprocessing = load_resized(
        found, classes=dataset.classes, hyperparameters=given, training=training
    )
    if new_head and training.epochs == 0:
        raise UsageError(
            f"{card.model_id} needs a new head for {dataset.name}",
            why="a new head must be trained, and 0 epochs were asked for",
            fix=f"fine-tune it: zoo finetune {card.model_id} --data {dataset.name}",
        )
    kind = kind_of(preprocessing)
    kind.check_names(dataset, card.model_id, trained=True)
    return network, card, new_head, kind.renamed(dataset)
