"""LiteRT: CompiledModel, which its own benchmark times, its GPU accelerator, or the interpreter."""

from __future__ import annotations

import importlib
import platform
import re
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..common import AgentError, Json, clock
from ..system import error_stream, read_text
from . import tflite
from .base import LoadRequest, Model, Options
from .flatbuffer import Flatbuffer
from .tflite import tflite_tensor

if TYPE_CHECKING:
    from ..arrays import Array

MODULE = "ai_edge_litert.interpreter"
RUNS_ON_GPU = True
#: What LiteRT's GPU accelerator prints of the adapter that it chose, and of what it cannot take.
ADAPTER = re.compile(r"Selected adapter: (.*?), arch=.*?backend=(\w+), adapterType=(.*)")
ON_NO_GPU = re.compile(r"No operations will run on the GPU")
ON_GPU = re.compile(r"(\d+) operations? will run on the GPU")
UNSUPPORTED = re.compile(r"not supported by GPU delegate:\n((?:.+\n)*?)(?:No|\d+) operations?")


def open_model(module: Any, request: LoadRequest, options: Options) -> Model:
    """Opens a TFLite file."""
    if options.gpu is not None:
        return _GpuModel(module, request, options)
    if request.timing and request.batch is None and request.shapes is None:
        try:
            require_atomics()
            return _CompiledModel(module, request, options)
        except (RuntimeError, ValueError) as error:
            # It takes no variable tensors, for one; the answer's `api` says what is timed.
            print(f"CompiledModel cannot load {request.path}: {error}", file=sys.stderr)
    return tflite.open_model(module, request, options)


def require_atomics() -> None:
    """Refuses LiteRT's CompiledModel on Arm processors before ARMv8.1.

    It loads an accelerator's library that was built for the atomic instructions of ARMv8.1 and
    ends the process where they are missing, as on Raspberry Pi 3 and 4. Found in LiteRT 2.3.0.

    Raises:
        RuntimeError: They are missing.
    """
    features = re.search(r"^Features\s*:(.*)$", read_text("/proc/cpuinfo"), re.MULTILINE)
    if platform.machine() == "aarch64" and features and "atomics" not in features[1].split():
        raise RuntimeError("a library that it loads needs instructions that this processor lacks")


def compiled_interface() -> Any:
    """The module of LiteRT's CompiledModel.

    Raises:
        RuntimeError: It is one before LiteRT 2.2, of which 2.1 is the last for Python 3.9: the
            number of threads cannot be set there.
    """
    try:
        compiled = importlib.import_module("ai_edge_litert.compiled_model")
    except ImportError as error:
        raise RuntimeError(f"this LiteRT has no CompiledModel: {error}") from error
    if not hasattr(compiled, "CpuOptions"):
        raise RuntimeError("this LiteRT's CompiledModel takes no number of threads")
    return compiled


