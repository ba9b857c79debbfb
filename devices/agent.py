# /// script
# requires-python = ">=3.9"
# dependencies = ["numpy>=1.21"]
# ///
"""The agent: the one program that runs and measures files, the same on every device.

It needs this file, numpy and one runtime (`litert`, `tflite-runtime`, `tflite-micro`, `openvino`,
`onnxruntime` or, for networks before their export, `tensorflow`). Requests come on stdin and
answers go to stdout, one JSON object per line::

    {"protocol": 1, "id": 7, "command": "load", "path": "net.tflite", "threads": 1}
    {"protocol": 1, "id": 7, "ok": true, "inputs": [...], ...}
    {"protocol": 1, "id": 8, "ok": false, "error": {"type": "NotLoaded", "message": "..."}}

Commands: `describe`, `load`, `run`, `bench`, `locate`, `profile`, `close`. An error is an answer:
only `close` and the end of stdin end the agent.
"""

from __future__ import annotations

import argparse
import base64
import gc
import hashlib
import importlib
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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

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

#: Distributions that bring a runtime in place of the plain one: for GPUs, or without them.
OTHER_DISTRIBUTIONS = {
    "onnxruntime": ("onnxruntime-gpu", "onnxruntime-rocm", "onnxruntime-directml"),
    "tensorflow": ("tensorflow-cpu",),
}
#: Module and distribution of each runtime.
RUNTIMES = {
    "litert": ("ai_edge_litert.interpreter", "ai-edge-litert"),
    "tflite-runtime": ("tflite_runtime.interpreter", "tflite-runtime"),
    "onnxruntime": ("onnxruntime", "onnxruntime"),
    "openvino": ("openvino", "openvino"),
    "tflite-micro": ("tflite_micro", "tflite-micro"),
    "tensorflow": ("tensorflow", "tensorflow"),
}
#: It runs networks before their export, and no files: no device has it for what users ship.
REFERENCE = "tensorflow"
#: Instruction sets that decide which kernels a runtime picks.
FLAGS = re.compile(
    r"avx|avx2|fma|f16c|avx_vnni|avx512(f|_vnni|_bf16)|amx_.*|neon|asimd.*|i8mm|sve.*"
)
#: So many runs of a profile are enough.
PROFILE_RUNS, PROFILE_PASSES = 200, 3
#: At least so long and so often is a piece of a network run, to learn what it takes.
PIECE_NS, PIECE_RUNS = 10_000_000, 5
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
#: Where ONNX Runtime runs operators of a file that is to run on a GPU, the best first.
GPU_PROVIDERS = ("CUDAExecutionProvider", "ROCMExecutionProvider", "DmlExecutionProvider")
CPU_PROVIDER = "CPUExecutionProvider"
#: What LiteRT's GPU accelerator prints of the adapter that it chose, and of what it cannot take.
ADAPTER = re.compile(r"Selected adapter: (.*?), arch=.*?backend=(\w+), adapterType=(.*)")
ON_NO_GPU = re.compile(r"No operations will run on the GPU")
ON_GPU = re.compile(r"(\d+) operations? will run on the GPU")
UNSUPPORTED = re.compile(r"not supported by GPU delegate:\n((?:.+\n)*?)(?:No|\d+) operations?")
#: Of TensorFlow's nodes, those that compute nothing.
NO_WORK = re.compile(
    r"Const|NoOp|Identity|ReadVariableOp|VarHandleOp|_Arg|_Retval|_(Host)?(Send|Recv)"
)
#: Power sensors are read at most so often, between inferences.
POWER_EVERY_NS = 100_000_000
#: Clocks that differ by more, in seconds and as a share of the time, did not tick alike.
CLOCK_GAP, CLOCK_SHARE = 0.25, 0.02

clock = time.perf_counter_ns


class Options(NamedTuple):
    """How the device was set up to run files: the command line of the agent.

    Attributes:
        cpus: Mask of the processors that it may use, in hexadecimal; empty for all.
        xnnpack: Whether TFLite runtimes may use the XNNPACK delegate.
        gpu: Number of the GPU that is to run the operators; None for the processor.
        software: Whether a GPU that the processor imitates will do.
    """

    cpus: str = ""
    xnnpack: bool = True
    gpu: int | None = None
    software: bool = False
    #: Plain kernels: no XNNPACK, and ONNX Runtime does not optimize; as a request asks.
    plain: bool = False


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


def fingerprint() -> str:
    """Identifies the machine without giving its id away."""
    identity = read_text("/etc/machine-id") or read_text("/var/lib/dbus/machine-id")
    if not identity and sys.platform == "darwin":
        identity = system_value("sysctl", "-n", "kern.uuid")
    words = (identity or platform.node(), cpu()[0], platform.machine(), str(os.cpu_count()))
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


def runtime_version(runtime: str) -> str | None:
    """Installed version of a runtime's distribution, without importing it."""
    wanted = (RUNTIMES[runtime][1], *OTHER_DISTRIBUTIONS.get(runtime, ()))
    for name in (distribution.replace("-", "_") for distribution in wanted):
        for folder in map(Path, sys.path):
            for found in folder.glob(f"{name}-*.dist-info"):
                return found.name[len(name) + 1 : -len(".dist-info")]
    # Takes longer to import than all that the agent needs otherwise.
    metadata = importlib.import_module("importlib.metadata")
    for distribution in wanted:
        try:
            return str(metadata.version(distribution))
        except metadata.PackageNotFoundError:
            continue
    return None


