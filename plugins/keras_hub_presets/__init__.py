"""Networks of keras-hub: names of its presets, and folders that hold one (``save_to_preset``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zoo.common.progress import OnEvent
from zoo.contracts import NamedNetwork, OpenedNetwork, Source
from zoo.hookspecs import hookimpl

from .references import local, title
from .table import PREFIX


def recognises(reference: str) -> bool:
    """By the prefix."""
    return reference.startswith(PREFIX)


def fetch(reference: str, emit: OnEvent) -> None:
    """Says how to bring a preset that is not here; of random weights, writes what makes them."""
    from .references import fetch_preset, record_hash

    fetch_preset(reference)
    record_hash(reference)


def check(reference: str) -> None:
    """Refuses what is no preset of a network, and all without keras-hub."""
    from .opening import check_reference

    check_reference(reference)


def open_preset(reference: str) -> OpenedNetwork:
    """Opens a preset in a process of keras-hub."""
    from .opening import open_network

    return open_network(reference)


def named() -> tuple[NamedNetwork, ...]:
    """The presets of image classifiers."""
    from .table import described, presets

    return tuple(described(one) for one in presets() if one.task)


def lacks() -> Sequence[str]:
    """keras-hub's environment, unless it is there, or keras-hub beside the zoo."""
    from .environment import packages_here

    return () if packages_here() is not None else ("the environment of keras-hub",)


def setup(emit: OnEvent) -> None:
    """Makes keras-hub's environment."""
    from .environment import ENVIRONMENT

    ENVIRONMENT.make(lambda text: emit({"event": "stage", "text": text}))


@hookimpl
def zoo_sources() -> Iterator[Source]:
    """Presets of keras-hub."""
    yield Source(
        name="keras-hub",
        summary="Presets of keras-hub: folders that it saved, and its own names with a folder",
        typed=f"{PREFIX}FOLDER, {PREFIX}NAME?weights=FOLDER",
        extra="train",
        recognises=recognises,
        local=local,
        open=open_preset,
        named=named,
        check=check,
        fetch=fetch,
        title=title,
        lacks=lacks,
        setup=setup,
        distributions=("keras", "tensorflow", "ai-edge-litert", "tf2onnx", "onnx"),
    )
