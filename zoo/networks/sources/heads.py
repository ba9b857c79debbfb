"""The end of a foreign classifier: probabilities become logits, and its last layer the head.

softmax(z) → z, because the task makes the probabilities; of two classes sigmoid(z) → (0, z), whose
softmax is (1 − sigmoid(z), sigmoid(z)); what cannot be taken off, p → log p, whose softmax is p.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.common.errors import Unsupported
from zoo.common.optional_imports import require
from zoo.contracts.outputs import LABELS, TARGETS
from zoo.networks.building import HEAD

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Rounding of float32 over many classes, and of float16.
_EXACT = 5e-3
#: The least probability that a logarithm is taken of.
_LEAST = 1e-7


def with_logits(
    model: Any, outputs: NDArray[Any], origin: str, reading: str = ""
) -> tuple[Any, tuple[str, ...]]:
    """A flat classifier that returns logits, (batch, classes), its last dense layer named `HEAD`.

    Args:
        model: From `flattened`; its layers are changed.
        outputs: What it answered some inputs of any kind, (examples, classes).
        origin: Names the file in messages.
        reading: How the task reads them, see `zoo.contracts.Output`; empty: one class each.

    Returns:
        The model, and what was done, a sentence each.

    Raises:
        Unsupported: Its outputs are no choice among classes.
    """
    keras = require("keras")
    shape = tuple(model.output.shape)
    if len(shape) != 2 or shape[-1] is None:
        raise Unsupported(
            f"{origin} gives outputs of shape {shape}, where one figure for each class is needed",
            why="only networks that choose among classes can be brought in",
            fix="save the part of it that classifies",
        )
    kind = "logits" if reading == TARGETS else _kind(outputs)
    if reading == LABELS and kind == "softmax" and shape[-1] > 1:
        raise Unsupported(
            f"{origin} gives probabilities that add up to one",
            why="of its classes one alone is true, and the data have several labels each",
            fix="use data with one class for each example, or end it in sigmoid",
        )
    if reading:
        return _by_themselves(model, kind)
    if shape[-1] == 1 and kind != "sigmoid":
        raise Unsupported(
            f"{origin} gives one number for each example",
            why="that is a regression, or a logit of two classes, and nothing says which",
            fix="of two classes, save it with the activation sigmoid at its end; for a regression "
            "use data with real targets",
        )
    if kind == "sigmoid" and shape[-1] > 1:
        raise Unsupported(
            f"{origin} gives {shape[-1]} probabilities that do not add up to one",
            why="it ends in sigmoid: several labels may be true of one example, and the data have "
            "one class each",
            fix="of classes that exclude each other, save it with softmax at its end; else use "
            "data with several labels each (the task multi-label)",
        )
    output, notes = model.output, []
    if kind != "logits":
        output, taken = _without_activation(output)
        if not taken:
            if shape[-1] == 1:
                output = keras.ops.concatenate([1.0 - output, output], axis=-1)
            output = keras.ops.log(keras.ops.clip(output, _LEAST, 1.0))
            notes.append(
                f"the {kind} at its end could not be taken off: a logarithm stands behind it, of "
                "which the task makes the same probabilities"
            )
        else:
            notes.append(f"the {kind} at its end was taken off: the task makes the probabilities")
            if shape[-1] == 1:
                output = _two_units(output)
                notes.append("its one output became two, for two classes")
    last = output._keras_history.operation
    if isinstance(last, keras.layers.Dense) and last.units == output.shape[-1]:
        last.name = HEAD
    return keras.Model(model.input, output, name=model.name), tuple(notes)


def _by_themselves(model: Any, kind: str) -> tuple[Any, tuple[str, ...]]:
    """Outputs that have nothing to do with each other: targets as they are, labels as log-odds."""
    keras = require("keras")
    output, notes = model.output, []
    if kind == "sigmoid":
        output, taken = _without_activation(output)
        if taken:
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


def _kind(outputs: NDArray[Any]) -> str:
    import numpy as np

    if outputs.min() < 0 or outputs.max() > 1:
        return "logits"
    if outputs.shape[-1] > 1 and np.allclose(outputs.sum(-1), 1.0, atol=_EXACT):
        return "softmax"
    return "sigmoid"


def _without_activation(output: Any) -> tuple[Any, bool]:
    """The tensor before a softmax or sigmoid at the end, and whether there was one to take off."""
    keras = require("keras")
    activations, layers = keras.activations, keras.layers
    operation, node, _ = output._keras_history
    before = operation._inbound_nodes[node].input_tensors
    functions = (activations.softmax, activations.sigmoid)
    own = getattr(operation, "activation", None)
    if isinstance(operation, layers.Activation) and own in functions:
        return before[0], True
    if type(operation).__name__ in ("Softmax", "Sigmoid") and len(before) == 1:
        last = getattr(operation, "axis", -1) in (-1, 1)
        return (before[0], True) if last else (output, False)
    # Elsewhere, as in recurrent layers, the activation is not what is computed last.
    if isinstance(operation, layers.Dense | layers.EinsumDense) and own in functions:
        operation.activation = activations.linear
        return output, True
    return output, False


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
    """The model with its outputs in another order: output `order[i]` becomes output i."""
    keras = require("keras")
    output = model.output
    operation = output._keras_history.operation
    if isinstance(operation, keras.layers.Dense) and operation.name == HEAD:
        operation.kernel.assign(operation.kernel.numpy()[:, order])
        if operation.use_bias:
            operation.bias.assign(operation.bias.numpy()[order])
        return model
    return keras.Model(model.input, keras.ops.take(output, order, axis=-1), name=model.name)