def pin(mask: str) -> None:
    """Keeps this process, and the threads that it starts, on the processors of a mask."""
    if not hasattr(os, "sched_setaffinity"):
        raise AgentError("BadOption", f"{platform.system()} pins no process to processors")
    asked = {place for place in range(int(mask, 16).bit_length()) if int(mask, 16) >> place & 1}
    here = os.sched_getaffinity(0)
    if not asked or not asked <= here:
        have = ", ".join(map(str, sorted(here)))
        raise AgentError(
            "BadOption", f"the mask {mask} names processors that are not here; there are {have}"
        )
    os.sched_setaffinity(0, asked)


def describe(runtime: str, options: Options) -> Json:
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
        "runtimes": {
            name: v for name in RUNTIMES for v in [runtime_version(name)] if v and name != REFERENCE
        },
        "options": options._asdict(),
        "energy_meters": [meter.name for meter in energy_meters()],
    }


# ------------------------------------------------------------------ energy


class Meter:
    """Something that tells energy or power.

    Args:
        name: Whose energy it tells.
        read: Gives microjoules that only grow, or microwatts.
        counts: Whether it counts energy; else it tells power, which is read now and then.
        wraps: Microjoules at which a counter begins anew; 0 for never.
    """

    def __init__(
        self, name: str, read: Callable[[], float | None], counts: bool, wraps: float = 0.0
    ) -> None:
        self.name, self.read, self.counts, self._wraps = name, read, counts, wraps
        self._seen: list[float] = []

    def look(self) -> None:
        """Reads it once more."""
        value = self.read()
        if value is not None:
            self._seen.append(value)

    def used(self, seconds: float, inferences: int) -> Json | None:
        """Energy of the time between the first look and the last; None when it fell silent."""
        if len(self._seen) < 2:
            return None
        if not self.counts:
            used = statistics.mean(self._seen) * seconds
        else:
            used = self._seen[-1] - self._seen[0]
            if used < 0 < self._wraps:
                used += self._wraps
        if used < 0:
            return None
        told = {"meter": self.name, "joules": used * 1e-6, "readings": len(self._seen)}
        return {**told, "seconds": seconds, "inferences": inferences}


def read_number(folder: Path, name: str) -> float | None:
    """The number in a small system file; None where there is none."""
    text = read_text(str(folder / name))
    return float(text) if re.fullmatch(r"-?\d+", text) else None


def energy_meters(root: str = "/sys/class") -> list[Meter]:
    """What this machine tells: RAPL, INA sensors, and a battery that nothing charges.

    https://docs.kernel.org/power/powercap/powercap.html, hwmon/ina2xx.html and
    admin-guide/abi-testing.html#symbols-under-sys-class (power_supply).
    """
    found = [*_rapl(root), *_sensors(root), *_batteries(root)]
    return [meter for meter in found if meter.read() is not None]


def _rapl(root: str) -> Iterator[Meter]:
    """Processor packages; the parts of one and the whole platform would count twice."""
    for zone in sorted(Path(root).glob("powercap/intel-rapl:*")):
        name = read_text(f"{zone}/name")
        if name.startswith("package"):
            wraps = read_number(zone, "max_energy_range_uj") or 0.0
            yield Meter(f"RAPL {name}", partial(read_number, zone, "energy_uj"), True, wraps)


def _sensors(root: str) -> Iterator[Meter]:
    for chip in sorted(Path(root).glob("hwmon/hwmon*")):
        name = read_text(f"{chip}/name")
        if not name.startswith("ina"):
            continue
        for volts in sorted(chip.glob("in*_input")):
            channel = re.sub(r"\D", "", volts.name)
            if (chip / f"curr{channel}_input").exists():
                rail = read_text(f"{chip}/in{channel}_label") or f"channel {channel}"
                yield Meter(f"{name} {rail}", partial(_millis, chip, channel), False)
        if (chip / "power1_input").exists():
            yield Meter(f"{name} power1", partial(read_number, chip, "power1_input"), False)


def _millis(chip: Path, channel: str) -> float | None:
    """Microwatts of a channel that tells millivolts and milliamperes."""
    volts, amperes = (read_number(chip, f"{kind}{channel}_input") for kind in ("in", "curr"))
    return None if volts is None or amperes is None else volts * amperes


def _batteries(root: str) -> Iterator[Meter]:
    for supply in sorted(Path(root).glob("power_supply/*")):
        if read_text(f"{supply}/type") == "Battery":
            yield Meter(f"battery {supply.name}", partial(_discharge, supply), False)


