"""Which of a file's operators tflite-micro lacks, and what to do about it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.common.extras import installed
from zoo.common.optional_imports import require
from zoo.contracts import Arena, Specimen

from .arena import measure_arena

_SCHEMA = "ai_edge_litert.schema_py_generated"
#: An operator that is there and has no options, which takes the place of one that is not.
_STAND_IN = "ABS"
#: Operators of a file that are asked for, one after the other.
_MOST = 30
_EXPORT = "zoo export MODEL --format tflite --target mcu"
USE_ANOTHER_RECURRENT_FORM = (
    f"write it in the form for microcontrollers: {_EXPORT} --precision int8"
)
#: Precisions that tflite-micro has few kernels for → what to do.
_PRECISIONS = {
    "float16": f"its kernels take no halves; the nearest that work: {_EXPORT} --precision int8, or "
    "float32 where flash allows",
    "dynamic-int8": "its kernels multiply integers by integers only; the nearest that works: "
    f"{_EXPORT} --precision int8",
    **dict.fromkeys(
        ("int4-blocks", "int4-weights"),
        "its kernels multiply no real numbers by weights of 4 bits; the nearest that works: "
        f"{_EXPORT} --precision int8",
    ),
    "int16x8": f"it has few kernels for integers of 16 bits; the nearest that works: {_EXPORT} "
    "--precision int8",
}
_RECURRENT = frozenset({"UNIDIRECTIONAL_SEQUENCE_LSTM", "WHILE", "RNN", "LSTM"})


def lacking_operators(specimen: Specimen, first: Arena) -> tuple[str, ...]:
    """Every operator of the file that tflite-micro does not have.

    Its interpreter names the first alone. So that one is exchanged, in a copy that is never run,
    for one that it has, until it names no other.
    """
    found = {*first.lacking, *(f"CUSTOM:{name}" for name in specimen.contents.custom_operators)}
    if not first.lacking or not installed("ai_edge_litert"):
        return tuple(sorted(found))
    import numpy as np

    nothing = np.zeros((0, 1), np.int8)
    with tempfile.TemporaryDirectory(prefix="zoo-micro-") as folder:
        copy = Path(folder) / "copy.tflite"
        for _ in range(_MOST):
            copy.write_bytes(_with_stand_ins(specimen.path.read_bytes(), found))
            more = set(measure_arena(copy, nothing).lacking) - found
            if not more:
                break
            found |= more
    return tuple(sorted(found))


def _with_stand_ins(content: bytes, names: set[str]) -> bytes:
    import flatbuffers

    schema = require(_SCHEMA)
    model: Any = schema.ModelT.InitFromPackedBuf(content, 0)
    kinds: dict[str, int] = vars(schema.BuiltinOperator)
    codes = {kinds[name]: name for name in names if name in kinds}
    for code in model.operatorCodes:
        if max(code.builtinCode, code.deprecatedBuiltinCode) in codes:
            code.builtinCode = code.deprecatedBuiltinCode = kinds[_STAND_IN]
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def suggested_fix(specimen: Specimen, lacking: Sequence[str]) -> str:
    """The nearest precision or form that works."""
    if specimen.precision in _PRECISIONS:
        return _PRECISIONS[specimen.precision]
    if _RECURRENT & {*specimen.contents.operators}:
        return f"write recurrent layers in another form: {_EXPORT} --recurrent fused, or unrolled"
    if lacking:
        return (
            "replace the layers that need them (`zoo inspect FILE` counts operators), or bring "
            "kernels of your own to the firmware's resolver"
        )
    return USE_ANOTHER_RECURRENT_FORM
