"""Runs files of dense layers in the agent."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from zoo_agent.runtimes.base import LoadRequest, Model, Options

MODULE = "numpy"


def open_model(module: Any, request: LoadRequest, options: Options) -> Model:
    """Loads a file."""
    return DenseModel(module, request.path)


class DenseModel(Model):
    """The layers of one file."""

    api = "numpy.matmul"

    def __init__(self, numpy: Any, path: str) -> None:
        started = time.perf_counter_ns()
        self._numpy = numpy
        document = json.loads(Path(path).read_bytes().partition(b"\n")[2])
        self._given, made = document["input"], document["output"]
        self._layers = [
            (
                numpy.asarray(layer["weights"], numpy.float32),
                numpy.asarray(layer["bias"], numpy.float32),
                layer["relu"],
            )
            for layer in document["layers"]
        ]
        self.load_ns = time.perf_counter_ns() - started
        plain = {"dtype": "float32", "scale": None, "zero_point": None}
        self.inputs = [{"name": self._given["name"], "shape": [1, *self._given["shape"]], **plain}]
        self.outputs = [{"name": made["name"], "shape": [1, made["classes"]], **plain}]
        self._softmax = made.get("softmax", True)

    def delegate(self) -> dict[str, Any]:
        """Nothing but numpy."""
        return {"name": "none"}

    def write(self, arrays: list[Any]) -> None:
        """Sets the input."""
        self._input = arrays[0].reshape(len(arrays[0]), -1)

    def invoke(self) -> None:
        """Runs the layers."""
        np = self._numpy
        found = self._input * np.float32(self._given["scale"]) + np.float32(self._given["offset"])
        for weights, bias, relu in self._layers:
            found = found @ weights + bias
            found = np.maximum(found, 0) if relu else found
        if self._softmax:
            powers = np.exp(found - found.max(axis=1, keepdims=True))
            found = powers / powers.sum(axis=1, keepdims=True)
        self._output = found

    def read(self) -> list[Any]:
        """The output."""
        return [self._output.copy()]
