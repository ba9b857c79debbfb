"""A loaded file on raw examples, on seeded numbers, and on one batch after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .arrays import dequantize, integer_limits, quantize
from .common import AgentError

if TYPE_CHECKING:
    from .arrays import Array
    from .runtimes.base import Model


def prepare(model: Model, arrays: list[Array]) -> list[Array]:
    """Raw examples as the file's inputs, or the reason why they do not fit."""
    if len(arrays) != len(model.inputs):
        raise AgentError("BadInput", f"{len(arrays)} arrays for {len(model.inputs)} inputs")
    for place, values in enumerate(arrays):
        sides = model.inputs[place]["shape"][1 if model.batched else 0 :]
        fits = values.ndim == len(sides) + 1 and len(values) == len(arrays[0]) > 0
        if not fits or any(s not in (None, values.shape[i + 1]) for i, s in enumerate(sides)):
            expected = "x".join("?" if side is None else str(side) for side in ["N", *sides])
            given = "x".join(map(str, values.shape)) or "a single number"
            name = model.inputs[place]["name"]
            raise AgentError("BadInput", f"input {name} takes {expected}, but {given} came")
    return [quantize(values, model.inputs[place]) for place, values in enumerate(arrays)]


def fill(model: Model, arrays: list[Array], start: int) -> int:
    """Writes the examples from `start` on, one static batch; how many of them are real."""
    if not model.batched:
        model.write([values[start] for values in arrays])
        return 1
    chunk = [values[start : start + model.batch] for values in arrays]
    real = len(chunk[0])
    if real < model.batch:
        chunk = [np.concatenate([c, np.repeat(c[-1:], model.batch - real, axis=0)]) for c in chunk]
    model.write(chunk)
    return real


def run(model: Model, arrays: list[Array]) -> list[Array]:
    """The outputs for raw examples, as real numbers."""
    ready = prepare(model, arrays)
    found: list[list[Array]] = [[] for _ in model.outputs]
    for start in range(0, len(ready[0]), model.batch):
        model.reset()
        real = fill(model, ready, start)
        model.invoke()
        for place, values in enumerate(model.read()):
            if not model.batched or values.ndim == 0 or len(values) != model.batch:
                if model.batch != 1:
                    raise AgentError("BadInput", "an output has another batch than the input")
                values = values[np.newaxis]
            found[place].append(values[:real])
    return [
        dequantize(np.concatenate(parts), model.outputs[place]) for place, parts in enumerate(found)
    ]


def seeded_inputs(
    model: Model, seed: int, low: float, high: float, limits: Sequence[int | None] = ()
) -> list[Array]:
    """One call: the whole range of quantized inputs, `low` to `high` for real ones.

    Args:
        model: The loaded file.
        seed: Of the numbers.
        low: Least real number.
        high: Greatest.
        limits: Of each input of indices, how many there are to choose from; None for other inputs.
    """
    random = np.random.default_rng(seed)
    made = []
    for place, tensor in enumerate(model.inputs):
        shape = [model.batch if at == 0 and not s else s for at, s in enumerate(tensor["shape"])]
        if None in shape:
            raise AgentError("BadInput", f"input {tensor['name']} has a free size: send inputs")
        dtype = np.dtype(tensor["dtype"])
        indices = limits[place] if place < len(limits) else None
        if indices is not None:
            made.append(random.integers(0, indices, shape).astype(dtype))
        elif dtype.kind == "b":
            made.append(random.integers(0, 2, shape).astype(dtype))
        elif tensor["scale"] is not None:
            least, most = integer_limits(dtype)
            made.append(random.integers(least, most, shape, np.int64, True).astype(dtype))
        else:  # Integers without a scale (token ids, say) become zeros, which are always valid.
            made.append(random.uniform(low, high, shape).astype(dtype))
    return made
