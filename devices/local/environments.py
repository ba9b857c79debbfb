"""Environments of runtimes that cannot live beside the others; made when a user asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from zoo.common.environments import PythonEnvironment
from zoo.common.errors import UsageError

#: tflite-runtime ended before numpy 2 and Python 3.12 came.
ON_PROCESSOR = (
    PythonEnvironment(
        name="tflite-runtime",
        packages=("tflite-runtime==2.14.0", "numpy==1.26.4"),
        pythons=(11, 10, 9),
    ),
)

#: It brings the module of onnxruntime, and excludes it.
ON_GPU = (
    PythonEnvironment(
        name="onnxruntime-webgpu",
        packages=("onnxruntime-webgpu==1.27.0", "numpy==2.4.6"),
        pythons=(13, 12, 11),
    ),
)


def environments(of: Iterable[PythonEnvironment]) -> dict[str, Path]:
    """The Python of each environment that is ready, by runtime."""
    found = {one.name: one.python for one in of}
    return {name: python for name, python in found.items() if python is not None}


def make_all(
    of: Sequence[PythonEnvironment], python: str | None, tell: Callable[[str], None]
) -> str:
    """Makes environments; returns the names of what is in them.

    Raises:
        UsageError: The device uses a Python of the user's.
    """
    if python:
        raise UsageError(
            f"the device uses a Python of yours, {python}, where nothing is installed from here",
            fix="install a runtime and numpy there, or leave out the option python",
        )
    for environment in of:
        environment.make(tell)
    return ", ".join(one.name for one in of)
