"""Versions of distributions, read from metadata so that nothing is imported."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal


@lru_cache
def version_of(distribution: str) -> str | None:
    """The installed version, or None."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def versions_of(distributions: Iterable[str]) -> dict[str, str]:
    """The installed ones of `distributions` with their versions, edgezoo's own first."""
    names = ["edgezoo", *sorted(set(distributions) - {"edgezoo"})]
    return {name: version for name in names if (version := version_of(name)) is not None}


def said_by(
    distribution: importlib.metadata.Distribution | None, what: Literal["name", "version"]
) -> str | None:
    """What a distribution says of itself; None of one that was removed by half."""
    try:
        return getattr(distribution, what, None)
    except FileNotFoundError:  # so the package importlib_metadata, once a library imports it
        return None


def python_version() -> str:
    """Of Python here, by which packages are installed: ``3.11``."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"
