"""What microcontrollers need to run a TFLite file, as the ``tflite-micro`` package tells.

It runs in a process of its own: its interpreter prints its report to file descriptor 2, and dies of
files that it does not like.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.errors import MissingExtra
from zoo.common.extras import EXTRA_OF, installed
from zoo.common.tools import ProgramExit, run_module
from zoo.contracts import Arena

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.contracts import TensorInfo

MODULE = "tflite_micro"
_CHILD = "zoo.devices.microcontroller.arena_child"
_ARENA = re.compile(r"Arena allocation total (\d{1,15}) bytes")
_LACKS = re.compile(r"Didn't find op for builtin opcode '(\w+)'")
_SECONDS = 120.0


def micro_version() -> str:
    """The version of the package.

    Raises:
        MissingExtra: It is not installed.
    """
    from importlib.metadata import version

    if not installed(MODULE):
        raise MissingExtra(MODULE, EXTRA_OF[MODULE])
    return version(MODULE)


def measure_arena(model: Path, inputs: NDArray[Any]) -> Arena:
    """Lets tflite-micro allocate a file's tensors and answer.

    Args:
        model: The file.
        inputs: As it takes them, (inputs, 1, …); of none, only the arena is measured.

    Raises:
        MissingExtra: The package is not installed.
    """
    import numpy as np

    version = micro_version()
    with tempfile.TemporaryDirectory(prefix="zoo-micro-") as folder:
        given = Path(folder) / "inputs.npy"
        np.save(given, inputs)
        done = run_module(_CHILD, [str(model.resolve()), str(given)], seconds=_SECONDS)
    found = _ARENA.search(done.stderr)
    if done.code == 0 and found:
        try:
            outputs = printed_outputs(done.stdout)
        except ValueError as error:
            return Arena(bytes=None, version=version, problem=str(error))
        return Arena(bytes=int(found[1]), version=version, outputs=outputs)
    lacking = tuple(sorted(set(_LACKS.findall(done.stderr))))
    return Arena(
        bytes=None, version=version, problem=_interpreter_error(done, lacking), lacking=lacking
    )


def printed_outputs(text: str) -> NDArray[Any]:
    """The outputs that a child printed, (inputs, values).

    Raises:
        ValueError: It printed something else.
    """
    import numpy as np

    try:
        outputs = np.array(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its outputs cannot be read: {text[:40]!r}") from error
    if outputs.dtype.kind not in "biuf" or outputs.ndim not in (1, 2):
        raise ValueError(f"its outputs are {outputs.dtype} of shape {outputs.shape}")
    return outputs


def _interpreter_error(done: ProgramExit, lacking: tuple[str, ...]) -> str:
    """The interpreter's own words, not Python's last line, which says less."""
    if lacking:
        return f"it has no operator {', '.join(lacking)}"
    own, _, python = done.stderr.partition("Traceback")
    lines = [line.strip() for line in own.splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith("[Recording")]
    told = told[:1] or [line.strip() for line in python.splitlines() if line.strip()][-1:]
    return told[0].rstrip(".") if told and done.code == 1 else done.failure or "it gave no answer"


def as_file_inputs(inputs: NDArray[Any], tensor: TensorInfo) -> NDArray[Any]:
    """Raw inputs as a file takes them: rounded to its integers where it takes such.

    Args:
        inputs: (inputs, …), without the batch.
        tensor: The file's input.

    Returns:
        (inputs, 1, …), of the tensor's type.
    """
    import numpy as np

    dtype = np.dtype(tensor.dtype)
    if tensor.scale is not None:
        steps = np.rint(inputs.astype(np.float32) / np.float32(tensor.scale))
        limits = np.iinfo(dtype)
        inputs = np.clip(steps + (tensor.zero_point or 0), limits.min, limits.max)
    return inputs.astype(dtype).reshape(len(inputs), *tensor.shape)
