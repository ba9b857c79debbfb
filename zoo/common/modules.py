"""Python modules and packages imported from any path, and where the source of one lies."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from traceback import walk_tb
from types import ModuleType
from typing import Any

_AS_PACKAGE = (
    "a lone file imports only what is installed: make its folder a package, whose __init__.py "
    "holds the hook, and name the folder"
)


def lazy(name: str) -> Callable[[], Any]:
    """A function that imports ``"module:attribute"`` when it is called, and returns the attribute.

    For records of plugins, whose modules must be cheap to import.
    """
    return partial(_attribute, name)


def _attribute(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def import_path(path: Path, prefix: str) -> ModuleType:
    """Imports a file, or a folder with ``__init__.py``, anew; its name begins with `prefix`.

    Raises:
        ImportError: `path` is neither; and whatever the module itself raises.
    """
    name, file, inside = f"{prefix}{path.stem}", path, None
    if path.is_dir():
        # A package imports its own modules later, by name: two folders must not share one.
        name += f"_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
        file, inside = path / "__init__.py", [str(path)]
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=inside)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    _forget(name)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        _forget(name)
        raise
    return module


def _forget(name: str) -> None:
    for known in [n for n in sys.modules if n == name or n.startswith(f"{name}.")]:
        del sys.modules[known]


def source_of(module: ModuleType) -> str | None:
    """The folder of a package, the file of another module; None for one without a file."""
    file: str | None = getattr(module, "__file__", None)
    return str(Path(file).parent) if file and hasattr(module, "__path__") else file


def import_package(source: Path) -> Path:
    """The folder of the outermost package that holds a file or folder; a lone file is its own."""
    while (source.parent / "__init__.py").is_file():
        source = source.parent
    return source


def fix_of_import(error: BaseException) -> str:
    """What to do about a module that could not be imported."""
    if isinstance(error, ImportError) and "relative import with no known parent" in str(error):
        return _AS_PACKAGE
    if isinstance(error, ModuleNotFoundError) and error.name and error.__traceback__ is not None:
        asks = [
            f for f, _ in walk_tb(error.__traceback__) if "importlib" not in f.f_code.co_filename
        ]
        beside = Path(asks[-1].f_code.co_filename).with_name(f"{error.name}.py") if asks else None
        if beside is not None and beside.is_file():
            return f"{beside.name} lies beside it, but {_AS_PACKAGE}"
        return f"install the package that provides {error.name!r} where zoo is installed"
    return "correct the line that is named"
