"""A TFLite model as the bytes of a file: aligned, and nothing in it twice."""

from __future__ import annotations

from functools import cache
from typing import Any

from zoo.extras import require

IDENTIFIER = b"TFL3"
#: The schema asks it of every buffer (``force_align: 16``), so that kernels can read constants
#: where they lie.
ALIGNMENT = 16


def packed(model: Any, size: int = 1 << 20) -> bytes:
    """A `ModelT` as the bytes of a file.

    Args:
        model: Its fields may have been changed.
        size: About how many bytes it will have.
    """
    builder = _builder()(size + 1024)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


@cache
def _builder() -> Any:
    base = require("flatbuffers").Builder

    class AlignedBuilder(base):  # type: ignore[misc, valid-type]
        """What the generated code lacks: alignment of buffers, and equal vectors stored once.

        Each channel's zero point takes eight bytes, and most vectors of them are equal.
        """

        def __init__(self, size: int) -> None:
            super().__init__(size)
            self._stored: dict[tuple[str, bytes], int] = {}

        def StartVector(self, elemSize: int, numElems: int, alignment: int) -> Any:
            """Vectors of bytes are the constants of the model."""
            aligned = ALIGNMENT if elemSize == 1 else alignment
            return super().StartVector(elemSize, numElems, aligned)

        def CreateNumpyVector(self, x: Any) -> Any:
            """The place of an equal vector that was stored before, or of this one."""
            key = x.dtype.str, x.tobytes()
            if key not in self._stored:
                self._stored[key] = super().CreateNumpyVector(x)
            return self._stored[key]

    return AlignedBuilder
