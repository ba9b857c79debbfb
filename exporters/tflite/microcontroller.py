"""Firmware sources for a TFLite file: model array, operator resolver, arena size.

The arena is measured by the kind of device that brings the ``tflite-micro`` package.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from zoo.common.errors import ZooError
from zoo.contracts import Arena, UsageRequest

from ..shared.usage_code import CPP, has_types, readers, render
from .contents import payload_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Targets whose folder gets firmware files.
MICRO_TARGETS = frozenset({"mcu", "ethos-u55"})
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
    inputs, expected = _golden(request)
    if request.arena is None:
        raise ZooError(
            f"nothing here measures the tensor arena of {request.model.name}",
            fix="`zoo plugins list` shows whether the plugin for microcontrollers is broken or off",
        )
    arena = request.arena(request.model, inputs)
    custom = sorted(name for name in request.operators if name.startswith("CUSTOM:"))
    tolerance = request.facts["golden"]["max_abs"]
    if arena.outputs is not None:
        tolerance = max(tolerance, 2 * _differences(arena, request, expected)[0])
    more: dict[str, Any] = {
        "arena": arena.bytes,
        "arena_version": arena.version,
        "tolerance": float(f"{tolerance:.4g}"),
    }
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
            "micro/golden_data.h.jinja",
            request,
            inputs="\n".join(_initializer(row.reshape(-1).tolist()) for row in inputs),
            outputs="\n".join(
                _initializer([float(f"{value:.9g}") for value in row.tolist()]) for row in expected
            ),
        ),
        f"{folder}/main.cc": render("micro/main.cc.jinja", request, **more),
        **readers(f"{folder}/main.cc", request),
    }
    notes = [
        "**Microcontrollers**: `microcontroller/` holds the model, without its manifest, as a C "
        "array aligned to 16 bytes, its operators for a `MicroMutableOpResolver`, the golden "
        "inputs as the model takes them, and a program that compares. edgezoo's tests compile the "
        "array and compare its bytes; the rest is compiled against declarations of the calls that "
        "it makes, for want of TensorFlow Lite Micro's headers.",
        _describe_arena(arena, request, expected),
    ]
    if custom:
        notes.append(f"These operators must be added by hand: {', '.join(custom)}.")
    return files, notes


def _hexadecimal(data: bytes) -> str:
    rows = (data[start : start + 16] for start in range(0, len(data), 16))
    return "\n".join("    " + " ".join(f"0x{byte:02x}," for byte in row) for row in rows)


def _golden(request: UsageRequest) -> tuple[NDArray[Any], NDArray[Any]]:
    """The golden inputs as the file takes them, (inputs, 1, …), and its outputs in real numbers."""
    import numpy as np

    facts, folder = request.facts, request.model.parent
    given = facts["input"]
    inputs, outputs = [], []
    for pair in facts["golden"]["files"]:
        raw = np.fromfile(folder / pair["input"], np.dtype(given["raw_dtype"]))
        dtype = np.dtype(given["dtype"])
        if given["scale"] is not None:
            steps = np.rint(raw.astype(np.float32) / np.float32(given["scale"]))
            limits = np.iinfo(dtype)
            raw = np.clip(steps + given["zero_point"], limits.min, limits.max)
        inputs.append(raw.astype(dtype).reshape(given["shape"]))
        outputs.append(np.fromfile(folder / pair["output"], np.dtype("<f4")))
    return np.stack(inputs), np.stack(outputs)


def _describe_arena(arena: Arena, request: UsageRequest, expected: NDArray[Any]) -> str:
    """The measured arena as text, or the reason for its absence."""
    if arena.bytes is None or arena.outputs is None:
        return (
            f"tflite-micro {arena.version} cannot run this file: {arena.problem}. The array and "
            "the operators are here all the same."
        )
    apart, same = _differences(arena, request, expected)
    limit = request.facts["golden"]["max_abs"]
    told = f"within the tolerance of {limit:g}" if apart <= limit else f"above the {limit:g} that "
    if apart > limit:
        told += "other kernels of the judging runtime need: these are kernels of their own"
    decided = "" if same is None else f"; the same class on {same} of {len(expected)}"
    return (
        f"Tensor arena: **{arena.bytes:,} bytes**, measured with tflite-micro {arena.version} on "
        "this 64-bit host. Pointers are half as long on a 32-bit processor, so it needs less; "
        "optimized kernels may need more. The golden inputs were run there, too: largest "
        f"difference {apart:.2g}, {told}{decided}."
    )


def _differences(
    arena: Arena, request: UsageRequest, expected: NDArray[Any]
) -> tuple[float, int | None]:
    """Largest difference of tflite-micro's outputs, and the number of inputs with equal class.

    The latter is None where outputs are no classification.
    """
    import numpy as np

    assert arena.outputs is not None
    gives = request.facts["output"]
    answers = arena.outputs.astype(np.float32)
    if gives["scale"] is not None:
        answers = (answers - np.float32(gives["zero_point"])) * np.float32(gives["scale"])
    apart = float(np.abs(answers - expected).max())
    if request.facts["answer"] != "choice":
        return apart, None
    return apart, int((answers.argmax(axis=1) == expected.argmax(axis=1)).sum())


def _initializer(values: list[float]) -> str:
    rows = [values[start : start + 16] for start in range(0, len(values), 16)]
    return "{" + ",\n ".join(", ".join(map(repr, row)) for row in rows) + "},"