def _discharge(supply: Path) -> float | None:
    """Microwatts that leave a battery; None while it is charged."""
    if read_text(f"{supply}/status") != "Discharging":
        return None
    power = read_number(supply, "power_now")
    if power is not None:
        return abs(power)
    amperes, volts = read_number(supply, "current_now"), read_number(supply, "voltage_now")
    return None if amperes is None or volts is None else abs(amperes) * volts * 1e-6


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

    def locate(self) -> Json:
        """The same, found out at leisure: may load the file once more and run it."""
        return self.delegate()

    def profile(self, seconds: float) -> Json:
        """What each operator takes; at most about `seconds` long."""
        raise AgentError("NoProfile", f"{self.api} does not tell what single operators take")

    #: Whether a call is handed to threads of the runtime's own, even when one computes.
    own_threads = False
    #: Examples per invocation that were asked for; None leaves it to the file.
    asked: int | None = None

    @property
    def batch(self) -> int:
        """Examples per invocation; a free batch counts as 1 unless another one is asked for."""
        shape = self.inputs[0]["shape"]
        return int(shape[0] or self.asked or 1) if shape else 1

    def take(self, batch: int) -> None:
        """Sets the examples per invocation, where the file leaves them open."""
        fixed = [t for t in self.inputs if not t["shape"] or t["shape"][0] not in (None, batch)]
        if fixed:
            shape = fixed[0]["shape"]
            own = f"it is fixed at {shape[0]}" if shape else "it has none"
            reason = f"input {fixed[0]['name']} takes no batch of {batch}: {own}"
            raise AgentError("FixedBatch", reason)
        self.asked = batch

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
    try:
        partitions, plain, taken = delegated(interpreter)
    except (AttributeError, ValueError):
        return {"name": name, "partitions": None, "delegated": None, "remaining": None}
    return {
        "name": name if partitions else "none",
        "partitions": len(partitions),
        "delegated": len(taken),
        "remaining": [n["op_name"] for place, n in enumerate(plain) if place not in taken],
    }


def delegated(interpreter: Any) -> tuple[list[Json], list[Json], set[int]]:
    """A delegate's partitions, the file's own operations, and which of those it took."""
    nodes = interpreter._get_ops_details()
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
    return partitions, plain, taken


class _InterpreterModel(Model):
    """A TFLite file in the classic interpreter, which both TFLite runtimes have."""

    api = "Interpreter.invoke"

    def __init__(self, module: Any, path: str, threads: int, xnnpack: bool) -> None:
        resolvers = module.OpResolverType
        self._path, self._again = (
            path,
            partial(_InterpreterModel, module, threads=threads, xnnpack=xnnpack),
        )
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
        self._look()
        self.invoke = self._interpreter.invoke

    def _look(self) -> None:
        details = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        self.inputs, self.outputs = ([tflite_tensor(d) for d in side] for side in details)
        self._places = [[d["index"] for d in side] for side in details]

    def take(self, batch: int) -> None:
        for detail in self._interpreter.get_input_details():
            shape = [int(side) for side in detail["shape"]]
            if [int(side) for side in detail["shape_signature"][:1]] == [-1]:
                self._interpreter.resize_tensor_input(detail["index"], [batch, *shape[1:]])
        self._interpreter.allocate_tensors()
        self._look()
        super().take(batch)

    def delegate(self) -> Json:
        return placement(self._interpreter, "XNNPACK")

    def profile(self, seconds: float) -> Json:
        try:
            _, plain, taken = delegated(self._interpreter)
        except (AttributeError, ValueError) as error:
            raise AgentError("NoProfile", f"the runtime hides its operators: {error}") from error
        where = {True: "XNNPACK", False: "built-in"}
        kinds = [(node["op_name"], where[place in taken]) for place, node in enumerate(plain)]
        return profile_by_prefixes(self._path, self._again, kinds, seconds)

    def reset(self) -> None:
        self._interpreter.reset_all_variables()

    def write(self, arrays: list[Array]) -> None:
        for place, values in enumerate(arrays):
            self._interpreter.set_tensor(self._places[0][place], values)

    def read(self) -> list[Array]:
        return [self._interpreter.get_tensor(index) for index in self._places[1]]


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

    def __init__(self, module: Any, path: str, threads: int, xnnpack: bool) -> None:
        self._plain = partial(_InterpreterModel, module, path, threads, xnnpack)
        self._xnnpack = xnnpack
        self._open(module, path, threads, "CPU")
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

    def __init__(self, module: Any, path: str, threads: int, options: Options) -> None:
        self._xnnpack, heard = options.xnnpack, [""]
        operators = len(_Flatbuffer(Path(path).read_bytes()).operators())
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

        self._later = partial(_GpuModel, module, path, threads, options)

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


