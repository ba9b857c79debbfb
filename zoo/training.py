"""Fine-tuning: one loop over epochs that reports, keeps the best, and can be resumed."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from zoo.contracts import Dataset, Preprocessing, Task
from zoo.data.augment import augment
from zoo.data.stream import Examples
from zoo.errors import BadData, ZooError
from zoo.extras import require
from zoo.files import atomic_path, write_text
from zoo.isolation import Event
from zoo.networks import HEAD, raw_model
from zoo.recipe import Training
from zoo.records import Epoch
from zoo.sketches import Sketches

WARM_UP_SHARE = 0.1
_VALIDATION_BATCH = 256
_STATE = "state.json"
_LATEST = "latest.npz"
_BEST = "best.npz"


class Trainer:
    """Trains one network; its folder holds what is needed to go on after an interruption.

    Args:
        network: Keras model from normalized inputs to logits.
        task: Brings loss and metrics.
        preprocessing: From raw examples to inputs.
        options: How to train.
        seed: Of the order of examples, augmentation and dropout.
        folder: For checkpoints; None keeps none.
        emit: Receives progress events.
        companion: The second network that this training needs.
        sketches: Folder for the pictures of each epoch, if the task draws any; None keeps none.
    """

    def __init__(
        self,
        network: Any,
        task: Task,
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
        self._sketches = None if sketches is None else Sketches(sketches, folder)
        self.metric_name = ""
        self.epochs: list[Epoch] = []
        self.best_epoch = 0
        self._best: list[Any] = []
        self._best_companion: list[Any] = []

    def fit(self, dataset: Dataset) -> None:
        """Trains, and leaves the network with the weights of its best epoch.

        Raises:
            BadData: The loss became NaN or infinite.
        """
        _freeze(self.network, self.options.freeze)
        make, beside = self.task.trainee or raw_model, [self.companion] if self.companion else []
        model = make(self.network, self.preprocessing, *beside)
        batches = math.ceil(len(dataset.splits["train"]) / self.options.batch_size)
        self.metric_name = self.task.compile(model, self._optimizer(batches), self.options)
        model.optimizer.build(model.trainable_variables)
        self._resume(model)
        feed = Feed(dataset, self.preprocessing.training, self.options, self.seed)
        for number in range(len(self.epochs) + 1, self.options.epochs + 1):
            if self._enough():
                break
            epoch = self._one_epoch(model, feed, number, batches)
            sketch = self._sketch(number)
            self._save(model)
            # Only now: an epoch that was told is never lost.
            told = {"epochs": self.options.epochs, "metric_name": self.metric_name}
            self.emit({"event": "epoch", **told, **asdict(epoch), **sketch})
        if self._best:
            self.network.set_weights(self._best)
            if self.companion is not None:
                self.companion.set_weights(self._best_companion)
        if self._sketches is not None:
            self._sketches.collect()

    def sketches_kept(self) -> dict[int, str]:
        """File names of the pictures by epoch."""
        return {} if self._sketches is None else self._sketches.names()

    def _sketch(self, number: int) -> Event:
        """Draws what the network makes now; the event tells where."""
        if self._sketches is None or self.task.sketch is None:
            return {}
        picture = self.task.sketch(self.network, self.preprocessing)
        return {"sketch": str(self._sketches.draw(number, picture))}

    def _one_epoch(self, model: Any, feed: Feed, number: int, batches: int) -> Epoch:
        progress = _progress_callback(self.emit, number, self.options, batches, self.metric_name)
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
            metric=_last(history, self.metric_name),
            validation_loss=float(checked["loss"]),
            validation_metric=float(checked[self.metric_name]),
            learning_rate=float(model.optimizer.learning_rate.numpy()),
            examples_per_second=feed.examples / trained,
            seconds=seconds,
        )
        self.epochs.append(epoch)
        if not self._best or self._better(epoch.validation_metric, self._best_metric()):
            self.best_epoch = number
            self._best = self.network.get_weights()
            self._best_companion = self.companion.get_weights() if self.companion else []
        return epoch

    def _better(self, value: float, than: float) -> bool:
        return value > than if self.task.higher_is_better else value < than

    def _best_metric(self) -> float:
        return self.epochs[self.best_epoch - 1].validation_metric

    def _enough(self) -> bool:
        since_best = len(self.epochs) - self.best_epoch
        return 0 < self.options.patience <= since_best

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
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=self.options.weight_decay)
        # Biases and the scales of normalizations are not decayed (He et al. 2019, "Bag of tricks").
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        return optimizer

    def _save(self, model: Any) -> None:
        """Writes the checkpoint; the state file last, since it vouches for the others."""
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        _save_arrays(self.folder / _BEST, [*self._best, *self._best_companion])
        _save_arrays(self.folder / _LATEST, [v.numpy() for v in self._state_variables(model)])
        state = {
            "options": self.options.model_dump(mode="json"),
            "best_epoch": self.best_epoch,
            "epochs": [asdict(epoch) for epoch in self.epochs],
        }
        write_text(self.folder / _STATE, json.dumps(state))

    def _state_variables(self, model: Any) -> list[Any]:
        """Everything the next epoch depends on: dropout's random state is no weight."""
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
        best = _load_arrays(self.folder / _BEST)
        count = len(self.network.get_weights())
        self._best, self._best_companion = best[:count], best[count:]
        latest = _load_arrays(self.folder / _LATEST)
        for variable, value in zip(self._state_variables(model), latest, strict=True):
            variable.assign(value)
        self.emit({"event": "resumed", "epoch": len(self.epochs)})


