"""The trainer: a resumable loop over epochs that keeps the best one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any

from zoo.common.errors import BadData, UsageError
from zoo.common.optional_imports import require
from zoo.common.progress import Event
from zoo.contracts import Dataset, Preprocessing
from zoo.contracts.options import deciding_values
from zoo.contracts.task import Task
from zoo.contracts.training import Training
from zoo.contracts.training_objective import TrainingObjective
from zoo.networks.building import raw_model
from zoo.networks.logits import check_logits
from zoo.results.formatting import named_value
from zoo.results.records import Epoch
from zoo.training.batches import TrainingBatches
from zoo.training.feeding import Feeding, feeding
from zoo.training.moving_averages import FOLLOWING_STEPS, MovingAverages
from zoo.training.optimizer import optimizer_for
from zoo.training.progress import progress_callback, steps_per_call
from zoo.training.sample_images import SampleImages
from zoo.training.saved_state import SavedState
from zoo.training.target_units import learnt_units
from zoo.training.thawing import Thawing
from zoo.training.xla import XlaTrial, use_jit

#: No training is stopped for want of progress before: a new head alone takes that long to settle.
LEAST_STEPS = 300


class Trainer:
    """Trains one network; its folder holds the state for resuming after an interruption.

    Args:
        network: Keras model from normalized inputs to logits.
        task: Brings loss and metrics: a task, or another training objective.
        preprocessing: From raw examples to inputs.
        options: How to train.
        seed: Of the order of examples, augmentation and dropout.
        folder: For checkpoints; None keeps none.
        emit: Receives progress events.
        companion: The second network that this training needs.
        sketches: Folder for the pictures of each epoch, if the task draws any; None keeps none.
        backbone: Names of the layers that `Training.freeze` calls so; of none, all but the head.
        even: Whether batches must be even though no layer of the network shows it.

    Attributes:
        epochs: Those that were made.
        best_epoch: Whose weights the network has in the end.
        ended: When and why the training ended, and which epoch was kept, in words.
        notes: What was decided on the way, in words.
    """

    def __init__(
        self,
        network: Any,
        task: TrainingObjective,
        preprocessing: Preprocessing,
        options: Training,
        *,
        seed: int,
        folder: Path | None,
        emit: Callable[[Event], None],
        companion: Any | None = None,
        sketches: Path | None = None,
        backbone: Collection[str] = (),
        even: bool = False,
    ) -> None:
        self.network = network
        self._even = even
        self.task = task
        self.preprocessing = preprocessing
        self.options = options
        self.seed = seed
        self._saved = None if folder is None else SavedState(folder=folder)
        self.emit = emit
        self.companion = companion
        self._sketches = None if sketches is None else SampleImages(sketches, folder)
        self.metric_name = ""
        self.epochs: list[Epoch] = []
        self.ended = ""
        self.notes: list[str] = []
        self.best_epoch = self._progress = 0
        self._best: list[Any] = []
        self._thawing = Thawing(network, options, backbone)
        self._in_use: Any = None
        self._trial: XlaTrial | None = None
        self._best_companion: list[Any] = []

    def fit(self, dataset: Dataset) -> None:
        """Trains, and leaves the network with the weights of its best epoch.

        Raises:
            BadData: The loss became NaN or infinite.
            ZooError: The network returns probabilities where logits are needed.
            UsageError: Options that the labels do not allow.
        """
        self._size(len(dataset.splits["train"]))
        if isinstance(self.task, Task):
            check_logits(self.network, self.task)
        for text in self.task.training_notes(self.options):
            self._note(text)
        self._thawing.freeze()
        with learnt_units(self.network, self.task, dataset, self.options.epochs) as learnt:
            self._fit(*learnt)

    def _fit(self, data: Dataset, task: TrainingObjective, behind: Callable[[Any], Any]) -> None:
        make, beside = self.task.trainee or raw_model, [self.companion] if self.companion else []
        model = behind(make(self.network, self.preprocessing, *beside))
        asked = (self.preprocessing, self.options, task, self.seed)
        batches = TrainingBatches(data, *asked, model=model, even=self._even)
        self.metric_name = self._compile(model, batches.steps)
        model.optimizer.build(model.trainable_variables)
        model.steps_per_execution = steps_per_call(self.network, self.options)
        averages = MovingAverages(model)
        self._resume(model)
        if grouped := self._thawing.group(model, batches.steps, averages, self.task.name):
            self._note(grouped)
        divided = (self.options.accelerators, self._state_variables(model), self._note)
        with feeding(model, batches, *divided) as fed, averages.growing_momenta():
            for number in range(len(self.epochs) + 1, self.options.epochs + 1):
                if self._is_out_of_patience(batches.steps):
                    break
                self._thawing.unfreeze(model, number)
                self._choose_jit(model, batches, number, fed.is_divided)
                epoch = self._one_epoch(model, batches, fed, averages, number)
                sketch = self._sample_image(number)
                self._save(model)
                # Only now: an epoch that was reported is never lost.
                told = {"epochs": self.options.epochs, "metric_name": self.metric_name}
                self.emit({"event": "epoch", **told, **asdict(epoch), **sketch})
        if self._best:
            self.network.set_weights(self._best)
            if self.companion is not None:
                self.companion.set_weights(self._best_companion)
        if self._sketches is not None:
            self._sketches.collect()
        self.ended = self._describe_end()
        self.emit({"event": "note", "text": self.ended})

    def _compile(self, model: Any, steps: int) -> str:
        optimizer = optimizer_for(self.options, steps * self.options.epochs)
        return self.task.compile(model, optimizer, self.options)

    def _size(self, examples: int) -> None:
        """Chooses the examples per step where nobody did, and says so where they are few."""
        usual = type(self.options)().with_batch_size_for(10**9).batch_size
        asked = self.options.batch_size
        self.options = self.options.with_batch_size_for(examples)
        count = len(self.options.accelerators)
        if (self.options.batch_size or 1) < count:
            raise UsageError(
                f"{self.options.batch_size} examples per step are too few for {count} accelerators",
                why=f"each needs one of every batch, and there are {examples} to train on",
                fix="name fewer, or give more examples per step: --batch-size",
            )
        if asked is None and self.options.batch_size != usual:
            self._note(
                f"{self.options.batch_size} examples per step in place of {usual}, so that an "
                f"epoch of {examples} has {self.options.steps_per_epoch(examples)} steps"
            )

    def _note(self, text: str) -> None:
        self.notes.append(text)
        self.emit({"event": "note", "text": text})

    def _describe_end(self) -> str:
        made, most = len(self.epochs), self.options.epochs
        if not made:
            return "no epoch was asked for: the weights are as they were"
        metric, kept = f"validation {self.metric_name}", self.best_epoch
        values = [epoch.validation_metric for epoch in self.epochs]
        first = values.index(self._best_metric()) + 1
        why = "that was the last one"
        if made != most:
            why = f"{metric} is no better than that of epoch {first}"
        beside = "" if kept == first else f", which equals epoch {first} with a lower loss"
        return (
            f"training ended after epoch {made} of {most}: {why}; kept epoch {kept}{beside}, "
            f"{metric} {named_value(self.metric_name, self._best_metric())}"
        )

    def sample_images_kept(self) -> dict[int, str]:
        """File names of the pictures by epoch."""
        return {} if self._sketches is None else self._sketches.names()

    def _sample_image(self, number: int) -> Event:
        """Writes a sample image; returns its path as part of the epoch's event."""
        if self._sketches is None:
            return {}
        picture = self.task.sample_image(self.network, self.preprocessing)
        return {} if picture is None else {"sketch": str(self._sketches.draw(number, picture))}

    def _one_epoch(
        self,
        model: Any,
        batches: TrainingBatches,
        fed: Feeding,
        averages: MovingAverages,
        number: int,
    ) -> Epoch:
        progress = progress_callback(
            self.emit, number, self.options, batches.steps, self.metric_name
        )
        # Each epoch has a seed of its own, so a resumed run sees what an unbroken one sees.
        require("keras.utils").set_random_seed(self.seed + number)
        started = time.perf_counter()
        history = fed.fit(number, progress)
        trained = time.perf_counter() - started
        if (number - self._thawing.first_unfrozen_epoch) * batches.steps < FOLLOWING_STEPS:
            averages.estimate(self._deployed(model), batches.inputs(number))
        checked = fed.evaluate()
        seconds = time.perf_counter() - started
        loss = float(history["loss"][-1])
        if not math.isfinite(loss):
            raise BadData(
                f"the training loss became {loss} in epoch {number}",
                why="the learning rate is too high, or the data holds extreme values",
                fix=f"try --learning-rate {self.options.learning_rate / 10:g}",
            )
        epoch = Epoch(
            epoch=number,
            loss=loss,
            metric=float(history[self.metric_name][-1]) if self.metric_name in history else None,
            validation_loss=float(checked["loss"]),
            validation_metric=float(checked[self.metric_name]),
            learning_rate=float(model.optimizer.learning_rate.numpy()),
            examples_per_second=batches.examples / trained,
            seconds=seconds,
        )
        self.epochs.append(epoch)
        if not self._best or self._is_better(epoch.validation_metric, self._best_metric()):
            self._progress = number
            self._keep(number)
        # Of few examples many epochs get as many right: the surest one is kept.
        elif self._is_surer(epoch, self.epochs[self.best_epoch - 1]):
            self._keep(number)
        return epoch

    def _keep(self, number: int) -> None:
        self.best_epoch = number
        self._best = self.network.get_weights()
        self._best_companion = self.companion.get_weights() if self.companion else []

    def _is_surer(self, epoch: Epoch, best: Epoch) -> bool:
        same = epoch.validation_metric == best.validation_metric
        return same and epoch.validation_loss < best.validation_loss

    def _is_better(self, value: float, than: float) -> bool:
        return value > than if self.task.higher_is_better else value < than

    def _best_metric(self) -> float:
        return self.epochs[self.best_epoch - 1].validation_metric

    def _deployed(self, model: Any) -> Any:
        """What takes the inputs that the network takes in use, where averages must fit."""
        if self.preprocessing.training == self.preprocessing:
            return model
        self._in_use = self._in_use or raw_model(self.network, self.preprocessing)
        return self._in_use

    def _is_out_of_patience(self, steps: int) -> bool:
        if len(self.epochs) * steps < LEAST_STEPS:
            return False
        # While layers are still frozen, a pause in progress says nothing.
        since_best = len(self.epochs) - max(self._progress, self._thawing.first_unfrozen_epoch)
        return 0 < self.options.patience <= since_best

    def _choose_jit(self, model: Any, batches: TrainingBatches, number: int, divided: bool) -> None:
        """Tries XLA before the first epoch that trains every layer; later ones keep the choice."""
        if number < self._thawing.first_unfrozen_epoch:
            return
        if self._trial is None:
            steps = (self.options.epochs - number + 1) * batches.steps
            variables = self._state_variables(model)
            wish = "off" if divided else self.options.jit
            self._trial = use_jit(model, wish, batches.train(number), variables, steps)
            if self._trial.note:
                self.notes.append(self._trial.note)
                self.emit({"event": "note", "text": self._trial.note})
        jit = self._trial.jit and not divided
        if model.jit_compile != jit:
            model.jit_compile = jit
            model.make_train_function(force=True)

    def _save(self, model: Any) -> None:
        if self._saved is None:
            return
        state = {
            "options": deciding_values(self.options),
            "epochs": [asdict(epoch) for epoch in self.epochs],
            "progress": self._progress,
            "trial": None if self._trial is None else asdict(self._trial),
        }
        self._saved.save(
            state,
            epoch=len(self.epochs),
            best_epoch=self.best_epoch,
            best=[*self._best, *self._best_companion],
            latest=[v.numpy() for v in self._state_variables(model)],
        )

    def _state_variables(self, model: Any) -> list[Any]:
        """The variables that the next epoch depends on, random states of dropout included."""
        own = self.task.state(model) if self.task.state is not None else []
        return [*self.network.variables, *model.optimizer.variables, *own]

    def _resume(self, model: Any) -> None:
        saved, options = self._saved, deciding_values(self.options)
        restored = None if saved is None else saved.load(options)
        if restored is None:
            return
        state = restored.state
        self.epochs = [Epoch(**values) for values in state["epochs"]]
        self.best_epoch, self._progress = state["best_epoch"], state["progress"]
        if state["trial"] is not None:
            self._trial = XlaTrial(**state["trial"])
            self.notes += [self._trial.note] if self._trial.note else []
        count = len(self.network.get_weights())
        self._best, self._best_companion = restored.best[:count], restored.best[count:]
        for variable, value in zip(self._state_variables(model), restored.latest, strict=True):
            variable.assign(value)
        self.emit({"event": "resumed", "epoch": len(self.epochs)})
        self.emit({"event": "earlier", "epochs": state["epochs"]})
