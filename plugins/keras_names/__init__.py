"""Networks of ``keras.applications`` by name: ``keras:MobileNetV2``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from zoo.common.progress import OnEvent
from zoo.contracts import NamedNetwork, OpenedNetwork, Source
from zoo.hookspecs import hookimpl

from .references import PREFIX


def recognises(reference: str) -> bool:
    """By the prefix."""
    return reference.startswith(PREFIX)


def local(reference: str) -> Path:
    """The file of the weights."""
    from .references import weights_file

    return weights_file(reference)


def fetch(reference: str, emit: OnEvent) -> None:
    """Downloads the published weights, unless they are here or a file is named."""
    from .references import fetch_weights

    fetch_weights(reference, emit)


def title(reference: str) -> str:
    """``MobileNetV2``, or ``MobileNetV2-96`` of another size than the published."""
    from .references import parse

    return parse(reference).title


def open_name(reference: str) -> OpenedNetwork:
    """Builds the network and loads its weights."""
    from .opening import open_network

    return open_network(reference)


def named() -> tuple[NamedNetwork, ...]:
    """All with published weights."""
    from .table import described, networks

    return tuple(described(network) for network in networks())


@hookimpl
def zoo_sources() -> Iterator[Source]:
    """Names of keras.applications."""
    yield Source(
        name="keras-applications",
        summary="Networks of keras.applications, trained on ImageNet",
        typed="keras:NAME, keras:NAME?weights=FILE.h5",
        extra="train",
        recognises=recognises,
        local=local,
        open=open_name,
        named=named,
        fetch=fetch,
        title=title,
        distributions=("keras", "tensorflow", "h5py"),
    )
