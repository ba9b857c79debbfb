"""Knowledge distillation: Hinton, Vinyals & Dean 2015, arXiv:1503.02531."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from zoo.common.optional_imports import require
from zoo.contracts import Preprocessing, Task
from zoo.networks.building import raw_model

#: Softens both distributions, so that what the teacher holds for less likely counts too.
TEMPERATURE = 4.0
#: The teacher's share of the loss; the rest is that of the labels.
TEACHER_SHARE = 0.7


def can_distill(task: Task, teacher: Any) -> bool:
    """Whether networks of this task can be distilled by their logits.

    Args:
        task: Of both networks.
        teacher: The Keras network that teaches.
    """
    # Of several outputs some may be no choice between classes.
    if len(task.outputs) > 1 or not task.one_choice:
        return False
    return task.trainee is None and task.state is None and teacher.output_shape[-1] > 1


def distillation_task(task: Task, teacher: Any) -> Task:
    """The task with a distillation loss: labels and divergence from the teacher's classes.

    The share of the teacher is multiplied by the square of the temperature, so that its gradients
    weigh the same at every temperature (section 2 of the paper). Validation is against labels
    alone.

    Args:
        task: Whose training steps and loss are those of `keras.Model.fit`.
        teacher: Keras model from normalized inputs to logits; it learns nothing.
    """

    def trainee(network: Any, preprocessing: Preprocessing) -> Any:
        keras = require("keras")
        plain, wise = raw_model(network, preprocessing), raw_model(teacher, preprocessing)
        wise.trainable = False

        class Taught(keras.Model):  # type: ignore[misc, name-defined, unused-ignore]
            def compute_loss(
                self,
                x: Any = None,
                y: Any = None,
                y_pred: Any = None,
                sample_weight: Any = None,
                training: bool = True,
            ) -> Any:
                own = super().compute_loss(
                    x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training
                )
                if not training:
                    return own
                each = divergence(wise(x, training=False), y_pred, TEMPERATURE)
                apart = keras.ops.mean(each)
                return (1.0 - TEACHER_SHARE) * own + TEACHER_SHARE * TEMPERATURE**2 * apart

        return Taught(plain.input, plain.output)

    return replace(task, trainee=trainee)


def divergence(teacher: Any, student: Any, temperature: float = 1.0) -> Any:
    """Kullback-Leibler divergence of the student's classes from the teacher's, natural units.

    Args:
        teacher: Logits, float32, (batch, …, classes).
        student: Likewise.
        temperature: Softens both distributions.

    Returns:
        float32, (batch, …).
    """
    ops = require("keras").ops
    soft = ops.softmax(teacher / temperature, axis=-1)
    logs = ops.log_softmax(teacher / temperature, axis=-1)
    own = ops.log_softmax(student / temperature, axis=-1)
    return ops.sum(soft * (logs - own), axis=-1)