class _OnnxModel(Model):
    """An ONNX file in ONNX Runtime: one session, sequential, threads as asked.

    `run` copies the results into numpy's arrays, so that a GPU is waited for.
    """

    api = "InferenceSession.run"

    def __init__(
        self, module: Any, path: str, threads: int, providers: list[str], options: Options
    ) -> None:
        absent = sorted(set(providers) - set(module.get_available_providers()))
        if absent:
            # ONNX Runtime would fall back to the CPU and only warn.
            raise AgentError("CannotLoad", f"execution providers not here: {', '.join(absent)}")
        self._first = providers[0]
        self._open = partial(self._session_of, module, path, threads, providers, options)
        started = clock()
        self._session = self._open()
        self.load_ns = clock() - started
        used = self._session.get_providers()
        if self._first != used[0]:
            raise AgentError(
                "NotOnGpu", f"ONNX Runtime could not start {self._first} and uses {used[0]} instead"
            )
        self.inputs = [self._tensor(value) for value in self._session.get_inputs()]
        self.outputs = [self._tensor(value) for value in self._session.get_outputs()]
        self._feed: dict[str, Array] = {}
        self._results: list[Array] = []

    @staticmethod
    def _session_of(
        module: Any,
        path: str,
        threads: int,
        providers: list[str],
        options: Options,
        trace: str = "",
    ) -> Any:
        """A session; with `trace`, the beginning of a path, one that writes down what it does."""
        asked = module.SessionOptions()
        asked.intra_op_num_threads = threads
        asked.inter_op_num_threads = 1
        asked.execution_mode = module.ExecutionMode.ORT_SEQUENTIAL
        if options.plain:  # Fused operators and integer products are what optimization makes.
            asked.graph_optimization_level = module.GraphOptimizationLevel.ORT_DISABLE_ALL
        if trace:
            asked.enable_profiling, asked.profile_file_prefix = True, trace
        if options.gpu is None:
            return module.InferenceSession(path, asked, providers=providers)
        each = [{} if name == CPU_PROVIDER else {"device_id": options.gpu} for name in providers]
        return module.InferenceSession(path, asked, providers=providers, provider_options=each)

    def delegate(self) -> Json:
        used = list(self._session.get_providers())
        # Its CUDA provider multiplies in TF32 where the GPU can (the option `use_tf32`).
        rounds = {"precision": "tf32"} if used[0] == "CUDAExecutionProvider" else {}
        return {"name": used[0], "providers": used, **rounds}

    def locate(self) -> Json:
        nodes = list(self._trace(1, 0.0).values())
        later = {"later_load_ns": self._later_load_ns} if self._first != CPU_PROVIDER else {}
        each = dict.fromkeys(self._session.get_providers(), 0)
        for node in nodes:
            each[node["executor"]] = each.get(node["executor"], 0) + 1
        elsewhere = [node["operator"] for node in nodes if node["executor"] != self._first]
        if nodes and len(elsewhere) == len(nodes) and self._first != CPU_PROVIDER:
            raise AgentError(
                "NotOnGpu", f"ONNX Runtime ran all {len(nodes)} operators outside {self._first}"
            )
        return {
            "name": self._first,
            "providers": each,
            "operators": len(nodes),
            "delegated": len(nodes) - len(elsewhere),
            "remaining": elsewhere,
            **later,
        }

    def profile(self, seconds: float) -> Json:
        keys = ("name", "operator", "executor", "calls", "ns")
        # The time of a loop is that of the operators inside it, which have rows of their own.
        rows = [
            {key: node[key] for key in keys}
            for node in self._trace(PROFILE_RUNS, seconds).values()
            if node["operator"] not in ("Loop", "If", "Scan")
        ]
        return {
            "method": "ONNX Runtime's profiler, middle half of runs",
            "operators": rows,
        }

    def _trace(self, runs: int, seconds: float) -> dict[str, Json]:
        """Each operator by name: kind, provider, calls and time per run, the first two left out."""
        feed = self._feed
        if not feed:
            made = seeded_inputs(self, 0, 0.0, 1.0)
            feed = {tensor["name"]: made[place] for place, tensor in enumerate(self.inputs)}
        skipped = 2 if seconds else 0
        with tempfile.TemporaryDirectory(prefix="zoo-trace-") as folder:
            started = clock()
            session = self._open(trace=str(Path(folder) / "trace"))
            self._later_load_ns = clock() - started
            limit, done = clock() + int(seconds * 1e9), 0
            while done < skipped + 1 or (done < runs and clock() < limit):
                session.run(None, feed)
                done += 1
            events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
        nodes: dict[str, Json] = {}
        for event in events:
            told, name = event.get("args") or {}, str(event.get("name"))
            if event.get("cat") == "Node" and name.endswith("_kernel_time") and "provider" in told:
                row = nodes.setdefault(
                    name[: -len("_kernel_time")],
                    {"operator": told.get("op_name"), "executor": told["provider"], "all": []},
                )
                row["all"].append(int(event["dur"]) * 1000)
        for name, row in nodes.items():
            calls = max(1, len(row["all"]) // done)
            row.update(name=name, calls=calls, ns=middle(row["all"][skipped * calls :]) * calls)
        return nodes

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

    def __init__(self, module: Any, path: str, threads: int, options: Options) -> None:
        asked: Json = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}
        core, target = module.Core(), "CPU"
        if options.gpu is None:
            asked["INFERENCE_NUM_THREADS"] = threads
            # By itself it rounds to bfloat16 where the processor can, and answers otherwise.
            asked["INFERENCE_PRECISION_HINT"] = "f32"
        else:
            target = f"GPU.{options.gpu}"
            there = core.available_devices
            if target not in there and not ("GPU" in there and options.gpu == 0):
                raise AgentError("NotOnGpu", f"OpenVINO finds {', '.join(there)}, and no {target}")
        started = clock()
        compiled = core.compile_model(path, target, asked)
        self.load_ns = clock() - started
        self._counted = partial(core.compile_model, path, target, {**asked, "PERF_COUNT": True})
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
        where = "+".join(map(str, self._compiled.get_property("EXECUTION_DEVICES")))
        return {"name": f"OpenVINO {where}", "precision": hint.to_string()}

    def locate(self) -> Json:
        rows = self._rows(1, 0.0)
        kernels: dict[str, int] = {}
        for row in rows:
            kernels[row["kernel"]] = kernels.get(row["kernel"], 0) + 1
        return {**self.delegate(), "operators": len(rows), "kernels": kernels}

    def profile(self, seconds: float) -> Json:
        rows = self._rows(PROFILE_RUNS, seconds)
        return {"method": "OpenVINO's counters, middle half of runs", "operators": rows}

    def _rows(self, runs: int, seconds: float) -> list[Json]:
        """What each operator that was executed took, by OpenVINO's own counters."""
        request = self._counted().create_infer_request()
        made = seeded_inputs(self, 0, 0.0, 1.0)
        for port, values in zip(self._ports[0], made):  # noqa: B905 - Python 3.9
            request.set_tensor(port, self._module.Tensor(values))
        rows: dict[str, Json] = {}
        limit, done = clock() + int(seconds * 1e9), 0
        while done < 2 or (done < runs and clock() < limit):
            request.infer()
            done += 1
            if done == 1:
                continue  # The first pays for what is made only once.
            for told in request.get_profiling_info():
                if told.status == told.Status.EXECUTED:
                    row = rows.setdefault(told.node_name, {"all": []})
                    row.update(operator=told.node_type, kernel=told.exec_type)
                    row["all"].append(told.real_time.total_seconds() * 1e9)
        where = self.delegate()["name"]
        return [
            {
                "name": name,
                "operator": row["operator"],
                "executor": where,
                "kernel": row["kernel"],
                "ns": middle(row["all"]),
            }
            for name, row in rows.items()
        ]

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


