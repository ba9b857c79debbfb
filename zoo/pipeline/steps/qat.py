"""Step: train a network to be quantized, from its fine-tuned weights."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.artifacts.artifact import TrainedReference
from zoo.common.errors import Unsupported
from zoo.common.optional_imports import require
from zoo.common.progress import Event
from zoo.contracts import Target
from zoo.contracts.accelerators import label_of
from zoo.contracts.plugin import Plugin
from zoo.contracts.training import Qat
from zoo.data.opening import check_task, open_dataset
from zoo.networks.loading import Subject, load_model
from zoo.pipeline.steps.origin import DataStep
from zoo.pipeline.steps.step import (
    NOT_IN_KEY,
    FinishedStep,
    FinishedSteps,
    Outcome,
    Step,
    StepContext,
    StepId,
)
from zoo.registry import load_registry
from zoo.results.records import GateResult, TrainingResult
from zoo.training.accelerators import on_accelerators
from zoo.training.even_batches import needs_even_batches
from zoo.training.qat.distillation import choose_logit_limits, logit_distillation, training_of
from zoo.training.qat.files import SUFFIX, QatWeights, save
from zoo.training.qat.network import build_rounding_network
from zoo.training.trainer import Trainer

if TYPE_CHECKING:
    from zoo.pipeline.steps.finetune import FinetuneStep

QAT = StepId(kind="finetune", trained=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class QatStep(DataStep[TrainingResult]):
    """The training for integers; needless where no calibrated file lost too much.

    Attributes:
        target: Says what shares a scale.
        seed: Of the order of examples and of augmentation.
        max_drop: What a file may lose; None: nobody said, and the training was asked for outright.
        checkpoints: Folder for going on after an interruption.
        accelerators: Those of the fine-tuning: this training takes the first alone.
    """

    id: StepId = QAT
    train: FinetuneStep
    options: Qat
    target: Target
    seed: int
    calibrated: tuple[Step[GateResult], ...] = field(metadata=NOT_IN_KEY)
    max_drop: float | None = field(metadata=NOT_IN_KEY)
    checkpoints: Path = field(metadata=NOT_IN_KEY)
    accelerators: tuple[str, ...] = field(default=(), metadata=NOT_IN_KEY)
    result_type = TrainingResult
    distributions = ("tensorflow", "keras", "numpy", "pillow")

    @property
    def name(self) -> str:
        return "qat"

    @property
    def needs(self) -> tuple[Step[Any], ...]:
        return (self.train,)

    @property
    def unless(self) -> tuple[Step[Any], ...]:
        return self.calibrated

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        return self.origin.plugins

    @property
    def worker_label(self) -> str:
        return label_of(self.accelerators)

    def needless(self, before: FinishedSteps) -> str:
        return self.needless_after(before, self.calibrated)

    def needless_after(self, before: FinishedSteps, calibrated: Sequence[Step[GateResult]]) -> str:
        """Why nothing need be trained, or made of it, in place of some calibrated files."""
        return needs_no_qat({g.id.cell: before.of(g) for g in calibrated}, self.max_drop)

    def run(self, context: StepContext) -> Outcome[TrainingResult]:
        return Outcome(
            result=context.call(
                train,
                subject=self.origin.weights(context.before.of(self.train)),
                data=self.origin.data,
                options=self.options,
                target=self.target,
                seed=self.seed,
                folder=context.folder,
                checkpoint=self.checkpoints / self.key,
                accelerators=self.accelerators[:1],
            )
        )

    def trained(self, done: FinishedStep[TrainingResult]) -> QatWeights:
        """What it made, as other steps load it."""
        return QatWeights(weights=str(done.folder / done.result.weights), target=self.target.name)

    def told(self, done: FinishedStep[TrainingResult]) -> TrainedReference:
        """What the manifest of a file keeps of it."""
        return TrainedReference(
            split=f"{self.origin.data}/train",
            epochs=len(done.result.epochs),
            options=done.result.options,
            weights_sha256=done.result.weights_sha256,
            notes=done.result.notes,
        )


def needs_no_qat(judged: Mapping[str, FinishedStep[GateResult]], limit: float | None) -> str:
    """Why training for integers is superfluous; empty when it is not.

    Args:
        judged: The gates of the calibrated files, by the name of the file's cell.
        limit: What a file may lose; None: nobody said, and the training was asked for outright.
    """
    if limit is None:
        return ""
    drops = {cell: end.result.drop if end.judged else None for cell, end in judged.items()}
    if any(drop is None or drop > limit for drop in drops.values()):
        return ""
    lost = ", ".join(f"{cell} loses {drop:.2f}" for cell, drop in drops.items())
    return f"not needed: after calibration {lost}, and {limit:g} may be lost"


def train(
    *,
    subject: Subject,
    data: str,
    options: Qat,
    target: Target,
    seed: int,
    folder: Path,
    checkpoint: Path | None,
    emit: Callable[[Event], None],
    accelerators: Sequence[str] = (),
) -> TrainingResult:
    """Trains and writes ``<model id>.qat.safetensors`` into `folder`.

    Args:
        subject: The fine-tuned network; its weights stay as they are.
        data: Dataset whose training split is used.
        options: The recipe's ``qat`` table.
        target: Says what shares a scale.
        seed: Of the order of examples and of augmentation.
        folder: For the weights.
        checkpoint: Folder that an interrupted training goes on from; None keeps none.
        emit: Receives progress.
        accelerators: One to train on; of none, where TensorFlow does by itself.

    Raises:
        Unsupported: The network has nothing to round, or is not trained on what it takes.
        ZooError: A model inside the network cannot be looked into.
    """
    with on_accelerators(accelerators):
        return _train(subject, data, options, target, seed, folder, checkpoint, emit)


def _train(
    subject: Subject,
    data: str,
    options: Qat,
    target: Target,
    seed: int,
    folder: Path,
    checkpoint: Path | None,
    emit: Callable[[Event], None],
) -> TrainingResult:
    """As `train`, on the accelerator that was asked for."""
    started = time.perf_counter()
    registry = load_registry(subject.plugins)
    # Two copies: one learns, the other is what it learns from.
    loaded, teacher = load_model(subject), load_model(subject)
    if loaded.preprocessing.training != loaded.preprocessing:
        raise Unsupported(
            f"quantization-aware training is not possible for {loaded.card.model_id!r}",
            why="it is trained on other inputs than it takes",
            fix="leave --qat out: int8 files are calibrated",
        )
    twin = build_rounding_network(
        loaded.network,
        loaded.preprocessing,
        loaded.task,
        target=target,
    )
    notes = [
        f"{name} was not trained to be quantized: {reason}" for name, reason in twin.real.items()
    ]
    for note in notes:
        emit({"event": "note", "text": note})
    emit({"event": "stage", "text": f"reading {data}"})
    check_task(registry, data, loaded.task.name, loaded.card.model_id)
    dataset = open_dataset(registry, data)
    options = options.with_batch_size_for(len(dataset.splits["train"]))
    require("keras.utils").set_random_seed(seed)
    emit({"event": "stage", "text": "training"})
    choose_logit_limits(twin, teacher.network, dataset.splits["validation"], loaded.preprocessing)
    task = logit_distillation(
        loaded.task,
        teacher.network,
        chooses=twin.logits is not None,
        units=loaded.task.units(dataset.splits["train"].labels),
    )
    trainer = Trainer(
        twin.trained,
        task,
        loaded.preprocessing,
        training_of(options),
        seed=seed,
        folder=checkpoint,
        emit=emit,
        even=needs_even_batches(loaded.network),
    )
    trainer.fit(dataset)
    weights = folder / f"{loaded.card.model_id}{SUFFIX}"
    sha256 = save(twin, weights)
    return TrainingResult(
        model_id=loaded.card.model_id,
        parent=loaded.card.model_id,
        dataset=dataset.name,
        metric_name=trainer.metric_name,
        higher_is_better=task.higher_is_better,
        epochs=tuple(trainer.epochs),
        best_epoch=trainer.best_epoch,
        weights=weights.name,
        weights_sha256=sha256,
        options=options.model_dump(mode="json"),
        seconds=time.perf_counter() - started,
        notes=(*notes, *trainer.notes),
        ended=trainer.ended,
    )
