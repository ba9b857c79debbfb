"""The packages of keras-hub: an environment of their own, or keras-hub beside the zoo.

Keras and TensorFlow are the zoo's own: a process of the zoo's Python finds the environment's
packages behind them. Without the clients of hubs nothing can be downloaded there.
"""

from __future__ import annotations

import sys
from pathlib import Path

from zoo.common.environments import PythonEnvironment, version_here
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
    here = all(map(installed, _MODULES)) and version_here("keras-hub") >= _OLDEST
    return Path() if here else None


def required_packages() -> Path:
    """The folder of the environment's packages, as `packages_here` gives it.

    Raises:
        UsageError: There is none.
    """
    found = packages_here()
    if found is None:
        raise ENVIRONMENT.missing("presets of keras-hub", "keras-hub")
    return found
