"""Networks that were saved by Keras: ``.keras``, and the older ``.h5``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from zoo.contracts import OpenedNetwork, Source
from zoo.hookspecs import hookimpl

SUFFIXES = (".keras", ".h5", ".hdf5")


def recognises(reference: str) -> bool:
    """By the suffix."""
    return reference.lower().endswith(SUFFIXES)


def open_file(reference: str) -> OpenedNetwork:
    """Opens a file without running code of its author."""
    from .opening import open_network

    return open_network(Path(reference))


@hookimpl
def zoo_sources() -> Iterator[Source]:
    """Files of Keras."""
    yield Source(
        name="keras",
        summary="Networks saved by Keras (.keras, .h5)",
        recognises=recognises,
        local=Path,
        open=open_file,
        typed="FILE.keras, FILE.h5",
        extra="train",
        distributions=("keras", "tensorflow", "h5py"),
    )
