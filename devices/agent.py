# /// script
# requires-python = ">=3.9"
# dependencies = ["numpy>=1.21"]
# ///
"""The agent: the one program that runs and measures files, the same on every device.

It needs this file, numpy and one runtime (`litert`, `tflite-runtime`, `tflite-micro`, `openvino`
or `onnxruntime`). Requests come on stdin and answers go to stdout, one JSON object per line::

    {"protocol": 1, "id": 7, "command": "load", "path": "net.tflite", "threads": 1}
    {"protocol": 1, "id": 7, "ok": true, "inputs": [...], ...}
    {"protocol": 1, "id": 8, "ok": false, "error": {"type": "NotLoaded", "message": "..."}}

Commands: `describe`, `load`, `run`, `bench`, `close`. An error is an answer: only `close` and the
end of stdin end the agent.
"""

from __future__ import annotations

import argparse
import base64
import gc
import hashlib
import importlib
import importlib.metadata
import json
import os
import platform
import re
import resource
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import zlib
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

PROTOCOL = 1
VERSION = "1.0"

try:
    import numpy as np
except ImportError as error:
    # Without numpy nothing works: say so in the protocol's words, where the other side reads.
    _missing = {"type": "MissingRuntime", "message": f"numpy cannot be imported: {error}"}
    print(json.dumps({"protocol": PROTOCOL, "id": None, "ok": False, "error": _missing}))
    raise SystemExit(3) from error

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

#: A JSON object.
Json = dict[str, Any]

