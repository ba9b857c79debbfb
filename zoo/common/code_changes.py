"""Whether code was changed since a process began, which then must not perform what comes now."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

from zoo.common.code_fingerprint import PACKAGES


def code_changed_since(moment: float) -> bool:
    """Whether anything was changed that this process has imported, or that its children import.

    Looked at are the files of the product, those of all loaded modules, and the folders that
    modules are imported from, which change when a package is installed, removed or upgraded. That
    takes less than a tenth of a second.

    Args:
        moment: Seconds since 1970, before this process imported anything.
    """
    for path in map(str, (*sys.path, *_loaded(), *_product())):
        try:
            # Not the time of modification: installers set it to that of the package's making.
            if path and Path(path).stat().st_ctime > moment:
                return True
        except FileNotFoundError:
            if path not in sys.path:  # there Python names archives and folders that need not exist
                return True
        except OSError:  # within an archive
            continue
    return False


def _loaded() -> Iterator[str]:
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and Path(file).is_absolute():
            yield file


def _product() -> Iterator[Path]:
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        for folder in (spec and spec.submodule_search_locations) or ():
            yield from (p for p in Path(folder).rglob("*") if p.suffix != ".pyc" and p.is_file())
