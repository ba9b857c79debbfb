"""Options that TFLite alone has."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, StrictBool

from zoo.contracts import ExportRequest
from zoo.extras import require

#: With weights of 8 bits, LiteRT 2.3 refuses files whose zeros are stored sparsely: XNNPACK does
#: not prepare such operators.
_SPARSE_PRECISIONS = ("float32", "float16")


class TfliteOptions(BaseModel):
    """``[export.options.tflite]``.

    Attributes:
        sparse: Store the zeros of a pruned network sparsely. A float file with four fifths of its
            weights at zero takes a quarter to a third of the room; the runtime unpacks them when
            it loads the file, so nothing is quicker. Files with 8-bit weights are written as ever.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sparse: StrictBool = False


def options() -> type[BaseModel]:
    """The options of this format."""
    return TfliteOptions


def store_sparsely(converter: Any, request: ExportRequest) -> None:
    """Has a converter store zeros sparsely, where that was asked for and can be read."""
    if request.options.get("sparse") and request.precision in _SPARSE_PRECISIONS:
        sparsity = require("tensorflow").lite.Optimize.EXPERIMENTAL_SPARSITY
        converter.optimizations = [*(converter.optimizations or ()), sparsity]
