"""The zeros of pruned networks, stored so that they take little room."""

from __future__ import annotations

from typing import Any

from zoo.common.optional_imports import require
from zoo.contracts import ExportRequest

#: With weights of 8 bits, LiteRT 2.3 refuses files whose zeros are stored sparsely: XNNPACK does
#: not prepare such operators.
_SPARSE_PRECISIONS = ("float32", "float16")


def store_sparsely(converter: Any, request: ExportRequest) -> None:
    """Has a converter store zeros sparsely, where that was asked for and can be read."""
    if request.options.get("sparse") and request.precision in _SPARSE_PRECISIONS:
        sparsity = require("tensorflow").lite.Optimize.EXPERIMENTAL_SPARSITY
        converter.optimizations = [*(converter.optimizations or ()), sparsity]