class _CompiledModel(Model):
    """A TFLite file in LiteRT's CompiledModel, the interface that `litert-benchmark` times.

    A call costs 1 to 2 µs more than one of the classic interpreter, which shows in networks that
    take less than 50 µs.
    """

    api = "CompiledModel.run_by_name"

    def __init__(self, module: Any, request: LoadRequest, options: Options) -> None:
        self._plain = partial(tflite.open_model, module, request, options)
        self._xnnpack = options.xnnpack
        self._open(module, request.path, request.threads, "CPU")
        self.invoke = partial(self._model.run_by_name, self._key, self._into, self._out_of)

    def _open(self, module: Any, path: str, threads: int, accelerators: str) -> None:
        """Compiles the file for `CPU`, `GPU`, or `GPU CPU`, where the processor takes the rest."""
        compiled = compiled_interface()
        # The quantization, which CompiledModel does not tell; nothing is allocated for it.
        plain = module.Interpreter(
            model_path=path,
            experimental_op_resolver_type=module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        self.inputs = [tflite_tensor(detail) for detail in plain.get_input_details()]
        self.outputs = [tflite_tensor(detail) for detail in plain.get_output_details()]
        kernels = None if self._xnnpack else compiled.CpuKernelMode.BUILTIN
        hardware = compiled.HardwareAccelerator(0)
        for name in accelerators.split():
            hardware |= compiled.HardwareAccelerator[name]
        environment = compiled.Environment.create(options=compiled.EnvironmentOptions())
        started = clock()
        self._model = compiled.CompiledModel.from_file(
            path,
            environment=environment,
            options=compiled.Options(
                hardware_accelerators=hardware,
                cpu_options=compiled.CpuOptions(num_threads=threads, kernel_mode=kernels),
            ),
        )
        self.load_ns = clock() - started
        self._key = key = next(iter(self._model.get_signature_list()))
        takes = self._model.get_input_tensor_details(key)
        gives = self._model.get_output_tensor_details(key)
        # Buffers go by signature name, everything else by the order of the file's tensors.
        self._into = {n: self._model.create_input_buffer_by_name(key, n) for n in takes}
        self._out_of = {n: self._model.create_output_buffer_by_name(key, n) for n in gives}
        self._takes = {d["name"]: self._into[n] for n, d in takes.items()}
        self._gives = {d["name"]: self._out_of[n] for n, d in gives.items()}
        if set(self._takes) != {tensor["name"] for tensor in self.inputs}:
            raise ValueError("the signature's inputs are not the graph's inputs")

    def delegate(self) -> Json:
        # How many partitions there are, only the interpreter tells: `locate` asks it.
        full = bool(self._model.is_fully_accelerated())
        return {"name": "XNNPACK" if self._xnnpack else "none", "full": full, "partitions": None}

    def locate(self) -> Json:
        return self._plain().delegate()

    def profile(self, seconds: float) -> Json:
        return self._plain().profile(seconds)

    def write(self, arrays: list[Array]) -> None:
        for place, values in enumerate(arrays):
            # As bytes: the buffers refuse some types by name, int64 and int16 among them.
            flat = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
            self._takes[self.inputs[place]["name"]].write(flat)

    def read(self) -> list[Array]:
        found = []
        for tensor in self.outputs:
            dtype = np.dtype(tensor["dtype"])
            size = int(np.prod(tensor["shape"])) * dtype.itemsize
            flat = self._gives[tensor["name"]].read(size, np.uint8)
            found.append(flat.view(dtype).reshape(tensor["shape"]))
        return found


class _GpuModel(_CompiledModel):
    """A TFLite file on LiteRT's GPU accelerator; the results are read back inside `invoke`.

    A call returns once the work is handed to the GPU, so the time of the call alone means nothing.
    """

    api = "CompiledModel.run_by_name, results read back"

    def __init__(self, module: Any, request: LoadRequest, options: Options) -> None:
        path, threads = request.path, request.threads
        self._xnnpack, heard = options.xnnpack, [""]
        operators = len(Flatbuffer(Path(path).read_bytes()).operators())
        try:
            with error_stream(heard):
                try:
                    self._open(module, path, threads, "GPU")
                except RuntimeError as error:
                    if "not accelerated" not in str(error):
                        raise
                    # The processor takes what the GPU cannot; what that is, it prints.
                    self._open(module, path, threads, "GPU CPU")
        except RuntimeError as error:
            if "No adapters found" in heard[0]:
                raise AgentError("NotOnGpu", "LiteRT finds no GPU: no adapters found") from error
            raise
        finally:
            sys.stderr.write(heard[0] + "\n")
        self._where = gpu_placement(heard[0], operators)
        if self._where["software"] and not options.software:
            raise AgentError(
                "NotOnGpu", f"{self._where['adapter']} is the processor, which imitates a GPU"
            )
        if not self._where["delegated"]:
            raise AgentError(
                "NotOnGpu",
                f"none of the {operators} operators would run on the GPU: "
                + "; ".join(self._where["unsupported"]),
            )

        self._later = partial(_GpuModel, module, request, options)

    def delegate(self) -> Json:
        return self._where

    def locate(self) -> Json:
        # The first load of a process starts the driver; what a later one takes is compiling.
        return {**self._where, "later_load_ns": self._later().load_ns}

    def profile(self, seconds: float) -> Json:
        return Model.profile(self, seconds)

    def invoke(self) -> None:
        self._model.run_by_name(self._key, self._into, self._out_of)
        self._results = super().read()

    def read(self) -> list[Array]:
        return self._results


def gpu_placement(heard: str, operators: int) -> Json:
    """Which operators LiteRT put on which GPU, from what it printed while it compiled a file."""
    chosen = ADAPTER.search(heard)
    adapter, backend, kind = chosen.groups() if chosen else ("", "", "")
    missed = UNSUPPORTED.search(heard)
    counted = ON_GPU.search(heard)
    taken = 0 if ON_NO_GPU.search(heard) else int(counted.group(1)) if counted else operators
    software = bool(re.search(r"software|\bCPU\b", kind, re.IGNORECASE))
    name = f"{adapter or 'GPU'}{f' ({backend})' if backend else ''}"
    return {
        "name": f"{name}{', software' if software else ''}",
        "adapter": adapter or None,
        "software": software,
        "operators": operators,
        "partitions": None if taken < operators else 1,
        "delegated": taken,
        "precision": "f16",  # to which it may round
        "unsupported": [line.strip() for line in (missed.group(1).splitlines() if missed else [])],
    }
