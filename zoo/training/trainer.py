"""The trainer: a resumable loop over epochs that keeps the best one."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from zoo.common.errors import BadData, UsageError, ZooError
from zoo.common.files import atomic_path, write_text
from zoo.common.optional_imports import require
from zoo.common.progress import Event
from zoo.contracts import Dataset, Preprocessing
from zoo.contracts.task import TrainingObjective
from zoo.contracts.training import Training
from zoo.networks.building import HEAD, count_multiply_adds, raw_model
from zoo.results.records import Epoch
from zoo.training.batches import TrainingBatches
from zoo.training.fused_batch_norm import fused_normalizations, new_normalizations
from zoo.training.layer_groups import layer_groups, unfreeze_groups
from zoo.training.optimizer import adamw
from zoo.training.progress import progress_callback
from zoo.training.sample_images import SampleImages
from zoo.training.xla import XlaTrial, use_jit

WARM_UP_SHARE = 0.1
_STATE = "state.json"
#: Multiply-adds of one call into TensorFlow: the call should cost little beside them, and yet
#: return often enough for a bar to move.
_WORK_PER_CALL = 3_000_000_000
_MOST_STEPS = 32


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

    Attributes:
        epochs: Those that were made.
        best_epoch: Whose weights the network has in the end.
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
    ) -> None:
        self.network = network
        self.task = task
        self.preprocessing = preprocessing
        self.options = options
        self.seed = seed
        self.folder = folder
        self.emit = emit
        self.companion = companion
        self._sketches = None if sketches is None else SampleImages(sketches, folder)
        self.metric_name = ""
        self.epochs: list[Epoch] = []
        self.best_epoch = 0
        self.notes: list[str] = []
        self._best: list[Any] = []
        self._groups: list[list[Any]] = []
        self._trial: XlaTrial | None = None
        self._best_companion: list[Any] = []

    def fit(self, dataset: Dataset) -> None:
        """Trains, and leaves the network with the weights of its best epoch.

        Raises:
            BadData: The loss became NaN or infinite.
        """
        for layer in self.network.layers:
            layer.trainable = self.options.freeze != "backbone" or layer.name == HEAD
        make, beside = self.task.trainee or raw_model, [self.companion] if self.companion else []
        model = make(self.network, self.preprocessing, *beside)
        batches = math.ceil(len(dataset.splits["train"]) / self.options.batch_size)
        self.metric_name = self.task.compile(model, self._optimizer(batches), self.options)
        model.optimizer.build(model.trainable_variables)
        model.steps_per_execution = self._steps_per_call()
        new = new_normalizations(model)  # A resumed training has the same: its averages come next.
        self._resume(model)
        self._group_layers(model, batches)
        feed = TrainingBatches(dataset, self.preprocessing.training, self.options, self.seed)
        with fused_normalizations(model, new):
            for number in range(len(self.epochs) + 1, self.options.epochs + 1):
                if self._is_out_of_patience():
                    break
                self._unfreeze(model, number)
                self._choose_jit(model, feed, number, batches)
                epoch = self._one_epoch(model, feed, number, batches)
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

    def sample_images_kept(self) -> dict[int, str]:
        """File names of the pictures by epoch."""
        return {} if self._sketches is None else self._sketches.names()

    def _sample_image(self, number: int) -> Event:
        """Writes a sample image; returns its path as part of the epoch's event."""
        if self._sketches is None:
            return {}
        picture = self.task.sample_image(self.network, self.preprocessing)
        if picture is None:
            return {}
        return {"sketch": str(self._sketches.draw(number, picture))}

    def _one_epoch(self, model: Any, feed: TrainingBatches, number: int, batches: int) -> Epoch:
        progress = progress_callback(self.emit, number, self.options, batches, self.metric_name)
        # Each epoch has a seed of its own, so a resumed run sees what an unbroken one sees.
        require("keras.utils").set_random_seed(self.seed + number)
        started = time.perf_counter()
        history = model.fit(
            feed.train(number), epochs=1, verbose=0, shuffle=False, callbacks=[progress]
        ).history
        trained = time.perf_counter() - started
        checked = model.evaluate(feed.validation(), verbose=0, return_dict=True)
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
            examples_per_second=feed.examples / trained,
            seconds=seconds,
        )
        self.epochs.append(epoch)
        best = self.epochs[self.best_epoch - 1].validation_metric
        if not self._best or self._is_better(epoch.validation_metric, best):
            self.best_epoch = number
            self._best = self.network.get_weights()
            self._best_companion = self.companion.get_weights() if self.companion else []
        return epoch

    def _is_better(self, value: float, than: float) -> bool:
        return value > than if self.task.higher_is_better else value < than

    def _is_out_of_patience(self) -> bool:
        # While layers are still frozen, a pause in progress is no reason to stop.
        since_best = len(self.epochs) - max(self.best_epoch, self._first_unfrozen_epoch())
        return 0 < self.options.patience <= since_best

    def _first_unfrozen_epoch(self) -> int:
        """The first epoch in which every layer is trainable."""
        return len(self._groups) if self.options.freeze == "gradual" else 0

    def _steps_per_call(self) -> int:
        """Batches per call into TensorFlow; results do not depend on it."""
        work = 3 * count_multiply_adds(self.network) * self.options.batch_size
        return max(1, min(_MOST_STEPS, _WORK_PER_CALL // max(work, 1)))

    def _group_layers(self, model: Any, batches: int) -> None:
        """Divides the layers into groups for gradual unfreezing or rates by group."""
        gradual = self.options.freeze == "gradual"
        if self.options.epochs == 0 or (not gradual and self.options.factor == 1.0):
            return
        # No more groups than epochs: the last epoch trains them all.
        most = min(self.options.groups, self.options.epochs) if gradual else self.options.groups
        self._groups = layer_groups(self.network, most)
        if not hasattr(model.optimizer, "set_rates"):
            raise UsageError(
                f"the task {self.task.name!r} trains with an optimizer of its own",
                why="layers cannot learn at rates of their own there",
                fix="leave out --freeze gradual and --rate-factor",
            )
        model.optimizer.set_rates(
            (variable, self.options.factor**-number, number * batches if gradual else 0)
            for number, group in enumerate(self._groups)
            for layer in group
            for variable in layer.trainable_variables
        )
        self.notes.insert(0, _describe_groups(self._groups, self.options))
        self.emit({"event": "note", "text": self.notes[0]})

    def _unfreeze(self, model: Any, number: int) -> None:
        """Makes the layers of epoch `number` trainable."""
        if self.options.freeze == "gradual":
            unfreeze_groups(self.network, self._groups, number)
            if number <= len(self._groups):
                model.make_train_function(force=True)

    def _choose_jit(self, model: Any, feed: TrainingBatches, number: int, batches: int) -> None:
        """Tries XLA before the first epoch that trains every layer; later ones keep the choice."""
        if number < self._first_unfrozen_epoch():
            return
        if self._trial is None:
            steps = (self.options.epochs - number + 1) * batches
            variables = self._state_variables(model)
            self._trial = use_jit(model, self.options.jit, feed.train(number), variables, steps)
            if self._trial.note:
                self.notes.append(self._trial.note)
                self.emit({"event": "note", "text": self._trial.note})
        if model.jit_compile != self._trial.jit:
            model.jit_compile = self._trial.jit
            model.make_train_function(force=True)

    def _optimizer(self, batches: int) -> Any:
        keras = require("keras")
        steps = max(1, batches * self.options.epochs)
        warm_up = int(steps * WARM_UP_SHARE)
        schedule = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=self.options.learning_rate / 20,
            decay_steps=max(1, steps - warm_up),
            warmup_target=self.options.learning_rate,
            warmup_steps=warm_up,
        )
        return adamw(schedule, self.options.weight_decay)

    def _save(self, model: Any) -> None:
        """Writes the checkpoint; the state file last, which marks it complete.

        They are named by epoch and none is overwritten, so that a full disk or a kill at any
        moment leaves the checkpoint before, whole.
        """
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        number = len(self.epochs)
        best, latest = self._files(number, self.best_epoch)
        if self.best_epoch == number:
            _save_arrays(best, [*self._best, *self._best_companion])
        _save_arrays(latest, [v.numpy() for v in self._state_variables(model)])
        state = {
            "options": self.options.model_dump(mode="json"),
            "best_epoch": self.best_epoch,
            "epochs": [asdict(epoch) for epoch in self.epochs],
            "trial": None if self._trial is None else asdict(self._trial),
        }
        write_text(self.folder / _STATE, json.dumps(state))
        for old in self.folder.glob("*.npz"):
            if old not in (best, latest):
                old.unlink(missing_ok=True)

    def _files(self, number: int, best: int) -> tuple[Path, Path]:
        """Where the weights of epoch `best` lie, and the whole state after epoch `number`."""
        folder = self.folder or Path()
        return folder / f"best-{best:06d}.npz", folder / f"latest-{number:06d}.npz"

    def _state_variables(self, model: Any) -> list[Any]:
        """The variables that the next epoch depends on, random states of dropout included."""
        own = self.task.state(model) if self.task.state is not None else []
        return [*self.network.variables, *model.optimizer.variables, *own]

    def _resume(self, model: Any) -> None:
        if self.folder is None or not (self.folder / _STATE).is_file():
            return
        state = json.loads((self.folder / _STATE).read_text(encoding="utf-8"))
        if state["options"] != self.options.model_dump(mode="json"):
            raise ZooError(
                f"the checkpoint in {self.folder} was made with other options",
                fix="give the same options, or another --checkpoint folder",
            )
        self.epochs = [Epoch(**values) for values in state["epochs"]]
        self.best_epoch = state["best_epoch"]
        if state["trial"] is not None:
            self._trial = XlaTrial(**state["trial"])
            self.notes += [self._trial.note] if self._trial.note else []
        best, latest = self._files(len(self.epochs), self.best_epoch)
        kept, count = _load_arrays(best), len(self.network.get_weights())
        self._best, self._best_companion = kept[:count], kept[count:]
        for variable, value in zip(self._state_variables(model), _load_arrays(latest), strict=True):
            variable.assign(value)
        self.emit({"event": "resumed", "epoch": len(self.epochs)})


def _describe_groups(groups: list[list[Any]], options: Training) -> str:
    """The groups of layers as text, for the notes of the result."""
    shown = []
    for number, group in enumerate(groups):
        names = group[0].name if len(group) == 1 else f"{group[0].name} … {group[-1].name}"
        shown.append(f"{names} (rate × {options.factor**-number:.3g})")
    thawed = ", one more thawed in each epoch" if options.freeze == "gradual" else ""
    fewer = f", {options.groups} asked for" if len(groups) < options.groups else ""
    return f"{len(groups)} groups of layers{fewer}{thawed}: {'; '.join(shown)}"


def _save_arrays(path: Path, arrays: list[Any]) -> None:
    import numpy as np

    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **{f"{i:05d}": array for i, array in enumerate(arrays)})


def _load_arrays(path: Path) -> list[Any]:
    import numpy as np

    with np.load(path, allow_pickle=False) as stored:
        return [stored[name] for name in sorted(stored.files)]
