"""Recurrent layers, and the forms of their loop over time in files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoo.common.optional_imports import require
from zoo.contracts import ExportRequest


def recurrent_layers(model: Any) -> list[Any]:
    """Every `keras.layers.RNN` of a model, in models and wrappers inside it too."""
    kind = require("keras").layers.RNN
    return [layer for layer in model._flatten_layers() if isinstance(layer, kind)]


@contextmanager
def unrolled(layers: list[Any]) -> Iterator[None]:
    """While the block runs, tracing these layers writes each of their steps out."""
    with changed_attributes(layers, unroll=True):
        yield


@contextmanager
def changed_attributes(layers: list[Any], **attributes: Any) -> Iterator[None]:
    """Sets attributes of layers, and sets them back."""
    before = [(layer, {n: getattr(layer, n) for n in attributes}) for layer in layers]
    try:
        for layer in layers:
            for name, value in attributes.items():
                setattr(layer, name, value)
        yield
    finally:
        for layer, values in before:
            for name, value in values.items():
                setattr(layer, name, value)


def reuse_folder(request: ExportRequest) -> Path | None:
    """`ExportRequest.reuse`; None for recurrent layers.

    How those are written is found while they are traced, and must be told with each file.
    """
    return None if recurrent_layers(request.model) else request.reuse
