"""Networks in ONNX files, from whatever framework."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from zoo.contracts import OpenedNetwork, Source
from zoo.hookspecs import hookimpl

SUFFIX = ".onnx"


def recognises(reference: str) -> bool:
    """By the suffix."""
    return reference.lower().endswith(SUFFIX)


def beside(reference: str) -> list[Path]:
    """The files that hold weights."""
    from .reading import side_files

    return side_files(Path(reference))


def open_file(reference: str) -> OpenedNetwork:
    """Opens a file without running code of its author."""
    from .opening import open_onnx

    return open_onnx(Path(reference))


@hookimpl
def zoo_sources() -> Iterator[Source]:
    """ONNX files."""
    yield Source(
        name="onnx",
        summary="Networks in ONNX files (.onnx), as PyTorch and others write them",
        recognises=recognises,
        local=Path,
        open=open_file,
        beside=beside,
        typed="FILE.onnx",
        extra="onnx",
        distributions=("onnx", "onnxruntime", "keras", "tensorflow"),
    )
