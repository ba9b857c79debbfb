"""A network that computes in numbers of fewer bits, as far as its graph of operations shows.

Exported files compute in half precision where a device has it. How much noise that alone makes is
a property of the network: of MediaPipe's face detection 54 dB, of small classifiers 65.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from zoo.common.optional_imports import require


def with_reduced_numbers(model: Any, dtype: str, *, results: bool) -> Any:
    """The same network with the constants of its operations rounded, and their results on request.

    Variables are left as they are (`Exporter.round_weights` rounds them). An operation is a layer
    or a function of Keras; what a layer computes within itself is not rounded.

    Args:
        model: A functional `keras.Model` of float32.
        dtype: Name of a smaller floating-point type: ``float16``.
        results: Whether the result of each operation is rounded, too.

    Returns:
        A `keras.Model` with the same inputs, outputs and layers; what is beyond the type's largest
        number becomes infinite in results, as in a file.
    """
    keras = require("keras")
    given = [
        keras.Input(batch_shape=one.shape, dtype=one.dtype, name=one.name) for one in model.inputs
    ]
    inputs = given if len(given) > 1 else given[0]

    def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(operation, keras.Model) and hasattr(operation, "_run_through_graph"):
            return through(operation, args[0])
        args, kwargs = keras.tree.map_structure(partial(_constant, dtype=dtype), (args, kwargs))
        made = operation(*args, **kwargs)
        return keras.tree.map_structure(partial(_result, dtype=dtype), made) if results else made

    def through(part: Any, values: Any) -> Any:
        # Keras calls the operations of a part in their order, each by what it is given here.
        of_each: Callable[[Any], Any] = lambda operation: partial(call, operation)  # noqa: E731
        made = part._run_through_graph(values, operation_fn=of_each)
        return made[0] if isinstance(made, list | tuple) and len(made) == 1 else made

    return keras.Model(inputs, through(model, inputs), name=model.name)


def rounded_to(values: Any, dtype: str) -> Any:
    """Numbers as a smaller floating-point type holds them, at most its largest; float32."""
    import numpy as np

    most = float(np.finfo(dtype).max)
    return np.clip(np.asarray(values, np.float32), -most, most).astype(dtype).astype(np.float32)


def _constant(value: Any, dtype: str) -> Any:
    import numpy as np

    real = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    return rounded_to(value, dtype) if real else value


def _result(tensor: Any, dtype: str) -> Any:
    ops = require("keras").ops
    if tensor is None or tensor.dtype != "float32":
        return tensor
    return ops.cast(ops.cast(tensor, dtype), "float32")
