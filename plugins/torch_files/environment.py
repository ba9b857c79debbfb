"""The Python that runs PyTorch: an environment of its own, or the zoo's where PyTorch is there."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from zoo.common.environments import PythonEnvironment, version_here
from zoo.common.extras import installed

_HERE = Path(__file__).parent
#: PyTorch whose archives hold tensors that are not pickled.
_OLDEST = (2, 9)


ENVIRONMENT = PythonEnvironment(
    name="torch",
    pythons=(13, 12, 11),
    # The build for processors alone, where pip knows a place of it: the usual one for Linux brings
    # gigabytes of CUDA.
    pinned=(
        _HERE / "requirements.txt",
        (_HERE / "requirements-torch-cpu.txt", _HERE / "requirements-torch.txt"),
    ),
)


@dataclass(frozen=True, kw_only=True)
class TorchPython:
    """A Python with PyTorch.

    Attributes:
        path: Its program.
        flags: That keep folders of others from its modules.
    """

    path: Path
    flags: tuple[str, ...]


def python_here() -> TorchPython | None:
    """The environment's, else the zoo's own if PyTorch can export there; None if neither."""
    python = ENVIRONMENT.python
    if python is not None:
        return TorchPython(path=python, flags=("-I", "-B"))
    if not installed("torch") or not installed("onnxscript"):
        return None
    if version_here("torch") < _OLDEST:
        return None
    # What a user named (PYTHONPATH) stays.
    return TorchPython(path=Path(sys.executable), flags=("-P",))


def required_python() -> TorchPython:
    """A Python with PyTorch.

    Raises:
        UsageError: There is none.
    """
    python = python_here()
    if python is None:
        raise ENVIRONMENT.missing("networks of PyTorch", "PyTorch")
    return python
