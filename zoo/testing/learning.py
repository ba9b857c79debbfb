"""Checks of a network as it learns: gradients, reproducibility, the power to fit anything."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from zoo.common.optional_imports import require
from zoo.common.shown_text import some_of
from zoo.contracts.dataset import IGNORED
from zoo.networks.building import variable_names
from zoo.networks.weights import COMPANION
from zoo.testing.candidate import CheckedNetwork
from zoo.testing.verdict import Finding, NotTried

#: Examples of the step whose gradients are looked at.
GRADIENT_EXAMPLES = 16
#: Examples that a network must be able to fit,
FIT_EXAMPLES = 32
#: of at most so many classes,
FIT_CLASSES = 4
#: to this share,
FIT_ACCURACY = 0.95
#: or, where labels are no classes, to this share of the loss on the labels of other examples,
FIT_LOSS = 0.5
#: within so many steps at one of these learning rates.
FIT_STEPS = 300
FIT_RATES = (1e-3, 1e-2, 1e-4)
_LOOK_EVERY = 20
_FIT_FIX = (
    "look for an activation behind the head, inputs of the wrong range, a wrong initializer, or "
    "layers that shrink the signal to nothing"
)


def gradients(subject: CheckedNetwork) -> Finding:
    """Every trainable weight gets a gradient in the first training step, or in the second."""
    import numpy as np

    tf = require("tensorflow")
    network = subject.network()
    companion = subject.companion(network)
    if companion is not None:
        return _both_trained(subject, network, companion)
    model = subject.trainable(network, 0.001)
    inputs, labels = subject.examples(GRADIENT_EXAMPLES)
    names = {id(variable): name for name, variable in variable_names(network).items()}

    def without_gradient() -> list[str]:
        with tf.GradientTape() as tape:
            loss = model.compute_loss(inputs, labels, model(inputs, training=True))
        found = tape.gradient(loss, network.trainable_variables)
        # Exactly zero means not connected: even a bias in front of a batch normalization, which
        # cancels out, gets the noise of rounding.
        return [
            names.get(id(variable), variable.path)
            for variable, gradient in zip(network.trainable_variables, found, strict=True)
            if gradient is None or not np.any(np.abs(tf.convert_to_tensor(gradient).numpy()) > 0)
        ]

    dead = without_gradient()
    if dead:
        # A layer whose weights begin as zeros hands gradients on once it has left them.
        model.train_on_batch(inputs, labels)
        dead = without_gradient()
    return _connected(dead, len(network.trainable_variables))


def _both_trained(subject: CheckedNetwork, network: Any, companion: Any) -> Finding:
    """The task's own training step moves every trainable weight of both networks.

    Adam divides by the gradient's size: whatever gets a gradient at all moves.
    """
    import numpy as np

    model = subject.trainable(network, 0.001, companion)
    pairs = [("", network), (COMPANION, companion)]
    found = {
        prefix + name: variable
        for prefix, each in pairs
        for name, variable in variable_names(each).items()
        if variable.trainable
    }
    before = {name: variable.numpy() for name, variable in found.items()}
    model.train_on_batch(*subject.examples(GRADIENT_EXAMPLES))
    dead = [name for name, v in found.items() if np.array_equal(v.numpy(), before[name])]
    return _connected(dead, len(found))


def _connected(dead: list[str], count: int) -> Finding:
    if not dead:
        return Finding(passed=True, measured=f"all {count} trainable tensors")
    return Finding(
        passed=False,
        measured=f"{len(dead)} of {count} trainable tensors get none: {some_of(dead, 4)}",
        fix="connect these layers to the output, or remove them; a product with zero, a "
        "stop_gradient or an integer cast cuts them off",
    )


def seed(subject: CheckedNetwork) -> Finding:
    """Two builds and one training step each end in the same weights, bit by bit."""
    import numpy as np

    tf = require("tensorflow")
    tf.config.experimental.enable_op_determinism()
    first, second = _after_one_step(subject), _after_one_step(subject)
    if list(first) != list(second):
        return Finding(
            passed=False,
            measured="two builds under one seed have different layers",
            fix=_SEED_FIX,
        )
    different = [n for n in first if not np.array_equal(first[n], second[n], equal_nan=True)]
    if different:
        return Finding(
            passed=False,
            measured=f"two builds under one seed differ in {len(different)} of {len(first)} "
            f"tensors: {some_of(different, 4)}",
            fix=_SEED_FIX,
        )
    return Finding(passed=True, measured=f"{len(first)} tensors, bit by bit")


_SEED_FIX = (
    "draw random numbers from Keras' initializers alone, without a seed of their own; "
    "no numpy generator, no time, no set order in build()"
)


def _after_one_step(subject: CheckedNetwork) -> dict[str, Any]:
    network = subject.network()
    companion = subject.companion(network)
    model = subject.trainable(network, 0.001, companion)
    model.train_on_batch(*subject.examples(GRADIENT_EXAMPLES))
    beside = {} if companion is None else variable_names(companion)
    named = {**variable_names(network), **{COMPANION + n: v for n, v in beside.items()}}
    return {name: variable.numpy() for name, variable in named.items()}


def overfit(subject: CheckedNetwork) -> Finding:
    """The network learns a handful of examples by heart; one that cannot has a broken path."""
    if not subject.variant.has_head:
        raise NotTried("it learns no labels; `train` checks what it makes of a training")
    if not subject.labels_are_classes:
        return _learns_by_heart(subject)
    best = 0.0
    for rate in FIT_RATES:
        accuracy, steps = _fit(subject, rate)
        if accuracy >= FIT_ACCURACY:
            return Finding(
                passed=True,
                measured=f"{accuracy:.0%} of {FIT_EXAMPLES} after {steps} steps at {rate:g}",
            )
        best = max(best, accuracy)
    return Finding(
        passed=False,
        measured=f"at most {best:.0%} of {FIT_EXAMPLES} easy examples after {FIT_STEPS} steps at "
        f"learning rates {', '.join(f'{rate:g}' for rate in FIT_RATES)}; "
        f"{FIT_ACCURACY:.0%} is asked",
        fix=_FIT_FIX,
    )


def _fit(subject: CheckedNetwork, rate: float) -> tuple[float, int]:
    import numpy as np

    classes = min(FIT_CLASSES, subject.variant.classes)
    inputs, labels = subject.examples(FIT_EXAMPLES, classes)
    model = subject.trainable(subject.network(), rate)
    accuracy = 0.0
    for step in range(1, FIT_STEPS + 1):
        model.train_on_batch(inputs, labels)
        if step % _LOOK_EVERY == 0:
            # Moving averages lag after so few steps, and dropout disturbs: the better way counts.
            accuracy = max(
                _share_right(np.asarray(model(inputs, training=mode)), labels)
                for mode in (False, True)
            )
            if accuracy >= FIT_ACCURACY:
                return accuracy, step
    return accuracy, FIT_STEPS


def _learns_by_heart(subject: CheckedNetwork) -> Finding:
    """Of labels that are no classes: the loss beside that on the labels of other examples.

    What looks at no input learns the commonest labels and has the same loss on both.
    """
    import numpy as np

    inputs, labels = subject.examples(FIT_EXAMPLES)
    others = _each(labels, lambda values: np.roll(values, len(values) // 2, axis=0))
    own, other, best = 0.0, 0.0, math.inf
    for rate in FIT_RATES:
        model = subject.trainable(subject.network(), rate)
        for step in range(1, FIT_STEPS + 1):
            model.train_on_batch(inputs, labels)
            if step % _LOOK_EVERY:
                continue
            outputs = model(inputs, training=True)
            own, other = (
                float(model.compute_loss(inputs, true, outputs)) for true in (labels, others)
            )
            best = min(best, own / other)
            if best <= FIT_LOSS:
                return Finding(
                    passed=True,
                    measured=f"loss {own:.3g} on {len(inputs)} examples after {step} steps at "
                    f"{rate:g}, {other:.3g} on one another's labels",
                )
    return Finding(
        passed=False,
        measured=f"the loss on {len(inputs)} examples stays at {best:.2f} of that on one another's "
        f"labels after {FIT_STEPS} steps at learning rates "
        f"{', '.join(f'{rate:g}' for rate in FIT_RATES)}; {FIT_LOSS:g} is asked",
        fix=_FIT_FIX,
    )


def _each(labels: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(labels, dict):
        return {name: change(values) for name, values in labels.items()}
    return change(labels)


def _share_right(outputs: Any, labels: Any) -> float:
    real = labels != IGNORED
    return float((outputs.argmax(axis=-1) == labels)[real].mean())
