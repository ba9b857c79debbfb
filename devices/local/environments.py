"""Environments of runtimes that cannot live beside the others; made when a user asks for it."""

from __future__ import annotations

from pathlib import Path

from zoo.common.environments import PythonEnvironment

#: tflite-runtime ended before numpy 2 and Python 3.12 came.
SEPARATE_ENVIRONMENTS = (
    PythonEnvironment(
        name="tflite-runtime",
        packages=("tflite-runtime==2.14.0", "numpy==1.26.4"),
        pythons=(11, 10, 9),
    ),
)


def environments() -> dict[str, Path]:
    """The Python of each environment that is ready, by runtime."""
    found = {one.name: one.python for one in SEPARATE_ENVIRONMENTS}
    return {name: python for name, python in found.items() if python is not None}
