"""Does tflite-micro answer as LiteRT does?"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.extras import installed
from zoo.common.optional_imports import require
from zoo.common.tools import run_module
from zoo.contracts import Figure, Specimen

from .arena import printed_outputs
from .operators import USE_ANOTHER_RECURRENT_FORM

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CHILD = "zoo.devices.microcontroller.reference_child"
_SECONDS = 120.0
#: Steps of an output of 8 bits by which a right answer may be off.
MOST_STEPS = 1
#: The same for one of 16 bits: as much as one step of 8 bits.
MOST_STEPS_16 = 256
#: The same for real outputs, as a share of the largest value: rounding, summed in another order.
MOST_RELATIVE = 1e-4


@dataclass(frozen=True, kw_only=True)
class OutputComparison:
    """How far apart they are.

    Attributes:
        figures: The difference with its limit; empty when it could not be told.
        fault: What is wrong; empty when nothing is.
        remark: What whoever reads the figure must know.
    """

    figures: tuple[Figure, ...] = ()
    fault: str = ""
    remark: str = ""


def compare_outputs(
    specimen: Specimen, taken: NDArray[Any], found: NDArray[Any] | None
) -> OutputComparison:
    """Compares with LiteRT's reference kernels on the same inputs.

    Args:
        specimen: The file.
        taken: The inputs as the file takes them, (inputs, 1, …).
        found: What tflite-micro answered, (inputs, values).
    """
    import numpy as np

    if found is None or len(taken) == 0:
        return OutputComparison(remark="Answers were not compared: the file has several inputs.")
    if not installed("ai_edge_litert"):
        return OutputComparison(
            remark='Answers were not compared: LiteRT is missing (pip install "edgezoo[tflite]").'
        )
    with tempfile.TemporaryDirectory(prefix="zoo-micro-") as folder:
        given = Path(folder) / "inputs.npy"
        np.save(given, taken)
        arguments = [str(specimen.path.resolve()), str(given)]
        done = run_module(_CHILD, arguments, seconds=_SECONDS)
    if done.code != 0:
        last = [line.strip() for line in done.stderr.splitlines() if line.strip()][-1:]
        return OutputComparison(
            remark="Answers were not compared: LiteRT's reference kernels cannot run the file: "
            f"{last[0] if last else done.failure}."
        )
    try:
        expected = printed_outputs(done.stdout)
        if expected.shape != found.shape:
            raise ValueError(f"its outputs have shape {expected.shape}, not {found.shape}")
    except ValueError as error:
        return OutputComparison(
            remark=f"Answers were not compared: of LiteRT's reference kernels {error}."
        )
    return _compared(specimen, found, expected)


def _compared(specimen: Specimen, found: NDArray[Any], expected: NDArray[Any]) -> OutputComparison:
    import numpy as np

    what = f"{specimen.origin}, against LiteRT's reference kernels"
    if not np.isfinite(found.astype(float)).all():
        return OutputComparison(fault=f"tflite-micro answers with NaN or infinity on {what}")
    apart = float(np.abs(found.astype(float) - expected.astype(float)).max())
    step = output_step(specimen)
    if step is not None:
        apart, limit, unit = round(apart / step.real, 3), float(step.most), "steps"
    else:
        limit, unit = MOST_RELATIVE * max(1.0, float(np.abs(expected).max())), ""
    figure = Figure(name="difference", value=apart, unit=unit, limit=limit)
    if figure.within:
        return OutputComparison(
            figures=(figure,),
            remark=f"Answers were compared on {what}.{_fast_kernels(specimen, found)}",
        )
    return OutputComparison(
        figures=(figure,),
        fault=f"tflite-micro answers otherwise: by {apart:g} {unit or 'at most'} where {limit:g} "
        f"{'is' if limit == 1 else 'are'} allowed, on {what}; {USE_ANOTHER_RECURRENT_FORM}",
    )


@dataclass(frozen=True, kw_only=True)
class QuantizationStep:
    """One step of an output.

    Attributes:
        real: What it stands for in the numbers that the file gives.
        most: Steps by which a right answer may be off.
    """

    real: float
    most: int


def output_step(specimen: Specimen) -> QuantizationStep | None:
    """One step of the file's first output; None where it gives real numbers all through.

    An integer file may turn its last integers into real numbers: these are steps all the same.
    """
    given = specimen.contents.outputs[0]
    if given.scale is not None:
        return QuantizationStep(real=1.0, most=_most(given.dtype))
    if not specimen.contents.integer_operators:
        return None
    schema: Any = require("ai_edge_litert.schema_py_generated")
    model = schema.ModelT.InitFromPackedBuf(specimen.path.read_bytes(), 0)
    graph = model.subgraphs[0]
    for operator in graph.operators or []:
        code = model.operatorCodes[operator.opcodeIndex]
        kind = max(code.builtinCode, code.deprecatedBuiltinCode)
        if kind == schema.BuiltinOperator.DEQUANTIZE and operator.outputs[0] == graph.outputs[0]:
            before = graph.tensors[operator.inputs[0]]
            wide = before.type == schema.TensorType.INT16
            scale = float(before.quantization.scale[0])
            return QuantizationStep(real=scale, most=MOST_STEPS_16 if wide else MOST_STEPS)
    return None


def _most(dtype: str) -> int:
    return MOST_STEPS if dtype in ("int8", "uint8") else MOST_STEPS_16


def _fast_kernels(specimen: Specimen, found: NDArray[Any]) -> str:
    """How far the runtime that judged the file is off, where that is more than rounding."""
    import numpy as np

    answer = specimen.contents.outputs[0]
    if specimen.outputs is None or answer.scale is None:
        return ""
    real = (found.astype(float) - (answer.zero_point or 0)) * answer.scale
    apart = np.abs(real - specimen.outputs.reshape(real.shape)) / answer.scale
    steps = round(float(apart.max()))
    if steps <= MOST_STEPS:
        return ""
    return (
        f" LiteRT's fast kernels, which judged the file, round otherwise: they are {steps} steps "
        "off on the same inputs."
    )
