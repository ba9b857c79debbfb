"""tf2onnx with as few copies of a network's weights as it can work with.

Of 25 million weights (0.1 GB) it made 4.3 GB: a copy of the graph before each of two dozen
optimizations, and a message for each node that grows whenever it is written anew.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from zoo.common.optional_imports import require

#: The converter's variable: whether it goes on where one of its optimizations fails.
_CATCH_ERRORS = "TF2ONNX_CATCH_ERRORS"


def with_few_copies(convert: Callable[[], Any]) -> Any:
    """Runs the converter; what it returns.

    Graphs are copied for optimizations that fail, which are then left out. Where one fails here,
    all is done again with copies.
    """
    with _messages_replaced():
        try:
            with _uncopied_graphs():
                return convert()
        # Optimizations raise anything; what they are not to blame for is raised again.
        except Exception:
            gc.collect()
            return convert()
        finally:
            # Its graphs are circles of references.
            gc.collect()


@contextmanager
def _uncopied_graphs() -> Iterator[None]:
    before = os.environ.get(_CATCH_ERRORS)
    os.environ[_CATCH_ERRORS] = "FALSE"
    try:
        yield
    finally:
        del os.environ[_CATCH_ERRORS]
        if before is not None:
            os.environ[_CATCH_ERRORS] = before


@contextmanager
def _messages_replaced() -> Iterator[None]:
    """Nodes are written into new messages: room in an old one is freed with the whole alone."""
    kind, onnx = require("tf2onnx.graph").Node, require("onnx")
    original = kind.update_proto

    def update(node: Any, *args: Any, **kwargs: Any) -> None:
        old = node._op
        node._op = onnx.NodeProto()
        for field in ("name", "op_type", "domain", "doc_string"):
            if old.HasField(field):
                setattr(node._op, field, getattr(old, field))
        original(node, *args, **kwargs)

    kind.update_proto = update
    try:
        yield
    finally:
        kind.update_proto = original
