"""What firmware needs of a TFLite file: an array, the operators for a resolver, the arena's size.

The arena is measured by the ``tflite-micro`` package, in a process of its own: its interpreter
prints its report to file descriptor 2, and dies of files that it does not like.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.contracts import UsageRequest
from zoo.errors import MissingExtra
from zoo.extras import EXTRA_OF, installed

from .tflite_contents import payload_of
from .usage_code import CPP, has_types, render

#: Targets whose folder gets firmware files.
MICRO_TARGETS = frozenset({"mcu", "ethos-u55"})
MODULE = "tflite_micro"
_ARENA = re.compile(r"Arena allocation total (\d+) bytes")
_LACKS = re.compile(r"Didn't find op for builtin opcode '(\w+)'|Failed to get registration.*?(\w+)")
_SECONDS = 120
_MEASURE = """
import sys
from tflite_micro.python.tflite_micro import runtime
interpreter = runtime.Interpreter.from_file(sys.argv[1])
interpreter.print_allocations()
"""
#: Operators whose method of the resolver is not their name in capitals and small letters.
_METHODS = {
    "AVERAGE_POOL_2D": "AddAveragePool2D",
    "CONV_2D": "AddConv2D",
    "DEPTHWISE_CONV_2D": "AddDepthwiseConv2D",
    "L2_POOL_2D": "AddL2Pool2D",
    "MAX_POOL_2D": "AddMaxPool2D",
    "PADV2": "AddPadV2",
    "SELECT_V2": "AddSelectV2",
    "REVERSE_V2": "AddReverseV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM",
    "CUMSUM": "AddCumSum",
    "BATCH_MATMUL": "AddBatchMatMul",
    "RELU_0_TO_1": "AddRelu0To1",
}


@dataclass(frozen=True, kw_only=True)
class Arena:
    """What tflite-micro says of a file.

    Attributes:
        bytes: Size of the tensor arena; None when it cannot run the file.
        version: Of the package.
        problem: Why it cannot, with the operators that it lacks; empty when it can.
    """

    bytes: int | None
    version: str
    problem: str = ""


def measure_arena(model: Path) -> Arena:
    """Lets tflite-micro allocate a file's tensors.

    Raises:
        MissingExtra: The package is not installed.
    """
    from importlib.metadata import version

    if not installed(MODULE):
        raise MissingExtra(MODULE, EXTRA_OF[MODULE])
    known = version("tflite_micro")
    done = subprocess.run(
        [sys.executable, "-P", "-c", _MEASURE, str(model.resolve())],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_SECONDS,
        check=False,
    )
    found = _ARENA.search(done.stderr)
    if done.returncode == 0 and found:
        return Arena(bytes=int(found[1]), version=known)
    lacking = sorted({name for pair in _LACKS.findall(done.stderr) for name in pair if name})
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    why = lines[-1] if lines else f"it ended with code {done.returncode}"
    told = f"it has no operator {', '.join(lacking)}" if lacking else why
    return Arena(bytes=None, version=known, problem=told)


def resolver_methods(operators: Iterable[str]) -> list[str]:
    """The methods of a ``MicroMutableOpResolver`` that add these operators, by name."""
    return sorted(
        _METHODS.get(name, "Add" + "".join(part.capitalize() for part in name.split("_")))
        for name in operators
        if not name.startswith("CUSTOM:")
    )


def microcontroller_files(request: UsageRequest) -> tuple[dict[str, str], list[str]]:
    """Files for firmware, and paragraphs about them; nothing for other targets.

    Raises:
        MissingExtra: tflite-micro is not installed, so the arena cannot be measured.
    """
    if request.target not in MICRO_TARGETS or not has_types(request.facts, CPP):
        return {}, []
    arena = measure_arena(request.model)
    custom = sorted(name for name in request.operators if name.startswith("CUSTOM:"))
    more: dict[str, Any] = {"arena": arena.bytes, "arena_version": arena.version}
    folder = "microcontroller"
    files = {
        f"{folder}/model_data.h": render("micro/model_data.h.jinja", request, **more),
        f"{folder}/model_data.cc": render(
            "micro/model_data.cc.jinja", request, rows=_hexadecimal(payload_of(request.model))
        ),
        f"{folder}/operators.h": render(
            "micro/operators.h.jinja", request, methods=resolver_methods(request.operators)
        ),
        f"{folder}/golden_data.h": render(
            "micro/golden_data.h.jinja", request, **_golden_rows(request)
        ),
        f"{folder}/main.cc": render("micro/main.cc.jinja", request, **more),
    }
    measured = (
        f"Tensor arena: **{arena.bytes:,} bytes**, measured with tflite-micro {arena.version} on "
        "this 64-bit host. A 32-bit processor needs less; optimized kernels may need more."
        if arena.bytes is not None
        else f"tflite-micro {arena.version} cannot run this file: {arena.problem}. The array and "
        "the operators are here all the same."
    )
    notes = [
        "**Microcontrollers**: `microcontroller/` holds the model, without its manifest, as a C "
        "array aligned to 16 bytes, its operators for a `MicroMutableOpResolver`, the golden "
        "inputs as the model takes them, and a program that compares. edgezoo's tests compile the "
        "array and compare its bytes; the rest is compiled against declarations of the calls that "
        "it makes, for want of TensorFlow Lite Micro's headers.",
        measured,
    ]
    if custom:
        notes.append(f"These operators must be added by hand: {', '.join(custom)}.")
    return files, notes


def _hexadecimal(data: bytes) -> str:
    rows = (data[start : start + 16] for start in range(0, len(data), 16))
    return "\n".join("    " + " ".join(f"0x{byte:02x}," for byte in row) for row in rows)


def _golden_rows(request: UsageRequest) -> dict[str, str]:
    """The golden inputs as the file takes them, and its outputs, as C initializers."""
    import numpy as np

    facts = request.facts
    given = facts["input"]
    folder = request.model.parent
    inputs, outputs = [], []
    for pair in facts["golden"]["files"]:
        raw = np.fromfile(folder / pair["input"], np.dtype(given["raw_dtype"]))
        if given["scale"] is not None:
            dtype = np.dtype(given["dtype"])
            steps = np.rint(raw.astype(np.float32) / np.float32(given["scale"]))
            limits = np.iinfo(dtype)
            raw = np.clip(steps + given["zero_point"], limits.min, limits.max).astype(dtype)
        inputs.append(_initializer(raw.tolist()))
        real = np.fromfile(folder / pair["output"], np.dtype("<f4"))
        outputs.append(_initializer([float(f"{value:.9g}") for value in real.tolist()]))
    return {"inputs": "\n".join(inputs), "outputs": "\n".join(outputs)}


def _initializer(values: list[float]) -> str:
    rows = [values[start : start + 16] for start in range(0, len(values), 16)]
    return "{" + ",\n ".join(", ".join(map(repr, row)) for row in rows) + "},"
