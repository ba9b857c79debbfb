"""Optional dependencies: import, or an error that names the extra."""

from __future__ import annotations

import importlib
import os
from types import ModuleType

from zoo.common.errors import MissingExtra
from zoo.common.extras import EXTRA_OF, missing_of


def require(module: str) -> ModuleType:
    """Imports `module`, or raises `MissingExtra` with the command that installs it."""
    top = module.partition(".")[0]
    if top in ("tensorflow", "keras"):
        quiet_tensorflow()
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        # Keras without TensorFlow is there, and still cannot be imported.
        if missing == top or missing in EXTRA_OF:
            raise MissingExtra(missing, EXTRA_OF.get(missing, "all")) from error
        raise


def require_extra(extra: str) -> None:
    """Raises `MissingExtra` unless all that `extra` brings is installed; imports nothing."""
    for module in missing_of(extra):
        raise MissingExtra(module, extra)


def quiet_tensorflow() -> None:
    """Chooses Keras' backend and silences TensorFlow's start-up chatter, unless the user chose."""
    # Both are read once, at the first import.
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
