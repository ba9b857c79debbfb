"""Does tflite-micro answer as LiteRT does?"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.contracts import Figure, Specimen
from zoo.extras import installed
from zoo.tool_process import run_module

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CHILD = "zoo.devices.reference_child"
_SECONDS = 120.0
#: Steps of an integer output by which a right answer may be off.
MOST_STEPS = 1
#: The same for real outputs, as a share of the largest value: rounding, summed in another order.
MOST_RELATIVE = 1e-4


@dataclass(frozen=True, kw_only=True)
class Answers:
    """How far apart they are.

    Attributes:
        figures: The difference with its limit; empty when it could not be told.
        fault: What is wrong; empty when nothing is.
        remark: What whoever reads the figure must know.
    """

    figures: tuple[Figure, ...] = ()
    fault: str = ""
    remark: str = ""


def compare_answers(specimen: Specimen, taken: NDArray[Any], found: NDArray[Any] | None) -> Answers:
    """Compares with LiteRT's reference kernels on the same inputs.

    Args:
        specimen: The file.
        taken: The inputs as the file takes them, (inputs, 1, …).
        found: What tflite-micro answered, (inputs, values).
    """
    import numpy as np

    if found is None or len(taken) == 0:
        return Answers(remark="Answers were not compared: the file has several inputs.")
    if not installed("ai_edge_litert"):
        return Answers(
            remark='Answers were not compared: LiteRT is missing (pip install "edgezoo[tflite]").'
        )
    with tempfile.TemporaryDirectory(prefix="zoo-micro-") as folder:
        given = Path(folder) / "inputs.npy"
        np.save(given, taken)
        arguments = [str(specimen.path.resolve()), str(given)]
        done = run_module(_CHILD, arguments, seconds=_SECONDS)
    if done.code != 0:
        last = [line.strip() for line in done.said.splitlines() if line.strip()][-1:]
        return Answers(
            remark="Answers were not compared: LiteRT's reference kernels cannot run the file: "
            f"{last[0] if last else done.why}."
        )
    return _compared(specimen, found, np.array(json.loads(done.out)))


def _compared(specimen: Specimen, found: NDArray[Any], expected: NDArray[Any]) -> Answers:
    import numpy as np

    what = f"{specimen.origin}, against LiteRT's reference kernels"
    integer = np.dtype(specimen.contents.outputs[0].dtype).kind in "iu"
    if not np.isfinite(found.astype(float)).all():
        return Answers(fault=f"tflite-micro answers with NaN or infinity on {what}")
    apart = float(np.abs(found.astype(float) - expected.astype(float)).max())
    limit = MOST_STEPS if integer else MOST_RELATIVE * max(1.0, float(np.abs(expected).max()))
    unit = "steps" if integer else ""
    figure = Figure(name="difference", value=apart, unit=unit, limit=limit)
    if figure.within:
        return Answers(
            figures=(figure,),
            remark=f"Answers were compared on {what}.{_fast_kernels(specimen, found)}",
        )
    return Answers(
        figures=(figure,),
        fault=f"tflite-micro answers otherwise: by {apart:g} {unit} where {limit:g} "
        f"{'is' if limit == 1 else 'are'} allowed, on {what}; do not ship this file to a "
        "microcontroller before `zoo explain` and a newer tflite-micro were tried",
    )


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
