"""A changed model as the bytes of a file."""

from __future__ import annotations

from typing import Any

from zoo.common.optional_imports import require

#: The schema asks it of every buffer.
_ALIGNMENT = 16


def packed(model: Any, length: int) -> bytes:
    """The bytes of a schema's `ModelT`.

    Args:
        model: The model.
        length: About how many bytes they are.
    """
    builder = _builder()(length + 1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _builder() -> Any:
    base = require("flatbuffers").Builder

    class AlignedBuilder(base):  # type: ignore[misc, valid-type]
        """Aligns constants, which the generated code does not."""

        def StartVector(self, elemSize: int, numElems: int, alignment: int) -> Any:
            """Vectors of bytes are constants."""
            aligned = _ALIGNMENT if elemSize == 1 else alignment
            return super().StartVector(elemSize, numElems, aligned)

    return AlignedBuilder
