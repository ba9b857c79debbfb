"""Gradual magnitude pruning: Zhu & Gupta 2017, "To prune, or not to prune", arXiv:1710.01878.

While the network is fine-tuned, the share of weights that are zero rises along a cubic curve to
its end, and stays there. Which weights are zero is decided anew now and then by their magnitude,
layer by layer; between decisions a mask keeps them zero.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from zoo.common.errors import UsageError
from zoo.common.optional_imports import require
from zoo.contracts import Preprocessing, Task
from zoo.networks.building import HEAD, leaves, raw_model
from zoo.training.trainer import Trainer

#: Kernels with fewer weights are left alone: there is nothing to gain, and much to lose.
LEAST_WEIGHTS = 512
#: The masks are made anew so often while the share rises; the paper does so every 100 to 1000
#: steps of much longer trainings.
DECISIONS = 32
_KERNELS = ("kernel", "recurrent_kernel")
#: Each of their weights stands for a whole map: pruning them costs most and brings least.
_APART = "Depthwise"


def prunable(network: Any) -> list[Any]:
    """The kernels that pruning applies to: of convolutions, dense and recurrent layers.

    The head and small kernels stay whole.

    Raises:
        UsageError: There are none.
    """
    found = [
        variable
        for layer in leaves(network)
        if layer.name != HEAD and _APART not in type(layer).__name__
        for variable in layer.trainable_variables
        if variable.name in _KERNELS and math.prod(variable.shape) >= LEAST_WEIGHTS
    ]
    if not found:
        raise UsageError(
            f"{network.name!r} has nothing to prune",
            why=f"no kernel before its head has {LEAST_WEIGHTS} weights or more",
            fix="leave --prune out",
        )
    return found


def sparsity(network: Any) -> float:
    """Share of zeros in the prunable kernels, 0 to 1."""
    import numpy as np

    kernels = [np.asarray(variable) for variable in prunable(network)]
    zeros = sum(int(np.count_nonzero(kernel == 0)) for kernel in kernels)
    return zeros / sum(kernel.size for kernel in kernels)


def share_at(step: Any, ramp: int, end: float) -> Any:
    """The share of zeros after so many steps, a scalar tensor: eq. 1 of the paper, from 0.

    Args:
        step: Counted from 0; a number or a float tensor.
        ramp: The step at which the end is reached.
        end: The share from then on.
    """
    return end * (1.0 - (1.0 - require("tensorflow").minimum(step / ramp, 1.0)) ** 3)


def ramp_epochs(epochs: int) -> int:
    """Number of epochs over which the share of zeros rises: the first half."""
    return max(epochs // 2, 1)


class Pruner:
    """The masks of a network, and the graph operations that keep them.

    Args:
        kernels: The variables to thin out.
        end: Share of each kernel that is zero in the end.
        ramp_steps: Training steps until then.
    """

    def __init__(self, kernels: Sequence[Any], end: float, ramp_steps: int) -> None:
        tf = require("tensorflow")
        self.kernels = list(kernels)
        self.end = end
        self.ramp = max(ramp_steps, 1)
        self.every = max(self.ramp // DECISIONS, 1)
        self.masks = [
            tf.Variable(tf.ones(kernel.shape), trainable=False, name="mask")
            for kernel in self.kernels
        ]

    def apply(self, step: Any) -> None:
        """After a training step, number `step` (a scalar tensor, from 1): zeros stay zero."""
        tf = require("tensorflow")
        step = tf.cast(step, tf.int64)
        due = tf.logical_and(step <= self.ramp, tf.equal(step % self.every, 0))
        due = tf.logical_or(due, tf.equal(step, self.ramp))
        tf.cond(due, lambda: self._decide(tf.cast(step, tf.float32)), lambda: tf.constant(0))
        for kernel, mask in zip(self.kernels, self.masks, strict=True):
            kernel.assign(kernel.value * mask)

    def _decide(self, step: Any) -> Any:
        """Masks the smallest weights of each kernel."""
        tf = require("tensorflow")
        share = share_at(step, self.ramp, self.end)
        for kernel, mask in zip(self.kernels, self.masks, strict=True):
            sizes = tf.sort(tf.reshape(tf.abs(kernel.value), [-1]))
            count = tf.cast(tf.round(share * float(sizes.shape[0])), tf.int32)
            threshold = tf.where(count > 0, sizes[tf.maximum(count - 1, 0)], -1.0)
            mask.assign(tf.cast(tf.abs(kernel.value) > threshold, tf.float32))
        return tf.constant(0)


def pruned_task(task: Task, pruner: Pruner) -> Task:
    """The task with a training step that applies the masks after each update.

    Raises:
        UsageError: The task trains in a way of its own.
    """
    if task.trainee is not None or task.state is not None:
        raise UsageError(
            f"networks for {task.name} are not pruned",
            why="that task brings a training step of its own",
            fix="leave --prune out",
        )

    def trainee(network: Any, preprocessing: Preprocessing) -> Any:
        keras = require("keras")
        plain = raw_model(network, preprocessing)

        class Pruned(keras.Model):  # type: ignore[misc, name-defined, unused-ignore]
            def train_step(self, data: Any) -> Any:
                logs = super().train_step(data)
                pruner.apply(self.optimizer.iterations.value)
                return logs

        return Pruned(plain.input, plain.output)

    return replace(task, trainee=trainee, state=lambda model: list(pruner.masks))


class PruningTrainer(Trainer):
    """A trainer whose best epoch is one at the final share of zeros."""

    def _is_better(self, value: float, than: float) -> bool:
        rising = len(self.epochs) <= ramp_epochs(self.options.epochs)
        return rising or super()._is_better(value, than)
