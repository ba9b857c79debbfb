"""Options of the TFLite format."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, StrictBool


class TfliteOptions(BaseModel):
    """``[export.options.tflite]``.

    Attributes:
        sparse: Store the zeros of a pruned network sparsely. A float file with four fifths of its
            weights at zero takes a quarter to a third of the room; the runtime unpacks them when
            it loads the file, so nothing is quicker. Files with 8-bit weights are written as ever.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sparse: StrictBool = False
