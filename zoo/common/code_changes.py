"""Whether code was changed since a process began, which then must not perform what comes now."""

from __future__ import annotations

import importlib.util
import math
import os
import sys
from collections.abc import Iterator

from zoo.common.code_fingerprint import PACKAGES


def code_changed_since(moment: float) -> bool:
    """Whether anything was changed that this process has imported, or that its children import.

    Looked at are the files of the product, those of all loaded modules, and the folders that
    modules are imported from, which change when a package is installed, removed or upgraded. That
    takes less than a tenth of a second.

    Args:
        moment: Seconds since 1970, before this process imported anything.
    """
    folders = filter(os.path.exists, sys.path)  # archives and folders among them need not exist
    return any(_changed(path) > moment for path in (*folders, *_loaded(), *_product()))


def _changed(path: str) -> float:
    """When a file came to lie there: installers set its time to that of the package's making."""
    try:
        return os.stat(path).st_ctime  # noqa: PTH116 - of thousands
    except FileNotFoundError:
        return math.inf
    except OSError:  # within an archive
        return 0.0


def _loaded() -> Iterator[str]:
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and os.path.isabs(file):  # noqa: PTH117
            yield file


def _product() -> Iterator[str]:
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        for top in (spec and spec.submodule_search_locations) or ():
            for folder, _, names in os.walk(top):
                yield from (f"{folder}/{name}" for name in names if not name.endswith(".pyc"))