class _TensorFlowModel(Model):
    """A network before its export: a SavedModel in a zip, run as TensorFlow runs it.

    The results are read back as numpy's arrays inside `invoke`, so that a GPU is waited for.
    """

    api = "SavedModel signature, results read back"
    own_threads = True

    def __init__(self, module: Any, path: str, threads: int, options: Options) -> None:
        self._tf, self._path, self._where = module, path, "CPU"
        if options.gpu is not None:
            self._where = self._choose_gpu(options.gpu)
            self.invoke = self._invoke_there  # type: ignore[method-assign]
        else:
            module.config.set_visible_devices([], "GPU")
        module.config.threading.set_intra_op_parallelism_threads(threads)
        module.config.threading.set_inter_op_parallelism_threads(1)
        self._loaded, self._call, self.load_ns = self._load()
        takes, gives = self._call.structured_input_signature[1], self._call.structured_outputs
        self.inputs = [self._tensor(name, takes[name]) for name in sorted(takes)]
        self.outputs = [self._tensor(name, gives[name]) for name in sorted(gives)]
        self._names = [tensor["name"] for tensor in self.outputs]
        self._feed: Json = {}
        self._results: list[Array] = []

    def _choose_gpu(self, number: int) -> str:
        """Leaves TensorFlow one GPU, which it calls GPU:0; returns what the GPU is called."""
        config = self._tf.config
        there = config.list_physical_devices("GPU")
        if number >= len(there):
            seen = "no GPU" if not there else f"{len(there)} of them, and no GPU {number}"
            raise AgentError("NotOnGpu", f"TensorFlow sees {seen}")
        config.set_visible_devices([there[number]], "GPU")
        # It would take all memory at once, from other programs too.
        config.experimental.set_memory_growth(there[number], True)
        config.set_soft_device_placement(False)
        details = config.experimental.get_device_details(there[number])
        return str(details.get("device_name") or f"GPU {number}")

    def _load(self) -> tuple[Any, Any, int]:
        """The network, the function that computes its answers, and how long loading took."""
        with unpacked(self._path) as folder:
            started = clock()
            loaded = self._tf.saved_model.load(folder)
            call = loaded.signatures["serving_default"]
            return loaded, call, clock() - started

    @staticmethod
    def _tensor(name: str, spec: Any) -> Json:
        shape, dtype = spec.shape.as_list(), spec.dtype.name
        unscaled = {"scale": None, "zero_point": None}
        return {"name": name, "shape": shape, "dtype": dtype, **unscaled}

    def delegate(self) -> Json:
        return {"name": self._where}

    def locate(self) -> Json:
        nodes, later_load_ns = self._placed()
        elsewhere = [node.op for node in nodes if "GPU" not in node.device]
        kernels: dict[str, int] = {}
        for node in nodes:
            kernels[node.op] = kernels.get(node.op, 0) + 1
        told = {"name": self._where, "operators": len(nodes), "kernels": kernels}
        if self._where == "CPU":
            return told
        if len(elsewhere) == len(nodes):
            raise AgentError("NotOnGpu", f"TensorFlow ran all {len(nodes)} operators on the CPU")
        taken = len(nodes) - len(elsewhere)
        return {**told, "delegated": taken, "remaining": elsewhere, "later_load_ns": later_load_ns}

    def _placed(self) -> tuple[list[Any], int]:
        """The nodes that compute, each with its device; and what a later load takes."""
        # TensorFlow tells where it places nodes only while it prepares a function.
        context = importlib.import_module("tensorflow.python.eager.context").context()
        if not self._feed:
            self.write(seeded_inputs(self, 0, 0.0, 1.0))
        kept = self._loaded, self._call
        context.enable_run_metadata()
        try:
            self._loaded, self._call, took = self._load()
            self.invoke()
            told = context.export_run_metadata()
        finally:
            context.disable_run_metadata()
            self._loaded, self._call = kept
        parts = [part for graph in told.function_graphs for part in graph.partition_graphs]
        nodes = [node for part in parts for node in part.node if not NO_WORK.fullmatch(node.op)]
        return nodes, took

    def invoke(self) -> None:
        answer = self._call(**self._feed)
        self._results = [answer[name].numpy() for name in self._names]

    def _invoke_there(self) -> None:
        with self._tf.device("/GPU:0"):
            _TensorFlowModel.invoke(self)

    def write(self, arrays: list[Array]) -> None:
        with self._tf.device("/CPU:0"):  # As with other runtimes, the way to a GPU is timed.
            self._feed = {
                self.inputs[place]["name"]: self._tf.constant(values)
                for place, values in enumerate(arrays)
            }

    def read(self) -> list[Array]:
        return self._results


