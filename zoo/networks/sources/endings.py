"""What the outputs of a foreign classifier are: logits, or probabilities of one kind or another.

Known from the operator at its end, else from the network with other weights: what its answers keep
to then is the graph's doing. What they keep to with its own weights alone may be chance: logits of
an untrained network, or of one that ends in ReLU, often lie between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.common.optional_imports import require

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOGITS, LOG_SOFTMAX, SOFTMAX, SIGMOID = "logits", "log-softmax", "softmax", "sigmoid"
#: Shares of another sum than one, such as per cent.
SHARES = "shares"
#: Rounding of float32 over many classes, and of float16.
_EXACT = 5e-3
#: Other weights that are tried, and examples that are answered with each.
_DRAWS, _EXAMPLES = 12, 8
#: The layers nearest to the end that have weights, and by what theirs are larger than they were.
_LAST, _LARGER = 2, 1e3
#: In the place of weights that are all zero.
_SMALL = 0.05


def kind_of(model: Any, inputs: NDArray[Any], outputs: NDArray[Any]) -> str:
    """What they keep to.

    `LOGITS`, `LOG_SOFTMAX`, `SOFTMAX` (they add up to one), `SIGMOID` (each is from 0 to 1) or
    `SHARES`.

    Args:
        model: Flat, of one output, (batch, classes); its weights are the same afterwards.
        inputs: Some that it may be given.
        outputs: What it answered to those, (examples, classes).
    """
    total = float(outputs.sum(-1).mean())

    def are_shares(values: NDArray[Any]) -> bool:
        least = bool(values.min() >= -_EXACT * total)
        return least and np.allclose(values.sum(-1), total, rtol=_EXACT, atol=0.0)

    kinds = {**_FITS, SHARES: are_shares} if outputs.shape[-1] > 1 and total > 0 else _FITS
    fitting = [kind for kind, fits in kinds.items() if fits(outputs)]
    if not fitting:
        return LOGITS
    if ending := _activation(model.output):
        return ending
    for others in _other_answers(model, inputs):
        fitting = [kind for kind in fitting if kinds[kind](others)]
        if not fitting:
            break
    return fitting[0] if fitting else LOGITS


def before_activation(output: Any) -> Any:
    """The tensor before a softmax or sigmoid at the end; None where there is none to take off.

    A dense layer that has it loses it, and its tensor stays.
    """
    keras = require("keras")
    if not _activation(output):
        return None
    operation, node, _ = output._keras_history
    if isinstance(operation, keras.layers.Dense | keras.layers.EinsumDense):
        operation.activation = keras.activations.linear
        return output
    return operation._inbound_nodes[node].input_tensors[0]


def _activation(output: Any) -> str:
    """The softmax or sigmoid that is computed last; empty for another operator."""
    keras = require("keras")
    activations, layers = keras.activations, keras.layers
    operation, node, _ = output._keras_history
    own = getattr(operation, "activation", None)
    # Elsewhere, as in recurrent layers, the activation is not what is computed last.
    if isinstance(operation, layers.Activation | layers.Dense | layers.EinsumDense):
        return {activations.softmax: SOFTMAX, activations.sigmoid: SIGMOID}.get(own, "")
    name, given = type(operation).__name__, operation._inbound_nodes[node].input_tensors
    if name not in ("Softmax", "Sigmoid") or len(given) != 1:
        return ""
    return name.lower() if getattr(operation, "axis", -1) in (-1, 1) else ""


def _is_share(values: NDArray[Any]) -> bool:
    return bool(values.min() >= -_EXACT and values.max() <= 1 + _EXACT)


def _is_shared_out(values: NDArray[Any]) -> bool:
    return _is_share(values) and np.allclose(values.sum(-1), 1.0, atol=_EXACT)


def _is_log_of_shares(values: NDArray[Any]) -> bool:
    return bool(values.max() <= _EXACT) and _is_shared_out(np.exp(values))


#: Whether answers keep to a kind; of several the first is meant.
_FITS: dict[str, Callable[[NDArray[Any]], bool]] = {
    LOG_SOFTMAX: _is_log_of_shares,
    SOFTMAX: _is_shared_out,
    SIGMOID: _is_share,
}


def _other_answers(model: Any, inputs: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Finite answers of the network with other weights, drawn again and again, then put back.

    Each is about as large as it was, so that no depth makes them overflow, and those near the end
    are larger.
    """
    rng = np.random.default_rng(0)
    kept = [(weight, np.asarray(weight)) for weight in model.trainable_variables]
    weighted = [layer for layer in model.layers if layer.trainable_variables]
    last = {id(w) for layer in weighted[-_LAST:] for w in layer.trainable_variables}
    try:
        for _ in range(_DRAWS):
            for weight, values in kept:
                size = float(np.sqrt(np.square(values, dtype=np.float64).mean())) or _SMALL
                size *= _LARGER if id(weight) in last else 1.0
                weight.assign((rng.normal(size=values.shape) * size).astype(values.dtype))
            answers = np.asarray(model(inputs[:_EXAMPLES], training=False), np.float64)
            answers = answers[np.isfinite(answers).all(-1)]
            if len(answers):
                yield answers
    finally:
        for weight, values in kept:
            weight.assign(values)
