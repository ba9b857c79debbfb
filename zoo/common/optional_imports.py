"""Optional dependencies: import, or an error that names the extra."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from types import ModuleType

from zoo.common.errors import MissingExtra
from zoo.common.extras import EXTRA_OF, missing_of

_GREETING = re.compile(rb"[IW]0000 |WARNING: All log messages before absl::InitializeLog")
#: Of two threads one alone may exchange the file of standard error.
_loading = threading.RLock()


def require(module: str) -> ModuleType:
    """Imports `module`, or raises `MissingExtra` with the command that installs it."""
    top = module.partition(".")[0]
    try:
        if top not in ("tensorflow", "keras"):
            return importlib.import_module(module)
        quiet_tensorflow()
        with _without_greetings(), _without_collection():
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        # Keras without TensorFlow is there, and still cannot be imported.
        if missing == top or missing in EXTRA_OF:
            raise MissingExtra(missing, EXTRA_OF.get(missing, "all")) from error
        raise


@contextlib.contextmanager
def _without_greetings() -> Iterator[None]:
    """Leaves out what TensorFlow's libraries write to standard error when they are loaded.

    They do so before they read the variable that silences them. All else is written, later.
    """
    if "tensorflow" in sys.modules or os.environ.get("TF_CPP_MIN_LOG_LEVEL") != "3":
        yield
        return
    with _loading, tempfile.TemporaryFile() as kept:
        own = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(own, 2)
            os.close(own)
            kept.seek(0)
            rest = [line for line in kept if not _GREETING.match(line)]
            if rest:
                os.write(2, b"".join(rest))


@contextlib.contextmanager
def _without_collection() -> Iterator[None]:
    """Looks for no garbage while modules are made: a fifth of the time, and there is none."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def require_extra(extra: str) -> None:
    """Raises `MissingExtra` unless all that `extra` brings is installed; imports nothing."""
    for module in missing_of(extra):
        raise MissingExtra(module, extra)


def quiet_tensorflow() -> None:
    """Chooses Keras' backend and silences TensorFlow's start-up chatter, unless the user chose."""
    # Both are read once, at the first import.
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
