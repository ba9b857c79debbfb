"""TFLite files in memory: run by LiteRT, and written anew from what the schema reads."""

from __future__ import annotations

from typing import Any

from zoo.common.optional_imports import require

MARK = b"TFL3"
#: The schema asks it of every buffer.
_ALIGNMENT = 16


def interpreter(content: bytes, *, keeps: bool = False) -> Any:
    """LiteRT's interpreter with its plain kernels.

    Args:
        content: The file's bytes.
        keeps: Whether all tensors can be read.
    """
    module = require("ai_edge_litert.interpreter")
    return module.Interpreter(
        model_content=content,
        num_threads=1,
        experimental_op_resolver_type=module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=keeps,
    )


def packed(model: Any, size: int) -> bytes:
    """The bytes of a file.

    Args:
        model: The schema's `ModelT`.
        size: About that of the bytes.
    """
    builder = _builder()(size + 1024)
    builder.Finish(model.Pack(builder), MARK)
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
