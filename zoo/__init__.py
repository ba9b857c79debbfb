"""edgezoo: train once, ship everywhere, with proof.

The public API, imported lazily: ``import zoo`` loads nothing heavy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from zoo.contracts import (
    Architecture,
    Check,
    Comparison,
    Dataset,
    DatasetProvider,
    DeviceKind,
    Exporter,
    ExportRequest,
    FileContents,
    Metric,
    Preprocessing,
    Split,
    Task,
    TensorInfo,
    Variant,
)
from zoo.errors import ZooError
from zoo.hookspecs import hookimpl

__all__ = [
    "Architecture",
    "Check",
    "Comparison",
    "Dataset",
    "DatasetProvider",
    "DeviceKind",
    "ExportRequest",
    "Exporter",
    "FileContents",
    "Metric",
    "Preprocessing",
    "Split",
    "Task",
    "TensorInfo",
    "Variant",
    "ZooError",
    "hookimpl",
]
