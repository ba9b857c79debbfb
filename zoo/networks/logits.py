"""Whether a network returns logits, where its task makes probabilities of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zoo.common.errors import ZooError
from zoo.common.optional_imports import require
from zoo.contracts import Task

if TYPE_CHECKING:
    from zoo.contracts.task import Array

_EXAMPLES = 2
#: Of an axis whose length the data decides.
_STEPS = 16
#: Weights of the last layer so large that a logit is small by chance alone.
_LARGE = 100.0
#: Rounding of float32.
_EXACT = 1e-3


def check_logits(network: Any, task: Task) -> None:
    """Refuses a network that ends in softmax, or in another function that is bounded by one.

    Two softmaxes, one behind the other, train without complaint, but of 10 classes no probability
    ever exceeds e / (e + 9) = 0.23.

    Args:
        network: `keras.Model` from normalized inputs to what its task takes; it is as before
            afterwards.
        task: Brings the function behind the logits.

    Raises:
        ZooError: Outputs stay within one of zero however large the weights of the last layer are,
            and the task makes probabilities of them.
    """
    inputs = _inputs(network)
    plain = _arrays(network(inputs, training=False))
    for name in _made_probabilities(plain, task):
        last = _last_layers(_named(network.output)[name])
        if not last:
            continue
        with _large_weights(last):
            values = _arrays(network(inputs, training=False))[name]
        most = float(abs(values).max())
        if not most <= 1.0 + _EXACT:
            continue
        function, best = _bound(values)
        beside = "" if not name else f" of its output {name!r}"
        raise ZooError(
            f"the network {network.name!r} ends in {function}{beside}, where logits are needed",
            why=f"the task {task.name!r} makes probabilities of them itself: done twice, of "
            f"{values.shape[-1]} classes none ever gets more than {best:.2g}",
            fix=f"remove the activation of the layer {last[-1].name!r}, or behind it, in build(), "
            "and train the network again",
        )


def _bound(values: Array) -> tuple[str, float]:
    """The likely function that bounds them, and the largest probability that softmax allows."""
    import numpy as np

    classes = values.shape[-1]
    function = "tanh"
    if values.min() >= 0:
        sums_to_one = np.allclose(values.sum(-1), 1.0, atol=_EXACT) and classes > 1
        function = "softmax" if sums_to_one else "sigmoid"
    apart = math.exp(2.0 if function == "tanh" else 1.0)
    return function, apart / (apart + max(classes - 1, 1))


def _made_probabilities(outputs: Mapping[str, Array], task: Task) -> list[str]:
    """Names of the outputs that the task makes probabilities of, by softmax or sigmoid."""
    import numpy as np

    random = np.random.default_rng(0)
    logits = {n: random.normal(0, 4, v.shape).astype("f4") for n, v in outputs.items()}
    convert = require("keras").ops.convert_to_tensor
    given = {name: convert(values) for name, values in logits.items()}
    made = _arrays(task.activation(given.get("", given)))
    return [name for name in logits if name in made and _are_shares(logits[name], made[name])]


def _are_shares(logits: Array, made: Array) -> bool:
    import numpy as np

    if made.shape != logits.shape or made.min() < 0 or made.max() > 1:
        return False
    sums_to_one = made.shape[-1] > 1 and np.allclose(made.sum(-1), 1.0, atol=_EXACT)
    return bool(sums_to_one or np.allclose(made, 1 / (1 + np.exp(-logits)), atol=_EXACT))


def _inputs(network: Any) -> Any:
    import numpy as np

    keras = require("keras")
    random = np.random.default_rng(0)

    def drawn(given: Any) -> Any:
        shape = (_EXAMPLES, *(size or _STEPS for size in given.shape[1:]))
        # Numbers of words: the first two are in every vocabulary.
        whole = "int" in str(given.dtype)
        values = random.integers(0, 2, shape) if whole else random.normal(size=shape)
        return keras.ops.convert_to_tensor(values, dtype=given.dtype)

    return keras.tree.map_structure(drawn, network.input)


def _last_layers(output: Any) -> list[Any]:
    """The layers with weights that stand last before a symbolic output."""
    found: list[Any] = []
    waiting = [output]
    while waiting:
        operation, node, _ = waiting.pop()._keras_history
        # A layer of one's own holds others, and those it calls last are mostly made last.
        inside: list[Any] = getattr(operation, "_flatten_layers", list)()
        weighted = [layer for layer in inside if getattr(layer, "_trainable_variables", ())]
        if weighted:
            found.append(weighted[-1])
        else:
            waiting.extend(operation._inbound_nodes[node].input_tensors)
    return found


@contextmanager
def _large_weights(layers: list[Any]) -> Iterator[None]:
    """Within the block, these layers have large random weights."""
    import numpy as np

    random = np.random.default_rng(0)
    variables = [v for layer in layers for v in layer._trainable_variables]
    before = [variable.numpy() for variable in variables]
    try:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(random.normal(0, _LARGE, value.shape))
        yield
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)


def _named(outputs: Any) -> dict[str, Any]:
    return outputs if isinstance(outputs, dict) else {"": outputs}


def _arrays(outputs: Any) -> dict[str, Array]:
    import numpy as np

    return {name: np.asarray(values) for name, values in _named(outputs).items()}