@contextmanager
def unpacked(path: str) -> Iterator[str]:
    """A temporary folder with what is in a zip; refuses all that would not stay inside it."""
    zipfile = importlib.import_module("zipfile")
    with zipfile.ZipFile(path) as packed, tempfile.TemporaryDirectory(prefix="zoo-zip-") as folder:
        members = packed.infolist()
        for member in members:
            name = member.filename
            link = (member.external_attr >> 16) & 0o170000 == 0o120000
            if link or name.startswith("/") or ".." in name.split("/") or re.search(r"[\\:]", name):
                raise AgentError("CannotLoad", f"{name!r} in {Path(path).name} leads out of it")
        if sum(member.file_size for member in members) > Path(path).stat().st_size:
            raise AgentError("CannotLoad", f"{Path(path).name} would unpack to more than it holds")
        packed.extractall(folder)
        yield folder


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


class _Flatbuffer:
    """The first graph of a TFLite file, read by the published schema."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.graph = self.member(self.follow(0), 2, 0)

    def number(self, kind: str, place: int) -> Any:
        return struct.unpack_from("<" + kind, self.data, place)[0]

    def field(self, table: int, which: int) -> int:
        """Where a table's field is; 0 when it is left out."""
        layout = table - self.number("i", table)
        known = 4 + 2 * which < self.number("H", layout)
        offset = self.number("H", layout + 4 + 2 * which) if known else 0
        return table + offset if offset else 0

    def follow(self, place: int) -> int:
        return place + int(self.number("I", place))

    def vector(self, table: int, which: int, kind: str) -> list[Any]:
        if not self.field(table, which):
            return []
        start = self.follow(self.field(table, which))
        return list(struct.unpack_from(f"<{self.number('I', start)}{kind}", self.data, start + 4))

    def member(self, table: int, which: int, index: int) -> int:
        return self.follow(self.follow(self.field(table, which)) + 4 + 4 * index)

    def name(self, index: int) -> str:
        """Of a tensor."""
        found = self.member(self.graph, 0, index)
        return bytes(self.vector(found, 3, "B")).decode("utf-8", "replace")

    def tensor(self, index: int) -> Json:
        found = self.member(self.graph, 0, index)
        kind, parameters = self.field(found, 1), self.field(found, 4)
        name = TFLITE_TYPES[self.number("b", kind) if kind else 0]
        scales = self.vector(self.follow(parameters), 2, "f") if parameters else []
        points = self.vector(self.follow(parameters), 3, "q") if parameters else []
        one = len(scales) == 1 and scales[0] > 0 and np.dtype(name).kind in "iu"
        return {
            "name": self.name(index),
            "shape": self.vector(found, 0, "i"),
            "dtype": name,
            "scale": scales[0] if one else None,
            "zero_point": (points or [0])[0] if one else None,
        }

    def operators(self) -> list[list[int]]:
        """The tensors that each operator makes, in the order of execution."""
        count = len(self.vector(self.graph, 3, "I"))
        return [self.vector(self.member(self.graph, 3, n), 2, "i") for n in range(count)]

    def prefix(self, count: int, output: int) -> dict[int, bytes]:
        """Which bytes to replace so that the graph ends after `count` operators with a tensor."""
        operators, outputs = (self.follow(self.field(self.graph, which)) for which in (3, 2))
        return {operators: struct.pack("<I", count), outputs: struct.pack("<Ii", 1, output)}


def tflite_signature(data: bytes) -> tuple[list[Json], list[Json]]:
    """Inputs and outputs of a TFLite file."""
    file = _Flatbuffer(data)
    inputs, outputs = (file.vector(file.graph, side, "i") for side in (1, 2))
    return [file.tensor(i) for i in inputs], [file.tensor(i) for i in outputs]


def profile_by_prefixes(
    path: str, again: Callable[[str], Model], kinds: list[tuple[str, str]], seconds: float
) -> Json:
    """What each operator of a TFLite file adds to the time of those before it.

    TFLite's Python interface has no profiler. So the file is cut after each operator in turn; the
    difference of two neighbours' times is what the operator adds, with whatever a delegate fuses
    as it does in the whole file. Differences below zero say that the clock cannot tell.

    Args:
        path: Of the file.
        again: Loads a file.
        kinds: Of each operator, and what executes it.
        seconds: About so long at most, unless one pass takes longer.
    """
    data = Path(path).read_bytes()
    file = _Flatbuffer(data)
    made = file.operators()
    if len(made) != len(kinds) or not all(made):
        raise AgentError("NoProfile", "the runtime runs other operators than the file holds")
    ends = [int(file.vector(file.graph, 1, "i")[0]), *(tensors[0] for tensors in made)]
    least: list[float] = [float("inf")] * len(ends)
    limit = clock() + int(seconds * 1e9)
    with tempfile.TemporaryDirectory(prefix="zoo-prefix-") as folder:
        piece = Path(folder) / "prefix.tflite"
        piece.write_bytes(data)
        for number in range(PROFILE_PASSES):
            for count, end in enumerate(ends):
                if number and clock() > limit:
                    break
                with piece.open("r+b") as changed:
                    for place, bytes_ in file.prefix(count, end).items():
                        changed.seek(place)
                        changed.write(bytes_)
                model = again(str(piece))
                least[count] = min(least[count], piece_time(model))
                del model
                gc.collect()
    rows = [
        {
            "name": file.name(ends[count + 1]),
            "operator": kind,
            "executor": executor,
            "ns": least[count + 1] - least[count],
        }
        for count, (kind, executor) in enumerate(kinds)
    ]
    return {
        "method": "the file cut after each operator, differences of the fastest runs",
        "call_ns": least[0],
        "operators": rows,
    }


