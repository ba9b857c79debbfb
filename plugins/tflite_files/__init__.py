"""Networks as float TFLite files, and as SavedModels of TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from zoo.contracts import OpenedNetwork, Source
from zoo.hookspecs import hookimpl

SUFFIXES = (".tflite", ".lite")
_SAVED_MODEL = "saved_model.pb"
_SIGNATURE = "?signature="


def recognises(reference: str) -> bool:
    """By the suffix."""
    return reference.lower().endswith(SUFFIXES)


def open_file(reference: str) -> OpenedNetwork:
    """Opens a file as data; operators of somebody's own are refused."""
    from .opening import open_network

    return open_network(Path(reference))


def is_saved_model(reference: str) -> bool:
    """A folder that has a file ``saved_model.pb``, or that file."""
    try:
        return (local_folder(reference) / _SAVED_MODEL).is_file()
    except (OSError, ValueError):  # too long a name, or one with a zero byte: no path at all
        return False


def _split(reference: str) -> tuple[Path, str]:
    """The folder, and the signature that is asked for: ``FOLDER?signature=NAME``."""
    plain, _, signature = reference.rpartition(_SIGNATURE)
    path = Path(plain or reference)
    folder = path.parent if path.name == _SAVED_MODEL else path
    return folder if folder.name else folder.resolve(), signature if plain else ""


def local_folder(reference: str) -> Path:
    """The folder."""
    return _split(reference)[0]


def title(reference: str) -> str:
    """``net``, or ``net-classify`` of a signature that is asked for."""
    folder, signature = _split(reference)
    return f"{folder.name}-{signature}" if signature else folder.name


def open_folder(reference: str) -> OpenedNetwork:
    """Opens a SavedModel, whose operators are read as data first."""
    from .saved_model import open_saved_model

    return open_saved_model(*_split(reference))


@hookimpl
def zoo_sources() -> Iterator[Source]:
    """TFLite files and SavedModels."""
    yield Source(
        name="tflite",
        summary="Float networks as TFLite files (.tflite)",
        recognises=recognises,
        local=Path,
        open=open_file,
        typed="FILE.tflite",
        extra="train",
        distributions=("keras", "tensorflow", "ai-edge-litert"),
    )
    yield Source(
        name="saved_model",
        summary="SavedModels of TensorFlow (a folder with saved_model.pb)",
        recognises=is_saved_model,
        local=local_folder,
        open=open_folder,
        typed="FOLDER, FOLDER?signature=NAME",
        title=title,
        extra="train",
        distributions=("keras", "tensorflow", "ai-edge-litert", "tf2onnx", "onnx"),
    )
