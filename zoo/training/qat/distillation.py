"""Distillation of the rounding twin from the network it was made from.

Hinton et al. 2015, "Distilling the Knowledge in a Neural Network" (arXiv:1503.02531): a
network's outputs carry more information than labels, and the file is compared with them. It also
works for every task, those without labels included.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from zoo.common.optional_imports import require
from zoo.contracts import Preprocessing, Split, Task
from zoo.contracts.geometric_transform import GeometricTransform
from zoo.contracts.training import Qat, Training
from zoo.contracts.training_objective import TargetUnits, TrainingObjective
from zoo.data.preprocessing.inputs import read_inputs
from zoo.networks.building import raw_model
from zoo.networks.inference_batches import inference_batch
from zoo.training.distillation import divergence
from zoo.training.qat.logits import best_limits
from zoo.training.qat.network import RoundingNetwork
from zoo.training.target_units import standardizing

#: Held-out examples on which the limits of logits are chosen, at most.
MOST_EXAMPLES = 2048
AGREEMENT = "agreement"
DIFFERENCE = "difference"


@dataclass(frozen=True, kw_only=True, eq=False)
class LogitDistillation(TrainingObjective):
    """The objective of distillation by logits of a teacher inside the trained model.

    Attributes:
        chooses: Whether logits become probabilities: then the twin learns these, and the epoch is
            kept that makes the same choices most often; else it learns the outputs themselves.
    """

    chooses: bool

    def compile(self, model: Any, optimizer: Any, options: Training) -> str:
        """Compares both halves of what `logit_distillation` stacks."""
        model.compile(
            optimizer=_descent(optimizer),
            loss=_divergence if self.chooses else _distance,
            metrics=[_agreement if self.chooses else _distance],
            jit_compile=False,
        )
        return AGREEMENT if self.chooses else DIFFERENCE

    def transform_labels(self, labels: Any, transform: GeometricTransform) -> Any:
        """Labels as they are: the teacher answers for the pictures as they were moved."""
        return labels


def logit_distillation(
    task: Task, teacher: Any, *, chooses: bool, units: TargetUnits | None = None
) -> LogitDistillation:
    """The training objective of the rounding twin, for a `Trainer`.

    Args:
        task: Of both networks.
        teacher: `keras.Model` from normalized inputs to logits; it is frozen.
        chooses: See `LogitDistillation`.
        units: Of real targets: a difference counts beside their spread, not beside their size.
    """
    teacher.trainable = False

    def trainee(student: Any, preprocessing: Preprocessing) -> Any:
        """Both networks on the same inputs, their outputs stacked along axis 1."""
        keras = require("keras")
        inputs = keras.Input(student.input_shape[1:], dtype=student.inputs[0].dtype)
        answers, own = _as_trained(raw_model(teacher, preprocessing))(inputs), student(inputs)
        if isinstance(own, dict):
            return _without_labels()(inputs, _alike(own, answers))
        both = keras.ops.stack([own, answers], axis=1)
        return keras.Model(inputs, both if units is None else standardizing(units)(both))

    return LogitDistillation(
        name=task.name, trainee=trainee, chooses=chooses, higher_is_better=chooses
    )


def _alike(own: dict[str, Any], answers: dict[str, Any]) -> Any:
    """Several outputs of both networks as one, (batch, 2, …), in which each weighs the same."""
    ops = require("keras").ops
    pairs = []
    for name, output in own.items():
        student, teacher = (
            ops.reshape(o, (-1, prod(o.shape[1:]))) for o in (output, answers[name])
        )
        size = ops.sqrt(ops.mean(ops.sum(ops.square(teacher), axis=1)) + 1e-12)
        pairs.append(ops.stack([student, teacher], axis=1) / size)
    return ops.concatenate(pairs, axis=2)


def _without_labels() -> Any:
    """A class of `keras.Model` that is trained on its outputs alone, however labels are named."""
    base = require("keras").Model

    class Unlabelled(base):  # type: ignore[misc, valid-type]
        """Loss and metrics of the outputs."""

        def compute_loss(
            self,
            x: Any = None,
            y: Any = None,
            y_pred: Any = None,
            sample_weight: Any = None,
            training: bool = True,
        ) -> Any:
            return super().compute_loss(
                x=x, y=y_pred, y_pred=y_pred, sample_weight=sample_weight, training=training
            )

        def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            return super().compute_metrics(x, y_pred, y_pred, sample_weight)

    return Unlabelled


def _as_trained(model: Any) -> Any:
    """A layer that computes as the model does after training: no dropout, no statistics.

    Keras passes on to each model inside another whether that one is being trained.
    """
    base = require("keras").layers.Layer

    class AsTrained(base):  # type: ignore[misc,valid-type]
        """Calls the model, always in the same way."""

        def call(self, inputs: Any) -> Any:
            return model(inputs, training=False)

        def compute_output_shape(self, shape: Any) -> Any:
            return model.compute_output_shape(shape)

    return AsTrained(trainable=False, name="teacher")


def training_of(options: Qat) -> Training:
    """The options of the trainer for those of ``[qat]``."""
    return Training(
        epochs=options.epochs,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        weight_decay=0.0,
        augment=options.augment,
        patience=0,
        jit="off",
    )


def _descent(optimizer: Any) -> Any:
    """Stochastic gradient descent with the schedule of another optimizer.

    The twin begins next to its goal, where gradients are small. Adam divides them by their own
    size and would walk as far as ever; plain steps end where there is nothing left to learn.
    """
    optimizers = require("keras").optimizers
    schedule = optimizers.schedules.deserialize(optimizer.get_config()["learning_rate"])
    return optimizers.SGD(schedule, momentum=0.9, nesterov=True)


def _divergence(_: Any, stacked: Any) -> Any:
    """Of the twin's probabilities from the network's."""
    return divergence(stacked[:, 1], stacked[:, 0])


def _distance(_: Any, stacked: Any) -> Any:
    """Squared difference of outputs, as a share of the batch's mean square."""
    ops = require("keras").ops
    student, teacher = stacked[:, 0], stacked[:, 1]
    size = ops.mean(ops.square(teacher)) + 1e-12
    axes = list(range(1, len(teacher.shape)))
    return ops.mean(ops.square(student - teacher), axis=axes) / size


def _agreement(_: Any, stacked: Any) -> Any:
    """Whether both choose the same."""
    ops = require("keras").ops
    chosen = ops.argmax(stacked, axis=-1)
    return ops.cast(ops.equal(chosen[:, 0], chosen[:, 1]), "float32")


_agreement.__name__ = AGREEMENT
_distance.__name__ = DIFFERENCE


def choose_logit_limits(
    twin: RoundingNetwork, teacher: Any, split: Split, preprocessing: Preprocessing
) -> tuple[float, float] | None:
    """Chooses the limits of the twin's logits on held-out examples.

    Args:
        twin: Whose logits become probabilities; nothing is done with another.
        teacher: `keras.Model` from normalized inputs to logits.
        split: Held-out examples.
        preprocessing: From these to inputs.

    Returns:
        Low and high; None when nothing was done.
    """
    import numpy as np

    if twin.logits is None:
        return None
    model = raw_model(teacher, preprocessing)
    raw = read_inputs(split, preprocessing, range(min(len(split), MOST_EXAMPLES)))
    batch = inference_batch(model)
    batches = (raw[start : start + batch] for start in range(0, len(raw), batch))
    answers = (model(some.astype(preprocessing.graph_dtype), training=False) for some in batches)
    limits = best_limits(np.concatenate([np.asarray(answer) for answer in answers]))
    twin.logits.hold(*limits)
    return limits