def middle(times: Sequence[float]) -> float:
    """Mean of the middle half: as steady as a median, and finer where clocks tell whole numbers."""
    quarter = len(times) // 4
    return statistics.mean(sorted(times)[quarter : len(times) - quarter])


def piece_time(model: Model) -> float:
    """The fastest of a few invocations in nanoseconds: what neighbours disturb least."""
    fill(model, seeded_inputs(model, 0, 0.0, 1.0), 0)
    for _ in range(2):
        model.reset()
        model.invoke()
    times: list[int] = []
    began = clock()
    while len(times) < PIECE_RUNS or clock() - began < PIECE_NS:
        model.reset()
        started = clock()
        model.invoke()
        times.append(clock() - started)
    return float(min(times))


def import_runtime(runtime: str) -> Any:
    """The runtime's module; its absence has a name of its own."""
    try:
        return importlib.import_module(RUNTIMES[runtime][0])
    except ImportError as error:
        raise AgentError("MissingRuntime", f"{runtime} cannot be imported: {error}") from error


def open_model(runtime: str, module: Any, request: Json, options: Options) -> Model:
    """Loads a file into a runtime."""
    path, threads = str(request["path"]), int(request.get("threads", 1))
    batch = request.get("batch")
    if threads < 1:
        raise AgentError("BadRequest", f"{threads} threads: give at least 1")
    if batch is not None and int(batch) < 1:
        raise AgentError("BadRequest", f"a batch of {batch}: give at least 1")
    if not Path(path).is_file():
        raise AgentError("CannotLoad", f"no such file on the device: {path}")
    if request.get("plain_kernels"):
        options = options._replace(plain=True, xnnpack=False)
    try:
        model = _open(runtime, module, path, threads, request, options)
        if batch is not None:
            model.take(int(batch))
        return model
    except AgentError:
        raise
    except Exception as error:  # Each runtime has exceptions of its own.
        lines = (line.strip() for line in str(error).splitlines())
        # OpenVINO begins with the places in its own source.
        said = " ".join(s for s in lines if s and not s.startswith(("Exception from", "Check '")))
        reason = f"{runtime} cannot load {Path(path).name}: {type(error).__name__}: {said}"
        raise AgentError("CannotLoad", reason) from error


def _open(
    runtime: str, module: Any, path: str, threads: int, request: Json, options: Options
) -> Model:
    if runtime == "onnxruntime":
        return _OnnxModel(module, path, threads, providers(module, request, options), options)
    if runtime == "openvino":
        return _OpenVinoModel(module, path, threads, options)
    if runtime == REFERENCE:
        return _TensorFlowModel(module, path, threads, options)
    if options.gpu is not None:
        if runtime != "litert":
            raise AgentError("NotOnGpu", f"{runtime} runs on no GPU")
        return _GpuModel(module, path, threads, options)
    if runtime == "tflite-micro":
        return _MicroModel(module, path, threads)
    xnnpack = options.xnnpack
    timing = request.get("purpose") == "timing" and request.get("batch") is None
    if runtime == "litert" and timing:
        try:
            require_atomics()
            return _CompiledModel(module, path, threads, xnnpack)
        except (RuntimeError, ValueError) as error:
            # It takes no variable tensors, for one; the answer's `api` says what is timed.
            print(f"CompiledModel cannot load {path}: {error}", file=sys.stderr)
    return _InterpreterModel(module, path, threads, xnnpack)


