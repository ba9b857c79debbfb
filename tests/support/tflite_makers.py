"""Networks of Keras as TFLite files, and how far a network brought in answers otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert")


tf = pytest.importorskip("tensorflow")


Function = Callable[[Any], Any]


_RANDOM = np.random.default_rng(0)


def _normal(*shape: int) -> Any:
    return tf.constant(_RANDOM.normal(size=shape).astype(np.float32))


def converted(function: Function, *shape: int, half: bool = False) -> bytes:
    """A TFLite file of a function of one tensor, (1, …)."""
    traced = tf.function(function).get_concrete_function(tf.TensorSpec((1, *shape), tf.float32))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced])
    if half:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    return bytes(converter.convert())


def rewritten(content: bytes, change: Callable[[Any, Any], None]) -> bytes:
    """A file whose `ModelT` was changed by a function of it and of the schema."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    change(model, schema)
    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _renamed(code: str, custom: bytes | None = None) -> Callable[[Any, Any], None]:
    def change(model: Any, schema: Any) -> None:
        (entry,) = model.operatorCodes
        number = getattr(schema.BuiltinOperator, code)
        entry.builtinCode, entry.customCode = number, custom
        entry.deprecatedBuiltinCode = min(number, 127)

    return change
