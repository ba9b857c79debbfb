"""Content addresses of steps: equal keys mean equal inputs, parameters, code and tools."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from zoo.files import sha256_of
from zoo.versions import versions_of


def step_key(
    kind: str,
    parameters: Mapping[str, Any],
    *,
    needs: Iterable[str] = (),
    modules: Iterable[str] = (),
    files: Iterable[str | None] = (),
    distributions: Iterable[str] = (),
) -> str:
    """SHA-256 over everything that decides a step's result.

    Args:
        kind: Kind of step.
        parameters: JSON-compatible.
        needs: Keys of the steps whose results it reads.
        modules: Modules of the zoo whose code decides the result.
        files: Further code, files or folders: the plugin that defines the network, the exporter.
        distributions: Installed tools whose versions decide it.
    """
    content = {
        "kind": kind,
        "parameters": parameters,
        "needs": sorted(needs),
        "code": [module_hash(m) for m in sorted(modules)]
        + sorted(_file_hash(f) for f in files if f is not None),
        "versions": {k: v for k, v in versions_of(distributions).items() if k != "edgezoo"},
    }
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


@lru_cache
def module_hash(module: str) -> str:
    """SHA-256 of a module's source file, found without importing it."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise LookupError(f"there is no module {module}")
    return sha256_of(Path(spec.origin))


@lru_cache
def _file_hash(path: str) -> str:
    """SHA-256 of a file; of a folder, of every file in it and where it lies there."""
    place = Path(path)
    if not place.is_dir():
        return sha256_of(place)
    inside = (p for p in sorted(place.rglob("*")) if p.is_file() and p.suffix != ".pyc")
    rows = [f"{p.relative_to(place).as_posix()} {sha256_of(p)}" for p in inside]
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()