def providers(module: Any, request: Json, options: Options) -> list[str]:
    """ONNX Runtime's execution providers: those asked for, a GPU's, or the processor's."""
    if request.get("providers"):
        return [str(name) for name in request["providers"]]
    if options.gpu is None:
        return [CPU_PROVIDER]
    if hasattr(module, "preload_dlls"):
        module.preload_dlls()  # CUDA's libraries, where they came as packages
    there = module.get_available_providers()
    best = next((name for name in GPU_PROVIDERS if name in there), None)
    if best is None:
        raise AgentError(
            "NotOnGpu",
            f"this ONNX Runtime knows no GPU; its execution providers are {', '.join(there)}",
        )
    return [best, CPU_PROVIDER]


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
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    cores = Path("/sys/devices/system/cpu").glob("cpu[0-9]*/thermal_throttle/core_throttle_count")
    return {
        "wall_seconds": time.perf_counter(),
        "calendar_seconds": time.time(),
        # Goes on while the machine sleeps, which the clock of the samples does not.
        "awake_or_not_seconds": time.perf_counter() if boot is None else time.clock_gettime(boot),
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


def sample(
    model: Model, min_runs: int, min_seconds: float, max_seconds: float, meters: Sequence[Meter]
) -> array[int]:
    """Durations of single invocations, each of a fresh sequence; the collector sleeps."""
    powers = [meter for meter in meters if not meter.counts]
    reset, invoke = model.reset, model.invoke
    durations = array("q")
    keep, now = durations.append, clock
    began = now()
    floor, limit = began + int(min_seconds * 1e9), began + int(max_seconds * 1e9)
    look = began + POWER_EVERY_NS if powers else limit
    gc.collect()
    gc.disable()
    try:
        while True:
            reset()
            started = now()
            invoke()
            ended = now()
            keep(ended - started)
            if ended >= look and powers:
                for meter in powers:
                    meter.look()
                look = now() + POWER_EVERY_NS
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
    meters = energy_meters()
    for meter in meters:
        meter.look()
    durations = sample(model, min_runs, min_seconds, max_seconds, meters)
    for meter in meters:
        meter.look()
    after, mhz, spin_after = counters(), mhz + busy_mhz(), spin()
    elapsed = {name: after[name] - before[name] for name in after}
    check_clock(durations, elapsed["wall_seconds"])
    energy = [meter.used(elapsed["wall_seconds"], len(durations)) for meter in meters]
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
        "energy": [told for told in energy if told is not None],
        "clock_gap_seconds": clock_gap(elapsed),
        "busy_mhz": mhz,
        **elapsed,
    }


def check_clock(durations: array[int], wall: float) -> None:
    """Refuses samples that no inference can have taken."""
    least, total = min(durations), sum(durations) * 1e-9
    if least < 0:
        raise AgentError("ClockFault", f"the clock went back: an inference took {least} ns")
    if least == 0:
        still = sum(1 for duration in durations if duration == 0)
        share = f"{still} of {len(durations)} inferences took no time at all"
        raise AgentError("ClockFault", f"the clock is too coarse: {share}")
    if total > wall * 1.01 + 1e-3:
        raise AgentError("ClockFault", f"{total:.3g} s of samples in {wall:.3g} s of sampling")


def clock_gap(elapsed: dict[str, float]) -> float:
    """Seconds by which another clock differs from that of the samples; 0 when it is like it."""
    wall = elapsed["wall_seconds"]
    gaps = [elapsed[name] - wall for name in ("calendar_seconds", "awake_or_not_seconds")]
    worst = max(gaps, key=abs)
    return worst if abs(worst) > max(CLOCK_GAP, CLOCK_SHARE * wall) else 0.0


# ------------------------------------------------------------------ the protocol


class Agent:
    """Answers requests, one at a time, about one loaded file."""

    def __init__(self, runtime: str, options: Options) -> None:
        self.runtime = runtime
        self.options = options
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
            return describe(self.runtime, self.options)
        if command == "load":
            return self._load(request)
        if command == "close":
            self.closed = True
            return {}
        if command not in ("run", "bench", "locate", "profile"):
            raise AgentError("BadRequest", f"unknown command {command!r}")
        if self.model is None:
            raise AgentError("NotLoaded", f"{command} before load")
        if command == "bench":
            accelerated, own = self.options.gpu is not None, self.model.own_threads
            return {**bench(self.model, request), "accelerated": accelerated, "own_threads": own}
        if command == "locate":
            return {"delegate": self.model.locate()}
        if command == "profile":
            return {"profile": self.model.profile(float(request.get("seconds", 10.0)))}
        outputs = run(self.model, [decode(packed) for packed in request["inputs"]])
        return {"outputs": [encode(values) for values in outputs]}

    def _load(self, request: Json) -> Json:
        self.model = None  # Frees the file before, so that two never share the memory.
        module = import_runtime(self.runtime)
        memory = peak_memory()
        model = self.model = open_model(self.runtime, module, request, self.options)
        return {
            "runtime": self.runtime,
            "runtime_version": runtime_version(self.runtime),
            "api": model.api,
            "inputs": model.inputs,
            "outputs": model.outputs,
            "load_ns": model.load_ns,
            "memory_before_bytes": memory,
            "threads": int(request.get("threads", 1)),
            "batch": model.batch,
            "delegate": model.delegate(),
            "locate": True,
        }


def main() -> int:
    """Serves stdin until `close` or its end."""
    parser = argparse.ArgumentParser(description="edgezoo agent: JSON lines on stdin and stdout")
    parser.add_argument("--runtime", default="litert", choices=sorted(RUNTIMES))
    parser.add_argument("--cpus", default="", help="mask of processors, in hexadecimal")
    parser.add_argument("--no-xnnpack", action="store_true", help="TFLite's own kernels alone")
    parser.add_argument("--gpu", type=int, default=None, help="number of the GPU to run on")
    parser.add_argument("--software", action="store_true", help="an imitated GPU will do")
    given = parser.parse_args()
    runtime = given.runtime
    options = Options(given.cpus, not given.no_xnnpack, given.gpu, given.software)
    # Runtimes print to file descriptor 1 from C++: answers get a private copy of it.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    agent = Agent(runtime, options)
    try:
        if options.cpus:
            pin(options.cpus)
    except AgentError as error:
        refusal = agent._refusal(error.kind, str(error))
        answers.write(json.dumps({"protocol": PROTOCOL, "id": None, **refusal}) + "\n")
        answers.flush()
        return 3
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
