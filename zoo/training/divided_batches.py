"""Batches divided among accelerators, and training steps that are those of the whole batch.

Keras' own step takes the plain mean of the parts' losses, which is that of the batch only where
all parts have the same number of examples, and none where a part has none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from zoo.common.errors import Unsupported
from zoo.common.optional_imports import require
from zoo.contracts.whole_batch import counted, whole_batch_sum
from zoo.training.whole_batch_layers import whole_batch_layers

#: The loss of a batch that is divided may differ from that of the whole one by so much of it:
#: float32 sums in another order differ by less, other random numbers or statistics by more.
_TOLERANCE = 1e-4
#: Examples for each accelerator, and some beside, in which that is measured.
_MEASURED, _BESIDE = 4, 1


def division_of(model: Any, accelerators: Sequence[str], *, even: bool) -> DividedTraining | None:
    """How the training of a compiled `keras.Model` is divided; None where it is not.

    Args:
        model: Made on the accelerators, see `zoo.training.accelerators.on_accelerators`.
        accelerators: Their names.
        even: Whether every part must have an even number of examples.

    Raises:
        Unsupported: It is trained by steps of its own, which know of no parts.
    """
    if len(accelerators) < 2:
        return None
    plain = require("keras").Model
    own = ("train_step", "test_step", "compute_loss", "compute_metrics")
    if any(getattr(type(model), name) is not getattr(plain, name) for name in own):
        raise Unsupported(
            f"this training of {model.name!r} is not divided among accelerators",
            why="its task brings training steps of its own, which are made for whole batches",
            fix=f"name one: --accelerators {accelerators[0]}",
        )
    return DividedTraining(model, accelerators, even=even)


class DividedTraining:
    """A training each of whose batches is divided among several accelerators.

    Args:
        model: The compiled `keras.Model`, made under their strategy.
        accelerators: Their names.
        even: Whether every part must have an even number of examples.
    """

    def __init__(self, model: Any, accelerators: Sequence[str], *, even: bool) -> None:
        tf = require("tensorflow")
        self._model = model
        self.names = tuple(accelerators)
        self._strategy = tf.distribute.get_strategy()
        self._unit = 2 if even else 1
        self._made: dict[int, tuple[Any, Any]] = {}
        self._losses = (0.0, 0.0)
        self._seen = tf.Variable(
            0.0,
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.SUM,
        )

    @contextmanager
    def steps(self, batch: Any) -> Iterator[None]:
        """Within the block, the model is trained and validated by parts.

        Args:
            batch: Of training; metrics are made for its shapes.
        """
        model = self._model
        # Now, on all accelerators; and by Keras not again, which adds up batches for it.
        model._symbolic_build(data_batch=batch)
        model._distribute_strategy = None
        model.train_step, model.test_step = self._train_step, self._test_step
        try:
            with whole_batch_layers(model):
                yield
        finally:
            del model.train_step, model.test_step

    def divided(self, batches: Any) -> Any:
        """A `tf.data.Dataset` of batches as one whose batches come in parts, one each."""
        if id(batches) not in self._made:
            parts = batches.flat_map(self._parts)
            made = self._strategy.distribute_datasets_from_function(lambda _: parts)
            self._made[id(batches)] = batches, made
        return self._made[id(batches)][1]

    def _parts(self, *batch: Any) -> Any:
        """The parts of a batch, each with its number of examples behind it.

        A part that has none gets one to compute with, which counts for nothing: convolutions
        refuse empty batches.
        """
        tf = require("tensorflow")
        count, unit = len(self.names), self._unit
        units = tf.shape(tf.nest.flatten(batch)[0], out_type=tf.int64)[0] // unit

        def part(number: Any) -> Any:
            start, end = (n * units // count * unit for n in (number, number + 1))
            last = tf.maximum(end, start + unit)
            return tf.nest.map_structure(lambda values: values[start:last], batch), end - start

        numbers = tf.data.Dataset.range(count)
        return numbers.map(tf.autograph.experimental.do_not_convert(part))

    def _loss(self, data: Any, *, training: bool) -> tuple[Any, tuple[Any, ...]]:
        """Mean loss of what the model is given at once, and what metrics are computed from."""
        x, y, weights = require("keras").utils.unpack_x_y_sample_weight(data)
        outputs = self._model(x, training=training)
        loss = self._model.compute_loss(
            x=x, y=y, y_pred=outputs, sample_weight=weights, training=training
        )
        # Keras divides by the number of accelerators, whatever their parts.
        return loss * float(len(self.names)), (x, y, outputs, weights)

    def _train_step(self, part: Any) -> Any:
        tf, model = require("tensorflow"), self._model
        data, size = part
        size = tf.cast(size, tf.float32)
        with counted(tf.minimum(size, 1.0)):
            with tf.GradientTape() as tape:
                loss, seen = self._loss(data, training=True)
                # The sum of these over all parts is the mean over the batch.
                share = model.optimizer.scale_loss(loss * (size / whole_batch_sum(size)))
            weights = model.trainable_weights
            gradients = tape.gradient(share, weights)
            model.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        self._seen.assign_add(size)
        return self._measured(loss, size, seen)

    def _test_step(self, part: Any) -> Any:
        data, size = part
        size = require("tensorflow").cast(size, "float32")
        with counted(require("tensorflow").minimum(size, 1.0)):
            loss, seen = self._loss(data, training=False)
        return self._measured(loss, size, seen)

    def _measured(self, loss: Any, size: Any, seen: tuple[Any, ...]) -> Any:
        tf, model = require("tensorflow"), self._model
        model._loss_tracker.update_state(loss, sample_weight=size)

        def update() -> Any:
            model.compute_metrics(*seen)
            return size

        tf.cond(size > 0, update, lambda: size)
        return model.get_metrics_result()

    def examples_of_each(self) -> list[int]:
        """How many examples each accelerator was trained on so far, in this process."""
        values = self._strategy.experimental_local_results(self._seen)
        return [round(float(value.numpy())) for value in values]

    def describe(self) -> str:
        """What each accelerator did so far, in words."""
        pairs = zip(self.names, self.examples_of_each(), strict=True)
        each = ", ".join(f"{name} {count}" for name, count in pairs)
        whole, divided = self._losses
        return (
            f"batches were divided among {len(self.names)} accelerators; examples that each was "
            f"trained on: {each}; loss of the same few, before: {whole:.6g} whole, {divided:.6g} "
            "divided"
        )

    def measure(self, batch: Any, variables: Sequence[Any]) -> None:
        """Compares the loss of some examples, whole, with that of their parts.

        Args:
            batch: Of training, undivided; a few examples of it are taken.
            variables: What is left as it was.

        Raises:
            Unsupported: They differ by more than rounding.
        """
        tf, strategy = require("tensorflow"), self._strategy
        count = len(self.names)
        most = (_MEASURED * count + _BESIDE) * self._unit
        some = tf.nest.map_structure(lambda values: values[:most], batch)
        parts = list(self._parts(*some))
        before = [variable.numpy() for variable in variables]

        def restore() -> None:
            for variable, value in zip(variables, before, strict=True):
                variable.assign(value)

        def of_part(part: Any) -> Any:
            data, size = part
            size = tf.cast(size, tf.float32)
            return self._loss(data, training=True)[0] * (size / whole_batch_sum(size))

        def whole(data: Any) -> Any:
            return self._loss(data, training=True)[0]

        def divided(values: Any) -> Any:
            losses = strategy.run(of_part, args=(values,))
            return strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)

        # Compiled, they hold few activations at a time.
        in_one, in_parts = (tf.function(one, autograph=False) for one in (whole, divided))
        try:
            one = float(in_one(some))
            restore()
            values = tf.nest.map_structure(
                lambda *each: strategy.experimental_distribute_values_from_function(
                    lambda context: each[context.replica_id_in_sync_group]
                ),
                *parts,
            )
            several = float(in_parts(values))
        finally:
            restore()
        if abs(one - several) > _TOLERANCE * max(abs(one), _TOLERANCE):
            raise Unsupported(
                f"the training of {self._model.name!r} cannot be divided among accelerators",
                why=f"{len(parts)} parts of a batch have a loss of {several:.6g}, the whole batch "
                f"{one:.6g}: a layer draws random numbers of its own, or a layer or the loss looks "
                "at several examples together",
                fix=f"name one: --accelerators {self.names[0]}",
            )
        self._losses = one, several
