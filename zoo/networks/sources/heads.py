"""The end of a foreign classifier: probabilities become logits, and its last layer the head.

softmax(z) → z, because the task makes the probabilities; of two classes sigmoid(z) → (0, z), whose
softmax is (1 − sigmoid(z), sigmoid(z)); what cannot be taken off, p → log p, whose softmax is p.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from zoo.common.errors import Unsupported
from zoo.common.optional_imports import require
from zoo.contracts.outputs import LABELS, TARGETS
from zoo.networks.building import HEAD
from zoo.networks.sources.class_names import columns_of
from zoo.networks.sources.endings import (
    LOG_SOFTMAX,
    LOGITS,
    SHARES,
    SIGMOID,
    SOFTMAX,
    before_activation,
    kind_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Sides of a row of figures for each example.
_ROW = 2
#: Operations that may leave numbers as they are, in another shape.
_RESHAPES = frozenset({"Reshape", "Flatten", "Squeeze", "GetItem"})
#: The least probability that a logarithm is taken of.
_LEAST = 1e-7


def with_logits(
    model: Any,
    inputs: NDArray[Any],
    outputs: NDArray[Any],
    origin: str,
    reading: str = "",
    classes: int = 0,
) -> tuple[Any, str, tuple[str, ...]]:
    """A flat classifier that returns logits, (batch, classes), its last dense layer named `HEAD`.

    Args:
        model: From `flattened`; its layers are changed.
        inputs: Some of any kind.
        outputs: What the original answered to those, (examples, classes).
        origin: Names the file in messages.
        reading: How the task reads them, see `zoo.contracts.Output`; empty: one class each.
        classes: Of the data.

    Returns:
        The model, what its outputs were (a kind of `zoo.networks.sources.endings`), and what was
        done, a sentence each.

    Raises:
        Unsupported: Its outputs are no choice among classes.
    """
    keras = require("keras")
    model = _in_rows(model)
    shape = tuple(model.output.shape)
    if len(shape) != 2 or shape[-1] is None:
        raise Unsupported(
            f"{origin} gives outputs of shape {shape}, where one figure for each "
            f"{columns_of(reading, 1).partition(' ')[2]} is needed",
            why="only networks that answer with them can be brought in"
            if reading
            else "only networks that choose among classes can be brought in",
            fix="save the part of it that gives them; without labels it comes in by --task tensors"
            if reading
            else "save the part of it that classifies",
        )
    kind = LOGITS if reading == TARGETS else kind_of(model, inputs, outputs)
    if shape[-1] == 1 and kind in (SOFTMAX, LOG_SOFTMAX):
        raise Unsupported(
            f"{origin} gives the same answer to every example",
            why=f"it ends in {kind} over one output, which is always {1 if kind == SOFTMAX else 0}",
            fix="of two classes, save it with the activation sigmoid at its end, and train it anew",
        )
    if reading == LABELS and kind in (SOFTMAX, LOG_SOFTMAX):
        raise Unsupported(
            f"{origin} gives probabilities that add up to one",
            why="of its classes one alone is true, and the data have several labels each",
            fix="use data with one class for each example, or end it in sigmoid",
        )
    if kind == SHARES:
        raise Unsupported(
            f"{origin} gives shares that add up to {float(outputs.sum(-1).mean()):.4g}",
            why="as probabilities they would have to add up to one, and as logits they are wrong",
            fix="save it with softmax at its end, without the factor behind it",
        )
    if reading:
        made, notes = _by_themselves(model, kind)
        return made, kind, notes
    if shape[-1] == 1 and kind != SIGMOID and (classes, kind) != (2, LOGITS):
        raise Unsupported(
            f"{origin} gives one number for each example",
            why="it may be a regression or a logit of two classes; the file does not say which",
            fix="for a logit of two classes, use data with two classes; for a regression, data "
            "with real targets",
        )
    if kind == SIGMOID and shape[-1] > 1:
        raise Unsupported(
            f"{origin} gives {shape[-1]} probabilities that do not add up to one",
            why="it ends in sigmoid: several labels may be true of one example, and the data have "
            "one class each",
            fix="of classes that exclude each other, save it with softmax at its end; else use "
            "data with several labels each (the task multi-label)",
        )
    output, done = model.output, []
    if kind in (SOFTMAX, SIGMOID):
        before = before_activation(output)
        if before is None:
            if shape[-1] == 1:
                output = keras.ops.concatenate([1.0 - output, output], axis=-1)
            output = keras.ops.log(keras.ops.clip(output, _LEAST, 1.0))
            done.append(
                f"the {kind} at its end could not be taken off: a logarithm stands behind it, of "
                "which the task makes the same probabilities"
            )
        else:
            output = before
            done.append(f"the {kind} at its end was taken off: the task makes the probabilities")
            if shape[-1] == 1:
                output = _two_units(output)
                done.append("its one output became two, for two classes")
    elif shape[-1] == 1:
        output = _two_units(output)
        done.append("its one output became two: it is taken as the logit of the second class")
    last = output._keras_history.operation
    if isinstance(last, keras.layers.Dense) and last.units == output.shape[-1]:
        last.name = HEAD
    return keras.Model(model.input, output, name=model.name), kind, tuple(done)


def _in_rows(model: Any) -> Any:
    """The model with outputs (batch, figures) in the place of (batch,) or (batch, 1, 1, figures).

    Such as those of PyTorch's `squeeze` of one figure, and of a convolution over pooled features.
    """
    keras = require("keras")
    output = model.output
    sides = output.shape[1:]
    if len(sides) == 1 or None in sides or sum(side > 1 for side in sides) > 1:
        return model
    # What only takes sides away behind a row is left out, so that the operator at the end is seen.
    tensor = output
    while len(tensor.shape) != _ROW and type(tensor._keras_history.operation).__name__ in _RESHAPES:
        operation, node, _ = tensor._keras_history
        given = operation._inbound_nodes[node].input_tensors
        if len(given) != 1 or None in given[0].shape[1:]:
            break
        if math.prod(given[0].shape[1:]) != math.prod(sides):
            break
        tensor = given[0]
    if len(tensor.shape) != _ROW:
        tensor = keras.layers.Reshape((math.prod(sides),), name="row")(output)
    return keras.Model(model.input, tensor, name=model.name)


def _by_themselves(model: Any, kind: str) -> tuple[Any, tuple[str, ...]]:
    """Outputs that have nothing to do with each other: targets as they are, labels as log-odds."""
    keras = require("keras")
    output, notes = model.output, []
    if kind == SIGMOID:
        before = before_activation(output)
        if before is not None:
            output = before
            notes.append("the sigmoid at its end was taken off: the task makes the probabilities")
        else:
            kept = keras.ops.clip(output, _LEAST, 1.0 - _LEAST)
            output = keras.ops.log(kept) - keras.ops.log(1.0 - kept)
            notes.append(
                "the sigmoid at its end could not be taken off: logarithms stand behind it, of "
                "which the task makes the same probabilities"
            )
    last = output._keras_history.operation
    if isinstance(last, keras.layers.Dense) and last.units == output.shape[-1]:
        last.name = HEAD
    return keras.Model(model.input, output, name=model.name), tuple(notes)


def _two_units(output: Any) -> Any:
    """(0, z) of the logit z, by a dense layer of two units if a dense layer made it."""
    import numpy as np

    keras = require("keras")
    operation, node, _ = output._keras_history
    if not isinstance(operation, keras.layers.Dense):
        return keras.ops.concatenate([keras.ops.zeros_like(output), output], axis=-1)
    (before,) = operation._inbound_nodes[node].input_tensors
    both = keras.layers.Dense(2, name=f"{operation.name}_of_two")
    made = both(before)
    kernel = operation.kernel.numpy()
    bias = operation.bias.numpy() if operation.use_bias else np.zeros(1)
    both.kernel.assign(np.concatenate([np.zeros_like(kernel), kernel], axis=1))
    both.bias.assign(np.concatenate([np.zeros_like(bias), bias]))
    return made


def in_order(model: Any, order: list[int]) -> Any:
    """The model with its outputs in another order: output `order[i]` becomes output i.

    Outputs that are not in `order` are left out.
    """
    keras = require("keras")
    output = model.output
    operation, node, _ = output._keras_history
    if isinstance(operation, keras.layers.Dense) and operation.name == HEAD:
        if len(order) < operation.units:
            fewer = keras.layers.Dense.from_config({**operation.get_config(), "units": len(order)})
            output = fewer(operation._inbound_nodes[node].input_tensors[0])
            fewer.set_weights([held[..., order] for held in operation.get_weights()])
            return keras.Model(model.input, output, name=model.name)
        operation.kernel.assign(operation.kernel.numpy()[:, order])
        if operation.use_bias:
            operation.bias.assign(operation.bias.numpy()[order])
        return model
    return keras.Model(model.input, keras.ops.take(output, order, axis=-1), name=model.name)
