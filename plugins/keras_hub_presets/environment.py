"""The packages of keras-hub: an environment of their own, or keras-hub beside the zoo.

Keras and TensorFlow are the zoo's own: a process of the zoo's Python finds the environment's
packages behind them. Without the clients of hubs nothing can be downloaded there.
"""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

from zoo.common.environments import PythonEnvironment
from zoo.common.errors import UsageError
from zoo.common.extras import installed

ENVIRONMENT = PythonEnvironment(
    name="keras-hub",
    pythons=(13, 12, 11),
    pinned=(Path(__file__).with_name("requirements.txt"),),
)
#: Older ones need tensorflow-text to be imported.
_OLDEST = (0, 32)
#: What the environment brings.
_MODULES = ("keras_hub", "tokenizers", "regex")


def packages_here() -> Path | None:
    """The folder of the environment's packages, empty where keras-hub is beside the zoo.

    None if neither is there, or the environment is of another Python than this one.
    """
    if ENVIRONMENT.python is not None:
        minor = f"python3.{sys.version_info[1]}"
        folder = ENVIRONMENT.folder / "lib" / minor / "site-packages"
        if folder.is_dir():
            return folder
    if not all(map(installed, _MODULES)):
        return None
    try:
        version = tuple(int(part) for part in metadata.version("keras-hub").split(".")[:2])
    except (metadata.PackageNotFoundError, ValueError):
        return None
    return Path() if version >= _OLDEST else None


def required_packages() -> Path:
    """The folder of the environment's packages, as `packages_here` gives it.

    Raises:
        UsageError: There is none.
    """
    found = packages_here()
    if found is None:
        begun = ENVIRONMENT.folder.exists()
        raise UsageError(
            "presets of keras-hub cannot be opened here yet",
            why="keras-hub lies in an environment of its own, which "
            + (
                "is incomplete, or was made with another version or another Python"
                if begun
                else "was not made"
            ),
            fix="zoo sources setup keras-hub",
        )
    return found
