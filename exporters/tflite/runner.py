"""A TFLite file run tensor by tensor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.named_arrays import each_of
from zoo.common.optional_imports import require

Array = NDArray[Any]


class Runner:
    """An interpreter that preserves every tensor of a file.

    Args:
        content: The file's bytes, or where it is.
        fed: Cut tensors, and the inputs that took their places.
    """

    def __init__(self, content: bytes | Path, fed: dict[int, int] | None = None) -> None:
        module = require("ai_edge_litert.interpreter")
        given = (
            {"model_content": content}
            if isinstance(content, bytes)
            else {"model_path": str(content)}
        )
        self._interpreter = module.Interpreter(
            **given,
            num_threads=1,
            experimental_op_resolver_type=module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            experimental_preserve_all_tensors=True,
        )
        self._interpreter.allocate_tensors()
        self._fed = fed or {}
        inputs = self._interpreter.get_input_details()
        self._raw = [d for d in inputs if d["index"] not in self._fed.values()]

    def run(self, example: Array, cut: dict[int, Array] | None = None) -> None:
        """One raw example, of several inputs a record, and values for the cut tensors."""
        self._interpreter.reset_all_variables()
        for detail, values in zip(self._raw, each_of(example), strict=True):
            self._interpreter.set_tensor(detail["index"], as_input(values, detail))
        for place, values in (cut or {}).items():
            self._interpreter.set_tensor(self._fed[place], values)
        self._interpreter.invoke()

    def value(self, place: int) -> Array:
        """The current value of a tensor."""
        values: Array = self._interpreter.get_tensor(place)
        return values


def as_input(example: Array, detail: Any) -> Array:
    """A raw example in the numbers that an input takes."""
    dtype = np.dtype(detail["dtype"])
    scale, zero = detail["quantization"]
    # What has the type of the input is fed as an application would feed it.
    if dtype.kind == "f" or not scale or example.dtype == dtype:
        return example.astype(dtype)
    limits = np.iinfo(dtype)
    steps = np.rint(example.astype(np.float32) / np.float32(scale)) + zero
    numbers: Array = np.clip(steps, limits.min, limits.max).astype(dtype)
    return numbers
