"""ONNX: the exchange format of ONNX Runtime, OpenVINO and browsers."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.contracts import Exporter
from zoo.hookspecs import hookimpl


@hookimpl
def zoo_exporters() -> Iterator[Exporter]:
    """Yields the format."""
    from .export import formats

    yield from formats()
