"""Sparse storage of the zeros of pruned networks."""

from __future__ import annotations

from typing import Any

from zoo.common.optional_imports import require
from zoo.contracts import ExportRequest

#: With weights of 8 bits, LiteRT 2.3 refuses files whose zeros are stored sparsely: XNNPACK does
#: not prepare such operators.
_SPARSE_PRECISIONS = ("float32", "float16")


def store_sparsely(converter: Any, request: ExportRequest) -> None:
    """Sets a converter to sparse storage, where requested and readable by runtimes."""
    if request.options.get("sparse") and request.precision in _SPARSE_PRECISIONS:
        sparsity = require("tensorflow").lite.Optimize.EXPERIMENTAL_SPARSITY
        converter.optimizations = [*(converter.optimizations or ()), sparsity]
