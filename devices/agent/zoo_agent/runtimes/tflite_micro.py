"""The interpreter of microcontrollers, compiled for this machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..common import AgentError, Json, clock
from ..system import error_stream
from .base import LoadRequest, Model, Options
from .flatbuffer import tflite_signature

if TYPE_CHECKING:
    from ..arrays import Array

MODULE = "tflite_micro"
#: Bytes of memory that tflite-micro is given for a file: it cannot say beforehand what it needs.
LEAST_ARENA, MOST_ARENA = 1 << 24, 1 << 30
ARENA_USED = re.compile(r"Arena allocation total (\d+) bytes")
ARENA_TOO_SMALL = re.compile(r"[Ff]ailed to (resize|allocate)|too small|missing \d+")


def open_model(module: Any, request: LoadRequest, options: Options) -> Model:
    """Opens a TFLite file; the options change nothing."""
    return _MicroModel(module, request)


class _MicroModel(Model):
    """A TFLite file in the interpreter of microcontrollers, compiled for this machine."""

    api = "tflite-micro Interpreter.invoke"

    def __init__(self, module: Any, request: LoadRequest) -> None:
        if request.threads != 1:
            raise AgentError("CannotLoad", f"tflite-micro has one thread, not {request.threads}")
        data = Path(request.path).read_bytes()
        self.inputs, self.outputs = tflite_signature(data)
        # Far more than needed, since some kernels crash where it is short; what is not touched
        # takes no memory.
        arena, heard = max(LEAST_ARENA, 10 * len(data)), [""]
        while True:
            started = clock()
            try:
                with error_stream(heard):
                    made = module.runtime.Interpreter.from_bytes(data, arena_size=arena)
                break
            except RuntimeError as error:
                if not ARENA_TOO_SMALL.search(heard[0]) or arena >= MOST_ARENA:
                    # What is missing, it only prints.
                    raise RuntimeError("; ".join(heard[0].split("\n")) or str(error)) from error
                arena *= 2
        self.load_ns = clock() - started
        with error_stream(heard):
            made.print_allocations()
        used = ARENA_USED.search(heard[0])
        self._arena = int(used.group(1)) if used else None
        self._interpreter = made
        self.invoke, self.reset = made.invoke, made.reset  # type: ignore[method-assign]

    def delegate(self) -> Json:
        return {"name": "none", "arena_bytes": self._arena}

    def write(self, arrays: list[Array]) -> None:
        for place, values in enumerate(arrays):
            self._interpreter.set_input(values, place)

    def read(self) -> list[Array]:
        return [np.array(self._interpreter.get_output(n)) for n in range(len(self.outputs))]
