"""TFLite: the format of LiteRT, TensorFlow Lite Micro and Android."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.contracts import Exporter
from zoo.hookspecs import hookimpl


@hookimpl
def zoo_exporters() -> Iterator[Exporter]:
    """Yields the format."""
    from .export import formats

    yield from formats()