RUNTIMES = {
    "litert": ("ai_edge_litert.interpreter", "ai-edge-litert"),
    "tflite-runtime": ("tflite_runtime.interpreter", "tflite-runtime"),
    "onnxruntime": ("onnxruntime", "onnxruntime"),
    "openvino": ("openvino", "openvino"),
    "tflite-micro": ("tflite_micro", "tflite-micro"),
}
#: Instruction sets that decide which kernels a runtime picks.
FLAGS = re.compile(
    r"avx|avx2|fma|f16c|avx_vnni|avx512(f|_vnni|_bf16)|amx_.*|neon|asimd.*|i8mm|sve.*"
)
ORT_TYPES = {"float": "float32", "double": "float64"}
#: numpy's names of TFLite's element types, by their numbers there.
TFLITE_TYPES = {0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool"}
TFLITE_TYPES.update({7: "int16", 9: "int8", 10: "float64", 15: "uint32", 16: "uint16"})
#: Bytes of memory that tflite-micro is given for a file: it cannot say beforehand what it needs.
LEAST_ARENA, MOST_ARENA = 1 << 24, 1 << 30
ARENA_USED = re.compile(r"Arena allocation total (\d+) bytes")
ARENA_TOO_SMALL = re.compile(r"[Ff]ailed to (resize|allocate)|too small|missing \d+")
SPIN_ITERATIONS = 20_000
SPIN_REPEATS = 15

clock = time.perf_counter_ns


class AgentError(Exception):
    """A failure with a name that the other side knows."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


# ------------------------------------------------------------------ the machine


def read_text(path: str) -> str:
    """A small system file; empty where it does not exist or may not be read."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except OSError:
        return ""


def system_value(*command: str) -> str:
    """What a system program prints; empty where it does not exist."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def cpu() -> tuple[str, list[str], float | None]:
    """Model name, interesting flags, current frequency in MHz."""
    fields: dict[str, str] = {}
    for line in read_text("/proc/cpuinfo").splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    model = fields.get("model name") or read_text("/proc/device-tree/model")
    if not model and "CPU part" in fields:
        model = f"implementer {fields.get('CPU implementer')} part {fields['CPU part']}"
    if not model and sys.platform == "darwin":
        model = system_value("sysctl", "-n", "machdep.cpu.brand_string")
    words = (fields.get("flags") or fields.get("Features") or "").split()
    flags = sorted(filter(FLAGS.fullmatch, words))
    khz = read_text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq")
    mhz = float(khz) / 1000 if khz else float(fields.get("cpu MHz") or 0) or None
    return model or platform.processor() or "unknown", flags, mhz


def fingerprint() -> str:
    """Identifies the machine without giving its id away."""
    identity = read_text("/etc/machine-id") or read_text("/var/lib/dbus/machine-id")
    if not identity and sys.platform == "darwin":
        identity = system_value("sysctl", "-n", "kern.uuid")
    words = (identity or platform.node(), cpu()[0], platform.machine(), str(os.cpu_count()))
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


def runtime_version(runtime: str) -> str | None:
    """Installed version of a runtime's distribution, without importing it."""
    try:
        return importlib.metadata.version(RUNTIMES[runtime][1])
    except importlib.metadata.PackageNotFoundError:
        return None


def describe(runtime: str) -> Json:
    """The machine and the software, as far as they move latencies."""
    model, flags, mhz = cpu()
    cores = os.cpu_count() or 1
    pinned = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    return {
        "agent": {
            "version": VERSION,
            "sha256": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
        },
        "fingerprint": fingerprint(),
        "cpu": model,
        "flags": flags,
        "cores": cores,
        "affinity": pinned,
        "mhz": mhz,
        "governor": read_text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or None,
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "machine": platform.machine(),
        "os": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "runtime": runtime,
        "runtime_version": runtime_version(runtime),
        "runtimes": {name: v for name in RUNTIMES for v in [runtime_version(name)] if v},
    }


# ------------------------------------------------------------------ arrays


def decode(packed: Json) -> Array:
    """An array out of a request."""
    try:
        dtype = np.dtype(packed["dtype"])
        flat = np.frombuffer(base64.b64decode(packed["data"]), dtype.newbyteorder("<"))
        return flat.reshape(packed["shape"]).astype(dtype, copy=False)
    except (KeyError, TypeError, ValueError) as error:
        raise AgentError("BadRequest", f"not an array: {type(error).__name__}: {error}") from error


def encode(values: Array) -> Json:
    """An array for an answer."""
    raw = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"), copy=False)).tobytes()
    data = base64.b64encode(raw).decode("ascii")
    return {"dtype": values.dtype.name, "shape": list(values.shape), "data": data}


def limits(dtype: Any) -> tuple[int, int]:
    """Least and greatest number of an integer type."""
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


def quantize(values: Array, tensor: Json) -> Array:
    """Real numbers (raw pixels, say) in the numbers that the file's input takes."""
    dtype = np.dtype(tensor["dtype"])
    if dtype.kind == "f" or tensor["scale"] is None:
        return values.astype(dtype)
    steps = np.rint(values.astype(np.float32) / np.float32(tensor["scale"])) + tensor["zero_point"]
    if np.isnan(steps).any():
        raise AgentError("BadInput", f"input {tensor['name']} holds NaN, which has no integer")
    low, high = limits(dtype)
    quantized: Array = np.clip(steps, low, high).astype(dtype)
    return quantized


def dequantize(values: Array, tensor: Json) -> Array:
    """The file's output in real numbers; outputs without a scale stay as they are."""
    if values.dtype.kind == "f" or tensor["scale"] is None:
        return values
    centred = values.astype(np.float32) - np.float32(tensor["zero_point"])
    return centred * np.float32(tensor["scale"])


# ------------------------------------------------------------------ runtimes


class Model:
    """One file in one runtime; subclasses set the fields and replace the methods."""

    api: str
    inputs: list[Json]
    outputs: list[Json]
    load_ns: int
    invoke: Callable[[], object]

    def delegate(self) -> Json:
        """What really executes the operations."""
        raise NotImplementedError

    @property
    def batch(self) -> int:
        """Examples per invocation; a free batch counts as 1."""
        shape = self.inputs[0]["shape"]
        return int(shape[0] or 1) if shape else 1

    def reset(self) -> None:
        """Forgets the state that fused recurrent kernels keep between invocations."""

    def write(self, arrays: list[Array]) -> None:
        """Sets the inputs."""
        raise NotImplementedError

    def read(self) -> list[Array]:
        """Copies of the outputs."""
        raise NotImplementedError


def tflite_tensor(detail: Json) -> Json:
    """What a request needs to know about a tensor; scale is None unless it is one per tensor."""
    quantization = detail["quantization_parameters"]
    dtype = np.dtype(detail["dtype"])
    scales = quantization["scales"]
    one = len(scales) == 1 and scales[0] > 0 and dtype.kind in "iu"
    return {
        "name": str(detail["name"]),
        "shape": [int(side) for side in detail["shape"]],
        "dtype": dtype.name,
        "scale": float(scales[0]) if one else None,
        "zero_point": int(quantization["zero_points"][0]) if one else None,
    }


def placement(interpreter: Any, name: str) -> Json:
    """How many partitions a delegate took, and which operations stayed outside."""
    unknown = {"name": name, "partitions": None, "delegated": None, "remaining": None}
    try:
        nodes = interpreter._get_ops_details()
    except (AttributeError, ValueError):
        return unknown
    partitions = [node for node in nodes if node["op_name"] == "DELEGATE"]
    plain = [node for node in nodes if node["op_name"] != "DELEGATE"]
    maker = {int(t): place for place, node in enumerate(plain) for t in node["outputs"]}
    taken = set()
    for partition in partitions:
        # Replaced nodes stay in the list: they are those between a partition's ends.
        border = {int(t) for t in partition["inputs"]}
        wanted = [int(t) for t in partition["outputs"]]
        while wanted:
            place = maker.get(wanted.pop())
            if place is not None and place not in taken:
                taken.add(place)
                wanted += [int(t) for t in plain[place]["inputs"] if int(t) not in border]
    return {
        "name": name if partitions else "none",
        "partitions": len(partitions),
        "delegated": len(taken),
        "remaining": [n["op_name"] for place, n in enumerate(plain) if place not in taken],
    }


class _InterpreterModel(Model):
    """A TFLite file in the classic interpreter, which both TFLite runtimes have."""

    api = "Interpreter.invoke"

    def __init__(self, module: Any, path: str, threads: int, xnnpack: bool) -> None:
        resolvers = module.OpResolverType
        started = clock()
        self._interpreter = module.Interpreter(
            model_path=path,
            num_threads=threads,
            experimental_op_resolver_type=resolvers.AUTO
            if xnnpack
            else resolvers.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        self._interpreter.allocate_tensors()
        self.load_ns = clock() - started
        details = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        self.inputs, self.outputs = ([tflite_tensor(d) for d in side] for side in details)
        self._places = [[d["index"] for d in side] for side in details]
        self.invoke = self._interpreter.invoke

    def delegate(self) -> Json:
        return placement(self._interpreter, "XNNPACK")

    def reset(self) -> None:
        self._interpreter.reset_all_variables()

    def write(self, arrays: list[Array]) -> None:
        for place, values in enumerate(arrays):
            self._interpreter.set_tensor(self._places[0][place], values)

    def read(self) -> list[Array]:
        return [self._interpreter.get_tensor(index) for index in self._places[1]]


class _CompiledModel(Model):
    """A TFLite file in LiteRT's CompiledModel, the interface that `litert-benchmark` times.

    A call costs 1 to 2 µs more than one of the classic interpreter, which shows in networks that
    take less than 50 µs.
    """

    api = "CompiledModel.run_by_name"

    def __init__(self, module: Any, path: str, threads: int, xnnpack: bool) -> None:
        compiled = importlib.import_module("ai_edge_litert.compiled_model")
        # The quantization, which CompiledModel does not tell; nothing is allocated for it.
        plain = module.Interpreter(
            model_path=path,
            experimental_op_resolver_type=module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        self.inputs = [tflite_tensor(detail) for detail in plain.get_input_details()]
        self.outputs = [tflite_tensor(detail) for detail in plain.get_output_details()]
        kernels = None if xnnpack else compiled.CpuKernelMode.BUILTIN
        environment = compiled.Environment.create(options=compiled.EnvironmentOptions())
        started = clock()
        self._model = compiled.CompiledModel.from_file(
            path,
            environment=environment,
            options=compiled.Options(
                hardware_accelerators=compiled.HardwareAccelerator.CPU,
                cpu_options=compiled.CpuOptions(num_threads=threads, kernel_mode=kernels),
            ),
        )
        self.load_ns = clock() - started
        key = next(iter(self._model.get_signature_list()))
        takes = self._model.get_input_tensor_details(key)
        gives = self._model.get_output_tensor_details(key)
        # Buffers go by signature name, everything else by the order of the file's tensors.
        into = {n: self._model.create_input_buffer_by_name(key, n) for n in takes}
        out_of = {n: self._model.create_output_buffer_by_name(key, n) for n in gives}
        self._takes = {d["name"]: into[n] for n, d in takes.items()}
        self._gives = {d["name"]: out_of[n] for n, d in gives.items()}
        if set(self._takes) != {tensor["name"] for tensor in self.inputs}:
            raise ValueError("the signature's inputs are not the graph's inputs")
        self._xnnpack = xnnpack
        self.invoke = partial(self._model.run_by_name, key, into, out_of)

    def delegate(self) -> Json:
        # How many partitions there are, only the interpreter tells: load with purpose "outputs".
        full = bool(self._model.is_fully_accelerated())
        return {"name": "XNNPACK" if self._xnnpack else "none", "full": full, "partitions": None}

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


class _OnnxModel(Model):
    """An ONNX file in ONNX Runtime: one session, sequential, threads as asked."""

    api = "InferenceSession.run"

    def __init__(
        self, module: Any, path: str, threads: int, providers: list[str], fast: bool
    ) -> None:
        absent = sorted(set(providers) - set(module.get_available_providers()))
        if absent:
            # ONNX Runtime would fall back to the CPU and only warn.
            raise AgentError("CannotLoad", f"execution providers not here: {', '.join(absent)}")
        options = module.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = module.ExecutionMode.ORT_SEQUENTIAL
        if not fast:  # Fused operators and integer products are what optimization makes.
            options.graph_optimization_level = module.GraphOptimizationLevel.ORT_DISABLE_ALL
        started = clock()
        self._session = module.InferenceSession(path, options, providers=providers)
        self.load_ns = clock() - started
        self.inputs = [self._tensor(value) for value in self._session.get_inputs()]
        self.outputs = [self._tensor(value) for value in self._session.get_outputs()]
        self._feed: dict[str, Array] = {}
        self._results: list[Array] = []

    def delegate(self) -> Json:
        used = list(self._session.get_providers())
        return {"name": used[0], "providers": used}

    @staticmethod
    def _tensor(value: Any) -> Json:
        inside = value.type.partition("(")[2].rstrip(")")
        return {
            "name": value.name,
            "shape": [side if isinstance(side, int) else None for side in value.shape],
            "dtype": ORT_TYPES.get(inside, inside),
            "scale": None,
            "zero_point": None,
        }

    def invoke(self) -> None:
        self._results = self._session.run(None, self._feed)

    def write(self, arrays: list[Array]) -> None:
        self._feed = {self.inputs[place]["name"]: values for place, values in enumerate(arrays)}

    def read(self) -> list[Array]:
        return list(self._results)


class _OpenVinoModel(Model):
    """A TFLite or ONNX file in OpenVINO, on the processor."""

    api = "InferRequest.infer"

    def __init__(self, module: Any, path: str, threads: int) -> None:
        asked = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
        started = clock()
        compiled = module.Core().compile_model(path, "CPU", asked)
        self.load_ns = clock() - started
        self._module, self._compiled = module, compiled
        self._request = compiled.create_infer_request()
        if path.endswith(".tflite"):  # OpenVINO does not tell the scales of a file's integers
            self.inputs, self.outputs = tflite_signature(Path(path).read_bytes())
        else:
            self.inputs = [self._tensor(port) for port in compiled.inputs]
            self.outputs = [self._tensor(port) for port in compiled.outputs]
        ports = ((compiled.inputs, self.inputs), (compiled.outputs, self.outputs))
        self._ports = [[self._port(side, tensor["name"]) for tensor in own] for side, own in ports]
        self._stateful = bool(self._request.query_state())
        self.invoke = partial(self._request.infer, share_outputs=True)

    @staticmethod
    def _tensor(port: Any) -> Json:
        shape = [side.get_length() if side.is_static else None for side in port.partial_shape]
        name = "bfloat16" if str(port.element_type) == "bf16" else port.element_type.to_dtype().name
        unscaled = {"scale": None, "zero_point": None}
        return {"name": port.get_any_name(), "shape": shape, "dtype": name, **unscaled}

    @staticmethod
    def _port(ports: list[Any], name: str) -> Any:
        for port in ports:
            if name in port.get_names():
                return port
        raise ValueError(f"the compiled network has no tensor {name}")

    def delegate(self) -> Json:
        hint = self._compiled.get_property("INFERENCE_PRECISION_HINT")
        return {"name": "OpenVINO CPU", "precision": hint.to_string()}

    def reset(self) -> None:
        if self._stateful:
            self._request.reset_state()

    def write(self, arrays: list[Array]) -> None:
        for port, values in zip(self._ports[0], arrays):  # noqa: B905 - Python 3.9
            self._request.set_tensor(port, self._module.Tensor(np.ascontiguousarray(values)))

    def read(self) -> list[Array]:
        return [np.array(self._request.get_tensor(port).data) for port in self._ports[1]]


class _MicroModel(Model):
    """A TFLite file in the interpreter of microcontrollers, compiled for this machine."""

    api = "tflite-micro Interpreter.invoke"

    def __init__(self, module: Any, path: str, threads: int) -> None:
        if threads != 1:
            raise AgentError("CannotLoad", f"tflite-micro has one thread, not {threads}")
        data = Path(path).read_bytes()
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


@contextmanager
def error_stream(heard: list[str]) -> Iterator[None]:
    """Puts into `heard` what native code prints on file descriptor 2 meanwhile."""
    before = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(before, 2)
            os.close(before)
            file.seek(0)
            heard[0] = file.read().decode("utf-8", "replace").strip()


def tflite_signature(data: bytes) -> tuple[list[Json], list[Json]]:
    """Inputs and outputs of a TFLite file, read from its first graph by the published schema."""

    def number(kind: str, place: int) -> Any:
        return struct.unpack_from("<" + kind, data, place)[0]

    def field(table: int, which: int) -> int:
        """Where a table's field is; 0 when it is left out."""
        layout = table - number("i", table)
        known = 4 + 2 * which < number("H", layout)
        offset = number("H", layout + 4 + 2 * which) if known else 0
        return table + offset if offset else 0

    def follow(place: int) -> int:
        return place + int(number("I", place))

    def vector(table: int, which: int, kind: str) -> list[Any]:
        if not field(table, which):
            return []
        start = follow(field(table, which))
        return list(struct.unpack_from(f"<{number('I', start)}{kind}", data, start + 4))

    def member(table: int, which: int, index: int) -> int:
        return follow(follow(field(table, which)) + 4 + 4 * index)

    def tensor(index: int) -> Json:
        found = member(graph, 0, index)
        kind, parameters = field(found, 1), field(found, 4)
        name = TFLITE_TYPES[number("b", kind) if kind else 0]
        scales = vector(follow(parameters), 2, "f") if parameters else []
        points = vector(follow(parameters), 3, "q") if parameters else []
        one = len(scales) == 1 and scales[0] > 0 and np.dtype(name).kind in "iu"
        return {
            "name": bytes(vector(found, 3, "B")).decode("utf-8", "replace"),
            "shape": vector(found, 0, "i"),
            "dtype": name,
            "scale": scales[0] if one else None,
            "zero_point": (points or [0])[0] if one else None,
        }

    graph = member(follow(0), 2, 0)
    inputs, outputs = (vector(graph, side, "i") for side in (1, 2))
    return [tensor(i) for i in inputs], [tensor(i) for i in outputs]


def import_runtime(runtime: str) -> Any:
    """The runtime's module; its absence has a name of its own."""
    try:
        return importlib.import_module(RUNTIMES[runtime][0])
    except ImportError as error:
        raise AgentError("MissingRuntime", f"{runtime} cannot be imported: {error}") from error


def open_model(runtime: str, module: Any, request: Json) -> Model:
    """Loads a file into a runtime."""
    path, threads = str(request["path"]), int(request.get("threads", 1))
    xnnpack = bool(request.get("xnnpack", True))
    if threads < 1:
        raise AgentError("BadRequest", f"{threads} threads: give at least 1")
    if not Path(path).is_file():
        raise AgentError("CannotLoad", f"no such file on the device: {path}")
    try:
        if runtime == "onnxruntime":
            providers = [str(p) for p in request.get("providers") or ["CPUExecutionProvider"]]
            return _OnnxModel(module, path, threads, providers, xnnpack)
        if runtime == "openvino":
            return _OpenVinoModel(module, path, threads)
        if runtime == "tflite-micro":
            return _MicroModel(module, path, threads)
        if runtime == "litert" and request.get("purpose") == "timing":
            try:
                return _CompiledModel(module, path, threads, xnnpack)
            except (RuntimeError, ValueError) as error:
                # It takes no variable tensors, for one; the answer's `api` says what is timed.
                print(f"CompiledModel cannot load {path}: {error}", file=sys.stderr)
        return _InterpreterModel(module, path, threads, xnnpack)
    except AgentError:
        raise
    except Exception as error:  # Each runtime has exceptions of its own.
        lines = (line.strip() for line in str(error).splitlines())
        # OpenVINO begins with the places in its own source.
        said = " ".join(s for s in lines if s and not s.startswith(("Exception from", "Check '")))
        reason = f"{runtime} cannot load {Path(path).name}: {type(error).__name__}: {said}"
        raise AgentError("CannotLoad", reason) from error


# ------------------------------------------------------------------ running


def prepare(model: Model, arrays: list[Array]) -> list[Array]:
    """Raw examples as the file's inputs, or the reason why they do not fit."""
    if len(arrays) != len(model.inputs):
        raise AgentError("BadInput", f"{len(arrays)} arrays for {len(model.inputs)} inputs")
    for place, values in enumerate(arrays):
        sides = model.inputs[place]["shape"][1:]
        fits = values.ndim == len(sides) + 1 and len(values) == len(arrays[0]) > 0
        if not fits or any(s not in (None, values.shape[i + 1]) for i, s in enumerate(sides)):
            expected = "x".join("?" if side is None else str(side) for side in ["N", *sides])
            given = "x".join(map(str, values.shape)) or "a single number"
            name = model.inputs[place]["name"]
            raise AgentError("BadInput", f"input {name} takes {expected}, but {given} came")
    return [quantize(values, model.inputs[place]) for place, values in enumerate(arrays)]


def fill(model: Model, arrays: list[Array], start: int) -> int:
    """Writes the examples from `start` on, one static batch; how many of them are real."""
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
            if values.ndim == 0 or len(values) != model.batch:
                if model.batch != 1:
                    raise AgentError("BadInput", "an output has another batch than the input")
                values = values[np.newaxis]
            found[place].append(values[:real])
    return [
        dequantize(np.concatenate(parts), model.outputs[place]) for place, parts in enumerate(found)
    ]


# ------------------------------------------------------------------ measuring


def seeded_inputs(model: Model, seed: int, low: float, high: float) -> list[Array]:
    """One batch: the whole range of quantized inputs, `low` to `high` for real ones."""
    random = np.random.default_rng(seed)
    made = []
    for tensor in model.inputs:
        shape = [1 if place == 0 and not s else s for place, s in enumerate(tensor["shape"])]
        if None in shape:
            raise AgentError("BadInput", f"input {tensor['name']} has a free size: send inputs")
        dtype = np.dtype(tensor["dtype"])
        if tensor["scale"] is not None:
            least, most = limits(dtype)
            made.append(random.integers(least, most, shape, np.int64, True).astype(dtype))
        else:  # Integers without a scale (token ids, say) become zeros, which are always valid.
            made.append(random.uniform(low, high, shape).astype(dtype))
    return made


def spin() -> list[int]:
    """Times of a fixed piece of work: slower than usual means that a neighbour was there."""
    times = []
    for _ in range(SPIN_REPEATS):
        started, value = clock(), 1
        for _ in range(SPIN_ITERATIONS):
            value = (value * 1103515245 + 12345) & 0x7FFFFFFF
        times.append(clock() - started)
    return times


def peak_memory() -> int:
    """Highest resident memory of this process in bytes."""
    # ru_maxrss would count the parent's memory too: Linux keeps it across fork and exec.
    for line in read_text("/proc/self/status").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def counters() -> dict[str, float]:
    """What the kernel counts about this process and about stolen time, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    ticks = read_text("/proc/stat").partition("\n")[0].split()
    throttled = read_text("/sys/fs/cgroup/cpu.stat").partition("throttled_usec")[2].split()
    cores = Path("/sys/devices/system/cpu").glob("cpu[0-9]*/thermal_throttle/core_throttle_count")
    return {
        "wall_seconds": time.perf_counter(),
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "involuntary_switches": float(usage.ru_nivcsw),
        "steal_seconds": float(ticks[8]) / os.sysconf("SC_CLK_TCK") if len(ticks) > 8 else 0.0,
        "throttled_seconds": float(throttled[0]) / 1e6 if throttled else 0.0,
        "thermal_throttles": float(sum(int(read_text(str(core)) or 0) for core in cores)),
    }


def busy_mhz() -> list[float]:
    """Clock of the processor that this process runs on, right after work; empty if not told."""
    fields = read_text("/proc/self/stat").rpartition(")")[2].split()
    if len(fields) < 37:
        return []
    khz = read_text(f"/sys/devices/system/cpu/cpu{fields[36]}/cpufreq/scaling_cur_freq")
    return [float(khz) / 1000] if khz else []


def warm_up(model: Model, limit: float) -> Json:
    """Runs until the slope over five windows is flat, at most `limit` seconds."""
    reset, invoke = model.reset, model.invoke
    began, runs, stable = clock(), 0, False
    windows: list[float] = []
    while not stable and clock() - began < limit * 1e9:
        window: list[int] = []
        opened = clock()
        while clock() - opened < 2_000_000:
            reset()
            started = clock()
            invoke()
            window.append(clock() - started)
        runs += len(window)
        windows.append(statistics.median(window))
        if len(windows) >= 5:
            last = windows[-5:]
            slope = sum((place - 2) * value for place, value in enumerate(last)) / 10
            stable = abs(slope) * 4 < 0.02 * statistics.mean(last)
    return {"runs": runs, "seconds": (clock() - began) / 1e9, "stable": stable}


def sample(model: Model, min_runs: int, min_seconds: float, max_seconds: float) -> array[int]:
    """Durations of single invocations, each of a fresh sequence; the collector sleeps."""
    reset, invoke = model.reset, model.invoke
    durations = array("q")
    keep, now = durations.append, clock
    began = now()
    floor, limit = began + int(min_seconds * 1e9), began + int(max_seconds * 1e9)
    gc.collect()
    gc.disable()
    try:
        while True:
            reset()
            started = now()
            invoke()
            ended = now()
            keep(ended - started)
            if ended >= limit or (ended >= floor and len(durations) >= min_runs):
                return durations
    finally:
        gc.enable()


def bench(model: Model, request: Json) -> Json:
    """First run, warm-up and raw samples of single invocations, and how quiet it was."""
    if request.get("inputs") is not None:
        ready = prepare(model, [decode(packed) for packed in request["inputs"]])
        used: Json = {"source": "supplied"}
    else:
        seed, (low, high) = int(request.get("seed", 0)), request.get("range") or (0.0, 1.0)
        ready = seeded_inputs(model, seed, low, high)
        used = {"source": "seeded", "seed": seed, "range": [low, high]}
    model.reset()
    fill(model, ready, 0)
    started = clock()
    model.invoke()
    first_ns = clock() - started
    warm = warm_up(model, float(request.get("warmup_seconds", 1.0)))
    # Read before the samples pile up, which belong to the agent and not to the file.
    peak = peak_memory()
    load_average, spin_before, mhz, before = os.getloadavg(), spin(), busy_mhz(), counters()
    min_runs, min_seconds = int(request["min_runs"]), float(request["min_seconds"])
    max_seconds = float(request.get("max_seconds", max(60.0, 10 * min_seconds)))
    durations = sample(model, min_runs, min_seconds, max_seconds)
    after, mhz, spin_after = counters(), mhz + busy_mhz(), spin()
    elapsed = {name: after[name] - before[name] for name in after}
    raw = np.frombuffer(durations, np.int64).astype("<i8").tobytes()
    return {
        "samples": {"count": len(durations), "data": base64.b64encode(zlib.compress(raw)).decode()},
        "first_ns": first_ns,
        "warmup": warm,
        "inputs": used,
        "floors_met": len(durations) >= min_runs and elapsed["wall_seconds"] >= min_seconds,
        "spin_before_ns": spin_before,
        "spin_after_ns": spin_after,
        "load_average": [load_average[0], os.getloadavg()[0]],
        "peak_memory_bytes": peak,
        "busy_mhz": mhz,
        **elapsed,
    }


# ------------------------------------------------------------------ the protocol


class Agent:
    """Answers requests, one at a time, about one loaded file."""

    def __init__(self, runtime: str) -> None:
        self.runtime = runtime
        self.model: Model | None = None
        self.closed = False

    def answer(self, line: bytes) -> Json:
        """The answer to one line, whatever the line is and whatever happens."""
        request: Any = None
        try:
            request = json.loads(line)
            if not isinstance(request, dict) or not isinstance(request.get("command"), str):
                raise AgentError("BadRequest", "a request is an object with a command")
            if request.get("protocol") != PROTOCOL:
                spoken = f"the agent speaks {PROTOCOL}, the request {request.get('protocol')}"
                raise AgentError("ProtocolMismatch", spoken)
            result = {"ok": True, **self._do(request)}
        except AgentError as error:
            result = self._refusal(error.kind, str(error))
        except (KeyError, json.JSONDecodeError, UnicodeDecodeError) as error:
            result = self._refusal("BadRequest", f"{type(error).__name__}: {error}")
        except Exception as error:  # A runtime's own exceptions must not end the agent.
            traceback.print_exc()
            result = self._refusal("RuntimeFailed", f"{type(error).__name__}: {error}")
        number = request.get("id") if isinstance(request, dict) else None
        return {"protocol": PROTOCOL, "id": number, **result}

    @staticmethod
    def _refusal(kind: str, message: str) -> Json:
        return {"ok": False, "error": {"type": kind, "message": message}}

    def _do(self, request: Json) -> Json:
        command = request["command"]
        if command == "describe":
            return describe(self.runtime)
        if command == "load":
            return self._load(request)
        if command == "close":
            self.closed = True
            return {}
        if command not in ("run", "bench"):
            raise AgentError("BadRequest", f"unknown command {command!r}")
        if self.model is None:
            raise AgentError("NotLoaded", f"{command} before load")
        if command == "bench":
            return bench(self.model, request)
        outputs = run(self.model, [decode(packed) for packed in request["inputs"]])
        return {"outputs": [encode(values) for values in outputs]}

    def _load(self, request: Json) -> Json:
        self.model = None  # Frees the file before, so that two never share the memory.
        module = import_runtime(self.runtime)
        memory = peak_memory()
        model = self.model = open_model(self.runtime, module, request)
        return {
            "runtime": self.runtime,
            "runtime_version": runtime_version(self.runtime),
            "api": model.api,
            "inputs": model.inputs,
            "outputs": model.outputs,
            "load_ns": model.load_ns,
            "memory_before_bytes": memory,
            "threads": int(request.get("threads", 1)),
            "delegate": model.delegate(),
        }


def main() -> int:
    """Serves stdin until `close` or its end."""
    parser = argparse.ArgumentParser(description="edgezoo agent: JSON lines on stdin and stdout")
    parser.add_argument("--runtime", default="litert", choices=sorted(RUNTIMES))
    runtime = parser.parse_args().runtime
    # Runtimes print to file descriptor 1 from C++: answers get a private copy of it.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    agent = Agent(runtime)
    try:
        while not agent.closed:
            line = sys.stdin.buffer.readline()
            if not line:
                break
            answers.write(json.dumps(agent.answer(line)) + "\n")
            answers.flush()
    except (BrokenPipeError, KeyboardInterrupt):
        return 130  # The other side is gone; nobody is left to tell.
    return 0


if __name__ == "__main__":
    sys.exit(main())
