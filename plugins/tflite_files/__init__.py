"""Networks as float TFLite files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from zoo.contracts import OpenedNetwork, Source
from zoo.hookspecs import hookimpl

SUFFIXES = (".tflite", ".lite")


def recognises(reference: str) -> bool:
    """By the suffix."""
    return reference.lower().endswith(SUFFIXES)


def local(reference: str) -> Path:
    """The file itself."""
    return Path(reference)


def open_file(reference: str) -> OpenedNetwork:
    """Opens a file as data; operators of somebody's own are refused."""
    from .opening import open_network

    return open_network(Path(reference))


@hookimpl
def zoo_sources() -> Iterator[Source]:
    """TFLite files."""
    yield Source(
        name="tflite",
        summary="Float networks as TFLite files (.tflite)",
        recognises=recognises,
        local=local,
        open=open_file,
        typed="FILE.tflite",
        extra="train",
        distributions=("keras", "tensorflow", "ai-edge-litert"),
    )
