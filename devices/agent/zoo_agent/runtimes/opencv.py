"""OpenCV's `dnn` module: ONNX and TFLite files, on the processor."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..common import AgentError, Json, clock
from ..running import seeded_inputs
from .base import PROFILE_RUNS, LoadRequest, Model, Options, fixed_inputs, middle
from .flatbuffer import tflite_signature
from .protobuf import onnx_signature

if TYPE_CHECKING:
    from ..arrays import Array

MODULE = "cv2"
ENGINES = {"new": "ENGINE_NEW", "classic": "ENGINE_CLASSIC"}
#: OpenCV's graph engines in the order in which they are tried. `ENGINE_AUTO` takes the new one, and
#: no other once that has read a file which it then cannot run; integers of ONNX files run in the
#: classic one alone, halves in the new one alone. Of TFLite files, the new one ends the process on
#: some (5.0.0: on a single dense layer).
ONNX_ENGINES, TFLITE_ENGINES = ("new", "classic"), ("classic", "new")
#: What OpenCV says before and after the words that help.
_SOURCE = re.compile(r"OpenCV\([^)]*\) \S+:\d+: error: \([^)]*\) ")
_FUNCTION = re.compile(r" ?in function '[^']*' ?")


def open_model(module: Any, request: LoadRequest, options: Options) -> Model:
    """Opens an ONNX or TFLite file; the options change nothing."""
    if not all(hasattr(module.dnn, name) for name in ENGINES.values()):
        reason = f"OpenCV {module.__version__} is too old: 5.0 has both of its graph engines"
        raise AgentError("MissingRuntime", reason)
    return _OpenCvModel(module, request)


class _OpenCvModel(Model):
    """A file in the first of OpenCV's engines that reads and runs it.

    TFLite files have their channels last. OpenCV turns their pictures, so that channels come first:
    its inputs and outputs of four sides are turned here, inside `write` and `read`.
    """

    api = "cv2.dnn.Net.forward"

    def __init__(self, module: Any, request: LoadRequest) -> None:
        self._cv, self._path = module, request.path
        module.utils.logging.setLogLevel(module.utils.logging.LOG_LEVEL_SILENT)
        module.setNumThreads(request.threads)
        data = Path(request.path).read_bytes()
        self._turned = request.path.endswith(".tflite")
        signature = tflite_signature if self._turned else onnx_signature
        self.inputs, self.outputs = signature(data)
        for tensor in (*self.inputs, *self.outputs):
            if tensor["shape"] is None:
                reason = f"the file leaves out the shape of {tensor['name']!r}, which OpenCV needs"
                raise AgentError("CannotLoad", reason)
        if request.shapes is not None:
            self.inputs = fixed_inputs(self.inputs, request.shapes)
        self.asked = request.batch
        self._engine = self._first_that_runs()
        started = clock()
        self._net = self._read(self._engine)
        self.load_ns = clock() - started
        self._names = self._output_names()
        self._found: list[Array] = []

    def _read(self, engine: str) -> Any:
        dnn = self._cv.dnn
        read = dnn.readNetFromTFLite if self._turned else dnn.readNetFromONNX
        net = read(self._path, getattr(dnn, ENGINES[engine]))
        if net.empty():
            raise ValueError("it reads no layers")
        return net

    def _first_that_runs(self) -> str:
        """The engine. What it lacks it may tell only when the file runs, so that this runs it.

        Of some files with integers, OpenCV 5.0's new engine makes zeros without a word.
        """
        said, zeros = [], ""
        for engine in TFLITE_ENGINES if self._turned else ONNX_ENGINES:
            try:
                self._net = self._read(engine)
                self._names = self._output_names()
                if any(None in tensor["shape"][1:] for tensor in self.inputs):
                    return engine
                self.write(seeded_inputs(self, 0, 0.0, 1.0))
                self.invoke()
                if any(values.any() for values in self.read()):
                    return engine
                zeros = zeros or engine
            except (ValueError, self._cv.error) as error:
                said.append(f"the {engine} engine: {_words(error)}")
        if zeros:
            return zeros
        reason = f"opencv cannot run {Path(self._path).name}: {'; '.join(said)}"
        if self._turned:
            reason += "; it has more operators for ONNX files, also for those of whole numbers"
        raise AgentError("CannotLoad", reason)

    def _output_names(self) -> list[str]:
        """OpenCV's names of the outputs, in the file's order."""
        found = list(self._net.getUnconnectedOutLayersNames())
        names = [tensor["name"] for tensor in self.outputs]
        if sorted(found) == sorted(names):
            return names
        if len(found) == len(names) == 1:
            return found
        raise ValueError(f"it calls the outputs {found}, the file calls them {names}")

    def resize(self, shapes: list[list[int]]) -> None:
        self.inputs = fixed_inputs(self.inputs, shapes)

    def delegate(self) -> Json:
        return {"name": f"OpenCV CPU, {self._engine} engine"}

    def profile(self, seconds: float) -> Json:
        dnn = self._cv.dnn
        again = self._read(self._engine)
        kept, self._net = self._net, again
        times: list[Any] = []
        try:
            # The new engine times its layers on request alone.
            again.setProfilingMode(dnn.DNN_PROFILE_DETAILED)
            self.write(seeded_inputs(self, 0, 0.0, 1.0))
            limit = clock() + int(seconds * 1e9)
            while len(times) < 2 or (len(times) < PROFILE_RUNS and clock() < limit):
                self.invoke()
                times.append(again.getPerfProfile()[1].ravel())
        finally:
            self._net = kept
        names = list(again.getLayerNames())
        if len(times[0]) != len(names):
            raise AgentError("NoProfile", "OpenCV times other layers than it names")
        tick = 1e9 / self._cv.getTickFrequency()
        where = self.delegate()["name"]
        rows = [
            {
                "name": name,
                "operator": again.getLayer(name).type,
                "executor": where,
                "ns": middle([float(run[n]) * tick for run in times[1:]]),
            }
            for n, name in enumerate(names)
        ]
        return {"method": "OpenCV's own counters, middle half of runs", "operators": rows}

    def write(self, arrays: list[Array]) -> None:
        for tensor, values in zip(self.inputs, arrays):  # noqa: B905 - Python 3.9
            given = values.transpose(0, 3, 1, 2) if self._turned and values.ndim == 4 else values
            self._net.setInput(np.ascontiguousarray(given), tensor["name"])

    def invoke(self) -> None:
        self._found = self._net.forward(self._names)

    def read(self) -> list[Array]:
        pairs = zip(self.outputs, self._found)  # noqa: B905 - Python 3.9
        return [self._as_in_file(tensor, np.array(values)) for tensor, values in pairs]

    def _as_in_file(self, tensor: Json, values: Array) -> Array:
        """An output with the file's layout, shape and element type."""
        shape = tensor["shape"]
        if self._turned and len(shape) == values.ndim == 4:
            turned = values.transpose(0, 2, 3, 1)
            straight, moved = (_fits(shape, one.shape) for one in (values, turned))
            if straight and moved and turned.shape != (*turned.shape[:1], 1, 1, 1):
                raise ValueError(
                    f"nothing tells whether the channels of {tensor['name']!r} come first or last: "
                    f"its sides are alike"
                )
            values = values if straight and not moved else turned
        if not _fits(shape, values.shape):
            raise ValueError(f"{tensor['name']!r} has the shape {values.shape}, not {shape}")
        if values.dtype != tensor["dtype"]:
            exact = values.astype(tensor["dtype"])
            if np.dtype(tensor["dtype"]).kind != "f" and not np.array_equal(exact, values):
                raise ValueError(f"{tensor['name']!r} has no values of {tensor['dtype']}")
            values = exact
        return values


def _fits(shape: list[int | None], found: tuple[int, ...]) -> bool:
    """Whether a shape is the one that a file gives, whose first side may be open."""
    pairs = zip(shape, found)  # noqa: B905 - Python 3.9
    return len(shape) == len(found) and all(side in (None, own) for side, own in pairs)


def _words(error: Exception) -> str:
    """What went wrong, without the places in OpenCV's own source."""
    lines = [line.strip(" >:") for line in str(error).splitlines()]
    text = " ".join(line for line in lines if line)
    return _FUNCTION.sub("", _SOURCE.sub("", text)).strip() or type(error).__name__