class Feed:
    """The batches that a network is trained and validated on."""

    def __init__(
        self, dataset: Dataset, preprocessing: Preprocessing, options: Training, seed: int
    ) -> None:
        self.options = options
        self.seed = seed
        self.examples = len(dataset.splits["train"])
        self._train = Examples(dataset.splits["train"], preprocessing)
        self._validation = Examples(dataset.splits["validation"], preprocessing)

    def train(self, epoch: int) -> Any:
        """Shuffled and augmented batches of one epoch, counted from 1."""
        names = self.options.augment
        return self._train.batches(
            batch=self.options.batch_size,
            shuffle_seed=self.seed,
            augment=augment(names, self.seed + epoch) if names else None,
            first_epoch=epoch - 1,
        )

    def validation(self) -> Any:
        """Batches of the validation split in order."""
        return self._validation.batches(batch=_VALIDATION_BATCH)


def _freeze(network: Any, rule: str) -> None:
    """Makes all layers trainable but those that `rule` freezes."""
    for layer in network.layers:
        layer.trainable = rule == "none" or layer.name == HEAD


def _progress_callback(
    emit: Callable[[Event], None], epoch: int, options: Training, batches: int, metric: str
) -> Any:
    keras = require("keras")
    started = last = 0.0

    def on_batch_end(batch: int, logs: dict[str, float] | None = None) -> None:
        nonlocal started, last
        now = time.perf_counter()
        if batch == 0:
            started = now  # the first batch waits for the pipeline to fill
        if now - last < 0.2 and batch + 1 < batches:
            return
        last = now
        values = logs or {}
        emit(
            {
                "event": "batch",
                "epoch": epoch,
                "epochs": options.epochs,
                "batch": batch + 1,
                "batches": batches,
                "examples_per_second": batch * options.batch_size / max(now - started, 1e-9),
                "loss": float(values.get("loss", math.nan)),
                "metric": float(values[metric]) if metric in values else None,
                "metric_name": metric,
            }
        )

    return keras.callbacks.LambdaCallback(on_train_batch_end=on_batch_end)


def _last(history: dict[str, list[Any]], name: str) -> float | None:
    return float(history[name][-1]) if name in history else None


def _save_arrays(path: Path, arrays: list[Any]) -> None:
    import numpy as np

    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **{f"{i:05d}": array for i, array in enumerate(arrays)})


def _load_arrays(path: Path) -> list[Any]:
    import numpy as np

    with np.load(path, allow_pickle=False) as stored:
        return [stored[name] for name in sorted(stored.files)]
